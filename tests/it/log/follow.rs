//! `/log?follow=true` sends every byte as it is printed, until the job has finished.

use reqwest::{Method, Response};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::harness::gate::Gate;
use crate::harness::{Api, TestServer, until};

/// A reader that follows a log.
struct Following {
    reply: Response,
    text: String,
}

impl Following {
    async fn open(api: &Api, id: &str, query: &str) -> Self {
        let reply = api.get(&format!("/jobs/{id}/log?follow=true{query}")).await;
        assert_eq!(reply.status(), 200);
        Self { reply, text: String::new() }
    }

    /// Reads until the text received so far equals `expected`.
    async fn reads(&mut self, expected: &str) {
        while self.text != expected {
            assert!(expected.starts_with(&self.text), "{:?} instead of {expected:?}", self.text);
            let more = self.reply.chunk().await.expect("the connection is open").expect("the stream continues");
            self.text.push_str(std::str::from_utf8(&more).expect("the content is text"));
        }
    }

    /// Reads until the server closes the stream, and returns all of the text.
    async fn rest(mut self) -> String {
        while let Some(more) = self.reply.chunk().await.expect("the connection is open") {
            self.text.push_str(std::str::from_utf8(&more).expect("the content is text"));
        }
        self.text
    }
}

#[tokio::test]
async fn a_follower_receives_each_chunk_before_the_next_one_is_printed() {
    let (server, first, second) = (TestServer::start().await, Gate::new(), Gate::new());
    let run = format!("echo one; {}; printf two >&2; {}; echo three", first.wait(), second.wait());
    let id = server.api.submit(json!({"run": run})).await;
    let mut all = Following::open(&server.api, &id, "").await;
    let errors = Following::open(&server.api, &id, "&stream=stderr").await;
    let mut of_step = Following::open(&server.api, &id, "&stepId=run").await;
    all.reads("one\n").await;
    of_step.reads("one\n").await;
    first.open();
    all.reads("one\ntwo").await;
    second.open();
    assert_eq!(all.rest().await, "one\ntwothree\n");
    assert_eq!(errors.rest().await, "two");
    assert_eq!(of_step.rest().await, "one\ntwothree\n");
    assert_eq!(
        Following::open(&server.api, &id, "").await.rest().await,
        "one\ntwothree\n",
        "following a finished job ends immediately"
    );
}

#[tokio::test]
async fn a_followed_log_is_never_compressed_or_buffered_by_proxies() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("echo one; {}", gate.wait())})).await;
    let request =
        server.api.request(Method::GET, &format!("/jobs/{id}/log?follow=true")).header("accept-encoding", "gzip");
    let mut reply = request.send().await.expect("the server answers");
    assert!(!reply.headers().contains_key("content-encoding"));
    assert_eq!(reply.headers()["x-accel-buffering"], "no");
    assert_eq!(reply.headers()["cache-control"], "no-cache, no-transform");
    assert_eq!(reply.chunk().await.expect("the connection is open").expect("a chunk arrives").as_ref(), b"one\n");
    gate.open();
}

#[tokio::test]
async fn a_follower_receives_all_output_even_without_live_events() {
    let (server, gate) = (TestServer::start_with(|config| config.jobs.live_log_events = false).await, Gate::new());
    let id = server.api.submit(json!({"run": format!("echo one; {}; echo two", gate.wait())})).await;
    let mut all = Following::open(&server.api, &id, "").await;
    all.reads("one\n").await;
    gate.open();
    assert_eq!(all.rest().await, "one\ntwo\n");
}

/// Ends the back-off of all waiting jobs, so that their next attempts can be claimed immediately.
async fn skip_back_off(server: &TestServer) {
    let url = format!("sqlite://{}", server.data.path().join("tailwater.sqlite").display());
    let mut database = SqliteConnection::connect(&url).await.expect("the database exists");
    sqlx::query("update jobs set next_attempt_at = null").execute(&mut database).await.expect("the table exists");
    // The submission of another job notifies the worker.
    server.api.submit(json!({"run": "true"})).await;
}

#[tokio::test]
async fn following_can_start_before_the_job_and_continues_with_its_next_attempt() {
    let (server, gate) = (TestServer::start_with(|config| config.jobs.concurrency = 1).await, Gate::new());
    let before = server.api.submit(json!({"run": gate.wait()})).await;
    let run = "echo attempt $TAILWATER_ATTEMPT; test $TAILWATER_ATTEMPT = 2";
    let id = server.api.submit_job(json!({"type": "command", "maxAttempts": 2, "payload": {"run": run}})).await;
    let mut all = Following::open(&server.api, &id, "").await;
    gate.open();
    server.api.ended(&before).await;
    all.reads("attempt 1\n").await;
    server.api.job_when(&id, "waits for its next attempt", |job| !job["nextAttemptAt"].is_null()).await;
    skip_back_off(&server).await;
    all.reads("attempt 1\nattempt 2\n").await;
    assert_eq!(all.rest().await, "attempt 1\nattempt 2\n");
    let log = async |query: &str| server.api.get(&format!("/jobs/{id}/log{query}")).await.text().await.expect("a body");
    assert_eq!(log("").await, "attempt 2\n", "the last attempt is the default");
    assert_eq!(log("?attempt=1").await, "attempt 1\n");
    assert_eq!(log("?attempt=1&follow=true").await, "attempt 1\n", "following one attempt ends with that attempt");
    assert_eq!(server.api.json(&format!("/jobs/{id}/lines?attempt=1")).await["items"][0]["text"], "attempt 1");
}

#[tokio::test]
async fn a_followed_log_counts_as_a_stream_ends_at_shutdown_and_is_refused_to_other_sites() {
    let server = TestServer::start_with(|config| config.streams = 1).await;
    let id = server.api.submit(json!({"run": "echo one; sleep 600"})).await;
    let mut all = Following::open(&server.api, &id, "").await;
    all.reads("one\n").await;
    let refused = server.api.get(&format!("/jobs/{id}/log?follow=true")).await;
    assert_eq!(refused.status(), 503);
    let elsewhere = server
        .api
        .request(Method::GET, &format!("/jobs/{id}/log?follow=true"))
        .header("origin", "https://elsewhere.example");
    assert_eq!(elsewhere.send().await.expect("the server answers").status(), 403);
    let reading = tokio::spawn(all.rest());
    server.stop().await;
    until("the follower's stream has ended", || reading.is_finished()).await;
    assert!(reading.await.expect("the task does not panic").starts_with("one\n"));
}
