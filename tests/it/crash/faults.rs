//! A full disk, one that fails, a database that somebody locks, a clock that is set back: jobs run on, their output arrives
//! late but whole and in order, and nothing that was not stored is called a success.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::harness::process::Process;
use crate::harness::{Api, number, of_kind, restore, sha256, until, until_async};

/// Steps of a job, and lines of each of its two streams in each step.
const STEPS: usize = 4;
const LINES: usize = 50;

/// A job that prints for some seconds.
fn chatty() -> Value {
    let run = format!("for i in $(seq {LINES}); do echo out $i; echo err $i >&2; sleep 0.01; done");
    let steps: Vec<Value> = (0..STEPS).map(|_| json!({"run": run})).collect();
    json!({"type": "command", "payload": {"steps": steps}})
}

/// Checks that all that a chatty job has printed is there, in its order, and told as it is.
async fn is_whole(api: &Api, id: &str) {
    let events = api.events(id).await;
    let seqs: Vec<i64> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
    assert_eq!(seqs, (1..).take(events.len()).collect::<Vec<_>>(), "seq has no holes");
    let output = api.output(id, 1).await;
    let text = String::from_utf8(output.clone()).expect("it is text");
    for name in ["out", "err"] {
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(name)).collect();
        let step = (1..=LINES).map(|i| format!("{name} {i}"));
        let printed: Vec<String> = (0..STEPS).flat_map(|_| step.clone()).collect();
        assert_eq!(lines, printed, "whole and in order");
    }
    assert!(restore(&events, 1) == output, "events and output tell the same story");
    let attempt = &of_kind(&events, "attempt").pop().expect("it began")["payload"];
    assert_eq!((&attempt["status"], &attempt["logSha256"]), (&json!("succeeded"), &json!(sha256(&output))));
    assert_eq!((number(&attempt["lines"]), number(&attempt["bytes"])), (2 * STEPS * LINES, output.len()));
}

/// Asks until the server takes a job: it says so when it cannot.
async fn submit(api: &Api) -> String {
    let mut id = None;
    until_async("the server takes a job", async || {
        let reply = api.request(Method::POST, "/jobs").json(&chatty()).send().await.expect("the server lives");
        let status = reply.status();
        let body: Value = reply.json().await.expect("the body is JSON");
        id = body["id"].as_str().map(str::to_owned);
        assert_eq!(status.as_u16(), if id.is_some() { 201 } else { 503 }, "{body}");
        id.is_some()
    })
    .await;
    id.expect("it was just taken")
}

/// Waits for a job's end at a server that may fail to look it up.
async fn succeeds(api: &Api, id: &str) {
    until_async("the job is over", async || {
        let reply = api.get(&format!("/jobs/{id}")).await;
        let job: Value = reply.json().await.expect("the body is JSON");
        assert!(!matches!(job["status"].as_str(), Some("failed" | "cancelled")), "{job}");
        job["status"] == "succeeded"
    })
    .await;
}

/// Runs jobs on a server some of whose calls of the system fail; returns what those were, as strace tells them.
async fn with_failing_calls(inject: &[&str]) -> String {
    let data = tempfile::tempdir().expect("a temporary folder");
    // The first start makes the database; what is shown here is a server at work.
    let mut server = Process::start(data.path());
    server.terminate();
    server.exited().await;
    let trace = data.path().join("trace");
    let server = Process::start_by(data.path(), |program| {
        let mut strace = Command::new("strace");
        // It is the server's grandchild, not its parent: the process that the test has is the server.
        strace.args(["-D", "-f", "-qq", "-e", "trace=pwrite64,fdatasync,pread64", "-o"]).arg(&trace);
        for fault in inject {
            strace.args(["-e", &format!("inject={fault}")]);
        }
        strace.arg(program.get_program());
        strace
    });
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(submit(&server.api).await);
    }
    for id in &ids {
        succeeds(&server.api, id).await;
    }
    // What readers get is shown by a server whose disk is well again.
    server.kill();
    let server = Process::start(data.path());
    for id in &ids {
        is_whole(&server.api, id).await;
    }
    let log = fs::read_to_string(data.path().join("server.log")).expect("it is text");
    assert!(log.contains("the disk takes output again"), "a job had to wait: {log}");
    let trace = fs::read_to_string(trace).expect("it is text");
    trace.lines().filter(|line| line.ends_with("(INJECTED)")).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn a_disk_that_is_full_for_a_while_makes_jobs_wait_and_loses_nothing() {
    let failed = with_failing_calls(&["pwrite64:error=ENOSPC:when=30..36"]).await;
    assert!(failed.matches("ENOSPC").count() >= 7, "{failed}");
}

#[tokio::test]
async fn a_disk_that_fails_for_a_while_makes_jobs_wait_and_loses_nothing() {
    // Each thread has a count of its own.
    let faults = ["pwrite64:error=EIO:when=60..62", "fdatasync:error=EIO:when=4..6", "pread64:error=EIO:when=100..101"];
    let failed = with_failing_calls(&faults).await;
    for call in ["pwrite64", "fdatasync", "pread64"] {
        assert!(failed.contains(call), "{call} has failed: {failed}");
    }
}

#[tokio::test]
async fn a_database_that_is_locked_for_60_seconds_makes_output_late_and_loses_nothing() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    let id = server.api.submit_job(chatty()).await;
    server.api.events_when(&id, "have a line", |events| !of_kind(events, "log").is_empty()).await;
    let path = data.path().join("tailwater.sqlite").display().to_string();
    let mut other = SqliteConnection::connect(&path).await.expect("it opens");
    other.execute("begin immediate").await.expect("nobody else writes for longer than a moment");
    let unlocked = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        other.execute("rollback").await.expect("it is open");
    });
    // The job does not wait: it prints into its spool until it has no more to say, and its readers are answered.
    let spool = data.path().join("spool").join(&id).join("1/output.log");
    let text = |path: &Path| fs::read_to_string(path).expect("it is text");
    until("the job has printed all", || text(&spool).lines().count() == 2 * STEPS * LINES).await;
    assert!(!unlocked.is_finished(), "the database was locked all the while");
    let job = server.api.job(&id).await;
    assert_eq!(job["status"], "running", "what is not stored is no success");
    let so_far = restore(&server.api.events(&id).await, 1);
    assert!(so_far.len() < text(&spool).len(), "the rest waits");
    unlocked.await.expect("no panic");
    succeeds(&server.api, &id).await;
    is_whole(&server.api, &id).await;
}

/// Returns what a program loads to see another time of day.
fn libfaketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("Debian has it").flatten().map(|folder| folder.path());
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    libraries.find(|library| library.exists()).expect("libfaketime is installed")
}

#[tokio::test]
async fn a_clock_that_is_set_back_an_hour_stops_no_job_and_disturbs_no_order() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let clock = data.path().join("clock");
    fs::write(&clock, "+0").expect("it can be written");
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
    server.api.events_when(&id, "have a line", |events| !of_kind(events, "log").is_empty()).await;
    server.api.job_when(&retried, "waits for its second attempt", |job| job["nextAttemptAt"].is_string()).await;
    fs::write(&clock, "-3600").expect("it can be written");
    succeeds(&server.api, &id).await;
    is_whole(&server.api, &id).await;
    let events = server.api.events(&id).await;
    let times: Vec<&str> = events.iter().filter_map(|event| event["createdAt"].as_str()).collect();
    assert!(times.is_sorted() && times.iter().collect::<HashSet<_>>().len() == events.len(), "a time is a cursor");
    let job = server.api.job(&id).await;
    assert!(job["finishedAt"].as_str() >= job["startedAt"].as_str(), "no job ends before it begins: {job}");
    // It was to wait for 15 seconds, not for an hour and 15 seconds.
    let again = server.api.ended(&retried).await;
    assert_eq!((&again["attempt"], &again["status"]), (&json!(2), &json!("dead_letter")));
    let later = server.api.submit_job(chatty()).await;
    succeeds(&server.api, &later).await;
    let (earlier, later) = (job["createdAt"].clone(), server.api.job(&later).await["createdAt"].clone());
    assert!(later.as_str() < earlier.as_str(), "the clock was set back: {later} after {earlier}");
}
