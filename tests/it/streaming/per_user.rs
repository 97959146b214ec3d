//! The number of open streams of one user is limited.

use model::Role;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::people::{PASSWORD, Proof, bearer, browser};
use crate::harness::streams::stream_paths;

/// Requests a stream on a new connection.
async fn request(server: &TestServer, path: &str, proof: &Proof) -> Response {
    let client: Client = browser();
    let request = proof.add_to(client.get(format!("{}{path}", server.api.base)), &server.api.base);
    request.send().await.expect("the server answers")
}

async fn open(server: &TestServer, path: &str, proof: &Proof) -> Response {
    let reply = request(server, path, proof).await;
    assert_eq!(reply.status(), 200, "{path}");
    reply
}

/// Checks that a stream is refused because the user has too many.
async fn check_refused(server: &TestServer, path: &str, proof: &Proof) {
    let reply = request(server, path, proof).await;
    assert_eq!(reply.status(), 503, "{path}");
    let seconds: u64 = reply.headers()["retry-after"].to_str().expect("ASCII").parse().expect("a number");
    assert!(seconds > 0);
    let body: Value = reply.json().await.expect("an error is JSON");
    assert_eq!(body["detail"]["code"], "too_many_streams");
    let message = body["detail"]["message"].as_str().expect("an error has a message");
    assert!(message.contains("2 open streams") && message.contains("--streams-per-user"), "{message}");
}

/// Requests a stream until the server permits it. When a client closes another stream, it takes a moment until the
/// server notices.
async fn open_when_permitted(server: &TestServer, path: &str, proof: &Proof) -> Response {
    loop {
        let reply = request(server, path, proof).await;
        match reply.status().as_u16() {
            503 => {}
            status => {
                assert_eq!(status, 200, "{path}");
                return reply;
            }
        }
    }
}

/// Starts a server on which each user may open two streams, and a job that runs until it is cancelled.
async fn server_with_job() -> (TestServer, String) {
    let server = TestServer::start_with(|config| config.streams_per_user = 2).await;
    server.add_user("ada", Role::Operator).await;
    let job = server.api.submit(json!({"run": "echo x; while :; do sleep 0.1; done"})).await;
    server.api.events_when(&job, "contain output", |events| events.len() > 3).await;
    (server, job)
}

#[tokio::test]
async fn the_streams_of_all_sessions_and_tokens_of_a_user_count_together() {
    let (server, job) = server_with_job().await;
    let (session, other) = (server.log_in("ada", PASSWORD).await, server.log_in("ada", PASSWORD).await);
    let token = bearer(&server.create_token(&session, json!({"name": "test"})).await);
    let _one = open(&server, "/api/queue/jobs/stream", &session).await;
    let _two = open(&server, "/api/queue/jobs/stream", &token).await;
    let admin = Proof::Bearer(crate::harness::TOKEN.to_owned());
    for path in stream_paths(&job) {
        for proof in [&session, &other, &token] {
            check_refused(&server, &path, proof).await;
        }
        drop(open_when_permitted(&server, &path, &admin).await);
    }
    assert_eq!(server.status(&format!("/api/queue/jobs/{job}"), &session).await, 200, "other requests are answered");
    assert_eq!(server.status(&format!("/api/queue/jobs/{job}/log/search?q=x"), &session).await, 200, "nor a page");
}

#[tokio::test]
async fn streams_that_the_client_closes_are_given_back() {
    let (server, job) = server_with_job().await;
    let session = server.log_in("ada", PASSWORD).await;
    for path in stream_paths(&job) {
        let open =
            [open_when_permitted(&server, &path, &session).await, open_when_permitted(&server, &path, &session).await];
        drop(open);
    }
}

#[tokio::test]
async fn refused_and_empty_streams_are_given_back() {
    let (server, job) = server_with_job().await;
    let session = server.log_in("ada", PASSWORD).await;
    let unknown = "01890000-0000-7000-8000-000000000000";
    let (ended, _) = server.api.run("true").await;
    for _ in 0..3 {
        for (path, status) in [
            (format!("/api/queue/jobs/{unknown}/events/stream"), 404),
            (format!("/api/queue/jobs/{unknown}/log?follow=true"), 404),
            (format!("/api/queue/jobs/{job}/events/stream?after=x"), 422),
            (format!("/api/queue/jobs/{ended}/events/stream?after=1000"), 204),
            (format!("/api/queue/events/stream?jobs={ended}:1000"), 204),
        ] {
            assert_eq!(request(&server, &path, &session).await.status(), status, "{path}");
        }
    }
    let _both = [
        open(&server, "/api/queue/jobs/stream", &session).await,
        open(&server, "/api/queue/jobs/stream", &session).await,
    ];
}

#[tokio::test]
async fn streams_that_end_with_their_job_or_their_token_are_given_back() {
    let (server, job) = server_with_job().await;
    let session = server.log_in("ada", PASSWORD).await;
    let path = format!("/api/queue/jobs/{job}/events/stream");
    let streams = [open(&server, &path, &session).await, open(&server, &path, &session).await];
    check_refused(&server, &path, &session).await;
    server.api.post(&format!("/jobs/{job}/cancel"), &json!({})).await;
    for stream in streams {
        stream.text().await.expect("the stream ends with its job");
    }
    let created = server.create_token(&session, json!({"name": "test"})).await;
    let token = bearer(&created);
    let path = "/api/queue/jobs/stream";
    let streams = [open_when_permitted(&server, path, &token).await, open_when_permitted(&server, path, &token).await];
    check_refused(&server, path, &session).await;
    let id = created["id"].as_str().expect("a token has an id");
    let revoked = server.api.request(Method::DELETE, &format!("/tokens/{id}")).send().await;
    assert_eq!(revoked.expect("the server answers").status(), 204);
    let _again = open_when_permitted(&server, path, &session).await;
    drop(streams);
}
