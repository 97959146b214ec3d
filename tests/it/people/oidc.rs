//! Logging in with an OpenID Connect provider: only answers that belong to a login of the same browser and that the
//! provider has signed for this server begin a session.

mod sessions;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tailwater::server::Config;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::proxied::SettingsChange;
use crate::harness::people::{PASSWORD, Proof, browser};
use crate::harness::process::Process;
use crate::harness::provider::{CLIENT_ID, CLIENT_SECRET, Forgery, Provider};
use crate::harness::tcp;
use crate::harness::{TestServer, config, until_async};
use model::Role;

/// Uses a provider, and maps two groups.
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

/// The claims of a person.
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

/// Returns the cookie with this prefix that a response sets, as the browser sends it back, or `None` if it sets none.
fn cookie(reply: &Response, prefix: &str) -> Option<String> {
    let cookies = reply.headers().get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    let set = cookies.into_iter().find(|cookie| cookie.starts_with(prefix) && !cookie.contains("Max-Age=0"))?;
    assert!(set.contains("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    set.split(';').next().map(str::to_owned)
}

/// A login that was started in a browser.
struct Started {
    /// The address of the provider to which the browser is sent.
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

/// Logs in with the given claims, and returns the last response.
async fn log_in(server: &TestServer, provider: &Provider, claims: Value) -> Response {
    let started = begin(&server.api.base, "").await;
    let query = provider.approve(&started.location, claims);
    finish(&server.api.base, &query, &started.cookie).await
}

/// Returns the session that a login has begun.
fn session(reply: &Response) -> Proof {
    assert_eq!(reply.status(), StatusCode::SEE_OTHER);
    Proof::Cookie(cookie(reply, "tailwater_session_").expect("a session begins"))
}

/// Asserts that a login was refused with a page that contains the words, and returns the entry of the audit log.
async fn refused(server: &TestServer, reply: Response, status: u16, words: &str) -> Value {
    assert_eq!(reply.status(), status, "{words}");
    assert_eq!(cookie(&reply, "tailwater_session_"), None, "{words}");
    let html = reply.text().await.expect("the body arrives");
    assert!(html.contains("The login failed") && html.contains(words), "{words}: {html}");
    assert!(html.contains("href=\"/login\""), "{html}");
    let entries = server.api.json("/audit?action=login&limit=1").await;
    let entry = entries["items"][0].clone();
    // With status 403, the provider has authenticated a person whom the server does not admit. With any other status,
    // the sender is unknown.
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
async fn tokens_that_the_provider_has_not_signed_for_this_login_are_refused() {
    let (server, provider) = start().await;
    let table: [(Forgery, &str); 8] = [
        (|_, claims| claims["nonce"] = json!("another"), "token of another login"),
        (|_, claims| drop(claims.as_object_mut().expect("an object").remove("nonce")), "token of another login"),
        (|_, claims| claims["aud"] = json!("another"), "token for another audience"),
        (|_, claims| claims["aud"] = json!([CLIENT_ID, "another"]), "token for another audience"),
        (|_, claims| claims["azp"] = json!("another"), "token for another party"),
        (|_, claims| claims["iss"] = json!("https://id.example"), "token of another issuer"),
        (|_, claims| claims["exp"] = json!(1_000_000_000), "expired token"),
        (|header, _| header["alg"] = json!("none"), "wrong signature"),
    ];
    for (forgery, words) in table {
        provider.forge(Some(forgery));
        let reply = log_in(&server, &provider, ada(&["ops"])).await;
        let entry = refused(&server, reply, 401, words).await;
        assert_eq!((&entry["object"], &entry["user"]), (&json!(format!("oidc: {words}")), &Value::Null));
    }
    provider.forge(None);
    provider.renew_key("first", false);
    let reply = log_in(&server, &provider, ada(&["ops"])).await;
    refused(&server, reply, 401, "wrong signature").await;
    provider.renew_key("unknown", false);
    let reply = log_in(&server, &provider, ada(&["ops"])).await;
    refused(&server, reply, 401, "unknown key").await;
    assert_eq!(users(&server).await, Vec::<Value>::new(), "nobody was added");
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_fetched_when_it_is_first_used() {
    let (server, provider) = start().await;
    session(&log_in(&server, &provider, ada(&["dev"])).await);
    provider.renew_key("second", true);
    session(&log_in(&server, &provider, ada(&["dev"])).await);
    // Some providers give a new key the id of the former one.
    provider.renew_key("second", true);
    session(&log_in(&server, &provider, ada(&["dev"])).await);
}

#[tokio::test]
async fn an_answer_is_accepted_once_and_only_from_the_browser_that_started_the_login() {
    let (server, provider) = start().await;
    let base = &server.api.base;
    let words = "was not started in this browser";
    let started = begin(base, "").await;
    let query = provider.approve(&started.location, ada(&["ops"]));
    let other = begin(base, "").await;
    for (query, cookie) in [
        ("", started.cookie.as_str()),
        ("code=x&state=wrong", &started.cookie),
        ("code=x&state=a&state=b", &started.cookie),
        (&query, &other.cookie),
        // The attempt with another cookie has used up the `state`.
        (&query, &started.cookie),
    ] {
        let reply = finish(base, query, cookie).await;
        let entry = refused(&server, reply, 401, words).await;
        assert_eq!(entry["object"], "oidc: no started login");
    }
    let started = begin(base, "").await;
    let query = provider.approve(&started.location, ada(&["ops"]));
    let without = finish(base, &query, "").await;
    refused(&server, without, 401, words).await;
    let started = begin(base, "").await;
    let query = provider.approve(&started.location, ada(&["ops"]));
    session(&finish(base, &query, &started.cookie).await);
    let again = finish(base, &query, &started.cookie).await;
    refused(&server, again, 401, words).await;
}

#[tokio::test]
async fn an_error_of_the_provider_is_shown_as_text() {
    let (server, provider) = start().await;
    let base = &server.api.base;
    let answer = async |error: &str, description: &str| {
        let started = begin(base, "").await;
        let url: reqwest::Url = started.location.parse().expect("it is an address");
        let state = url.query_pairs().find(|(name, _)| name == "state").expect("it has a state").1.into_owned();
        let pairs = [("error", error), ("error_description", description), ("state", &state)];
        let query = serde_urlencoded::to_string(pairs).expect("they can be encoded");
        finish(base, &query, &started.cookie).await
    };
    let reply = answer("access_denied", "<script>alert(1)</script>\u{7} no").await;
    let entry = refused(&server, reply, 401, "access_denied: &lt;script&gt;alert(1)&lt;/script&gt; no").await;
    assert_eq!(entry["object"], "oidc: refused by the provider", "the log contains nothing that somebody has sent");
    let reply = answer(&"x".repeat(2_000), "").await;
    assert!(!reply.text().await.expect("the body arrives").contains(&"x".repeat(301)));
    provider.fail(Some(json!({"error": "invalid_client", "error_description": "no <b>such</b> client"})));
    let reply = log_in(&server, &provider, ada(&["ops"])).await;
    refused(&server, reply, 401, "no &lt;b&gt;such&lt;/b&gt; client").await;
}

#[tokio::test]
async fn the_server_starts_without_the_provider_and_uses_it_as_soon_as_it_responds() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = reserved.local_addr().expect("the listener is bound");
    drop(reserved);
    let server = TestServer::start_with(|config| with_provider(config, &format!("http://{address}"))).await;
    server.add_user("root", Role::Admin).await;
    let reply = get(&server.api.base, "/login/oidc", "").await;
    let entry = refused(&server, reply, 503, "The provider cannot be reached").await;
    assert_eq!(entry["object"], "oidc: provider unreachable");
    let local = server.log_in("root", PASSWORD).await;
    assert_eq!(server.status("/api/queue/users", &local).await, 200, "a local user can log in");
    let provider = Provider::start_on(address).await;
    session(&log_in(&server, &provider, ada(&["dev"])).await);
}

#[tokio::test]
async fn a_person_without_a_mapped_group_or_without_a_name_gets_no_session() {
    let (server, provider) = start().await;
    let reply = log_in(&server, &provider, ada(&["other"])).await;
    let entry = refused(&server, reply, 403, "oidc:ada has no role on this server").await;
    assert_eq!((&entry["user"], &entry["object"]), (&json!("oidc:ada"), &json!("oidc: no access")));
    provider.send_in_user_info(json!({"sub": "1001"}));
    let reply = log_in(&server, &provider, json!({"sub": "1001", "groups": ["ops"]})).await;
    let entry = refused(&server, reply, 401, "has not sent the claim preferred_username").await;
    assert_eq!((&entry["user"], &entry["object"]), (&Value::Null, &json!("oidc: no name")));
    let reply = log_in(&server, &provider, json!({"sub": "1", "preferred_username": "a b", "groups": ["ops"]})).await;
    refused(&server, reply, 403, "This name is not accepted").await;
    assert_eq!(users(&server).await, Vec::<Value>::new());
}

#[tokio::test]
async fn claims_that_only_the_user_info_contains_are_used_if_they_belong_to_the_same_person() {
    let (server, provider) = start().await;
    provider.send_in_user_info(json!({"sub": "1001", "preferred_username": "ada", "groups": ["ops"]}));
    let ada = session(&log_in(&server, &provider, json!({"sub": "1001"})).await);
    assert_eq!(server.status("/api/queue/users", &ada).await, 200);
    let reply = log_in(&server, &provider, json!({"sub": "1002"})).await;
    refused(&server, reply, 401, "user info of somebody else").await;
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
async fn a_person_is_identified_by_the_providers_id_and_never_by_a_name() {
    let (server, provider) = start().await;
    server.add_user("ada", Role::Viewer).await;
    let first = session(&log_in(&server, &provider, ada(&["ops"])).await);
    assert_eq!(server.status("/api/queue/users", &first).await, 200);
    let other = json!({"sub": "2002", "preferred_username": "ada", "groups": ["ops"]});
    let reply = log_in(&server, &provider, other).await;
    refused(&server, reply, 403, "Another person of the same provider is already the user oidc:ada").await;
    let renamed = json!({"sub": "1001", "preferred_username": "Ada.Lovelace", "groups": ["dev"]});
    session(&log_in(&server, &provider, renamed).await);
    assert_eq!(server.status("/api/queue/users", &first).await, 403, "the new groups apply to all sessions");
    let known: Vec<Value> = users(&server).await.iter().map(|user| json!([user["name"], user["role"]])).collect();
    assert_eq!(known, [json!(["ada", "viewer"]), json!(["oidc:Ada.Lovelace", "operator"])]);
    let disabled = json!({"disabled": true});
    let reply = server.api.request(Method::PATCH, "/users/oidc:ada.lovelace").json(&disabled).send().await;
    assert_eq!(reply.expect("the server answers").status(), 200);
    let reply = log_in(&server, &provider, ada(&["ops"])).await;
    refused(&server, reply, 403, "is disabled on this server").await;
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

#[tokio::test]
async fn without_a_provider_there_is_no_button_and_no_route() {
    let server = TestServer::start().await;
    let html = get(&server.api.base, "/login", "").await.text().await.expect("the body arrives");
    assert!(!html.contains("/login/oidc"), "{html}");
    for path in ["/login/oidc", "/login/oidc/callback?code=x&state=x"] {
        assert_eq!(get(&server.api.base, path, "").await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn incomplete_settings_of_a_provider_are_refused() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let table: [(SettingsChange, &str); 5] = [
        (|config| config.oidc_client_id = None, "oidc_client_id"),
        (|config| config.oidc_issuer = None, "oidc_issuer"),
        (|config| config.oidc_issuer = Some("http://id.example".to_owned()), "https://"),
        (|config| config.oidc_client_secret_file = Some("x".into()), "oidc_client_secret_file"),
        (|config| config.group_roles.clear(), "default_role"),
    ];
    for (change, named) in table {
        let mut settings = config(data.path());
        with_provider(&mut settings, "https://id.example");
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let refused = tailwater::server::Server::start(settings, listener).await.err().expect("the start is refused");
        let text = refused.to_string();
        assert!(text.contains(named) && !text.contains(CLIENT_SECRET), "{named}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_log_contains_no_secret_code_or_token_of_a_login() {
    let (provider, data) = (Provider::start().await, tempfile::tempdir().expect("a temporary folder"));
    let secret = data.path().join("client-secret");
    std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).expect("the folder can be written");
    let mut server = Process::start_by(data.path(), |mut program| {
        program.env("TAILWATER_LOG", "trace").env("TAILWATER_OIDC_ISSUER", &provider.base);
        program.env("TAILWATER_OIDC_CLIENT_ID", CLIENT_ID).env("TAILWATER_OIDC_CLIENT_SECRET_FILE", &secret);
        program.env("TAILWATER_GROUP_ROLES", "dev=operator");
        program
    });
    let base = server.api.base.clone();
    let mut secrets = vec![CLIENT_SECRET.to_owned()];
    for (groups, status) in [("dev", 303), ("other", 403)] {
        let started = begin(&base, "").await;
        let query = provider.approve(&started.location, ada(&[groups]));
        let reply = finish(&base, &query, &started.cookie).await;
        assert_eq!(reply.status(), status);
        let cookies = [Some(started.cookie), cookie(&reply, "tailwater_session_")];
        secrets.extend(cookies.into_iter().flatten().filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())));
    }
    secrets.extend(provider.issued());
    assert!(secrets.len() > 12, "the provider has issued too little: {secrets:?}");
    // The output of jobs does not contain the secret either.
    let (id, _) = server.api.run(&format!("printf %s {CLIENT_SECRET}")).await;
    let printed = server.api.output(&id, 1).await;
    assert!(!String::from_utf8_lossy(&printed).contains(CLIENT_SECRET));
    server.terminate();
    assert!(server.exited().await.success());
    let log = std::fs::read_to_string(data.path().join("server.log")).expect("the server logs in UTF-8");
    assert!(log.contains("a login with the OpenID Connect provider failed"), "{log}");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret}");
    }
}
