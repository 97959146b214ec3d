//! Starts a separate server for each test, and provides a client for its API.

pub mod cli;
pub mod form;
pub mod gate;
pub mod page;
pub mod people;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod sse;
pub mod store;
pub mod tcp;
mod watchdog;
pub mod worker_process;
pub mod workers;

use std::path::Path;
use std::time::{Duration, Instant};

use engine::cage::{CageSettings, JobData, StepLimits};
use engine::json::JsonDepth;
use engine::worker::{JobHome, Supervision};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tailwater::auth::FailedLoginLimits;
use tailwater::jobs_config::JobsConfig;
use tailwater::limits::Limits;
use tailwater::server::{Config, HeadLimits, Server};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The admin token of every test server.
pub const TOKEN: &str = "test-token-0123456789abcdef0123456789abcdef";

/// The maximum time that a test waits for a result before it fails. It is long because machines are shared, but a
/// passing test never waits this long.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The way in which the output of a test's jobs is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Pipes,
    Terminals,
}

impl Mode {
    /// Returns the submission, changed so that its job runs in this mode.
    pub fn of_job(self, mut job: Value) -> Value {
        if self == Self::Terminals && job["type"] == "command" {
            job["payload"]["terminal"] = json!(true);
        }
        job
    }
}

/// Defines two tests for each of the named functions, which have a [`Mode`] as their argument.
macro_rules! in_both_modes {
    ($($name:ident),+ $(,)?) => {
        mod with_pipes {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::harness::Mode::Pipes).await;
            })+
        }

        mod with_terminals {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::harness::Mode::Terminals).await;
            })+
        }
    };
}

pub(crate) use in_both_modes;

/// A server that runs in the test's own process.
pub struct TestServer {
    pub api: Api,
    pub data: TempDir,
    pub login_link: String,
    shutdown: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts a server with default settings.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server whose settings are the defaults, modified by `change`.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_over(tempfile::tempdir().expect("a temporary folder"), change).await
    }

    /// Starts a server with an existing data directory.
    pub async fn start_over(data: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(data.path());
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let server = Server::start(config, listener).await.expect("the server starts");
        let api = Api::new(format!("http://{}", server.address()));
        let login_link = server.login_link();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(server.run(shutdown.clone()));
        Self { api, data, login_link, shutdown, running: Some(running) }
    }

    /// Runs jobs that are submitted from now on in this mode.
    pub fn in_mode(mut self, mode: Mode) -> Self {
        self.api.mode = mode;
        self
    }

    /// Stops the server, waits until it has stopped, and returns its data directory.
    pub async fn stop(mut self) -> TempDir {
        self.shutdown.cancel();
        if let Some(running) = self.running.take() {
            running.await.expect("the server ends without a panic");
        }
        std::mem::replace(&mut self.data, tempfile::tempdir().expect("a temporary folder"))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Returns the default settings of a test server with the given data directory.
pub fn config(data_dir: &Path) -> Config {
    Config {
        data_dir: data_dir.to_owned(),
        site_root: None,
        embedded_site: None,
        admin_token: Some(TOKEN.into()),
        secrets_key: None,
        tls_cert: None,
        tls_key: None,
        allowed_hosts: Vec::new(),
        trusted_proxies: Vec::new(),
        proxy_user_header: None,
        proxy_groups_header: None,
        group_roles: Vec::new(),
        default_role: None,
        sso_session: Duration::from_hours(12),
        oidc_issuer: None,
        oidc_client_id: None,
        oidc_client_secret: None,
        oidc_client_secret_file: None,
        oidc_scopes: Vec::new(),
        oidc_user_claim: "preferred_username".into(),
        oidc_groups_claim: "groups".into(),
        oidc_name: "SSO".into(),
        jobs: JobsConfig {
            concurrency: 2,
            supervision: Supervision { program: process::PROGRAM.into(), file_limit: None },
            live_log_events: true,
            live_flush: Duration::from_millis(100),
            live_events_per_second: 50,
            live_event_bytes: 16 << 10,
            live_job_bytes: 1 << 30,
            // A slow shared machine must not cause gaps in any test.
            live_lag: Duration::from_hours(1),
            live_tail_bytes: 16 << 20,
            cancel_grace: Duration::from_secs(1),
            shutdown_grace: Duration::from_secs(1),
            output_limit: None,
            min_free_bytes: 0,
            artifact_file_bytes: 1 << 20,
            artifact_job_bytes: 4 << 20,
            input_bytes: 4 << 20,
            redact_values_file: None,
            redact_rules_file: None,
            mask_commands: true,
            job_home: JobHome::User,
            job_env: Vec::new(),
            cage: CageSettings {
                user: None,
                umask: "077".into(),
                no_new_privileges: true,
                landlock: true,
                data: JobData::Auto,
                limits: StepLimits::default(),
            },
            working_roots: Vec::new(),
            lease: Duration::from_mins(2),
        },
        head: HeadLimits::default(),
        body_bytes: 1 << 20,
        json_depth: JsonDepth::new(64),
        failed_logins: FailedLoginLimits::default(),
        connections: None,
        streams: 4096,
        streams_per_user: 2048,
        jobs_queued: 100_000,
        affinity_wait: Duration::from_secs(5),
        keep_days: 0,
        keep_jobs_days: 0,
        keep_bytes: None,
        limits: Limits::default(),
    }
}

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
        // The binary also contains a TLS client, so reqwest must know which cryptography provider to use.
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

    /// Reads all events of the job that match a filter such as `&kind=log`.
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

/// Returns the events of one kind.
pub fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["payload"]["kind"] == kind).collect()
}

/// Reconstructs `output.log` from an attempt's log events by writing every segment at its offset.
pub fn restore(events: &[Value], attempt: i64) -> Vec<u8> {
    let mut pieces = Vec::new();
    for event in of_kind(events, "log") {
        let payload = &event["payload"];
        if payload["attempt"] != attempt {
            continue;
        }
        let mut text = event["message"].as_str().expect("a message is text").as_bytes();
        let whole = json!([[payload["offset"], payload["bytes"], payload["line"]]]);
        let segments = if payload["segments"].is_null() { &whole } else { &payload["segments"] };
        for segment in segments.as_array().expect("segments are a list") {
            let (offset, bytes) = (number(&segment[0]), number(&segment[1]));
            let (piece, rest) = text.split_at(bytes);
            pieces.push((offset, piece.to_vec()));
            text = rest;
        }
        assert!(text.is_empty(), "the segments cover the text: {payload}");
    }
    pieces.sort();
    let mut output = Vec::new();
    for (offset, piece) in pieces {
        assert_eq!(offset, output.len(), "the segments are adjacent and do not overlap");
        output.extend(piece);
    }
    output
}

pub fn number(value: &Value) -> usize {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).expect("the value is a whole number")
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Waits until a condition is true.
pub async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is() {
        assert!(since.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a condition that is checked asynchronously is true.
pub async fn until_async(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is().await {
        assert!(since.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A small random number generator. It prints its seed, and uses the seed from `TAILWATER_SEED` if that is set, so that
/// a failure can be reproduced.
pub struct Random(fastrand::Rng);

impl Random {
    pub fn new(name: &str) -> Self {
        let given = std::env::var("TAILWATER_SEED").ok().map(|seed| seed.parse().expect("TAILWATER_SEED is a number"));
        let seed = given.unwrap_or_else(|| fastrand::u64(..));
        eprintln!("{name}: TAILWATER_SEED={seed}");
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Returns a number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }
}
