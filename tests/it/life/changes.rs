//! A client of `/jobs/stream` receives every job that changes, including jobs that changed while the client was
//! disconnected.

use std::collections::HashMap;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::sse::{Frame, Stream};
use crate::harness::{Random, TestServer, until};

async fn request(server: &TestServer, query: &str, last_event_id: Option<i64>) -> Response {
    let mut request = server.api.request(Method::GET, &format!("/jobs/stream{query}"));
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id.to_string());
    }
    request.send().await.expect("the server answers")
}

async fn open(server: &TestServer, last_event_id: Option<i64>) -> Stream {
    let reply = request(server, "", last_event_id).await;
    assert_eq!(
        (reply.status().as_u16(), reply.headers()["content-type"].to_str().ok()),
        (200, Some("text/event-stream"))
    );
    Stream::of(reply)
}

/// Reads up to the next frame with a job. Panics after six heartbeats without a job.
async fn next_job(stream: &mut Stream) -> Frame {
    for _ in 0..6 {
        let frame = stream.next().await.expect("the stream continues");
        if frame.event == "job" {
            return frame;
        }
        assert_eq!(frame.event, "heartbeat");
    }
    panic!("a minute of heartbeats, and no job");
}

#[tokio::test]
async fn each_state_change_sends_the_job_as_it_appears_in_the_list() {
    let server = TestServer::start().await;
    let earlier = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let mut stream = open(&server, None).await;
    assert_eq!(
        stream.next().await.map(|frame| frame.event).as_deref(),
        Some("heartbeat"),
        "the first frame gives the cursor"
    );
    let id = server.api.submit(json!({"run": "echo one; echo two", "title": "changes"})).await;
    let mut last = None;
    while last.as_ref().is_none_or(|job: &Value| job["status"] != "succeeded") {
        let job = next_job(&mut stream).await.json();
        assert_eq!((&job["id"], &job["title"], &job["payload"]), (&json!(id), &json!("changes"), &Value::Null));
        last = Some(job);
    }
    let listed = server.api.json("/jobs?summary=true&limit=1").await;
    assert_eq!(last, listed["items"].get(0).cloned(), "the same as in the list");
    server.api.post(&format!("/jobs/{earlier}/cancel"), &json!({})).await;
    let cancelled = next_job(&mut stream).await.json();
    assert_eq!((&cancelled["id"], &cancelled["status"]), (&json!(earlier), &json!("cancelled")));
}

#[tokio::test]
async fn a_reader_that_connects_before_the_first_job_misses_no_change() {
    let server = TestServer::start().await;
    let first = open(&server, None).await.next().await.expect("a heartbeat");
    assert_eq!(first.id, Some(0));
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let mut again = open(&server, first.id).await;
    assert_eq!(next_job(&mut again).await.json()["id"], json!(id), "0 is a valid cursor");
    let mut anew = open(&server, None).await;
    assert_eq!(anew.next().await.and_then(|frame| frame.id), Some(1), "without a cursor the stream begins at the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeatedly_disconnected_reader_ends_up_with_the_current_list() {
    let server = TestServer::start().await;
    let mut random = Random::new("cut_off");
    let mut known: HashMap<String, Value> = HashMap::new();
    let first = open(&server, None).await.next().await.expect("a heartbeat");
    let mut cursor = first.id.expect("a heartbeat has an id");
    let mut submitted = Vec::new();
    for number in 0..30 {
        submitted.push(server.api.submit(json!({"run": format!("echo {number}; exit {}", random.below(2))})).await);
        if random.below(3) > 0 {
            continue;
        }
        let mut stream = open(&server, Some(cursor)).await;
        for _ in 0..random.below(4) {
            let frame = next_job(&mut stream).await;
            assert!(frame.id.is_some_and(|id| id > cursor), "changes come in order");
            cursor = frame.id.unwrap_or(cursor);
            known.insert(frame.json()["id"].to_string(), frame.json());
            let over = |job: &Value| job["status"] == "succeeded" || job["status"] == "failed";
            if known.len() == submitted.len() && known.values().all(over) {
                break;
            }
        }
    }
    for id in &submitted {
        server.api.ended(id).await;
    }
    let mut stream = open(&server, Some(cursor)).await;
    let listed = server.api.json("/jobs?summary=true&limit=200").await;
    for job in listed["items"].as_array().expect("a page has items") {
        while known.get(&job["id"].to_string()) != Some(job) {
            let frame = next_job(&mut stream).await;
            known.insert(frame.json()["id"].to_string(), frame.json());
        }
    }
}

#[tokio::test]
async fn the_job_stream_is_limited_refused_to_other_sites_and_closed_at_shutdown() {
    let server = TestServer::start_with(|config| config.streams = 1).await;
    let table = [("?after=-1", 422), ("?after=x", 422), ("?status=queued", 422)];
    for (query, status) in table {
        assert_eq!(request(&server, query, None).await.status(), status, "{query}");
    }
    let foreign = server.api.request(Method::GET, "/jobs/stream").header("origin", "https://elsewhere.example");
    assert_eq!(foreign.send().await.expect("the server answers").status(), 403);
    let by_nobody = server.api.client.get(format!("{}/api/queue/jobs/stream", server.api.base)).send().await;
    assert_eq!(by_nobody.expect("the server answers").status(), 401);
    // A cursor beyond the last change, for example from a previous database, is treated as the number of the last
    // change.
    let mut stream = open(&server, Some(1_000_000)).await;
    assert_eq!(stream.next().await.and_then(|frame| frame.id), Some(0));
    assert_eq!(request(&server, "", None).await.status(), 503);
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    assert_eq!(next_job(&mut stream).await.json()["id"], json!(id));
    let reading = tokio::spawn(async move { stream.next().await });
    server.stop().await;
    until("the reader's stream has ended", || reading.is_finished()).await;
    assert_eq!(reading.await.expect("the task does not panic"), None);
}
