//! The JSON bodies of requests: a valid one for each operation, and the members that `/api/openapi.json` describes,
//! including those of nested objects and of the items of lists.

use std::collections::BTreeSet;

use model::Role;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::people::PASSWORD;
use crate::harness::workers::{RemoteWorker, id_of};
use crate::harness::{TOKEN, TestServer};

/// Members that describe the range of a batch of output, and are sent together.
const OF_RANGES: [&str; 4] = ["batch", "from", "to", "suppressedBytes"];

/// A request with a valid body.
pub struct BodyRequest {
    /// The method and the path in the description.
    pub operation: &'static str,
    path: String,
    body: Value,
    token: String,
}

/// Returns a request for each operation that has a JSON body. There are two requests that submit jobs; the second one
/// submits a command. No worker runs these jobs.
pub async fn requests(server: &TestServer) -> Vec<BodyRequest> {
    let worker = RemoteWorker::new(server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    // Claims that are allowed to wait receive one of these jobs at once.
    for _ in 0..60 {
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
    let held = held.map(|(route, body)| BodyRequest {
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
    let pausing = server.api.request(Method::PUT, "/pauses/type:command").send().await;
    assert_eq!(pausing.expect("the server answers").status(), 201);
    let command = json!({"type": "command", "payload": {"run": "true", "concurrencyKey": "one"}});
    let of =
        |operation, path: &str, body| BodyRequest { operation, path: path.to_owned(), body, token: TOKEN.to_owned() };
    let others = [
        of("POST /api/queue/jobs", "/jobs", json!({"type": "nothing"})),
        of("POST /api/queue/jobs", "/jobs", command),
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
        BodyRequest { token: ada, ..of("POST /api/queue/account/password", "/account/password", password) },
        BodyRequest { token: worker.token.clone(), ..of("POST /api/queue/jobs/claim", "/jobs/claim", claim) },
    ];
    others.into_iter().chain(held).collect()
}

/// A member of a body that the description contains.
pub struct BodyMember {
    /// The path of the member: the names of the members that contain it, followed by its own name. [`ITEM`] stands for
    /// the first item of a list.
    path: Vec<String>,
    /// The schema, with its alternatives and references resolved.
    pub schema: Value,
    pub is_required: bool,
    pub is_nullable: bool,
}

/// What a member is replaced with.
pub enum Sent {
    Value(Value),
    Nothing,
}

/// The response to a request.
pub struct Answer {
    pub status: u16,
    pub message: String,
}

impl BodyMember {
    /// Returns the path as it appears in error messages, such as `payload.steps[0].run`.
    pub fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.path {
            let dot = if name.is_empty() || step == ITEM { "" } else { "." };
            name = format!("{name}{dot}{step}");
        }
        name
    }

    /// Returns whether an error is about this member or its content.
    pub fn is_blamed_by(&self, answer: &Answer) -> bool {
        let rest = answer.message.strip_prefix(&self.name());
        answer.status == 422 && rest.is_some_and(|rest| rest.starts_with([':', '.', '[']))
    }
}

/// The step of a path that leads to the first item of a list.
const ITEM: &str = "[0]";

/// The served description.
pub struct Description(Value);

impl Description {
    pub async fn of(server: &TestServer) -> Self {
        let reply = server.api.client.get(format!("{}/api/openapi.json", server.api.base)).bearer_auth(TOKEN);
        Self(reply.send().await.expect("the server answers").json().await.expect("it is JSON"))
    }

    /// Returns the operations that have a JSON body.
    pub fn operations_with_bodies(&self) -> BTreeSet<String> {
        let paths = self.0["paths"].as_object().expect("an object").iter();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().expect("an object").iter();
            methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
        });
        let with_body = operations.filter(|(_, of)| !of["requestBody"]["content"]["application/json"].is_null());
        with_body.map(|(name, _)| name).collect()
    }

    /// Returns all members of the body of a request.
    pub fn members(&self, request: &BodyRequest) -> Vec<BodyMember> {
        let (method, template) = request.operation.split_once(' ').expect("an operation has a method");
        let content = &self.0["paths"][template][method.to_lowercase()]["requestBody"]["content"];
        let mut members = Vec::new();
        // Only the second request that submits a job submits a command. Payloads of other jobs are not described.
        let is_command = request.body["type"] == "command";
        self.add_members(
            &[],
            &self.resolved(&content["application/json"]["schema"], is_command).0,
            is_command,
            &mut members,
        );
        assert!(!members.is_empty(), "the body of {} has no members", request.operation);
        members
    }

    fn add_members(&self, path: &[String], schema: &Value, is_command: bool, members: &mut Vec<BodyMember>) {
        if schema["type"] == "array" || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("array"))) {
            let path = [path, &[ITEM.to_owned()]].concat();
            return self.add_members(&path, &self.resolved(&schema["items"], is_command).0, is_command, members);
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let path = [path, std::slice::from_ref(name)].concat();
            let is_required = schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
            let (schema, is_nullable) = self.resolved(member, is_command);
            members.push(BodyMember { path: path.clone(), schema: schema.clone(), is_required, is_nullable });
            self.add_members(&path, &schema, is_command, members);
        }
    }

    /// Resolves a schema by following references. If exactly one alternative besides null is permitted, also follows
    /// that alternative. If `is_command` is true, a job's payload is resolved to the alternative for commands. Also
    /// returns whether null is permitted.
    fn resolved(&self, schema: &Value, is_command: bool) -> (Value, bool) {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolved(self.0.pointer(&reference[1..]).expect("the schema exists"), is_command);
        }
        let Some(all) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) else {
            let is_nullable = match &schema["type"] {
                Value::Array(kinds) => kinds.contains(&json!("null")),
                kind => kind.is_null() || kind == "null",
            };
            return (schema.clone(), is_nullable);
        };
        let (nulls, others): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|one| one["type"] == "null");
        let of_command = others
            .iter()
            .find(|one| is_command && one["$ref"].as_str().is_some_and(|name| name.ends_with("/CommandPayload")));
        match (of_command, others.as_slice()) {
            (Some(one), _) | (None, [one]) => {
                let (schema, is_nullable) = self.resolved(one, is_command);
                (schema, is_nullable || !nulls.is_empty())
            }
            (None, _) => (json!({"type": "object"}), !nulls.is_empty()),
        }
    }

    /// Returns a minimal value for a schema, with only the required members.
    pub fn least(&self, schema: &Value) -> Value {
        let (schema, _) = self.resolved(schema, false);
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => {
                let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let members = names.map(|name| (name.to_owned(), self.least(&schema["properties"][name])));
                Value::Object(members.collect())
            }
            Some("array") => json!([]),
            Some("integer") => schema["minimum"].as_i64().unwrap_or(0).into(),
            Some("boolean") => false.into(),
            _ => schema["enum"].get(0).cloned().unwrap_or_else(|| json!("x")),
        }
    }
}

impl BodyRequest {
    /// Sends the request with a member replaced.
    pub async fn send(
        &self,
        server: &TestServer,
        description: &Description,
        member: &BodyMember,
        sent: &Sent,
    ) -> Answer {
        let body = self.body_with(description, member, sent);
        let (method, _) = self.operation.split_once(' ').expect("an operation has a method");
        let method: Method = method.parse().expect("it is a method");
        let url = format!("{}/api/queue{}", server.api.base, self.path);
        let reply = server.api.client.request(method, url).bearer_auth(&self.token).json(&body).send().await;
        let reply = reply.expect("the server answers");
        let status = reply.status().as_u16();
        let reply: Value = reply.json().await.unwrap_or_default();
        Answer { status, message: reply["detail"]["message"].as_str().unwrap_or_default().to_owned() }
    }

    fn body_with(&self, description: &Description, member: &BodyMember, sent: &Sent) -> Value {
        let mut body = self.body.clone();
        let members = body.as_object_mut().expect("it is an object");
        let is_range = OF_RANGES.contains(&member.path[0].as_str());
        if member.path[0] == "events" || is_range {
            members.remove("message");
        }
        if is_range {
            members.extend(OF_RANGES.map(|name| (name.to_owned(), json!(i64::from(name == "batch")))));
            members.insert("events".to_owned(), json!([]));
        }
        if member.path[0] == "payload" && member.path.get(1).is_some_and(|name| name == "steps") {
            members["payload"].as_object_mut().expect("it is an object").remove("run");
        }
        let (name, parents) = member.path.split_last().expect("a member has a name");
        let all = description.members(self);
        let mut place = &mut body;
        for (depth, step) in parents.iter().enumerate() {
            let is_list = parents.get(depth + 1).is_some_and(|next| next == ITEM);
            if step == ITEM {
                let items = place.as_array_mut().expect("it is a list");
                if items.is_empty() {
                    let of = all.iter().find(|known| known.path == parents[..depth]).expect("the list is a member");
                    items.push(description.least(&of.schema["items"]));
                }
                place = &mut items[0];
                continue;
            }
            let members = place.as_object_mut().expect("it is an object");
            place = members.entry(step).or_insert_with(|| {
                let of = all.iter().find(|known| known.path == parents[..=depth]).expect("the object is a member");
                if is_list { json!([]) } else { description.least(&of.schema) }
            });
        }
        let members: &mut Map<String, Value> = place.as_object_mut().expect("it is an object");
        match sent {
            Sent::Value(value) => drop(members.insert(name.clone(), value.clone())),
            Sent::Nothing => drop(members.remove(name)),
        }
        body
    }
}
