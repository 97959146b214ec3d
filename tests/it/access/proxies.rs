//! Behind a reverse proxy, the client's address and scheme are read from headers. Only the headers of trusted proxies
//! are used.

use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::harness::{TOKEN, TestServer};

/// A number of failed logins that exceeds the limit by one.
const TOO_MANY: usize = 21;

/// Logs in as if a proxy had forwarded the request for a client with the address `forwarded_for`.
async fn login(server: &TestServer, token: &str, forwarded_for: &str) -> Response {
    let client = Client::builder().redirect(Policy::none()).build().expect("the TLS client is available");
    let request = client.post(format!("{}/login", server.api.base)).body(format!("token={token}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("x-forwarded-for", forwarded_for).header("x-forwarded-proto", "https");
    request.send().await.expect("the server answers")
}

fn location(reply: &Response) -> &str {
    reply.headers()["location"].to_str().expect("it is text")
}

#[tokio::test]
async fn failed_logins_behind_a_trusted_proxy_block_only_their_own_client() {
    let server = TestServer::start_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".to_owned()]).await;
    for _ in 0..TOO_MANY {
        login(&server, "guess", "203.0.113.9").await;
    }
    let blocked = login(&server, TOKEN, "203.0.113.9").await;
    assert!(location(&blocked).contains("error=limited"), "{blocked:?}");
    let other = login(&server, TOKEN, "203.0.113.9, 198.51.100.7").await;
    assert!(!location(&other).contains("error"), "{other:?}");
    let cookie = other.headers()["set-cookie"].to_str().expect("it is text");
    assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Secure"), "the client uses HTTPS: {cookie}");
}

#[tokio::test]
async fn headers_of_an_unknown_proxy_are_ignored() {
    let server = TestServer::start_with(|config| config.trusted_proxies = vec!["192.0.2.1".to_owned()]).await;
    for attempt in 0..TOO_MANY {
        login(&server, "guess", &format!("203.0.113.{attempt}")).await;
    }
    let blocked = login(&server, TOKEN, "198.51.100.7").await;
    assert!(location(&blocked).contains("error=limited"), "a client cannot choose its address: {blocked:?}");
}

#[tokio::test]
async fn without_https_a_cookie_is_not_limited_to_https() {
    let server = TestServer::start().await;
    let reply = login(&server, TOKEN, "203.0.113.9").await;
    let cookie = reply.headers()["set-cookie"].to_str().expect("it is text");
    assert!(cookie.starts_with("tailwater_session_") && !cookie.contains("Secure"), "{cookie}");
}
