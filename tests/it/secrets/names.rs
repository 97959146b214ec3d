//! Names, keys and error messages contain no secrets, because they are masked or refused.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::send;
use crate::harness::people::Proof;
use crate::harness::workers::RemoteWorker;
use crate::harness::{TOKEN, TestServer};

const VALUE: &str = "hunter2-of-the-server";

/// Starts a server that knows the secret [`VALUE`].
async fn server() -> TestServer {
    let server = TestServer::start().await;
    let set = server.api.request(Method::PUT, "/secrets/OF_SERVER").json(&json!({"value": VALUE}));
    assert_eq!(set.send().await.expect("the server answers").status(), 201);
    server
}

/// Returns texts with secrets: a value that the server knows, and a token that it recognises.
fn secrets() -> [String; 2] {
    [VALUE.to_owned(), format!("ghp_{}", "aB3dE5gH7jK9".repeat(3))]
}

/// Checks that a request is refused because of the secret in a field, and that the error does not contain the secret.
async fn refused(server: &TestServer, path: &str, body: Value, field: &str) {
    let (status, reply) = send(&server.api, &format!("/api/queue{path}"), &body.to_string()).await;
    assert_eq!(status, 422, "{path} {body}: {reply}");
    assert!(secrets().iter().all(|secret| !reply.contains(secret)), "{reply}");
    let reply: Value = serde_json::from_str(&reply).expect("the body is JSON");
    let message = reply["detail"]["message"].as_str().expect("an error has a message");
    assert!(message.starts_with(&format!("{field}: ")) && message.contains("secret"), "{path} {body}: {message}");
}

#[tokio::test]
async fn names_by_which_jobs_are_found_must_not_contain_a_secret() {
    let server = server().await;
    for secret in secrets() {
        let name = format!("x-{secret}");
        refused(&server, "/jobs", json!({"type": name}), "type").await;
        let payload = json!({"type": "elsewhere", "payload": {"requiredCapabilities": ["gpu", name]}});
        refused(&server, "/jobs", payload, "payload.requiredCapabilities[1]").await;
        refused(&server, "/users", json!({"name": name, "role": "viewer"}), "name").await;
        let limits = json!({"name": "x", "role": "worker", "allowedRepositories": [name]});
        refused(&server, "/tokens", limits, "allowedRepositories").await;
        let key = server.api.request(Method::POST, "/jobs").header("idempotency-key", &name);
        let key = key.json(&json!({"type": "elsewhere"})).send().await.expect("the server answers");
        assert_eq!(key.status(), 422);
        let pause = server.api.request(Method::PUT, &format!("/pauses/type:{name}")).json(&json!({}));
        let pause = pause.send().await.expect("the server answers");
        assert_eq!(pause.status(), 422);
        assert!(!pause.text().await.expect("the body arrives").contains(&secret));
    }
    // A value that is masked only as a whole word may be a name.
    let set = server.api.request(Method::PUT, "/secrets/WEAK").json(&json!({"value": "gpu"}));
    assert_eq!(set.send().await.expect("the server answers").status(), 201);
    let own = json!({"type": "gpu", "payload": {"requiredCapabilities": ["gpu"], "DB_PASSWORD": "gpu"}});
    let id = server.api.submit_job(own).await;
    let worker = RemoteWorker::new(&server, "one").await;
    let claim = json!({"allowedTypes": ["gpu"], "workerCapabilities": ["gpu"]});
    assert_eq!(worker.claim_with(claim).await["id"], id.as_str());
}

#[tokio::test]
async fn affinity_keys_with_secrets_are_masked_and_remain_different() {
    let server = server().await;
    let own = "swordfish-of-the-job";
    let mut shown = Vec::new();
    for key in [format!("a {VALUE}"), format!("a {own}"), "plain".to_owned()] {
        let job = json!({"type": "elsewhere", "affinityKey": key, "payload": {"MY_TOKEN": own}});
        let id = server.api.submit_job(job).await;
        // A copy with changes has the same key.
        let again = server.api.post(&format!("/jobs/{id}/resubmit"), &json!({"priority": 1})).await;
        assert_eq!(again.status(), 201);
        let again: Value = again.json().await.expect("the body is JSON");
        let job = server.api.job(&id).await;
        assert_eq!(again["affinityKey"], job["affinityKey"]);
        shown.push(job["affinityKey"].clone());
    }
    assert_eq!(shown, ["a [REDACTED]", "a [REDACTED]", "plain"]);
    let stored = server.column("select affinity_key from jobs").await;
    assert_eq!(stored.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{stored:?}");
    assert!(stored.iter().all(|key| !key.contains(VALUE) && !key.contains(own)), "{stored:?}");
}

#[tokio::test]
async fn names_and_descriptions_of_tokens_sessions_and_workers_are_masked() {
    let server = server().await;
    let worker = RemoteWorker::new(&server, "one").await;
    for secret in secrets() {
        let token = json!({"name": format!("of {secret}"), "description": format!("for {secret}")});
        let reply = server.api.post("/tokens", &token).await;
        assert_eq!(reply.status(), 201);
        let reply = reply.text().await.expect("the body arrives");
        assert!(!reply.contains(&secret) && reply.contains("of [REDACTED"), "{reply}");
        let login = server.api.client.post(format!("{}/login", server.api.base)).header("user-agent", &secret);
        let login = login.header("content-type", "application/x-www-form-urlencoded").body(format!("token={TOKEN}"));
        assert_eq!(login.send().await.expect("the server answers").status(), 200);
        let body = json!({
            "workerId": secret, "hostname": secret, "version": secret, "leaseSeconds": 60, "allowedTypes": [secret],
            "workerCapabilities": [secret],
        });
        worker.expect(200, "/claim", body).await;
        let claim = json!({"leaseSeconds": 60, "claimId": secret});
        worker.refused((422, "invalid_queue_payload"), "/claim", claim).await;
    }
    for path in ["/tokens", "/sessions", "/workers", "/audit"] {
        let listed = server.api.get(path).await.text().await.expect("the body arrives");
        assert!(listed.contains("[REDACTED"), "{path}: {listed}");
        assert!(secrets().iter().all(|secret| !listed.contains(secret)), "{path}: {listed}");
    }
}

#[tokio::test]
async fn error_messages_that_quote_a_request_are_masked() {
    let server = server().await;
    let Proof::Bearer(viewer) = server.token(Role::Viewer).await else { panic!("a token is a bearer token") };
    for secret in secrets() {
        for path in [
            format!("/jobs?status={secret}"),
            format!("/jobs?{secret}=1"),
            format!("/jobs?createdAfter={secret}"),
            format!("/events/stream?jobs={secret}"),
        ] {
            let reply = server.api.get(&path).await;
            assert_eq!(reply.status(), 422, "{path}");
            let text = reply.text().await.expect("the body arrives");
            assert!(!text.contains(&secret) && text.contains("[REDACTED"), "{path}: {text}");
        }
        let host = server.api.request(Method::GET, "/jobs").header("host", &secret);
        let text = host.send().await.expect("the server answers").text().await.expect("the body arrives");
        assert!(text.contains("host_not_allowed") && !text.contains(&secret), "{text}");
        // The server learns the value only from the refused request.
        let own = "swordfish-of-the-job";
        for (path, body) in [
            ("/api/queue/jobs", json!({"type": "elsewhere", "priority": secret})),
            ("/api/queue/jobs", json!({"type": "elsewhere", "priority": own, "payload": {"MY_TOKEN": own}})),
            (
                "/api/queue/jobs",
                json!({"type": "command", "payload": {"run": "true", "env": {"A_TOKEN": own}, "secrets": [own]}}),
            ),
            (
                "/api/queue/jobs",
                json!({"type": "command", "payload": {"run": "true", "env": {"A_TOKEN": own, (own): "x"}}}),
            ),
            ("/rpc/submit_job", json!({"job": {"type": "elsewhere", "priority": own, "payload": {"MY_TOKEN": own}}})),
            (
                "/rpc/submit_job",
                json!({"job": {"type": "command", "payload": {"run": "true", "env": {"A_TOKEN": own}, "secrets": [own]}}}),
            ),
            ("/rpc/submit_job", json!({"job": secret})),
            ("/rpc/cancel_job", json!({"id": [secret]})),
        ] {
            let (status, reply) = send(&server.api, path, &body.to_string()).await;
            assert!(status >= 400, "{path} {body}: {reply}");
            assert!(!reply.contains(&secret) && !reply.contains(own), "{path} {body}: {reply}");
        }
        let form = server.api.client.post(format!("{}/rpc/list_jobs", server.api.base)).bearer_auth(&viewer);
        let form = form.header("content-type", "application/x-www-form-urlencoded").body(format!("offset={secret}"));
        let text = form.send().await.expect("the server answers").text().await.expect("the body arrives");
        assert!(!text.contains(&secret), "{text}");
    }
    // Names of fields and ordinary words are not masked.
    let body = json!({"type": "command", "payload": {"run": "true", "env": {"DB_PASSWORD": []}}}).to_string();
    let (_, reply) = send(&server.api, "/api/queue/jobs", &body).await;
    assert!(reply.contains("payload.env.DB_PASSWORD: ") && !reply.contains("REDACTED"), "{reply}");
}
