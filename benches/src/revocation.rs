//! Benchmarks of how long the streams of a credential remain open after the credential was revoked.

use std::time::Instant;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::figures::{millis, percentile, row};
use crate::server::Server;

/// The number of streams that each credential has opened when it is revoked.
const STREAMS: usize = 500;

/// The number of sessions that are revoked one after the other. The same number of tokens is revoked.
const ROUNDS: usize = 10;

const PASSWORD: &str = "correct horse battery";

/// Measures the time from the request that revokes a credential until each of its streams is closed.
pub async fn revocation() {
    let server = Server::start();
    let client = Client::new(&server.address);
    let job = client.submit(&json!({"run": "echo begun; sleep 600"})).await;
    let user = json!({"name": "ada", "role": "viewer", "password": PASSWORD}).to_string();
    let created = client.reply("POST", "/users", &user).await;
    assert!(created.starts_with("HTTP/1.1 201 "), "{created}");
    let paths = [format!("/api/queue/jobs/{job}/events/stream"), format!("/api/queue/jobs/{job}/log?follow=true")];
    for kind in ["token", "session"] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let (header, revoke) = if kind == "token" { token(&client).await } else { session(&client).await };
            let mut streams = Vec::new();
            for path in paths.iter().cycle().take(STREAMS) {
                streams.push(open(&client.address, path, &header).await);
            }
            let start = Instant::now();
            let closed: Vec<JoinHandle<u64>> =
                streams.into_iter().map(|stream| tokio::spawn(until_closed(stream, start))).collect();
            let revoked = client.reply("DELETE", &revoke, "").await;
            assert!(revoked.starts_with("HTTP/1.1 204 "), "{revoked}");
            for stream in closed {
                times.push(stream.await.expect("reading a stream does not panic"));
            }
        }
        row(
            &format!("{STREAMS} streams of a revoked {kind}: closed, p99"),
            &millis(percentile(&mut times, 0.99)),
            "5 s",
        );
        row("  the last", &millis(percentile(&mut times, 1.0)), "5 s");
    }
    client.cancel(&job).await;
}

/// Creates an API token. Returns the header with which it is sent, and the path of the request that revokes it.
async fn token(client: &Client) -> (String, String) {
    let created = client.create_token("viewer").await;
    let member = |name: &str| created[name].as_str().expect("a token was created").to_owned();
    (format!("Authorization: Bearer {}", member("token")), format!("/tokens/{}", member("id")))
}

/// Logs in. Returns the header with which the session's cookie is sent, and the path of the request that ends it.
async fn session(client: &Client) -> (String, String) {
    let form = format!("name=ada&password={}", PASSWORD.replace(' ', "+"));
    let reply = client.log_in(&form).await;
    let cookie = reply.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    let cookie = cookie.unwrap_or_else(|| panic!("a session begins: {reply}"));
    let sessions = client.get("/sessions?user=ada").await;
    let id = sessions["items"][0]["id"].as_str().expect("the session is listed");
    (format!("Cookie: {cookie}"), format!("/sessions/{id}"))
}

/// Opens a stream and reads the beginning of the reply.
async fn open(address: &str, path: &str, header: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.expect("the server listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    let mut reply = [0; 1024];
    let count = socket.read(&mut reply).await.expect("the server answers");
    assert!(reply[..count].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&reply[..count]));
    socket
}

/// Reads a stream until the server closes it, and returns the time since `start` in nanoseconds.
async fn until_closed(mut stream: TcpStream, start: Instant) -> u64 {
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer).await {}
    u64::try_from(start.elapsed().as_nanos()).expect("the benchmark is shorter than centuries")
}
