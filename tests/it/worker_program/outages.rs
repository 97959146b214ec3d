//! Tests of failures of the server, the worker or the network while a job runs on another machine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::people::execute;
use crate::harness::process::Process;
use crate::harness::proxy::Proxy;
use crate::harness::worker_process::{WorkerProcess, server_without_worker};
use crate::harness::{of_kind, restore, sha256, until, until_async};

/// Returns the number of running processes whose command line contains `text`.
fn running(text: &str) -> usize {
    let pattern = format!("[{}]{}", &text[..1], &text[1..]);
    let found = Command::new("pgrep").args(["-c", "-f", &pattern]).output().expect("pgrep is installed");
    String::from_utf8_lossy(&found.stdout).trim().parse().unwrap_or(0)
}

/// Checks that the events and the complete log of a job contain the numbers from 1, each once and in order.
async fn is_complete(server: &Process, id: &str, job: &Value) {
    let events = server.api.events(id).await;
    let printed = restore(&events, 1);
    let last = String::from_utf8_lossy(&printed).lines().last().map(str::to_owned).expect("the job has printed");
    let count: usize = last.parse().expect("the job prints numbers");
    let expected: String = (1..=count).map(|number| format!("{number}\n")).collect();
    assert!(printed == expected.as_bytes(), "all output is in the events, once and in order");
    let log = server.api.get(&format!("/jobs/{id}/log")).await.bytes().await.expect("the log is complete");
    assert!(log == expected.as_bytes(), "all output is in the log");
    assert_eq!(job["logSha256"], sha256(&log));
}

/// Lets the lease on a job of a suspended or killed worker expire. `kind` is the type of the job, and of no other
/// running job. Returns the job after that.
///
/// The test sets the expiry time itself, because a short lease could expire too early on a slow machine. It does so
/// repeatedly, because the server may still renew the lease for a request that the worker sent earlier.
async fn expire_lease(server: &Process, data: &Path, kind: &str, id: &str) -> Value {
    let expire = format!("update jobs set lease_expires_at = 1 where type = '{kind}' and status = 'running'");
    until_async("the lease has expired", async || {
        execute(data, &expire).await;
        server.api.job(id).await["status"] != "running"
    })
    .await;
    server.api.job(id).await
}

/// Shuts the server down for `outage` while a job prints, and checks the job's output.
async fn server_is_down_for(outage: Duration) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let proxy = Proxy::before(&server.api.base, || usize::MAX).await;
    // With this setting, the output that accumulates during the outage is sent in full, however long this takes.
    let worker = WorkerProcess::start_through(&server.api, &proxy.base, &["--live-lag-seconds", "3600"]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    let run = format!("i=0; until [ -e {} ]; do i=$((i+1)); echo $i; done", go.display());
    let id = server.api.submit(json!({"run": run})).await;
    server.api.events_when(&id, "the job prints", |events| restore(events, 1).len() > 1_000).await;
    server.kill();
    let down = std::time::Instant::now();
    tokio::time::sleep(outage).await;
    let server = server_without_worker(data.path());
    proxy.move_to(&server.api.base);
    assert!(down.elapsed() >= outage);
    let before = restore(&server.api.events(&id).await, 1).len();
    server.api.events_when(&id, "the output goes on", |events| restore(events, 1).len() > before).await;
    std::fs::write(go, "").expect("the folder can be written");
    let job = server.api.ended(&id).await;
    assert_eq!(json!([job["status"], job["attempt"]]), json!(["succeeded", 1]), "{job}\n{}", worker.log());
    is_complete(&server, &id, &job).await;
}

#[tokio::test]
async fn a_job_goes_on_while_the_server_is_down_and_its_output_is_complete() {
    server_is_down_for(Duration::from_secs(5)).await;
}

#[tokio::test]
#[ignore = "it takes more than a minute; `make test-long` runs it"]
async fn a_chatty_job_survives_sixty_seconds_without_its_server() {
    server_is_down_for(Duration::from_mins(1)).await;
}

#[tokio::test]
async fn a_network_that_cuts_every_connection_loses_and_repeats_nothing() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let mut random = crate::harness::Random::new("cuts");
    let proxy = Proxy::before(&server.api.base, move || 2_000 + random.below(60_000)).await;
    let worker = WorkerProcess::start_through(&server.api, &proxy.base, &[]).await;
    let id = server.api.submit(json!({"run": "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done"})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}\n{}", worker.log());
    is_complete(&server, &id, &job).await;
}

#[tokio::test]
async fn after_a_kill_no_process_survives_and_the_next_start_ends_the_attempt_with_its_output() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let mut worker = WorkerProcess::start(&server.api, &[]).await;
    let mark = format!("mark-{}", std::process::id());
    let run = format!(
        "setsid sh -c 'while :; do sleep 0.1; done # {mark}' & i=0; while :; do i=$((i+1)); echo $i; sleep 0.001; done"
    );
    let id = server.api.submit_job(json!({"type": "command", "maxAttempts": 2, "payload": {"run": run}})).await;
    server.api.events_when(&id, "the job prints", |events| restore(events, 1).len() > 500).await;
    assert!(running(&mark) > 0);
    worker.kill();
    until("all processes of the job are killed", || running(&mark) == 0).await;
    assert_eq!(server.api.job(&id).await["status"], "running", "the lease goes on");
    worker.restart();
    let job = server.api.job_when(&id, "the attempt has ended", |job| job["status"] != "running").await;
    assert_eq!(
        json!([job["status"], job["failureReason"], job["errorMessage"]]),
        json!(["queued", "interrupted", "the worker stopped while the job was running"])
    );
    is_complete(&server, &id, &job).await;
    until("the worker has removed the job's files", || worker.files_of_jobs() == 0).await;
}

#[tokio::test]
async fn a_worker_that_was_stopped_beyond_its_lease_changes_nothing_in_twenty_rounds() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let rounds = (0..4).map(|number| stopped_beyond_the_lease(&server, data.path(), number));
    futures_util::future::join_all(rounds).await;
}

/// Suspends a worker until its lease has expired, five times in a row.
async fn stopped_beyond_the_lease(server: &Process, data: &Path, number: usize) {
    let name = format!("stopped-{number}");
    let arguments = ["--type", name.as_str(), "--concurrency", "1"];
    let worker = WorkerProcess::start(&server.api, &arguments).await;
    for round in 0..5 {
        let mark = format!("mark-{}-{number}-{round}", std::process::id());
        let run = format!("i=0; while :; do i=$((i+1)); echo $i; sleep 0.001; done # {mark}");
        let id = server.api.submit_job(json!({"type": name, "payload": {"run": run}})).await;
        server.api.events_when(&id, "the job prints", |events| restore(events, 1).len() > 200).await;
        worker.signal("STOP");
        let ended = expire_lease(server, data, &name, &id).await;
        assert_eq!(
            json!([ended["status"], ended["failureReason"], ended["errorMessage"]]),
            json!(["dead_letter", "interrupted", "the worker's lease expired"]),
            "{}",
            worker.log()
        );
        let events = server.api.events(&id).await;
        assert_eq!(
            of_kind(&events, "job").iter().filter(|event| event["payload"]["status"] == "lease_expired").count(),
            1
        );
        worker.signal("CONT");
        until("the worker kills the job's processes", || running(&mark) == 0).await;
        let lost = format!("the lease on job {id} is no longer valid");
        until("the worker's log says that it has lost its lease", || worker.log().contains(&lost)).await;
        assert_eq!(server.api.events(&id).await, events, "nothing was added after the lease");
        is_complete(server, &id, &ended).await;
    }
}

#[tokio::test]
async fn a_worker_that_was_killed_changes_nothing_after_its_lease_in_twenty_rounds() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let rounds = (0..4).map(|number| killed_in_the_middle(&server, data.path(), number));
    futures_util::future::join_all(rounds).await;
}

/// Kills a worker with `kill -9` while its job prints, five times in a row. After the kill, the lease expires, requests
/// under the old epoch are refused, and the worker is started again. In every second round the job has another attempt,
/// so it is queued again, and otherwise it ends.
async fn killed_in_the_middle(server: &Process, data: &Path, number: usize) {
    let name = format!("killed-{number}");
    let arguments = ["--type", name.as_str(), "--concurrency", "1"];
    let mut worker = WorkerProcess::start(&server.api, &arguments).await;
    for round in 0..5 {
        let mark = format!("mark-{name}-{}-{round}", std::process::id());
        let run = format!(
            "setsid sh -c 'while :; do sleep 0.1; done # {mark}' & i=0; while :; do i=$((i+1)); echo $i; sleep 0.001; done"
        );
        let attempts = 1 + round % 2;
        let job = json!({"type": name, "maxAttempts": attempts, "payload": {"run": run}});
        let id = server.api.submit_job(job).await;
        server.api.events_when(&id, "the job prints", |events| restore(events, 1).len() > 200).await;
        assert!(running(&mark) > 0);
        worker.kill();
        until("all processes of the job are killed", || running(&mark) == 0).await;
        let held = server.api.job(&id).await;
        assert_eq!(held["status"], "running", "the lease goes on");
        let ended = expire_lease(server, data, &name, &id).await;
        let status = if attempts == 1 { "dead_letter" } else { "queued" };
        assert_eq!(
            json!([ended["status"], ended["failureReason"], ended["errorMessage"]]),
            json!([status, "interrupted", "the worker's lease expired"])
        );
        let events = server.api.events(&id).await;
        let expired = of_kind(&events, "job").into_iter().filter(|event| event["payload"]["status"] == "lease_expired");
        assert_eq!(expired.count(), 1);
        stale_requests_are_refused(server, &worker, &held).await;
        worker.restart();
        until("the worker has given up the old attempt", || worker.files_of_jobs() == 0).await;
        assert_eq!(server.api.events(&id).await, events, "nothing was added after the lease");
        is_complete(server, &id, &ended).await;
        if status == "queued" {
            assert_eq!(server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await.status(), 200);
        }
    }
}

/// Checks that each request with which a worker changes a job is refused after its lease has ended. `held` is the job
/// as it was during the lease.
async fn stale_requests_are_refused(server: &Process, worker: &WorkerProcess, held: &Value) {
    let id = held["id"].as_str().expect("a job has an id");
    for (route, member, value) in [
        ("heartbeat", "leaseSeconds", json!(60)),
        ("events", "message", json!("too late")),
        ("output", "chunks", json!([])),
        ("complete", "resultSummary", json!("too late")),
        ("fail", "errorMessage", json!("too late")),
        ("cancel/ack", "message", json!("too late")),
    ] {
        let mut body = json!({"workerId": held["claimedBy"], "leaseEpoch": held["leaseEpoch"]});
        body[member] = value;
        let url = format!("{}/api/queue/jobs/{id}/{route}", server.api.base);
        let reply = server.api.client.post(url).bearer_auth(worker.token()).json(&body).send().await;
        assert_eq!(reply.expect("the server answers").status(), 409, "{route}");
    }
}

#[tokio::test]
async fn a_server_with_a_new_worker_of_its_own_leaves_running_jobs_to_their_workers() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let proxy = Proxy::before(&server.api.base, || usize::MAX).await;
    let _worker = WorkerProcess::start_through(&server.api, &proxy.base, &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    let id = server
        .api
        .submit(json!({"run": format!("echo started; until [ -e {} ]; do sleep 0.05; done", go.display())}))
        .await;
    server.api.events_when(&id, "the job prints", |events| restore(events, 1) == b"started\n").await;
    server.kill();
    let server = Process::start(data.path());
    proxy.move_to(&server.api.base);
    std::fs::write(go, "").expect("the folder can be written");
    let job = server.api.ended(&id).await;
    assert_eq!(json!([job["status"], job["attempt"]]), json!(["succeeded", 1]), "{job}");
    let log = server.api.get(&format!("/jobs/{id}/log")).await.text().await.expect("the log is complete");
    assert_eq!(log, "started\n");
}

#[tokio::test]
async fn a_restarted_worker_ends_the_attempt_that_it_holds_and_not_one_that_it_has_lost() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let mut worker = WorkerProcess::start(&server.api, &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runs = folder.path().join("runs");
    let mark = format!("mark-two-{}", std::process::id());
    let run =
        format!("echo run >> {}; i=0; while :; do i=$((i+1)); echo $i; sleep 0.001; done # {mark}", runs.display());
    let id = server.api.submit_job(json!({"type": "command", "maxAttempts": 2, "payload": {"run": run}})).await;
    server.api.events_when(&id, "the job prints", |events| restore(events, 1).len() > 200).await;
    worker.signal("STOP");
    assert_eq!(expire_lease(&server, data.path(), "command", &id).await["status"], "queued");
    worker.signal("CONT");
    until("the worker kills the job's processes", || running(&mark) == 0).await;
    execute(data.path(), "update jobs set next_attempt_at = null").await;
    server.api.events_when(&id, "the job prints again", |events| restore(events, 2).len() > 200).await;
    worker.kill();
    worker.restart();
    let job = server.api.ended(&id).await;
    assert_eq!(
        json!([job["status"], job["attempt"], job["errorMessage"]]),
        json!(["dead_letter", 2, "the worker stopped while the job was running"]),
        "{}",
        worker.log()
    );
    let printed = restore(&server.api.events(&id).await, 2);
    assert_eq!(job["logSha256"], sha256(&printed));
    assert_eq!(std::fs::read_to_string(runs).expect("the job has run"), "run\nrun\n");
    until("the worker has removed the job's files", || worker.files_of_jobs() == 0).await;
}
