//! Tests of `tailwater jobs`, `job` and `cancel`, which print compact text for people and the API's JSON for programs.

use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::cli::Cli;
use crate::harness::gate::Gate;

#[tokio::test]
async fn jobs_prints_a_table_by_default_and_json_on_request() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (failed, _) = server.api.run("exit 3").await;
    let wide = server.api.submit(json!({"title": "漢字 wide", "run": "true"})).await;
    server.api.ended(&wide).await;
    let table = cli.stdout(&["jobs"]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains(&wide) && lines[0].contains("Succeeded") && lines[0].ends_with("漢字 wide"), "{table}");
    assert!(lines[1].contains(&failed) && lines[1].ends_with("exit 3"), "{table}");
    assert_eq!(lines[0].find(&wide), lines[1].find(&failed), "columns are aligned: {table}");
    let printed = cli.stdout(&["jobs", "--json", "--status", "failed,cancelled", "--limit", "5"]).await;
    let jobs: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("the text is JSON")).collect();
    assert_eq!(Value::from(jobs), server.api.json("/jobs?status=failed&summary=true").await["items"]);
    assert_eq!(cli.stdout(&["jobs", "--limit", "1"]).await.lines().count(), 1);
    assert_eq!(cli.run(&["jobs", "--status", "done"]).await.code, Some(2));
}

#[tokio::test]
async fn a_pipe_gets_no_colours_unless_they_are_requested() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (id, _) = server.api.run("true").await;
    for verb in [&["jobs"][..], &["job", &id], &["logs", "--timestamps", &id], &["artifacts", "ls", &id]] {
        assert!(!cli.stdout(verb).await.contains('\u{1b}'), "{verb:?}");
    }
    assert!(cli.stdout(&["--color", "always", "jobs"]).await.contains("\u{1b}[32m"));
}

#[tokio::test]
async fn a_title_never_sends_control_sequences_to_the_terminal() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (id, _) = server.api.run("true \u{1b}]52;c;aGk=\u{7}\u{202e}x").await;
    for verb in [&["jobs"][..], &["--color", "always", "jobs"], &["job", &id]] {
        let shown = cli.stdout(verb).await;
        assert!(shown.contains("true ") && shown.contains("<U+202E>"), "{shown}");
        assert!(!shown.contains("\u{1b}]") && !shown.contains('\u{7}'), "{shown:?}");
    }
}

#[tokio::test]
async fn watching_shows_each_job_that_changes() {
    let (server, gate) = (TestServer::start_with(|config| config.jobs.concurrency = 1).await, Gate::new());
    let cli = Cli::new(&server.api.base);
    let id = server.api.submit(json!({"run": gate.wait()})).await;
    server.api.job_when(&id, "runs", |job| job["status"] == "running").await;
    let mut watch = cli.start(&["jobs", "--watch", "--json"]);
    let status = |line: String| serde_json::from_str::<Value>(&line).expect("the text is JSON")["status"].clone();
    assert_eq!(status(watch.line().await), "running");
    gate.open();
    while status(watch.line().await) != "succeeded" {}
}

#[tokio::test]
async fn a_job_is_shown_and_cancelled() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let id = server.api.submit(json!({"title": "Long one", "run": "exec sleep 1000"})).await;
    server.api.job_when(&id, "runs", |job| job["status"] == "running").await;
    let shown = cli.stdout(&["job", &id]).await;
    assert!(shown.starts_with("Running  Long one\n") && shown.contains("attempt   1 of 1"), "{shown}");
    let said = cli.stdout(&["cancel", &id, "--reason", "too long"]).await;
    assert_eq!(said, format!("{id} is being cancelled\n"));
    assert_eq!(server.api.ended(&id).await["cancelReason"], "too long");
    let job: Value = serde_json::from_str(&cli.stdout(&["job", "--json", &id]).await).expect("the text is JSON");
    assert_eq!(job, server.api.job(&id).await);
    let (over, _) = server.api.run("true").await;
    let refused = cli.run(&["cancel", &over]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("job_state_conflict"), "{}", refused.stderr);
}
