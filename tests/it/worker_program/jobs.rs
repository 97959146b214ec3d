//! A worker on another machine sends the same data that the embedded worker would store.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::harness::process::Process;
use crate::harness::worker_process::{WorkerProcess, server_without_worker};
use crate::harness::{of_kind, restore, sha256, until};

/// A command that prints to both streams: bytes that are not UTF-8, unfinished lines and colours.
const MIXED: &str = "printf 'one\\ntwo'; sleep 0.3; printf ' and a half\\n'; echo problem >&2; sleep 0.3; \
                     printf 'bad \\377\\376 bytes\\n\\033[31mred\\033[0m\\n'; printf 'é without end'";

/// Returns all events except log events, without the members that depend on the worker or on the time.
fn comparable(events: &[Value]) -> Vec<Value> {
    let of = |event: &Value| {
        let mut payload = event["payload"].clone();
        for name in ["workerId", "durationMs", "time", "artifactId", "lastSeq"] {
            payload.as_object_mut().expect("a payload is an object").remove(name);
        }
        json!([event["level"], payload])
    };
    // How output is divided into events depends on timing, so the output is compared separately.
    events.iter().filter(|event| event["payload"]["kind"] != "log").map(of).collect()
}

#[tokio::test]
async fn a_job_is_the_same_whether_the_server_or_another_machine_runs_it() {
    let (here, there) =
        (tempfile::tempdir().expect("a temporary folder"), tempfile::tempdir().expect("a temporary folder"));
    let own = Process::start(here.path());
    let remote = server_without_worker(there.path());
    let worker = WorkerProcess::start(&remote.api, &["--name", "elsewhere"]).await;
    let payload = json!({
        "steps": [
            {"id": "mixed", "run": MIXED},
            {"id": "files", "run": "mkdir out; printf content > out/a.txt; printf '\\0\\1' > out/b.bin"},
            {"id": "fails", "run": "echo last words; exit 7"},
        ],
        "publish": [{"run": "echo never"}],
        "artifacts": ["out/**"],
    });
    let mut told = Vec::new();
    for server in [&own, &remote] {
        let id = server.api.submit(payload.clone()).await;
        let job = server.api.ended(&id).await;
        let members =
            ["status", "exitCode", "failureReason", "errorMessage", "logLines", "logBytes", "logSha256", "attempt"];
        let about: Vec<Value> = members.iter().map(|name| job[name].clone()).collect();
        let events = server.api.events(&id).await;
        let log = server.api.get(&format!("/jobs/{id}/log")).await.bytes().await.expect("the log is complete");
        assert_eq!(sha256(&log), job["logSha256"].as_str().expect("the log has a checksum"));
        let lines = server.api.json(&format!("/jobs/{id}/lines?from=1&count=100")).await;
        let lines: Vec<Value> = lines["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|line| json!([line["line"], line["text"], line["stream"], line["stepId"]]))
            .collect();
        let mut artifacts: Vec<Value> = server.api.json(&format!("/jobs/{id}/artifacts")).await["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|file| json!([file["name"], file["contentType"], file["sizeBytes"], file["digest"]]))
            .collect();
        artifacts.sort_by_key(Value::to_string);
        let mut comparable = comparable(&events);
        comparable.sort_by_key(|event| event[1]["kind"] == "artifact");
        told.push([about, comparable, lines, artifacts]);
    }
    for (own, remote) in told[0].iter().flatten().zip(told[1].iter().flatten()) {
        assert_eq!(own, remote);
    }
    assert_eq!(told[0], told[1]);
    until("the worker has removed the job's files", || worker.files_of_jobs() == 0).await;
}

#[tokio::test]
async fn the_output_of_another_machine_is_live() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let _worker = WorkerProcess::start(&server.api, &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    let id = server
        .api
        .submit(json!({"run": format!("echo before; until [ -e {} ]; do sleep 0.05; done", go.display())}))
        .await;
    server.api.events_when(&id, "the first line is in the events", |events| restore(events, 1) == b"before\n").await;
    let log = server.api.get(&format!("/jobs/{id}/log")).await.text().await.expect("the log is complete");
    assert_eq!(log, "before\n");
    assert_eq!(server.api.json(&format!("/jobs/{id}/lines?from=1")).await["totalLines"], 1);
    std::fs::write(go, "").expect("the folder can be written");
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
}

#[tokio::test]
async fn the_complete_log_has_the_output_that_is_not_sent_live() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let limits = [["--live-job-bytes", "2000"], ["--live-log-events", "false"]];
    for limit in limits {
        let mut worker = WorkerProcess::start(&server.api, &limit).await;
        let id = server.api.submit(json!({"run": "seq -f 'line %g of a long log' 900000 >&2; seq 900000"})).await;
        let job = server.api.ended(&id).await;
        assert_eq!(job["status"], "succeeded", "{limit:?}");
        let log_of = async |query: &str| {
            let reply = server.api.get(&format!("/jobs/{id}/log{query}")).await;
            reply.bytes().await.expect("the log is complete")
        };
        // The order of lines of different streams may vary.
        let complete: String = (1..=900_000).map(|number| format!("line {number} of a long log\n")).collect();
        assert!(log_of("?stream=stderr").await == complete.as_bytes(), "{limit:?}");
        let numbers: String = (1..=900_000).map(|number| format!("{number}\n")).collect();
        assert!(log_of("?stream=stdout").await == numbers.as_bytes(), "{limit:?}");
        let log = log_of("").await;
        assert_eq!(log.len(), complete.len() + numbers.len(), "{limit:?}");
        assert_eq!(job["logSha256"], sha256(&log));
        assert_eq!(job["logLines"], 1_800_000);
        let events = server.api.events(&id).await;
        assert!(events.iter().all(|event| event["payload"]["kind"] != "warning" || !event["message"].to_string().contains("differs")));
        worker.kill();
    }
}

#[tokio::test]
async fn secrets_are_masked_on_the_other_machine_and_once_more_by_the_server() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    for (name, value) in [("GIVEN", "given-secret-value"), ("OTHER", "other-secret-value")] {
        let request = server.api.request(reqwest::Method::PUT, &format!("/secrets/{name}"));
        assert!(request.json(&json!({"value": value})).send().await.expect("the server answers").status().is_success());
    }
    let worker = WorkerProcess::start(&server.api, &[]).await;
    let token = worker.token();
    // The worker does not know the value of `OTHER`, so only the server masks it.
    let run = format!("echo $GIVEN; echo $MY_TOKEN; echo {token}; printf 'a other-secret-value\\nb\\n'");
    let payload = json!({"run": run, "env": {"MY_TOKEN": "hunter2hunter2"}, "secrets": ["GIVEN"]});
    let id = server.api.submit(payload).await;
    let job = server.api.ended(&id).await;
    let log = server.api.get(&format!("/jobs/{id}/log")).await.text().await.expect("the log is complete");
    let mask = "*".repeat("other-secret-value".len());
    assert_eq!(log, format!("[REDACTED]\n[REDACTED]\n[REDACTED]\na {mask}\nb\n"));
    assert_eq!((job["logBytes"].as_u64(), job["logLines"].as_u64()), (Some(log.len() as u64), Some(5)));
    let events = server.api.events(&id).await;
    assert_eq!(restore(&events, 1), log.as_bytes());
    let warnings = of_kind(&events, "warning");
    assert!(warnings.iter().any(|event| event["message"].to_string().contains("masked more values")), "{warnings:?}");
}

#[tokio::test]
async fn a_job_goes_only_to_a_worker_with_its_type_and_its_capabilities() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let gpu = server.api.submit(json!({"run": "echo on gpu", "requiredCapabilities": ["gpu"]})).await;
    let typed = server.api.submit_job(json!({"type": "windows", "payload": {"run": "echo typed"}})).await;
    let plain = server.api.submit(json!({"run": "echo plain"})).await;
    let _plain = WorkerProcess::start(&server.api, &["--name", "plain"]).await;
    assert_eq!(server.api.ended(&plain).await["claimedBy"], "plain");
    for waiting in [&gpu, &typed] {
        assert_eq!(server.api.job(waiting).await["status"], "queued");
    }
    let _gpu = WorkerProcess::start(&server.api, &["--name", "gpu", "--capability", "gpu,large"]).await;
    assert_eq!(server.api.ended(&gpu).await["claimedBy"], "gpu");
    assert_eq!(server.api.job(&typed).await["status"], "queued");
    let _typed = WorkerProcess::start(&server.api, &["--name", "typed", "--type", "windows"]).await;
    let ended = server.api.ended(&typed).await;
    assert_eq!(json!([ended["claimedBy"], ended["status"]]), json!(["typed", "succeeded"]), "{ended}");
}

#[tokio::test]
async fn a_worker_receives_the_files_that_were_sent_with_a_job() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let worker = WorkerProcess::start(&server.api, &[]).await;
    let cli = crate::harness::cli::Cli::new(&server.api.base);
    let script = cli.folder().join("hello.sh");
    std::fs::write(&script, "#!/bin/sh\necho hello from a file\n").expect("the folder can be written");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
    let out = cli.stdout(&["run", "--send", ".", "--", "./hello.sh"]).await;
    assert!(out.contains("hello from a file"), "{out}");
    until("the worker has removed the job's files", || worker.files_of_jobs() == 0).await;
}

#[tokio::test]
async fn a_command_in_the_callers_directory_never_runs_on_another_machine() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    let cli = crate::harness::cli::Cli::new(&server.api.base);
    let id = cli.stdout(&["run", "--detach", "--", "pwd"]).await.trim().to_owned();
    let job = server.api.ended(&id).await;
    let required = job["payload"]["requiredCapabilities"].as_array().expect("a list").clone();
    assert!(matches!(required.as_slice(), [only] if only.as_str().is_some_and(|name| name.starts_with("machine:"))));
    let free = cli.stdout(&["run", "--detach", "--workspace", "--", "true"]).await.trim().to_owned();
    assert_eq!(server.api.ended(&free).await["payload"]["requiredCapabilities"], Value::Null);
    // If the server runs no jobs itself, a job cannot run in the caller's directory. The job therefore does not require
    // this machine.
    server.kill();
    let server = server_without_worker(data.path());
    let _worker = WorkerProcess::start(&server.api, &[]).await;
    let cli = crate::harness::cli::Cli::new(&server.api.base);
    let id = cli.stdout(&["run", "--detach", "--", "true"]).await.trim().to_owned();
    assert_eq!(server.api.ended(&id).await["payload"]["requiredCapabilities"], Value::Null);
}

#[tokio::test]
async fn more_lifecycle_events_than_a_batch_may_have_arrive_in_several() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let _worker = WorkerProcess::start(&server.api, &[]).await;
    let mut steps = vec![json!({"run": "echo the only output; exit 3"})];
    steps.extend((0..900).map(|_| json!({"run": "echo never"})));
    let id = server.api.submit(json!({"steps": steps})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(json!([job["status"], job["exitCode"]]), json!(["failed", 3]), "{}", job["errorMessage"]);
    let events = server.api.events(&id).await;
    let skipped = of_kind(&events, "step").iter().filter(|event| event["payload"]["status"] == "skipped").count();
    assert_eq!(skipped, 900);
    assert_eq!(restore(&events, 1), b"the only output\n");
}
