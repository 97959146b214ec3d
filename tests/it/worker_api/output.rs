//! Tests of the complete logs of jobs on other machines. They cover output in events, output that is sent separately
//! because it is suppressed, and totals.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::workers::{RemoteWorker, id_of, of_job};
use crate::harness::{TestServer, of_kind, sha256};

/// Returns a log event of the first attempt. `place` contains the offset of the text and the number of its first line.
fn chunk(text: &str, place: (usize, usize)) -> Value {
    json!({"message": text, "payload": {
        "kind": "log", "stream": "stdout", "stage": "execute", "stepId": "run", "stepIndex": 0, "attempt": 1,
        "offset": place.0, "bytes": text.len(), "line": place.1, "time": "2026-01-31T12:00:00.000000Z",
        "partial": !text.ends_with('\n'),
    }})
}

async fn log_of(server: &TestServer, job: &Value) -> String {
    let reply = server.api.get(&format!("/jobs/{}/log", id_of(job))).await;
    reply.text().await.expect("the log is complete")
}

#[tokio::test]
async fn output_in_events_is_the_complete_log_while_the_job_runs_and_afterwards() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    worker.expect(201, &of_job(&job, "events"), chunk("one\ntw", (0, 1))).await;
    assert_eq!(log_of(&server, &job).await, "one\ntw");
    let batch = json!({"batch": 1, "leaseEpoch": 1, "events": [chunk("o\nthree", (6, 2))]});
    for _ in 0..2 {
        worker.expect(201, &of_job(&job, "events"), batch.clone()).await;
        assert_eq!(log_of(&server, &job).await, "one\ntwo\nthree");
    }
    let lines = server.api.json(&format!("/jobs/{}/lines?from=1", id_of(&job))).await;
    assert_eq!((lines["totalLines"].as_i64(), &lines["items"][1]["text"]), (Some(3), &json!("two")));
    let done = worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    let sum = sha256(b"one\ntwo\nthree");
    assert_eq!(json!([done["logBytes"], done["logLines"], done["logSha256"]]), json!([13, 3, sum]));
    assert_eq!(log_of(&server, &job).await, "one\ntwo\nthree");
    let artifacts = server.api.json(&format!("/jobs/{}/artifacts", id_of(&job))).await;
    let file = &artifacts["items"][0];
    assert_eq!(
        json!([file["name"], file["sizeBytes"], file["digest"]]),
        json!(["logs/output.log", 13, format!("sha256:{sum}")])
    );
}

#[tokio::test]
async fn the_partial_log_of_an_expired_lease_is_kept() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    worker.expect(201, &of_job(&job, "events"), chunk("so far\n", (0, 1))).await;
    worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 1})).await;
    let ended = server.api.ended(id_of(&job)).await;
    assert_eq!(json!([ended["failureReason"], ended["logBytes"]]), json!(["interrupted", 7]));
    assert_eq!(log_of(&server, &job).await, "so far\n");
}

#[tokio::test]
async fn a_batch_covers_a_range_and_is_stored_once() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    assert_eq!(job["progress"], json!({"batch": 0, "to": 0, "suppressedBytes": 0, "earlierBytes": 0}));
    let events = of_job(&job, "events");
    let batch = |number: i64, from: i64, to: i64, suppressed: i64, events: Value| json!({"batch": number, "leaseEpoch": 1, "from": from, "to": to, "suppressedBytes": suppressed, "events": events});
    let first = worker.expect(201, &events, batch(1, 0, 4, 0, json!([chunk("one\n", (0, 1))]))).await;
    assert_eq!(first, json!({"lastSeq": 4}));
    assert_eq!(worker.expect(201, &events, batch(1, 0, 4, 0, json!([chunk("one\n", (0, 1))]))).await, first);
    // A batch with no events reports that output was suppressed.
    worker.expect(201, &events, batch(2, 4, 8, 4, json!([]))).await;
    for wrong in [
        batch(4, 8, 9, 0, json!([])),
        batch(3, 7, 9, 0, json!([])),
        batch(3, 9, 8, 0, json!([])),
        batch(3, 8, 9, 2, json!([])),
        json!({"from": 8, "to": 9, "events": []}),
        json!({"batch": 3, "from": 8, "events": []}),
    ] {
        worker.refused((422, "invalid_queue_payload"), &events, wrong).await;
    }
    worker.expect(201, &events, batch(3, 8, 14, 0, json!([chunk("three\n", (8, 3))]))).await;
    assert_eq!(log_of(&server, &job).await, "one\n", "the log ends where output is missing");
    let output = of_job(&job, "output");
    assert_eq!(worker.expect(200, &output, json!({"leaseEpoch": 1, "chunks": []})).await, json!({"bytes": 4}));
    worker.refused((422, "invalid_queue_payload"), &output, json!({"chunks": [chunk("o\n", (6, 2))]})).await;
    let missing = json!({"leaseEpoch": 1, "chunks": [chunk("one\ntwo\n", (0, 1))]});
    for _ in 0..2 {
        assert_eq!(worker.expect(200, &output, missing.clone()).await, json!({"bytes": 14}));
        assert_eq!(log_of(&server, &job).await, "one\ntwo\nthree\n");
    }
    let claim = json!({"claimId": "again", "resume": true});
    assert_eq!(worker.claim_with(claim).await, Value::Null, "there was no such claim");
    worker.refused((422, "invalid_queue_payload"), "/claim", json!({"leaseSeconds": 60, "resume": true})).await;
}

#[tokio::test]
async fn a_resumed_claim_returns_the_job_with_its_progress_and_claims_no_other() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let id = server.submit_elsewhere(json!({})).await;
    let claim = json!({"claimId": "mine"});
    let job = worker.claim_with(claim.clone()).await;
    assert_eq!(job["id"], id.as_str());
    let other = server.submit_elsewhere(json!({})).await;
    let batch = json!({"batch": 1, "leaseEpoch": 1, "from": 0, "to": 9, "suppressedBytes": 5, "events": [chunk("one\n", (0, 1))]});
    worker.expect(201, &of_job(&job, "events"), batch).await;
    let resume = json!({"claimId": "mine", "resume": true});
    let again = worker.claim_with(resume.clone()).await;
    assert_eq!(again["progress"], json!({"batch": 1, "to": 9, "suppressedBytes": 5, "earlierBytes": 0}));
    worker.expect(200, &of_job(&job, "complete"), json!({"leaseEpoch": 1})).await;
    assert_eq!(worker.claim_with(resume).await, Value::Null);
    assert_eq!(server.api.job(&other).await["status"], "queued");
}

#[tokio::test]
async fn bytes_that_are_not_text_are_sent_as_base64() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let mut event = chunk("abc\n", (0, 1));
    event["raw"] = json!("//4ACg==");
    event["message"] = json!("ignored");
    let stored = worker.expect(201, &of_job(&job, "events"), event.clone()).await;
    assert_eq!(stored["message"], "\u{fffd}\u{fffd}\u{0}\n");
    let reply = server.api.get(&format!("/jobs/{}/log", id_of(&job))).await;
    assert_eq!(reply.bytes().await.expect("the log is complete"), b"\xff\xfe\0\n".as_slice());
    for raw in ["?", "//4ACgo=", "abc"] {
        event["raw"] = json!(raw);
        worker.refused((422, "invalid_queue_payload"), &of_job(&job, "events"), event.clone()).await;
    }
}

#[tokio::test]
async fn segments_divide_a_text_into_parts_that_are_not_empty() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let with = |segments: Value| {
        let mut event = chunk("abcdef\n", (0, 1));
        event["payload"]["segments"] = segments;
        event
    };
    let huge = 1_i64 << 53;
    for wrong in
        [json!([[0, 0, 1], [0, 7, 1]]), json!([[0, 8, 1]]), json!([[0, 3, 1]]), json!([[0, huge, 1], [0, huge, 1]])]
    {
        worker.refused((422, "invalid_queue_payload"), &of_job(&job, "events"), with(wrong)).await;
    }
    worker.expect(201, &of_job(&job, "events"), with(json!([[0, 3, 1], [3, 4, 1]]))).await;
    assert_eq!(log_of(&server, &job).await, "abcdef\n");
}

#[tokio::test]
async fn totals_are_compared_with_the_stored_log() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    for (sum, differs) in [(sha256(b"text\n"), false), (sha256(b"other"), true)] {
        let job = server.claimed(&worker, json!({})).await;
        worker.expect(201, &of_job(&job, "events"), chunk("text\n", (0, 1))).await;
        let totals = json!({"exitCode": 3, "bytes": 5, "suppressedBytes": 1, "redactions": 2,
            "redactionsByRule": {"github-token": 2}, "logSha256": sum});
        let failure = json!({"errorMessage": "it failed", "failureReason": "exit_code", "totals": totals});
        let failed = worker.expect(200, &of_job(&job, "fail"), failure).await;
        let about = json!([failed["exitCode"], failed["failureReason"], failed["logBytes"], failed["logSha256"]]);
        assert_eq!(about, json!([3, "exit_code", 5, sha256(b"text\n")]));
        let events = server.api.events(id_of(&job)).await;
        assert_eq!(of_kind(&events, "warning").len(), usize::from(differs));
        let attempt = &of_kind(&events, "attempt")[1]["payload"];
        assert_eq!(
            json!([attempt["redactions"], attempt["redactionsByRule"], attempt["suppressedBytes"]]),
            json!([2, {"github-token": 2}, 1])
        );
    }
}

#[tokio::test]
async fn only_the_holder_adds_output_and_receives_the_files_of_the_job() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let other = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let body = json!({"leaseEpoch": 1, "chunks": [chunk("one\n", (0, 1))]});
    other.refused((409, "job_ownership_mismatch"), &of_job(&job, "output"), body.clone()).await;
    let mut stale = body.clone();
    stale["leaseEpoch"] = json!(2);
    worker.refused((409, "job_ownership_mismatch"), &of_job(&job, "output"), stale).await;
    let input = |worker: &RemoteWorker| worker.request(Method::GET, &of_job(&job, "input")).send();
    assert_eq!(input(&other).await.expect("the server answers").status(), 409);
    assert_eq!(input(&worker).await.expect("the server answers").status(), 404, "the job has no files");
    worker.expect(200, &of_job(&job, "complete"), json!({"leaseEpoch": 1})).await;
    worker.refused((409, "job_state_conflict"), &of_job(&job, "output"), body).await;
    assert_eq!(input(&worker).await.expect("the server answers").status(), 409);
    assert_eq!(log_of(&server, &job).await, "");
}

#[tokio::test]
async fn a_secret_that_the_worker_does_not_know_is_masked_even_if_it_is_divided_between_requests() {
    let server = TestServer::start().await;
    let secret = "hunter2-of-the-server";
    let set = server.api.request(Method::PUT, "/secrets/OF_SERVER").json(&json!({"value": secret}));
    assert_eq!(set.send().await.expect("the server answers").status(), 201);
    let worker = RemoteWorker::new(&server, "one").await;
    let output = format!("{secret}\n");
    for cut in 1..secret.len() {
        let job = server.claimed(&worker, json!({})).await;
        let (first, rest) = output.split_at(cut);
        let path = of_job(&job, "events");
        worker.expect(201, &path, json!({"batch": 1, "events": [chunk(first, (0, 1))]})).await;
        // A repeated batch does not change what the next one continues.
        worker.expect(201, &path, json!({"batch": 1, "events": [chunk(first, (0, 1))]})).await;
        // A refused batch does not either.
        let refused =
            json!({"batch": 2, "events": [chunk(rest, (cut, 1)), {"message": "", "payload": {"kind": "end"}}]});
        worker.refused((422, "invalid_queue_payload"), &path, refused).await;
        worker.expect(201, &path, json!({"batch": 2, "events": [chunk(rest, (cut, 1))]})).await;
        let log = log_of(&server, &job).await;
        assert_eq!(log.len(), output.len(), "a mask keeps the length");
        let shown = log.trim_end().trim_end_matches('*');
        assert!(shown.len() <= 7 && secret.starts_with(shown), "{cut}: {log}");
        let events = server.api.events(id_of(&job)).await;
        let texts: Vec<_> = of_kind(&events, "log").iter().map(|event| event["message"].clone()).collect();
        assert_eq!(texts, [&log[..cut], &log[cut..]], "{cut}");
        worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    }
}

#[tokio::test]
async fn a_secret_that_is_divided_between_requests_with_suppressed_output_is_masked() {
    let server = TestServer::start().await;
    let secret = "hunter2-of-the-server";
    let set = server.api.request(Method::PUT, "/secrets/OF_SERVER").json(&json!({"value": secret}));
    assert_eq!(set.send().await.expect("the server answers").status(), 201);
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let output = format!("{secret} and {secret}\n");
    let cut = secret.len() + " and ".len() + 10;
    for part in [0..cut, cut..output.len()] {
        let body = json!({"leaseEpoch": 1, "chunks": [chunk(&output[part.clone()], (part.start, 1))]});
        for _ in 0..2 {
            worker.expect(200, &of_job(&job, "output"), body.clone()).await;
        }
    }
    let log = log_of(&server, &job).await;
    assert_eq!(log, format!("{0} and {0}\n", "*".repeat(secret.len())));
}
