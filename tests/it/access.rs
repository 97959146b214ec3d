//! Every route requires credentials and a role, unless it is meant to be public. A page of another site cannot use a
//! browser's session.

mod matrix;
mod mutations;
mod objects;
mod policies;
mod proxies;
mod session;
mod sites;

use std::net::SocketAddr;

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};
use tailwater::server::{Server, StartError, all_routes};
use tokio::net::TcpListener;

use crate::harness::{TOKEN, TestServer, config, tcp};

/// What a route requires of the sender of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// No credentials are required.
    Open,
    /// The route is used by programs and by the scripts and forms of pages. It requires a role that includes this one.
    /// Without credentials, the server replies with 401.
    Program(Role),
    /// The route is a page. It requires a role that includes this one. Without a session, the server redirects the
    /// browser to the login page.
    Page(Role),
}

/// The access rule of every route. A test below fails if a route is missing here. The rules are not read from the
/// server's own table, so that a mistake in that table is noticed.
const RULES: [(&str, &str, Access); 103] = [
    ("GET", "/healthz", Access::Open),
    ("GET", "/login", Access::Open),
    ("POST", "/login", Access::Open),
    ("GET", "/login/oidc", Access::Open),
    ("GET", "/login/oidc/callback", Access::Open),
    ("GET", "/", Access::Page(Role::Viewer)),
    ("GET", "/tasks/queue", Access::Page(Role::Viewer)),
    ("GET", "/tasks/queue/new", Access::Page(Role::Operator)),
    ("GET", "/tasks/queue/bulk", Access::Page(Role::Operator)),
    ("GET", "/tasks/queue/view", Access::Page(Role::Viewer)),
    ("GET", "/tasks/queue/{jobId}", Access::Page(Role::Viewer)),
    ("GET", "/secrets", Access::Page(Role::Operator)),
    ("GET", "/redaction", Access::Page(Role::Operator)),
    ("GET", "/workers", Access::Page(Role::Viewer)),
    ("GET", "/people", Access::Page(Role::Admin)),
    ("GET", "/audit", Access::Page(Role::Admin)),
    ("GET", "/account", Access::Page(Role::Viewer)),
    ("GET", "/api/openapi.json", Access::Program(Role::Viewer)),
    ("GET", "/api/docs", Access::Page(Role::Viewer)),
    ("GET", "/api/queue/machine", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/events/stream", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs", Access::Program(Role::Viewer)),
    ("POST", "/api/queue/jobs", Access::Program(Role::Operator)),
    ("GET", "/api/queue/jobs/stream", Access::Program(Role::Viewer)),
    ("POST", "/api/queue/jobs/bulk", Access::Program(Role::Operator)),
    ("GET", "/api/queue/jobs/{id}", Access::Program(Role::Viewer)),
    ("POST", "/api/queue/jobs/{id}/cancel", Access::Program(Role::Operator)),
    ("POST", "/api/queue/jobs/{id}/resubmit", Access::Program(Role::Operator)),
    ("GET", "/api/queue/jobs/{id}/events", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs/{id}/events/stream", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs/{id}/log", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs/{id}/log/search", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs/{id}/lines", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs/{id}/usual", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs/{id}/artifacts", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs/{id}/artifacts/{artifact}/download", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/jobs/{id}/artifacts/{artifact}/preview", Access::Program(Role::Viewer)),
    ("POST", "/api/queue/jobs/claim", Access::Program(Role::Worker)),
    ("POST", "/api/queue/jobs/{id}/heartbeat", Access::Program(Role::Worker)),
    ("POST", "/api/queue/jobs/{id}/events", Access::Program(Role::Worker)),
    ("POST", "/api/queue/jobs/{id}/output", Access::Program(Role::Worker)),
    ("GET", "/api/queue/jobs/{id}/input", Access::Program(Role::Worker)),
    ("POST", "/api/queue/jobs/{id}/artifacts/upload", Access::Program(Role::Worker)),
    ("POST", "/api/queue/jobs/{id}/complete", Access::Program(Role::Worker)),
    ("POST", "/api/queue/jobs/{id}/fail", Access::Program(Role::Worker)),
    ("POST", "/api/queue/jobs/{id}/cancel/ack", Access::Program(Role::Worker)),
    ("GET", "/api/queue/workers", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/workers/tokens", Access::Program(Role::Admin)),
    ("POST", "/api/queue/workers/tokens", Access::Program(Role::Admin)),
    ("POST", "/api/queue/workers/tokens/{id}/revoke", Access::Program(Role::Admin)),
    ("POST", "/api/queue/workers/{id}/drain", Access::Program(Role::Admin)),
    ("POST", "/api/queue/workers/{id}/resume", Access::Program(Role::Admin)),
    ("GET", "/api/queue/pauses", Access::Program(Role::Viewer)),
    ("PUT", "/api/queue/pauses/{name}", Access::Program(Role::Admin)),
    ("DELETE", "/api/queue/pauses/{name}", Access::Program(Role::Admin)),
    ("GET", "/api/queue/status", Access::Program(Role::Viewer)),
    ("POST", "/api/queue/redact", Access::Program(Role::Operator)),
    ("GET", "/api/queue/redact/rules", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/secrets", Access::Program(Role::Operator)),
    ("GET", "/api/queue/secrets/{name}", Access::Program(Role::Operator)),
    ("PUT", "/api/queue/secrets/{name}", Access::Program(Role::Admin)),
    ("DELETE", "/api/queue/secrets/{name}", Access::Program(Role::Admin)),
    ("GET", "/api/queue/audit", Access::Program(Role::Admin)),
    ("GET", "/api/queue/audit/export", Access::Program(Role::Admin)),
    ("GET", "/api/queue/users", Access::Program(Role::Admin)),
    ("POST", "/api/queue/users", Access::Program(Role::Admin)),
    ("POST", "/api/queue/users/{name}/login-link", Access::Program(Role::Admin)),
    ("DELETE", "/api/queue/users/{name}/login-link", Access::Program(Role::Admin)),
    ("PATCH", "/api/queue/users/{name}", Access::Program(Role::Admin)),
    ("DELETE", "/api/queue/users/{name}", Access::Program(Role::Admin)),
    ("POST", "/api/queue/account/password", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/sessions", Access::Program(Role::Viewer)),
    ("DELETE", "/api/queue/sessions/{id}", Access::Program(Role::Viewer)),
    ("GET", "/api/queue/tokens", Access::Program(Role::Viewer)),
    ("POST", "/api/queue/tokens", Access::Program(Role::Viewer)),
    ("DELETE", "/api/queue/tokens/{id}", Access::Program(Role::Viewer)),
    // The path contains a signed permission, so no credentials are required. `artifacts::previews` tests this route.
    ("GET", "/previews/{permission}/{*name}", Access::Open),
    ("GET", "/metrics", Access::Program(Role::Viewer)),
    ("GET", "/readyz", Access::Program(Role::Viewer)),
    ("POST", "/rpc/list_jobs", Access::Program(Role::Viewer)),
    ("POST", "/rpc/job_page", Access::Program(Role::Viewer)),
    ("POST", "/rpc/submit_job", Access::Program(Role::Operator)),
    ("POST", "/rpc/cancel_job", Access::Program(Role::Operator)),
    ("POST", "/rpc/resubmit_job", Access::Program(Role::Operator)),
    ("POST", "/rpc/resubmit_with_changes", Access::Program(Role::Operator)),
    ("POST", "/rpc/job", Access::Program(Role::Viewer)),
    ("POST", "/rpc/bulk_preview", Access::Program(Role::Operator)),
    ("POST", "/rpc/list_secrets", Access::Program(Role::Operator)),
    ("POST", "/rpc/test_redaction", Access::Program(Role::Operator)),
    ("POST", "/rpc/redaction_rules", Access::Program(Role::Viewer)),
    ("POST", "/rpc/audit", Access::Program(Role::Admin)),
    ("POST", "/rpc/workers", Access::Program(Role::Viewer)),
    ("POST", "/rpc/pauses", Access::Program(Role::Viewer)),
    ("POST", "/rpc/people", Access::Program(Role::Admin)),
    ("POST", "/rpc/account", Access::Program(Role::Viewer)),
    ("POST", "/tasks/queue/new", Access::Program(Role::Operator)),
    ("POST", "/secrets", Access::Program(Role::Admin)),
    ("POST", "/tasks/queue/bulk", Access::Program(Role::Operator)),
    ("POST", "/workers", Access::Program(Role::Admin)),
    ("POST", "/people", Access::Program(Role::Admin)),
    ("POST", "/account", Access::Program(Role::Viewer)),
    // This entry must come after the other entries for jobs. Each sender has one job, which the test uses in all of the
    // sender's requests, and this request removes the job.
    ("DELETE", "/api/queue/jobs/{id}", Access::Program(Role::Admin)),
    // This entry must be last, because its request ends the sender's session.
    ("POST", "/logout", Access::Program(Role::Viewer)),
];

/// Fills in the parameters of a path template.
fn filled(template: &str, job: &str, artifact: &str) -> String {
    let path = template.replace("{id}", job).replace("{jobId}", job).replace("{artifact}", artifact);
    path.replace("{name}", "A").replace("{permission}/{*name}", "1/index.html")
}

/// Returns the method and path of every route for programs, and of some paths without a route. The paths contain the
/// ids of an existing job and an existing artifact.
fn routes(job: &str, artifact: &str) -> Vec<(Method, String)> {
    let programs = RULES.iter().filter(|(_, _, access)| matches!(access, Access::Program(_)));
    let known = programs.map(|(method, path, _)| (*method, filled(path, job, artifact)));
    let unknown = [("GET", "/api"), ("GET", "/api/nothing"), ("POST", "/rpc/nothing")];
    let all = unknown.into_iter().map(|(method, path)| (method, path.to_owned())).chain(known);
    all.map(|(method, path)| (method.parse().expect("a method"), path)).collect()
}

#[tokio::test]
async fn every_route_has_an_access_rule() {
    let mut routes: Vec<_> = all_routes().into_iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let mut rules: Vec<_> = RULES.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    routes.sort();
    rules.sort();
    assert_eq!(routes, rules);
}

/// Runs a job and returns its id and the id of its log artifact.
async fn job_with_artifact(server: &TestServer) -> (String, String) {
    let (job, _) = server.api.run("echo secret output").await;
    let artifacts = server.api.json(&format!("/jobs/{job}/artifacts")).await;
    (job, artifacts["items"][0]["id"].as_str().expect("the artifact has an id").to_owned())
}

#[tokio::test]
async fn every_api_route_answers_401_without_credentials() {
    // The limit on invalid tokens is raised, because this test sends many of them.
    let server = TestServer::start_with(|config| config.failed_logins.per_address = u32::MAX).await;
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
async fn without_a_session_every_page_redirects_to_the_login_with_a_return_path() {
    let server = TestServer::start().await;
    let (job, _) = job_with_artifact(&server).await;
    let pages = RULES
        .iter()
        .filter(|(_, _, access)| matches!(access, Access::Page(_)))
        .map(|(_, path, _)| path.replace("{jobId}", &job));
    for page in pages.chain(["/nothing", "/tasks/queue?status=failed&q=a%20b"].map(str::to_owned)) {
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
    // This test creates a site of its own, because the files of the site may not have been built.
    let site = tempfile::tempdir().expect("a temporary folder");
    let files = ["pkg/app.js", "fonts/mono.woff2", "favicon.svg", "favicon.ico"];
    for file in files {
        let path = site.path().join(file);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be written");
        std::fs::write(path, file).expect("the folder can be written");
    }
    let server = TestServer::start_with(|config| config.site_root = Some(site.path().to_owned())).await;
    for file in files {
        let reply = tcp::get(&server.api.base, &format!("/{file}"), "").await;
        assert_eq!((reply.status, reply.body.as_str()), (200, file));
    }
    for path in ["/pkg/nothing.js", "/fonts/nothing.woff2"] {
        assert_eq!(tcp::get(&server.api.base, path, "").await.status, 404, "{path}");
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
            "/previews/..",
            "/previews/..\\",
            "/previews/%2e%2e",
            "/previews/x/..",
            "/previews/x/../..",
            "/previews/x\\..\\..",
            "/previews/..\\..",
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
        [
            "/healthz/",
            "/healthz%20",
            "/HEALTHZ",
            "/login/",
            "/pkg",
            "/pkg/",
            "/fonts/",
            "/%70kg/x",
            "/Login",
            "/previews/",
            "/previews/x",
            "/previews/x/",
            "/previews/..\\tasks\\queue",
        ]
        .map(str::to_owned),
    );
    for trick in tricks {
        let reply = tcp::get(&server.api.base, &trick, "").await;
        // If the request target names another host, the server may also refuse it with 403.
        let refused = matches!(reply.status, 303 | 400 | 401)
            || (reply.status == 403 && trick.starts_with("http://x/"))
            || (reply.status == 404 && trick.starts_with("/previews/"));
        assert!(refused, "{trick}: {} {}", reply.status, reply.body);
        assert!(!reply.body.contains("secret output") && !reply.body.contains(&job), "{trick}: {}", reply.body);
    }
}

#[tokio::test]
async fn listening_beyond_loopback_requires_a_token_set_by_the_operator() {
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

#[tokio::test]
async fn listening_beyond_loopback_is_allowed_with_an_administrator_who_is_not_disabled() {
    let everywhere: SocketAddr = "0.0.0.0:0".parse().expect("an address");
    let starts = async |data: &std::path::Path| {
        let mut settings = config(data);
        settings.admin_token = None;
        Server::start(settings, TcpListener::bind(everywhere).await.expect("a free port")).await.map(drop)
    };
    let mut data = tempfile::tempdir().expect("a temporary folder");
    // An invited administrator who has not chosen a password yet cannot log in.
    let server = TestServer::start_over(data, |_| {}).await;
    let invited = server.api.post("/users", &json!({"name": "invited", "role": "admin"})).await;
    assert_eq!(invited.status(), 201);
    data = server.stop().await;
    for (changes, is_allowed) in [
        (None, false),
        (Some(json!({"role": "admin"})), true),
        (Some(json!({"disabled": true})), false),
        (Some(json!({"disabled": false})), true),
    ] {
        let server = TestServer::start_over(data, |_| {}).await;
        match &changes {
            None => server.add_user("ada", Role::Operator).await,
            Some(changes) => {
                let reply = server.api.request(Method::PATCH, "/users/ada").json(changes).send().await;
                assert_eq!(reply.expect("the server answers").status(), 200);
            }
        }
        data = server.stop().await;
        let started = starts(data.path()).await;
        assert_eq!(started.is_ok(), is_allowed, "{changes:?}: {started:?}");
    }
}
