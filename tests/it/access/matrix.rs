//! Checks every route with every kind of sender, both with bearer tokens and with cookies. All requests refer to
//! existing objects. If the sender is allowed to send a request, the request must succeed.

use model::Role;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use super::objects::{OWNER, Objects};
use super::{Access, RULES};
use crate::harness::people::{PASSWORD, Proof, bearer, browser};
use crate::harness::workers::RemoteWorker;
use crate::harness::{PATIENCE, TOKEN, TestServer, tcp};

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

impl Objects {
    /// Returns the valid requests to a route. If the table below contains none, returns one request whose body is an
    /// empty object.
    fn requests(&self, method: &str, template: &str) -> Vec<ValidRequest> {
        let path = template.strip_prefix("/api/queue").unwrap_or(template);
        let get = |query: &str, status: u16, text: &str| ValidRequest {
            query: query.to_owned(),
            body: Value::Null,
            succeeds: Some(status),
            text: text.to_owned(),
        };
        let plain = |status: u16| vec![get("", status, "")];
        let with = |body: Value, status: u16| vec![ValidRequest { body, ..get("", status, "") }];
        let lease = json!({"workerId": "sender", "leaseEpoch": self.held["leaseEpoch"], "leaseSeconds": 600});
        let (output, job) = ("secret output", self.job.as_str());
        match (method, path) {
            // These respond with 404, because no provider is configured, and the job has no input.
            ("GET", "/login/oidc" | "/login/oidc/callback" | "/jobs/{id}/input") => plain(404),
            ("GET", "/events/stream") => vec![get("", 422, ""), get(&format!("?jobs={job}:0"), 200, output)],
            ("GET", "/jobs/stream") => vec![get("?after=0", 200, job)],
            ("GET", "/jobs" | "/jobs/{id}") => vec![get("", 200, job)],
            ("GET", "/jobs/{id}/log") => {
                vec![get("", 200, output), get("?follow=true", 200, output), get("?offset=0&bytes=1", 200, "s")]
            }
            ("GET", "/jobs/{id}/log/search") => vec![
                get("", 422, ""),
                get("?q=secret", 200, output),
                get("?q=secret&format=ndjson", 200, output),
                get("?q=secret&format=text", 200, output),
            ],
            ("GET", "/jobs/{id}/artifacts/{artifact}/preview") => plain(303),
            ("GET", "/jobs/{id}/artifacts") => vec![get("", 200, &self.artifact)],
            (
                "GET",
                "/jobs/{id}/events"
                | "/jobs/{id}/events/stream"
                | "/jobs/{id}/lines"
                | "/jobs/{id}/artifacts/{artifact}/download"
                | "/previews/{permission}/{*name}",
            ) => vec![get("", 200, output)],
            ("GET", "/secrets/{name}") => vec![get("", 200, &self.name)],
            ("GET", "/audit" | "/audit/export") => vec![get("", 200, "job.submit")],
            ("GET", _) => plain(200),
            ("DELETE", _) => plain(204),
            ("POST", "/jobs") => with(json!({"type": "nobody-runs-this"}), 201),
            ("POST", "/jobs/bulk") => with(json!({"action": "cancel", "filter": {"type": "unknown"}}), 200),
            ("POST", "/jobs/{id}/resubmit" | "/users/{name}/login-link") | ("PUT", "/pauses/{name}") => {
                with(json!({}), 201)
            }
            (
                "POST",
                "/jobs/{id}/cancel" | "/workers/{id}/drain" | "/workers/{id}/resume" | "/workers/tokens/{id}/revoke",
            ) => with(json!({}), 200),
            ("POST", "/redact") => with(json!({"text": "x"}), 200),
            ("POST", "/users") => {
                with(json!({"name": format!("new-{}", self.name), "role": "viewer", "password": PASSWORD}), 201)
            }
            ("PATCH", "/users/{name}") => with(json!({"disabled": true}), 200),
            ("POST", "/tokens") => with(json!({"name": "new"}), 201),
            ("POST", "/workers/tokens") => with(json!({"workerId": "new"}), 201),
            ("PUT", "/secrets/{name}") => with(json!({"value": "another-secret-value"}), 200),
            ("POST", "/jobs/claim") => {
                with(json!({"workerId": "sender", "leaseSeconds": 60, "allowedTypes": ["unknown"]}), 200)
            }
            ("POST", "/jobs/{id}/heartbeat" | "/jobs/{id}/complete") => with(lease, 200),
            _ => vec![ValidRequest { body: json!({}), succeeds: None, ..get("", 0, "") }],
        }
    }
}

/// A request that must succeed if its sender is allowed to send it.
struct ValidRequest {
    query: String,
    /// The JSON body, or null for none.
    body: Value,
    /// The status of the response if the sender is allowed to send the request. `None` means that the request is not
    /// valid. Only its credentials are then checked.
    succeeds: Option<u16>,
    /// Text that a successful response contains.
    text: String,
}

/// Returns the documented statuses of the responses of a route of the API.
fn documented(openapi: &Value, method: &str, template: &str) -> Vec<u16> {
    let responses = openapi["paths"][template][method.to_ascii_lowercase()]["responses"].as_object();
    let responses = responses.unwrap_or_else(|| panic!("{method} {template} is not documented"));
    responses.keys().map(|status| status.parse().expect("a status is a number")).collect()
}

/// Reads a response until it contains `text`. The response may be a stream that does not end.
async fn read_until(mut reply: Response, text: &str, what: &str) {
    let mut body = Vec::new();
    let read = async {
        while let Some(chunk) = reply.chunk().await.unwrap_or_else(|error| panic!("{what}: {error}")) {
            body.extend_from_slice(&chunk);
            if String::from_utf8_lossy(&body).contains(text) {
                return;
            }
        }
        panic!("{what}: {text:?} is missing in {:?}", String::from_utf8_lossy(&body));
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("{what}: {text:?} does not arrive"));
}

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

/// A cell of the matrix: a request to a route, its sender, and the rule of the route.
struct Cell<'a> {
    base: &'a str,
    openapi: &'a Value,
    rule: (&'a str, &'a str, Access),
    sender: Sender,
    proof: &'a Proof,
}

impl Cell<'_> {
    /// Returns whether the object of the request belongs to another user, so that it is hidden from the sender.
    fn is_hidden(&self) -> bool {
        let of_others = ["/api/queue/sessions/{id}", "/api/queue/tokens/{id}"];
        of_others.contains(&self.rule.1) && self.sender != Sender::Has(Role::Admin)
    }

    /// Sends a request, and checks that the response is what the route's access rule requires for this sender.
    async fn check(&self, client: &Client, path: &str, request: &ValidRequest) {
        let (method, template, access) = self.rule;
        let (sender, proof) = (self.sender, self.proof);
        let what = format!("{method} {path}{}: {access:?} {sender:?} {proof:?}", request.query);
        let url = format!("{}{path}{}", self.base, request.query);
        let mut sent = proof.add_to(client.request(method.parse().expect("it is a method"), url), self.base);
        if request.body != Value::Null {
            sent = sent.json(&request.body);
        }
        let reply = sent.send().await.expect("the server answers");
        let status = reply.status().as_u16();
        assert!(status < 500, "{what}: {status}");
        let location = reply.headers().get("location").map(|value| value.to_str().expect("ASCII").to_owned());
        let to_login = location.is_some_and(|location| location.starts_with("/login?next="));
        let required = match access {
            Access::Open => None,
            Access::Program(role) | Access::Page(role) => Some(role),
        };
        let is_page = matches!(access, Access::Page(_));
        let is_invalid_token = matches!(proof, Proof::Bearer(_)) && matches!(sender, Sender::Expired | Sender::Revoked);
        let is_allowed = match (required, sender) {
            // Even routes that require no credentials refuse an invalid token, so that a program notices its mistake.
            _ if is_invalid_token => false,
            (None, _) => true,
            (Some(required), Sender::Has(role)) => role.includes(required),
            (Some(_), _) => false,
        };
        if is_allowed {
            assert!(!matches!(status, 401 | 403) && !to_login, "{what}: {status}");
            let Some(mut expected) = request.succeeds else { return };
            if self.is_hidden() {
                expected = 404;
            }
            assert_eq!(status, expected, "{what}");
            if template.starts_with("/api/queue") {
                let documented = documented(self.openapi, method, template);
                assert!(documented.contains(&status), "{what}: {documented:?}");
            }
            if !request.text.is_empty() {
                read_until(reply, &request.text, &what).await;
            }
            return;
        }
        let text = reply.text().await.expect("the body arrives");
        assert!(!text.contains("secret output"), "{what}: {text}");
        let code = || serde_json::from_str(&text).map(|body: Value| body["detail"]["code"].clone()).unwrap_or_default();
        match sender {
            _ if is_invalid_token => assert_eq!((status, code()), (401, json!("auth_required")), "{what}"),
            Sender::Has(_) if is_page => {
                assert!(status == 403 && text.contains("data-testid=\"not-allowed\""), "{what}: {status} {text}");
            }
            Sender::Has(_) => {
                let for_workers = required == Some(Role::Worker);
                let expected = if for_workers { "worker_not_authorized" } else { "not_authorized" };
                assert_eq!((status, code()), (403, json!(expected)), "{what}");
            }
            _ if is_page => assert!(status == 303 && to_login, "{what}: {status}"),
            _ => assert_eq!((status, code()), (401, json!("auth_required")), "{what}"),
        }
    }
}

#[tokio::test]
async fn every_route_is_open_to_exactly_the_roles_that_it_requires() {
    // The limit on invalid tokens is raised, because this test sends many of them.
    let server = TestServer::start_with(|config| config.failed_logins.per_address = u32::MAX).await;
    let reply = browser().get(format!("{}/api/openapi.json", server.api.base)).bearer_auth(TOKEN).send().await;
    let openapi: Value = reply.expect("the server answers").json().await.expect("the body is JSON");
    let senders = senders(&server).await;
    server.add_user(OWNER, Role::Viewer).await;
    let client = browser();
    let (mut cells, mut succeeded) = (0, 0);
    for (number, (sender, proof)) in senders.iter().enumerate() {
        // Each sender has objects of its own, because some of the requests remove them.
        let worker = match proof {
            Proof::Bearer(token) if *sender == Sender::Has(Role::Worker) => {
                RemoteWorker::with_token(&server, "sender", token.clone())
            }
            _ => RemoteWorker::new(&server, "other").await,
        };
        let objects = Objects::new(&server, &format!("A{number}"), &worker).await;
        for rule in RULES {
            let cell = Cell { base: &server.api.base, openapi: &openapi, rule, sender: *sender, proof };
            for request in objects.requests(rule.0, rule.1) {
                cell.check(&client, &objects.fill(rule.1), &request).await;
                cells += 1;
                succeeded += usize::from(request.succeeds.is_some());
            }
        }
    }
    assert!(cells > 13 * RULES.len(), "only {cells} cells were checked");
    assert!(succeeded > 13 * 75, "only {succeeded} cells had a valid request");
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
