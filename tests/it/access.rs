//! Every route needs credentials unless it is meant to be public, and another site's page cannot use a browser's
//! session.

mod session;
mod sites;

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::Value;
use tailwater::server::{Server, StartError};
use tokio::net::TcpListener;

use crate::harness::{TOKEN, TestServer, config, tcp};

/// Returns every API route, for a job and an artifact that exist.
fn routes(job: &str, artifact: &str) -> Vec<(Method, String)> {
    let (get, post) = (Method::GET, Method::POST);
    let api = "/api/queue/jobs";
    vec![
        (get.clone(), api.to_owned()),
        (post.clone(), api.to_owned()),
        (get.clone(), format!("{api}/{job}")),
        (post.clone(), format!("{api}/{job}/cancel")),
        (post.clone(), format!("{api}/{job}/resubmit")),
        (get.clone(), format!("{api}/{job}/events")),
        (get.clone(), format!("{api}/{job}/events/stream")),
        (get.clone(), format!("{api}/{job}/artifacts")),
        (get.clone(), format!("{api}/{job}/artifacts/{artifact}/download")),
        (get.clone(), "/api".to_owned()),
        (get.clone(), "/api/nothing".to_owned()),
        (get.clone(), "/metrics".to_owned()),
        (get, "/readyz".to_owned()),
        (post.clone(), "/rpc/list_jobs".to_owned()),
        (post.clone(), "/rpc/job_page".to_owned()),
        (post.clone(), "/rpc/submit_job".to_owned()),
        (post.clone(), "/rpc/cancel_job".to_owned()),
        (post.clone(), "/rpc/resubmit_job".to_owned()),
        (post.clone(), "/rpc/nothing".to_owned()),
        (post.clone(), "/tasks/queue/new".to_owned()),
        (post, "/logout".to_owned()),
    ]
}

/// Runs a job and returns its id and the id of its log artifact.
async fn job_with_artifact(server: &TestServer) -> (String, String) {
    let (job, _) = server.api.run("echo secret output").await;
    let artifacts = server.api.json(&format!("/jobs/{job}/artifacts")).await;
    (job, artifacts["items"][0]["id"].as_str().expect("the artifact has an id").to_owned())
}

#[tokio::test]
async fn every_api_route_answers_401_without_credentials() {
    let server = TestServer::start().await;
    let (job, artifact) = job_with_artifact(&server).await;
    for (method, path) in routes(&job, &artifact) {
        for authorization in ["", "Bearer", "Bearer ", "Bearer wrong", "Basic YWRtaW46YWRtaW4=", "bearer \u{e9}"] {
            let mut request = server.api.client.request(method.clone(), format!("{}{path}", server.api.base));
            if !authorization.is_empty() {
                request = request.header("authorization", authorization);
            }
            let reply = request.send().await.expect("the server answers");
            assert_eq!(reply.status(), 401, "{method} {path} {authorization}");
            assert_eq!(reply.headers()["www-authenticate"], "Bearer");
            let body: Value = reply.json().await.expect("an error is JSON");
            assert_eq!(body["detail"]["code"], "auth_required", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn without_a_session_every_page_redirects_to_the_login_and_back() {
    let server = TestServer::start().await;
    let (job, _) = job_with_artifact(&server).await;
    let pages = ["/", "/tasks/queue", "/tasks/queue/new", "/nothing", "/tasks/queue?status=failed&q=a%20b"];
    for page in pages.into_iter().map(str::to_owned).chain([format!("/tasks/queue/{job}")]) {
        let reply = tcp::get(&server.api.base, &page, "").await;
        assert_eq!(reply.status, 303, "{page}");
        let location =
            reply.head.lines().find_map(|line| line.strip_prefix("location: ")).expect("the reply redirects");
        let url = reqwest::Url::parse("http://here").and_then(|base| base.join(location)).expect("a URL");
        let next: Vec<_> = url.query_pairs().collect();
        assert_eq!((url.path(), next.len()), ("/login", 1));
        assert_eq!((&*next[0].0, &*next[0].1), ("next", page.to_ascii_lowercase().as_str()));
    }
}

#[tokio::test]
async fn health_and_login_are_open() {
    let server = TestServer::start().await;
    for (path, status) in [("/healthz", 200), ("/login", 200), ("/login?next=/tasks/queue", 200)] {
        assert_eq!(tcp::get(&server.api.base, path, "").await.status, status, "{path}");
    }
    for path in ["/pkg/nothing.js", "/fonts/nothing.woff2", "/favicon.svg", "/favicon.ico"] {
        let status = tcp::get(&server.api.base, path, "").await.status;
        assert!(matches!(status, 200 | 404), "{path} {status}");
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_bypasses_authentication() {
    let server = TestServer::start().await;
    let (job, artifact) = job_with_artifact(&server).await;
    let file = format!("/api/queue/jobs/{job}/artifacts/{artifact}/download");
    let mut tricks = Vec::new();
    for target in ["/api/queue/jobs", "/tasks/queue", &file] {
        for before in [
            "/pkg/..",
            "/pkg/%2e%2e",
            "/pkg/.%2E",
            "/pkg/x/../..",
            "/pkg/./..",
            "/pkg//..",
            "/fonts/..",
            "/pkg/..%2f",
            "/pkg/..\\",
            "/healthz/..",
            "/login/..",
            "/favicon.ico/..",
            "/pkg;/..",
            "/",
            "/.",
            "/%2e",
            "http://127.0.0.1",
            "http://x/pkg/..",
        ] {
            tricks.push(format!("{before}{target}"));
        }
        for after in [
            "/healthz",
            "/..;/healthz",
            "/login",
            ";/login",
            "%2f..%2flogin",
            "/..%2f..%2f..%2fhealthz",
            "?/healthz",
            "?next=/login",
            "#/login",
            "/favicon.ico",
            ".svg",
            "/pkg/x",
            "%00/healthz",
            "//",
        ] {
            tricks.push(format!("{target}{after}"));
        }
    }
    tricks.extend(
        ["/healthz/", "/healthz%20", "/HEALTHZ", "/login/", "/pkg", "/pkg/", "/fonts/", "/%70kg/x", "/Login"]
            .map(str::to_owned),
    );
    for trick in tricks {
        let reply = tcp::get(&server.api.base, &trick, "").await;
        assert!(matches!(reply.status, 303 | 400 | 401), "{trick}: {} {}", reply.status, reply.body);
        assert!(!reply.body.contains("secret output") && !reply.body.contains(&job), "{trick}: {}", reply.body);
    }
}

#[tokio::test]
async fn listening_beyond_loopback_needs_a_token_that_the_operator_set() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let everywhere: SocketAddr = "0.0.0.0:0".parse().expect("an address");
    let listen = async || TcpListener::bind(everywhere).await.expect("a free port");
    let mut settings = config(data.path());
    settings.admin_token = None;
    let refused = Server::start(settings.clone(), listen().await).await.err().expect("the start is refused");
    assert!(matches!(refused, StartError::Config(_)), "{refused}");
    let message = refused.to_string();
    assert!(
        message.contains("TAILWATER_ADMIN_TOKEN") && message.contains("127.0.0.1"),
        "the error says what to do: {message}"
    );
    settings.admin_token = Some("too short".to_owned());
    let refused = Server::start(settings.clone(), listen().await).await.err().expect("the start is refused");
    assert!(matches!(refused, StartError::Token(_)), "{refused}");
    assert!(!refused.to_string().contains("too short"), "the error does not contain the token");
    settings.admin_token = Some(TOKEN.to_owned());
    assert!(Server::start(settings, listen().await).await.is_ok());
}
