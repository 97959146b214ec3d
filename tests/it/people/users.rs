//! Tests of users and of logging in with a password.

use std::path::{Path, PathBuf};

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::credentials::{accept_all_logins, use_all};
use crate::harness::people::{PASSWORD, Proof, browser};
use crate::harness::process::Process;
use crate::harness::provider::Provider;
use crate::harness::{TOKEN, TestServer};

/// Sends a request with the admin token, and returns the status and the body.
async fn send(server: &TestServer, method: Method, path: &str, body: Value) -> (u16, Value) {
    let reply = server.api.request(method, path).json(&body).send().await.expect("the server answers");
    let status = reply.status().as_u16();
    (status, reply.json().await.unwrap_or_default())
}

/// Returns the URL to which a login redirects the browser.
async fn login(server: &TestServer, name: &str, password: &str) -> String {
    let reply = server.post_form("/login", &Proof::Nothing, &[("name", name), ("password", password)]).await;
    assert_eq!(reply.status(), 303);
    reply.headers()["location"].to_str().expect("ASCII").to_owned()
}

#[tokio::test]
async fn users_are_added_listed_changed_and_removed() {
    let server = TestServer::start().await;
    let new = json!({"name": "Ada", "role": "operator", "password": PASSWORD});
    let (status, ada) = send(&server, Method::POST, "/users", new).await;
    assert_eq!(
        (status, &ada["name"], &ada["role"], &ada["disabled"]),
        (201, &json!("Ada"), &json!("operator"), &json!(false))
    );
    assert!(!ada.to_string().contains("argon2") && !ada.to_string().contains(PASSWORD), "{ada}");
    let same = json!({"name": "aDA", "role": "viewer", "password": PASSWORD});
    assert_eq!(send(&server, Method::POST, "/users", same).await.0, 422, "names are compared without case");
    let (status, ada) = send(&server, Method::PATCH, "/users/ada", json!({"role": "viewer"})).await;
    assert_eq!((status, &ada["role"]), (200, &json!("viewer")));
    assert_eq!(server.api.json("/users").await["items"], json!([ada]));
    assert_eq!(send(&server, Method::DELETE, "/users/ADA", json!({})).await.0, 204);
    assert_eq!(server.api.json("/users").await, json!({"items": []}));
    for method in [Method::PATCH, Method::DELETE] {
        let (status, body) = send(&server, method, "/users/ada", json!({})).await;
        assert_eq!((status, &body["detail"]["code"]), (404, &json!("user_not_found")));
    }
}

#[tokio::test]
async fn invalid_users_are_refused_with_the_name_of_the_field() {
    let server = TestServer::start().await;
    for (name, role, password, field) in [
        ("", "viewer", PASSWORD, "name"),
        ("a b", "viewer", PASSWORD, "name"),
        ("admin", "viewer", PASSWORD, "name"),
        ("ada", "worker", PASSWORD, "role"),
        ("ada", "root", PASSWORD, "role"),
        ("ada", "viewer", "123456789", "password"),
        ("ada", "viewer", &"x".repeat(1025), "password"),
    ] {
        let body = json!({"name": name, "role": role, "password": password});
        let (status, reply) = send(&server, Method::POST, "/users", body).await;
        assert_eq!((status, &reply["detail"]["code"]), (422, &json!("invalid_queue_payload")), "{name} {role}");
        assert!(reply["detail"]["message"].as_str().is_some_and(|text| text.contains(field)), "{reply}");
    }
}

#[tokio::test]
async fn a_user_logs_in_with_the_password_and_has_the_role_of_the_account() {
    let server = TestServer::start().await;
    server.add_user("Ada", Role::Viewer).await;
    let ada = server.log_in(" ada ", PASSWORD).await;
    assert_eq!(server.status("/api/queue/jobs", &ada).await, 200);
    let request = browser().post(format!("{}/api/queue/jobs", server.api.base));
    let request = ada.add_to(request, &server.api.base).json(&json!({"type": "command", "payload": {"run": "true"}}));
    assert_eq!(request.send().await.expect("the server answers").status(), 403);
    server.add_user("grace", Role::Operator).await;
    let grace = server.log_in("grace", PASSWORD).await;
    let request = browser().post(format!("{}/api/queue/jobs", server.api.base));
    let request = grace.add_to(request, &server.api.base).json(&json!({"type": "command", "payload": {"run": "true"}}));
    let job: Value = request.send().await.expect("the server answers").json().await.expect("the body is JSON");
    assert_eq!(job["createdByUserId"], "grace", "{job}");
}

#[tokio::test]
async fn a_wrong_password_an_unknown_name_and_a_disabled_user_cannot_be_told_apart() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    server.add_user("disabled", Role::Viewer).await;
    assert_eq!(send(&server, Method::PATCH, "/users/disabled", json!({"disabled": true})).await.0, 200);
    let refused = "/login?error=password&next=%2Ftasks%2Fqueue";
    for (name, password) in [
        ("ada", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("disabled", PASSWORD),
        ("admin", TOKEN),
        ("ada", ""),
        ("ada", &"x".repeat(5_000)),
        ("", PASSWORD),
        ("%00", PASSWORD),
    ] {
        assert_eq!(login(&server, name, password).await, refused, "{name}");
    }
    assert_eq!(login(&server, "ada", PASSWORD).await, "/tasks/queue");
}

#[tokio::test]
async fn failed_logins_of_a_name_do_not_block_other_names() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    server.add_user("grace", Role::Viewer).await;
    for _ in 0..20 {
        assert!(login(&server, "ada", &"x".repeat(2_000)).await.starts_with("/login?error=password"));
    }
    assert!(login(&server, "ADA", PASSWORD).await.starts_with("/login?error=limited"));
    assert_eq!(login(&server, "grace", PASSWORD).await, "/tasks/queue");
}

#[tokio::test]
async fn the_first_login_leads_to_the_page_for_people_until_there_is_a_user() {
    let server = TestServer::start().await;
    let by_token = async || {
        let reply = server.post_form("/login", &Proof::Nothing, &[("token", TOKEN)]).await;
        reply.headers()["location"].to_str().expect("ASCII").to_owned()
    };
    assert_eq!(by_token().await, "/people");
    server.add_user("ada", Role::Admin).await;
    assert_eq!(by_token().await, "/tasks/queue");
}

#[tokio::test]
async fn users_change_their_own_password_only_with_the_current_one() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let (here, elsewhere) = (server.log_in("ada", PASSWORD).await, server.log_in("ada", PASSWORD).await);
    let change = async |current: &str, new: &str| {
        let request = browser().post(format!("{}/api/queue/account/password", server.api.base));
        let request = here.add_to(request, &server.api.base);
        let request = request.json(&json!({"currentPassword": current, "newPassword": new}));
        request.send().await.expect("the server answers").status().as_u16()
    };
    assert_eq!(change("wrong horse battery", "another horse battery").await, 422);
    assert_eq!(change(PASSWORD, "short").await, 422);
    assert_eq!(change(PASSWORD, "another horse battery").await, 204);
    assert_eq!(server.status("/tasks/queue", &here).await, 200, "this session continues");
    assert_eq!(server.status("/api/queue/jobs", &elsewhere).await, 401, "all other sessions end");
    assert!(login(&server, "ada", PASSWORD).await.starts_with("/login?error=password"));
    assert_eq!(login(&server, "ada", "another horse battery").await, "/tasks/queue");
    let admin = json!({"currentPassword": TOKEN, "newPassword": "another horse battery"});
    assert_eq!(send(&server, Method::POST, "/account/password", admin).await.0, 422, "the admin token has no password");
}

#[tokio::test]
async fn the_numbers_of_users_and_of_tokens_of_a_user_are_limited() {
    let server = TestServer::start().await;
    server
        .execute(
            "with recursive n (i) as (select 1 union all select i + 1 from n where i < 999)
             insert into users (name, name_key, role, password, created_at, updated_at)
             select 'u' || i, 'u' || i, 'viewer', '', 0, 0 from n",
        )
        .await;
    server.add_user("last", Role::Viewer).await;
    let (status, body) =
        send(&server, Method::POST, "/users", json!({"name": "more", "role": "viewer", "password": PASSWORD})).await;
    assert!(status == 422 && body.to_string().contains("1000 users"), "{status} {body}");
    assert_eq!(server.api.json("/users").await["items"].as_array().map(Vec::len), Some(1_000));
    server
        .execute(
            "with recursive n (i) as (select 1 union all select i + 1 from n where i < 999)
             insert into tokens (id, digest, name, role, hint, created_at, expires_at)
             select randomblob(16), randomblob(32), 'n', 'viewer', '', 0, 9000000000000000 from n",
        )
        .await;
    assert_eq!(send(&server, Method::POST, "/tokens", json!({"name": "last"})).await.0, 201);
    let (status, body) = send(&server, Method::POST, "/tokens", json!({"name": "more"})).await;
    assert!(status == 422 && body.to_string().contains("1000 tokens"), "{status} {body}");
    let page = server.api.json("/tokens?limit=3").await;
    assert_eq!((page["items"].as_array().map(Vec::len), &page["hasMore"]), (Some(3), &json!(true)));
    assert_eq!(page["items"][0]["name"], "last", "newest first");
}

/// Returns the contents of the database's files. While the server runs, some of the data is only in the journal.
fn database(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(data).expect("it exists").map(|entry| entry.expect("it can be listed").path());
    let is_of_database = |path: &PathBuf| path.to_string_lossy().contains("tailwater.sqlite");
    paths.filter(is_of_database).map(|path| (path.clone(), std::fs::read(path).expect("it can be read"))).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_contains_no_usable_credential() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let provider = Provider::start().await;
    let mut server = Process::start_by(data.path(), |mut program| {
        accept_all_logins(&mut program, &provider);
        program
    });
    let used = use_all(&mut server, &provider).await;
    let mut dumps = database(data.path());
    server.terminate();
    assert!(server.exited().await.success());
    dumps.extend(database(data.path()));
    for (path, bytes) in &dumps {
        for (what, secret) in &used {
            assert!(!contains(bytes, secret), "{path:?} contains a credential: {what}: {secret}");
        }
    }
    let (_, token) = used.iter().find(|(what, _)| *what == "API token").expect("it was used");
    for text in ["grace", "mary", &token[..8]] {
        assert!(dumps.iter().any(|(_, bytes)| contains(bytes, text)), "the accounts and hints are stored: {text}");
    }
}
