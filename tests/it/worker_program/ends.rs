//! The worker program stops on a signal, or if the server does not accept it. These tests check how its jobs then end.

use serde_json::json;

use crate::harness::proxy::Proxy;
use crate::harness::worker_process::{WorkerProcess, server_without_worker};
use crate::harness::{restore, until};

#[tokio::test]
async fn the_first_signal_lets_running_jobs_finish_and_claims_no_others() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let mut worker = WorkerProcess::start(&server.api, &["--concurrency", "1"]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    let run = format!("echo started; until [ -e {} ]; do sleep 0.05; done; echo finished", go.display());
    let running = server.api.submit(json!({"run": run})).await;
    server.api.events_when(&running, "the job prints", |events| restore(events, 1) == b"started\n").await;
    let waiting = server.api.submit(json!({"run": "true"})).await;
    worker.signal("TERM");
    until("the worker drains", || worker.log().contains("no further jobs are claimed")).await;
    std::fs::write(go, "").expect("the folder can be written");
    assert!(worker.exited().await.success());
    assert_eq!(server.api.job(&running).await["status"], "succeeded");
    assert_eq!(server.api.job(&waiting).await["status"], "queued");
}

#[tokio::test]
async fn an_idle_worker_ends_at_the_first_signal() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let mut worker = WorkerProcess::start(&server.api, &[]).await;
    let job = server.api.submit(json!({"run": "true"})).await;
    server.api.ended(&job).await;
    worker.signal("INT");
    assert!(worker.exited().await.success());
    let later = server.api.submit(json!({"run": "true"})).await;
    assert_eq!(server.api.job(&later).await["status"], "queued", "the abandoned claim took no job");
}

#[tokio::test]
async fn the_second_signal_stops_running_jobs() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let mut worker = WorkerProcess::start(&server.api, &[]).await;
    let job = server.api.submit(json!({"run": "echo started; sleep 1000"})).await;
    server.api.events_when(&job, "the job prints", |events| restore(events, 1) == b"started\n").await;
    worker.signal("TERM");
    until("the worker drains", || worker.log().contains("no further jobs are claimed")).await;
    worker.signal("TERM");
    assert!(worker.exited().await.success());
    let ended = server.api.job(&job).await;
    assert_eq!(
        json!([ended["status"], ended["failureReason"], ended["errorMessage"]]),
        json!(["failed", "interrupted", "the worker was stopped"])
    );
}

#[tokio::test]
async fn a_cancelled_job_is_stopped_and_acknowledged_by_its_worker() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let _worker = WorkerProcess::start(&server.api, &["--lease-seconds", "4"]).await;
    let job = server.api.submit(json!({"run": "echo started; sleep 1000"})).await;
    server.api.events_when(&job, "the job prints", |events| restore(events, 1) == b"started\n").await;
    let reply = server.api.post(&format!("/jobs/{job}/cancel"), &json!({"reason": "enough"})).await;
    assert_eq!(reply.status(), 200);
    assert_eq!(server.api.ended(&job).await["status"], "cancelled");
}

#[tokio::test]
async fn a_worker_that_the_server_does_not_accept_says_so_and_exits() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let cli = crate::harness::cli::Cli::new(&server.api.base);
    let folder = cli.folder().join("worker");
    for (token, problem) in [("wrong", "rejected the token"), (crate::harness::TOKEN, "worker_not_authorized")] {
        let arguments = ["worker", "--token", token, "--worker-dir", folder.to_str().expect("it is UTF-8")];
        let done = cli.run(&arguments).await;
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stderr.contains(problem), "{done:?}");
    }
}

#[tokio::test]
async fn two_workers_cannot_use_the_same_directory() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let worker = WorkerProcess::start(&server.api, &[]).await;
    until("the worker has started", || worker.log().contains("started")).await;
    let cli = crate::harness::cli::Cli::new(&server.api.base);
    let folder = worker.folder();
    let done =
        cli.run(&["worker", "--token", worker.token(), "--worker-dir", folder.to_str().expect("it is UTF-8")]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("is used by another worker"), "{done:?}");
}

#[tokio::test]
async fn a_worker_can_be_stopped_while_the_server_is_away_and_reports_later() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = server_without_worker(data.path());
    let proxy = Proxy::before(&server.api.base, || usize::MAX).await;
    let mut worker = WorkerProcess::start_through(&server.api, &proxy.base, &["--shutdown-grace-seconds", "0"]).await;
    let job = server.api.submit(json!({"run": "echo started; sleep 1000"})).await;
    server.api.events_when(&job, "the job prints", |events| restore(events, 1) == b"started\n").await;
    server.kill();
    worker.signal("TERM");
    until("the worker drains", || worker.log().contains("no further jobs are claimed")).await;
    worker.signal("TERM");
    assert!(worker.exited().await.success());
    assert!(worker.log().contains("the results of some jobs were not reported"), "{}", worker.log());
    let server = server_without_worker(data.path());
    proxy.move_to(&server.api.base);
    worker.restart();
    let ended = server.api.ended(&job).await;
    assert_eq!(json!([ended["failureReason"], ended["logBytes"]]), json!(["interrupted", 8]), "{}", worker.log());
}
