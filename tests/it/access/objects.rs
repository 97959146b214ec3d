//! The objects to which the requests of a sender refer.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::job_with_artifact;
use crate::harness::people::{PASSWORD, Proof, bearer, browser};
use crate::harness::workers::{KIND, RemoteWorker, id_of};
use crate::harness::{TOKEN, TestServer};

/// The user whose session and token are among the objects.
pub(super) const OWNER: &str = "owner";

/// One object of each kind to which a request can refer.
pub(super) struct Objects {
    /// A finished job, whose output is `secret output`.
    pub(super) job: String,
    /// The artifact with the output of the job.
    pub(super) artifact: String,
    /// The address of a preview of the artifact.
    preview: String,
    /// A job that no worker has claimed yet.
    waiting: String,
    /// A job that a worker has claimed and not finished.
    pub(super) held: Value,
    /// The id of the worker that has claimed the job.
    worker: String,
    /// The name of both a user and a secret.
    pub(super) name: String,
    /// The session of the owner, and its id.
    pub(super) session: (Proof, String),
    /// A token of the owner, and its id.
    pub(super) token: (Proof, String),
    /// The id of a worker's token.
    worker_token: String,
}

impl Objects {
    /// Creates the objects. `name` is the name of a new user and of a new secret. `worker` claims the job
    /// [`Self::held`]. The user [`OWNER`] must exist.
    pub(super) async fn new(server: &TestServer, name: &str, worker: &RemoteWorker) -> Self {
        let api = &server.api;
        let (job, artifact) = job_with_artifact(server).await;
        let preview = format!("{}/api/queue/jobs/{job}/artifacts/{artifact}/preview", api.base);
        let preview = browser().get(preview).bearer_auth(TOKEN).send().await.expect("the server answers");
        let preview = preview.headers()["location"].to_str().expect("ASCII").to_owned();
        server.add_user(name, Role::Viewer).await;
        let secret = api.request(Method::PUT, &format!("/secrets/{name}")).json(&json!({"value": "a-secret-value"}));
        assert_eq!(secret.send().await.expect("the server answers").status(), 201);
        let owner = server.log_in(OWNER, PASSWORD).await;
        let token = server.create_token(&owner, json!({"name": "test"})).await;
        let admin = Proof::Bearer(TOKEN.into());
        let worker_token = server.create_token(&admin, json!({"name": "test", "role": "worker"})).await;
        server.submit_elsewhere(json!({})).await;
        let held = worker.claim_with(json!({"allowedTypes": [KIND], "leaseSeconds": 86_400})).await;
        let workers = api.json("/workers").await;
        let seen = workers["items"].as_array().and_then(|all| all.iter().find(|seen| seen["name"] == worker.name));
        Self {
            job,
            artifact,
            preview,
            waiting: server.submit_elsewhere(json!({"type": "nobody-runs-this"})).await,
            held,
            worker: id(seen.expect("the worker is listed")),
            name: name.to_owned(),
            session: (owner, id(&api.json(&format!("/sessions?user={OWNER}")).await["items"][0])),
            token: (bearer(&token), id(&token)),
            worker_token: id(&worker_token),
        }
    }

    /// Fills in the parameters of a path template.
    pub(super) fn fill(&self, template: &str) -> String {
        let held = || id_of(&self.held);
        let id: &str = match template.strip_prefix("/api/queue").unwrap_or_default() {
            "/jobs/{id}/cancel" => &self.waiting,
            "/sessions/{id}" => &self.session.1,
            "/tokens/{id}" => &self.token.1,
            "/workers/tokens/{id}/revoke" => &self.worker_token,
            "/workers/{id}/drain" | "/workers/{id}/resume" => &self.worker,
            "/jobs/{id}/artifacts/upload" | "/jobs/{id}/cancel/ack" => held(),
            path => match path.strip_prefix("/jobs/{id}/") {
                Some("heartbeat" | "output" | "input" | "complete" | "fail") => held(),
                _ => &self.job,
            },
        };
        let name: &str = if template.contains("/pauses/") { "type:paused" } else { &self.name };
        let path = template.replace("/previews/{permission}/{*name}", &self.preview);
        let path = path.replace("{id}", id).replace("{jobId}", &self.job).replace("{artifact}", &self.artifact);
        path.replace("{name}", name)
    }
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("{object} has no id")).to_owned()
}
