//! Checks every route with every kind of sender, both with bearer tokens and with cookies.

use model::Role;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::{Access, RULES, filled, job_with_artifact};
use crate::harness::people::{PASSWORD, Proof, bearer, browser};
use crate::harness::{TOKEN, TestServer, tcp};

/// The sender of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// Nobody is logged in.
    Nobody,
    /// A person or a program with this role.
    Has(Role),
    /// The session or the token was valid, and has expired.
    Expired,
    /// The session was ended, or the token was revoked.
    Revoked,
}

/// Routes that are requested both without and with this query. They succeed, open a stream or send a whole file only
/// with the query.
const WITH_PARAMETERS: [(&str, &str); 5] = [
    ("/api/queue/events/stream", "?jobs={id}:0"),
    ("/api/queue/jobs/{id}/log", "?follow=true"),
    ("/api/queue/jobs/{id}/log", "?offset=0&bytes=1"),
    ("/api/queue/jobs/{id}/log/search", "?q=secret&format=ndjson"),
    ("/api/queue/jobs/{id}/log/search", "?q=secret&format=text"),
];

/// Creates the senders. The expired and revoked credentials had the role `admin`.
async fn senders(server: &TestServer) -> Vec<(Sender, Proof)> {
    let mut senders = vec![(Sender::Nobody, Proof::Nothing), (Sender::Has(Role::Admin), Proof::Bearer(TOKEN.into()))];
    for role in Role::OF_PEOPLE {
        server.add_user(role.as_str().replace("admin", "ada").as_str(), role).await;
    }
    for (name, sender) in [("expired", Sender::Expired), ("revoked", Sender::Revoked)] {
        server.add_user(name, Role::Admin).await;
        let session = server.log_in(name, PASSWORD).await;
        let token = server.create_token(&session, json!({"name": name})).await;
        senders.push((sender, bearer(&token)));
        senders.push((sender, session));
    }
    server
        .execute("update sessions set expires_at = 1 where user_id = (select id from users where name = 'expired')")
        .await;
    server.execute("update tokens set expires_at = 1 where name = 'expired'").await;
    for kind in ["sessions", "tokens"] {
        let list = server.api.json(&format!("/{kind}?user=revoked")).await;
        let id = list["items"][0]["id"].as_str().expect("it has an id").to_owned();
        let reply = server.api.request(Method::DELETE, &format!("/{kind}/{id}")).send().await;
        assert_eq!(reply.expect("the server answers").status(), 204);
    }
    for role in Role::ALL {
        senders.push((Sender::Has(role), server.token(role).await));
    }
    for role in Role::OF_PEOPLE {
        let name = role.as_str().replace("admin", "ada");
        senders.push((Sender::Has(role), server.log_in(&name, PASSWORD).await));
    }
    senders
}

/// Sends one request, and checks that the response is the one that the route's access rule requires for this sender.
async fn check(
    client: &Client,
    base: &str,
    (method, path): (&str, &str),
    access: Access,
    sender: Sender,
    proof: &Proof,
) {
    let what = format!("{method} {path}: {access:?} {sender:?} {proof:?}");
    let method: Method = method.parse().expect("it is a method");
    let mut request = proof.add_to(client.request(method.clone(), format!("{base}{path}")), base);
    if method != Method::GET {
        request = request.json(&json!({}));
    }
    let reply = request.send().await.expect("the server answers");
    let status = reply.status().as_u16();
    let location = reply.headers().get("location").map(|value| value.to_str().expect("ASCII").to_owned());
    let code = async |reply: reqwest::Response| {
        let body: Value = reply.json().await.expect("an error is JSON");
        body["detail"]["code"].as_str().expect("an error has a code").to_owned()
    };
    let required = match access {
        Access::Open => None,
        Access::Program(role) | Access::Page(role) => Some(role),
    };
    let is_page = matches!(access, Access::Page(_));
    let is_invalid_token = matches!(proof, Proof::Bearer(_)) && matches!(sender, Sender::Expired | Sender::Revoked);
    match (required, sender) {
        // Even open routes refuse an invalid token, so that a program notices its mistake.
        _ if is_invalid_token => assert_eq!((status, code(reply).await.as_str()), (401, "auth_required"), "{what}"),
        (None, _) => assert!(!matches!(status, 401 | 403), "{what}: {status}"),
        (Some(required), Sender::Has(role)) if role.includes(required) => {
            assert!(!matches!(status, 401 | 403), "{what}: {status}");
            assert!(!location.is_some_and(|location| location.starts_with("/login")) || path == "/logout", "{what}");
        }
        (Some(_), Sender::Has(_)) if is_page => {
            let html = reply.text().await.expect("the body arrives");
            assert!(status == 403 && html.contains("data-testid=\"not-allowed\""), "{what}: {status} {html}");
        }
        (Some(required), Sender::Has(_)) => {
            let expected = if required == Role::Worker { "worker_not_authorized" } else { "not_authorized" };
            assert_eq!((status, code(reply).await.as_str()), (403, expected), "{what}");
        }
        (Some(_), _) if is_page => {
            let is_login = location.is_some_and(|location| location.starts_with("/login?next="));
            assert!(status == 303 && is_login, "{what}: {status}");
        }
        (Some(_), _) => assert_eq!((status, code(reply).await.as_str()), (401, "auth_required"), "{what}"),
    }
}

#[tokio::test]
async fn every_route_is_open_to_exactly_the_roles_that_it_requires() {
    // The limit on invalid tokens is raised, because this test sends many of them.
    let server = TestServer::start_with(|config| config.failed_logins.per_address = u32::MAX).await;
    let (job, artifact) = job_with_artifact(&server).await;
    let senders = senders(&server).await;
    let client = browser();
    let mut cells = 0;
    for (sender, proof) in &senders {
        for (method, template, access) in RULES {
            let further = WITH_PARAMETERS.iter().filter(|(route, _)| *route == template).map(|(_, query)| *query);
            for query in std::iter::once("").chain(further) {
                let path = format!("{}{}", filled(template, &job, &artifact), query.replace("{id}", &job));
                check(&client, &server.api.base, (method, &path), access, *sender, proof).await;
                cells += 1;
            }
        }
    }
    assert!(cells > 13 * RULES.len(), "only {cells} cells were checked");
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_to_a_page_that_the_role_does_not_permit() {
    let server = TestServer::start().await;
    server.add_user("somebody-secret", Role::Admin).await;
    let viewer = server.token(Role::Viewer).await;
    for path in [
        "/people/",
        "//people",
        "/people//",
        "/./people",
        "/%70eople",
        "/people%2f",
        "/pkg/../people",
        "/pkg/%2e%2e/people",
        "/tasks/queue/../../people",
        "/tasks/%2e%2e/people",
        "/People",
        "/people?x=/account",
        "/rpc/people",
        "/rpc/people/",
        "//rpc/people",
        "/rpc/%70eople",
        "/api/queue/users/",
        "/api/queue//users",
    ] {
        for method in ["GET", "POST"] {
            let authorization = match &viewer {
                Proof::Bearer(token) => format!("Authorization: Bearer {token}\r\nContent-Length: 0\r\n"),
                other => panic!("{other:?} is not a token"),
            };
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{authorization}\r\n");
            let bytes = tcp::exchange(&server.api.base, request.as_bytes(), tcp::Sending::Goes).await;
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("somebody-secret"), "{method} {path}: {text}");
            assert!(!text.starts_with("HTTP/1.1 2") || method == "GET", "{method} {path}: {text}");
        }
    }
}
