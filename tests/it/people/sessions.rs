//! Tests of browser sessions.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::people::{PASSWORD, Proof, bearer, browser, cookie};
use crate::harness::{TOKEN, TestServer, until_async};

/// Sends a request from a browser, and returns the status and the body.
async fn send(server: &TestServer, proof: &Proof, method: Method, path: &str) -> (u16, Value) {
    let request =
        proof.add_to(browser().request(method, format!("{}/api/queue{path}", server.api.base)), &server.api.base);
    let reply = request.send().await.expect("the server answers");
    let status = reply.status().as_u16();
    (status, reply.json().await.unwrap_or_default())
}

#[tokio::test]
async fn people_see_and_end_only_their_own_sessions_and_administrators_all() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Operator).await;
    server.add_user("grace", Role::Viewer).await;
    let (ada, grace) = (server.log_in("ada", PASSWORD).await, server.log_in("grace", PASSWORD).await);
    let (_, own) = send(&server, &ada, Method::GET, "/sessions").await;
    let session = &own["items"][0];
    assert_eq!(own["items"].as_array().map(Vec::len), Some(1), "{own}");
    assert_eq!(
        (&session["userId"], &session["current"], &session["address"]),
        (&json!("ada"), &json!(true), &json!("127.0.0.1"))
    );
    let id = session["id"].as_str().expect("a session has an id").to_owned();
    for path in ["/sessions?user=ada", "/tokens?user=ada", "/sessions?user=admin"] {
        assert_eq!(send(&server, &grace, Method::GET, path).await.0, 403, "{path}");
    }
    assert_eq!(send(&server, &grace, Method::DELETE, &format!("/sessions/{id}")).await.0, 404);
    assert_eq!(server.status("/api/queue/jobs", &ada).await, 200);
    assert_eq!(server.api.json("/sessions").await["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(server.api.json("/sessions?user=Grace").await["items"].as_array().map(Vec::len), Some(1));
    let admin = Proof::Bearer(TOKEN.into());
    assert_eq!(send(&server, &admin, Method::DELETE, &format!("/sessions/{id}")).await.0, 204);
    assert_eq!(server.status("/api/queue/jobs", &ada).await, 401);
    assert_eq!(send(&server, &admin, Method::DELETE, &format!("/sessions/{id}")).await.0, 404);
    assert_eq!(send(&server, &admin, Method::DELETE, "/sessions/nothing").await.0, 404);
}

#[tokio::test]
async fn a_login_never_continues_the_session_of_a_cookie_that_the_browser_had() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    server.add_user("grace", Role::Viewer).await;
    let planted = server.log_in("ada", PASSWORD).await;
    let Proof::Cookie(pair) = &planted else { panic!("a session has a cookie") };
    let request = browser().post(format!("{}/login", server.api.base)).header("cookie", pair);
    let request =
        request.header("origin", &server.api.base).header("content-type", "application/x-www-form-urlencoded");
    let reply = request.body(format!("name=grace&password={}", PASSWORD.replace(' ', "+"))).send().await;
    let new = cookie(&reply.expect("the server answers"));
    assert_ne!(*pair, new);
    assert_eq!(server.status("/api/queue/jobs", &planted).await, 401, "the former session has ended");
    assert_eq!(server.status("/api/queue/jobs", &Proof::Cookie(new)).await, 200);
}

#[tokio::test]
async fn changing_the_password_or_the_role_or_disabling_a_user_ends_the_sessions() {
    let server = TestServer::start().await;
    for (name, change) in [
        ("password", json!({"password": "another horse battery"})),
        ("role", json!({"role": "viewer"})),
        ("disabled", json!({"disabled": true})),
    ] {
        server.add_user(name, Role::Operator).await;
        let session = server.log_in(name, PASSWORD).await;
        assert_eq!(server.status("/api/queue/jobs", &session).await, 200);
        let reply = server.api.request(Method::PATCH, &format!("/users/{name}")).json(&change).send().await;
        assert_eq!(reply.expect("the server answers").status(), 200);
        assert_eq!(server.status("/api/queue/jobs", &session).await, 401, "{change}");
    }
    server.add_user("ada", Role::Viewer).await;
    let session = server.log_in("ada", PASSWORD).await;
    server.api.request(Method::DELETE, "/users/ada").send().await.expect("the server answers");
    assert_eq!(server.status("/api/queue/jobs", &session).await, 401, "the user was removed");
    server.add_user("ada", Role::Viewer).await;
    assert_eq!(server.status("/api/queue/jobs", &session).await, 401, "another user with this name");
}

#[tokio::test]
async fn the_oldest_session_ends_when_there_are_too_many() {
    let server = TestServer::start().await;
    let by_token =
        async || Proof::Cookie(cookie(&server.post_form("/login", &Proof::Nothing, &[("token", TOKEN)]).await));
    let (first, second) = (by_token().await, by_token().await);
    for _ in 0..98 {
        by_token().await;
    }
    assert_eq!(server.status("/api/queue/jobs", &first).await, 200);
    let newest = by_token().await;
    assert_eq!(server.status("/api/queue/jobs", &first).await, 401);
    for session in [second, newest] {
        assert_eq!(server.status("/api/queue/jobs", &session).await, 200);
    }
    assert_eq!(server.api.json("/sessions").await["items"].as_array().map(Vec::len), Some(100));
}

#[tokio::test]
async fn the_time_of_the_last_use_is_stored_at_most_once_a_minute() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let session = server.log_in("ada", PASSWORD).await;
    let used = async || server.api.json("/sessions").await["items"][0]["lastUsedAt"].clone();
    let at_login = used().await;
    server.status("/api/queue/jobs", &session).await;
    assert_eq!(used().await, at_login, "a minute has not passed");
    server.execute("update sessions set last_used_at = last_used_at - 61000000").await;
    let before = used().await;
    server.status("/api/queue/jobs", &session).await;
    until_async("the time is stored", async || used().await != before).await;
}

#[tokio::test]
async fn a_token_that_is_less_powerful_than_its_account_ends_no_session_and_no_stronger_token() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Admin).await;
    let ada = server.log_in("ada", PASSWORD).await;
    let mut created = Vec::new();
    for role in ["viewer", "viewer", "operator", "admin", "worker"] {
        let request = browser().post(format!("{}/api/queue/tokens", server.api.base));
        let request = ada.add_to(request, &server.api.base).json(&json!({"name": role, "role": role}));
        let reply = request.send().await.expect("the server answers");
        let token: Value = reply.json().await.expect("the body is JSON");
        created.push((bearer(&token), token["id"].as_str().expect("a token has an id").to_owned()));
    }
    let viewer = created[0].0.clone();
    let (_, sessions) = send(&server, &ada, Method::GET, "/sessions").await;
    let session = sessions["items"][0]["id"].as_str().expect("a session has an id").to_owned();
    assert_eq!(send(&server, &viewer, Method::GET, "/sessions").await.1["items"], json!([]));
    assert_eq!(send(&server, &viewer, Method::DELETE, &format!("/sessions/{session}")).await.0, 404);
    let (_, tokens) = send(&server, &viewer, Method::GET, "/tokens").await;
    assert_eq!(tokens["items"].as_array().map(Vec::len), Some(2), "only tokens that it could create: {tokens}");
    for (_, id) in &created[2..] {
        assert_eq!(send(&server, &viewer, Method::DELETE, &format!("/tokens/{id}")).await.0, 404);
    }
    for (_, id) in created[..2].iter().rev() {
        assert_eq!(send(&server, &viewer, Method::DELETE, &format!("/tokens/{id}")).await.0, 204);
    }
    assert_eq!(server.status("/api/queue/jobs", &viewer).await, 401, "it has revoked itself");
    assert_eq!(server.status("/api/queue/jobs", &created[2].0).await, 200);
}

#[tokio::test]
async fn sessions_and_tokens_of_a_former_admin_token_end_when_the_server_starts_with_another_one() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Operator).await;
    let ada = server.log_in("ada", PASSWORD).await;
    let request = browser().post(format!("{}/login", server.api.base)).header("origin", &server.api.base);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(format!("token={TOKEN}"));
    let session = Proof::Cookie(cookie(&request.send().await.expect("the server answers")));
    let token: Value = server.api.post("/tokens", &json!({"name": "ci"})).await.json().await.expect("it is JSON");
    let token = bearer(&token);
    let server = TestServer::start_over(server.stop().await, |_| {}).await;
    for proof in [&ada, &session, &token] {
        assert_eq!(server.status("/api/queue/jobs", proof).await, 200, "the admin token is the same");
    }
    let other = "another-token-0123456789abcdef0123456789";
    let server = TestServer::start_over(server.stop().await, |config| config.admin_token = Some(other.into())).await;
    for former in [&session, &token, &Proof::Bearer(TOKEN.into())] {
        assert_eq!(server.status("/api/queue/jobs", former).await, 401);
    }
    for valid in [&ada, &Proof::Bearer(other.into())] {
        assert_eq!(server.status("/api/queue/jobs", valid).await, 200);
    }
}
