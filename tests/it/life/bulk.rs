//! Tests of actions on all jobs that match a filter.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::people::Proof;

async fn bulk(server: &TestServer, body: Value) -> Value {
    let reply = server.api.post("/jobs/bulk", &body).await;
    let (status, body) = (reply.status(), reply.json::<Value>().await.expect("the body is JSON"));
    assert_eq!(status, 200, "{body}");
    body
}

/// Returns the counts and the error in a reply.
fn counts(reply: &Value) -> Value {
    json!([reply["matched"], reply["done"], reply["skipped"], reply["failed"], reply["hasMore"], reply["error"]])
}

async fn titled(server: &TestServer, titles: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for title in titles {
        ids.push(server.submit_elsewhere(json!({"payload": {"title": title}})).await);
    }
    ids
}

async fn status(server: &TestServer, id: &str) -> String {
    server.api.job(id).await["status"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn all_matching_jobs_are_cancelled_and_no_others() {
    let server = TestServer::start().await;
    let ids = titled(&server, &["nightly one", "other", "nightly two"]).await;
    let (ended, _) = server.api.run("echo nightly").await;
    let request = json!({"action": "cancel", "filter": {"q": "nightly"}, "reason": "wrong branch"});
    let mut dry = request.clone();
    dry["dryRun"] = json!(true);
    assert_eq!(counts(&bulk(&server, dry).await), json!([2, 0, 0, 0, false, null]));
    assert_eq!(status(&server, &ids[0]).await, "queued");
    assert_eq!(counts(&bulk(&server, request.clone()).await), json!([2, 2, 0, 0, false, null]));
    for (id, expected) in [(&ids[0], "cancelled"), (&ids[1], "queued"), (&ids[2], "cancelled"), (&ended, "succeeded")] {
        assert_eq!(status(&server, id).await, expected);
    }
    assert_eq!(server.api.job(&ids[0]).await["cancelReason"], "wrong branch");
    assert_eq!(counts(&bulk(&server, request).await), json!([0, 0, 0, 0, false, null]));
    let entries = server.api.json("/audit?action=job.cancel").await;
    assert_eq!(entries["items"][1]["object"], "2 jobs", "{entries}");
}

#[tokio::test]
async fn finished_jobs_run_again_in_the_same_order() {
    let server = TestServer::start().await;
    let ids = titled(&server, &["a", "b", "c"]).await;
    bulk(&server, json!({"action": "cancel", "filter": {"type": "elsewhere"}})).await;
    let again = json!({"action": "resubmit", "filter": {"status": ["cancelled", "queued"]}});
    assert_eq!(counts(&bulk(&server, again).await), json!([3, 3, 0, 0, false, null]));
    let jobs = server.api.json("/jobs?status=queued").await;
    let items = jobs["items"].as_array().expect("it is a list");
    let sources: Vec<&str> = items.iter().rev().filter_map(|job| job["resubmittedFrom"].as_str()).collect();
    assert_eq!(sources, ids);
}

#[tokio::test]
async fn jobs_that_were_already_resubmitted_are_ignored_and_named() {
    let server = TestServer::start().await;
    let ids = titled(&server, &["once", "never"]).await;
    bulk(&server, json!({"action": "cancel", "filter": {}})).await;
    let copy = server.api.post(&format!("/jobs/{}/resubmit", ids[0]), &json!({"priority": 1})).await;
    let copy: Value = copy.json().await.expect("the body is JSON");
    let again = json!({"action": "resubmit", "filter": {}});
    let resubmissions = json!([{"id": ids[0], "resubmittedAs": copy["id"]}]);
    let mut dry = again.clone();
    dry["dryRun"] = json!(true);
    for (request, done) in [(dry, 0), (again.clone(), 1)] {
        let reply = bulk(&server, request).await;
        assert_eq!(counts(&reply), json!([1, done, 0, 0, false, null]));
        assert_eq!((&reply["resubmitted"], &reply["resubmissions"]), (&json!(1), &resubmissions));
    }
    let reply = bulk(&server, again.clone()).await;
    assert_eq!((&reply["matched"], &reply["resubmitted"]), (&json!(0), &json!(2)), "a repeated request does nothing");
    let cancelled = bulk(&server, json!({"action": "cancel", "filter": {}})).await;
    assert_eq!((&cancelled["done"], &cancelled["resubmitted"]), (&json!(2), &json!(0)), "other actions do not ask");
    let mut include = again;
    include["includeResubmitted"] = json!(true);
    let reply = bulk(&server, include).await;
    assert_eq!((counts(&reply), &reply["resubmitted"]), (json!([4, 4, 0, 0, false, null]), &json!(0)));
}

#[tokio::test]
async fn the_page_skips_jobs_that_were_already_rerun_unless_their_box_is_checked() {
    let server = TestServer::start().await;
    let ids = titled(&server, &["one", "two"]).await;
    bulk(&server, json!({"action": "cancel", "filter": {}})).await;
    let copy = server.api.post(&format!("/jobs/{}/resubmit", ids[0]), &json!({})).await;
    let copy: Value = copy.json().await.expect("the body is JSON");
    let operator = server.token(Role::Operator).await;
    let page = async || {
        let reply = server.page("/tasks/queue/bulk?action=resubmit&status=cancelled", &operator).await;
        reply.text().await.expect("the body arrives")
    };
    let send = async |page: &str, box_is_checked: bool| {
        let fields = crate::harness::form::fields_of(page.split_once("<main").expect("it has a main element").1);
        let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert!(page.contains("name=\"includeResubmitted\""), "{page}");
        fields.extend(box_is_checked.then_some(("includeResubmitted", "true")));
        let reply = server.post_form("/tasks/queue/bulk", &operator, &fields).await;
        reply.headers()["location"].to_str().expect("ASCII").to_owned()
    };
    let html = page().await;
    assert!(html.contains("Rerun 1 job?") && html.contains("1 job was already rerun"), "{html}");
    assert!(html.contains(&ids[0]) && html.contains(copy["id"].as_str().expect("it has an id")), "{html}");
    assert_eq!(send(&html, false).await, "/tasks/queue/bulk?action=resubmit&done=1&skipped=0&failed=0");
    let html = page().await;
    assert!(html.contains("were already rerun.") && html.contains("Rerun them too"), "{html}");
    assert_eq!(send(&html, true).await, "/tasks/queue/bulk?action=resubmit&done=2&skipped=0&failed=0");
}

#[tokio::test]
async fn jobs_that_are_not_changed_are_named_with_the_reason() {
    let server = TestServer::start().await;
    server
        .api
        .request(Method::PUT, "/secrets/KEY")
        .json(&json!({"value": "hunter2-hunter2"}))
        .send()
        .await
        .expect("ok");
    let with_secret = server.api.submit(json!({"run": "true", "secrets": ["KEY"]})).await;
    let (plain, _) = server.api.run("true").await;
    server.api.ended(&with_secret).await;
    server.api.request(Method::DELETE, "/secrets/KEY").send().await.expect("the server answers");
    let reply = bulk(&server, json!({"action": "resubmit", "filter": {"type": "command"}})).await;
    let reason =
        "payload.secrets: there is no secret KEY; create it with `tailwater secret set KEY` or on the page Secrets";
    assert_eq!(counts(&reply), json!([2, 1, 0, 1, false, reason]));
    assert_eq!(reply["unchanged"], json!([{"id": with_secret, "reason": reason}]));
    let newest = server.api.json("/jobs?limit=1").await;
    assert_eq!(newest["items"][0]["resubmittedFrom"], plain, "the other job runs again");
}

#[tokio::test]
async fn finished_jobs_are_removed_by_administrators_only() {
    let server = TestServer::start().await;
    let (ended, _) = server.api.run("true").await;
    let queued = titled(&server, &["stays"]).await;
    let remove = json!({"action": "remove", "filter": {}});
    let operator = server.token(Role::Operator).await;
    let Proof::Bearer(token) = &operator else { panic!("it is a token") };
    let url = format!("{}/api/queue/jobs/bulk", server.api.base);
    let refused = server.api.client.post(url).bearer_auth(token).json(&remove).send().await;
    assert_eq!(refused.expect("the server answers").status(), 403);
    assert_eq!(counts(&bulk(&server, remove).await), json!([1, 1, 0, 0, false, null]));
    assert_eq!(server.api.get(&format!("/jobs/{ended}")).await.status(), 404);
    assert_eq!(status(&server, &queued[0]).await, "queued");
}

#[tokio::test]
async fn invalid_bulk_requests_are_refused() {
    let server = TestServer::start().await;
    for body in [
        json!({}),
        json!({"action": "cancel"}),
        json!({"action": "explode", "filter": {}}),
        json!({"action": "cancel", "filter": {"status": ["done"]}}),
        json!({"action": "cancel", "filter": {"unknown": 1}}),
        json!({"action": "cancel", "filter": {}, "reason": "x".repeat(2_001)}),
    ] {
        let reply = server.api.post("/jobs/bulk", &body).await;
        let (status, reply) = (reply.status(), reply.json::<Value>().await.expect("the body is JSON"));
        assert_eq!((status.as_u16(), &reply["detail"]["code"]), (422, &json!("invalid_queue_payload")), "{body}");
    }
}

#[tokio::test]
async fn the_page_asks_with_the_number_of_jobs_and_spares_later_ones() {
    let server = TestServer::start().await;
    let ids = titled(&server, &["one", "two"]).await;
    let operator = server.token(Role::Operator).await;
    let html = async |path: &str| {
        let reply = server.page(path, &operator).await;
        assert_eq!(reply.status(), 200, "{path}");
        reply.text().await.expect("the body arrives")
    };
    let list = html("/tasks/queue?status=queued").await;
    assert!(list.contains("/tasks/queue/bulk?") && list.contains("Cancel 2 jobs"), "{list}");
    assert!(!list.contains("bulk-remove"), "only administrators delete jobs");
    let page = html("/tasks/queue/bulk?action=cancel&status=queued").await;
    assert!(page.contains("Cancel 2 jobs?") && page.contains("with the status queued"), "{page}");
    let fields = crate::harness::form::fields_of(page.split_once("<main").expect("it has a main element").1);
    let later = titled(&server, &["later"]).await;
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let reply = server.post_form("/tasks/queue/bulk", &operator, &fields).await;
    let location = reply.headers()["location"].to_str().expect("ASCII").to_owned();
    assert_eq!(location, "/tasks/queue/bulk?action=cancel&done=2&skipped=0&failed=0");
    assert!(html(&location).await.contains("2 jobs were cancelled."));
    for (id, expected) in [(&ids[0], "cancelled"), (&ids[1], "cancelled"), (&later[0], "queued")] {
        assert_eq!(status(&server, id).await, expected);
    }
    let none = html("/tasks/queue/bulk?action=resubmit&q=nothing").await;
    assert!(none.contains("No job that matches these filters can be submitted again."), "{none}");
}
