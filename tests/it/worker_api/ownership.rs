//! Only the worker that holds a job can act on it, and only until the worker's lease ends. The server checks the job's
//! state before it checks the worker.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::workers::{RemoteWorker, id_of, of_job};

/// Returns the requests of a worker that holds a job, without the worker's name and lease epoch.
fn requests() -> [(&'static str, Value); 5] {
    [
        ("heartbeat", json!({"leaseSeconds": 60})),
        ("events", json!({"message": "late"})),
        ("complete", json!({})),
        ("fail", json!({"errorMessage": "late", "retryable": true})),
        ("cancel/ack", json!({})),
    ]
}

/// Sends all requests of a worker with additional members, and checks that they are refused and change nothing.
async fn check_refused(server: &TestServer, worker: &RemoteWorker, job: &Value, members: &Value, code: &str) {
    let before = (server.api.job(id_of(job)).await, server.api.events(id_of(job)).await);
    for (route, body) in requests() {
        let mut body = body;
        for (name, value) in members.as_object().expect("it is an object") {
            body[name] = value.clone();
        }
        worker.refused((409, code), &of_job(job, route), body).await;
    }
    assert_eq!((server.api.job(id_of(job)).await, server.api.events(id_of(job)).await), before);
}

/// Requests the cancellation of a job, so that the job's worker may acknowledge the request.
async fn cancel(server: &TestServer, id: &str) -> Value {
    let reply = server.api.post(&format!("/jobs/{id}/cancel"), &json!({"reason": "enough"})).await;
    assert_eq!(reply.status(), 200);
    reply.json().await.expect("the body is JSON")
}

#[tokio::test]
async fn another_name_another_token_or_another_epoch_is_an_ownership_mismatch() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    cancel(&server, id_of(&job)).await;
    let mismatch = "job_ownership_mismatch";
    check_refused(&server, &worker.named("two"), &job, &json!({}), mismatch).await;
    check_refused(&server, &worker.named("two"), &job, &json!({"leaseEpoch": 1}), mismatch).await;
    let another = RemoteWorker::new(&server, "one").await;
    check_refused(&server, &another, &job, &json!({}), mismatch).await;
    check_refused(&server, &another, &job, &json!({"leaseEpoch": 1}), mismatch).await;
    for epoch in [0, 2, -1, i64::MAX, i64::MIN] {
        check_refused(&server, &worker, &job, &json!({"leaseEpoch": epoch}), mismatch).await;
    }
    worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 60, "leaseEpoch": 1})).await;
    worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 60})).await;
}

#[tokio::test]
async fn the_state_of_a_job_is_checked_before_its_owner() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let id = server.submit_elsewhere(json!({})).await;
    let job = json!({"id": id});
    for worker in [&worker, &worker.named("two")] {
        check_refused(&server, worker, &job, &json!({}), "job_state_conflict").await;
        check_refused(&server, worker, &job, &json!({"leaseEpoch": 5}), "job_state_conflict").await;
    }
    let job = worker.claim().await;
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    for worker in [&worker, &worker.named("two")] {
        check_refused(&server, worker, &job, &json!({}), "job_state_conflict").await;
    }
}

#[tokio::test]
async fn a_stale_epoch_changes_nothing_when_another_worker_holds_the_job() {
    let server = TestServer::start().await;
    let (one, two) = (RemoteWorker::new(&server, "one").await, RemoteWorker::new(&server, "two").await);
    let job = server.claimed(&one, json!({"maxAttempts": 3})).await;
    let retry = json!({"errorMessage": "again", "retryable": true, "leaseEpoch": 1});
    one.expect(200, &of_job(&job, "fail"), retry.clone()).await;
    server.skip_back_off().await;
    let again = two.claim().await;
    assert_eq!(json!([again["id"], again["leaseEpoch"]]), json!([job["id"], 3]));
    check_refused(&server, &one, &job, &json!({"leaseEpoch": 1}), "job_ownership_mismatch").await;
    check_refused(&server, &one, &job, &json!({"leaseEpoch": 3}), "job_ownership_mismatch").await;
    check_refused(&server, &one, &job, &json!({}), "job_ownership_mismatch").await;
    one.refused((409, "job_ownership_mismatch"), &of_job(&job, "fail"), retry).await;
    // The first worker claims the job again, but its earlier lease remains invalid.
    two.expect(200, &of_job(&job, "fail"), json!({"errorMessage": "again", "retryable": true})).await;
    server.skip_back_off().await;
    assert_eq!(one.claim().await["leaseEpoch"], 5);
    check_refused(&server, &one, &job, &json!({"leaseEpoch": 1}), "job_ownership_mismatch").await;
    one.expect(200, &of_job(&job, "complete"), json!({"leaseEpoch": 5})).await;
}

#[tokio::test]
async fn the_request_that_ended_a_lease_can_be_repeated_until_the_next_lease_begins() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    for (route, body, others) in [
        ("complete", json!({"resultSummary": "done"}), ["fail", "cancel/ack"]),
        ("fail", json!({"errorMessage": "no"}), ["complete", "cancel/ack"]),
        ("fail", json!({"errorMessage": "no", "retryable": true}), ["complete", "cancel/ack"]),
        ("cancel/ack", json!({"message": "stopped"}), ["complete", "fail"]),
    ] {
        let job = server.claimed(&worker, json!({"maxAttempts": 2})).await;
        if route == "cancel/ack" {
            cancel(&server, id_of(&job)).await;
        }
        let mut body = body;
        body["leaseEpoch"] = json!(1);
        let first = worker.expect(200, &of_job(&job, route), body.clone()).await;
        let events = server.api.events(id_of(&job)).await;
        for _ in 0..3 {
            assert_eq!(worker.expect(200, &of_job(&job, route), body.clone()).await, first, "{route}");
        }
        let (another, other_token) = (worker.named("two"), RemoteWorker::new(&server, "one").await);
        another.refused((409, "job_state_conflict"), &of_job(&job, route), body.clone()).await;
        other_token.refused((409, "job_state_conflict"), &of_job(&job, route), body.clone()).await;
        for other in others {
            let body = json!({"leaseEpoch": 1, "errorMessage": "x"});
            worker.refused((409, "job_state_conflict"), &of_job(&job, other), body).await;
        }
        body.as_object_mut().expect("it is an object").remove("leaseEpoch");
        worker.refused((409, "job_state_conflict"), &of_job(&job, route), body).await;
        assert_eq!(server.api.events(id_of(&job)).await, events, "{route}");
        cancel_if_queued(&server, &first).await;
    }
}

/// Cancels a job that waits for its next attempt, so that later claims do not return it.
async fn cancel_if_queued(server: &TestServer, job: &Value) {
    if job["status"] == "queued" {
        cancel(server, id_of(job)).await;
    }
}

#[tokio::test]
async fn a_job_of_the_embedded_worker_cannot_be_taken_over() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let id = server.api.submit(json!({"run": "exec sleep 1000"})).await;
    let job = server.api.job_when(&id, "runs", |job| job["status"] == "running").await;
    let name = job["claimedBy"].as_str().expect("a worker runs it");
    for epoch in [json!(null), job["leaseEpoch"].clone()] {
        let body = json!({"workerId": name, "leaseEpoch": epoch, "message": "x"});
        for route in ["complete", "events"] {
            worker.refused((409, "job_ownership_mismatch"), &of_job(&job, route), body.clone()).await;
        }
    }
    let reply = server.api.request(Method::POST, &format!("/jobs/{id}/cancel")).send().await;
    assert_eq!(reply.expect("the server answers").status(), 200);
    assert_eq!(server.api.ended(&id).await["status"], "cancelled");
}
