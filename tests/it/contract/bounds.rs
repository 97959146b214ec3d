//! The bounds of request members in `/api/openapi.json` are exactly those that the server enforces. The server's
//! constants are private to its modules, so this test sends values within and beyond each bound.

use std::collections::BTreeSet;

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::people::PASSWORD;
use crate::harness::workers::{RemoteWorker, id_of};
use crate::harness::{TOKEN, TestServer};

/// The number of characters or items in the large value that is sent for a member without a maximum.
const MANY: u64 = 20_000;

/// Members that this test skips, because the server validates their content and not only bounds: base64, positions in
/// the output, and the current password.
const CHECKED: [&str; 3] = ["raw", "chunks", "currentPassword"];

/// Members whose maximum depends on other members or on earlier requests.
const RELATIVE: [&str; 2] = ["batch", "suppressedBytes"];

/// Members that describe the range of a batch of output. The server checks them together.
const OF_RANGES: [&str; 4] = ["batch", "from", "to", "suppressedBytes"];

/// A request with a valid body.
struct Request {
    /// The method and the path template, as in `/api/openapi.json`.
    operation: &'static str,
    path: String,
    body: Value,
    token: String,
}

/// Returns a request for each operation that has a JSON body.
async fn requests(server: &TestServer) -> Vec<Request> {
    let worker = RemoteWorker::new(server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    // These jobs are for the claims below, which would otherwise wait for a job.
    for _ in 0..20 {
        server.submit_elsewhere(json!({})).await;
    }
    server.add_user("ada", Role::Admin).await;
    let ada = server.log_in("ada", PASSWORD).await;
    let created = server.create_token(&ada, json!({"name": "ada"})).await;
    let ada = created["token"].as_str().expect("a new token has a text").to_owned();
    let holder = json!({"workerId": "one", "leaseEpoch": 1});
    let of_holder = |members: Value| {
        let mut body = holder.clone();
        for (name, value) in members.as_object().expect("it is an object") {
            body[name] = value.clone();
        }
        body
    };
    let claim = json!({"workerId": "one", "leaseSeconds": 60, "allowedTypes": ["elsewhere"]});
    let bulk = json!({"action": "cancel", "filter": {"type": "nothing"}, "dryRun": true});
    let password = json!({"currentPassword": PASSWORD, "newPassword": PASSWORD});
    let user = json!({"name": "eve", "role": "viewer", "password": PASSWORD});
    let held = [
        ("heartbeat", of_holder(json!({"leaseSeconds": 60}))),
        ("events", of_holder(json!({"message": "x"}))),
        ("output", of_holder(json!({"chunks": []}))),
        ("complete", of_holder(json!({}))),
        ("fail", of_holder(json!({"errorMessage": "x"}))),
        ("cancel/ack", of_holder(json!({}))),
    ];
    let held = held.map(|(route, body)| Request {
        operation: match route {
            "heartbeat" => "POST /api/queue/jobs/{id}/heartbeat",
            "events" => "POST /api/queue/jobs/{id}/events",
            "output" => "POST /api/queue/jobs/{id}/output",
            "complete" => "POST /api/queue/jobs/{id}/complete",
            "fail" => "POST /api/queue/jobs/{id}/fail",
            _ => "POST /api/queue/jobs/{id}/cancel/ack",
        },
        path: format!("/jobs/{}/{route}", id_of(&job)),
        body,
        token: worker.token.clone(),
    });
    let (done, _) = server.api.run("true").await;
    let of = |operation, path: &str, body| Request { operation, path: path.to_owned(), body, token: TOKEN.to_owned() };
    let others = [
        of("POST /api/queue/jobs", "/jobs", json!({"type": "nothing"})),
        of("POST /api/queue/jobs/bulk", "/jobs/bulk", bulk),
        of("POST /api/queue/jobs/{id}/cancel", &format!("/jobs/{done}/cancel"), json!({})),
        of("POST /api/queue/jobs/{id}/resubmit", &format!("/jobs/{done}/resubmit"), json!({})),
        of("PUT /api/queue/pauses/{name}", "/pauses/type:nothing", json!({})),
        of("POST /api/queue/redact", "/redact", json!({"text": "x"})),
        of("PUT /api/queue/secrets/{name}", "/secrets/KEY", json!({"value": "x"})),
        of("POST /api/queue/users", "/users", user),
        of("PATCH /api/queue/users/{name}", "/users/eve", json!({})),
        of("POST /api/queue/users/{name}/login-link", "/users/ada/login-link", json!({})),
        of("POST /api/queue/tokens", "/tokens", json!({"name": "ci", "role": "worker"})),
        of("POST /api/queue/workers/tokens", "/workers/tokens", json!({"workerId": "ci"})),
        Request { token: ada, ..of("POST /api/queue/account/password", "/account/password", password) },
        Request { token: worker.token.clone(), ..of("POST /api/queue/jobs/claim", "/jobs/claim", claim) },
    ];
    others.into_iter().chain(held).collect()
}

/// A test value for a member, and whether it is within the documented bounds.
struct Probe {
    value: Value,
    is_within: bool,
}

fn text(length: u64) -> Value {
    json!("x".repeat(usize::try_from(length).expect("it fits into memory")))
}

fn items(count: u64, schema: &Value) -> Value {
    let is_text = schema["items"]["type"] == "string";
    (0..count).map(|index| if is_text { json!(format!("x{index}")) } else { json!({"message": "x"}) }).collect()
}

/// Returns values at and beyond the documented bounds of a member. If a bound is missing, returns an extreme value
/// instead. Returns nothing for members that are not plain strings, integers or arrays.
fn probes(schema: &Value) -> Vec<Probe> {
    let within = |value: Value| Probe { value, is_within: true };
    let beyond = |value: Value| Probe { value, is_within: false };
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    let number = |name: &str| schema[name].as_i64();
    let size = |name: &str| schema[name].as_u64();
    let mut probes = Vec::new();
    match kind {
        Some("string") if ["enum", "format", "pattern"].iter().all(|name| schema[*name].is_null()) => {
            match size("minLength") {
                Some(least) => probes.extend([within(text(least)), beyond(text(least.saturating_sub(1)))]),
                None => probes.push(within(text(0))),
            }
            match size("maxLength") {
                Some(most) => probes.extend([within(text(most)), beyond(text(most + 1))]),
                None => probes.push(within(text(MANY))),
            }
        }
        Some("integer") => {
            match number("minimum") {
                Some(least) => probes.extend([within(json!(least)), beyond(json!(least - 1))]),
                None => probes.push(within(json!(-1))),
            }
            match number("maximum") {
                Some(most) => probes.extend([within(json!(most)), beyond(json!(most + 1))]),
                None => probes.push(within(json!(i32::MAX))),
            }
        }
        Some("array") => match size("maxItems") {
            Some(most) => probes.extend([within(items(most, schema)), beyond(items(most + 1, schema))]),
            None => probes.push(within(items(MANY, schema))),
        },
        _ => {}
    }
    probes
}

#[tokio::test]
async fn the_bounds_in_the_description_of_the_api_are_those_of_the_server() {
    let server = TestServer::start().await;
    let base = &server.api.base;
    let document = server.api.client.get(format!("{base}/api/openapi.json")).bearer_auth(TOKEN);
    let document: Value = document.send().await.expect("the server answers").json().await.expect("it is JSON");
    let (mut described, mut checked, mut problems) = (BTreeSet::new(), 0, Vec::new());
    for (path, item) in document["paths"].as_object().expect("an object") {
        for (method, operation) in item.as_object().expect("an object") {
            if !operation["requestBody"]["content"]["application/json"].is_null() {
                described.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let requests = requests(&server).await;
    let listed: BTreeSet<String> = requests.iter().map(|request| request.operation.to_owned()).collect();
    assert_eq!(listed, described, "each operation with a JSON body has a request");
    for Request { operation, path, body, token } in &requests {
        let (method, template) = operation.split_once(' ').expect("an operation has a method");
        let described = &document["paths"][template][method.to_lowercase()]["requestBody"]["content"];
        let reference = described["application/json"]["schema"]["$ref"].as_str().expect("the schema has a name");
        let schema = document.pointer(&reference[1..]).expect("the schema exists");
        for (name, member) in schema["properties"].as_object().expect("the schema has members") {
            if CHECKED.contains(&name.as_str()) {
                continue;
            }
            let is_relative = RELATIVE.contains(&name.as_str());
            let has_maximum = |probe: &Probe| !is_relative || probe.value != json!(i32::MAX);
            for Probe { value, is_within } in probes(member).into_iter().filter(has_maximum) {
                let mut body = body.clone();
                let members = body.as_object_mut().expect("it is an object");
                if name == "events" || OF_RANGES.contains(&name.as_str()) {
                    members.remove("message");
                }
                if OF_RANGES.contains(&name.as_str()) {
                    members.extend(OF_RANGES.map(|name| (name.to_owned(), json!(i64::from(name == "batch")))));
                    members.insert("events".to_owned(), json!([]));
                }
                body[name] = value;
                let method: Method = method.parse().expect("it is a method");
                let request = server.api.client.request(method, format!("{base}/api/queue{path}")).bearer_auth(token);
                let reply = request.json(&body).send().await.expect("the server answers");
                let status = reply.status().as_u16();
                let reply: Value = reply.json().await.unwrap_or_default();
                let message = reply["detail"]["message"].as_str().unwrap_or_default();
                let is_refused = status == 422 && message.starts_with(name.as_str());
                if is_refused == is_within {
                    let value: String = body[name].to_string().chars().take(30).collect();
                    problems.push(format!("{operation}: {name} = {value}: {status} {message}, {member}"));
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "only {checked} values were checked");
    assert!(problems.is_empty(), "{problems:#?}");
}
