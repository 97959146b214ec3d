//! Every invalid request head is answered with the documented status and error envelope.

use reqwest::Method;
use serde_json::json;
use tailwater::server::HeadLimits;
use tokio::io::AsyncWriteExt;

use super::{check_alive, check_refused};
use crate::harness::{TOKEN, TestServer, tcp};

/// Sends bytes, and checks that the server refuses them with the given status and code, and with the usual error
/// envelope.
async fn check_head_refused(server: &TestServer, request: &[u8], (status, code): (u16, &str)) {
    let start = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
    let bytes = tcp::exchange(&server.api.base, request, tcp::Sending::Goes).await;
    let reply = tcp::parse(&bytes).unwrap_or_else(|| panic!("{start:?}: no reply"));
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{start:?}");
    for header in ["content-type: application/json", "connection: close", "x-request-id: ", "cache-control: no-store"] {
        assert!(reply.head.contains(&format!("\r\n{header}")), "{start:?}: no {header} in {}", reply.head);
    }
    let length = format!("content-length: {}\r\n", reply.body.len());
    assert!(format!("{}\r\n", reply.head).contains(&length), "one reply and nothing else: {reply:?}");
    check_alive(&server.api).await;
}

#[tokio::test]
async fn a_target_that_is_too_long_and_headers_that_are_too_large_have_their_own_codes() {
    let server = TestServer::start().await;
    for length in [20_000, 70_000, 1_000_000] {
        let long = "x".repeat(length);
        for target in [format!("/healthz?{long}"), format!("/{long}"), format!("http://localhost/{long}")] {
            let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            check_head_refused(&server, request.as_bytes(), (414, "uri_too_long")).await;
        }
        for headers in [format!("A: {long}\r\n"), format!("{long}: a\r\n"), "A: b\r\n".repeat(length / 6)] {
            let request = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
            check_head_refused(&server, request.as_bytes(), (431, "headers_too_large")).await;
        }
    }
    let many = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(101));
    check_head_refused(&server, many.as_bytes(), (431, "headers_too_large")).await;
    let fits = tcp::get(&server.api.base, &format!("/healthz?{}", "x".repeat(8_000)), "").await;
    assert_eq!(fits.status, 200, "RFC 9110, section 4.1, recommends at least 8,000 bytes");
}

#[tokio::test]
async fn the_limits_on_a_head_are_settings() {
    let limits = |url_bytes, headers, header_bytes| HeadLimits { url_bytes, headers, header_bytes };
    let head = |target: usize, headers: usize, value: usize| {
        let headers: String = (0..headers).map(|number| format!("A{number}: {}\r\n", "x".repeat(value))).collect();
        format!("GET /healthz?{} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n", "x".repeat(target))
    };
    let low = TestServer::start_with(|config| config.head = limits(1_000, 20, 4_096)).await;
    for (request, refusal, says) in [
        (head(1_000, 1, 1), (414, "uri_too_long"), "1000 bytes; shorten its query, or raise --url-bytes"),
        (head(10, 20, 1), (431, "headers_too_large"), "more than 20 headers; send fewer, or raise --header-count"),
        (head(10, 2, 2_500), (431, "headers_too_large"), "larger than 4096 bytes in total"),
        (head(10, 2, 50_000), (431, "headers_too_large"), "or raise --header-bytes"),
    ] {
        check_head_refused(&low, request.as_bytes(), refusal).await;
        let reply = tcp::exchange(&low.api.base, request.as_bytes(), tcp::Sending::Goes).await;
        let reply = tcp::parse(&reply).expect("the server answers");
        assert!(reply.body.contains(says), "{}", reply.body);
    }
    // A request without credentials gets the same error. A redirect to the login page would hide the reason.
    let page = format!("GET /tasks/queue?q={} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(1_000));
    check_head_refused(&low, page.as_bytes(), (414, "uri_too_long")).await;
    let high = TestServer::start_with(|config| config.head = limits(60_000, 500, 200_000)).await;
    for (server, request) in [
        (&low, head(900, 18, 100)),
        (&high, head(59_000, 1, 1)),
        (&high, head(10, 490, 390)),
        (&high, head(10, 1, 190_000)),
    ] {
        let request = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        let status = tcp::first_line(&server.api.base, request.as_bytes()).await;
        assert!(status.contains(" 200 "), "{status}");
    }
}

#[tokio::test]
async fn malformed_http_is_an_invalid_request() {
    let server = TestServer::start().await;
    let head = |lines: &str| format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    for request in [
        "\0\r\n\r\n".to_owned(),
        "nonsense\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET / HTTP/2\r\n\r\n".to_owned(),
        "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "G\u{e9}T / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        head("A b: c\r\n"),
        head("A\r\n"),
        head(": a\r\n"),
        head("A: \0\r\n"),
        head("Content-Length: -1\r\n"),
        head("Content-Length: 1\r\nContent-Length: 2\r\n"),
        head("Transfer-Encoding: gzip\r\n"),
    ] {
        check_head_refused(&server, request.as_bytes(), (400, "invalid_request")).await;
    }
}

#[tokio::test]
async fn a_bad_request_does_not_affect_replies_to_earlier_requests_on_its_connection() {
    let server = TestServer::start().await;
    let good = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // In the second iteration, all requests are sent at once. hyper then reads the invalid request before it has
    // answered the valid ones.
    for together in [false, true] {
        let mut socket = tcp::connect(&server.api.base).await;
        let mut replies = String::new();
        if together {
            let all = format!("{good}{good}nonsense\r\n\r\n");
            socket.write_all(all.as_bytes()).await.expect("the server reads it");
        } else {
            for _ in 0..2 {
                socket.write_all(good.as_bytes()).await.expect("the server reads it");
                replies += &tcp::read_until(&mut socket, "ok\n").await;
            }
            socket.write_all(b"nonsense\r\n\r\n").await.expect("the server reads it");
        }
        replies += &tcp::read_until(&mut socket, "\u{0}").await;
        assert_eq!(replies.matches("HTTP/1.1 200 OK").count(), 2, "{replies}");
        assert_eq!(replies.matches("\r\n\r\nok\n").count(), 2, "{replies}");
        assert_eq!(replies.matches("HTTP/1.1 ").count(), 3, "{replies}");
        let last = replies.rsplit_once("HTTP/1.1 ").expect("it has replies").1;
        assert!(last.starts_with("400 Bad Request") && last.contains("invalid_request"), "{last}");
    }
}

#[tokio::test]
async fn a_truncated_request_gets_an_error_reply() {
    let server = TestServer::start().await;
    for part in ["G", "GET /healthz", "GET /healthz HTTP/1.1\r\nHost: local"] {
        let bytes = tcp::exchange(&server.api.base, part.as_bytes(), tcp::Sending::Ends).await;
        let reply = tcp::parse(&bytes).expect("the server answers");
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_request"), "{part:?}");
    }
    assert!(tcp::exchange(&server.api.base, b"", tcp::Sending::Ends).await.is_empty(), "no request was sent");
}

#[tokio::test]
async fn an_encoded_body_is_refused_by_every_route_that_reads_one() {
    let server = TestServer::start().await;
    let post = |path: &str| server.api.client.post(format!("{}{path}", server.api.base)).bearer_auth(TOKEN);
    for encoding in ["gzip", "GZIP", "br", "identity, gzip", "x-unknown"] {
        let form = "application/x-www-form-urlencoded";
        for (path, kind) in [
            ("/api/queue/jobs", "application/json"),
            ("/login", form),
            ("/tasks/queue/new", form),
            ("/rpc/list_jobs", "application/json"),
        ] {
            let request = post(path).header("content-type", kind).header("content-encoding", encoding).body("\u{1f}x");
            check_refused(&server.api, request, (415, "unsupported_media_type"), "Content-Encoding").await;
        }
    }
    let request = post("/api/queue/jobs").header("content-encoding", "gzip").body("x");
    let reply = request.send().await.expect("the server answers");
    assert_eq!(reply.headers()["accept-encoding"], "identity", "the reply names the accepted encoding");
    let plain = server.api.request(Method::POST, "/jobs").json(&json!({"type": "elsewhere"}));
    assert_eq!(plain.header("content-encoding", "Identity").send().await.expect("the server answers").status(), 201);
    let without = server.api.request(Method::GET, "/jobs").header("content-encoding", "gzip");
    assert_eq!(without.send().await.expect("the server answers").status(), 200, "there is no body to decode");
}

#[tokio::test]
async fn an_expectation_other_than_100_continue_fails() {
    let server = TestServer::start().await;
    for expectation in ["foo", "200-ok", "100-continue, foo", "100-continu"] {
        for request in [
            server.api.request(Method::POST, "/jobs").json(&json!({"type": "elsewhere"})),
            server.api.request(Method::GET, "/jobs"),
            server.api.client.post(format!("{}/login", server.api.base)).body("token=x"),
        ] {
            let request = request.header("expect", expectation);
            check_refused(&server.api, request, (417, "expectation_failed"), "100-continue").await;
        }
    }
    let body = r#"{"type":"elsewhere"}"#;
    for expectation in ["100-continue", "100-Continue"] {
        let head = format!(
            "POST /api/queue/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: {expectation}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut socket = tcp::connect(&server.api.base).await;
        socket.write_all(head.as_bytes()).await.expect("the server reads it");
        assert_eq!(tcp::read_until(&mut socket, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        socket.write_all(body.as_bytes()).await.expect("the server reads it");
        assert!(tcp::read_until(&mut socket, "\u{0}").await.starts_with("HTTP/1.1 201"), "{expectation}");
    }
    let old = format!("GET /healthz HTTP/1.0\r\nExpect: foo\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    assert!(tcp::first_line(&server.api.base, old.as_bytes()).await.contains(" 200 "), "HTTP/1.0 has no expectations");
}
