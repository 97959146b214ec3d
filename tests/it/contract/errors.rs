//! Each error response has its documented status and code, and exactly the documented members.

use std::collections::BTreeMap;

use model::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Elsewhere, difference, documentation};
use crate::harness::TestServer;
use crate::harness::people::Proof;

/// A valid id that no object has.
const NOTHING: &str = "01890000-0000-7000-8000-000000000000";

/// Codes that tests in other modules check, because they require a special server or connection.
const ELSEWHERE: [Elsewhere; 17] = [
    of("invalid_request", "tests/it/bad_input/heads.rs", "malformed_http_is_an_invalid_request"),
    of("host_not_allowed", "tests/it/access/sites.rs", "a_host_header_that_is_not_a_name_of_the_server_is_refused"),
    of("origin_not_allowed", "tests/it/access/sites.rs", "check_refused"),
    of("request_timeout", "tests/it/slow.rs", "each_of_300_logins_with_an_incomplete_body_gets_408_and_is_closed"),
    of(
        "job_ownership_mismatch",
        "tests/it/worker_api/ownership.rs",
        "another_name_another_token_or_another_epoch_is_an_ownership_mismatch",
    ),
    of("artifact_file_missing", "tests/it/bad_input.rs", "an_artifact_is_found_only_under_its_own_job"),
    of("artifact_too_large", "tests/it/worker_api/uploads.rs", "a_refused_upload_leaves_nothing_behind"),
    of("digest_mismatch", "tests/it/worker_api/uploads.rs", "a_refused_upload_leaves_nothing_behind"),
    of("uri_too_long", "tests/it/bad_input/heads.rs", "the_limits_on_a_head_are_settings"),
    of("headers_too_large", "tests/it/bad_input/heads.rs", "the_limits_on_a_head_are_settings"),
    of("expectation_failed", "tests/it/bad_input/heads.rs", "an_expectation_other_than_100_continue_fails"),
    of(
        "too_many_requests",
        "tests/it/access/session.rs",
        "invalid_tokens_are_limited_by_address_and_valid_ones_are_always_accepted",
    ),
    of("queue_full", "tests/it/bad_input.rs", "a_full_queue_says_when_to_retry"),
    of("store_unavailable", "tests/it/health.rs", "a_server_whose_database_is_locked_is_alive_but_not_ready"),
    of("disk_low", "tests/it/health.rs", "a_server_whose_disk_is_nearly_full_is_not_ready_and_starts_no_jobs"),
    of(
        "too_many_connections",
        "tests/it/connections.rs",
        "a_connection_is_refused_with_an_answer_while_all_others_are_in_use",
    ),
    of(
        "too_many_streams",
        "tests/it/streaming/refused.rs",
        "more_streams_than_the_limit_are_refused_until_one_has_closed",
    ),
];

const fn of(code: &'static str, file: &'static str, test: &'static str) -> Elsewhere {
    Elsewhere { what: code, file, test, mentions: code }
}

/// A request that is refused.
struct Refused {
    status: u16,
    code: &'static str,
    request: RequestBuilder,
}

/// Returns a refused request for each code that no other test checks. The last one is refused only after the test has
/// damaged the server's data.
async fn refused(server: &TestServer) -> Vec<Refused> {
    let (api, base) = (&server.api, &server.api.base);
    let (done, _) = api.run("echo out").await;
    let (other, _) = api.run("echo other").await;
    let artifacts = api.json(&format!("/jobs/{done}/artifacts")).await;
    let artifact = artifacts["items"][0]["id"].as_str().expect("the log is an artifact").to_owned();
    let Proof::Bearer(viewer) = server.token(Role::Viewer).await else { panic!("a token is a bearer token") };
    let get = |path: String| api.request(Method::GET, &path);
    let post = |path: String, body: Value| api.request(Method::POST, &path).json(&body);
    let delete = |path: String| api.request(Method::DELETE, &path);
    let unauthenticated = |method: Method| api.client.request(method, format!("{base}/api/queue/jobs"));
    let events = format!("/jobs/{done}/events/stream");
    let claim = json!({"workerId": "one", "leaseSeconds": 60});
    let large = json!({"type": "elsewhere", "payload": {"a": "x".repeat(2 << 20)}});
    let lines = format!("/jobs/{done}/lines");
    [
        (400, "invalid_cursor", get(events).header("last-event-id", "x")),
        (401, "auth_required", unauthenticated(Method::GET)),
        (401, "worker_auth_failed", unauthenticated(Method::GET).header("x-moonmind-worker-token", "wrong")),
        (403, "not_authorized", unauthenticated(Method::POST).bearer_auth(viewer).json(&json!({"type": "elsewhere"}))),
        (403, "worker_not_authorized", post("/jobs/claim".to_owned(), claim)),
        (404, "job_not_found", get("/jobs/nonsense".to_owned())),
        (404, "artifact_not_found", get(format!("/jobs/{done}/artifacts/{NOTHING}/download"))),
        (404, "secret_not_found", get("/secrets/NOTHING".to_owned())),
        (404, "user_not_found", delete("/users/nobody".to_owned())),
        (404, "session_not_found", delete(format!("/sessions/{NOTHING}"))),
        (404, "token_not_found", delete(format!("/tokens/{NOTHING}"))),
        (404, "worker_token_not_found", post(format!("/workers/tokens/{NOTHING}/revoke"), json!({}))),
        (404, "worker_not_found", post(format!("/workers/{NOTHING}/drain"), json!({}))),
        (404, "pause_not_found", delete("/pauses/queue".to_owned())),
        (404, "route_not_found", get("/nothing".to_owned())),
        (405, "method_not_allowed", api.request(Method::PATCH, "/jobs")),
        (409, "job_state_conflict", post(format!("/jobs/{done}/cancel"), json!({}))),
        (409, "artifact_job_mismatch", get(format!("/jobs/{other}/artifacts/{artifact}/download"))),
        (413, "payload_too_large", post("/jobs".to_owned(), large)),
        (415, "unsupported_media_type", unauthenticated(Method::POST).bearer_auth(crate::harness::TOKEN).body("x")),
        (416, "range_not_satisfiable", get(format!("/jobs/{done}/log")).header("range", "bytes=1000-")),
        (422, "invalid_queue_payload", post("/jobs".to_owned(), json!({}))),
        (422, "invalid_status_filter", get("/jobs?status=done".to_owned())),
        (422, "invalid_query", get("/jobs?limit=0".to_owned())),
        (500, "queue_internal_error", get(lines)),
    ]
    .map(|(status, code, request)| Refused { status, code, request })
    .into()
}

/// Returns the error codes in the table of errors, each with its statuses.
fn documented(page: &str) -> BTreeMap<&str, Vec<u16>> {
    let (_, table) = page.split_once("## Errors").expect("the page has a table of errors");
    let mut codes = BTreeMap::new();
    for row in table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | ")) {
        let statuses: Vec<u16> = row.0.split(", ").filter_map(|status| status.parse().ok()).collect();
        let words = row.1.split('`').skip(1).step_by(2);
        codes.extend(words.filter(|word| word.contains('_')).map(|code| (code, statuses.clone())));
    }
    codes
}

#[tokio::test]
async fn each_error_has_its_status_its_code_and_exactly_the_documented_members() {
    let server = TestServer::start().await;
    let page = documentation();
    let mut documented = documented(&page);
    for Refused { status, code, request } in refused(&server).await {
        let statuses = documented.remove(code).unwrap_or_else(|| panic!("docs/api.md does not name {code}"));
        assert!(statuses.contains(&status), "docs/api.md names {code} for {statuses:?}, not for {status}");
        if code == "queue_internal_error" {
            let spools = server.data.path().join("spool");
            std::fs::remove_dir_all(&spools).expect("the spools can be removed");
            std::fs::write(&spools, "not a directory").expect("the file can be written");
        }
        let reply = request.send().await.expect("the server answers");
        assert_eq!(reply.headers()["content-type"], "application/json", "{code}");
        let found = reply.status();
        let body: Value = reply.json().await.expect("an error is JSON");
        assert_eq!((found.as_u16(), &body["detail"]["code"]), (status, &json!(code)), "{body}");
        assert_eq!(difference(&body, "detail").or_else(|| difference(&body["detail"], "code message")), None, "{code}");
        assert!(body["detail"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{code}");
    }
    for elsewhere in &ELSEWHERE {
        assert!(documented.remove(elsewhere.what).is_some(), "{} has two cases, or is not documented", elsewhere.what);
        elsewhere.check();
    }
    assert!(documented.is_empty(), "these codes have no case: {documented:?}");
}
