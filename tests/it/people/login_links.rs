//! Tests of the one-time login links that administrators create for users.

use model::Role;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::people::{PASSWORD, Proof, browser, cookie};
use crate::harness::{TOKEN, TestServer};

/// Another valid password.
const OTHER: &str = "another horse battery";

/// Sends a request with the admin token, and returns the status and the body.
async fn send(server: &TestServer, method: Method, path: &str, body: Value) -> (u16, Value) {
    let reply = server.api.request(method, path).json(&body).send().await.expect("the server answers");
    let status = reply.status().as_u16();
    (status, reply.json().await.unwrap_or_default())
}

/// Creates a login link for a user.
async fn create(server: &TestServer, name: &str) -> String {
    let (status, created) = send(server, Method::POST, &format!("/users/{name}/login-link"), json!({})).await;
    assert_eq!(status, 201, "{created}");
    created["link"].as_str().expect("a new link has an address").to_owned()
}

/// Returns the secret part of a link.
fn ticket(link: &str) -> &str {
    link.split_once("/login?userTicket=").expect("the link leads to the login page").1
}

/// Submits the form of the page to which a link leads. An empty `password` leaves the field for a new password empty.
async fn open(server: &TestServer, link: &str, password: &str) -> Response {
    server.post_form("/login", &Proof::Nothing, &[("userTicket", ticket(link)), ("newPassword", password)]).await
}

fn location(reply: &Response) -> &str {
    assert_eq!(reply.status(), 303);
    reply.headers()["location"].to_str().expect("ASCII")
}

/// Checks that a link does not log anybody in.
async fn assert_ended(server: &TestServer, link: &str, why: &str) {
    let reply = open(server, link, "").await;
    assert!(reply.headers().get("set-cookie").is_none(), "{why}");
    assert!(location(&reply).starts_with("/login?error=link&"), "{why}: {}", location(&reply));
}

/// Returns the users whom the server lists.
async fn users(server: &TestServer) -> Value {
    server.api.json("/users").await["items"].clone()
}

#[tokio::test]
async fn a_link_logs_its_user_in_once_and_a_preview_of_it_does_not_use_it_up() {
    let server = TestServer::start().await;
    server.add_user("Ada", Role::Viewer).await;
    let (status, created) = send(&server, Method::POST, "/users/aDA/login-link", json!({})).await;
    assert_eq!((status, &created["userId"]), (201, &json!("Ada")));
    let link = created["link"].as_str().expect("a new link has an address");
    assert!(link.starts_with(&format!("{}/login?userTicket=", server.api.base)), "{link}");
    assert_eq!(users(&server).await[0]["loginLinkExpiresAt"], created["expiresAt"]);
    for _ in 0..3 {
        let reply = browser().get(link).send().await.expect("the server answers");
        assert_eq!((reply.status(), reply.headers().get("set-cookie")), (StatusCode::OK, None));
        let html = reply.text().await.expect("the body arrives");
        assert!(html.contains("name=\"newPassword\"") && html.contains("name=\"userTicket\""), "{html}");
    }
    let reply = open(&server, link, "").await;
    assert_eq!(location(&reply), "/tasks/queue");
    let session = Proof::Cookie(cookie(&reply));
    assert_eq!(server.status("/api/queue/jobs", &session).await, 200);
    assert_eq!(server.status("/api/queue/users", &session).await, 403, "the session has the role of the user");
    let sessions = server.api.json("/sessions").await;
    assert_eq!((&sessions["items"][0]["userId"], &sessions["items"][1]), (&json!("Ada"), &Value::Null));
    assert_ended(&server, link, "it was used").await;
    assert_eq!(server.status("/api/queue/jobs", &session).await, 200, "the session continues");
    assert_eq!(users(&server).await[0]["loginLinkExpiresAt"], Value::Null);
    server.log_in("ada", PASSWORD).await;
}

#[tokio::test]
async fn only_one_of_several_simultaneous_uses_of_a_link_succeeds() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let link = create(&server, "ada").await;
    let replies = futures_util::future::join_all((0..10).map(|_| open(&server, &link, OTHER))).await;
    let begun = replies.iter().filter(|reply| reply.headers().contains_key("set-cookie")).count();
    assert_eq!(begun, 1);
    assert_eq!(server.number("select count(*) from sessions").await, 1);
}

#[tokio::test]
async fn a_person_with_a_link_chooses_a_password_without_the_old_one_and_all_other_sessions_end() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let elsewhere = server.log_in("ada", PASSWORD).await;
    let link = create(&server, "ada").await;
    for refused in ["short", &"x".repeat(1_025)] {
        let reply = open(&server, &link, refused).await;
        assert!(reply.headers().get("set-cookie").is_none());
        let page = location(&reply).to_owned();
        assert!(page.starts_with("/login?error=newPassword&") && page.ends_with(ticket(&link)), "{page}");
        let html = server.page(&page, &Proof::Nothing).await.text().await.expect("the body arrives");
        assert!(html.contains("at least 10 characters and at most") && html.contains(ticket(&link)), "{html}");
    }
    assert_eq!(server.status("/api/queue/jobs", &elsewhere).await, 200);
    let session = Proof::Cookie(cookie(&open(&server, &link, OTHER).await));
    assert_eq!(server.status("/api/queue/jobs", &session).await, 200);
    assert_eq!(server.status("/api/queue/jobs", &elsewhere).await, 401, "all other sessions end");
    let fields = |password: &'static str| [("name", "ada"), ("password", password)];
    let old = server.post_form("/login", &Proof::Nothing, &fields(PASSWORD)).await;
    assert!(location(&old).starts_with("/login?error=password"));
    server.log_in("ada", OTHER).await;
}

#[tokio::test]
async fn a_user_without_a_password_logs_in_only_with_a_link_and_has_to_choose_one() {
    let server = TestServer::start().await;
    let (status, user) = send(&server, Method::POST, "/users", json!({"name": "ada", "role": "operator"})).await;
    assert_eq!((status, &user["loginLinkExpiresAt"]), (201, &Value::Null), "{user}");
    for password in ["", PASSWORD] {
        let reply = server.post_form("/login", &Proof::Nothing, &[("name", "ada"), ("password", password)]).await;
        assert!(location(&reply).starts_with("/login?error=password"), "{password}");
    }
    let link = create(&server, "ada").await;
    let reply = open(&server, &link, "").await;
    assert!(location(&reply).starts_with("/login?error=newPassword"), "{}", location(&reply));
    let reply = server.post_form("/login", &Proof::Nothing, &[("userTicket", ticket(&link))]).await;
    assert!(location(&reply).starts_with("/login?error=newPassword"), "{}", location(&reply));
    cookie(&open(&server, &link, PASSWORD).await);
    server.log_in("ada", PASSWORD).await;
}

#[tokio::test]
async fn whatever_ends_the_sessions_of_a_user_ends_the_link_too_and_so_does_another_link() {
    let server = TestServer::start().await;
    for change in [json!({"password": OTHER}), json!({"role": "viewer"}), json!({"disabled": true})] {
        server.add_user("ada", Role::Operator).await;
        let link = create(&server, "ada").await;
        let (status, user) = send(&server, Method::PATCH, "/users/ada", change.clone()).await;
        assert_eq!((status, &user["loginLinkExpiresAt"]), (200, &Value::Null), "{change}");
        assert_ended(&server, &link, &change.to_string()).await;
        assert_eq!(send(&server, Method::PATCH, "/users/ada", json!({"disabled": false})).await.0, 200);
        assert_ended(&server, &link, "the user is enabled again").await;
        let link = create(&server, "ada").await;
        assert_eq!(send(&server, Method::DELETE, "/users/ada", json!({})).await.0, 204);
        assert_ended(&server, &link, "the user was removed").await;
    }
    server.add_user("ada", Role::Viewer).await;
    let first = create(&server, "ada").await;
    let second = create(&server, "ada").await;
    assert_ended(&server, &first, "there is another link").await;
    assert_eq!(send(&server, Method::PATCH, "/users/ada", json!({})).await.0, 200);
    cookie(&open(&server, &second, "").await);

    let (link, ada) = (create(&server, "ada").await, server.log_in("ada", PASSWORD).await);
    let request = browser().post(format!("{}/api/queue/account/password", server.api.base));
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    let reply = ada.add_to(request, &server.api.base).json(&change).send().await.expect("the server answers");
    assert_eq!(reply.status(), 204);
    assert_ended(&server, &link, "the user has changed the password").await;

    let link = create(&server, "ada").await;
    for _ in 0..2 {
        assert_eq!(send(&server, Method::DELETE, "/users/ADA/login-link", json!({})).await.0, 204);
    }
    assert_ended(&server, &link, "it was revoked").await;
    assert_eq!(send(&server, Method::DELETE, "/users/nobody/login-link", json!({})).await.0, 404);
}

#[tokio::test]
async fn a_link_expires_after_a_day_or_after_the_given_number_of_hours() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let lifetime = async |body: Value| {
        let (status, created) = send(&server, Method::POST, "/users/ada/login-link", body).await;
        assert_eq!(status, 201, "{created}");
        server.number("select (expires_at - created_at) / 3600000000 from login_links").await
    };
    assert_eq!(lifetime(json!({})).await, 24);
    assert_eq!(lifetime(json!({"expiresInHours": null})).await, 24);
    assert_eq!(lifetime(json!({"expiresInHours": 1})).await, 1);
    assert_eq!(lifetime(json!({"expiresInHours": 168})).await, 168);
    for hours in [0, 169] {
        let (status, reply) =
            send(&server, Method::POST, "/users/ada/login-link", json!({"expiresInHours": hours})).await;
        assert_eq!((status, &reply["detail"]["message"]), (422, &json!("expiresInHours: must be 1 to 168")));
    }
    let reply = server.api.request(Method::POST, "/users/ada/login-link").send().await.expect("the server answers");
    let created: Value = reply.json().await.expect("the body is JSON");
    server.execute("update login_links set expires_at = 1").await;
    assert_ended(&server, created["link"].as_str().expect("a text"), "it has expired").await;
    assert_eq!(users(&server).await[0]["loginLinkExpiresAt"], Value::Null);
}

#[tokio::test]
async fn a_link_works_after_a_restart_and_the_database_does_not_contain_it() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let link = create(&server, "ada").await;
    let data = server.stop().await;
    for entry in std::fs::read_dir(data.path()).expect("it exists").flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).expect("it can be read");
        let found = bytes.windows(ticket(&link).len()).any(|window| window == ticket(&link).as_bytes());
        assert!(!found, "{:?} contains the ticket", entry.path());
    }
    let server = TestServer::start_over(data, |_| {}).await;
    cookie(&open(&server, &link, "").await);
}

#[tokio::test]
async fn only_local_users_who_are_not_disabled_have_links() {
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.proxy_user_header = Some("Remote-User".to_owned());
        config.default_role = Some(Role::Viewer);
    })
    .await;
    let request = browser().get(format!("{}/api/queue/jobs", server.api.base)).header("remote-user", "grace");
    assert_eq!(request.send().await.expect("the server answers").status(), 200);
    server.add_user("ada", Role::Viewer).await;
    assert_eq!(send(&server, Method::PATCH, "/users/ada", json!({"disabled": true})).await.0, 200);
    for (name, status, message) in [
        ("nobody", 404, "there is no such user"),
        ("admin", 404, "there is no such user"),
        ("ada", 422, "loginLink: ada is disabled; enable the user first"),
        (
            "proxy:grace",
            422,
            "loginLink: the reverse proxy authenticates proxy:grace, so the person has to log in there",
        ),
    ] {
        let (found, reply) = send(&server, Method::POST, &format!("/users/{name}/login-link"), json!({})).await;
        assert_eq!((found, &reply["detail"]["message"]), (status, &json!(message)), "{name}");
    }
    assert_eq!(server.number("select count(*) from login_links").await, 0);
}

#[tokio::test]
async fn wrong_links_are_limited_like_other_failed_logins() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let link = create(&server, "ada").await;
    let post = async |host: u8, ticket: &str| {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = client.local_address(std::net::IpAddr::from([127, 0, 0, host])).build().expect("a client");
        let request = client.post(format!("{}/login", server.api.base)).header("origin", &server.api.base);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = request.body(format!("userTicket={ticket}")).send().await.expect("the server answers");
        location(&reply).to_owned()
    };
    for guess in ["", "wrong", TOKEN].into_iter().cycle().take(20) {
        assert!(post(2, guess).await.starts_with("/login?error=link&"), "{guess}");
    }
    for guess in ["wrong", ticket(&link)] {
        assert!(post(2, guess).await.starts_with("/login?error=limited&"), "{guess}");
    }
    assert_eq!(post(3, ticket(&link)).await, "/tasks/queue", "other addresses are not affected");
}

#[tokio::test]
async fn the_audit_log_contains_the_creation_and_every_use_of_a_link_but_not_the_link() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let (_, created) = send(&server, Method::POST, "/users/ada/login-link", json!({})).await;
    let link = created["link"].as_str().expect("a new link has an address");
    open(&server, link, "short").await;
    open(&server, link, OTHER).await;
    open(&server, link, "").await;
    let kept = create(&server, "ada").await;
    send(&server, Method::DELETE, "/users/ada/login-link", json!({})).await;
    let admin = Proof::Bearer(TOKEN.into());
    let fields = [("action", "create-login-link"), ("name", "ada"), ("expiresInHours", "0")];
    server.post_form("/people", &admin, &fields).await;
    let entries = server.api.json("/audit").await["items"].as_array().expect("a page has items").clone();
    let found: Vec<Value> = entries
        .iter()
        .rev()
        .map(|entry| json!([entry["action"], entry["user"], entry["credential"], entry["object"], entry["status"]]))
        .collect();
    let by_admin = |action: &str, status: u16| json!([action, "admin", "admin_token", "ada", status]);
    let expected = [
        by_admin("user.add", 201),
        by_admin("link.create", 201),
        json!(["login", null, null, null, 422]),
        json!(["login", "ada", "login_link", null, 303]),
        json!(["login", null, null, null, 401]),
        by_admin("link.create", 201),
        by_admin("link.revoke", 204),
        by_admin("link.create", 422),
    ];
    assert_eq!(found, expected);
    let details: Vec<&Value> = entries.iter().rev().map(|entry| &entry["details"]).collect();
    let expires = format!("expires at {}", created["expiresAt"].as_str().expect("a text"));
    assert_eq!(details[1..5], [&json!(expires), &Value::Null, &json!("new password"), &Value::Null]);
    let text = serde_json::to_string(&entries).expect("it is JSON");
    assert!(!text.contains(ticket(link)) && !text.contains(ticket(&kept)) && !text.contains("horse"), "{text}");
}

#[tokio::test]
async fn a_link_begins_with_the_address_that_the_administrator_uses() {
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.allowed_hosts = vec!["tailwater.example".to_owned()];
    })
    .await;
    server.add_user("ada", Role::Viewer).await;
    let request = server.api.request(Method::POST, "/users/ada/login-link");
    let request = request.header("host", "tailwater.example").header("x-forwarded-proto", "https");
    let created: Value = request.send().await.expect("the server answers").json().await.expect("the body is JSON");
    let link = created["link"].as_str().expect("a new link has an address");
    assert!(link.starts_with("https://tailwater.example/login?userTicket="), "{link}");
}

/// Submits a form of the people page, and returns the link in the response.
async fn link_on_page(server: &TestServer, fields: &[(&str, &str)]) -> String {
    let reply = server.post_form("/people", &Proof::Bearer(TOKEN.into()), fields).await;
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["cache-control"]),
        (200, &"no-store".parse().expect("ASCII"))
    );
    let html = reply.text().await.expect("the body arrives");
    let (_, rest) = html.split_once("data-testid=\"new-login-link\">").expect("the link is shown");
    rest.split('<').next().expect("split gives one").to_owned()
}

#[tokio::test]
async fn an_administrator_creates_and_revokes_links_with_plain_forms_and_each_is_shown_once() {
    let server = TestServer::start().await;
    let admin = Proof::Bearer(TOKEN.into());
    let page = async || server.page("/people", &admin).await.text().await.expect("the body arrives");
    let add = [("action", "add-user"), ("name", " ada "), ("role", "viewer"), ("password", "")];
    let invitation = link_on_page(&server, &add).await;
    assert!(page().await.contains("login link until"));
    cookie(&open(&server, &invitation, PASSWORD).await);
    assert!(!page().await.contains("login link until"));
    let create = [("action", "create-login-link"), ("name", "ada"), ("expiresInHours", "48")];
    let link = link_on_page(&server, &create).await;
    let html = page().await;
    assert!(!html.contains(ticket(&link)) && html.contains("revoke-login-link"), "{html}");
    let revoke = [("action", "revoke-login-link"), ("name", "ada")];
    assert_eq!(location(&server.post_form("/people", &admin, &revoke).await), "/people?done=unlinked");
    assert_ended(&server, &link, "it was revoked").await;
    assert!(!page().await.contains("revoke-login-link"));
    for (name, hours, error) in
        [("ada", "0", "expiresInHours"), ("ada", "soon", "expiresInHours"), ("eve", "24", "user")]
    {
        let create = [("action", "create-login-link"), ("name", name), ("expiresInHours", hours)];
        let reply = server.post_form("/people", &admin, &create).await;
        assert_eq!(location(&reply), format!("/people?error={error}"));
    }
    assert_eq!(send(&server, Method::PATCH, "/users/ada", json!({"disabled": true})).await.0, 200);
    let reply = server.post_form("/people", &admin, &create).await;
    assert_eq!(location(&reply), "/people?error=loginLink");
    assert!(!page().await.contains("create-login-link"), "the page offers no link for a disabled user");
}
