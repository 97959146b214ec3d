//! A response of the provider begins a session only if the login was started in the same browser, and if the provider
//! has signed its response for this server.

use serde_json::{Value, json};

use super::{ada, begin, finish, log_in, refused, session, start, users};
use crate::harness::provider::{CLIENT_ID, Forgery};

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
    // Some providers reuse the id of the previous key for a new key.
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
        // The previous attempt, with another cookie, has used up the `state`.
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
