//! Requests that another site's page makes a browser send.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::session::login;
use super::{job_with_artifact, routes};
use crate::harness::{TOKEN, TestServer, tcp};

/// Requests a path with the given `Host` header and the token.
async fn get_as(base: &str, host: &str, path: &str) -> tcp::Reply {
    let host = if host.is_empty() { String::new() } else { format!("Host: {host}\r\n") };
    let request = format!("GET {path} HTTP/1.1\r\n{host}Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n");
    tcp::parse(&tcp::exchange(base, request.as_bytes(), tcp::Sending::Goes).await).expect("the server answers")
}

#[tokio::test]
async fn a_host_header_that_is_not_a_name_of_the_server_is_refused() {
    let server = TestServer::start_with(|config| config.allowed_hosts = vec!["ci.example".into()]).await;
    let port = server.api.base.rsplit_once(':').expect("the address has a port").1;
    for host in ["localhost", "127.0.0.1", "[::1]", "ci.example", "CI.example", "ci.example:443"] {
        assert_eq!(get_as(&server.api.base, host, "/api/queue/jobs").await.status, 200, "{host}");
        assert_eq!(get_as(&server.api.base, &format!("localhost:{port}"), "/healthz").await.status, 200);
    }
    for host in [
        "evil.example",
        "ci.example.evil.example",
        "xci.example",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "",
        "ci.example@evil",
    ] {
        for path in ["/api/queue/jobs", "/healthz", "/login", "/pkg/x.js", "/tasks/queue"] {
            let reply = get_as(&server.api.base, host, path).await;
            assert_eq!(reply.status, 403, "{host} {path}");
            assert_eq!(reply.code(), "host_not_allowed");
        }
    }
}

#[tokio::test]
async fn another_sites_page_can_change_nothing_and_read_no_stream() {
    let server = TestServer::start().await;
    let (job, artifact) = job_with_artifact(&server).await;
    let (cookie, base) = (login(&server).await, server.api.base.clone());
    let guarded = |method: &Method, path: &str| method != Method::GET || path.ends_with("/stream");
    let port = base.rsplit_once(':').expect("the address has a port").1;
    let other_port = format!("http://127.0.0.1:{}", if port == "1" { "2" } else { "1" });
    let foreign =
        ["https://evil.example", "null", "http://localhost.evil", &other_port, "http://127.0.0.1", "127.0.0.1"];
    for (method, path) in routes(&job, &artifact).into_iter().filter(|(method, path)| guarded(method, path)) {
        for origin in foreign {
            check_refused(&server, &method, &path, &[("cookie", &cookie), ("origin", origin)]).await;
        }
        check_refused(&server, &method, &path, &[("cookie", &cookie), ("sec-fetch-site", "cross-site")]).await;
        check_refused(&server, &method, &path, &[("cookie", &cookie), ("sec-fetch-site", "same-site")]).await;
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
async fn our_own_pages_and_programs_can_submit_and_read_streams() {
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
        for (method, path, expected) in [
            (Method::POST, "/api/queue/jobs".to_owned(), 201),
            (Method::GET, format!("/api/queue/jobs/{job}/events/stream"), 200),
            (Method::GET, format!("/api/queue/jobs/{job}/events"), 200),
        ] {
            let mut request = Client::new().request(method, format!("{base}{path}"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let reply = request.json(&json!({"type": "elsewhere"})).send().await.expect("the server answers");
            assert_eq!(reply.status(), expected, "{path} {headers:?}");
        }
    }
}
