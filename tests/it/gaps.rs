//! If output exceeds the limits of live output, only its beginning and its end are sent. A gap event reports the range
//! between them, and the complete log contains everything.

use serde_json::{Value, json};

use crate::harness::process::Process;
use crate::harness::{Mode, TestServer, in_both_modes, number, of_kind, restore, until};

/// Checks that log events and gaps together cover each byte of the output exactly once, and that the totals agree.
fn check_arithmetic(events: &[Value], output: &[u8]) {
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    let (mut kept, mut suppressed) = (0, 0);
    for event in events {
        let payload = &event["payload"];
        match payload["kind"].as_str() {
            Some("log") => {
                let whole = json!([[payload["offset"], payload["bytes"], payload["line"]]]);
                let segments = if payload["segments"].is_null() { &whole } else { &payload["segments"] };
                for segment in segments.as_array().expect("segments are a list") {
                    pieces.push((number(&segment[0]), number(&segment[0]) + number(&segment[1])));
                }
                kept += number(&payload["bytes"]);
            }
            Some("gap") => {
                let (from, to) = (number(&payload["fromOffset"]), number(&payload["toOffset"]));
                assert_eq!(number(&payload["bytes"]), to - from);
                let lines = output[from..to].split_inclusive(|byte| *byte == b'\n').count();
                assert_eq!(number(&payload["lines"]), lines);
                let line = output[..from].split(|byte| *byte == b'\n').count();
                assert_eq!(number(&payload["fromLine"]), line);
                pieces.push((from, to));
                suppressed += to - from;
            }
            _ => {}
        }
    }
    pieces.sort_unstable();
    let mut end = 0;
    for (from, to) in pieces {
        assert_eq!(from, end, "pieces and gaps are adjacent and do not overlap");
        end = to;
    }
    assert_eq!((end, kept + suppressed), (output.len(), output.len()));
    let attempt = &of_kind(events, "attempt").last().expect("the attempt exists")["payload"];
    assert_eq!((number(&attempt["suppressedBytes"]), number(&attempt["bytes"])), (suppressed, output.len()));
}

#[tokio::test]
async fn output_beyond_the_budget_has_a_head_a_gap_and_a_tail() {
    let server = TestServer::start_with(|config| {
        config.jobs.live_job_bytes = 10_000;
        config.jobs.live_tail_bytes = 4_000;
    })
    .await;
    let id =
        server.api.submit(json!({"steps": [{"id": "a", "run": "seq 5000"}, {"id": "b", "run": "echo short"}]})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    let events = server.api.events(&id).await;
    let output = server.api.output(&id, 1).await;
    check_arithmetic(&events, &output);
    let gaps = of_kind(&events, "gap");
    assert_eq!(gaps.len(), 1);
    let fields: Vec<&String> = gaps[0]["payload"].as_object().expect("an object").keys().collect();
    let expected = [
        "attempt",
        "available",
        "bytes",
        "fromLine",
        "fromOffset",
        "kind",
        "lines",
        "reason",
        "stage",
        "stepId",
        "toOffset",
    ];
    assert_eq!(fields, expected);
    assert_eq!((&gaps[0]["payload"]["reason"], &gaps[0]["payload"]["stepId"]), (&json!("budget"), &json!("a")));
    let logs = of_kind(&events, "log");
    let texts: Vec<&str> = logs.iter().map(|event| event["message"].as_str().expect("the content is text")).collect();
    assert!(texts[0].starts_with("1\n2\n") && texts.iter().all(|text| text.ends_with('\n')));
    assert!(texts.concat().ends_with("4999\n5000\nshort\n"), "the end of each step is sent");
    // The gap event is between the first and the last log event.
    let seqs = |events: &[&Value]| -> Vec<usize> { events.iter().map(|event| number(&event["seq"])).collect() };
    let (gap, logs) = (seqs(&gaps)[0], seqs(&logs));
    assert!(logs[0] < gap && gap < *logs.last().expect("the list is not empty"));
    assert_eq!(of_kind(&events, "warning").len(), 1, "one warning reports that the budget is exhausted");
    assert_eq!(server.api.events_with(&id, "&kind=gap").await.len(), 1);
}

#[tokio::test]
async fn output_still_unsent_at_the_lag_limit_becomes_a_gap() {
    let server = TestServer::start_with(|config| {
        config.jobs.live_lag = std::time::Duration::ZERO;
        config.jobs.live_events_per_second = 2;
        config.jobs.live_event_bytes = 64;
        config.jobs.live_tail_bytes = 1_000;
    })
    .await;
    // This output is larger than all events that can be sent in the first second, each of which contains at most 1 MiB.
    let (id, _) = server.api.run("seq 2000000").await;
    let events = server.api.events(&id).await;
    let output = server.api.output(&id, 1).await;
    check_arithmetic(&events, &output);
    assert_eq!(of_kind(&events, "gap")[0]["payload"]["reason"], "lag");
    let last =
        of_kind(&events, "log").last().expect("the list is not empty")["message"].as_str().expect("text").to_owned();
    assert!(last.ends_with("\n1999999\n2000000\n"));
}

#[tokio::test]
async fn the_budget_covers_all_attempts_and_each_attempt_has_a_head() {
    let server = TestServer::start_with(|config| {
        config.jobs.live_job_bytes = 10_000;
        config.jobs.live_tail_bytes = 500;
    })
    .await;
    let job = json!({"type": "command", "maxAttempts": 2, "payload": {"run": "seq 5000; exit 1"}});
    let id = server.api.submit_job(job).await;
    server.api.ended(&id).await;
    let events = server.api.events(&id).await;
    let sent = |attempt: usize| -> usize {
        let logs = of_kind(&events, "log").into_iter().filter(|event| event["payload"]["attempt"] == attempt);
        logs.map(|event| number(&event["payload"]["bytes"])).sum()
    };
    assert!((9_000..=10_500).contains(&sent(1)) && (500..=1_000).contains(&sent(2)), "{} {}", sent(1), sent(2));
}

#[tokio::test]
async fn without_live_events_all_output_counts_as_suppressed() {
    let server = TestServer::start_with(|config| config.jobs.live_log_events = false).await;
    let (id, _) = server.api.run("seq 1000").await;
    let events = server.api.events(&id).await;
    let attempt = &of_kind(&events, "attempt")[1]["payload"];
    assert_eq!((&attempt["suppressedBytes"], &attempt["bytes"]), (&json!(3893), &json!(3893)));
    assert!(of_kind(&events, "gap").is_empty(), "output that is suppressed by a setting is not a gap");
}

#[tokio::test]
async fn the_limits_also_apply_after_a_crash() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let start = || {
        Process::start_by(data.path(), |mut server| {
            server.env("TAILWATER_LIVE_JOB_BYTES", "1000000");
            server
        })
    };
    let server = start();
    let id = server.api.submit(json!({"run": "seq 5000000; sleep 600"})).await;
    // Recovery truncates bytes that have no index record. The end of the output is therefore the end of the last
    // record's range.
    let idx = data.path().join("spool").join(&id).join("1/output.idx");
    let end = || {
        let idx = std::fs::read(&idx).ok()?;
        let last = idx.as_chunks::<40>().0.last()?;
        let (offset, length) = (last.first_chunk::<8>()?, last[24..].first_chunk::<4>()?);
        Some(u64::from_le_bytes(*offset) + u64::from(u32::from_le_bytes(*length)))
    };
    until("all output is in the spool", || end() == Some(38_888_896)).await;
    server.kill();
    let server = start();
    let job = server.api.ended(&id).await;
    assert_eq!(job["failureReason"], "interrupted");
    let events = server.api.events(&id).await;
    let output = server.api.output(&id, 1).await;
    assert!(output.ends_with(b"\n4999999\n5000000\n"));
    check_arithmetic(&events, &output);
    assert_eq!(of_kind(&events, "gap").len(), 1);
    let last =
        of_kind(&events, "log").last().expect("the list is not empty")["message"].as_str().expect("text").to_owned();
    assert!(last.ends_with("\n5000000\n"), "the tail is sent");
}

#[tokio::test]
async fn a_job_that_prints_200_mb_stays_within_its_budget_and_does_not_affect_other_jobs() {
    let server = TestServer::start_with(|config| {
        config.jobs.concurrency = 4;
        config.jobs.live_job_bytes = 4 << 20;
        config.jobs.live_tail_bytes = 1 << 20;
    })
    .await;
    let chatty = server.api.submit(json!({"run": "yes | head -c 200M"})).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(server.api.submit(json!({"run": "for i in $(seq 50); do echo line $i; sleep 0.01; done"})).await);
    }
    for id in &others {
        assert_eq!(server.api.ended(id).await["logLines"], 50);
        let events = server.api.events(id).await;
        assert_eq!(restore(&events, 1).len(), 50 * 6 + 9 + 41 * 2);
    }
    assert_eq!(server.api.ended(&chatty).await["status"], "succeeded");
    let events = server.api.events(&chatty).await;
    let sent: usize = of_kind(&events, "log").iter().map(|event| number(&event["payload"]["bytes"])).sum();
    assert!((4 << 20..=5 << 20).contains(&sent), "{sent} bytes were sent");
    let output = server.api.output(&chatty, 1).await;
    assert_eq!(output.len(), 200 << 20);
    check_arithmetic(&events, &output);
}

async fn a_job_that_exceeds_the_output_limit_is_stopped_with_a_helpful_error(mode: Mode) {
    let server = TestServer::start_with(|config| config.jobs.output_limit = Some(100_000)).await.in_mode(mode);
    let steps = json!([{"name": "Flood", "run": "yes", "continueOnError": true}, {"run": "echo never"}]);
    let id = server.api.submit(json!({"steps": steps})).await;
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("output_limit")));
    let message = job["errorMessage"].as_str().expect("the job has an error message");
    assert!(message.starts_with("Flood: the output limit of 100000 bytes was exceeded;"), "{message}");
    assert!(message.contains("artifacts") && message.contains("--output-limit"), "{message}");
    let output = server.api.output(&id, 1).await;
    // The output may exceed the limit by the size of a single read.
    assert!((100_001..=100_000 + (256 << 10)).contains(&output.len()), "{}", output.len());
    assert!(output.iter().all(|byte| b"y\n".contains(byte)));
    let events = server.api.events(&id).await;
    check_arithmetic(&events, &output);
    let steps: Vec<&Value> = of_kind(&events, "step").iter().map(|event| &event["payload"]["status"]).collect();
    assert_eq!(steps, ["started", "failed", "skipped"]);
    let (_, job) = server.api.run("head -c 100000 /dev/zero").await;
    assert_eq!(job["status"], "succeeded", "output of exactly the limit is allowed");
}

async fn a_job_that_ignores_the_stop_at_the_output_limit_is_killed_after_the_grace_period(mode: Mode) {
    let server = TestServer::start_with(|config| config.jobs.output_limit = Some(1_000)).await.in_mode(mode);
    let (_, job) = server.api.run("trap '' TERM; while :; do echo deaf; done").await;
    assert_eq!(job["failureReason"], "output_limit");
}

in_both_modes!(
    a_job_that_exceeds_the_output_limit_is_stopped_with_a_helpful_error,
    a_job_that_ignores_the_stop_at_the_output_limit_is_killed_after_the_grace_period,
);
