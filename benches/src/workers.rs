//! Benchmarks of remote workers and of claims from a queue with many jobs. The workers run on the server's machine and
//! share its CPU cores.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::client::Client;
use crate::figures::{JOBS, LINES, millis, percentile, row, submit_trivial_jobs, write_lines};
use crate::server::Server;

/// The number of jobs in the large queue.
const MANY: u32 = 1_000_000;

/// The number of claims that are measured.
const CLAIMS: usize = 500;

/// Whether jobs in a large queue have to wait because of their concurrency key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BusyKey {
    /// No job has a key.
    None,
    /// A tenth of all jobs have the same key. They are first in the queue, but wait for a running job with this key.
    HoldsATenth,
}

/// A worker process of the release build. It is killed on drop.
struct Worker {
    child: Child,
    _folder: TempDir,
}

impl Worker {
    async fn start(client: &Client) -> Self {
        let folder = tempfile::tempdir_in("target").expect("target can be written");
        let child = Command::new("target/release/tailwater")
            .args(["worker", "--server", &format!("http://{}", client.address), "--worker-dir"])
            .arg(folder.path().join("worker"))
            .env("TAILWATER_TOKEN", client.worker_token().await)
            .env("TAILWATER_LOG", "warn")
            .stdout(Stdio::null())
            .spawn()
            .expect("`make bench` has built target/release/tailwater");
        Self { child, _folder: folder }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub async fn worker() {
    let server = Server::start_with(&[("TAILWATER_CONCURRENCY", "0")]);
    let client = Client::new(&server.address);
    let _worker = Worker::start(&client).await;
    // Wait until a first job has finished, so that the start of the worker is not measured.
    let first = client.submit(&json!({"run": "true"})).await;
    client.ended(&first).await;
    let path = std::fs::canonicalize(server.folder.path()).expect("the folder exists").join("input");
    write_lines(&path);
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let job = client.submit(&json!({"run": format!("cat {}", path.display())})).await;
        let ended = client.ended(&job).await;
        times.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        assert_eq!(ended["logLines"].as_u64(), Some(LINES as u64), "every line arrived");
    }
    row("remote worker, 50 MB: submitted to ended", &millis(percentile(&mut times, 0.5)), "2.5 s");
    let start = Instant::now();
    submit_trivial_jobs(&client).await;
    let rate = f64::from(JOBS) / start.elapsed().as_secs_f64();
    row("remote worker, 200 jobs of `true`", &format!("{rate:.0} /s"), "100 /s");
}

pub async fn many() {
    let few = claims(1_000, BusyKey::None).await;
    let many = claims(MANY, BusyKey::None).await;
    let busy = claims(MANY, BusyKey::HoldsATenth).await;
    row("a claim among 1,000 jobs, p99", &millis(few.0), "");
    row("a claim among 1,000,000 jobs, p99", &millis(many.0), "5 ms");
    row("  as a multiple of 1,000 jobs", &format!("{:.1}", many.0 / few.0), "2");
    row("a claim among 1,000,000 jobs, 100,000 waiting for a key, p99", &millis(busy.0), "5 ms");
    row("GET /jobs among 1,000,000 jobs, p50", &millis(many.1), "10 ms");
    row("  the last of 500,000 queued jobs, with its position, p50", &millis(many.2), "");
}

/// Measures requests to a server with many finished and queued jobs. Returns the 99th percentile of the duration of a
/// claim, and the median durations of listing jobs and of requesting the job that is last in the queue, in nanoseconds.
async fn claims(jobs: u32, busy: BusyKey) -> (f64, f64, f64) {
    let server = Server::start_with(&[("TAILWATER_CONCURRENCY", "0")]);
    let client = Client::new(&server.address);
    let token = client.worker_token().await;
    let last = client.submit_typed("bench", &json!({})).await;
    fill(&server, jobs, busy).await;
    let nanos = |start: Instant| u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let mut times = Vec::new();
    for _ in 0..CLAIMS {
        let start = Instant::now();
        let job = client.claim("bench", &token).await;
        times.push(nanos(start));
        assert!(job["job"]["id"].is_string(), "{job}");
    }
    let mut lists = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        client.get("/jobs?summary=true").await;
        lists.push(nanos(start));
    }
    let mut positions = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        client.get(&format!("/jobs/{last}")).await;
        positions.push(nanos(start));
    }
    (percentile(&mut times, 0.99), percentile(&mut lists, 0.5), percentile(&mut positions, 0.5))
}

/// Fills the table of jobs with copies of its only job. Half of the copies are queued, and the others have finished.
/// With [`BusyKey::HoldsATenth`], one copy is running and holds the key.
async fn fill(server: &Server, jobs: u32, busy: BusyKey) {
    let database = server.data.join("tailwater.sqlite");
    let mut connection =
        SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.expect("the database opens");
    let columns: Vec<String> = sqlx::query_scalar("select name from pragma_table_info('jobs')")
        .fetch_all(&mut connection)
        .await
        .expect("the table exists");
    let has_key = |value: &str, otherwise: &str| match busy {
        BusyKey::None => otherwise.to_owned(),
        BusyKey::HoldsATenth => format!("case when n = 1 or n % 10 = 0 then {value} else {otherwise} end"),
    };
    let value = |name: &String| match name.as_str() {
        "status" if busy == BusyKey::HoldsATenth => {
            "case when n = 1 then 'running' when n % 2 = 0 then 'queued' else 'succeeded' end".to_owned()
        }
        "priority" => has_key("1", "priority"),
        "concurrency_key" => has_key("'busy'", "null"),
        "concurrency_limit" => has_key("1", "null"),
        "concurrency_group" | "claim_line" => has_key("x'00'", "null"),
        "id" => "randomblob(16)".to_owned(),
        "created_at" => "created_at - n".to_owned(),
        "status" => "case when n % 2 = 0 then 'queued' else 'succeeded' end".to_owned(),
        "finished_at" => "case when n % 2 = 0 then null else created_at end".to_owned(),
        "idempotency_key" => "null".to_owned(),
        name => name.to_owned(),
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    // The trigger `jobs_inserted` assigns a change number to each job. The numbers are not needed here, and assigning a
    // million of them takes minutes.
    let fill = format!(
        "drop trigger jobs_inserted;
         with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {jobs})
         insert into jobs ({}) select {} from (select * from jobs limit 1), numbers;
         analyze;",
        columns.join(", "),
        values.join(", ")
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&mut connection).await.expect("the database can be written");
    connection.close().await.expect("the database closes");
    tokio::time::sleep(Duration::from_secs(1)).await;
}
