//! A client for the API of a test server.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Mode, PATIENCE, TOKEN, sha256, watchdog};

/// An API client that authenticates with the admin token.
#[derive(Clone)]
pub struct Api {
    pub base: String,
    pub client: reqwest::Client,
    /// The mode of the jobs that [`Self::submit_job`] submits.
    pub mode: Mode,
}

impl Api {
    pub fn new(base: String) -> Self {
        // reqwest is built with its feature `rustls-no-provider`, so a cryptography provider has to be installed.
        rustls::crypto::ring::default_provider().install_default().ok();
        watchdog::watch();
        let client = reqwest::Client::builder().read_timeout(PATIENCE).build().expect("the TLS client is available");
        Self { base, client, mode: Mode::Pipes }
    }

    /// Creates an authenticated request. `path` is relative to `/api/queue`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/queue{path}", self.base)).bearer_auth(TOKEN)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("the server answers")
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.expect("the server answers")
    }

    /// Sends a GET request, checks that the status is 200, and returns the JSON body.
    pub async fn json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status(), 200, "{path}");
        reply.json().await.expect("the body is JSON")
    }

    /// Returns the number of open streams, including searches, that the server reports in its metrics.
    pub async fn open_streams(&self) -> u32 {
        let request = self.client.get(format!("{}/metrics", self.base)).bearer_auth(TOKEN);
        let text = request.send().await.expect("the server answers").text().await.expect("a body");
        let line = text.lines().find_map(|line| line.strip_prefix("tailwater_streams_open "));
        line.expect("the metric exists").parse().expect("it is a number")
    }

    /// Submits a job of type `command` and returns its id.
    pub async fn submit(&self, payload: Value) -> String {
        self.submit_job(json!({"type": "command", "payload": payload})).await
    }

    /// Submits a job and returns its id.
    pub async fn submit_job(&self, job: Value) -> String {
        let reply = self.post("/jobs", &self.mode.of_job(job)).await;
        let status = reply.status();
        let body: Value = reply.json().await.expect("the body is JSON");
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().expect("a job has an id").to_owned()
    }

    /// Submits a command, waits until its job has finished, and returns the id of the job and the job itself.
    pub async fn run(&self, command: &str) -> (String, Value) {
        let id = self.submit(json!({"run": command})).await;
        let job = self.ended(&id).await;
        (id, job)
    }

    pub async fn job(&self, id: &str) -> Value {
        self.json(&format!("/jobs/{id}")).await
    }

    /// Waits until the job has finished and returns it.
    pub async fn ended(&self, id: &str) -> Value {
        let over = |job: &Value| !matches!(job["status"].as_str(), Some("queued" | "running"));
        self.job_when(id, "finished", over).await
    }

    /// Waits until the job satisfies the predicate `is`, and returns the job.
    pub async fn job_when(&self, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let job = self.job(id).await;
            if is(&job) {
                return job;
            }
            assert!(since.elapsed() < PATIENCE, "job {id} never {what}: {job}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Reads the job's complete event log by polling, page by page.
    pub async fn events(&self, id: &str) -> Vec<Value> {
        self.events_with(id, "").await
    }

    /// Reads all events of the job that match a filter such as `&kind=log`. An empty filter matches all events.
    pub async fn events_with(&self, id: &str, filter: &str) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), 0);
        loop {
            let page = self.json(&format!("/jobs/{id}/events?after={after}&limit=500{filter}")).await;
            events.extend(page["items"].as_array().expect("a page has items").iter().cloned());
            after = page["nextAfter"].as_i64().expect("a page has a cursor");
            if page["hasMore"] == false {
                return events;
            }
        }
    }

    /// Waits until the events of the job satisfy the predicate `are`, and returns them.
    pub async fn events_when(&self, id: &str, what: &str, are: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let since = Instant::now();
        loop {
            let events = self.events(id).await;
            if are(&events) {
                return events;
            }
            assert!(since.elapsed() < PATIENCE, "the events of {id} never {what}: {events:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Downloads the log artifact of an attempt.
    pub async fn output(&self, id: &str, attempt: i64) -> Vec<u8> {
        let artifacts = self.json(&format!("/jobs/{id}/artifacts")).await;
        let items = artifacts["items"].as_array().expect("a page has items");
        let is_it = |item: &&Value| item["name"] == "logs/output.log" && item["attempt"] == attempt;
        let artifact = items.iter().find(is_it).expect("the attempt's log is an artifact");
        let id_of = artifact["id"].as_str().expect("an artifact has an id");
        let reply = self.get(&format!("/jobs/{id}/artifacts/{id_of}/download")).await;
        assert_eq!(reply.status(), 200);
        let bytes = reply.bytes().await.expect("the body arrives").to_vec();
        assert_eq!(artifact["sizeBytes"], bytes.len());
        assert_eq!(artifact["digest"], format!("sha256:{}", sha256(&bytes)));
        bytes
    }
}
