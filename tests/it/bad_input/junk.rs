//! Tests of malformed requests and malformed forms.

use std::time::Duration;

use serde_json::json;

use super::check_alive;
use crate::harness::{Random, TOKEN, TestServer, tcp};

/// The fragments from which fuzzed requests are assembled.
const PIECES: [&str; 26] = [
    "GET ",
    "POST ",
    "\0",
    " HTTP/1.1\r\n",
    " HTTP/9.9\r\n",
    "/api/queue/jobs",
    "/%ff%00",
    "?limit=",
    "Host: 127.0.0.1\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: -1\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n",
    "\r\n\r\n",
    "ffffffffffffffff\r\n",
    "0\r\n\r\n",
    "{\"type\":",
    "Cookie: =;;=\r\n",
    "Authorization: Bearer \u{e9}\r\n",
    "Last-Event-ID: \u{1}\r\n",
    "Expect: 100-continue\r\n",
    "Connection: upgrade\r\n",
    "Upgrade: h2c\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a:\r\n b\r\n",
];

fn junk(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    if random.below(2) == 0 {
        let head = "POST /api/queue/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        bytes.extend_from_slice(format!("{head}Authorization: Bearer {TOKEN}\r\n").as_bytes());
    }
    for _ in 0..random.below(20) {
        match random.below(3) {
            0 => bytes.extend((0..random.below(40)).map(|_| u8::try_from(random.below(256)).unwrap_or(0))),
            _ => bytes.extend_from_slice(PIECES[random.below(PIECES.len())].as_bytes()),
        }
    }
    bytes
}

/// Returns whether the input contains anything besides empty lines. A server may ignore empty lines.
fn asks(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_over_tcp_is_always_answered_and_never_kills_the_server() {
    // The server answers incomplete requests with an error after this timeout.
    let short = Duration::from_millis(200);
    let server = TestServer::start_with(|config| {
        config.limits.head = short;
        config.limits.body.stall = short;
    })
    .await;
    let mut random = Random::new("junk");
    for _ in 0..20 {
        let batch = (0..20).map(|_| {
            let (bytes, base) = (junk(&mut random), server.api.base.clone());
            tokio::spawn(async move { (tcp::exchange(&base, &bytes, tcp::Sending::Goes).await, bytes) })
        });
        for exchange in batch.collect::<Vec<_>>() {
            let (reply, bytes) = exchange.await.expect("no panic");
            let text = String::from_utf8_lossy(&reply);
            let answered =
                if asks(&bytes) { text.starts_with("HTTP/1.") && text.contains("\r\n\r\n") } else { text.is_empty() };
            assert!(answered && !text.contains(" 500 "), "{:?} got {text:?}", String::from_utf8_lossy(&bytes));
        }
        check_alive(&server.api).await;
    }
    let (_, job) = server.api.run("echo still here").await;
    assert_eq!(job["status"], "succeeded");
}

#[tokio::test]
async fn an_invalid_login_form_is_refused_with_the_error_envelope() {
    let server = TestServer::start().await;
    let form = "application/x-www-form-urlencoded";
    let table = [
        ("application/json", json!({"token": TOKEN}).to_string(), 415, "unsupported_media_type"),
        (form, "token=a&token=b".to_owned(), 422, "invalid_queue_payload"),
        (form, format!("token={}", "x".repeat(2 << 20)), 413, "payload_too_large"),
    ];
    for (content_type, body, status, code) in table {
        let url = format!("{}/login", server.api.base);
        let request = server.api.client.post(url).header("content-type", content_type).body(body);
        super::check_refused(&server.api, request, (status, code), "").await;
    }
}
