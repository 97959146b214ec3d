//! Invalid input is answered with the documented error envelope, and the server continues to work.

mod bodies;
mod heads;
mod junk;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Api, TestServer, number};

/// Sends a request, and checks that the server refuses it with the given status and code. The message must contain
/// `says`. Also checks that the server still answers.
async fn check_refused(api: &Api, request: RequestBuilder, (status, code): (u16, &str), says: &str) {
    let request = request.build().expect("the request is valid");
    let what = format!("{} {}", request.method(), request.url());
    let reply = api.client.execute(request).await.expect("the server answers");
    let (found, kind) = (reply.status(), reply.headers().get("content-type").cloned());
    let text = reply.text().await.expect("the body arrives");
    assert_eq!(found, status, "{what}: {text}");
    assert_eq!(kind.expect("a reply has a type"), "application/json", "{what}");
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{what} {status}: no JSON: {text:?}"));
    assert_eq!(body.as_object().expect("an object").keys().collect::<Vec<_>>(), ["detail"], "{what}");
    assert_eq!(body["detail"]["code"], code, "{what}: {text}");
    let message = body["detail"]["message"].as_str().expect("an error has a message");
    assert!(message.contains(says) && !message.is_empty(), "{what}: {message:?} does not say {says:?}");
    check_alive(api).await;
}

/// Checks that the server answers.
async fn check_alive(api: &Api) {
    // The connection is not reused, because some tests let the server close idle connections almost immediately.
    let request = api.client.get(format!("{}/healthz", api.base)).header("connection", "close");
    let reply = request.send().await.expect("the server is running");
    assert_eq!((reply.status().as_u16(), reply.text().await.expect("a body").as_str()), (200, "ok\n"));
}

#[tokio::test]
async fn an_unknown_id_is_not_found() {
    let server = TestServer::start().await;
    let unknown = "01890000-0000-7000-8000-000000000000";
    let long = "1".repeat(5_000);
    for id in [unknown, "42", "x", "%00", "%ff", "..%2f..", "%F0%9F%98%80", "null", &long] {
        for (method, path) in [
            (Method::GET, ""),
            (Method::GET, "/events"),
            (Method::GET, "/events/stream"),
            (Method::GET, "/artifacts"),
            (Method::POST, "/cancel"),
            (Method::POST, "/resubmit"),
        ] {
            let request = server.api.request(method, &format!("/jobs/{id}{path}"));
            check_refused(&server.api, request, (404, "job_not_found"), "job").await;
        }
    }
}

#[tokio::test]
async fn an_artifact_is_found_only_under_its_own_job() {
    let server = TestServer::start().await;
    let (mine, _) = server.api.run("echo mine").await;
    let (other, _) = server.api.run("echo other").await;
    let artifacts = server.api.json(&format!("/jobs/{other}/artifacts")).await;
    let artifact = artifacts["items"][0]["id"].as_str().expect("the artifact has an id").to_owned();
    assert_eq!(server.api.get(&format!("/jobs/{other}/artifacts/{artifact}/download")).await.status(), 200);
    for action in ["download", "preview"] {
        let request = server.api.request(Method::GET, &format!("/jobs/{mine}/artifacts/{artifact}/{action}"));
        check_refused(&server.api, request, (409, "artifact_job_mismatch"), "another job").await;
    }
    for id in ["01890000-0000-7000-8000-000000000000", "x", "%ff", "..%2f..%2ftailwater.sqlite"] {
        let request = server.api.request(Method::GET, &format!("/jobs/{mine}/artifacts/{id}/download"));
        check_refused(&server.api, request, (404, "artifact_not_found"), "artifact").await;
    }
    let path = format!("/jobs/{other}/artifacts/{artifact}/download");
    let beyond = server.api.request(Method::GET, &path).header("range", "bytes=1000-");
    check_refused(&server.api, beyond, (416, "range_not_satisfiable"), "range").await;
    std::fs::remove_dir_all(server.data.path().join("spool")).expect("the spools can be removed");
    let gone = server.api.request(Method::GET, &path);
    check_refused(&server.api, gone, (404, "artifact_file_missing"), "missing").await;
}

#[tokio::test]
async fn an_invalid_query_is_refused_with_the_parameter_name() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("true").await;
    let table = [
        ("/jobs?status=done", "invalid_status_filter", "status"),
        ("/jobs?status=queued,,running", "invalid_status_filter", "status"),
        ("/jobs?limit=0", "invalid_query", "limit"),
        ("/jobs?limit=201", "invalid_query", "limit"),
        ("/jobs?limit=ten", "invalid_query", "limit"),
        ("/jobs?limit=5&limit=6", "invalid_query", "limit"),
        ("/jobs?offset=-1", "invalid_query", "offset"),
        ("/jobs?offset=99999999999", "invalid_query", "offset"),
        ("/jobs?summary=maybe", "invalid_query", "summary"),
        ("/jobs?Status=queued", "invalid_query", "Status"),
        ("/jobs?cursor=1", "invalid_query", "cursor"),
        ("events?after=yesterday", "invalid_query", "after"),
        ("events?after=-1", "invalid_query", "after"),
        ("events?after=1.5", "invalid_query", "after"),
        ("events?after=99999999999999999999", "invalid_query", "after"),
        ("events?after=2026-13-01T00:00:00Z", "invalid_query", "after"),
        ("events?after=%ff", "invalid_query", "after"),
        ("events?before=x", "invalid_query", "before"),
        ("events?after=1&before=3", "invalid_query", "after or before"),
        ("events?after=1&sort=desc", "invalid_query", "sort"),
        ("events?afterEventId=01890000-0000-7000-8000-000000000000", "invalid_query", "afterEventId"),
        ("events?after=3&afterEventId=01890000-0000-7000-8000-000000000000", "invalid_query", "afterEventId"),
        ("events?after=2026-01-01T00:00:00Z&afterEventId=7", "invalid_query", "afterEventId"),
        ("events?beforeEventId=01890000-0000-7000-8000-000000000000", "invalid_query", "beforeEventId"),
        ("events?sort=sideways", "invalid_query", "sort"),
        ("events?level=debug", "invalid_query", "level"),
        ("events?stream=stdin", "invalid_query", "stream"),
        ("events?attempt=first", "invalid_query", "attempt"),
        ("events?attempt=-1", "invalid_query", "attempt"),
        ("events?pollIntervalMs=5", "invalid_query", "pollIntervalMs"),
    ];
    for (path, code, says) in table {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/jobs/{id}/{path}") };
        check_refused(&server.api, server.api.request(Method::GET, &path), (422, code), says).await;
    }
}

#[tokio::test]
async fn an_unknown_path_or_method_of_the_api_is_refused_in_json() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("true").await;
    let root = |method: Method, path: &str| server.api.request(method, &format!("/../..{path}"));
    for path in
        ["/api", "/api/", "/api/queue", "/api/queue/", "/api/queue/nothing", "/api/v2/jobs", "/api/openapi.yaml"]
    {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            check_refused(&server.api, root(method, path), (404, "route_not_found"), "path").await;
        }
    }
    let job = format!("/jobs/{id}");
    for (method, path) in [
        (Method::PUT, "/jobs".to_owned()),
        (Method::DELETE, "/jobs".to_owned()),
        (Method::PATCH, job.clone()),
        (Method::POST, format!("{job}/artifacts")),
        (Method::GET, format!("{job}/cancel")),
        (Method::GET, format!("{job}/resubmit")),
        (Method::PUT, format!("{job}/events")),
        (Method::POST, format!("{job}/events/stream")),
        (Method::OPTIONS, job.clone()),
    ] {
        check_refused(&server.api, server.api.request(method, &path), (405, "method_not_allowed"), "method").await;
    }
}

#[tokio::test]
async fn a_full_queue_says_when_to_retry() {
    let server = TestServer::start_with(|config| config.jobs_queued = 2).await;
    let job = json!({"type": "elsewhere"});
    let first = server.api.submit_job(job.clone()).await;
    server.api.submit_job(job.clone()).await;
    let full = server.api.request(Method::POST, "/jobs").json(&job);
    check_refused(&server.api, full, (429, "queue_full"), "2 jobs").await;
    let reply = server.api.post("/jobs", &job).await;
    assert!(number(&json!(reply.headers()["retry-after"].to_str().ok().and_then(|text| text.parse::<u64>().ok()))) > 0);
    assert_eq!(server.api.post(&format!("/jobs/{first}/cancel"), &json!({})).await.status(), 200);
    server.api.submit_job(job).await;
}
