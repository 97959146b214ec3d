//! Tests of the list of workers, and of draining workers.

use model::Role;
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::gate::Gate;
use crate::harness::workers::{KIND, RemoteWorker, id_of, of_job};

/// Returns the worker with this name in the list.
async fn listed(server: &TestServer, name: &str) -> Value {
    let workers = server.api.json("/workers").await;
    let items = workers["items"].as_array().expect("it is a list");
    items.iter().find(|worker| worker["name"] == name).cloned().unwrap_or_default()
}

/// Posts to a route of a worker, and returns the worker.
async fn post(server: &TestServer, worker: &Value, route: &str) -> Value {
    let path = format!("/workers/{}/{route}", worker["id"].as_str().expect("a worker has an id"));
    let reply = server.api.post(&path, &json!({})).await;
    assert_eq!(reply.status(), 200, "{path}");
    reply.json().await.expect("the body is JSON")
}

/// Claims a job, and returns the whole reply.
async fn claim(worker: &RemoteWorker) -> Value {
    worker.expect(200, "/claim", json!({"leaseSeconds": 60, "allowedTypes": [KIND]})).await
}

#[tokio::test]
async fn a_worker_is_listed_as_it_described_itself_with_the_jobs_that_it_runs() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    assert_eq!(listed(&server, "one").await, Value::Null, "it has not asked for a job yet");
    let id = server.submit_elsewhere(json!({"payload": {"title": "Held"}})).await;
    let about = json!({
        "allowedTypes": [KIND], "workerCapabilities": ["GPU", "git"], "version": "7.1", "hostname": "build-7", "other": 1,
    });
    assert_eq!(id_of(&worker.claim_with(about.clone()).await), id);
    let found = listed(&server, "one").await;
    let members: Vec<&str> = found.as_object().expect("it is an object").keys().map(String::as_str).collect();
    assert_eq!(members.len(), 16, "{members:?}");
    assert_eq!(
        json!([found["status"], found["version"], found["hostname"], found["capabilities"], found["allowedTypes"]]),
        json!(["active", "7.1", "build-7", ["git", "gpu"], [KIND]])
    );
    assert_eq!(json!([found["embedded"], found["concurrency"], found["pause"]]), json!([false, null, null]));
    let (first, last) = (&found["firstSeenAt"], &found["lastSeenAt"]);
    assert!(first.is_string() && first == last, "{found}");
    assert_eq!(json!([found["jobs"][0]["id"], found["jobs"][0]["title"]]), json!([id, "Held"]));
    assert_eq!(found["jobs"][0]["since"], server.api.job(&id).await["startedAt"]);
    let job = server.api.job(&id).await;
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    assert_eq!(listed(&server, "one").await["jobs"], json!([]));
    let again = json!({"allowedTypes": [KIND], "version": "7.2"});
    assert_eq!(worker.claim_with(again).await, Value::Null);
    let changed = listed(&server, "one").await;
    assert_eq!(json!([changed["id"], changed["version"], changed["hostname"]]), json!([found["id"], "7.2", null]));
    let refused = json!({"leaseSeconds": 60, "hostname": "a\nb"});
    worker.refused((422, "invalid_queue_payload"), "/claim", refused).await;
}

#[tokio::test]
async fn a_heartbeat_keeps_a_worker_in_the_list_and_a_silent_one_is_offline_and_later_removed() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let hour_ago = "update workers set last_seen_at = last_seen_at - 3600000000 where token_id is not null";
    server.execute(hour_ago).await;
    let before = listed(&server, "one").await;
    assert_eq!(before["status"], "active", "it holds a lease: {before}");
    worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 60})).await;
    let seen = listed(&server, "one").await;
    assert!(seen["lastSeenAt"].as_str() > before["lastSeenAt"].as_str(), "{seen}");
    worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 60})).await;
    assert_eq!(listed(&server, "one").await["lastSeenAt"], seen["lastSeenAt"], "a heartbeat writes at most every 10 s");
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    server.execute(hour_ago).await;
    assert_eq!(listed(&server, "one").await["status"], "offline");
    server.execute("update workers set last_seen_at = last_seen_at - 604800000000 where token_id is not null").await;
    assert_eq!(listed(&server, "one").await, Value::Null);
    assert_eq!(worker.named("two").claim().await, Value::Null);
    assert_eq!(server.number("select count(*) from workers where token_id is not null").await, 1, "only the new one");
}

#[tokio::test]
async fn the_embedded_worker_is_listed_once_even_after_a_restart() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let data = server.stop().await;
    let server = TestServer::start_over(data, |config| config.jobs.concurrency = 3).await;
    let id = server.api.submit(json!({"title": "Gated", "run": gate.wait()})).await;
    server.api.job_when(&id, "runs", |job| job["status"] == "running").await;
    let workers = server.api.json("/workers").await;
    assert_eq!(workers["items"].as_array().map(Vec::len), Some(1), "{workers}");
    let worker = &workers["items"][0];
    assert_eq!(
        json!([worker["name"], worker["embedded"], worker["status"], worker["concurrency"], worker["allowedTypes"]]),
        json!(["embedded", true, "active", 3, ["command"]])
    );
    assert_eq!(json!([worker["version"], worker["tokenId"]]), json!([env!("CARGO_PKG_VERSION"), null]));
    assert_eq!(json!([worker["jobs"][0]["id"], worker["jobs"][0]["title"]]), json!([id, "Gated"]));
    gate.open();
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
}

#[tokio::test]
async fn a_drained_worker_finishes_its_job_and_receives_no_other_until_it_is_resumed() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let waiting = server.submit_elsewhere(json!({})).await;
    let drained = post(&server, &listed(&server, "one").await, "drain").await;
    assert_eq!(json!([drained["status"], drained["drainedByUserId"]]), json!(["draining", "admin"]));
    assert!(drained["drainedAt"].is_string(), "{drained}");
    assert_eq!(claim(&worker).await, json!({"job": null, "worker": {"status": "draining"}}));
    worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 60})).await;
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    let another = worker.named("another");
    assert_eq!(id_of(&claim(&another).await["job"]), waiting, "another worker with the same token");
    let next = server.submit_elsewhere(json!({})).await;
    let waiting = tokio::spawn({
        let worker = worker.clone();
        async move { worker.claim_with(json!({"waitSeconds": 30, "allowedTypes": [KIND]})).await }
    });
    let resumed = post(&server, &drained, "resume").await;
    assert_eq!(json!([resumed["status"], resumed["drainedAt"]]), json!(["active", null]));
    assert_eq!(id_of(&waiting.await.expect("the claim does not panic")), next);
    for route in ["drain", "resume"] {
        for id in ["01890000-0000-7000-8000-000000000001", "nonsense"] {
            let reply = server.api.post(&format!("/workers/{id}/{route}"), &json!({})).await;
            let (status, body) = (reply.status(), reply.json::<Value>().await.expect("the body is JSON"));
            assert_eq!((status.as_u16(), &body["detail"]["code"]), (404, &json!("worker_not_found")));
        }
    }
}

#[tokio::test]
async fn the_embedded_worker_is_drained_and_resumed_like_others() {
    let server = TestServer::start().await;
    let embedded = listed(&server, "embedded").await;
    post(&server, &embedded, "drain").await;
    let id = server.api.submit(json!({"run": "true"})).await;
    // Only the embedded worker is drained, so another worker may run the job.
    let worker = RemoteWorker::new(&server, "one").await;
    let job = worker.claim_with(json!({"allowedTypes": ["command"]})).await;
    assert_eq!(id_of(&job), id);
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    let held = server.api.submit(json!({"run": "true"})).await;
    assert_eq!(listed(&server, "embedded").await["jobs"], json!([]));
    assert_eq!(server.api.job(&held).await["status"], "queued");
    post(&server, &embedded, "resume").await;
    assert_eq!(server.api.ended(&held).await["status"], "succeeded");
}

#[tokio::test]
async fn the_page_lists_workers_and_drains_them_without_scripts() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "<one>").await;
    let job = server.claimed(&worker, json!({"payload": {"title": "On <b>"}})).await;
    let page = async |path: &str, proof| {
        let reply = server.page(path, proof).await;
        assert_eq!(reply.status(), 200, "{path}");
        reply.text().await.expect("the body arrives")
    };
    let viewer = server.token(Role::Viewer).await;
    let html = page("/workers", &viewer).await;
    assert!(html.contains("&lt;one&gt;") && html.contains("On &lt;b&gt;"), "{html}");
    assert!(html.contains(&format!("/tasks/queue/{}", id_of(&job))), "{html}");
    assert!(!html.contains("data-testid=\"drain\""), "a viewer is not offered it");
    let admin = server.token(Role::Admin).await;
    assert!(page("/workers", &admin).await.contains("data-testid=\"drain\""));
    let id = listed(&server, "<one>").await["id"].as_str().expect("it has an id").to_owned();
    let act = async |proof, fields: &[(&str, &str)]| {
        let reply = server.post_form("/workers", proof, fields).await;
        let location = reply.headers().get("location").map(|value| value.to_str().expect("ASCII").to_owned());
        (reply.status().as_u16(), location.unwrap_or_default())
    };
    assert_eq!(act(&viewer, &[("action", "drain"), ("id", &id)]).await.0, 403);
    assert_eq!(act(&admin, &[("action", "drain"), ("id", &id)]).await, (303, "/workers?done=drained".to_owned()));
    let html = page("/workers?done=drained", &admin).await;
    assert!(html.contains("The worker is draining.") && html.contains("data-testid=\"resume-worker\""), "{html}");
    let resumed = act(&admin, &[("action", "resume-worker"), ("id", &id)]).await;
    assert_eq!(resumed, (303, "/workers?done=worker-resumed".to_owned()));
    assert_eq!(listed(&server, "<one>").await["status"], "active");
    let unknown = [("action", "drain"), ("id", "01890000-0000-7000-8000-000000000001")];
    assert_eq!(act(&admin, &unknown).await, (303, "/workers?error=worker".to_owned()));
    assert_eq!(act(&admin, &[("action", "nothing")]).await.0, 422);
}
