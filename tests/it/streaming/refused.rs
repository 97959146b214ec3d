//! Tests of refused stream requests, of heartbeats, and of the response headers of a stream.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::sse::Stream;
use crate::harness::{TestServer, until};

#[tokio::test]
async fn an_invalid_stream_request_is_refused_before_the_stream_begins() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("true").await;
    let unknown = "01890000-0000-7000-8000-000000000000";
    let table = [
        (unknown, "", 404, "job_not_found"),
        ("42", "", 404, "job_not_found"),
        (&id, "?before=3", 422, "invalid_query"),
        (&id, "?beforeEventId=01890000-0000-7000-8000-000000000000", 422, "invalid_query"),
        (&id, "?sort=desc", 422, "invalid_query"),
        (&id, "?sort=up", 422, "invalid_query"),
        (&id, "?after=yesterday", 422, "invalid_query"),
        (&id, "?after=-1", 422, "invalid_query"),
        (&id, "?afterEventId=01890000-0000-7000-8000-000000000000", 422, "invalid_query"),
        (&id, "?level=loud", 422, "invalid_query"),
        (&id, "?tail=5", 422, "invalid_query"),
    ];
    for (job, query, status, code) in table {
        let reply = Stream::request(&server.api, job, query, None).await;
        assert_eq!(reply.status(), status, "{job} {query}");
        let body: Value = reply.json().await.expect("an error is JSON");
        assert_eq!(body["detail"]["code"], code, "{job} {query}");
    }
    for accepted in ["?limit=5&pollIntervalMs=200&sort=asc", "?limit=nonsense", "?after=&kind="] {
        assert_eq!(Stream::request(&server.api, &id, accepted, None).await.status(), 200, "{accepted}");
    }
}

#[tokio::test]
async fn a_malformed_last_event_id_is_an_invalid_cursor() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("true").await;
    let path = format!("/jobs/{id}/events/stream");
    for value in ["x", "-1", "1.5", "1 2", "0x1", "99999999999999999999"] {
        let reply = server.api.request(Method::GET, &path).header("last-event-id", value).send().await;
        let reply = reply.expect("the server answers");
        assert_eq!(reply.status(), 400, "{value}");
        let body: Value = reply.json().await.expect("an error is JSON");
        assert_eq!(body["detail"]["code"], "invalid_cursor", "{value}");
    }
    let not_utf_8 = reqwest::header::HeaderValue::from_bytes(b"\xff").expect("it is a valid header value");
    let reply = server.api.request(Method::GET, &path).header("last-event-id", not_utf_8).send().await;
    assert_eq!(reply.expect("the server answers").status(), 400);
}

#[tokio::test]
async fn the_headers_of_a_stream_prevent_buffering_by_proxies() {
    let server = TestServer::start().await;
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let reply = Stream::request(&server.api, &id, "", None).await;
    let header = |name: &str| reply.headers()[name].to_str().expect("the header is ASCII").to_owned();
    assert_eq!(reply.status(), 200);
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(header("cache-control"), "no-cache, no-transform");
    assert_eq!(header("x-accel-buffering"), "no");
    assert!(!reply.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn more_streams_than_the_limit_are_refused_until_one_has_closed() {
    let server = TestServer::start_with(|config| config.streams = 2).await;
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let mut first = Stream::open(&server.api, &id, "", None).await;
    let _second = Stream::open(&server.api, &id, "", None).await;
    let reply = Stream::request(&server.api, &id, "", None).await;
    assert_eq!(reply.status(), 503);
    let seconds: u64 = reply.headers()["retry-after"].to_str().expect("ASCII").parse().expect("a number");
    assert!(seconds > 0);
    let body: Value = reply.json().await.expect("an error is JSON");
    assert_eq!(body["detail"]["code"], "too_many_streams");
    assert_eq!(server.api.job(&id).await["status"], "queued", "other requests are answered");
    first.next().await.expect("the open streams continue");
    drop(first);
    let mut status = 503;
    while status != 200 {
        status = Stream::request(&server.api, &id, "", None).await.status().as_u16();
        assert!(matches!(status, 200 | 503), "{status}");
    }
}

#[tokio::test]
async fn a_heartbeat_after_ten_seconds_of_silence_reports_the_last_examined_seq() {
    let server = TestServer::start().await;
    let quiet = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let chatty = server.api.submit(json!({"run": "while :; do echo chat; sleep 0.5; done"})).await;
    let mut unfiltered = Stream::open(&server.api, &quiet, "", None).await;
    let queued = unfiltered.next().await.expect("an event");
    let mut filtered = Stream::open(&server.api, &quiet, "?kind=log", None).await;
    // The filter of this reader excludes all events. The reader, and any proxy in front of it, therefore receives only
    // heartbeats.
    let mut passed_by = Stream::open(&server.api, &chatty, "?stream=stderr", None).await;
    let (one, two, three) = tokio::join!(unfiltered.next(), filtered.next(), passed_by.next());
    for frame in [one, two].map(|frame| frame.expect("the stream is open")) {
        assert_eq!(frame.event, "heartbeat");
        assert_eq!(frame.id, queued.id, "every event has been examined");
        assert_eq!(frame.json()["lastSeq"], 1);
        let time = frame.json()["serverTime"].as_str().map(str::parse::<model::Timestamp>);
        assert!(matches!(time, Some(Ok(_))), "{frame:?}");
    }
    let beat = three.expect("the stream is open");
    assert_eq!(beat.event, "heartbeat");
    let looked_to = beat.id.expect("a heartbeat has an id");
    assert!(looked_to > 5, "beyond the last event sent: {beat:?}");
    let reply = server.api.post(&format!("/jobs/{chatty}/cancel"), &json!({})).await;
    assert_eq!(reply.status(), 200);
    server.api.ended(&chatty).await;
    let rest = Stream::open(&server.api, &chatty, "?stream=stderr", Some(looked_to)).await.rest().await;
    assert_eq!(rest.len(), 1, "a heartbeat's id is a cursor: {rest:?}");
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let server = TestServer::start().await;
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let mut stream = Stream::open(&server.api, &id, "", None).await;
    stream.next().await.expect("an event");
    let reading = tokio::spawn(async move { stream.next().await });
    server.stop().await;
    until("the reader's stream has ended", || reading.is_finished()).await;
    assert_eq!(reading.await.expect("the task does not panic"), None);
}
