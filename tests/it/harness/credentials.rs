//! Uses every kind of credential on a server, so that tests can search for them where they must not be stored.

use std::process::Command;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::people::{PASSWORD, Proof, browser, cookie};
use super::process::Process;
use super::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use super::{Api, TOKEN};

/// The credentials that a test has used, each with a word that describes its kind.
pub type Credentials = Vec<(&'static str, String)>;

/// Adds settings to the command that starts a server, so that people can log in through a proxy and with `provider`.
pub fn accept_all_logins(program: &mut Command, provider: &Provider) {
    program.env("TAILWATER_TRUSTED_PROXIES", "127.0.0.1").env("TAILWATER_PROXY_USER_HEADER", "Remote-User");
    program.env("TAILWATER_PROXY_GROUPS_HEADER", "Remote-Groups").env("TAILWATER_GROUP_ROLES", "dev=operator");
    program.env("TAILWATER_OIDC_ISSUER", &provider.base).env("TAILWATER_OIDC_CLIENT_ID", CLIENT_ID);
    program.env("TAILWATER_OIDC_CLIENT_SECRET", CLIENT_SECRET);
}

/// Uses each kind of credential once, with valid values, and returns the credentials. Most of them are still valid
/// afterwards. The server must have been started with [`accept_all_logins`], and its login link must not have been read
/// yet.
pub async fn use_all(server: &mut Process, provider: &Provider) -> Credentials {
    let link = server.login_link();
    let (_, ticket) = link.rsplit_once("ticket=").expect("a link has a ticket");
    let (api, client) = (&server.api, browser());
    let ada = json!({"name": "ada", "role": "admin", "password": PASSWORD});
    assert_eq!(api.post("/users", &ada).await.status(), 201);
    let mut used = vec![
        ("admin token", TOKEN.to_owned()),
        ("password", PASSWORD.to_owned()),
        ("login ticket", ticket.to_owned()),
        ("client secret", CLIENT_SECRET.to_owned()),
    ];
    assert_eq!(client.get(&link).send().await.expect("the server answers").status(), 200);
    for (what, form) in [
        ("session by admin token", format!("token={TOKEN}")),
        ("session by login ticket", format!("ticket={ticket}")),
        ("session by password", format!("name=ada&password={}", PASSWORD.replace(' ', "+"))),
        ("ended session", format!("token={TOKEN}")),
    ] {
        let login = client.post(format!("{}/login", api.base)).header("origin", &api.base).body(form);
        let login = login.header("content-type", "application/x-www-form-urlencoded");
        let session = cookie(&login.send().await.expect("the server answers"));
        check_session(api, &client, &session).await;
        if what == "ended session" {
            let logout = client.post(format!("{}/logout", api.base)).header("cookie", &session);
            let logout = logout.header("origin", &api.base).send().await.expect("the server answers");
            assert_eq!(logout.status(), 303);
        }
        used.push((what, value(&session)));
    }
    used.push(("session by proxy", value(&log_in_by_proxy(api, &client).await)));
    log_in_by_provider(api, &client, provider, &mut used).await;
    for (what, role) in [("API token", "viewer"), ("worker token", "worker")] {
        let created = api.post("/tokens", &json!({"name": what, "role": role})).await.json::<Value>().await;
        let token = created.expect("the body is JSON")["token"].as_str().expect("a new token has a text").to_owned();
        let path = if role == "worker" { "/jobs/claim" } else { "/jobs" };
        let body = json!({"workerId": "w", "leaseSeconds": 60, "allowedTypes": ["unknown"]});
        let url = format!("{}/api/queue{path}", api.base);
        let request = if role == "worker" { client.post(url).json(&body) } else { client.get(url) };
        assert_eq!(request.bearer_auth(&token).send().await.expect("the server answers").status(), 200, "{what}");
        used.push((what, token));
    }
    let link = api.post("/users/ada/login-link", &json!({})).await.json::<Value>().await.expect("the body is JSON");
    let link = link["link"].as_str().expect("a new link has an address").to_owned();
    assert_eq!(client.get(&link).send().await.expect("the server answers").status(), 200);
    let (_, ticket) = link.rsplit_once("userTicket=").expect("a link has a ticket");
    used.push(("login link of a user", ticket.to_owned()));
    used.push(("signature of a preview", preview(api, &client).await));
    used
}

/// Begins a session of a person whom the proxy has authenticated, and returns its cookie.
async fn log_in_by_proxy(api: &Api, client: &Client) -> String {
    let page = client.get(format!("{}/tasks/queue", api.base)).header("accept", "text/html");
    let page = page.header("remote-user", "grace").header("remote-groups", "dev");
    let reply = page.send().await.expect("the server answers");
    assert_eq!(reply.status(), 200);
    let session = set_cookie(&reply, "tailwater_session_");
    check_session(api, client, &session).await;
    session
}

/// Starts two logins with the provider, and finishes one of them.
async fn log_in_by_provider(api: &Api, client: &Client, provider: &Provider, used: &mut Credentials) {
    let begin = async || {
        let reply = client.get(format!("{}/login/oidc", api.base)).send().await.expect("the server answers");
        assert_eq!(reply.status(), 303);
        let location = reply.headers()["location"].to_str().expect("ASCII").to_owned();
        (location, set_cookie(&reply, "tailwater_login_"))
    };
    let (location, started) = begin().await;
    used.push(("cookie of a login", value(&started)));
    let query = provider.approve(&location, json!({"sub": "1001", "preferred_username": "mary", "groups": ["dev"]}));
    let callback = client.get(format!("{}/login/oidc/callback?{query}", api.base)).header("cookie", started);
    let reply = callback.send().await.expect("the server answers");
    assert_eq!(reply.status(), 303);
    let session = set_cookie(&reply, "tailwater_session_");
    check_session(api, client, &session).await;
    used.push(("session by provider", value(&session)));
    used.push(("cookie of an unfinished login", value(&begin().await.1)));
    let issued = provider.issued();
    assert!(issued.len() >= 6, "a code, a nonce, a state, two tokens and a verifier were used: {issued:?}");
    used.extend(issued.into_iter().map(|secret| ("issued by the provider", secret)));
}

/// Opens a preview of an artifact, and returns the signature in its address.
async fn preview(api: &Api, client: &Client) -> String {
    let (job, _) = api.run("echo previewed").await;
    let artifacts = api.json(&format!("/jobs/{job}/artifacts")).await;
    let artifact = artifacts["items"][0]["id"].as_str().expect("an artifact has an id");
    let preview = format!("{}/api/queue/jobs/{job}/artifacts/{artifact}/preview", api.base);
    let reply = client.get(preview).bearer_auth(TOKEN).send().await.expect("the server answers");
    let address = reply.headers()["location"].to_str().expect("ASCII").to_owned();
    let shown = client.get(format!("{}{address}", api.base)).send().await.expect("the server answers");
    assert_eq!(shown.text().await.expect("the body arrives"), "previewed\n");
    let permission = address.strip_prefix("/previews/").and_then(|path| path.split('/').next());
    permission.and_then(|text| text.rsplit('.').next()).expect("the address is signed").to_owned()
}

async fn check_session(api: &Api, client: &Client, cookie: &str) {
    let jobs = client.get(format!("{}/api/queue/jobs", api.base));
    let jobs = Proof::Cookie(cookie.to_owned()).add_to(jobs, &api.base).send().await.expect("the server answers");
    assert_eq!(jobs.status(), 200);
}

/// Returns the cookie with this prefix that a response sets, as a browser would send it back.
fn set_cookie(reply: &Response, prefix: &str) -> String {
    let cookies = reply.headers().get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    let set = cookies.into_iter().find(|cookie| cookie.starts_with(prefix) && !cookie.contains("Max-Age=0"));
    set.and_then(|cookie| cookie.split(';').next()).expect("a cookie is set").to_owned()
}

/// Returns the value of a cookie.
fn value(cookie: &str) -> String {
    cookie.split_once('=').expect("it is a pair").1.to_owned()
}
