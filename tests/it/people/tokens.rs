//! Tests of API tokens.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::people::{PASSWORD, Proof, bearer, browser};
use crate::harness::{TOKEN, TestServer, until_async};

/// Tries to create a token, and returns the status.
async fn create(server: &TestServer, by: &Proof, new: Value) -> u16 {
    let request = browser().post(format!("{}/api/queue/tokens", server.api.base)).json(&new);
    by.add_to(request, &server.api.base).send().await.expect("the server answers").status().as_u16()
}

#[tokio::test]
async fn a_token_is_shown_once_and_listed_by_its_beginning() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Operator).await;
    let session = server.log_in("ada", PASSWORD).await;
    let created = server.create_token(&session, json!({"name": "CI", "role": "viewer", "expiresInDays": 7})).await;
    let text = created["token"].as_str().expect("a new token has a text").to_owned();
    assert!(text.starts_with("twt_") && text.len() == 40, "{text}");
    let list = server.api.json("/tokens?user=ada").await;
    assert!(!list.to_string().contains(&text), "{list}");
    let listed = &list["items"][0];
    assert_eq!((&listed["name"], &listed["role"], &listed["userId"]), (&json!("CI"), &json!("viewer"), &json!("ada")));
    assert!(text.starts_with(listed["hint"].as_str().expect("a token has a hint")), "{listed}");
    assert_eq!(listed["lastUsedAt"], Value::Null);
    assert_eq!(server.status("/api/queue/jobs", &bearer(&created)).await, 200);
    let used = async || server.api.json("/tokens?user=ada").await["items"][0]["lastUsedAt"].clone();
    until_async("the time of the first use is stored", async || !used().await.is_null()).await;
    let first = used().await;
    server.status("/api/queue/jobs", &bearer(&created)).await;
    assert_eq!(used().await, first, "a minute has not passed");
}

#[tokio::test]
async fn nobody_can_create_a_token_that_permits_more_than_their_own_role() {
    let server = TestServer::start().await;
    for (by, allowed) in [
        (Role::Viewer, vec![Role::Viewer]),
        (Role::Operator, vec![Role::Viewer, Role::Operator]),
        (Role::Admin, Role::ALL.to_vec()),
        (Role::Worker, vec![]),
    ] {
        let proof = server.token(by).await;
        for role in Role::ALL {
            let expected = if allowed.contains(&role) { 201 } else { 403 };
            assert_eq!(create(&server, &proof, json!({"name": "test", "role": role})).await, expected, "{by} {role}");
        }
    }
}

#[tokio::test]
async fn the_name_and_the_expiry_of_a_token_are_checked() {
    let server = TestServer::start().await;
    let admin = Proof::Bearer(TOKEN.into());
    for new in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "\u{7}"}),
        json!({"name": "x".repeat(101)}),
        json!({"name": "x", "expiresInDays": 0}),
        json!({"name": "x", "expiresInDays": 3651}),
        json!({"name": "x", "role": "root"}),
        json!({"name": "x", "never": true}),
    ] {
        assert_eq!(create(&server, &admin, new.clone()).await, 422, "{new}");
    }
    let default = server.create_token(&admin, json!({"name": "x"})).await;
    let time = |name: &str| {
        let text = default[name].as_str().expect("it is a time");
        text.parse::<model::Timestamp>().expect("it is a time").0
    };
    assert_eq!((time("expiresAt") - time("createdAt")) / 86_400_000_000, 90);
    assert_eq!(default["role"], "admin", "the role of whoever creates it");
}

#[tokio::test]
async fn a_token_that_is_created_with_another_token_expires_no_later() {
    let server = TestServer::start().await;
    let week = json!({"name": "week", "expiresInDays": 7});
    let first = server.create_token(&Proof::Bearer(TOKEN.into()), week).await;
    for (days, is_same) in [(8, true), (3650, true), (6, false)] {
        let second = server.create_token(&bearer(&first), json!({"name": "second", "expiresInDays": days})).await;
        assert_eq!(second["expiresAt"] == first["expiresAt"], is_same, "{days}: {first} {second}");
    }
}

#[tokio::test]
async fn a_token_of_a_user_never_permits_more_than_the_user() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Admin).await;
    let session = server.log_in("ada", PASSWORD).await;
    let token = bearer(&server.create_token(&session, json!({"name": "test"})).await);
    let status = async |path: &str| server.status(path, &token).await;
    assert_eq!((status("/api/queue/users").await, status("/api/queue/secrets").await), (200, 200));
    let change = async |changes: Value| {
        let reply = server.api.request(Method::PATCH, "/users/ada").json(&changes).send().await;
        assert_eq!(reply.expect("the server answers").status(), 200);
    };
    change(json!({"role": "operator"})).await;
    assert_eq!((status("/api/queue/users").await, status("/api/queue/secrets").await), (403, 200));
    change(json!({"role": "viewer"})).await;
    assert_eq!((status("/api/queue/secrets").await, status("/api/queue/jobs").await), (403, 200));
    change(json!({"disabled": true})).await;
    assert_eq!(status("/api/queue/jobs").await, 401);
    change(json!({"disabled": false})).await;
    assert_eq!(status("/api/queue/jobs").await, 200, "passwords and sessions do not concern tokens");
    server.api.request(Method::DELETE, "/users/ada").send().await.expect("the server answers");
    assert_eq!(status("/api/queue/jobs").await, 401);
}

#[tokio::test]
async fn people_revoke_only_their_own_tokens_and_administrators_all() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Operator).await;
    server.add_user("grace", Role::Operator).await;
    let (ada, grace) = (server.log_in("ada", PASSWORD).await, server.log_in("grace", PASSWORD).await);
    let created = server.create_token(&ada, json!({"name": "test"})).await;
    let (token, id) = (bearer(&created), created["id"].as_str().expect("a token has an id").to_owned());
    let revoke = async |by: &Proof| {
        let request = browser().delete(format!("{}/api/queue/tokens/{id}", server.api.base));
        by.add_to(request, &server.api.base).send().await.expect("the server answers").status().as_u16()
    };
    assert_eq!(revoke(&grace).await, 404);
    assert_eq!(server.status("/api/queue/jobs", &token).await, 200);
    assert_eq!(revoke(&ada).await, 204);
    assert_eq!(server.status("/api/queue/jobs", &token).await, 401);
    assert_eq!(revoke(&Proof::Bearer(TOKEN.into())).await, 404);
    for text in ["twt_", "twt_000000000000000000000000000000000000", "TWT_x", &"x".repeat(5_000)] {
        assert_eq!(server.status("/api/queue/jobs", &Proof::Bearer(text.into())).await, 401, "{text}");
    }
}

#[tokio::test]
async fn a_token_that_a_job_prints_is_masked() {
    let server = TestServer::start().await;
    let Proof::Bearer(token) = server.token(Role::Viewer).await else { panic!("a token is a bearer token") };
    let (id, _) = server.api.run(&format!("echo created {token}")).await;
    assert_eq!(server.api.output(&id, 1).await, b"created [REDACTED:tailwater-token]\n");
}
