//! Tests of clients that keep the server waiting. Each test shortens one limit, and makes all other limits so long that
//! it never reaches them.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tailwater::limits::PaceLimit;
use tailwater::server::{Route, all_routes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::workers::RemoteWorker;
use crate::harness::{TOKEN, TestServer, tcp, until_async};

/// A limit that is short enough for a test and long enough for a busy machine.
const STALL: Duration = Duration::from_millis(500);

/// A limit that no test reaches.
const NEVER: Duration = Duration::from_hours(1);

/// The maximum time for a response before a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A limit that a client satisfies by sending at least 20 bytes per second without long pauses.
const PACE: PaceLimit = PaceLimit { stall: STALL, bytes_per_second: 20 };

async fn start(change: impl FnOnce(&mut tailwater::limits::Limits)) -> TestServer {
    TestServer::start_with(|config| {
        config.limits.head = NEVER;
        config.limits.body.stall = NEVER;
        config.limits.reply.stall = NEVER;
        change(&mut config.limits);
    })
    .await
}

/// Sends the head of a request with a body of 100 bytes, and the first 3 bytes of the body.
async fn send_part(server: &TestServer, route: &str, headers: &str) -> TcpStream {
    let mut socket = tcp::connect(&server.api.base).await;
    let head = format!("{route} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: 100\r\n\r\nabc");
    socket.write_all(head.as_bytes()).await.expect("the server reads it");
    socket
}

/// Reads a reply until the server closes the connection.
async fn read_to_close(socket: &mut TcpStream) -> tcp::Reply {
    let text = tcp::read_until(socket, "\u{0}").await;
    tcp::parse(text.as_bytes()).unwrap_or_else(|| panic!("no reply: {text:?}"))
}

#[tokio::test]
async fn each_of_300_logins_with_an_incomplete_body_gets_408_and_is_closed() {
    let server = start(|limits| limits.body = PACE).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let mut sockets = Vec::new();
    for _ in 0..300 {
        sockets.push(send_part(&server, "POST /login", form).await);
    }
    for mut socket in sockets {
        let reply = read_to_close(&mut socket).await;
        assert_eq!((reply.status, reply.code().as_str()), (408, "request_timeout"));
        assert!(reply.head.contains("\r\nconnection: close"), "{reply:?}");
    }
}

/// The only route outside the API that changes something and reads no body.
const LOGOUT: &str = "POST /logout";

/// Returns the description of a route, or null for routes that do not belong to the API.
fn operation<'a>(route: &Route, description: &'a Value) -> &'a Value {
    &description["paths"][&route.path][route.method.as_str().to_lowercase()]
}

/// Returns the media types of the bodies that a route accepts. For routes of the API, they are taken from the API's
/// description. Other tests compare the description with the routes.
fn body_types(route: &Route, description: &Value) -> Vec<String> {
    if route.path.starts_with("/api/") {
        let operation = operation(route, description);
        assert!(operation.is_object(), "{} {} is not described", route.method, route.path);
        let content = operation["requestBody"]["content"].as_object();
        return content.into_iter().flat_map(|content| content.keys().cloned()).collect();
    }
    let types: &[&str] = match route.path.strip_prefix("/rpc/") {
        Some(_) => &["application/json", "application/x-www-form-urlencoded"],
        None => &["application/x-www-form-urlencoded"],
    };
    types.iter().map(|&kind| kind.to_owned()).collect()
}

/// Sends the beginning of a request's body, and returns the status of the reply.
async fn status_after_part(server: &TestServer, route: &str, kind: &str, token: &str) -> u16 {
    let boundary = if kind == "multipart/form-data" { "; boundary=x" } else { "" };
    let headers = format!("Content-Type: {kind}{boundary}\r\nAuthorization: Bearer {token}\r\n");
    let mut socket = send_part(server, route, &headers).await;
    let head = tcp::read_until(&mut socket, "\r\n\r\n").await;
    tcp::parse(head.as_bytes()).unwrap_or_else(|| panic!("{route}, {kind}: no reply: {head:?}")).status
}

#[tokio::test]
async fn every_route_that_reads_a_body_has_a_deadline() {
    let server = start(|limits| limits.body = PACE).await;
    let worker = RemoteWorker::new(&server, "slow").await;
    let description = server.api.client.get(format!("{}/api/openapi.json", server.api.base)).bearer_auth(TOKEN);
    let description = description.send().await.expect("the server answers").json().await.expect("the body is JSON");
    let safe = [Method::GET, Method::HEAD];
    let routes = all_routes().into_iter().filter(|route| !safe.contains(&route.method));
    let (mut requests, mut without_body) = (Vec::new(), Vec::new());
    for route in routes {
        let name = format!("{} {}", route.method, route.path);
        let id = "01890000-0000-7000-8000-000000000000";
        let target = name.replace("{id}", id).replace("{name}", "A");
        let is_for_workers = operation(&route, &description)["x-required-role"] == "worker";
        let token = if is_for_workers { worker.token.as_str() } else { TOKEN };
        let kinds = if name == LOGOUT { Vec::new() } else { body_types(&route, &description) };
        if kinds.is_empty() {
            without_body.push((target.clone(), token));
        }
        requests.extend(kinds.into_iter().map(|kind| (target.clone(), kind, token)));
    }
    for route in ["POST /login", "POST /tasks/queue/new", "PUT /api/queue/secrets/A", "POST /api/queue/jobs/claim"] {
        assert!(requests.iter().any(|(target, ..)| target == route), "{route} is not tested");
    }
    let forms = requests.iter().filter(|(_, kind, _)| kind == "multipart/form-data");
    assert_eq!(forms.count(), 2, "a submission with files, and an upload");
    let statuses = requests.iter().map(|(route, kind, token)| status_after_part(&server, route, kind, token));
    let statuses = futures_util::future::join_all(statuses).await;
    let open: Vec<_> = requests.iter().zip(statuses).filter(|(_, status)| *status != 408).collect();
    assert!(open.is_empty(), "without a deadline: {open:#?}");
    // The other routes reply without waiting for the body.
    for (route, token) in without_body {
        let status = status_after_part(&server, &route, "application/json", token).await;
        assert!(status != 408, "{route} reads a body");
    }
}

#[tokio::test]
async fn a_body_that_arrives_too_slowly_is_refused_even_if_it_never_stalls() {
    // One byte every 10 ms is far below this rate. Without the limit, the upload would take almost three hours.
    let pace = PaceLimit { stall: STALL, bytes_per_second: 1_000_000 };
    let server = start(|limits| limits.body = pace).await;
    let json = format!("Content-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\n");
    let mut socket = tcp::connect(&server.api.base).await;
    let head = format!("POST /api/queue/jobs HTTP/1.1\r\nHost: localhost\r\n{json}Content-Length: 1000000\r\n\r\n");
    socket.write_all(head.as_bytes()).await.expect("the server reads it");
    let (mut reader, mut writer) = socket.into_split();
    let trickle = async {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(STALL / 50).await;
        }
        std::future::pending::<()>().await;
    };
    let mut first = [0; 12];
    tokio::select! {
        read = reader.read_exact(&mut first) => assert_eq!(read.expect("the server answers"), 12),
        () = trickle => {}
        () = tokio::time::sleep(PATIENCE) => panic!("the server never replies"),
    }
    assert_eq!(&first, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_slow_but_steady_upload_succeeds() {
    let server = start(|limits| limits.body = PACE).await;
    let body = json!({"type": "elsewhere", "payload": {"text": "x".repeat(200)}}).to_string();
    let mut socket = tcp::connect(&server.api.base).await;
    let head = format!(
        "POST /api/queue/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("the server reads it");
    // In total, the upload takes three times as long as the maximum pause.
    for piece in body.as_bytes().chunks(8) {
        socket.write_all(piece).await.expect("the server reads it");
        tokio::time::sleep(STALL * 3 / 32).await;
    }
    assert_eq!(read_to_close(&mut socket).await.status, 201);
}

#[tokio::test]
async fn an_incomplete_head_gets_408_and_an_idle_connection_is_closed_without_a_reply() {
    let server = start(|limits| limits.head = STALL).await;
    let mut socket = tcp::connect(&server.api.base).await;
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: local").await.expect("the server reads it");
    let reply = read_to_close(&mut socket).await;
    assert_eq!((reply.status, reply.code().as_str()), (408, "request_timeout"));
    let mut silent = tcp::connect(&server.api.base).await;
    assert_eq!(tcp::read_until(&mut silent, "\u{0}").await, "", "no request was sent");
    let mut kept = tcp::connect(&server.api.base).await;
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("the server reads it");
    let replies = tcp::read_until(&mut kept, "\u{0}").await;
    assert!(replies.ends_with("ok\n") && replies.matches("HTTP/1.1").count() == 1, "{replies}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_client_does_not_read_is_closed_and_a_silent_stream_stays_open() {
    let server = start(|limits| limits.reply = PACE).await;
    let quiet = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let busy =
        server.api.submit(json!({"run": "yes 0123456789012345678901234567890123456789 | head -c 60000000"})).await;
    let mut sockets = Vec::new();
    for path in [format!("{quiet}/events/stream"), format!("{busy}/log?follow=true")] {
        let mut socket = tcp::connect(&server.api.base).await;
        let head =
            format!("GET /api/queue/jobs/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.expect("the server reads it");
        assert!(tcp::read_until(&mut socket, "\r\n\r\n").await.contains(" 200 "));
        sockets.push(socket);
    }
    server.api.ended(&busy).await;
    until_async("the stream that is not read is closed", async || server.api.open_streams().await == 1).await;
    drop(sockets);
    until_async("the other stream ends when its client disconnects", async || server.api.open_streams().await == 0)
        .await;
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_the_rest_of_a_body() {
    let server = start(|_| {}).await;
    let json = format!("Content-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\n");
    // If a request contains `Expect: 100-continue`, the server asks for the body when a route begins to read it.
    let asking = format!("{json}Expect: 100-continue\r\n");
    let mut socket = send_part(&server, "POST /api/queue/jobs", &asking).await;
    assert!(tcp::read_until(&mut socket, "\r\n\r\n").await.contains(" 100 "));
    server.stop().await;
    tcp::read_until(&mut socket, "\u{0}").await;
}
