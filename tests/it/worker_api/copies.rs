//! The complete log of a job on another machine is a copy of the output in the job's events, even if the events arrive
//! out of order.

use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::workers::{RemoteWorker, id_of, of_job};

/// Returns a log event of the first attempt.
fn chunk(stream: &str, text: &str, offset: usize) -> Value {
    json!({"message": text, "payload": {
        "kind": "log", "stream": stream, "stage": "execute", "stepId": "run", "stepIndex": 0, "attempt": 1,
        "offset": offset, "bytes": text.len(), "line": 1, "time": "2026-01-31T12:00:00.000000Z", "partial": true,
    }})
}

async fn log_of(server: &TestServer, job: &Value) -> String {
    let reply = server.api.get(&format!("/jobs/{}/log", id_of(job))).await;
    reply.text().await.expect("the log is complete")
}

#[tokio::test]
async fn much_output_after_a_gap_is_copied_when_the_gap_is_filled() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let texts: Vec<String> = ["b", "c", "d", "e", "f"].map(|letter| letter.repeat(700_000)).into();
    for (number, text) in texts.iter().enumerate() {
        worker.expect(201, &of_job(&job, "events"), chunk("stdout", text, 1 + number * 700_000)).await;
    }
    assert_eq!(log_of(&server, &job).await, "");
    let missing = json!({"leaseEpoch": 1, "chunks": [chunk("stdout", "a", 0)]});
    assert_eq!(worker.expect(200, &of_job(&job, "output"), missing).await, json!({"bytes": 3_500_001}));
    assert!(log_of(&server, &job).await == format!("a{}", texts.concat()));
}

#[tokio::test]
async fn streams_that_alternate_are_copied_in_order_even_if_their_events_are_larger_than_a_page() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    // The output alternates between the two streams. Each event contains all pieces of one stream, and its text is
    // longer than a page of text.
    let (piece, count) = (50_000, 30);
    let [mut out, mut err] =
        [("stdout", "o"), ("stderr", "e")].map(|(stream, letter)| chunk(stream, &letter.repeat(piece * count), 0));
    let segments = |first: usize| (0..count).map(|at| json!([(2 * at + first) * piece, piece, 1])).collect::<Vec<_>>();
    (out["payload"]["segments"], err["payload"]["segments"]) = (json!(segments(0)), json!(segments(1)));
    err["payload"]["offset"] = json!(piece);
    worker.expect(201, &of_job(&job, "events"), json!({"batch": 1, "leaseEpoch": 1, "events": [out, err]})).await;
    let expected = ["o".repeat(piece), "e".repeat(piece)].concat().repeat(count);
    assert!(log_of(&server, &job).await == expected);
}

#[tokio::test]
async fn an_event_is_answered_as_stored_although_its_output_cannot_be_copied_yet() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let events = of_job(&job, "events");
    // A file takes the place of the spool's directory, so that the output cannot be stored.
    let spool = server.data.path().join("spool");
    std::fs::create_dir_all(&spool).expect("the folder can be created");
    std::fs::write(spool.join(id_of(&job)), "").expect("the file can be created");
    let stored = worker.expect(201, &events, chunk("stdout", "one ", 0)).await;
    assert_eq!(stored["message"], "one ");
    let numbered = json!({"batch": 1, "leaseEpoch": 1, "events": [chunk("stdout", "two ", 4)]});
    assert_eq!(worker.post(&events, numbered.clone()).await.0, 500, "its worker can repeat it");
    std::fs::remove_file(spool.join(id_of(&job))).expect("the file exists");
    worker.expect(201, &events, numbered).await;
    assert_eq!(log_of(&server, &job).await, "one two ");
    let all = server.api.events_with(id_of(&job), "&kind=log").await;
    assert_eq!(all.len(), 2, "no event is stored twice: {all:?}");
}
