//! Jobs survive a full disk, a failing disk, a locked database, and a clock that is set back. Their output arrives late
//! but complete and in order, and a job succeeds only if its output is stored.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::harness::process::Process;
use crate::harness::{Api, Mode, in_both_modes, number, of_kind, restore, sha256, until, until_async};

/// The number of steps in a job.
const STEPS: usize = 4;
/// The number of lines that each step prints to each stream.
const LINES: usize = 50;

/// Returns a job that prints for at least two seconds.
fn chatty() -> Value {
    let run = format!("for i in $(seq {LINES}); do echo out $i; echo err $i >&2; sleep 0.01; done");
    let steps: Vec<Value> = (0..STEPS).map(|_| json!({"run": run})).collect();
    json!({"type": "command", "payload": {"steps": steps}})
}

/// Checks that all output of a job from [`chatty`] is stored in order, and that the totals are correct.
async fn is_whole(api: &Api, id: &str) {
    let events = api.events(id).await;
    let seqs: Vec<i64> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
    assert_eq!(seqs, (1..).take(events.len()).collect::<Vec<_>>(), "seq has no gaps");
    let output = api.output(id, 1).await;
    let text = String::from_utf8(output.clone()).expect("the content is text");
    for name in ["out", "err"] {
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(name)).collect();
        let step = (1..=LINES).map(|i| format!("{name} {i}"));
        let printed: Vec<String> = (0..STEPS).flat_map(|_| step.clone()).collect();
        assert_eq!(lines, printed, "complete and in order");
    }
    assert!(restore(&events, 1) == output, "events and output agree");
    let attempt = &of_kind(&events, "attempt").pop().expect("the attempt began")["payload"];
    assert_eq!((&attempt["status"], &attempt["logSha256"]), (&json!("succeeded"), &json!(sha256(&output))));
    assert_eq!((number(&attempt["lines"]), number(&attempt["bytes"])), (2 * STEPS * LINES, output.len()));
}

/// Submits a job, retrying until the server accepts it. Every refusal must have status 503.
async fn submit(api: &Api) -> String {
    let mut id = None;
    until_async("the server accepts a job", async || {
        let reply = api
            .request(Method::POST, "/jobs")
            .json(&api.mode.of_job(chatty()))
            .send()
            .await
            .expect("the server answers");
        let status = reply.status();
        let body: Value = reply.json().await.expect("the body is JSON");
        id = body["id"].as_str().map(str::to_owned);
        assert_eq!(status.as_u16(), if id.is_some() { 201 } else { 503 }, "{body}");
        id.is_some()
    })
    .await;
    id.expect("the submission was accepted")
}

/// Waits until a job has succeeded. Until then, the server may be unable to read the job.
async fn succeeds(api: &Api, id: &str) {
    until_async("the job has finished", async || {
        let reply = api.get(&format!("/jobs/{id}")).await;
        let job: Value = reply.json().await.expect("the body is JSON");
        assert!(!matches!(job["status"].as_str(), Some("failed" | "cancelled")), "{job}");
        job["status"] == "succeeded"
    })
    .await;
}

/// Runs jobs on a server while strace makes some of the server's system calls fail. Returns the failed calls as strace
/// printed them.
async fn with_failing_calls(mode: Mode, inject: &[&str]) -> String {
    let data = tempfile::tempdir().expect("a temporary folder");
    // The first start creates the database, so that the faults affect only normal operation.
    let mut server = Process::start(data.path());
    server.terminate();
    server.exited().await;
    let trace = data.path().join("trace");
    let server = Process::start_by(data.path(), |program| {
        let mut strace = Command::new("strace");
        // Because of `-D`, strace runs as the server's grandchild, and the process that the test started is the server
        // itself.
        strace.args(["-D", "-f", "-qq", "-e", "trace=pwrite64,fdatasync,pread64", "-o"]).arg(&trace);
        for fault in inject {
            strace.args(["-e", &format!("inject={fault}")]);
        }
        strace.arg(program.get_program());
        strace
    })
    .in_mode(mode);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(submit(&server.api).await);
    }
    for id in &ids {
        succeeds(&server.api, id).await;
    }
    // A server without injected faults checks the stored data.
    server.kill();
    let server = Process::start(data.path());
    for id in &ids {
        is_whole(&server.api, id).await;
    }
    let log = fs::read_to_string(data.path().join("server.log")).expect("the content is text");
    assert!(log.contains("output can be stored again"), "a job had to wait: {log}");
    let trace = fs::read_to_string(trace).expect("the content is text");
    trace.lines().filter(|line| line.ends_with("(INJECTED)")).map(|line| format!("{line}\n")).collect()
}

async fn a_temporarily_full_disk_makes_jobs_wait_and_loses_nothing(mode: Mode) {
    let failed = with_failing_calls(mode, &["pwrite64:error=ENOSPC:when=30..36"]).await;
    assert!(failed.matches("ENOSPC").count() >= 7, "{failed}");
}

async fn a_temporarily_failing_disk_makes_jobs_wait_and_loses_nothing(mode: Mode) {
    // strace counts the calls of each thread separately, so the faults occur in every thread that makes enough calls.
    let faults = ["pwrite64:error=EIO:when=60..62", "fdatasync:error=EIO:when=4..6", "pread64:error=EIO:when=100..101"];
    let failed = with_failing_calls(mode, &faults).await;
    for call in ["pwrite64", "fdatasync", "pread64"] {
        assert!(failed.contains(call), "{call} must fail at least once: {failed}");
    }
}

#[tokio::test]
async fn a_database_that_is_locked_for_60_seconds_delays_output_and_loses_nothing() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    let id = server.api.submit_job(chatty()).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    let path = data.path().join("tailwater.sqlite").display().to_string();
    let mut other = SqliteConnection::connect(&path).await.expect("the database opens");
    other.execute("begin immediate").await.expect("no other writer holds the lock for long");
    let unlocked = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        other.execute("rollback").await.expect("the transaction is open");
    });
    // The lock does not delay the job's output, which is written to the spool. Readers still get replies.
    let spool = data.path().join("spool").join(&id).join("1/output.log");
    let text = |path: &Path| fs::read_to_string(path).expect("the content is text");
    until("the job has printed everything", || text(&spool).lines().count() == 2 * STEPS * LINES).await;
    assert!(!unlocked.is_finished(), "the database was locked the whole time");
    let job = server.api.job(&id).await;
    assert_eq!(job["status"], "running", "a job whose output is not stored has not succeeded");
    let so_far = restore(&server.api.events(&id).await, 1);
    assert!(so_far.len() < text(&spool).len(), "the rest is not stored yet");
    unlocked.await.expect("the task does not panic");
    succeeds(&server.api, &id).await;
    is_whole(&server.api, &id).await;
}

/// Returns the path of libfaketime, a library that makes a program see a different time.
fn libfaketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("/usr/lib exists").flatten().map(|folder| folder.path());
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    libraries.find(|library| library.exists()).expect("libfaketime is installed")
}

#[tokio::test]
async fn a_clock_that_is_set_back_by_an_hour_stops_no_job_and_keeps_events_in_order() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let clock = data.path().join("clock");
    fs::write(&clock, "+0").expect("writing succeeds");
    let server = Process::start_by(data.path(), |mut server| {
        server
            .env("LD_PRELOAD", libfaketime())
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        server
    });
    let failing = json!({"type": "command", "maxAttempts": 2, "payload": {"run": "exit 1"}});
    let retried = server.api.submit_job(failing).await;
    let id = server.api.submit_job(chatty()).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    server.api.job_when(&retried, "waits for its second attempt", |job| job["nextAttemptAt"].is_string()).await;
    fs::write(&clock, "-3600").expect("writing succeeds");
    succeeds(&server.api, &id).await;
    is_whole(&server.api, &id).await;
    let events = server.api.events(&id).await;
    let times: Vec<&str> = events.iter().filter_map(|event| event["createdAt"].as_str()).collect();
    assert!(
        times.is_sorted() && times.iter().collect::<HashSet<_>>().len() == events.len(),
        "times are usable as cursors"
    );
    let job = server.api.job(&id).await;
    assert!(job["finishedAt"].as_str() >= job["startedAt"].as_str(), "no job finishes before it starts: {job}");
    // The delay before the second attempt is still 15 seconds, although the clock was set back by an hour.
    let again = server.api.ended(&retried).await;
    assert_eq!((&again["attempt"], &again["status"]), (&json!(2), &json!("dead_letter")));
    let later = server.api.submit_job(chatty()).await;
    succeeds(&server.api, &later).await;
    let (earlier, later) = (job["createdAt"].clone(), server.api.job(&later).await["createdAt"].clone());
    assert!(later.as_str() < earlier.as_str(), "the clock was set back: {later} after {earlier}");
}

in_both_modes!(
    a_temporarily_full_disk_makes_jobs_wait_and_loses_nothing,
    a_temporarily_failing_disk_makes_jobs_wait_and_loses_nothing,
);
