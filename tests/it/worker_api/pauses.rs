//! A pause prevents jobs from starting without changing them, and everyone sees why jobs wait.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::workers::{KIND, RemoteWorker, id_of, of_job};

/// Sends a request to the route of a pause, and returns the status and the body.
async fn send(server: &TestServer, method: Method, target: &str, body: Value) -> (u16, Value) {
    let reply = server.api.request(method, &format!("/pauses/{target}")).json(&body).send().await;
    let reply = reply.expect("the server answers");
    (reply.status().as_u16(), reply.json().await.unwrap_or_default())
}

async fn pause(server: &TestServer, target: &str, reason: &str) -> Value {
    let (status, pause) = send(server, Method::PUT, target, json!({"reason": reason})).await;
    assert_eq!(status, 201, "{pause}");
    pause
}

async fn resume(server: &TestServer, target: &str) {
    assert_eq!(send(server, Method::DELETE, target, json!({})).await.0, 204);
}

/// Claims a job of any type, and returns the whole reply.
async fn claim(worker: &RemoteWorker) -> Value {
    worker.expect(200, "/claim", json!({"leaseSeconds": 60})).await
}

#[tokio::test]
async fn a_paused_queue_starts_no_job_and_keeps_their_order() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 1).await;
    let worker = RemoteWorker::new(&server, "one").await;
    let paused = pause(&server, "queue", "new <disk>").await;
    assert_eq!(
        json!([paused["target"], paused["workerName"], paused["reason"], paused["pausedByUserId"]]),
        json!(["queue", null, "new <disk>", "admin"])
    );
    let (first, urgent) =
        (server.submit_elsewhere(json!({})).await, server.submit_elsewhere(json!({"priority": 5})).await);
    let command = server.api.submit(json!({"run": "true"})).await;
    assert_eq!(claim(&worker).await, json!({"job": null, "worker": {"status": "paused"}}));
    for id in [&first, &urgent, &command] {
        let job = server.api.job(id).await;
        assert_eq!((&job["status"], &job["pause"]), (&json!("queued"), &paused));
    }
    let list = server.api.json("/jobs?summary=true").await["items"].clone();
    for job in list.as_array().expect("it is a list") {
        assert_eq!((&job["pause"], &job["queuePosition"]), (&paused, &Value::Null), "a list contains no positions");
    }
    assert_eq!(server.api.job(&urgent).await["queuePosition"], 1);
    assert_eq!(server.api.json("/pauses").await, json!({"items": [paused]}));
    let workers = server.api.json("/workers").await;
    assert_eq!(workers["items"][0]["status"], "paused", "{workers}");
    let waiting = tokio::spawn({
        let worker = worker.clone();
        async move { worker.claim_with(json!({"waitSeconds": 30, "allowedTypes": [KIND]})).await }
    });
    resume(&server, "queue").await;
    assert_eq!(id_of(&waiting.await.expect("the claim does not panic")), urgent, "the order is as before");
    assert_eq!(id_of(&claim(&worker).await["job"]), first);
    let ended = server.api.ended(&command).await;
    assert_eq!((&ended["status"], &ended["pause"]), (&json!("succeeded"), &Value::Null));
}

#[tokio::test]
async fn a_job_that_runs_goes_on_while_the_queue_is_paused() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    pause(&server, "queue", "").await;
    let path = format!("/{}", id_of(&job));
    worker.expect(200, &format!("{path}/heartbeat"), json!({"leaseSeconds": 60})).await;
    worker.expect(201, &format!("{path}/events"), json!({"message": "goes on"})).await;
    let done = worker.expect(200, &format!("{path}/complete"), json!({})).await;
    assert_eq!((&done["status"], &done["pause"]), (&json!("succeeded"), &Value::Null));
}

#[tokio::test]
async fn a_paused_type_holds_only_its_own_jobs_back() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let paused = pause(&server, "type:elsewhere", "migration").await;
    let held = server.submit_elsewhere(json!({"priority": 9})).await;
    let other = server.api.submit_job(json!({"type": "another"})).await;
    let command = server.api.submit(json!({"run": "true"})).await;
    assert_eq!(server.api.ended(&command).await["status"], "succeeded", "the embedded worker is not affected");
    assert_eq!(server.api.job(&other).await["pause"], Value::Null);
    assert_eq!(id_of(&claim(&worker).await["job"]), other, "a worker for all types passes over the paused type");
    assert_eq!(claim(&worker).await, json!({"job": null}), "there may be jobs of other types");
    let own = worker.expect(200, "/claim", json!({"leaseSeconds": 60, "allowedTypes": [KIND]})).await;
    assert_eq!(own, json!({"job": null, "worker": {"status": "paused"}}));
    let either = json!({"leaseSeconds": 60, "allowedTypes": [KIND, "another"]});
    assert_eq!(worker.expect(200, "/claim", either).await, json!({"job": null}));
    assert_eq!(server.api.job(&held).await["pause"], paused);
    let list = server.api.json("/jobs").await["items"].clone();
    let listed: Vec<&Value> = list.as_array().expect("it is a list").iter().map(|job| &job["pause"]).collect();
    assert_eq!(listed, [&Value::Null, &Value::Null, &paused], "neither of the other jobs is paused");
    resume(&server, "type:elsewhere").await;
    assert_eq!(id_of(&claim(&worker).await["job"]), held);
}

#[tokio::test]
async fn a_paused_worker_leaves_the_jobs_to_others() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    assert_eq!(claim(&worker).await, json!({"job": null}));
    let workers = server.api.json("/workers").await;
    let id = workers["items"][1]["id"].as_str().expect("a worker has an id").to_owned();
    let paused = pause(&server, &format!("worker:{id}"), "memory test").await;
    assert_eq!(paused["workerName"], "one");
    let job = server.submit_elsewhere(json!({})).await;
    assert_eq!(claim(&worker).await, json!({"job": null, "worker": {"status": "paused"}}));
    assert_eq!(server.api.job(&job).await["pause"], Value::Null);
    assert_eq!(server.api.json("/workers").await["items"][1]["pause"], paused);
    assert_eq!(id_of(&claim(&worker.named("two")).await["job"]), job);
    let resumed = server.api.post(&format!("/workers/{id}/resume"), &json!({})).await;
    assert_eq!(resumed.json::<Value>().await.expect("the body is JSON")["status"], "active");
    assert_eq!(server.api.json("/pauses").await, json!({"items": []}));
}

#[tokio::test]
async fn a_pause_outlives_the_server_and_keeps_its_beginning_when_the_reason_changes() {
    let server = TestServer::start().await;
    let first = pause(&server, "queue", "one reason").await;
    let server = TestServer::start_over(server.stop().await, |_| {}).await;
    let id = server.api.submit(json!({"run": "true"})).await;
    let (status, second) = send(&server, Method::PUT, "queue", json!({"reason": "another reason"})).await;
    assert_eq!((status, &second["pausedAt"]), (200, &first["pausedAt"]));
    assert_eq!(server.api.job(&id).await["pause"]["reason"], "another reason");
    resume(&server, "queue").await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
}

#[tokio::test]
async fn a_secret_in_the_reason_of_a_pause_is_masked() {
    let server = TestServer::start().await;
    let secret = json!({"value": "swordfish-swordfish"});
    let set = server.api.request(Method::PUT, "/secrets/KEY").json(&secret).send().await;
    assert_eq!(set.expect("the server answers").status(), 201);
    assert_eq!(pause(&server, "queue", "rotate swordfish-swordfish").await["reason"], "rotate [REDACTED]");
}

#[tokio::test]
async fn invalid_requests_about_pauses_are_refused() {
    let server = TestServer::start().await;
    let long = "x".repeat(2_001);
    for (target, body, status, code) in [
        ("everything", json!({}), 422, "invalid_queue_payload"),
        ("worker:one", json!({}), 422, "invalid_queue_payload"),
        ("worker:01890000-0000-7000-8000-000000000001", json!({}), 404, "worker_not_found"),
        ("queue", json!({"reason": long}), 422, "invalid_queue_payload"),
        ("queue", json!({"until": 1}), 422, "invalid_queue_payload"),
    ] {
        let (found, reply) = send(&server, Method::PUT, target, body).await;
        assert_eq!((found, &reply["detail"]["code"]), (status, &json!(code)), "{target}: {reply}");
    }
    let (status, reply) = send(&server, Method::DELETE, "queue", json!({})).await;
    assert_eq!((status, &reply["detail"]["code"]), (404, &json!("pause_not_found")));
}

#[tokio::test]
async fn the_pages_say_why_jobs_wait_and_administrators_resume_them_there() {
    let server = TestServer::start().await;
    let admin = server.token(Role::Admin).await;
    let act = async |fields: &[(&str, &str)]| {
        let reply = server.post_form("/workers", &admin, fields).await;
        reply.headers().get("location").map(|value| value.to_str().expect("ASCII").to_owned()).unwrap_or_default()
    };
    let queue = [("action", "pause"), ("kind", " "), ("reason", "new <disk>")];
    assert_eq!(act(&queue).await, "/workers?done=paused");
    assert_eq!(act(&[("action", "pause"), ("kind", "build"), ("reason", "")]).await, "/workers?done=paused");
    let long = "x".repeat(2_001);
    assert_eq!(act(&[("action", "pause"), ("kind", ""), ("reason", &long)]).await, "/workers?error=reason");
    assert_eq!(act(&[("action", "pause"), ("kind", &long), ("reason", "")]).await, "/workers?error=type");
    let id = server.api.submit(json!({"run": "true"})).await;
    let viewer = server.token(Role::Viewer).await;
    for path in ["/workers", "/tasks/queue", &format!("/tasks/queue/{id}")] {
        let html = server.page(path, &viewer).await.text().await.expect("the body arrives");
        let says = html.contains("The queue has been paused since") && html.contains(": new &lt;disk");
        assert!(says, "{path}: {html}");
        assert!(!html.contains("data-testid=\"resume\""), "{path}");
        let is_list = path == "/tasks/queue";
        assert_eq!(
            html.contains("data-testid=\"job-paused\""),
            is_list,
            "only rows of jobs contain short texts: {path}"
        );
        assert_eq!(html.contains("The queue is paused: new &lt;disk"), is_list, "{path}");
    }
    assert_eq!(act(&[("action", "resume"), ("target", "queue")]).await, "/workers?done=resumed");
    assert_eq!(act(&[("action", "resume"), ("target", "queue")]).await, "/workers?done=resumed");
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let left = server.api.json("/pauses").await;
    assert_eq!(left["items"][0]["target"], "type:build");
    let entries = server.api.json("/audit?action=queue").await;
    let last = &entries["items"][0];
    assert_eq!(json!([last["action"], last["object"], last["status"]]), json!(["queue.resume", "queue", 303]));
}

#[tokio::test]
async fn the_replies_to_a_submission_and_to_a_failure_state_the_pause_because_of_which_the_job_waits() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({"maxAttempts": 3})).await;
    let paused = pause(&server, &format!("type:{KIND}"), "moving").await;
    let failure = json!({"leaseEpoch": 1, "errorMessage": "no", "retryable": true});
    for _ in 0..2 {
        let failed = worker.expect(200, &of_job(&job, "fail"), failure.clone()).await;
        assert_eq!(json!([failed["status"], failed["pause"]]), json!(["queued", paused]));
    }
    let key = json!({"type": KIND});
    let submitted: Value = server.api.post("/jobs", &key).await.json().await.expect("the body is JSON");
    assert_eq!(submitted["pause"], paused);
    let again = server.api.post(&format!("/jobs/{}/resubmit", id_of(&submitted)), &json!({})).await;
    let again: Value = again.json().await.expect("the body is JSON");
    assert_eq!(again["pause"], paused);
}
