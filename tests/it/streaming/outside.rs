//! If another server appends events to the same database, the readers of this server receive them, although nothing
//! notifies this server.

use serde_json::json;

use super::check_complete;
use crate::harness::gate::Gate;
use crate::harness::page::seq_of;
use crate::harness::sse::{Frame, Stream};
use crate::harness::store::append_from_outside;
use crate::harness::{TestServer, until_async};

/// Reads the stream up to and including the event `last`, and returns all frames except heartbeats.
async fn read_to(stream: &mut Stream, last: i64) -> Vec<Frame> {
    let mut frames = Vec::new();
    while frames.last().is_none_or(|frame: &Frame| seq_of(&frame.data) < last) {
        let frame = stream.next().await.expect("the job is still running");
        if frame.event != "heartbeat" {
            frames.push(frame);
        }
    }
    frames
}

#[tokio::test]
async fn events_of_another_server_reach_open_streams_and_polls_in_order_and_once() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("echo before; {}; echo after", gate.wait())})).await;
    let has_begun = |events: &[serde_json::Value]| events.iter().any(|event| event["message"] == "before\n");
    server.api.events_when(&id, "contain its first line", has_begun).await;
    let last = server.api.page(&id, "sort=desc&limit=1").await.last_seq;
    let several = server.api.get(&format!("/events/stream?jobs={id}:{last}")).await;
    let (mut one, mut several) = (Stream::open(&server.api, &id, "", None).await, Stream::of(several));
    let mut frames = read_to(&mut one, last).await;
    assert_eq!(server.api.page(&id, &format!("after={last}")).await.seqs(), [0; 0]);

    for message in ["one", "two", "three"] {
        append_from_outside(server.data.path(), &id, message).await;
    }
    let expected = [last + 1, last + 2, last + 3];
    until_async("a poll returns the events", async || {
        let seqs = server.api.page(&id, &format!("after={last}")).await.seqs();
        assert!(seqs.is_empty() || seqs == expected, "{seqs:?}");
        seqs == expected
    })
    .await;
    let seqs = |frames: &[Frame]| frames.iter().map(|frame| seq_of(&frame.data)).collect::<Vec<_>>();
    let received = read_to(&mut one, last + 3).await;
    assert_eq!(seqs(&received), expected);
    assert_eq!(received[2].json()["message"], "three");
    assert_eq!(seqs(&read_to(&mut several, last + 3).await), expected);
    frames.extend(received);

    // This server's worker can append events after an event that another server has appended.
    append_from_outside(server.data.path(), &id, "four").await;
    gate.open();
    frames.extend(one.rest().await.into_iter().filter(|frame| frame.event != "heartbeat"));
    check_complete(&server.api, &id, frames).await;
}

#[tokio::test]
async fn without_an_append_of_its_own_a_server_sends_the_events_of_another_one() {
    let server = TestServer::start().await;
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let last = server.api.page(&id, "limit=1").await.last_seq;
    let mut stream = Stream::open(&server.api, &id, "", Some(last)).await;
    let first = stream.next().await.expect("the job is waiting");
    assert_eq!((first.event.as_str(), first.json()["lastSeq"].as_i64()), ("heartbeat", Some(last)));
    append_from_outside(server.data.path(), &id, "one").await;
    let received = read_to(&mut stream, last + 1).await;
    assert_eq!((received.len(), &received[0].json()["message"]), (1, &json!("one")));
}
