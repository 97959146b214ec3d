//! Tests of `/events/stream`, which sends the events of several jobs.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::gate::Gate;
use crate::harness::page::seq_of;
use crate::harness::sse::{Frame, Stream};
use crate::harness::{Api, Random, TestServer};

async fn request(api: &Api, query: &str, last_event_id: Option<&str>) -> reqwest::Response {
    let mut request = api.request(Method::GET, &format!("/events/stream?{query}"));
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    request.send().await.expect("the server answers")
}

async fn open(api: &Api, query: &str) -> Stream {
    let reply = request(api, query, None).await;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    Stream::of(reply)
}

/// Returns the job and the `seq` in a frame's id.
fn place(frame: &Frame) -> (String, i64) {
    let (job, seq) = frame.key.split_once(':').expect("an id has a colon");
    (job.to_owned(), seq.parse().expect("a seq is a number"))
}

/// The events of one job that a reader has received.
#[derive(Default)]
struct Received {
    items: Vec<Value>,
    cursor: i64,
    is_over: bool,
}

/// Reads the events of all jobs to their ends. Reconnects after random numbers of frames.
async fn read_all(api: &Api, ids: &[String], random: &mut Random) -> HashMap<String, Received> {
    let mut received: HashMap<String, Received> = ids.iter().map(|id| (id.clone(), Received::default())).collect();
    while received.values().any(|of| !of.is_over) {
        let open_jobs = received.iter().filter(|(_, of)| !of.is_over);
        let jobs: Vec<String> = open_jobs.map(|(id, of)| format!("{id}:{}", of.cursor)).collect();
        let mut stream = open(api, &format!("jobs={}", jobs.join(","))).await;
        for _ in 0..=random.below(60) {
            let Some(frame) = stream.next().await else { break };
            let (job, seq) = place(&frame);
            let of = received.get_mut(&job).expect("a requested job");
            match frame.event.as_str() {
                "queue_event" => {
                    assert_eq!((seq_of(&frame.data), seq), (of.cursor + 1, of.cursor + 1), "in order, each once");
                    of.cursor = seq;
                    of.items.push(frame.json());
                }
                "terminal" => {
                    assert_eq!(frame.json(), json!({"jobId": job, "status": "succeeded", "lastSeq": of.cursor}));
                    of.is_over = true;
                }
                other => panic!("unexpected: {other}"),
            }
        }
    }
    received
}

#[tokio::test]
async fn a_stream_of_several_jobs_has_the_events_of_each_once_and_in_order() {
    let server = TestServer::start().await;
    let gate = Gate::new();
    let mut ids = Vec::new();
    for number in 0..4 {
        let run = format!("for i in $(seq {}); do echo $i; sleep 0.001; done; {}; echo last", number * 40, gate.wait());
        ids.push(server.api.submit(json!({"run": run})).await);
    }
    let mut random = Random::new("several");
    let reading = read_all(&server.api, &ids, &mut random);
    let opening = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        gate.open();
    };
    let (received, ()) = tokio::join!(reading, opening);
    for id in &ids {
        assert_eq!(received[id].items, server.api.events(id).await, "as by polling");
    }
    let all: Vec<String> = ids.iter().map(|id| format!("{id}:{}", received[id].cursor)).collect();
    let reply = request(&server.api, &format!("jobs={}", all.join(",")), None).await;
    assert_eq!(reply.status(), 204, "there is nothing to send any more");
}

#[tokio::test]
async fn a_finished_job_ends_and_the_others_go_on() {
    let server = TestServer::start().await;
    let (finished, _) = server.api.run("echo done").await;
    let gate = Gate::new();
    let running = server.api.submit(json!({"run": gate.wait()})).await;
    let last = server.api.job(&finished).await["lastSeq"].as_i64().expect("a number");
    let mut stream = open(&server.api, &format!("jobs={finished}:{last},{running}:0")).await;
    let first = stream.next().await.expect("the stream is open");
    assert_eq!((first.event.as_str(), place(&first)), ("terminal", (finished, last)));
    gate.open();
    while let Some(frame) = stream.next().await {
        assert_eq!(place(&frame).0, running);
        if frame.event == "terminal" {
            assert!(stream.next().await.is_none(), "the stream ends with the last job");
            return;
        }
    }
    panic!("the stream ended before the job");
}

#[tokio::test]
async fn lifecycle_events_are_sent_without_output() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 100").await;
    let mut stream = open(&server.api, &format!("lifecycle={id}:2")).await;
    let mut kinds = Vec::new();
    while let Some(frame) = stream.next().await {
        kinds.push(frame.json()["payload"]["kind"].as_str().unwrap_or("terminal").to_owned());
    }
    assert_eq!(kinds, ["attempt", "stage", "step", "step", "stage", "artifact", "attempt", "job", "end", "terminal"]);
}

#[tokio::test]
async fn a_reconnected_stream_continues_after_the_last_event_id() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 100").await;
    let reply = request(&server.api, &format!("jobs={id}:0"), Some(&format!("{id}:5"))).await;
    let first = Stream::of(reply).next().await.expect("the stream is open");
    assert_eq!(place(&first), (id, 6));
}

#[tokio::test]
async fn an_unknown_job_does_not_prevent_others_from_being_streamed() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("echo one").await;
    let unknown = uuid::Uuid::now_v7();
    let mut stream = open(&server.api, &format!("jobs={unknown}:0,{id}:0")).await;
    let refused = stream.next().await.expect("the stream is open");
    assert_eq!((refused.event.as_str(), refused.json()), ("refused", json!({"jobId": unknown, "status": 404})));
    let next = stream.next().await.expect("the stream goes on");
    assert_eq!(place(&next), (id, 1));
}

#[tokio::test]
async fn a_request_without_valid_positions_is_refused_with_the_reason() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("echo one").await;
    let many: Vec<String> = (0..51).map(|_| format!("{}:0", uuid::Uuid::now_v7())).collect();
    for (query, reason) in [
        (String::new(), "specify 1 to 50 jobs"),
        ("jobs=".to_owned(), "specify 1 to 50 jobs"),
        (format!("jobs={}", many.join(",")), "not 51"),
        (format!("jobs={id}"), "is not the id of a job, a colon and a seq"),
        (format!("jobs={id}:-1"), "is not the id of a job, a colon and a seq"),
        (format!("jobs={id}:1,"), "is not the id of a job, a colon and a seq"),
        ("lifecycle=x:1".to_owned(), "lifecycle: \"x:1\" is not"),
        (format!("jobs={id}:1&lifecycle={id}:1"), "is given more than once"),
        (format!("jobs={id}:1&after=3"), "after is not a parameter of this path"),
    ] {
        let reply = request(&server.api, &query, None).await;
        assert_eq!(reply.status(), 422, "{query}");
        let body = reply.text().await.expect("a body");
        assert!(body.contains(&reason.replace('"', "\\\"")), "{query}: {body}");
    }
    let reply = request(&server.api, &format!("jobs={id}:1"), Some("12")).await;
    assert_eq!(reply.status(), 400, "it does not name a job");
}
