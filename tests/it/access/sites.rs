//! Tests of requests that a page of another site makes a browser send.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::session::login;
use super::{job_with_artifact, routes};
use crate::harness::streams::stream_paths;
use crate::harness::{TOKEN, TestServer, tcp};

/// Requests a path with the given `Host` header and the admin token.
async fn get_as(base: &str, host: &str, path: &str) -> tcp::Reply {
    get_raw(base, &format!("{path} HTTP/1.1"), &format!("Host: {host}\r\n")).await
}

/// Sends a GET request with the admin token. `line` is the request target and the HTTP version. `headers` contains
/// additional header lines.
async fn get_raw(base: &str, line: &str, headers: &str) -> tcp::Reply {
    let request = format!("GET {line}\r\n{headers}Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n");
    tcp::parse(&tcp::exchange(base, request.as_bytes(), tcp::Sending::Goes).await).expect("the server answers")
}

#[tokio::test]
async fn a_host_header_that_is_not_a_name_of_the_server_is_refused() {
    let server = TestServer::start_with(|config| config.allowed_hosts = vec!["ci.example".into()]).await;
    let port = server.api.base.rsplit_once(':').expect("it has a port").1;
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "LocalHost.:80",
        "127.0.0.1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]:80",
        "ci.example",
        "CI.example",
        "ci.example.",
        "ci.example:443",
    ] {
        assert_eq!(get_as(&server.api.base, host, "/api/queue/jobs").await.status, 200, "{host}");
        assert_eq!(get_as(&server.api.base, &format!("localhost:{port}"), "/healthz").await.status, 200);
    }
    for host in [
        "evil.example",
        "ci.example.evil.example",
        "xci.example",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "localhost..",
        "10.0.0.5:3000",
        "",
    ] {
        for path in ["/api/queue/jobs", "/healthz/", "/login", "/pkg/x.js", "/tasks/queue", "/metrics"] {
            let reply = get_as(&server.api.base, host, path).await;
            assert_eq!(reply.status, 403, "{host} {path}");
            assert_eq!(reply.code(), "host_not_allowed");
        }
    }
}

#[tokio::test]
async fn a_health_probe_is_answered_for_any_host_header() {
    let server = TestServer::start().await;
    for path in ["/healthz", "/readyz", "/readyz?verbose"] {
        for host in ["10.0.0.5:3000", "10.0.0.5", "tailwater.svc.cluster.local", "[fd00::1]:3000", ""] {
            assert_eq!(get_as(&server.api.base, host, path).await.status, 200, "{host} {path}");
        }
        assert_eq!(get_raw(&server.api.base, &format!("{path} HTTP/1.0"), "").await.status, 200, "{path}");
    }
    let other = get_raw(&server.api.base, "/api/queue/jobs HTTP/1.0", "").await;
    assert_eq!((other.status, other.code().as_str()), (403, "host_not_allowed"), "only probes are exempt");
}

#[tokio::test]
async fn a_request_without_exactly_one_valid_host_is_invalid() {
    let server = TestServer::start().await;
    let port = server.api.base.rsplit_once(':').expect("it has a port").1;
    let own = format!("Host: localhost:{port}\r\n");
    for path in ["/healthz", "/api/queue/jobs", "/tasks/queue", "/login", "/pkg/x.js"] {
        for headers in [
            "",
            &format!("{own}{own}"),
            &format!("{own}Host: evil.example\r\n"),
            &format!("{own}hOST:\r\n"),
            "Host: localhost, localhost\r\n",
            "Host: ci.example@localhost\r\n",
            "Host: local host\r\n",
            "Host: localhost/\r\n",
            "Host: l\u{f6}calhost\r\n",
        ] {
            let reply = get_raw(&server.api.base, &format!("{path} HTTP/1.1"), headers).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_request"), "{path} {headers:?}");
        }
    }
    let twice = get_raw(&server.api.base, "/healthz HTTP/1.0", &format!("{own}{own}")).await;
    assert_eq!((twice.status, twice.code().as_str()), (400, "invalid_request"));
}

#[tokio::test]
async fn an_absolute_target_overrides_the_host_header() {
    let server = TestServer::start_with(|config| config.allowed_hosts = vec!["ci.example".into()]).await;
    let jobs = |authority: &str| format!("http://{authority}/api/queue/jobs HTTP/1.1");
    let table = [
        ("ci.example", "Host: evil.example\r\n", 200),
        ("CI.example.:80", "Host: ci.example\r\n", 200),
        ("evil.example", "Host: ci.example\r\n", 403),
        ("evil.example", "Host: localhost\r\n", 403),
        ("ci.example", "", 400),
        ("ci.example", "Host: ci.example\r\nHost: ci.example\r\n", 400),
        ("user@ci.example", "Host: ci.example\r\n", 400),
    ];
    for (authority, host, status) in table {
        let reply = get_raw(&server.api.base, &jobs(authority), host).await;
        assert_eq!(reply.status, status, "{authority} {host:?}");
    }
    // The host in the request target is also compared with the host in the `Origin` header.
    for (target, origin, status) in
        [("ci.example:1", "http://ci.example:1", 200), ("ci.example:1", "http://localhost", 403)]
    {
        let line = format!("http://{target}/api/queue/jobs/stream HTTP/1.0");
        let headers = format!("Host: localhost\r\nOrigin: {origin}\r\n");
        let request = format!("GET {line}\r\n{headers}Authorization: Bearer {TOKEN}\r\n\r\n");
        let head = tcp::first_line(&server.api.base, request.as_bytes()).await;
        assert_eq!(head.split(' ').nth(1), Some(status.to_string().as_str()), "{target} {origin}: {head}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_follow_a_log_with_any_query_encoding() {
    let server = TestServer::start().await;
    let (job, _) = job_with_artifact(&server).await;
    let cookie = login(&server).await;
    let log = format!("/api/queue/jobs/{job}/log");
    for query in ["?follow=true", "?%66ollow=true", "?stream=stdout&f%6Fll%6fw=true", "?follow=false", "?follow"] {
        let path = format!("{log}{query}");
        let foreign = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
        check_refused(&server, &Method::GET, &path, &foreign).await;
        let cross = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
        check_refused(&server, &Method::GET, &path, &cross).await;
    }
    let ours = format!("Cookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n");
    let reply = tcp::get(&server.api.base, &format!("{log}?%66ollow=true"), &ours).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("secret output"), "{reply:?}");
}

#[tokio::test]
async fn a_page_of_another_site_cannot_stream_a_search_however_it_specifies_the_format() {
    let server = TestServer::start().await;
    let (job, _) = job_with_artifact(&server).await;
    let cookie = login(&server).await;
    let search = format!("/api/queue/jobs/{job}/log/search?q=secret");
    for (parameter, accept) in [
        ("&format=ndjson", "*/*"),
        ("&f%6Frmat=te%78t", "*/*"),
        ("&format=text", "application/json"),
        ("", "application/x-ndjson"),
        ("", "text/plain"),
        ("", "application/json;q=0.5, text/plain"),
    ] {
        let path = format!("{search}{parameter}");
        for foreign in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            let headers = [("cookie", cookie.as_str()), ("accept", accept), foreign];
            check_refused(&server, &Method::GET, &path, &headers).await;
        }
        let ours = format!("Cookie: {cookie}\r\nAccept: {accept}\r\nSec-Fetch-Site: same-origin\r\n");
        let reply = tcp::get(&server.api.base, &path, &ours).await;
        assert!(reply.status == 200 && reply.body.contains("secret output"), "{path} {accept}: {reply:?}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_change_data_or_read_streams() {
    let server = TestServer::start().await;
    let (job, artifact) = job_with_artifact(&server).await;
    let (cookie, base) = (login(&server).await, server.api.base.clone());
    let changing = routes(&job, &artifact).into_iter().filter(|(method, _)| method != Method::GET);
    let streams = stream_paths(&job).into_iter().map(|path| (Method::GET, path));
    let port = base.rsplit_once(':').expect("the address has a port").1;
    let other_port = format!("http://127.0.0.1:{}", if port == "1" { "2" } else { "1" });
    let foreign =
        ["https://evil.example", "null", "http://localhost.evil", &other_port, "http://127.0.0.1", "127.0.0.1"];
    for (method, path) in changing.chain(streams) {
        for origin in foreign {
            check_refused(&server, &method, &path, &[("cookie", &cookie), ("origin", origin)]).await;
        }
        check_refused(&server, &method, &path, &[("cookie", &cookie), ("sec-fetch-site", "cross-site")]).await;
        check_refused(&server, &method, &path, &[("cookie", &cookie), ("sec-fetch-site", "same-site")]).await;
        // No browser sends contradictory or repeated headers like these, so they are refused.
        let contradictory: [&[(&str, &str)]; 4] = [
            &[("origin", &base), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", &base), ("origin", "https://evil.example")],
            &[("origin", &format!("evil{base}"))],
        ];
        for headers in contradictory {
            check_refused(&server, &method, &path, &[&[("cookie", cookie.as_str())], headers].concat()).await;
        }
        if method != Method::GET {
            check_refused(&server, &method, &path, &[("cookie", &cookie)]).await;
        }
    }
    check_refused(&server, &Method::POST, "/login", &[("origin", "https://evil.example")]).await;
    assert_eq!(server.api.json("/jobs").await["items"].as_array().map(Vec::len), Some(1), "nothing was submitted");
}

async fn check_refused(server: &TestServer, method: &Method, path: &str, headers: &[(&str, &str)]) {
    let mut request = Client::new().request(method.clone(), format!("{}{path}", server.api.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = request.json(&json!({})).send().await.expect("the server answers");
    assert_eq!(reply.status(), 403, "{method} {path} {headers:?}");
    let body: Value = reply.json().await.expect("an error is JSON");
    assert_eq!(body["detail"]["code"], "origin_not_allowed", "{method} {path} {headers:?}");
}

#[tokio::test]
async fn own_pages_and_api_clients_can_submit_and_read_streams() {
    let server = TestServer::start().await;
    let (job, _) = job_with_artifact(&server).await;
    let (cookie, base) = (login(&server).await, server.api.base.clone());
    let bearer = format!("Bearer {TOKEN}");
    let ours: [&[(&str, &str)]; 4] = [
        &[("cookie", &cookie), ("origin", &base)],
        &[("cookie", &cookie), ("sec-fetch-site", "same-origin")],
        &[("authorization", &bearer)],
        &[("authorization", &bearer), ("origin", &base)],
    ];
    for headers in ours {
        let streams = stream_paths(&job).into_iter().map(|path| (Method::GET, path, 200));
        let others = [
            (Method::POST, "/api/queue/jobs".to_owned(), 201),
            (Method::GET, format!("/api/queue/jobs/{job}/events"), 200),
        ];
        for (method, path, expected) in others.into_iter().chain(streams) {
            let mut request = Client::new().request(method, format!("{base}{path}"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let reply = request.json(&json!({"type": "elsewhere"})).send().await.expect("the server answers");
            assert_eq!(reply.status(), expected, "{path} {headers:?}");
        }
    }
}
