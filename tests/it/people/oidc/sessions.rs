//! Sessions of people who log in with the provider end sooner than other sessions. When such a session has ended, the
//! browser returns to the provider, which sends the person's groups again.

use std::time::Duration;

use model::Role;
use reqwest::{Response, StatusCode};

use super::{ada, begin, cookie, finish, get, location, log_in, refused, session, start, with_provider};
use crate::harness::TestServer;
use crate::harness::people::{PASSWORD, Proof};
use crate::harness::provider::Provider;

/// Selects the duration of a session, in hours.
const HOURS: &str = "select (expires_at - created_at) / 3600000000 from sessions";

/// Makes all sessions expire.
async fn end_sessions(server: &TestServer) {
    server.execute("update sessions set expires_at = 1").await;
}

/// Returns all cookies that the browser has after a login.
fn all_cookies(reply: &Response) -> String {
    let Proof::Cookie(session) = session(reply) else { panic!("a login begins a session") };
    format!("{session}; {}", cookie(reply, "tailwater_provider_").expect("the browser returns to the provider"))
}

/// Requests a page without a valid session, and returns the path to which the server redirects the browser.
async fn sent_to(server: &TestServer, path: &str, cookies: &str) -> String {
    let reply = get(&server.api.base, path, cookies).await;
    assert_eq!(reply.status(), StatusCode::SEE_OTHER, "{path}");
    location(&reply).to_owned()
}

#[tokio::test]
async fn a_session_of_a_provider_lasts_as_long_as_the_setting_says_and_a_local_one_for_30_days() {
    let provider = Provider::start().await;
    let server = TestServer::start_with(|config| {
        with_provider(config, &provider.base);
        config.sso_session = Duration::from_hours(7);
    })
    .await;
    session(&log_in(&server, &provider, ada(&["dev"])).await);
    assert_eq!(server.number(HOURS).await, 7);
    end_sessions(&server).await;
    server.add_user("grace", Role::Viewer).await;
    server.log_in("grace", PASSWORD).await;
    assert_eq!(server.number(HOURS).await, 30 * 24);
}

#[tokio::test]
async fn a_lower_setting_applies_to_sessions_that_began_before() {
    let (server, provider) = start().await;
    session(&log_in(&server, &provider, ada(&["dev"])).await);
    assert_eq!(server.number(HOURS).await, 12);
    let server = TestServer::start_over(server.stop().await, |config| {
        with_provider(config, &provider.base);
        config.sso_session = Duration::from_hours(2);
    })
    .await;
    assert!((1..=2).contains(&server.number(HOURS).await));
    server.execute("update sessions set expires_at = expires_at - 3600000000").await;
    let server = TestServer::start_over(server.stop().await, |config| with_provider(config, &provider.base)).await;
    assert!((0..=1).contains(&server.number(HOURS).await), "a higher setting postpones nothing");
}

#[tokio::test]
async fn after_the_end_of_a_session_the_browser_returns_to_the_provider_which_sends_the_groups_again() {
    let (server, provider) = start().await;
    let first = log_in(&server, &provider, ada(&["ops"])).await;
    let cookies = all_cookies(&first);
    assert_eq!(get(&server.api.base, "/people", &cookies).await.status(), 200);
    end_sessions(&server).await;
    assert_eq!(server.status("/api/queue/jobs", &Proof::Cookie(cookies.clone())).await, 401);
    let again = sent_to(&server, "/people?x=1", &cookies).await;
    assert_eq!(again, "/login/oidc?next=%2Fpeople%3Fx%3D1");
    let started = begin(&server.api.base, again.strip_prefix("/login/oidc").expect("it begins so")).await;
    let query = provider.approve(&started.location, ada(&["dev"]));
    let reply = finish(&server.api.base, &query, &started.cookie).await;
    assert_eq!(location(&reply), "/people?x=1", "the browser returns to the requested page");
    let second = session(&reply);
    assert_eq!(server.status("/api/queue/users", &second).await, 403, "the provider has sent another group");
    assert_eq!(server.status("/api/queue/secrets", &second).await, 200);
}

#[tokio::test]
async fn a_browser_returns_to_the_provider_only_if_its_last_login_was_one_with_it() {
    let (server, provider) = start().await;
    server.add_user("grace", Role::Viewer).await;
    assert_eq!(sent_to(&server, "/people", "").await, "/login?next=%2Fpeople");
    let removes_mark = |reply: &Response| {
        let set = reply.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        set.into_iter().any(|cookie| cookie.starts_with("tailwater_provider_") && cookie.contains("Max-Age=0"))
    };
    let proof = Proof::Cookie(all_cookies(&log_in(&server, &provider, ada(&["dev"])).await));
    let fields = [("name", "grace"), ("password", PASSWORD)];
    assert!(removes_mark(&server.post_form("/login", &proof, &fields).await), "after a local login");
    let proof = Proof::Cookie(all_cookies(&log_in(&server, &provider, ada(&["dev"])).await));
    assert!(removes_mark(&server.post_form("/logout", &proof, &[]).await), "after logging out");
    let reply = log_in(&server, &provider, ada(&["other"])).await;
    assert!(removes_mark(&reply), "after a failed login, which would fail again and again");
    refused(&server, reply, 403, "oidc:ada has no role on this server").await;
    let without = TestServer::start().await;
    without.add_user("grace", Role::Viewer).await;
    let Proof::Cookie(local) = without.log_in("grace", PASSWORD).await else { panic!("a login begins a session") };
    let (name, _) = local.split_once('=').expect("a cookie has a value");
    let mark = format!("{}=1", name.replace("_session_", "_provider_"));
    assert_eq!(sent_to(&without, "/people", &mark).await, "/login?next=%2Fpeople", "without a provider");
}

#[tokio::test]
async fn several_tabs_of_a_browser_can_log_in_at_the_same_time() {
    let (server, provider) = start().await;
    let base = &server.api.base;
    let first = begin(base, "?next=%2Fworkers").await;
    let reply = get(base, "/login/oidc?next=%2Fsecrets", &first.cookie).await;
    assert_eq!(cookie(&reply, "tailwater_login_").as_ref(), Some(&first.cookie), "both tabs have one cookie");
    let second = location(&reply).to_owned();
    for (started, page) in [(&second, "/secrets"), (&first.location, "/workers")] {
        let query = provider.approve(started, ada(&["dev"]));
        let reply = finish(base, &query, &first.cookie).await;
        assert_eq!(location(&reply), page);
        let set = reply.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let is_removed = set.into_iter().any(|cookie| cookie.starts_with("tailwater_login_"));
        assert_eq!(is_removed, page == "/workers", "the last login removes the cookie");
    }
    // The server never accepts a login cookie that it has not issued.
    let planted = first.cookie.split_once('=').map(|(name, _)| format!("{name}=planted")).expect("it has a value");
    let reply = get(base, "/login/oidc", &planted).await;
    assert_ne!(cookie(&reply, "tailwater_login_"), Some(planted));
}
