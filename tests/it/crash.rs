//! After `kill -9` of the server, everything that a reader has seen still exists, no data is corrupted, and no process
//! of a job is left.

mod fail_points;
mod faults;
mod witness;

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::harness::process::Process;
use crate::harness::sse::Stream;
use crate::harness::{Random, of_kind, restore, until};

/// Returns the number of running processes that have one of the given job ids in their environment.
fn orphans(ids: &[String]) -> usize {
    let processes = std::fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let environments = processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
    let marks: Vec<String> = ids.iter().map(|id| format!("TAILWATER_JOB_ID={id}")).collect();
    let bears = |environ: &[u8]| {
        environ.split(|byte| *byte == 0).any(|entry| marks.iter().any(|mark| mark.as_bytes() == entry))
    };
    environments.filter(|environ| bears(environ)).count()
}

#[tokio::test]
async fn twenty_kills_during_busy_jobs_lose_nothing_that_was_seen() {
    let mut random = Random::new("kill_9");
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut ids: Vec<String> = Vec::new();
    let mut seen: HashMap<String, Vec<Value>> = HashMap::new();
    let mut interrupted = 0;
    // Each job prints until this file exists. A job that is still queued when its server is killed runs later, on the
    // last server. Without the file, it would never end.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let enough = folder.path().join("enough");
    let until_enough = format!("until [ -e {} ]", enough.display());
    for round in 0..20 {
        let server = Process::start(data.path());
        let mut running = Vec::new();
        for number in 0..3 {
            let command = format!(
                "setsid sh -c 'while :; do echo bg {round} {number}; sleep 0.02; done' & i=0; \
                 {until_enough}; do i=$((i+1)); echo line $i of {round} {number}; echo err $i >&2; done"
            );
            // One of the jobs runs its steps in pseudo-terminals.
            running.push(server.api.submit(json!({"run": command, "terminal": number == 1})).await);
        }
        let queued = server.api.submit(json!({"run": "echo queued"})).await;
        // The server is killed once a reader of one of the jobs has received a random number of events.
        let watched = &running[random.below(3)];
        let mut stream = Stream::open(&server.api, watched, "", None).await;
        for _ in 0..random.below(25) + 3 {
            let frame = stream.next().await.expect("the job keeps printing");
            if frame.event == "queue_event" {
                seen.entry(watched.clone()).or_default().push(frame.json());
            }
        }
        ids.extend(running);
        ids.push(queued);
        server.kill();
    }
    std::fs::write(enough, "").expect("the folder is writable");
    let server = Process::start(data.path());
    for id in &ids {
        let job = server.api.ended(id).await;
        let events = server.api.events(id).await;
        let seqs: Vec<i64> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
        let count = i64::try_from(events.len()).expect("the number is small");
        assert_eq!(seqs, (1..=count).collect::<Vec<_>>(), "seq has no gaps");
        assert_eq!(events.last().expect("the list is not empty")["payload"]["kind"], "end");
        for event in seen.get(id).into_iter().flatten() {
            assert!(events.contains(event), "a reader has seen {event}");
        }
        let attempt = &of_kind(&events, "attempt");
        if job["status"] == "failed" {
            interrupted += 1;
            assert_eq!(job["failureReason"], "interrupted");
            let status = &attempt.last().expect("the attempt began")["payload"]["status"];
            assert_eq!(status, "interrupted", "an event reports the interruption");
        }
        let output = server.api.output(id, 1).await;
        assert!(restore(&events, 1) == output, "events and output of {id} agree");
    }
    assert!(interrupted >= 40, "{interrupted} of the running jobs were interrupted");
    assert_eq!(orphans(&ids), 0, "no orphan is left");
    server.kill();
    check_integrity(data.path()).await;
}

async fn check_integrity(data: &Path) {
    let path = data.join("tailwater.sqlite");
    let mut connection = SqliteConnection::connect(&path.display().to_string()).await.expect("the database opens");
    let verdict: String =
        sqlx::query_scalar("pragma integrity_check").fetch_one(&mut connection).await.expect("the pragma can be read");
    assert_eq!(verdict, "ok");
}

#[tokio::test]
async fn a_job_with_attempts_left_is_requeued_after_a_crash_and_its_processes_are_dead() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    let payload = json!({"run": "setsid sleep 1000 & echo begun; sleep 1000"});
    let id = server.api.submit_job(json!({"type": "command", "maxAttempts": 2, "payload": payload})).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    let ids = [id.clone()];
    until("the processes of the job run", || orphans(&ids) >= 2).await;
    server.kill();
    until("the processes have died with the server", || orphans(&ids) == 0).await;
    let server = Process::start(data.path());
    let job = server.api.job_when(&id, "is queued again", |job| job["status"] == "queued").await;
    assert_eq!(job["attempt"], 1);
    let reply = server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!(reply.status(), 200);
}

#[tokio::test]
async fn a_truncated_spool_is_completed_from_the_stored_events() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    let id = server
        .api
        .submit(json!({"run": "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; sleep 1000"}))
        .await;
    let complete = |events: &[Value]| restore(events, 1).len() == 60;
    let before = restore(&server.api.events_when(&id, "are complete", complete).await, 1);
    server.kill();
    // Simulates a power failure that happens after the database is synced but before the spool is synced.
    let log = data.path().join("spool").join(&id).join("1/output.log");
    let file = std::fs::OpenOptions::new().write(true).open(&log).expect("the file exists");
    file.set_len(20).expect("the file can be truncated");
    let server = Process::start(data.path());
    server.api.ended(&id).await;
    assert_eq!(server.api.output(&id, 1).await, before);
    assert_eq!(std::fs::read(log).expect("the file exists"), before);
}
