//! The number of open connections is limited. Idle connections make way for new ones, but connections in use never do.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{TOKEN, TestServer, tcp, until_async};

/// The maximum number of connections in these tests.
const LIMIT: usize = 3;

async fn server() -> TestServer {
    TestServer::start_with(|config| (config.connections, config.limits.idle) = (Some(LIMIT), Duration::ZERO)).await
}

/// Opens an event stream of a job on a new connection.
async fn stream(server: &TestServer, id: &str) -> TcpStream {
    let mut socket = tcp::connect(&server.api.base).await;
    let path = format!("/api/queue/jobs/{id}/events/stream");
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("the server reads it");
    assert!(tcp::read_until(&mut socket, "queue_event").await.contains("200 OK"));
    socket
}

#[tokio::test]
async fn a_connection_is_refused_with_an_answer_while_all_others_are_in_use() {
    let server = server().await;
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let mut streams = Vec::new();
    for _ in 0..LIMIT {
        streams.push(stream(&server, &id).await);
    }
    let refused = tcp::get(&server.api.base, "/healthz", "").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "too_many_connections"), "{refused:?}");
    assert!(refused.head.contains("\r\nretry-after: 5"), "{refused:?}");
    assert!(refused.body.contains("3 connections are already in use"), "{refused:?}");
    streams.pop();
    until_async("a connection is free", async || tcp::get(&server.api.base, "/healthz", "").await.status == 200).await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    for mut socket in streams {
        let rest = tcp::read_until(&mut socket, "event: terminal").await;
        assert!(rest.contains("event: terminal"), "a stream is never closed for another connection: {rest}");
    }
}

#[tokio::test]
async fn idle_connections_make_way_for_new_ones() {
    let server = server().await;
    let mut sockets = Vec::new();
    for _ in 0..LIMIT + 2 {
        sockets.push(tcp::connect(&server.api.base).await);
    }
    for socket in &mut sockets[..2] {
        assert_eq!(
            socket.read(&mut [0]).await.unwrap_or(0),
            0,
            "the connections that were idle the longest are closed"
        );
    }
    let last = sockets.last_mut().expect("there are some");
    last.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.expect("the server reads it");
    assert!(tcp::read_until(last, "\r\n\r\n").await.starts_with("HTTP/1.1 200"));
}
