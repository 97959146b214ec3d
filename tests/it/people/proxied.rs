//! Tests of people whom a reverse proxy has authenticated. Headers are accepted only from a trusted proxy, the sessions
//! of two people are never mixed up, and groups determine the role.

use model::Role;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tailwater::server::Config;

use crate::harness::people::{PASSWORD, Proof, browser};
use crate::harness::{PATIENCE, TOKEN, TestServer, config, tcp, until_async};

/// A change to the settings.
pub(super) type SettingsChange = fn(&mut Config);

/// Changes the settings so that the server treats the connections of this test as those of a trusted proxy. Maps two
/// groups to roles.
fn behind_a_proxy(config: &mut Config) {
    config.trusted_proxies = vec!["127.0.0.1".to_owned()];
    config.proxy_user_header = Some("Remote-User".to_owned());
    config.proxy_groups_header = Some("Remote-Groups".to_owned());
    config.group_roles = vec!["dev=operator".to_owned(), "ops=admin".to_owned()];
}

/// Starts a server that trusts the proxy headers of the requests in this test.
async fn start() -> TestServer {
    TestServer::start_with(behind_a_proxy).await
}

/// Returns a request as the proxy sends it for a person.
fn forwarded(server: &TestServer, method: Method, path: &str, user: &str, groups: &str) -> RequestBuilder {
    let request = browser().request(method, format!("{}{path}", server.api.base));
    request.header("remote-user", user).header("remote-groups", groups)
}

async fn get(server: &TestServer, path: &str, user: &str, groups: &str) -> Response {
    forwarded(server, Method::GET, path, user, groups).send().await.expect("the server answers")
}

/// Loads a page as a browser does, and returns the response.
async fn page(server: &TestServer, user: &str, groups: &str, cookie: Option<&str>) -> Response {
    let request = forwarded(server, Method::GET, "/tasks/queue", user, groups).header("accept", "text/html");
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    request.send().await.expect("the server answers")
}

/// Returns the session cookie that a response sets, or `None` if it sets none.
fn new_cookie(reply: &Response) -> Option<String> {
    let cookie = reply.headers().get("set-cookie")?.to_str().expect("ASCII");
    let pair = cookie.split(';').next().expect("split gives one");
    assert!(pair.starts_with("tailwater_session_") && cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    Some(pair.to_owned())
}

/// Returns the name of the user to whom a cookie belongs, or `None` if the cookie's session is not valid. The request
/// has no headers of the proxy.
async fn owner(server: &TestServer, cookie: &str) -> Option<String> {
    let request = browser().get(format!("{}/api/queue/sessions", server.api.base)).header("cookie", cookie);
    let reply = request.send().await.expect("the server answers");
    if reply.status() == 401 {
        return None;
    }
    let body: Value = reply.json().await.expect("the body is JSON");
    let items = body["items"].as_array().expect("a page has items").clone();
    let current = items.into_iter().find(|session| session["current"] == true).expect("the list has the session");
    current["userId"].as_str().map(str::to_owned)
}

async fn message(reply: Response) -> String {
    let body: Value = reply.json().await.expect("an error is JSON");
    body["detail"]["message"].as_str().expect("an error has a message").to_owned()
}

/// Returns a user as the API describes it, or `None` if there is no such user.
async fn user(server: &TestServer, name: &str) -> Option<Value> {
    let users = server.api.json("/users").await;
    users["items"].as_array().expect("a page has items").iter().find(|user| user["name"] == name).cloned()
}

#[tokio::test]
async fn the_groups_that_a_trusted_proxy_sends_give_a_role() {
    let server = start().await;
    for (user, groups, jobs, people) in [
        ("ada", "dev", 200, 403),
        ("grace", "staff, ops,dev", 200, 200),
        ("ada", "ops", 200, 200),
        ("ada", "dev", 200, 403),
    ] {
        assert_eq!(get(&server, "/api/queue/jobs", user, groups).await.status(), jobs, "{user} {groups}");
        assert_eq!(get(&server, "/api/queue/users", user, groups).await.status(), people, "{user} {groups}");
    }
    let ada = user(&server, "proxy:ada").await.expect("a user was added");
    assert_eq!((&ada["role"], &ada["source"]), (&json!("operator"), &json!("proxy")));
    assert!(user(&server, "ada").await.is_none());
}

#[tokio::test]
async fn a_person_without_a_mapped_group_is_refused_with_a_sentence_that_says_what_to_do() {
    let server = start().await;
    for groups in ["", "staff", "OPS", "ops=admin", "dev ops"] {
        let reply = get(&server, "/api/queue/jobs", "mallory", groups).await;
        assert_eq!(reply.status(), 403, "{groups}");
        let message = message(reply).await;
        assert!(message.contains("proxy:mallory") && message.contains("--group-role"), "{message}");
    }
    let reply = page(&server, "mallory", "staff", None).await;
    assert_eq!((reply.status(), new_cookie(&reply)), (StatusCode::FORBIDDEN, None));
    let html = reply.text().await.expect("the body arrives");
    assert!(html.contains("proxy:mallory has no role on this server"), "{html}");
    assert!(html.contains("href=\"/login\""), "the login with a local user remains reachable: {html}");
    assert_eq!(get(&server, "/login", "mallory", "staff").await.status(), 200);
    assert!(user(&server, "proxy:mallory").await.is_none(), "nobody is added");
    let entries = server.api.json("/audit?action=access.refused").await;
    let entry = &entries["items"][0];
    assert_eq!(
        (&entry["user"], &entry["credential"], &entry["status"]),
        (&json!("proxy:mallory"), &json!("proxy"), &json!(403))
    );
    let server = TestServer::start_with(|config| {
        behind_a_proxy(config);
        config.default_role = Some(Role::Viewer);
    })
    .await;
    assert_eq!(get(&server, "/api/queue/jobs", "mallory", "staff").await.status(), 200);
    assert_eq!(get(&server, "/api/queue/secrets", "mallory", "staff").await.status(), 403);
}

#[tokio::test]
async fn the_headers_are_ignored_unless_a_trusted_proxy_sends_them() {
    for (proxies, header) in [("192.0.2.1", Some("Remote-User".to_owned())), ("127.0.0.1", None)] {
        let server = TestServer::start_with(|config| {
            behind_a_proxy(config);
            config.trusted_proxies = vec![proxies.to_owned()];
            config.proxy_groups_header = header.as_ref().map(|_| "Remote-Groups".to_owned());
            config.proxy_user_header = header;
        })
        .await;
        let forged = |path: &str| {
            let request = forwarded(&server, Method::GET, path, "ada", "ops");
            request.header("x-forwarded-for", "192.0.2.1").header("forwarded", "for=192.0.2.1")
        };
        assert_eq!(forged("/api/queue/jobs").send().await.expect("the server answers").status(), 401);
        let twice = forged("/api/queue/jobs").header("remote-user", "bob").send().await;
        assert_eq!(twice.expect("the server answers").status(), 401, "the headers are not even looked at");
        let reply = page(&server, "ada", "ops", None).await;
        assert_eq!((reply.status().as_u16(), new_cookie(&reply)), (303, None));
        let with_token = forged("/api/queue/users").bearer_auth(TOKEN).send().await.expect("the server answers");
        assert_eq!(with_token.status(), 200);
        assert_eq!(server.api.json("/users").await["items"], json!([]), "nobody was added");
        let entries = server.api.json("/audit").await;
        assert!(!entries.to_string().contains("ada"), "{entries}");
    }
}

#[tokio::test]
async fn a_header_that_occurs_twice_or_belongs_to_the_connection_is_refused() {
    let server = start().await;
    for lines in [
        "Remote-User: ada\r\nRemote-User: ada\r\n",
        "Remote-User: ada\r\nREMOTE-USER: grace\r\nRemote-Groups: ops\r\n",
        "Remote-User: ada\r\nRemote-Groups: dev\r\nRemote-Groups: ops\r\n",
        "Remote-User: ada\r\nRemote-Groups: ops\r\nConnection: close, remote-user\r\n",
        "Remote-User: a\u{ff}\r\nRemote-Groups: ops\r\nRemote-Groups: ops\r\n",
    ] {
        for path in ["/api/queue/jobs", "/tasks/queue", "/login"] {
            let reply = tcp::get(&server.api.base, path, lines).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_request"), "{path} {lines}");
        }
    }
    for name in ["a b", "a,b", "../ada", "-ada", "a\u{e4}", &"x".repeat(129), "proxy:ada"] {
        let reply =
            tcp::get(&server.api.base, "/api/queue/jobs", &format!("Remote-User: {name}\r\nRemote-Groups: ops\r\n"))
                .await;
        assert_eq!(reply.status, 403, "{name}");
    }
    assert_eq!(server.api.json("/users").await["items"], json!([]));
}

#[tokio::test]
async fn the_first_page_begins_a_session_with_which_requests_without_the_header_continue() {
    let server = start().await;
    let first = page(&server, "ada", "dev", None).await;
    assert_eq!(first.status(), 200);
    let cookie = new_cookie(&first).expect("a session begins");
    assert_eq!(owner(&server, &cookie).await.as_deref(), Some("proxy:ada"));
    let stream = server.status("/api/queue/jobs/stream", &Proof::Cookie(cookie.clone())).await;
    assert_eq!(stream, 200, "proxies often do not authenticate streams");
    let again = page(&server, "ada", "dev", Some(&cookie)).await;
    assert_eq!((again.status(), new_cookie(&again)), (StatusCode::OK, None), "the session continues");
    assert_eq!(new_cookie(&get(&server, "/api/queue/jobs", "ada", "dev").await), None, "a program gets no session");
    let logins = server.api.json("/audit?action=login").await;
    let entries = logins["items"].as_array().expect("a page has items");
    assert_eq!(entries.len(), 1, "{logins}");
    assert_eq!(
        (&entries[0]["user"], &entries[0]["credential"], &entries[0]["address"]),
        (&json!("proxy:ada"), &json!("proxy"), &json!("127.0.0.1"))
    );
}

#[tokio::test]
async fn a_session_lasts_only_for_a_limited_time_after_the_last_request_with_the_header() {
    /// Selects the number of whole hours until the session ends.
    const LEFT: &str = "select (expires_at / 1000000 - unixepoch()) / 3600 from sessions";
    let server = start().await;
    let cookie = new_cookie(&page(&server, "ada", "dev", None).await).expect("a session begins");
    assert!((11..=12).contains(&server.number(LEFT).await), "it is the setting");
    server.execute("update sessions set expires_at = expires_at - 5 * 3600000000").await;
    assert_eq!(owner(&server, &cookie).await.as_deref(), Some("proxy:ada"));
    assert_eq!(page(&server, "ada", "dev", Some(&cookie)).await.status(), 200);
    until_async("the session ends later", async || server.number(LEFT).await >= 11).await;
    server.execute("update sessions set expires_at = expires_at - 5 * 3600000000").await;
    assert_eq!(owner(&server, &cookie).await.as_deref(), Some("proxy:ada"));
    assert!(server.number(LEFT).await <= 7, "a request without the header postpones nothing");
    server.execute("update sessions set expires_at = 1").await;
    assert_eq!(owner(&server, &cookie).await, None);
    let reply = page(&server, "ada", "ops", Some(&cookie)).await;
    let next = new_cookie(&reply).expect("the next page begins another session");
    assert_eq!(server.status("/api/queue/users", &Proof::Cookie(next)).await, 200, "with the role of the new groups");
}

#[tokio::test]
async fn a_session_is_replaced_when_the_proxy_sends_somebody_else() {
    let server = start().await;
    let ada = new_cookie(&page(&server, "ada", "ops", None).await).expect("a session begins");
    let reply = forwarded(&server, Method::GET, "/api/queue/users", "grace", "dev").header("cookie", &ada).send().await;
    assert_eq!(reply.expect("the server answers").status(), 403, "the request has the role of grace, not that of ada");
    assert_eq!(owner(&server, &ada).await, None, "the session of ada has ended");
    let ada = new_cookie(&page(&server, "ada", "ops", None).await).expect("a session begins");
    let replaced = page(&server, "grace", "dev", Some(&ada)).await;
    let grace = new_cookie(&replaced).expect("another session begins");
    assert_ne!(ada, grace);
    assert_eq!((owner(&server, &ada).await, owner(&server, &grace).await.as_deref()), (None, Some("proxy:grace")));
}

#[tokio::test]
async fn a_local_user_can_log_in_behind_the_proxy_and_is_not_used_by_the_next_person() {
    let server = start().await;
    server.add_user("root", Role::Admin).await;
    let fields = serde_urlencoded::to_string([("name", "root"), ("password", PASSWORD)]).expect("they can be encoded");
    let login = forwarded(&server, Method::POST, "/login", "ada", "dev").header("origin", &server.api.base);
    let login = login.header("content-type", "application/x-www-form-urlencoded").body(fields);
    let reply = login.send().await.expect("the server answers");
    assert_eq!(reply.status(), 303);
    let local = new_cookie(&reply).expect("a session begins");
    let own = page(&server, "ada", "dev", Some(&local)).await;
    assert_eq!((own.status(), new_cookie(&own)), (StatusCode::OK, None), "the chosen login continues");
    let request = forwarded(&server, Method::GET, "/api/queue/users", "ada", "dev").header("cookie", &local);
    assert_eq!(request.send().await.expect("the server answers").status(), 200);
    let other = forwarded(&server, Method::GET, "/api/queue/users", "grace", "dev").header("cookie", &local);
    assert_eq!(other.send().await.expect("the server answers").status(), 403);
    assert_eq!(owner(&server, &local).await, None);
}

#[tokio::test]
async fn a_local_user_of_the_same_name_is_not_taken_over() {
    let server = start().await;
    server.add_user("ada", Role::Admin).await;
    let local = server.log_in("ada", PASSWORD).await;
    assert_eq!(get(&server, "/api/queue/users", "ada", "dev").await.status(), 403);
    assert_eq!(get(&server, "/api/queue/jobs", "admin", "dev").await.status(), 200, "this is not the admin token");
    assert_eq!(user(&server, "ada").await.expect("the user exists")["source"], "local");
    assert_eq!(server.status("/api/queue/users", &local).await, 200);
    // A user from the proxy has no password, so neither an empty nor any other password works.
    for password in ["", PASSWORD] {
        let fields = [("name", "proxy:ada"), ("password", password)];
        let reply = server.post_form("/login", &Proof::Nothing, &fields).await;
        assert!(reply.headers()["location"].to_str().expect("ASCII").starts_with("/login?error=password"));
    }
    for change in [json!({"password": PASSWORD}), json!({"role": "admin"})] {
        let reply = server.api.request(Method::PATCH, "/users/proxy:ada").json(&change).send().await;
        assert_eq!(reply.expect("the server answers").status(), 422, "{change}");
    }
    let new = json!({"name": "proxy:eve", "role": "viewer", "password": PASSWORD});
    assert_eq!(server.api.post("/users", &new).await.status(), 422);
}

#[tokio::test]
async fn another_role_or_none_takes_effect_at_once_and_ends_the_open_streams() {
    let server = start().await;
    let cookie = new_cookie(&page(&server, "ada", "ops", None).await).expect("a session begins");
    let by_session = Proof::Cookie(cookie.clone());
    let token = server.create_token(&by_session, json!({"name": "ci"})).await;
    let token = crate::harness::people::bearer(&token);
    for (groups, jobs, people) in [("dev", 200, 403), ("ops", 200, 200), ("staff", 401, 401)] {
        let request = browser().get(format!("{}/api/queue/jobs/stream", server.api.base)).header("cookie", &cookie);
        let mut stream = request.send().await.expect("the server answers");
        assert_eq!(stream.status(), 200);
        get(&server, "/api/queue/jobs", "ada", groups).await;
        let ends = async { while let Ok(Some(_)) = stream.chunk().await {} };
        tokio::time::timeout(PATIENCE, ends).await.expect("the stream ends");
        for proof in [&by_session, &token] {
            assert_eq!(server.status("/api/queue/jobs", proof).await, jobs, "{groups} {proof:?}");
            assert_eq!(server.status("/api/queue/users", proof).await, people, "{groups} {proof:?}");
        }
    }
    assert_eq!(user(&server, "proxy:ada").await.expect("the user remains")["withoutRole"], true);
    assert_eq!(get(&server, "/api/queue/users", "ada", "ops").await.status(), 200, "a mapped group helps");
    assert_eq!(server.status("/api/queue/users", &token).await, 200);
    assert_eq!(owner(&server, &cookie).await, None, "but the session does not come back");
}

#[tokio::test]
async fn a_disabled_user_of_the_proxy_is_refused_until_an_administrator_enables_it() {
    let server = start().await;
    let cookie = new_cookie(&page(&server, "ada", "ops", None).await).expect("a session begins");
    for (disabled, status) in [(true, 403), (false, 200)] {
        let change = json!({"disabled": disabled});
        let reply = server.api.request(Method::PATCH, "/users/proxy:ada").json(&change).send().await;
        assert_eq!(reply.expect("the server answers").status(), 200);
        assert_eq!(get(&server, "/api/queue/jobs", "ada", "ops").await.status(), status);
        assert_eq!(owner(&server, &cookie).await, None);
    }
}

#[tokio::test]
async fn a_request_that_another_site_makes_a_browser_send_is_refused_as_with_a_cookie() {
    let server = start().await;
    let job = json!({"type": "command", "payload": {"run": "true"}});
    let submit = |headers: &[(&'static str, &str)]| {
        let request = forwarded(&server, Method::POST, "/api/queue/jobs", "ada", "dev").json(&job);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
    };
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(submit(headers).await.expect("the server answers").status(), 403, "{headers:?}");
    }
    let own = submit(&[("origin", &server.api.base), ("sec-fetch-site", "same-origin")]).await;
    assert_eq!(own.expect("the server answers").status(), 201);
    let stream = forwarded(&server, Method::GET, "/api/queue/jobs/stream", "ada", "dev");
    let stream = stream.header("origin", "https://evil.example").send().await.expect("the server answers");
    assert_eq!(stream.status(), 403);
}

#[tokio::test]
async fn a_bearer_token_takes_precedence_over_the_proxys_user() {
    let server = start().await;
    let reply = forwarded(&server, Method::GET, "/api/queue/users", "ada", "dev").bearer_auth(TOKEN).send().await;
    assert_eq!(reply.expect("the server answers").status(), 200);
    let wrong = forwarded(&server, Method::GET, "/api/queue/jobs", "ada", "ops").bearer_auth("wrong").send().await;
    assert_eq!(wrong.expect("the server answers").status(), 401);
    assert!(user(&server, "proxy:ada").await.is_none());
}

#[tokio::test]
async fn logging_out_says_that_the_proxy_logs_in_again() {
    let server = start().await;
    let cookie = new_cookie(&page(&server, "ada", "ops", None).await).expect("a session begins");
    let logout = forwarded(&server, Method::POST, "/logout", "ada", "ops").header("cookie", &cookie);
    let reply = logout.header("origin", &server.api.base).send().await.expect("the server answers");
    assert_eq!(reply.headers()["location"], "/login?signed-out=proxy");
    assert!(reply.headers()["set-cookie"].to_str().expect("ASCII").contains("Max-Age=0"));
    assert_eq!(owner(&server, &cookie).await, None);
    let login = get(&server, "/login?signed-out=proxy", "ada", "ops").await;
    assert_eq!(new_cookie(&login), None, "the login page does not begin a session");
    let html = login.text().await.expect("the body arrives");
    assert!(html.contains("Log out of the proxy as well"), "{html}");
}

#[tokio::test]
async fn settings_that_would_let_nobody_or_everybody_in_are_refused() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let table: [(SettingsChange, &str); 6] = [
        (|config| config.trusted_proxies.clear(), "--trusted-proxies"),
        (|config| config.proxy_user_header = None, "proxy_user_header"),
        (|config| config.proxy_user_header = Some("cookie".to_owned()), "proxy_user_header"),
        (|config| config.proxy_groups_header = Some("a b".to_owned()), "proxy_groups_header"),
        (|config| config.group_roles = vec!["ops".to_owned()], "group_roles"),
        (|config| config.group_roles.clear(), "default_role"),
    ];
    for (change, named) in table {
        let mut settings = config(data.path());
        behind_a_proxy(&mut settings);
        change(&mut settings);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let refused = tailwater::server::Server::start(settings, listener).await.err().expect("the start is refused");
        assert!(refused.to_string().contains(named), "{named}: {refused}");
    }
}
