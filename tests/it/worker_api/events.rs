//! Events that workers report are masked, and otherwise stored as sent, exactly once and in order.

use serde_json::{Value, json};

use crate::harness::sse::Stream;
use crate::harness::workers::{RemoteWorker, id_of, of_job};
use crate::harness::{Api, TestServer};

/// The number of events of a job that has just been claimed: `queued`, `claimed` and `started`.
const BEFORE: usize = 3;

#[tokio::test]
async fn one_event_is_stored_as_sent_and_returned_as_everyone_reads_it() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let text = "  spaces, \u{0}, é and a newline \n";
    let payload = json!({"kind": "weather", "sky": ["clear", 7, null], "attempt": 1});
    let body = json!({"level": "warn", "message": text, "payload": payload});
    let event = worker.expect(201, &of_job(&job, "events"), body).await;
    let expected = json!({
        "seq": BEFORE + 1, "id": event["id"], "jobId": job["id"], "level": "warn", "message": text,
        "payload": payload, "createdAt": event["createdAt"],
    });
    assert_eq!(event, expected);
    assert!(event["id"].is_string() && event["createdAt"].is_string());
    let plain = worker.expect(201, &of_job(&job, "events"), json!({"message": ""})).await;
    assert_eq!(json!([plain["level"], plain["message"], plain["payload"]]), json!(["info", "", {}]));
    let events = server.api.events(id_of(&job)).await;
    assert_eq!(events[BEFORE..], [event, plain]);
}

#[tokio::test]
async fn output_in_the_form_of_older_workers_is_among_the_logs_and_in_the_stream() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let payload = json!({"kind": "log", "stream": "stdout", "stage": "moonmind.task.execute", "stepId": "tpl"});
    let event = worker.expect(201, &of_job(&job, "events"), json!({"message": "a line", "payload": payload})).await;
    assert_eq!(event["payload"], payload);
    let logs = server.api.events_with(id_of(&job), "&kind=log").await;
    assert_eq!(logs, [event]);
    assert!(server.api.events_with(id_of(&job), "&kind=weather").await.is_empty());
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    let frames = Stream::open(&server.api, id_of(&job), "?kind=log", None).await.rest().await;
    assert_eq!(frames.iter().filter(|frame| frame.event == "queue_event").count(), 1);
    for path in ["log", "lines?from=1"] {
        assert_eq!(server.api.get(&format!("/jobs/{}/{path}", id_of(&job))).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_repeated_batch_stores_nothing_and_is_answered_as_before() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let path = of_job(&job, "events");
    for number in 1..=3 {
        let events: Vec<Value> = (0..number * 2).map(|at| json!({"message": format!("{number}.{at}")})).collect();
        let batch = json!({"batch": number, "leaseEpoch": 1, "events": events});
        let reply = worker.expect(201, &path, batch.clone()).await;
        assert_eq!(reply["items"].as_array().map(Vec::len), Some(number * 2));
        let stored = server.api.events(id_of(&job)).await;
        for _ in 0..3 {
            assert_eq!(worker.expect(201, &path, batch.clone()).await, reply);
        }
        assert_eq!(server.api.events(id_of(&job)).await, stored);
    }
    let single = json!({"batch": 4, "message": "single"});
    let reply = worker.expect(201, &path, single.clone()).await;
    assert_eq!(worker.expect(201, &path, single).await, reply, "a single event can be numbered too");
    for number in [3, 6] {
        worker.refused((422, "invalid_queue_payload"), &path, json!({"batch": number, "message": "x"})).await;
    }
    // Events without a batch number are stored each time they are sent, and do not affect the batch numbers.
    for _ in 0..2 {
        worker.expect(201, &path, json!({"message": "twice"})).await;
    }
    worker.expect(201, &path, json!({"batch": 5, "message": "next"})).await;
    let messages: Vec<Value> =
        server.api.events(id_of(&job)).await.into_iter().skip(BEFORE).map(|event| event["message"].clone()).collect();
    let mut expected: Vec<String> = Vec::new();
    for number in 1..=3 {
        expected.extend((0..number * 2).map(|at| format!("{number}.{at}")));
    }
    expected.extend(["single", "twice", "twice", "next"].map(str::to_owned));
    assert_eq!(json!(messages), json!(expected));
}

#[tokio::test]
async fn an_invalid_event_refuses_its_whole_batch() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let batch =
        json!({"batch": 1, "events": [{"message": "good"}, {"message": "bad", "payload": {"kind": "attempt"}}]});
    worker.refused((422, "invalid_queue_payload"), &of_job(&job, "events"), batch).await;
    assert_eq!(server.api.events(id_of(&job)).await.len(), BEFORE);
    worker.expect(201, &of_job(&job, "events"), json!({"batch": 1, "message": "good"})).await;
}

#[tokio::test]
async fn secrets_are_masked_in_all_texts_of_events() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({"payload": {"API_TOKEN": "hunter2-hunter2"}})).await;
    let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    let body = json!({
        "message": format!("hunter2-hunter2 and {token}"),
        "payload": {"kind": "note", "list": ["a hunter2-hunter2"], "hunter2-hunter2": 1},
    });
    let event = worker.expect(201, &of_job(&job, "events"), body).await;
    let shown = event.to_string();
    assert!(!shown.contains("hunter2") && !shown.contains(&token), "{shown}");
    assert_eq!(event["payload"]["list"], json!(["a [REDACTED]"]));
}

#[tokio::test]
async fn a_batch_may_have_16_mebibytes() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let path = of_job(&job, "events");
    let events: Vec<Value> = (0..15).map(|_| json!({"message": "x".repeat(1 << 20)})).collect();
    let reply = worker.expect(201, &path, json!({"batch": 1, "events": events})).await;
    assert_eq!(reply["items"].as_array().map(Vec::len), Some(15));
    let large = json!({"message": "x".repeat(17 << 20)});
    worker.refused((413, "payload_too_large"), &path, large).await;
    let other = json!({"leaseSeconds": 60, "note": "x".repeat(2 << 20)});
    worker.refused((413, "payload_too_large"), &of_job(&job, "heartbeat"), other).await;
    assert_eq!(server.api.events(id_of(&job)).await.len(), BEFORE + 15);
}

/// Reads all events of a job in pages. `next` derives the next cursor from the last event of a page.
async fn paged(api: &Api, id: &str, fixed: &str, next: impl Fn(&Value) -> String) -> Vec<i64> {
    let (mut seqs, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.json(&format!("/jobs/{id}/events?limit=37{fixed}{cursor}")).await;
        let items = page["items"].as_array().expect("a page has items");
        seqs.extend(items.iter().map(|event| event["seq"].as_i64().expect("an event has a seq")));
        match items.last() {
            Some(last) => cursor = next(last),
            None => return seqs,
        }
    }
}

#[tokio::test]
async fn pages_of_600_events_contain_each_event_once_by_every_cursor_and_in_both_directions() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    for (batch, range) in [(1, 0..500), (2, 500..600)] {
        let events: Vec<Value> = range.map(|number| json!({"message": format!("event {number}")})).collect();
        worker.expect(201, &of_job(&job, "events"), json!({"batch": batch, "events": events})).await;
    }
    let id = id_of(&job);
    let ascending: Vec<i64> = (1..=603).collect();
    let descending: Vec<i64> = (1..=603).rev().collect();
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    let after_time = paged(&server.api, id, "", |last| format!("&after={}", text(&last["createdAt"]))).await;
    let after_both = paged(&server.api, id, "", |last| {
        format!("&after={}&afterEventId={}", text(&last["createdAt"]), text(&last["id"]))
    });
    let after_seq = paged(&server.api, id, "", |last| format!("&after={}", last["seq"]));
    assert_eq!((after_time, after_both.await, after_seq.await), (ascending.clone(), ascending.clone(), ascending));
    let newest_first = "&sort=desc";
    let before_time =
        paged(&server.api, id, newest_first, |last| format!("&before={}", text(&last["createdAt"]))).await;
    let before_both = paged(&server.api, id, newest_first, |last| {
        format!("&before={}&beforeEventId={}", text(&last["createdAt"]), text(&last["id"]))
    });
    let before_seq = paged(&server.api, id, newest_first, |last| format!("&before={}", last["seq"]));
    assert_eq!(
        (before_time, before_both.await, before_seq.await),
        (descending.clone(), descending.clone(), descending)
    );
}
