//! Simulates workers on other machines by sending their HTTP requests.

use model::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::people::Proof;
use super::{TestServer, until_async};

/// The type of the jobs for simulated workers. The embedded worker does not run them.
pub const KIND: &str = "elsewhere";

/// A simulated worker on another machine.
#[derive(Clone)]
pub struct RemoteWorker {
    pub base: String,
    pub client: reqwest::Client,
    pub token: String,
    pub name: &'static str,
}

impl RemoteWorker {
    /// Creates a worker with a token of its own.
    pub async fn new(server: &TestServer, name: &'static str) -> Self {
        let Proof::Bearer(token) = server.token(Role::Worker).await else { panic!("a token is a bearer token") };
        Self { base: server.api.base.clone(), client: server.api.client.clone(), token, name }
    }

    /// Returns another worker with the same token.
    pub fn named(&self, name: &'static str) -> Self {
        Self { name, ..self.clone() }
    }

    /// Creates a worker that uses an existing token.
    pub fn with_token(server: &TestServer, name: &'static str, token: String) -> Self {
        Self { base: server.api.base.clone(), client: server.api.client.clone(), token, name }
    }

    /// Creates a request. `path` is relative to `/api/queue/jobs`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/queue/jobs{path}", self.base)).bearer_auth(&self.token)
    }

    /// Posts a body to which the worker's name is added, and returns the status and the body of the reply.
    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let mut body = body;
        if body.get("workerId").is_none() {
            body["workerId"] = json!(self.name);
        }
        let reply = self.request(Method::POST, path).json(&body).send().await.expect("the server answers");
        (reply.status().as_u16(), reply.json().await.expect("the body is JSON"))
    }

    /// Posts a body, checks the status of the reply, and returns the body of the reply.
    pub async fn expect(&self, expected: u16, path: &str, body: Value) -> Value {
        let (status, reply) = self.post(path, body).await;
        assert_eq!(status, expected, "{path}: {reply}");
        reply
    }

    /// Posts a body, and checks that the request is refused with this status and code.
    pub async fn refused(&self, expected: (u16, &str), path: &str, body: Value) {
        let (status, reply) = self.post(path, body.clone()).await;
        assert_eq!((status, &reply["detail"]["code"]), (expected.0, &json!(expected.1)), "{path} {body}: {reply}");
        assert!(reply["detail"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{reply}");
    }

    /// Claims a job with a lease of a minute. Returns the job, or null if there is none.
    pub async fn claim(&self) -> Value {
        self.claim_with(json!({})).await
    }

    /// Like [`Self::claim`], but with additional members in the request.
    pub async fn claim_with(&self, members: Value) -> Value {
        let mut body = json!({"leaseSeconds": 60});
        for (name, value) in members.as_object().expect("it is an object") {
            body[name] = value.clone();
        }
        let reply = self.expect(200, "/claim", body).await;
        assert_eq!(reply.as_object().map(serde_json::Map::len), Some(1), "{reply}");
        reply["job"].clone()
    }
}

/// Returns the path of a job's route, relative to `/api/queue/jobs`.
pub fn of_job(job: &Value, route: &str) -> String {
    format!("/{}/{route}", id_of(job))
}

/// Returns the id of a job.
pub fn id_of(job: &Value) -> &str {
    job["id"].as_str().unwrap_or_else(|| panic!("a job was claimed: {job}"))
}

impl TestServer {
    /// Submits a job for simulated workers, with additional members in the submission.
    pub async fn submit_elsewhere(&self, members: Value) -> String {
        let mut job = json!({"type": KIND});
        for (name, value) in members.as_object().expect("it is an object") {
            job[name] = value.clone();
        }
        self.api.submit_job(job).await
    }

    /// Submits a job for simulated workers, and claims it as `worker`.
    pub async fn claimed(&self, worker: &RemoteWorker, members: Value) -> Value {
        let id = self.submit_elsewhere(members).await;
        let job = worker.claim_with(json!({"allowedTypes": [KIND]})).await;
        assert_eq!(job["id"], id.as_str(), "{job}");
        job
    }

    /// Waits until a worker with this name has requested a job.
    pub async fn until_seen(&self, name: &str) {
        until_async("a worker asks for a job", async || {
            let workers = self.api.json("/workers").await;
            workers["items"].as_array().is_some_and(|items| items.iter().any(|worker| worker["name"] == name))
        })
        .await;
    }

    /// Ends the back-off of all waiting jobs.
    pub async fn skip_back_off(&self) {
        self.execute("update jobs set next_attempt_at = null").await;
    }
}
