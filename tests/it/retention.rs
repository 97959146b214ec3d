//! Outputs, artifacts and jobs are removed after the configured time. The API and the pages report the removal.

use std::path::Path;

use serde_json::{Value, json};
use tailwater::server::Config;

use crate::harness::people::execute;
use crate::harness::{TOKEN, TestServer, until_async};

/// Changes the database while the server is stopped, and starts the server with other settings.
async fn restart(server: TestServer, statement: &'static str, change: impl FnOnce(&mut Config)) -> TestServer {
    let data = server.stop().await;
    execute(data.path(), statement).await;
    TestServer::start_over(data, change).await
}

const FORTY_DAYS_EARLIER: &str = "update jobs set finished_at = finished_at - 40 * 86400 * 1000000";

fn folders(data: &Path, job: &str) -> [std::path::PathBuf; 2] {
    ["spool", "artifacts"].map(|folder| data.join(folder).join(job))
}

/// Waits until the output of a job has been removed, and returns the job.
async fn without_output(server: &TestServer, job: &str) -> Value {
    server.api.job_when(job, "has no output", |job| !job["outputRemovedAt"].is_null()).await
}

/// Runs a job with output on both streams and an artifact. The output is too small to be compressed later.
async fn run(server: &TestServer) -> String {
    let command = "seq 1 500; echo problem >&2; echo kept > report.txt";
    let id = server.api.submit(json!({"run": command, "artifacts": ["*.txt"]})).await;
    assert_eq!(server.api.ended(&id).await["outputRemovedAt"], Value::Null);
    id
}

#[tokio::test]
async fn old_output_is_removed_and_everything_that_refers_to_it_says_so() {
    let server = TestServer::start().await;
    let id = run(&server).await;
    let before = server.api.events(&id).await;
    let server = restart(server, FORTY_DAYS_EARLIER, |config| config.keep_days = 30).await;
    let job = without_output(&server, &id).await;
    assert_eq!(job["status"], "succeeded");
    assert!(folders(server.data.path(), &id).iter().all(|folder| !folder.exists()), "the files are removed");
    for path in ["log", "log?follow=true", "log?offset=0&bytes=1", "lines?from=1", "log/search?q=problem"] {
        let reply = server.api.get(&format!("/jobs/{id}/{path}")).await;
        let (status, body) = (reply.status(), reply.json::<Value>().await.expect("an error is JSON"));
        let message = body["detail"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!((status.as_u16(), &body["detail"]["code"]), (404, &json!("artifact_file_missing")), "{path}");
        assert!(message.contains(job["outputRemovedAt"].as_str().expect("it is a time")), "{path}: {message}");
        assert!(message.contains("keep_days"), "{path}: {message}");
    }
    assert_eq!(server.api.json(&format!("/jobs/{id}/artifacts")).await["items"], json!([]));
    // All events except the output remain, in the same order.
    let is_output = |event: &&Value| ["log", "gap"].map(Value::from).contains(&event["payload"]["kind"]);
    let rest: Vec<_> = before.iter().filter(|event| !is_output(event)).cloned().collect();
    assert!(rest.len() < before.len(), "the job has printed something");
    assert_eq!(server.api.events(&id).await, rest);
    let page = server.api.client.get(format!("{}/tasks/queue/{id}", server.api.base)).bearer_auth(TOKEN).send().await;
    let page = page.expect("the server answers").text().await.expect("the body arrives");
    assert!(page.contains("The output and the artifacts were removed on "), "{page}");
    assert!(!page.contains("The newest lines of the log"), "{page}");
}

#[tokio::test]
async fn a_job_is_removed_after_its_output() {
    let server = TestServer::start().await;
    let id = run(&server).await;
    let server =
        restart(server, FORTY_DAYS_EARLIER, |config| (config.keep_days, config.keep_jobs_days) = (5, 39)).await;
    until_async("the job is removed", async || server.api.get(&format!("/jobs/{id}")).await.status() == 404).await;
    assert!(folders(server.data.path(), &id).iter().all(|folder| !folder.exists()), "the files are removed");
    assert_eq!(server.number("select count(*) from events").await, 0);
}

#[tokio::test]
async fn output_is_not_kept_for_longer_than_its_job() {
    let server = TestServer::start().await;
    let id = run(&server).await;
    let server =
        restart(server, FORTY_DAYS_EARLIER, |config| (config.keep_days, config.keep_jobs_days) = (0, 39)).await;
    until_async("the job is removed", async || server.api.get(&format!("/jobs/{id}")).await.status() == 404).await;
}

#[tokio::test]
async fn jobs_that_are_young_or_have_not_finished_are_not_touched() {
    let server = TestServer::start().await;
    let (old, young) = (run(&server).await, run(&server).await);
    let queued = server.api.submit_job(json!({"type": "other"})).await;
    let statement = "update jobs set created_at = 1, finished_at = iif(finished_at is null, null, 2)
        where rowid <> (select rowid from jobs where finished_at is not null order by finished_at desc limit 1)";
    let server = restart(server, statement, |config| (config.keep_days, config.keep_jobs_days) = (30, 39)).await;
    until_async("the old job is removed", async || server.api.get(&format!("/jobs/{old}")).await.status() == 404).await;
    assert_eq!(server.api.job(&young).await["outputRemovedAt"], Value::Null);
    assert_eq!(server.api.json(&format!("/jobs/{young}/lines")).await["totalLines"], 501);
    assert_eq!(server.api.job(&queued).await["status"], "queued");
}

#[tokio::test]
async fn the_oldest_outputs_are_removed_until_the_rest_fits() {
    let server = TestServer::start().await;
    let jobs = [run(&server).await, run(&server).await, run(&server).await];
    let (empty, _) = server.api.run("true").await;
    let size = server.number("select sum(coalesce(stored_bytes, size_bytes)) from artifacts").await;
    // The job without output becomes the oldest one. Its output is not removed, because this would free no space.
    let statement = "update jobs set finished_at = 1 where log_bytes = 0";
    let bytes = u64::try_from(size * 2 / 3 + 100).expect("sizes are positive");
    let server = restart(server, statement, |config| config.keep_bytes = Some(bytes)).await;
    without_output(&server, &jobs[0]).await;
    for kept in [&jobs[1], &jobs[2], &empty] {
        assert_eq!(server.api.job(kept).await["outputRemovedAt"], Value::Null);
    }
    let rest = server.number("select sum(coalesce(stored_bytes, size_bytes)) from artifacts").await;
    assert!(rest <= size * 2 / 3 + 100, "{rest} of {size} bytes remain");
}

#[tokio::test]
async fn an_interrupted_removal_is_completed_after_the_next_start() {
    let server = TestServer::start().await;
    let id = run(&server).await;
    let data = server.stop().await;
    execute(data.path(), FORTY_DAYS_EARLIER).await;
    // Simulates an interrupted removal. The files and some of the events have been removed, but the removal has not
    // been recorded.
    for folder in folders(data.path(), &id) {
        std::fs::remove_dir_all(folder).expect("the job has files");
    }
    execute(data.path(), "delete from events where kind = 'log' and seq < 8").await;
    let server = TestServer::start_over(data, |config| config.keep_days = 30).await;
    without_output(&server, &id).await;
    assert_eq!(server.number("select count(*) from events where kind in ('log', 'gap')").await, 0);
}
