//! Sends requests that change something, or are refused, with secrets in every field that accepts a text.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tailwater::server::all_routes;

use crate::harness::{Api, TOKEN};

/// The names of members that the bodies of requests can have.
const MEMBERS: [&str; 36] = [
    "type",
    "priority",
    "payload",
    "affinityKey",
    "maxAttempts",
    "reason",
    "name",
    "role",
    "description",
    "expiresInDays",
    "workerId",
    "leaseSeconds",
    "leaseEpoch",
    "allowedTypes",
    "workerCapabilities",
    "claimId",
    "version",
    "hostname",
    "message",
    "summary",
    "events",
    "chunks",
    "text",
    "value",
    "password",
    "currentPassword",
    "newPassword",
    "action",
    "filter",
    "batch",
    "from",
    "allowedJobTypes",
    "allowedRepositories",
    "capabilities",
    "job",
    "id",
];

/// A text that makes the server panic if a request or a command contains it.
pub const PANIC: &str = "panic-here";

/// Collects the replies to requests.
pub struct Changes<'a> {
    api: &'a Api,
    /// Texts that contain secrets which the server masks everywhere.
    texts: &'a [String],
    pub replies: Vec<(String, Vec<u8>)>,
}

impl<'a> Changes<'a> {
    pub const fn new(api: &'a Api, texts: &'a [String]) -> Self {
        Self { api, texts, replies: Vec::new() }
    }

    /// Sends a request, and keeps the head and the body of the reply. Returns the status and the JSON body, if there is
    /// one. A request during which the server panics may have no reply.
    async fn send(&mut self, what: &str, request: RequestBuilder) -> Option<(u16, Value)> {
        let reply = request.send().await.ok()?;
        let (status, head) = (reply.status().as_u16(), format!("{:?}", reply.headers()).into_bytes());
        let body = reply.bytes().await.expect("the body arrives").to_vec();
        let value = serde_json::from_slice(&body).unwrap_or_default();
        self.replies.push((format!("head of {what}"), head));
        self.replies.push((what.to_owned(), body));
        Some((status, value))
    }

    async fn post(&mut self, path: &str, body: Value) -> Option<(u16, Value)> {
        let request = self.api.request(Method::POST, path).json(&body);
        self.send(&format!("POST {path} {body}"), request).await
    }

    /// Sends invalid requests to all routes that change something.
    pub async fn invalid(&mut self) {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let routes = all_routes();
        let routes = routes.iter().filter(|route| !matches!(route.method, Method::GET | Method::HEAD));
        for (index, route) in routes.enumerate() {
            let texts = self.texts;
            let text = |number: usize| texts[(index + number) % texts.len()].as_str();
            let request = |text: &str| {
                let name = percent(text);
                let id = "01890000-0000-7000-8000-000000000000";
                let path = route.path.replace("{id}", id).replace("{name}", &name).replace("{jobId}", id);
                client.request(route.method.clone(), format!("{}{path}", self.api.base)).bearer_auth(TOKEN)
            };
            let mut requests = Vec::new();
            // Each route receives a third of the members.
            for (number, member) in MEMBERS.into_iter().enumerate().skip(index % 3).step_by(3) {
                let text = text(number);
                requests.push(request(text).json(&json!({member: text})));
                if !route.path.starts_with("/api/") {
                    let form = format!("{member}={}", percent(text));
                    let form = request(text).body(form);
                    requests.push(form.header("content-type", "application/x-www-form-urlencoded"));
                }
            }
            for text in texts {
                requests.push(request(text).json(&json!(text)));
                requests.push(request(text).json(&json!({text.as_str(): text})));
            }
            requests.push(request(text(0)).header("content-type", "application/json").body(text(0).to_owned()));
            let what = format!("{} {}", route.method, route.path);
            for request in requests {
                self.send(&what, request).await;
            }
        }
    }

    /// Sends requests that the server accepts, or refuses only because of the secret in them. Returns the ids of the
    /// jobs.
    pub async fn valid(&mut self) -> Vec<String> {
        let token = self.worker_token().await;
        let mut ids = Vec::new();
        for text in self.texts {
            self.names(text).await;
            ids.extend(self.jobs(text).await);
            ids.push(self.work(text, &token).await);
        }
        ids
    }

    async fn worker_token(&mut self) -> String {
        let created = self.api.post("/tokens", &json!({"name": "of the test", "role": "worker"})).await;
        let created: Value = created.json().await.expect("the body is JSON");
        created["token"].as_str().unwrap_or_else(|| panic!("no token: {created}")).to_owned()
    }

    /// Uses a text as a name, as a description and as a reason.
    async fn names(&mut self, text: &str) {
        self.post("/tokens", json!({"name": text, "description": text})).await;
        self.post("/tokens", json!({"name": "x", "role": "worker", "capabilities": [text]})).await;
        let worker =
            json!({"workerId": text, "description": text, "allowedJobTypes": [text], "allowedRepositories": [text]});
        self.post("/workers/tokens", worker).await;
        self.post("/users", json!({"name": text, "role": "viewer", "password": text})).await;
        for target in ["type:never".to_owned(), format!("type:{text}")] {
            let path = format!("/pauses/{}", percent(&target));
            let request = self.api.request(Method::PUT, &path).json(&json!({"reason": text}));
            self.send("PUT /pauses", request).await;
        }
        let path = format!("/secrets/{}", percent(text));
        let request = self.api.request(Method::PUT, &path).json(&json!({"value": "a value of the test"}));
        self.send("PUT /secrets", request).await;
        self.post("/redact", json!({"text": text})).await;
        self.post("/jobs/bulk", json!({"action": "cancel", "filter": {"text": text}, "reason": text, "dryRun": true}))
            .await;
        let login =
            self.api.client.post(format!("{}/login", self.api.base)).header("user-agent", text.replace('\n', " "));
        let login = login.header("content-type", "application/x-www-form-urlencoded").body(format!("token={TOKEN}"));
        self.send("POST /login", login).await;
        let login = self.api.client.post(format!("{}/login", self.api.base));
        let login = login.header("content-type", "application/x-www-form-urlencoded");
        self.send("POST /login", login.body(format!("name={0}&password={0}", percent(text)))).await;
    }

    /// Submits jobs with a text in their fields, and changes them.
    async fn jobs(&mut self, text: &str) -> Vec<String> {
        let plain =
            json!({"type": "elsewhere", "affinityKey": text, "payload": {"repository": text, "concurrencyKey": text}});
        let (status, job) = self.post("/jobs", plain.clone()).await.expect("the server replies");
        assert_eq!(status, 201, "{job}");
        let id = job["id"].as_str().expect("a job has an id").to_owned();
        for refused in [
            json!({"type": text}),
            json!({"type": "elsewhere", "payload": {"requiredCapabilities": [text]}}),
            json!({"type": "command", "payload": {"run": "true", "env": {text: "x"}}}),
            json!({"type": "command", "payload": {"run": "true", "secrets": [text]}}),
            json!({"type": "command", "payload": {"run": "true", "workingDirectory": format!("../{text}")}}),
            json!({"type": "command", "payload": {"run": "true", "timeoutSeconds": text}}),
            json!({"type": "command", "payload": {"steps": [{"run": "true", "id": text}]}}),
        ] {
            self.post("/jobs", refused).await;
        }
        let key = text.replace('\n', " ");
        self.send("POST /jobs", self.api.request(Method::POST, "/jobs").header("idempotency-key", key).json(&plain))
            .await;
        self.post(&format!("/jobs/{id}/resubmit"), json!({"priority": 3, "payload": {"note": text, "title": text}}))
            .await;
        self.post(&format!("/jobs/{id}/resubmit"), json!({})).await;
        self.post(&format!("/jobs/{id}/cancel"), json!({"reason": text})).await;
        vec![id]
    }

    /// Runs a job as a worker on another machine that masks nothing. Returns the job's id.
    async fn work(&mut self, text: &str, token: &str) -> String {
        let id = self.api.submit_job(json!({"type": "for-worker", "payload": {}})).await;
        let (base, client) = (self.api.base.clone(), self.api.client.clone());
        let request = |path: &str| client.post(format!("{base}/api/queue/jobs{path}")).bearer_auth(token);
        let claim = json!({"workerId": text.replace('\n', " "), "leaseSeconds": 60, "allowedTypes": [text], "workerCapabilities": [text],
            "hostname": text.replace('\n', " "), "version": text.replace('\n', " ")});
        self.send("claim", request("/claim").json(&claim)).await;
        let mut named = claim.clone();
        named["claimId"] = json!(text);
        self.send("claim", request("/claim").json(&named)).await;
        let claim = json!({"workerId": "one", "leaseSeconds": 60, "allowedTypes": ["for-worker"]});
        let claimed = self.send("claim", request("/claim").json(&claim)).await.expect("the server replies").1;
        assert_eq!(claimed["job"]["id"], id.as_str(), "{claimed}");
        // The output is divided within the secret, after more bytes than may be shown.
        let output = format!("{text}\n{text}\n");
        let cut = text.len() + 1 + text.len() / 2;
        let log = |from: usize, to: usize| {
            let message = &output[from..to];
            let line = 1 + output[..from].matches('\n').count();
            json!({"message": message, "payload": {
                "kind": "log", "stream": "stdout", "stage": "execute", "stepId": "run", "stepIndex": 0, "attempt": 1,
                "offset": from, "bytes": message.len(), "line": line, "time": "2026-01-31T12:00:00.000000Z",
                "partial": !message.ends_with('\n'),
            }})
        };
        let note = json!({"message": text, "payload": {"kind": "note", "text": text, text: text}});
        for (batch, events) in [(1, vec![note, log(0, cut)]), (2, vec![log(cut, output.len())])] {
            let body = json!({"workerId": "one", "batch": batch, "events": events});
            let path = format!("/{id}/events");
            let (status, reply) = self.send("append", request(&path).json(&body)).await.expect("the server replies");
            assert_eq!(status, 201, "{reply}");
        }
        let part = reqwest::multipart::Part::bytes(b"content".as_slice()).file_name("x");
        let form = reqwest::multipart::Form::new().text("workerId", "one").text("name", text.to_owned());
        let form = form.text("contentType", format!("text/{text}")).part("file", part);
        // A name is a relative path, which a URL is not.
        if !text.contains("://") {
            self.send("upload", request(&format!("/{id}/artifacts/upload")).multipart(form)).await;
        }
        let fail = json!({"workerId": "one", "message": text, "retryable": false});
        self.send("fail", request(&format!("/{id}/fail")).json(&fail)).await;
        id
    }

    /// Makes the server panic while it handles requests with a text.
    pub async fn panics(&mut self, text: &str) {
        let text = format!("{PANIC} {text}");
        let waiting = self.api.submit_job(json!({"type": "elsewhere"})).await;
        let (status, _) = self.post("/redact", json!({"text": text})).await.expect("the server replies");
        assert_eq!(status, 500);
        let (status, _) =
            self.post("/jobs", json!({"type": "x", "affinityKey": text})).await.expect("the server replies");
        assert_eq!(status, 500);
        self.post(&format!("/jobs/{waiting}/cancel"), json!({"reason": text})).await;
    }
}

/// Encodes a text for use in a path or a form.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
