//! Tests of `tailwater workers`, `status`, `pause` and `resume`.

use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::cli::Cli;
use crate::harness::workers::{KIND, RemoteWorker, id_of};

#[tokio::test]
async fn workers_lists_who_is_there_and_what_they_run() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let worker = RemoteWorker::new(&server, "one").await;
    let id = server.submit_elsewhere(json!({"payload": {"title": "Long \u{1b}]52;c;aGk=\u{7} build"}})).await;
    let about = json!({"allowedTypes": [KIND], "version": "7.1", "hostname": "m7", "workerCapabilities": ["gpu"]});
    assert_eq!(id_of(&worker.claim_with(about).await), id);
    let table = cli.stdout(&["workers"]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("STATUS") && lines[0].ends_with("RUNS"), "{table}");
    assert!(lines[1].starts_with("Active  embedded") && lines[1].ends_with("nothing"), "{table}");
    assert!(lines[2].contains("one") && lines[2].contains("m7  ") && lines[2].contains("gpu"), "{table}");
    assert!(lines[2].contains(&id) && !table.contains('\u{1b}'), "{table:?}");
    let printed: Value = serde_json::from_str(&cli.stdout(&["workers", "--json"]).await).expect("it is JSON");
    assert_eq!(printed["items"][1]["id"], server.api.json("/workers").await["items"][1]["id"]);
}

#[tokio::test]
async fn status_fits_on_one_screen_and_says_like_jobs_what_is_paused() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    server.api.run("true").await;
    let said = cli.stdout(&["pause", "--reason", "new disk"]).await;
    assert!(said.starts_with("The queue has been paused since") && said.ends_with(" by admin: new disk\n"), "{said}");
    server.api.submit(json!({"run": "true"})).await;
    let listed = cli.stdout(&["jobs"]).await;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].contains("Queued, paused ") && !lines[1].contains("paused"), "{listed}");
    let shown = cli.stdout(&["status"]).await;
    assert!(shown.contains(&format!("version {}", env!("CARGO_PKG_VERSION"))), "{shown}");
    assert!(shown.contains("1 queued, 0 running, 1 succeeded") && shown.contains("1 paused"), "{shown}");
    assert!(shown.contains(" free\n") && shown.ends_with(&said), "{shown}");
    assert!(shown.lines().count() < 10, "{shown}");
    let status: Value = serde_json::from_str(&cli.stdout(&["status", "--json"]).await).expect("it is JSON");
    assert_eq!(status["pauses"], server.api.json("/pauses").await["items"]);
    assert_eq!(cli.stdout(&["resume"]).await, "the queue is no longer paused\n");
    let again = cli.run(&["resume"]).await;
    assert!(again.code == Some(1) && again.stderr.contains("pause_not_found"), "{}", again.stderr);
}

#[tokio::test]
async fn a_type_and_a_worker_are_paused_and_resumed_by_name() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let kind = "build/ü:1";
    assert!(cli.stdout(&["pause", "--type", kind]).await.starts_with("Jobs of the type build/ü:1 have been paused"));
    assert_eq!(cli.stdout(&["resume", "--type", kind]).await, "jobs of the type build/ü:1 are no longer paused\n");
    let said = cli.stdout(&["pause", "--worker", "embedded"]).await;
    assert!(said.starts_with("The worker embedded has been paused"), "{said}");
    let id = server.api.submit(json!({"run": "true"})).await;
    assert_eq!(cli.stdout(&["resume", "--worker", "embedded"]).await, "the worker embedded receives jobs again\n");
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let unknown = cli.run(&["pause", "--worker", "nobody"]).await;
    assert!(unknown.code == Some(1) && unknown.stderr.contains("there is no worker"), "{}", unknown.stderr);
    assert_eq!(cli.run(&["pause", "--worker", "a", "--type", "b"]).await.code, Some(2));
    let worker = RemoteWorker::new(&server, "twin").await;
    worker.claim().await;
    RemoteWorker::new(&server, "twin").await.claim().await;
    let several = cli.run(&["pause", "--worker", "twin"]).await;
    assert!(several.code == Some(1) && several.stderr.contains("several workers"), "{}", several.stderr);
}
