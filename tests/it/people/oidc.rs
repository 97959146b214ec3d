//! Tests of logging in with an OpenID Connect provider.

mod answers;
mod persons;
mod sessions;
mod settings;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tailwater::server::Config;
use tokio::io::AsyncWriteExt;

use crate::harness::people::{Proof, browser};
use crate::harness::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::harness::{TestServer, tcp, until_async};

/// Changes the settings so that people log in with a provider, and two groups are mapped to roles.
fn with_provider(config: &mut Config, issuer: &str) {
    config.oidc_issuer = Some(issuer.to_owned());
    config.oidc_client_id = Some(CLIENT_ID.to_owned());
    config.oidc_client_secret = Some(CLIENT_SECRET.to_owned());
    config.oidc_name = "Test <ID>".into();
    config.group_roles = vec!["dev=operator".to_owned(), "ops=admin".to_owned()];
}

async fn start() -> (TestServer, Provider) {
    let provider = Provider::start().await;
    let server = TestServer::start_with(|config| with_provider(config, &provider.base)).await;
    (server, provider)
}

/// Returns the claims of a person with these groups.
fn ada(groups: &[&str]) -> Value {
    json!({"sub": "1001", "preferred_username": "ada", "groups": groups})
}

async fn get(base: &str, path: &str, cookie: &str) -> Response {
    let request = browser().get(format!("{base}{path}")).header("accept", "text/html");
    let request = if cookie.is_empty() { request } else { request.header("cookie", cookie) };
    request.send().await.expect("the server answers")
}

fn location(reply: &Response) -> &str {
    reply.headers().get("location").map(|value| value.to_str().expect("ASCII")).unwrap_or_default()
}

/// Returns the cookie with this prefix that a response sets, in the form in which the browser sends it back, or `None`
/// if no such cookie is set.
fn cookie(reply: &Response, prefix: &str) -> Option<String> {
    let cookies = reply.headers().get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    let set = cookies.into_iter().find(|cookie| cookie.starts_with(prefix) && !cookie.contains("Max-Age=0"))?;
    assert!(set.contains("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    set.split(';').next().map(str::to_owned)
}

/// A login that a browser has started.
struct Started {
    /// The provider's address to which the server redirects the browser.
    location: String,
    /// The cookie that binds the login to the browser.
    cookie: String,
}

async fn begin(base: &str, query: &str) -> Started {
    let reply = get(base, &format!("/login/oidc{query}"), "").await;
    assert_eq!(reply.status(), StatusCode::SEE_OTHER, "{}", reply.text().await.unwrap_or_default());
    let cookie = cookie(&reply, "tailwater_login_").expect("a cookie binds the login to the browser");
    Started { location: location(&reply).to_owned(), cookie }
}

async fn finish(base: &str, query: &str, cookie: &str) -> Response {
    get(base, &format!("/login/oidc/callback?{query}"), cookie).await
}

/// Logs in as a person with these claims, and returns the last response.
async fn log_in(server: &TestServer, provider: &Provider, claims: Value) -> Response {
    let started = begin(&server.api.base, "").await;
    let query = provider.approve(&started.location, claims);
    finish(&server.api.base, &query, &started.cookie).await
}

/// Returns the cookie of the session that a login has begun.
fn session(reply: &Response) -> Proof {
    assert_eq!(reply.status(), StatusCode::SEE_OTHER);
    Proof::Cookie(cookie(reply, "tailwater_session_").expect("a session begins"))
}

/// Asserts that a login was refused with a page that contains `words`, and returns the login's entry in the audit log.
async fn refused(server: &TestServer, reply: Response, status: u16, words: &str) -> Value {
    assert_eq!(reply.status(), status, "{words}");
    assert_eq!(cookie(&reply, "tailwater_session_"), None, "{words}");
    let html = reply.text().await.expect("the body arrives");
    assert!(html.contains("The login failed") && html.contains(words), "{words}: {html}");
    assert!(html.contains("href=\"/login\""), "{html}");
    let entries = server.api.json("/audit?action=login&limit=1").await;
    let entry = entries["items"][0].clone();
    // With status 403, the provider has authenticated the person, but the server does not admit this person. With any
    // other status, the sender is unknown.
    let credential = if status == 403 { json!("oidc") } else { Value::Null };
    assert_eq!((&entry["status"], &entry["credential"]), (&json!(status), &credential), "{entry}");
    entry
}

async fn users(server: &TestServer) -> Vec<Value> {
    server.api.json("/users").await["items"].as_array().expect("a page has items").clone()
}

#[tokio::test]
async fn a_person_of_the_provider_logs_in_with_the_role_of_the_groups() {
    let (server, provider) = start().await;
    let html = get(&server.api.base, "/login?next=/secrets", "").await.text().await.expect("the body arrives");
    assert!(html.contains("Log in with Test &lt;ID&gt;"), "{html}");
    assert!(html.contains("href=\"/login/oidc?next=%2Fsecrets\""), "{html}");
    let started = begin(&server.api.base, "?next=%2Fsecrets").await;
    let query = provider.approve(&started.location, ada(&["dev", "other"]));
    let reply = finish(&server.api.base, &query, &started.cookie).await;
    assert_eq!(location(&reply), "/secrets");
    let ada = session(&reply);
    assert_eq!(server.status("/api/queue/secrets", &ada).await, 200);
    assert_eq!(server.status("/api/queue/users", &ada).await, 403);
    let user = &users(&server).await[0];
    assert_eq!(
        (&user["name"], &user["role"], &user["source"]),
        (&json!("oidc:ada"), &json!("operator"), &json!("oidc"))
    );
    let entries = server.api.json("/audit?action=login").await;
    let entry = &entries["items"][0];
    assert_eq!(
        (&entry["user"], &entry["credential"], &entry["status"]),
        (&json!("oidc:ada"), &json!("oidc"), &json!(303))
    );
    let people = server.api.client.get(format!("{}/people", server.api.base)).bearer_auth(crate::harness::TOKEN);
    let html = people.send().await.expect("the server answers").text().await.expect("the body arrives");
    assert!(
        html.contains("oidc:ada") && html.contains("The OpenID Connect provider authenticates this user"),
        "{html}"
    );
}

#[tokio::test]
async fn a_login_is_recorded_even_if_the_browser_disconnects_before_its_end() {
    let (server, provider) = start().await;
    let base = &server.api.base;
    let started = begin(base, "").await;
    let query = provider.approve(&started.location, ada(&["dev"]));
    let request =
        format!("GET /login/oidc/callback?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {}\r\n\r\n", started.cookie);
    provider.hold();
    let mut browser = tcp::connect(base).await;
    browser.write_all(request.as_bytes()).await.expect("the server reads it");
    provider.is_asked().await;
    browser.shutdown().await.expect("the connection is open");
    assert_eq!(tcp::read_until(&mut browser, "\n").await, "", "the server closes the connection too");
    provider.release();
    until_async("the login is recorded", async || {
        let entries = server.api.json("/audit?action=login").await;
        entries["items"].as_array().is_some_and(|entries| entries.iter().any(|entry| entry["user"] == "oidc:ada"))
    })
    .await;
}

#[tokio::test]
async fn the_requested_page_is_kept_only_if_it_is_on_this_server() {
    let (server, provider) = start().await;
    for (next, page) in [
        ("?next=%2Ftasks%2Fqueue%2Fnew%3Fa%3D1", "/tasks/queue/new?a=1"),
        ("?next=https%3A%2F%2Fevil.example", "/tasks/queue"),
        ("?next=%2F%2Fevil.example", "/tasks/queue"),
        ("?next=%2F%5Cevil.example", "/tasks/queue"),
        ("?next=%2Fa&next=%2Fb", "/tasks/queue"),
        ("", "/tasks/queue"),
    ] {
        let started = begin(&server.api.base, next).await;
        let query = provider.approve(&started.location, ada(&["dev"]));
        let reply = finish(&server.api.base, &query, &started.cookie).await;
        assert_eq!(location(&reply), page, "{next}");
    }
}

#[tokio::test]
async fn behind_https_the_cookie_of_a_started_login_belongs_to_the_host() {
    let provider = Provider::start().await;
    let server = TestServer::start_with(|config| {
        with_provider(config, &provider.base);
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
    })
    .await;
    let request = browser().get(format!("{}/login/oidc", server.api.base)).header("x-forwarded-proto", "https");
    let reply = request.send().await.expect("the server answers");
    let cookie = reply.headers()["set-cookie"].to_str().expect("ASCII");
    assert!(cookie.starts_with("__Host-tailwater_login_") && cookie.ends_with("; Secure"), "{cookie}");
    let host = server.api.base.strip_prefix("http://").expect("it uses http");
    let url: reqwest::Url = location(&reply).parse().expect("it is an address");
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri").expect("it is sent").1.into_owned();
    assert_eq!(redirect, format!("https://{host}/login/oidc/callback"));
}
