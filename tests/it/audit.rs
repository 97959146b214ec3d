//! The audit log contains each change with its user, time and client address, and its entries cannot be changed.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::io::AsyncWriteExt;

use crate::harness::{TOKEN, TestServer, until_async};

/// Returns the entries of the audit log, newest first.
async fn entries(server: &TestServer, query: &str) -> Vec<Value> {
    let page = server.api.json(&format!("/audit{query}")).await;
    page["items"].as_array().expect("a page has items").clone()
}

/// Posts the login form.
async fn login(server: &TestServer, form: &str) {
    let request = server.api.client.post(format!("{}/login", server.api.base));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
    request.send().await.expect("the server answers");
}

#[tokio::test]
async fn each_change_is_recorded_with_its_user_address_object_and_status() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("true").await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    server.api.post(&format!("/jobs/{id}/resubmit"), &json!({})).await;
    server
        .api
        .request(Method::PUT, "/secrets/DEPLOY_KEY")
        .json(&json!({"value": "a-secret-value"}))
        .send()
        .await
        .expect("the server answers");
    server.api.request(Method::DELETE, "/secrets/DEPLOY_KEY").send().await.expect("the server answers");
    let user = json!({"name": "ada", "role": "viewer", "password": "correct horse battery"});
    server.api.post("/users", &user).await;
    server.api.post("/tokens", &json!({"name": "ci"})).await;
    server.api.get("/jobs").await;
    server.api.post("/redact", &json!({"text": "reads only"})).await;

    let found = entries(&server, "").await;
    let summary: Vec<Value> =
        found.iter().rev().map(|entry| json!([entry["action"], entry["object"], entry["status"]])).collect();
    let expected = [
        json!(["job.submit", id, 201]),
        json!(["job.cancel", id, 409]),
        json!(["job.resubmit", id, 201]),
        json!(["secret.set", "DEPLOY_KEY", 201]),
        json!(["secret.remove", "DEPLOY_KEY", 204]),
        json!(["user.add", "ada", 201]),
        json!(["token.create", "ci", 201]),
    ];
    assert_eq!(summary, expected);
    for entry in &found {
        assert_eq!(
            (&entry["user"], &entry["credential"], &entry["address"]),
            (&json!("admin"), &json!("admin_token"), &json!("127.0.0.1"))
        );
        assert!(entry["createdAt"].is_string() && entry["id"].is_i64(), "{entry}");
    }
    assert!(!serde_json::to_string(&found).expect("it is JSON").contains("a-secret-value"));
}

#[tokio::test]
async fn entries_say_what_was_changed_about_a_user_but_not_the_password() {
    let server = TestServer::start().await;
    let patch = async |changes: Value| {
        let request = server.api.request(Method::PATCH, "/users/ada").json(&changes);
        request.send().await.expect("the server answers").status()
    };
    let user = json!({"name": "ada", "role": "viewer", "password": "correct horse battery"});
    assert_eq!(server.api.post("/users", &user).await.status(), 201);
    for changes in [
        json!({"role": "admin"}),
        json!({"password": "another horse battery"}),
        json!({"disabled": true}),
        json!({"role": "operator", "password": "a third horse battery", "disabled": false}),
    ] {
        assert_eq!(patch(changes).await, 200);
    }
    assert_eq!(patch(json!({})).await, 200);
    let token = server.api.post("/tokens", &json!({"name": "ci", "role": "viewer"})).await;
    let token: Value = token.json().await.expect("the reply is JSON");
    let expires = token["expiresAt"].as_str().expect("a token expires").split('T').next().expect("a date");
    let form = server.api.client.post(format!("{}/people", server.api.base)).bearer_auth(TOKEN);
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    form.body("action=set-role&name=ada&role=viewer").send().await.expect("the server answers");

    let found = entries(&server, "").await;
    let details: Vec<&Value> = found.iter().rev().map(|entry| &entry["details"]).collect();
    let expected = [
        json!("role viewer"),
        json!("role admin"),
        json!("new password"),
        json!("disabled"),
        json!("role operator, new password, enabled"),
        json!(null),
        json!(format!("role viewer, expires on {expires}")),
        json!("role viewer"),
    ];
    assert_eq!(details, expected.iter().collect::<Vec<_>>());
    assert!(!serde_json::to_string(&found).expect("it is JSON").contains("horse"));
}

#[tokio::test]
async fn successful_and_failed_logins_are_recorded_without_what_was_typed() {
    let server = TestServer::start().await;
    login(&server, "token=a-wrong-token").await;
    login(&server, &format!("token={TOKEN}")).await;
    let found = entries(&server, "?action=login").await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((&found[0]["user"], &found[0]["status"]), (&json!("admin"), &json!(303)));
    assert_eq!((&found[1]["user"], &found[1]["status"]), (&Value::Null, &json!(401)));
    let text = serde_json::to_string(&found).expect("it is JSON");
    assert!(!text.contains("a-wrong-token") && !text.contains(TOKEN), "{text}");
}

#[tokio::test]
async fn a_login_is_recorded_with_the_stored_name_of_its_user_whoever_sends_it() {
    let server = TestServer::start().await;
    for name in ["ada", "olga"] {
        let user = json!({"name": name, "role": "viewer", "password": "correct horse battery"});
        assert_eq!(server.api.post("/users", &user).await.status(), 201);
    }
    login(&server, "name=%20%20OLGA%20&password=correct+horse+battery").await;
    login(&server, "name=%20Ada&password=wrong").await;
    login(&server, "name=my-password-by-mistake&password=wrong").await;
    login(&server, &format!("name=olga{}&password=correct+horse+battery", "+".repeat(100_000))).await;
    // This login as `ada` is sent with the admin token. The entry must nevertheless not name the token's account.
    let request = server.api.client.post(format!("{}/login", server.api.base)).bearer_auth(TOKEN);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body("name=ada&password=wrong");
    request.send().await.expect("the server answers");
    let found = entries(&server, "?action=login").await;
    let found: Vec<Value> = found
        .iter()
        .rev()
        .map(|entry| json!([entry["user"], entry["credential"], entry["object"], entry["status"]]))
        .collect();
    let expected = [
        json!(["olga", "password", null, 303]),
        json!([null, null, "ada", 401]),
        json!([null, null, null, 401]),
        json!([null, null, "olga", 401]),
        json!([null, null, "ada", 401]),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_change_is_recorded_even_if_its_client_disconnects_without_waiting() {
    let server = TestServer::start().await;
    let host = server.api.base.strip_prefix("http://").expect("it is an address").to_owned();
    for index in 0..40 {
        let body = format!("{{\"value\": \"value-number-{index}\"}}");
        let request = format!(
            "PUT /api/queue/secrets/NAME_{index} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = tokio::net::TcpStream::connect(&host).await.expect("the server listens");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        // The clients disconnect after different delays, so that some disconnect while the server is handling their
        // request.
        tokio::time::sleep(std::time::Duration::from_micros(100 * index)).await;
        drop(stream);
    }
    // A request has no effect if its client disconnected before the server had read it. All other requests are
    // recorded.
    until_async("each change is recorded", async || {
        let secrets = server.api.json("/secrets").await["items"].as_array().map_or(0, Vec::len);
        secrets > 0 && entries(&server, "?action=secret.set&limit=1000").await.len() == secrets
    })
    .await;
}

#[tokio::test]
async fn requests_of_unknown_senders_other_than_logins_are_not_recorded() {
    let server = TestServer::start().await;
    for path in ["/api/queue/jobs", "/rpc/submit_job", "/secrets", "/nothing"] {
        server.api.client.post(format!("{}{path}", server.api.base)).send().await.expect("the server answers");
    }
    assert_eq!(entries(&server, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_flood_of_failed_logins_does_not_fill_the_log() {
    let server = TestServer::start_with(|config| config.trusted_proxies = vec!["127.0.0.1".to_owned()]).await;
    for client in 0..150 {
        let request = server.api.client.post(format!("{}/login", server.api.base)).body("token=x");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.header("x-forwarded-for", format!("203.0.113.{client}")).send().await.expect("the server answers");
    }
    let found = entries(&server, "?limit=1000").await.len();
    // The log accepts 60 of these entries per minute. On a slow machine, the test may take more than a minute.
    assert!((60..150).contains(&found), "{found}");
}

/// Sends a request with an invalid token from a client behind a trusted proxy.
async fn send_invalid_token(server: &TestServer, method: Method, path: &str, address: &str) -> StatusCode {
    let request = server.api.client.request(method, format!("{}{path}", server.api.base));
    let request = request.bearer_auth("an-invalid-token").header("x-forwarded-for", address);
    request.send().await.expect("the server answers").status()
}

#[tokio::test]
async fn invalid_tokens_are_recorded_once_for_each_address_and_never_with_the_token() {
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.failed_logins.per_address = 4;
    })
    .await;
    let mut statuses = Vec::new();
    for (method, path) in [
        (Method::POST, "/api/queue/jobs"),
        (Method::GET, "/api/queue/jobs"),
        (Method::POST, "/login"),
        (Method::GET, "/nothing"),
        (Method::POST, "/login"),
    ] {
        statuses.push(send_invalid_token(&server, method, path, "203.0.113.1").await.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 429]);
    send_invalid_token(&server, Method::GET, "/nothing", "203.0.113.2").await;
    let found = entries(&server, "").await;
    let summary: Vec<Value> = found
        .iter()
        .rev()
        .map(|entry| {
            json!([
                entry["action"],
                entry["user"],
                entry["credential"],
                entry["address"],
                entry["object"],
                entry["status"]
            ])
        })
        .collect();
    let expected = [
        json!(["token.refused", null, null, "203.0.113.1", "POST /api/queue/jobs", 401]),
        json!(["token.refused", null, null, "203.0.113.2", "GET", 401]),
    ];
    assert_eq!(summary, expected);
    assert!(!serde_json::to_string(&found).expect("it is JSON").contains("an-invalid-token"));
}

#[tokio::test]
async fn a_flood_of_invalid_tokens_does_not_fill_the_log() {
    let server = TestServer::start_with(|config| config.trusted_proxies = vec!["127.0.0.1".to_owned()]).await;
    for client in 0..150 {
        send_invalid_token(&server, Method::GET, "/api/queue/jobs", &format!("203.0.113.{client}")).await;
    }
    let found = entries(&server, "?limit=1000").await.len();
    // The log accepts 60 of these entries per minute. On a slow machine, the test may take more than a minute.
    assert!((60..150).contains(&found), "{found}");
}

#[tokio::test]
async fn the_log_is_paged_and_filtered_and_the_export_is_complete_and_can_be_continued() {
    let server = TestServer::start().await;
    for index in 0..7 {
        let name = format!("NAME_{index}");
        server
            .api
            .request(Method::PUT, &format!("/secrets/{name}"))
            .json(&json!({"value": format!("value-{index}")}))
            .send()
            .await
            .expect("the server answers");
    }
    server.api.submit(json!({"run": "true"})).await;
    let first = server.api.json("/audit?limit=3&action=secret").await;
    let objects = |page: &Value| -> Vec<Value> {
        page["items"].as_array().expect("items").iter().map(|entry| entry["object"].clone()).collect()
    };
    assert_eq!(objects(&first), ["NAME_6", "NAME_5", "NAME_4"]);
    let second = server.api.json(&format!("/audit?limit=4&action=secret&before={}", first["nextBefore"])).await;
    assert_eq!(objects(&second), ["NAME_3", "NAME_2", "NAME_1", "NAME_0"]);
    assert_eq!(second["nextBefore"], Value::Null);
    assert_eq!(entries(&server, "?action=secret.remove").await.len(), 0);
    assert_eq!(entries(&server, "?action=sec").await.len(), 0, "a part of a word selects nothing");
    assert_eq!(entries(&server, "?user=admin").await.len(), 8);
    assert_eq!(entries(&server, "?user=other").await.len(), 0);
    assert_eq!(server.api.get("/audit?limit=0").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.api.get("/audit?unknown=1").await.status(), StatusCode::UNPROCESSABLE_ENTITY);

    let export = server.api.get("/audit/export").await;
    assert_eq!(export.headers()["content-type"], "application/x-ndjson");
    let text = export.text().await.expect("the body arrives");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(lines.len(), 8);
    assert!(lines.is_sorted_by_key(|entry| entry["id"].as_i64()));
    let rest = server.api.get(&format!("/audit/export?after={}", lines[5]["id"])).await.text().await;
    assert_eq!(rest.expect("the body arrives").lines().count(), 2);
}

#[tokio::test]
async fn entries_can_neither_be_changed_nor_removed_in_the_database() {
    let server = TestServer::start().await;
    server.api.submit(json!({"run": "true"})).await;
    let data = server.stop().await;
    let file = SqliteConnectOptions::new().filename(data.path().join("tailwater.sqlite"));
    let mut connection = file.connect().await.expect("the file opens");
    for statement in [
        "update audit_log set user = 'other'",
        "delete from audit_log",
        "insert or replace into audit_log select id, created_at, 'other', credential, address, action, object, status, details from audit_log",
    ] {
        let error = sqlx::query(statement).execute(&mut connection).await.expect_err("the database refuses it");
        let error = error.to_string();
        assert!(error.contains("audit log cannot be"), "{error}");
    }
}
