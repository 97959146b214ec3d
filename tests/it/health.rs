//! Monitoring endpoints report whether the server is alive and ready, and return its metrics.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::harness::gate::Gate;
use crate::harness::sse::Stream;
use crate::harness::{Api, TOKEN, TestServer, tcp, until_async};

async fn get(api: &Api, path: &str) -> Response {
    let request = api.client.get(format!("{}{path}", api.base)).bearer_auth(TOKEN);
    request.send().await.expect("the server answers")
}

/// The text of `/metrics`.
struct Metrics(String);

impl Metrics {
    async fn of(api: &Api) -> Self {
        let reply = get(api, "/metrics").await;
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], "text/plain; version=0.0.4");
        Self(reply.text().await.expect("the body arrives"))
    }

    /// Returns the value of a sample, or `None` if it is missing. `sample` is the sample's name with its labels, as in
    /// the text.
    fn value(&self, sample: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.map(|value| value.parse().expect("a sample's value is a number"))
    }
}

#[tokio::test]
async fn readyz_and_metrics_require_a_token() {
    let server = TestServer::start().await;
    assert_eq!(get(&server.api, "/readyz").await.text().await.expect("the body arrives"), "ready\n");
    for path in ["/readyz", "/metrics"] {
        let reply = tcp::get(&server.api.base, path, "").await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "auth_required"), "{path}");
    }
}

#[tokio::test]
async fn a_server_whose_disk_is_nearly_full_is_not_ready_and_starts_no_jobs() {
    let server = TestServer::start_with(|config| config.jobs.min_free_bytes = u64::MAX).await;
    let id = server.api.submit(json!({"run": "true"})).await;
    until_async("the server is not ready", async || get(&server.api, "/readyz").await.status() == 503).await;
    let body: Value = get(&server.api, "/readyz").await.json().await.expect("an error is JSON");
    assert_eq!(body["detail"]["code"], "disk_low");
    assert_eq!(server.api.job(&id).await["status"], "queued");
}

#[tokio::test]
async fn a_server_whose_database_is_locked_is_alive_but_not_ready() {
    let server = TestServer::start().await;
    let path = server.data.path().join("tailwater.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut other = options.connect().await.expect("the database exists");
    other.execute("begin immediate").await.expect("no other writer holds the lock");
    let reply = get(&server.api, "/readyz").await;
    assert_eq!(reply.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.headers().contains_key("retry-after"));
    let body: Value = reply.json().await.expect("an error is JSON");
    assert_eq!(body["detail"]["code"], "store_unavailable");
    assert_eq!(get(&server.api, "/healthz").await.status(), 200);
    other.execute("rollback").await.expect("the transaction was open");
    other.close().await.expect("the transaction was open");
    until_async("the server is ready again", async || get(&server.api, "/readyz").await.status() == 200).await;
}

#[tokio::test]
async fn metrics_count_the_output_and_results_of_jobs() {
    let server = TestServer::start().await;
    let secret = "secret-0123456789abcdef";
    let payload = json!({"run": "echo $DEPLOY_TOKEN; echo $DEPLOY_TOKEN", "env": {"DEPLOY_TOKEN": secret}});
    let id = server.api.submit(payload).await;
    server.api.ended(&id).await;
    server.api.run("exit 3").await;
    let events = server.api.events(&id).await.len();
    let metrics = Metrics::of(&server.api).await;
    for (sample, expected) in [
        ("tailwater_jobs_finished_total{status=\"succeeded\"}", 1.0),
        ("tailwater_jobs_finished_total{status=\"failed\"}", 1.0),
        ("tailwater_jobs_finished_total{status=\"cancelled\"}", 0.0),
        ("tailwater_job_duration_seconds_count{status=\"succeeded\"}", 1.0),
        ("tailwater_redactions_total", 2.0),
        ("tailwater_jobs{status=\"queued\"}", 0.0),
        ("tailwater_jobs{status=\"running\"}", 0.0),
        ("tailwater_shipper_lag_bytes", 0.0),
        ("tailwater_http_requests_total{method=\"POST\",route=\"/api/queue/jobs\",status=\"201\"}", 2.0),
    ] {
        assert_eq!(metrics.value(sample), Some(expected), "{sample} in {}", metrics.0);
    }
    for (sample, least) in [
        ("tailwater_events_appended_total", events),
        ("tailwater_event_bytes_appended_total", 2 * "[REDACTED]\n".len()),
        ("tailwater_append_duration_seconds_count", 1),
        ("tailwater_commit_duration_seconds_count", 4),
        ("tailwater_spool_bytes", 1),
        ("tailwater_database_bytes{file=\"wal\"}", 4096),
        ("tailwater_disk_free_bytes", 1),
    ] {
        let least = f64::from(u32::try_from(least).expect("the number is small"));
        assert!(metrics.value(sample).is_some_and(|value| value >= least), "{sample} in {}", metrics.0);
    }
    assert!(!metrics.0.contains(secret) && !metrics.0.contains(&id));
}

#[tokio::test]
async fn metrics_show_the_current_load() {
    let (server, gate) = (TestServer::start_with(|config| config.jobs.concurrency = 1).await, Gate::new());
    let id = server.api.submit(json!({"run": gate.wait()})).await;
    server.api.job_when(&id, "runs", |job| job["status"] == "running").await;
    server.api.submit(json!({"run": "true"})).await;
    let streams = [Stream::open(&server.api, &id, "", None).await, Stream::open(&server.api, &id, "", None).await];
    let metrics = Metrics::of(&server.api).await;
    for (sample, expected) in [
        ("tailwater_jobs{status=\"queued\"}", 1.0),
        ("tailwater_jobs{status=\"running\"}", 1.0),
        ("tailwater_streams_open", 2.0),
    ] {
        assert_eq!(metrics.value(sample), Some(expected), "{sample} in {}", metrics.0);
    }
    drop(streams);
    gate.open();
}

#[tokio::test]
async fn unknown_methods_and_paths_do_not_become_metric_labels() {
    let server = TestServer::start().await;
    for target in ["/made-up-path", "/api/queue/jobs/made-up-id", "/tasks/queue?q=made-up-text"] {
        get(&server.api, target).await;
    }
    let made_up = reqwest::Method::from_bytes(b"MADEUP").expect("a token");
    server.api.request(made_up, "/jobs").send().await.expect("the server answers");
    let metrics = Metrics::of(&server.api).await;
    assert!(!metrics.0.to_lowercase().contains("made"), "{}", metrics.0);
    let sample = "tailwater_http_requests_total{method=\"GET\",route=\"/api/queue/jobs/{id}\",status=\"404\"}";
    assert_eq!(metrics.value(sample), Some(1.0));
    assert!(metrics.value("tailwater_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"}").is_some());
}
