//! Sends random, mostly unusual submissions. No reply about an accepted submission contains its secrets.

use serde_json::{Value, json};

use super::{replies, send};
use crate::harness::{Random, TestServer};

/// Names of environment variables that look secret.
const NAMES: [&str; 6] = ["MY_TOKEN", "db_password", "AWS_SECRET_ACCESS_KEY", "API_KEY", "X_CREDENTIALS", "Token"];

/// The number of submissions in the test.
const CASES: usize = 80;

/// Generates submissions that contain the same few secrets in many places.
struct Maker {
    random: Random,
    secrets: Vec<String>,
}

impl Maker {
    fn new() -> Self {
        let mut random = Random::new("anywhere");
        let mut secrets: Vec<String> =
            (0..3).map(|_| format!("s3{:08x}{:08x}", random.below(1 << 31), random.below(1 << 31))).collect();
        // One secret is a prefix of another.
        secrets.push(format!("{}-more", secrets[0]));
        Self { random, secrets }
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.random.below(100) < percent
    }

    fn secret(&mut self) -> String {
        let at = self.random.below(self.secrets.len());
        self.secrets[at].clone()
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.random.below(NAMES.len())]
    }

    fn text(&mut self) -> String {
        format!("a {} b", self.secret())
    }

    /// Generates variables whose values include all secrets, so that the server has to mask the secrets everywhere.
    fn env(&mut self) -> Value {
        let mut env = json!({"NOTE": self.text()});
        for (index, secret) in self.secrets.clone().into_iter().enumerate() {
            env[format!("V{index}_{}", self.name())] = secret.into();
        }
        env
    }

    fn step(&mut self) -> Value {
        let (name, variable, secret) = (self.text(), self.name(), self.secret());
        let run = format!("echo \"${variable}\" {secret}; env; exit {}", self.random.below(2));
        let env = json!({variable: secret});
        if self.chance(10) {
            return json!([null, name, run, null, null, env, null, false]);
        }
        let mut step = json!({"name": name, "run": run, "env": env});
        if self.chance(10) {
            step["shell"] = self.text().into();
        }
        if self.chance(10) {
            step["workingDirectory"] = self.secret().into();
        }
        step
    }

    fn body(&mut self) -> String {
        let steps: Vec<Value> = (0..=self.random.below(2)).map(|_| self.step()).collect();
        let mut payload = json!({"title": self.text(), "env": self.env(), "artifacts": [self.secret()], "concurrencyKey": self.text()});
        let stage = ["steps", "prepare", "publish"][self.random.below(3)];
        payload[stage] = steps.into();
        if stage != "steps" {
            payload["run"] = "env".into();
        }
        if self.chance(5) {
            payload = json!([payload["title"], payload["env"], null, null, "env", null, null, null]);
        }
        let is_other = self.chance(30);
        if is_other && payload.is_object() {
            payload["deep"] =
                json!([{self.name(): {"x": [self.secret(), 7]}}, self.text(), {self.secret(): self.secret()}]);
        }
        let kind = if is_other { "elsewhere" } else { "command" };
        let job = json!({"type": kind, "affinityKey": self.text(), "payload": payload});
        if self.chance(5) {
            return json!([kind, 0, job["payload"], null, 1]).to_string();
        }
        let text = job.to_string();
        // Sometimes adds a second, empty `env` member. If several members have the same name, many parsers use only one
        // of them.
        if self.chance(10) { text.replacen("\"env\":", "\"env\":{},\"env\":", 1) } else { text }
    }
}

#[tokio::test]
async fn no_reply_about_a_random_submission_contains_a_secret_value() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 4).await;
    let mut maker = Maker::new();
    let mut accepted = 0;
    for _ in 0..CASES {
        let body = maker.body();
        let (status, reply) = send(&server.api, "/api/queue/jobs", &body).await;
        if status != 201 {
            assert_eq!(status, 422, "{body}: {reply}");
            continue;
        }
        accepted += 1;
        let job: Value = serde_json::from_str(&reply).expect("the body is JSON");
        let id = job["id"].as_str().expect("a job has an id");
        let mut said = reply.clone();
        if job["type"] == "elsewhere" {
            let reason = json!({"reason": maker.text()});
            said += &send(&server.api, &format!("/api/queue/jobs/{id}/cancel"), &reason.to_string()).await.1;
        }
        server.api.ended(id).await;
        said += &replies(&server, id).await;
        for secret in &maker.secrets {
            assert!(!said.contains(secret.as_str()), "{secret} of {body}");
        }
    }
    assert!(accepted > CASES / 4, "{accepted} were accepted");
}
