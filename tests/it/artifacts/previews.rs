//! Artifacts that are displayed in a frame are isolated from the pages.

use model::Role;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde_json::json;

use crate::harness::people::{PASSWORD, Proof, bearer, browser};
use crate::harness::{Api, TOKEN, TestServer};

const REPORT: &str =
    "mkdir -p 'report/a b'; echo '<h1>Report</h1>' > report/index.html; echo 'h1 {}' > 'report/a b/é?.css';
    echo secret > other";

/// Runs a job that creates a report, and returns the job's id.
async fn job_with_report(api: &Api) -> String {
    let id = api.submit(json!({"run": REPORT, "artifacts": ["report/**", "other"]})).await;
    assert_eq!(api.ended(&id).await["status"], "succeeded");
    id
}

async fn artifact(api: &Api, job: &str, name: &str) -> String {
    let page = api.json(&format!("/jobs/{job}/artifacts")).await;
    let items = page["items"].as_array().expect("a page has items");
    let item = items.iter().find(|item| item["name"] == name).expect("the artifact is stored");
    item["id"].as_str().expect("an artifact has an id").to_owned()
}

/// Requests the preview of an artifact, and returns the address to which the response redirects.
async fn preview(api: &Api, job: &str, name: &str) -> String {
    let client = Client::builder().redirect(Policy::none()).build().expect("the client is valid");
    let url = format!("{}/api/queue/jobs/{job}/artifacts/{}/preview", api.base, artifact(api, job, name).await);
    let reply = client.get(url).bearer_auth(TOKEN).send().await.expect("the server answers");
    assert_eq!(reply.status(), 303);
    reply.headers()["location"].to_str().expect("an address is ASCII").to_owned()
}

/// Requests a path without credentials.
async fn get(api: &Api, path: &str) -> Response {
    let client = Client::builder().redirect(Policy::none()).build().expect("the client is valid");
    client.get(format!("{}{path}", api.base)).send().await.expect("the server answers")
}

#[tokio::test]
async fn a_report_and_the_files_beside_it_are_loaded_without_a_session_and_isolated() {
    let server = TestServer::start().await;
    let api = &server.api;
    let id = job_with_report(api).await;
    let address = preview(api, &id, "report/index.html").await;
    let folder = address.strip_suffix("/index.html").expect("the address ends with the name");
    for (path, media_type, text) in [
        (address.clone(), "text/html", "<h1>Report</h1>\n"),
        (format!("{folder}/"), "text/html", "<h1>Report</h1>\n"),
        (format!("{folder}/a%20b/%C3%A9%3F.css"), "text/css", "h1 {}\n"),
        (format!("{folder}/../other"), "application/octet-stream", "secret\n"),
    ] {
        let reply = get(api, &path).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["content-type"]),
            (200, &media_type.parse().expect("a value"))
        );
        let policy = reply.headers()["content-security-policy"].to_str().expect("it is ASCII").to_owned();
        assert!(policy.starts_with("sandbox allow-scripts; default-src 'self'"), "{policy}");
        for rule in ["connect-src 'none'", "form-action 'none'", "frame-ancestors 'self'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("allow-same-origin") && !policy.contains("allow-top-navigation"), "{policy}");
        assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers()["access-control-allow-origin"], "*", "modules and fonts can be loaded");
        assert!(!reply.headers().contains_key("set-cookie"));
        assert_eq!(reply.text().await.expect("a body"), text);
    }
    assert_eq!(
        preview(api, &id, "report/a b/é?.css").await.rsplit_once("/report/").expect("a name").1,
        "a%20b/%C3%A9%3F.css"
    );
}

#[tokio::test]
async fn a_signed_token_is_limited_to_the_artifacts_of_one_attempt() {
    let server = TestServer::start().await;
    let api = &server.api;
    let (id, other) = (job_with_report(api).await, job_with_report(api).await);
    let address = preview(api, &id, "other").await;
    let permission = address.strip_prefix("/previews/").and_then(|path| path.split('/').next()).expect("a permission");
    let replaced = |from: &str, to: &str| permission.replacen(from, to, 1);
    for path in [
        format!("/previews/{}/other", replaced(&id, &other)),
        format!("/previews/{}/other", replaced(".1.", ".2.")),
        format!("/previews/{}/other", &permission[..permission.len() - 1]),
        format!("/previews/{permission}0/other"),
        "/previews/x/other".to_owned(),
        format!("/previews/{permission}/nothing"),
        format!("/previews/{permission}/report"),
        format!("/previews/{permission}/report/../../../../admin-token"),
        format!("/previews/{permission}/..%2f..%2fadmin-token"),
        format!("/previews/{permission}/%00"),
    ] {
        let reply = get(api, &path).await;
        let status = reply.status();
        let body = reply.text().await.expect("a body");
        assert!(!body.contains("secret") && !body.contains(TOKEN), "{path}");
        assert!(status == 404 || path.contains("/../") && status == 303, "{path}: {status}");
    }
    let mine = get(api, &address).await;
    assert_eq!((mine.status().as_u16(), mine.text().await.expect("a body").as_str()), (200, "secret\n"));
    let restarted = TestServer::start_over(server.stop().await, |_| {}).await;
    assert_eq!(get(&restarted.api, &address).await.status(), 404, "permissions end when the server stops");
}

/// Requests the preview of an artifact with a credential, and returns the address of the preview.
async fn preview_by(api: &Api, job: &str, name: &str, proof: &Proof) -> String {
    let url = format!("{}/api/queue/jobs/{job}/artifacts/{}/preview", api.base, artifact(api, job, name).await);
    let reply = proof.add_to(browser().get(url), &api.base).send().await.expect("the server answers");
    assert_eq!(reply.status(), 303);
    reply.headers()["location"].to_str().expect("an address is ASCII").to_owned()
}

#[tokio::test]
async fn the_address_of_a_preview_ends_with_the_session_or_token_that_opened_it() {
    let server = TestServer::start().await;
    let api = &server.api;
    let id = job_with_report(api).await;
    for name in ["ada", "grace"] {
        server.add_user(name, Role::Viewer).await;
    }
    let (here, elsewhere) = (server.log_in("ada", PASSWORD).await, server.log_in("ada", PASSWORD).await);
    let created = server.create_token(&here, json!({"name": "test"})).await;
    let (token, other) = (bearer(&created), server.log_in("grace", PASSWORD).await);
    let mut addresses = Vec::new();
    for proof in [&here, &token, &elsewhere, &other] {
        addresses.push(preview_by(api, &id, "report/index.html", proof).await);
    }
    let statuses = async || {
        let mut statuses = Vec::new();
        for address in &addresses {
            statuses.push(get(api, address).await.status().as_u16());
        }
        statuses
    };
    assert_eq!(statuses().await, [200, 200, 200, 200]);
    assert_eq!(server.post_form("/logout", &here, &[]).await.status(), 303);
    assert_eq!(statuses().await, [404, 200, 200, 200], "logging out ends the session's own previews");
    let revoked = api.request(Method::DELETE, &format!("/tokens/{}", created["id"].as_str().expect("an id")));
    assert_eq!(revoked.send().await.expect("the server answers").status(), 204);
    assert_eq!(statuses().await, [404, 404, 200, 200]);
    let disabled = api.request(Method::PATCH, "/users/ada").json(&json!({"disabled": true})).send().await;
    assert_eq!(disabled.expect("the server answers").status(), 200);
    assert_eq!(statuses().await, [404, 404, 404, 200]);
    server.execute("update sessions set expires_at = 1").await;
    assert_eq!(statuses().await, [404, 404, 404, 404], "a preview lasts no longer than its session");
}

#[tokio::test]
async fn a_preview_that_is_being_sent_is_aborted_when_its_session_ends() {
    let server = TestServer::start_with(|config| {
        config.jobs.artifact_file_bytes = 1 << 30;
        config.jobs.artifact_job_bytes = 1 << 30;
    })
    .await;
    let command = "head -c 60000000 /dev/urandom > large";
    let id = server.api.submit(json!({"run": command, "artifacts": ["large"]})).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    server.add_user("ada", Role::Viewer).await;
    let session = server.log_in("ada", PASSWORD).await;
    let address = preview_by(&server.api, &id, "large", &session).await;
    let mut reply = get(&server.api, &address).await;
    assert!(reply.chunk().await.expect("bytes arrive").is_some());
    assert_eq!(server.post_form("/logout", &session, &[]).await.status(), 303);
    let mut bytes = 0;
    while let Ok(Some(chunk)) = reply.chunk().await {
        bytes += chunk.len();
    }
    assert!(bytes < 50_000_000, "{bytes} bytes were received after the session had ended");
}

#[tokio::test]
async fn an_unknown_artifact_has_no_preview() {
    let server = TestServer::start().await;
    let (id, other) = (job_with_report(&server.api).await, server.api.run("true").await.0);
    let file = artifact(&server.api, &id, "other").await;
    for (path, status) in [
        (format!("/jobs/{other}/artifacts/{file}/preview"), 409),
        (format!("/jobs/{id}/artifacts/{other}/preview"), 404),
        (format!("/jobs/{id}/artifacts/x/preview"), 404),
    ] {
        assert_eq!(server.api.get(&path).await.status(), status, "{path}");
    }
}
