//! Tests of workers' tokens: which jobs a claim with a token can receive, and what happens when a token is revoked.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::people::Proof;
use crate::harness::workers::{KIND, RemoteWorker, id_of, of_job};
use crate::harness::{TOKEN, TestServer, of_kind};

/// Creates a worker's token with the request that older clients send. Returns a worker that uses the token, and the
/// token's description.
pub(super) async fn limited(server: &TestServer, limits: Value) -> (RemoteWorker, Value) {
    let mut body = json!({"workerId": "executor-01", "description": "a test", "unknown": 1});
    for (name, value) in limits.as_object().expect("it is an object") {
        body[name] = value.clone();
    }
    let reply = server.api.post("/workers/tokens", &body).await;
    let (status, created) = (reply.status(), reply.json::<Value>().await.expect("the body is JSON"));
    assert_eq!(status, 201, "{created}");
    assert_eq!(created.as_object().map(serde_json::Map::len), Some(2), "{created}");
    let token = created["token"].as_str().expect("a new token has a text").to_owned();
    let worker = RemoteWorker::with_token(server, "executor-01", token);
    (worker, created["workerToken"].clone())
}

/// Revokes a worker's token, and returns the status and the body of the reply.
pub(super) async fn revoke(server: &TestServer, token: &Value) -> (u16, Value) {
    let path = format!("/workers/tokens/{}/revoke", token["id"].as_str().expect("a token has an id"));
    let reply = server.api.post(&path, &json!({})).await;
    (reply.status().as_u16(), reply.json().await.expect("the body is JSON"))
}

#[tokio::test]
async fn tokens_of_workers_are_created_listed_and_revoked() {
    let server = TestServer::start().await;
    let limits = json!({"allowedJobTypes": [KIND], "allowedRepositories": null, "capabilities": [" Git", "GPU"]});
    let (worker, token) = limited(&server, limits).await;
    let expected = json!([
        "executor-01",
        "a test",
        [KIND],
        null,
        ["git", "gpu"],
        true,
        "admin",
        worker.token.get(..8).expect("a token is long"),
    ]);
    let shown = |token: &Value| {
        json!([
            token["workerId"],
            token["description"],
            token["allowedJobTypes"],
            token["allowedRepositories"],
            token["capabilities"],
            token["isActive"],
            token["userId"],
            token["hint"],
        ])
    };
    assert_eq!(shown(&token), expected);
    let list = server.api.json("/workers/tokens").await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    let listed = list["items"].as_array().and_then(|items| items.iter().find(|item| item["id"] == token["id"]));
    assert_eq!(shown(listed.expect("it is listed")), expected);
    let all = server.api.json("/tokens").await;
    assert!(all.to_string().contains("\"allowedJobTypes\":[\"elsewhere\"]"), "{all}");
    assert_eq!(worker.claim().await, Value::Null);
    let (status, revoked) = revoke(&server, &token).await;
    assert_eq!((status, &revoked["isActive"], &revoked["id"]), (200, &json!(false), &token["id"]));
    worker.refused((401, "auth_required"), "/claim", json!({"leaseSeconds": 60})).await;
    let (status, again) = revoke(&server, &token).await;
    assert_eq!((status, &again["detail"]["code"]), (404, &json!("worker_token_not_found")));
    let viewer = server.create_token(&Proof::Bearer(TOKEN.into()), json!({"name": "v", "role": "viewer"})).await;
    assert_eq!(revoke(&server, &viewer).await.0, 404, "it is not a worker's token");
}

#[tokio::test]
async fn invalid_limits_of_a_token_are_refused() {
    let server = TestServer::start().await;
    let many = vec!["a"; 101];
    for (path, body) in [
        ("/workers/tokens", json!({})),
        ("/workers/tokens", json!({"workerId": ""})),
        ("/workers/tokens", json!({"workerId": "a", "allowedJobTypes": [""]})),
        ("/workers/tokens", json!({"workerId": "a", "allowedRepositories": many})),
        ("/workers/tokens", json!({"workerId": "a", "capabilities": ["a\nb"]})),
        ("/workers/tokens", json!({"workerId": "a", "description": "x".repeat(2_001)})),
        ("/tokens", json!({"name": "a", "role": "viewer", "capabilities": ["git"]})),
    ] {
        let reply = server.api.post(path, &body).await;
        let (status, reply) = (reply.status(), reply.json::<Value>().await.expect("the body is JSON"));
        assert_eq!((status.as_u16(), &reply["detail"]["code"]), (422, &json!("invalid_queue_payload")), "{body}");
    }
}

#[tokio::test]
async fn a_token_limits_the_types_that_a_claim_receives() {
    let server = TestServer::start().await;
    let (worker, _) = limited(&server, json!({"allowedJobTypes": [KIND]})).await;
    server.api.submit_job(json!({"type": "another", "priority": 9})).await;
    assert_eq!(worker.claim().await, Value::Null, "all types, as far as the token permits them");
    assert_eq!(worker.claim_with(json!({"allowedTypes": ["another"]})).await, Value::Null);
    let own = server.submit_elsewhere(json!({})).await;
    assert_eq!(id_of(&worker.claim_with(json!({"allowedTypes": ["another", KIND]})).await), own);
}

#[tokio::test]
async fn a_token_limits_the_capabilities_and_repositories_that_a_claim_receives() {
    let server = TestServer::start().await;
    let limits = json!({"allowedRepositories": ["acme/web", "acme/api"], "capabilities": ["git"]});
    let (worker, _) = limited(&server, limits).await;
    let submit = async |payload: Value| server.submit_elsewhere(json!({"payload": payload})).await;
    submit(json!({})).await;
    submit(json!({"repository": "acme/secret"})).await;
    submit(json!({"repository": "acme/web", "requiredCapabilities": ["gpu"]})).await;
    let claim = json!({"workerCapabilities": ["git", "gpu"]});
    assert_eq!(worker.claim_with(claim.clone()).await, Value::Null);
    let own = submit(json!({"repository": "acme/api", "requiredCapabilities": ["git"]})).await;
    let job = worker.claim_with(claim.clone()).await;
    assert_eq!(id_of(&job), own);
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    let again = server.api.post(&format!("/jobs/{own}/resubmit"), &json!({})).await;
    let again: Value = again.json().await.expect("the body is JSON");
    assert_eq!(id_of(&worker.claim_with(claim).await), id_of(&again), "a resubmitted job has the same repository");
}

#[tokio::test]
async fn revoking_a_token_ends_its_leases_at_once_with_the_reason() {
    let server = TestServer::start().await;
    for (path, max) in [("worker", 2), ("api", 1), ("account", 1), ("people", 1)] {
        let (worker, token) = limited(&server, json!({})).await;
        let job = server.claimed(&worker, json!({"maxAttempts": max})).await;
        let id = token["id"].as_str().expect("a token has an id");
        let admin = server.token(Role::Admin).await;
        match path {
            "worker" => assert_eq!(revoke(&server, &token).await.0, 200),
            "api" => {
                let reply = server.api.request(Method::DELETE, &format!("/tokens/{id}")).send().await;
                assert_eq!(reply.expect("the server answers").status(), 204);
            }
            page => {
                let form = [("action", "revoke-token"), ("id", id)];
                let reply = server.post_form(&format!("/{page}"), &admin, &form).await;
                assert_eq!(reply.headers()["location"], format!("/{page}?done=revoked"));
            }
        }
        let ended = server.api.job(id_of(&job)).await;
        let status = if max == 2 { "queued" } else { "dead_letter" };
        assert_eq!(
            json!([ended["status"], ended["failureReason"], ended["errorMessage"]]),
            json!([status, "interrupted", "the worker's API token was revoked or has expired"]),
            "{path}"
        );
        let events = server.api.events(id_of(&job)).await;
        assert_eq!(of_kind(&events, "attempt").last().expect("it has begun")["payload"]["status"], "interrupted");
        worker.refused((401, "auth_required"), &of_job(&job, "complete"), json!({"leaseEpoch": 1})).await;
    }
}

#[tokio::test]
async fn a_token_of_a_removed_or_disabled_user_loses_its_leases() {
    let server = TestServer::start().await;
    for name in ["ada", "grace"] {
        server.add_user(name, Role::Admin).await;
        let session = server.log_in(name, crate::harness::people::PASSWORD).await;
        let created = server.create_token(&session, json!({"name": "worker", "role": "worker"})).await;
        let token = created["token"].as_str().expect("a new token has a text").to_owned();
        let worker = RemoteWorker::with_token(&server, "one", token);
        let job = server.claimed(&worker, json!({})).await;
        let path = format!("/users/{name}");
        let request = match name {
            "ada" => server.api.request(Method::DELETE, &path),
            _ => server.api.request(Method::PATCH, &path).json(&json!({"disabled": true})),
        };
        assert!(request.send().await.expect("the server answers").status().is_success());
        assert_eq!(server.api.ended(id_of(&job)).await["failureReason"], "interrupted");
    }
}

#[tokio::test]
async fn a_claim_that_waits_while_its_token_is_revoked_receives_no_job() {
    let server = TestServer::start().await;
    let (worker, token) = limited(&server, json!({})).await;
    let waiting = tokio::spawn({
        let worker = worker.clone();
        async move { worker.claim_with(json!({"waitSeconds": 3, "allowedTypes": [KIND]})).await }
    });
    server.until_seen("executor-01").await;
    assert_eq!(revoke(&server, &token).await.0, 200);
    let id = server.submit_elsewhere(json!({})).await;
    assert_eq!(waiting.await.expect("the claim does not panic"), Value::Null);
    assert_eq!(server.api.job(&id).await["status"], "queued");
}

#[tokio::test]
async fn the_account_page_takes_and_shows_the_limits_of_a_worker() {
    let server = TestServer::start().await;
    let admin = server.token(Role::Admin).await;
    let fields = [
        ("action", "create-token"),
        ("name", "builder"),
        ("role", "worker"),
        ("expiresInDays", "7"),
        ("allowedJobTypes", "elsewhere, build"),
        ("allowedRepositories", ""),
        ("capabilities", "GPU"),
    ];
    let reply = server.post_form("/account", &admin, &fields).await;
    assert_eq!(reply.status(), 200);
    let html = reply.text().await.expect("the body arrives");
    assert!(html.contains("elsewhere, build") && html.contains("gpu"), "{html}");
    let list = server.api.json("/workers/tokens").await;
    let token = &list["items"][0];
    assert_eq!(
        json!([token["workerId"], token["allowedJobTypes"], token["allowedRepositories"], token["capabilities"]]),
        json!(["builder", ["elsewhere", "build"], null, ["gpu"]])
    );
    let mut viewer = fields;
    viewer[2].1 = "viewer";
    let refused = server.post_form("/account", &admin, &viewer).await;
    assert_eq!(refused.headers()["location"], "/account?error=allowedJobTypes");
}
