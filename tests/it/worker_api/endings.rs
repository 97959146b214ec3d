//! Tests of how jobs on other machines end: retries, cancellation, and the events that report each change.

use serde_json::{Value, json};

use crate::harness::workers::{RemoteWorker, id_of, of_job};
use crate::harness::{TestServer, of_kind, sha256};

/// Returns the kinds and the statuses of a job's events.
async fn story(server: &TestServer, id: &str) -> Vec<String> {
    let events = server.api.events(id).await;
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events
        .iter()
        .map(|event| format!("{} {}", word(&event["payload"]["kind"]), word(&event["payload"]["status"])))
        .collect()
}

async fn cancel(server: &TestServer, id: &str) -> Value {
    let reply = server.api.post(&format!("/jobs/{id}/cancel"), &json!({"reason": "enough"})).await;
    assert_eq!(reply.status(), 200);
    reply.json().await.expect("the body is JSON")
}

#[tokio::test]
async fn a_retryable_failure_is_retried_after_a_pause_until_all_attempts_are_used_up() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({"maxAttempts": 3})).await;
    for (attempt, pause) in [(1, 15), (2, 30)] {
        let failure = json!({"errorMessage": format!("failure {attempt}"), "retryable": true});
        let failed = worker.expect(200, &of_job(&job, "fail"), failure).await;
        assert_eq!(json!([failed["status"], failed["attempt"]]), json!(["queued", attempt]));
        let time = |value: &Value| -> model::Timestamp {
            value.as_str().expect("it is a time").parse().expect("it is a time")
        };
        let waits = time(&failed["nextAttemptAt"]).millis_since(time(&failed["updatedAt"]));
        assert!((pause * 900..=pause * 1_100).contains(&waits), "{waits} ms");
        assert_eq!(worker.claim().await, Value::Null, "the pause has not passed");
        server.skip_back_off().await;
        assert_eq!(worker.claim().await["attempt"], attempt + 1);
    }
    let failure = json!({"errorMessage": "failure 3", "retryable": true});
    let dead = worker.expect(200, &of_job(&job, "fail"), failure).await;
    assert_eq!(
        json!([dead["status"], dead["attempt"], dead["errorMessage"], dead["nextAttemptAt"]]),
        json!(["dead_letter", 3, "failure 3", null])
    );
    assert_eq!(worker.claim().await, Value::Null);
    let mut expected = vec!["job queued"];
    for _ in 0..2 {
        expected.extend(["job claimed", "attempt started", "attempt failed", "job requeued"]);
    }
    expected.extend(["job claimed", "attempt started", "attempt failed", "job dead_letter", "end dead_letter"]);
    assert_eq!(story(&server, id_of(&job)).await, expected);
}

#[tokio::test]
async fn a_failure_that_is_not_retryable_fails_the_job_at_once() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    for retryable in [json!(false), json!(null)] {
        let job = server.claimed(&worker, json!({"maxAttempts": 3})).await;
        let failure = json!({"errorMessage": "broken", "retryable": retryable});
        let failed = worker.expect(200, &of_job(&job, "fail"), failure).await;
        assert_eq!(json!([failed["status"], failed["failureReason"]]), json!(["failed", null]));
        let expected = ["job queued", "job claimed", "attempt started", "attempt failed", "job failed", "end failed"];
        assert_eq!(story(&server, id_of(&job)).await, expected);
    }
}

#[tokio::test]
async fn the_last_attempt_of_a_command_fails_or_becomes_a_dead_letter() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let gpu = json!({"workerCapabilities": ["gpu"]});
    let payload = json!({"run": "true", "requiredCapabilities": ["gpu"]});
    server.api.submit(payload.clone()).await;
    let job = worker.claim_with(gpu.clone()).await;
    let failure = json!({"errorMessage": "broken", "retryable": true});
    assert_eq!(worker.expect(200, &of_job(&job, "fail"), failure.clone()).await["status"], "failed");
    server.api.submit_job(json!({"type": "command", "payload": payload, "maxAttempts": 2})).await;
    let job = worker.claim_with(gpu.clone()).await;
    assert_eq!(worker.expect(200, &of_job(&job, "fail"), failure.clone()).await["status"], "queued");
    server.skip_back_off().await;
    worker.claim_with(gpu).await;
    assert_eq!(worker.expect(200, &of_job(&job, "fail"), failure).await["status"], "dead_letter");
}

#[tokio::test]
async fn a_completed_job_ends_with_its_summary_and_an_end_event() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    worker.expect(201, &of_job(&job, "events"), json!({"message": "working"})).await;
    let done = worker.expect(200, &of_job(&job, "complete"), json!({"resultSummary": "3 files"})).await;
    assert_eq!(json!([done["status"], done["resultSummary"], done["exitCode"]]), json!(["succeeded", "3 files", null]));
    let events = server.api.events(id_of(&job)).await;
    let end = of_kind(&events, "end");
    let expected = json!({
        "kind": "end", "status": "succeeded", "attempt": 1, "lastSeq": events.len(), "lines": 0, "bytes": 0,
        "logSha256": sha256(b""),
    });
    assert_eq!(
        end,
        [&json!({
            "seq": events.len(), "id": end[0]["id"], "jobId": job["id"], "level": "info", "message": "End of the log",
            "payload": expected, "createdAt": end[0]["createdAt"],
        })]
    );
    assert_eq!(done["lastSeq"], events.len());
    worker.refused((409, "job_state_conflict"), &of_job(&job, "events"), json!({"message": "late"})).await;
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once_and_never_claimed() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let id = server.submit_elsewhere(json!({})).await;
    let cancelled = cancel(&server, &id).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancel(&server, &id).await, cancelled, "a repeated request changes nothing");
    assert_eq!(worker.claim().await, Value::Null);
}

#[tokio::test]
async fn the_cancellation_of_a_running_job_is_acknowledged_by_its_owner() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let acknowledge = json!({"message": "stopped after step 2", "leaseEpoch": 1});
    let conflict = (409, "job_state_conflict");
    worker.refused(conflict, &of_job(&job, "cancel/ack"), acknowledge.clone()).await;
    let asked = cancel(&server, id_of(&job)).await;
    assert_eq!(json!([asked["status"], asked["cancelReason"]]), json!(["running", "enough"]));
    assert_eq!(cancel(&server, id_of(&job)).await, asked);
    let renewed = worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 60})).await;
    assert_eq!(renewed["cancelRequestedAt"], asked["cancelRequestedAt"], "the worker is told by its next heartbeat");
    let another = worker.named("two");
    another.refused((409, "job_ownership_mismatch"), &of_job(&job, "cancel/ack"), acknowledge.clone()).await;
    let ended = worker.expect(200, &of_job(&job, "cancel/ack"), acknowledge).await;
    assert_eq!(json!([ended["status"], ended["cancelReason"]]), json!(["cancelled", "enough"]));
    let events = server.api.events(id_of(&job)).await;
    let cancelled =
        events.iter().find(|event| event["payload"]["status"] == "cancelled" && event["payload"]["kind"] == "job");
    assert_eq!(cancelled.expect("the end is reported")["payload"]["reason"], "stopped after step 2");
}

#[tokio::test]
async fn a_failed_job_whose_cancellation_was_requested_becomes_cancelled_and_is_never_requeued() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    for retryable in [true, false] {
        let job = server.claimed(&worker, json!({"maxAttempts": 5})).await;
        cancel(&server, id_of(&job)).await;
        let failure = json!({"errorMessage": "killed", "retryable": retryable});
        let ended = worker.expect(200, &of_job(&job, "fail"), failure).await;
        assert_eq!(json!([ended["status"], ended["nextAttemptAt"]]), json!(["cancelled", null]));
        assert_eq!(story(&server, id_of(&job)).await.last().map(String::as_str), Some("end cancelled"));
    }
}

#[tokio::test]
async fn secrets_are_masked_in_summaries_messages_and_names_of_workers() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let members = json!({"payload": {"API_TOKEN": "hunter2-hunter2"}});
    let job = server.claimed(&worker, members.clone()).await;
    let done = worker.expect(200, &of_job(&job, "complete"), json!({"resultSummary": "with hunter2-hunter2"})).await;
    assert_eq!(done["resultSummary"], "with [REDACTED]");
    let job = server.claimed(&worker, members).await;
    let failed = worker.expect(200, &of_job(&job, "fail"), json!({"errorMessage": "hunter2-hunter2 is wrong"})).await;
    assert_eq!(failed["errorMessage"], "[REDACTED] is wrong");
    let text = json!(server.api.events(id_of(&job)).await).to_string();
    assert!(!text.contains("hunter2"), "{text}");
}
