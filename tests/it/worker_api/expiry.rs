//! A lease that is not renewed ends. Events report the end, and the job runs again or finishes.

use serde_json::{Value, json};

use crate::harness::people::execute;
use crate::harness::workers::{RemoteWorker, id_of, of_job};
use crate::harness::{TestServer, of_kind, until_async};

fn statuses(events: &[Value]) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |event: &Value| format!("{} {}", word(&event["payload"]["kind"]), word(&event["payload"]["status"]));
    events.iter().map(of).collect()
}

#[tokio::test]
async fn an_expired_lease_requeues_the_job_or_ends_it_with_events() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    server.submit_elsewhere(json!({"maxAttempts": 2})).await;
    let job = worker.claim_with(json!({"leaseSeconds": 1})).await;
    let requeued = server.api.job_when(id_of(&job), "requeued", |job| job["status"] == "queued").await;
    assert_eq!(
        json!([requeued["failureReason"], requeued["errorMessage"], requeued["claimedBy"], requeued["leaseEpoch"]]),
        json!(["interrupted", "the worker's lease expired", null, 2])
    );
    assert!(requeued["nextAttemptAt"].is_string(), "{requeued}");
    worker.refused((409, "job_state_conflict"), &of_job(&job, "complete"), json!({"leaseEpoch": 1})).await;
    server.skip_back_off().await;
    let again = worker.claim_with(json!({"leaseSeconds": 1})).await;
    assert_eq!(json!([again["id"], again["attempt"]]), json!([job["id"], 2]));
    let ended = server.api.ended(id_of(&job)).await;
    assert_eq!(ended["status"], "dead_letter");
    let expected = [
        "job queued",
        "job claimed",
        "attempt started",
        "job lease_expired",
        "attempt interrupted",
        "job requeued",
        "job claimed",
        "attempt started",
        "job lease_expired",
        "attempt interrupted",
        "job dead_letter",
        "end dead_letter",
    ];
    assert_eq!(statuses(&server.api.events(id_of(&job)).await), expected);
}

#[tokio::test]
async fn a_renewed_lease_does_not_expire() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    server.submit_elsewhere(json!({})).await;
    let renewed = worker.claim_with(json!({"leaseSeconds": 1})).await;
    worker.expect(200, &of_job(&renewed, "heartbeat"), json!({"leaseSeconds": 3_600})).await;
    server.submit_elsewhere(json!({})).await;
    let abandoned = worker.claim_with(json!({"leaseSeconds": 1})).await;
    server.api.ended(id_of(&abandoned)).await;
    assert_eq!(server.api.job(id_of(&renewed)).await["status"], "running");
}

#[tokio::test]
async fn an_expired_lease_of_a_job_whose_cancellation_was_requested_ends_as_cancelled() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    server.submit_elsewhere(json!({"maxAttempts": 5})).await;
    let job = worker.claim_with(json!({"leaseSeconds": 1})).await;
    server.api.post(&format!("/jobs/{}/cancel", id_of(&job)), &json!({})).await;
    assert_eq!(server.api.ended(id_of(&job)).await["status"], "cancelled");
}

#[tokio::test]
async fn after_a_restart_of_the_server_every_lease_is_extended_by_its_duration() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let [kept, short] = [server.submit_elsewhere(json!({})).await, server.submit_elsewhere(json!({})).await];
    worker.claim_with(json!({"leaseSeconds": 3_600})).await;
    worker.claim_with(json!({"leaseSeconds": 1})).await;
    // Both leases expire while the server is not running.
    let data = server.stop().await;
    execute(data.path(), "update jobs set lease_expires_at = 1 where status = 'running'").await;
    let server = TestServer::start_over(data, |_| {}).await;
    let ended = server.api.ended(&short).await;
    assert_eq!(ended["failureReason"], "interrupted");
    let job = server.api.job(&kept).await;
    assert_eq!(job["status"], "running", "its worker has an hour to renew its lease");
    let events = server.api.events(&kept).await;
    assert_eq!(of_kind(&events, "attempt").len(), 1);
}

#[tokio::test]
async fn a_silent_worker_is_reported_once_until_it_is_heard_of_again() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let silences = async || {
        let events = server.api.events(id_of(&job)).await;
        statuses(&events).iter().filter(|status| *status == "job worker_silent").count()
    };
    for (expected, request) in [(1, "heartbeat"), (2, "events"), (3, "heartbeat")] {
        assert_eq!(silences().await, expected - 1);
        server.execute("update attempts set heard_at = heard_at - 20000000").await;
        until_async("the silence is reported", async || silences().await == expected).await;
        // When the lease of another job expires, the worker's silence is not reported again.
        let other = server.claimed(&worker, json!({})).await;
        server.execute("update jobs set lease_expires_at = 1 where id > (select min(id) from jobs)").await;
        server.api.ended(id_of(&other)).await;
        assert_eq!(silences().await, expected);
        let body = json!({"leaseSeconds": 60, "message": "here I am"});
        worker.post(&of_job(&job, request), body).await;
    }
    let events = server.api.events(id_of(&job)).await;
    let event = of_kind(&events, "job").into_iter().find(|event| event["payload"]["status"] == "worker_silent");
    let event = event.expect("it was reported");
    assert_eq!((&event["level"], &event["payload"]["workerId"]), (&json!("warn"), &json!("one")));
    let message = event["message"].as_str().expect("it is text");
    let seconds = message.strip_prefix("The worker does not respond: it has sent nothing for ");
    let seconds = seconds.and_then(|rest| rest.strip_suffix(" s")?.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds >= 20), "{message}");
    assert_eq!(server.api.job(id_of(&job)).await["status"], "running");
}
