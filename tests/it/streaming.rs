//! However often a stream is interrupted, the reader receives every event exactly once and in order, and then the end
//! of the stream.

mod limits;
mod outside;
mod per_user;
mod refused;
mod several;

use std::sync::Arc;

use engine::queue::Ending;
use serde_json::json;

use crate::harness::gate::Gate;
use crate::harness::page::seq_of;
use crate::harness::sse::{Frame, Stream};
use crate::harness::store::{Output, Store};
use crate::harness::{Api, Random, TestServer};

/// Starts a server with a finished job that has three steps, two streams and about `events` events.
async fn finished_job(name: &str, events: usize) -> (TestServer, String) {
    let store = Store::open().await;
    let id = store.submit().await;
    store.attempt(&mut Output::new(Random::new(name), 5..=80), events, Ending::Succeeded).await;
    (TestServer::start_over(store.close().await, |_| {}).await, id)
}

/// How a reader sends its cursor when it reconnects.
#[derive(Clone, Copy, Debug)]
enum Resume {
    LastEventId,
    After,
    /// Both values are sent. One is the cursor, and the other is older. The server uses the greater one.
    Both,
}

/// Opens the stream after `cursor`, sending the cursor in a randomly chosen way.
async fn resume(api: &Api, id: &str, filter: &str, cursor: i64, random: &mut Random) -> Stream {
    let earlier = i64::try_from(random.below(2_000)).expect("the number is small").min(cursor);
    let (after, last_event_id) = match [Resume::LastEventId, Resume::After, Resume::Both][random.below(3)] {
        Resume::LastEventId => (None, Some(cursor)),
        Resume::After => (Some(cursor), None),
        Resume::Both if random.below(2) == 0 => (Some(cursor), Some(earlier)),
        Resume::Both => (Some(earlier), Some(cursor)),
    };
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    Stream::open(api, id, &format!("?{filter}{after}"), last_event_id).await
}

/// A reader that disconnects repeatedly.
struct CutReader<'a> {
    api: &'a Api,
    id: &'a str,
    filter: &'a str,
    random: Random,
    cursor: i64,
    items: Vec<String>,
}

impl<'a> CutReader<'a> {
    fn new(server: &'a TestServer, id: &'a str, filter: &'a str) -> Self {
        Self { api: &server.api, id, filter, random: Random::new(filter), cursor: 0, items: Vec::new() }
    }

    /// Reads up to the event `last`, or to the end of the stream. Reconnects after a random number of frames, at most
    /// `piece`.
    async fn read_to(&mut self, last: i64, piece: usize) {
        while self.cursor < last {
            let mut stream = resume(self.api, self.id, self.filter, self.cursor, &mut self.random).await;
            for _ in 0..=self.random.below(piece) {
                let frame = stream.next().await.expect("a stream does not end before its last frame");
                let before = std::mem::replace(&mut self.cursor, frame.id.expect("every frame has an id"));
                if frame.event == "terminal" {
                    assert_eq!(frame.json(), json!({"status": "succeeded", "lastSeq": last}));
                    break;
                }
                assert_eq!((frame.event.as_str(), seq_of(&frame.data)), ("queue_event", self.cursor));
                assert!(self.cursor > before, "{} comes again after {before}", self.cursor);
                self.items.push(frame.data);
            }
        }
        assert_eq!(self.cursor, last, "nothing follows the end");
    }

    /// Reads to the end of a finished job, and checks that the events are the same as when polling.
    async fn check_to_the_end(mut self, piece: usize) {
        let last = self.api.page(self.id, "limit=1").await.last_seq;
        self.read_to(last, piece).await;
        let expected = self.api.raw_items(self.id, &format!("&{}", self.filter), 500).await;
        assert!(self.items == expected, "{}: {} events, not {}", self.filter, self.items.len(), expected.len());
        for (query, last_event_id) in [(format!("?{}", self.filter), Some(last)), (format!("?after={last}"), None)] {
            let reply = Stream::request(self.api, self.id, &query, last_event_id).await;
            assert_eq!(reply.status(), 204, "a reader that has received the end receives nothing more");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_2000_events_resumed_after_every_frame_delivers_every_event_once_in_order() {
    let server = TestServer::start_with(|config| config.jobs.live_events_per_second = 10_000).await;
    let (enough, over) = (Gate::new(), Gate::new());
    let print = "echo out $i; echo err $i >&2; i=$((i+1)); sleep 0.002";
    let run = format!("i=0; until {}; do {print}; done; {}", enough.is_open(), over.wait());
    let id = server.api.submit(json!({"run": run})).await;
    let has_enough = |job: &serde_json::Value| job["lastSeq"].as_i64() >= Some(2_000);
    server.api.job_when(&id, "has 2,000 events", has_enough).await;
    enough.open();
    // The recent events of a running job are read from memory, and those of a finished job from the database.
    let mut readers = ["", "kind=log&stream=stderr"].map(|filter| CutReader::new(&server, &id, filter));
    for reader in &mut readers {
        let so_far = server.api.raw_items(&id, &format!("&{}", reader.filter), 500).await;
        reader.read_to(seq_of(so_far.last().expect("the list is not empty")), 1).await;
    }
    over.open();
    server.api.ended(&id).await;
    for reader in readers {
        reader.check_to_the_end(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_stream_resumed_after_every_frame_delivers_every_event_once_in_order() {
    let (server, id) = finished_job("every_frame", 700).await;
    for filter in ["kind=log&stream=stderr&stepId=test", "kind=step,job,attempt,end"] {
        CutReader::new(&server, &id, filter).check_to_the_end(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_resumed_at_random_positions_delivers_every_event_once_in_order() {
    let (server, id) = finished_job("anywhere", 2_000).await;
    for filter in ["", "stepId=test", "level=warn", "kind=log&stream=stdout&attempt=1"] {
        CutReader::new(&server, &id, filter).check_to_the_end(250).await;
    }
}

#[tokio::test]
async fn a_cursor_at_or_beyond_the_end_of_a_finished_job_gets_204() {
    let server = TestServer::start().await;
    let (id, job) = server.api.run("echo done").await;
    let last = job["lastSeq"].as_i64().expect("a seq");
    let end = server.api.events(&id).await.last().expect("the list is not empty")["createdAt"].clone();
    let end = end.as_str().expect("a time");
    for cursor in [last, last + 1, i64::MAX] {
        let by_id = Stream::request(&server.api, &id, "", Some(cursor)).await;
        assert_eq!(by_id.status(), 204, "Last-Event-ID: {cursor}");
        let by_after = Stream::request(&server.api, &id, &format!("?kind=log&after={cursor}"), None).await;
        assert_eq!(by_after.status(), 204, "after={cursor}");
    }
    let by_time = Stream::request(&server.api, &id, &format!("?after={end}"), None).await;
    assert_eq!(by_time.status(), 204);
    let mut before_the_end = Stream::open(&server.api, &id, "", Some(last - 1)).await;
    let kinds: Vec<String> = before_the_end.rest().await.into_iter().map(|frame| frame.event).collect();
    assert_eq!(kinds, ["queue_event", "terminal"]);
}

#[tokio::test]
async fn a_cursor_beyond_the_end_of_a_running_job_is_treated_as_the_end() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("echo before; {}; echo after", gate.wait())})).await;
    let has_begun = |events: &[serde_json::Value]| events.iter().any(|event| event["message"] == "before\n");
    server.api.events_when(&id, "contain its first line", has_begun).await;
    let mut stream = Stream::open(&server.api, &id, "?after=1000000", Some(i64::MAX)).await;
    gate.open();
    let frames = stream.rest().await;
    assert_eq!(frames[0].json()["message"], "after\n", "a cursor beyond the end loses nothing");
    assert_eq!(frames.last().map(|frame| frame.event.as_str()), Some("terminal"));
}

/// Checks that the frames of a reader contain the complete event log, followed by the end of the stream.
async fn check_complete(api: &Api, id: &str, frames: Vec<Frame>) {
    let is_event = |frame: &Frame| frame.event == "queue_event";
    let kinds: Vec<&str> = frames.iter().filter(|frame| !is_event(frame)).map(|frame| frame.event.as_str()).collect();
    assert_eq!(kinds, ["terminal"], "{id}");
    assert_eq!(frames.last().map(|frame| frame.event.as_str()), Some("terminal"), "{id}");
    let items: Vec<String> = frames.into_iter().filter(is_event).map(|frame| frame.data).collect();
    assert!(items == api.raw_items(id, "", 500).await, "a reader of {id} receives the whole log");
}

#[tokio::test]
async fn a_reader_that_connects_before_the_job_runs_receives_every_event() {
    let (server, gate) = (TestServer::start_with(|config| config.jobs.concurrency = 1).await, Gate::new());
    let first = server.api.submit(json!({"run": gate.wait()})).await;
    let id = server.api.submit(json!({"run": "for i in 1 2 3; do echo $i; echo e$i >&2; done"})).await;
    let mut stream = Stream::open(&server.api, &id, "", None).await;
    let queued = stream.next().await.expect("the event is already stored");
    assert_eq!(queued.json()["payload"]["status"], "queued");
    assert_eq!(server.api.job(&first).await["status"], "running");
    gate.open();
    let mut frames = stream.rest().await;
    frames.insert(0, queued);
    check_complete(&server.api, &id, frames).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_connect_at_any_moment_receive_complete_logs() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 4).await;
    let mut random = Random::new("any_moment");
    let api = Arc::new(server.api.clone());
    let mut readers = Vec::new();
    for number in 0..40 {
        let lines = random.below(30);
        let run = format!("i=0; while [ $i -lt {lines} ]; do echo {number} $i; i=$((i+1)); done");
        let id = api.submit(json!({"run": run})).await;
        for _ in 0..4 {
            // Each reader first queries the job `looks` times, so that the readers connect at different times.
            let (api, id, looks) = (Arc::clone(&api), id.clone(), random.below(12));
            readers.push(tokio::spawn(async move {
                for _ in 0..looks {
                    api.job(&id).await;
                }
                let frames = Stream::open(&api, &id, "", None).await.rest().await;
                check_complete(&api, &id, frames).await;
            }));
        }
    }
    for reader in readers {
        reader.await.expect("every reader sees the complete log");
    }
}
