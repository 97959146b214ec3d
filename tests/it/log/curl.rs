//! Runs the examples of `docs/api.md` with the tools that they use.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::harness::cli::{Cli, Running};
use crate::harness::gate::Gate;
use crate::harness::{TOKEN, TestServer};

/// Returns the command in `docs/api.md` that follows the given comment.
fn example(comment: &str) -> String {
    let page = std::fs::read_to_string("docs/api.md").expect("tests run at the top of the repository");
    let mut lines = page.lines().skip_while(|line| *line != format!("# {comment}")).skip(1);
    let mut command = lines.next().expect("the page has such an example").to_owned();
    while let Some(begun) = command.strip_suffix('\\') {
        command = format!("{begun}{}", lines.next().expect("the command continues"));
    }
    command
}

/// Returns a command from `docs/api.md` that runs in a directory, for the given server and job.
fn command(server: &TestServer, id: &str, folder: &Path, comment: &str) -> Command {
    let script = example(comment).replace("http://127.0.0.1:3000", &server.api.base);
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &script]).env("TOKEN", TOKEN).env("ID", id).current_dir(folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command until it exits, checks that it succeeded, and returns its standard output.
async fn printed(command: Command) -> String {
    let done = Cli::run_command(command).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    done.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_follows_a_log_line_by_line_while_the_command_runs() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("echo before; {}; echo after", gate.wait())})).await;
    let comment = "its output as it arrives, until the job has finished";
    let mut curl = Running::of(command(&server, &id, server.data.path(), comment));
    assert_eq!(curl.line().await, "before");
    assert_eq!(server.api.job(&id).await["status"], "running", "a line is shown before the command ends");
    gate.open();
    let ended = curl.ended().await;
    assert_eq!((ended.stdout.as_str(), ended.code), ("after\n", Some(0)), "the stream ends with the job");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_resumes_an_interrupted_download() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 200000").await;
    let output = server.api.output(&id, 1).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("job.log"), &output[..123_457]).expect("the folder can be written");
    printed(command(&server, &id, folder.path(), "the whole output; run again, it continues where it was interrupted"))
        .await;
    assert!(std::fs::read(folder.path().join("job.log")).expect("the file exists") == output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jq_reads_events_and_lines() {
    let server = TestServer::start().await;
    let (id, job) = server.api.run("seq 30").await;
    let text = printed(command(&server, &id, server.data.path(), "each event as a line of JSON")).await;
    let mut kinds: Vec<&str> = text.lines().collect();
    assert_eq!(i64::try_from(kinds.len()).ok(), job["lastSeq"].as_i64());
    assert_eq!(kinds.pop(), Some("end"));
    let text = printed(command(&server, &id, server.data.path(), "the last 20 lines")).await;
    assert_eq!(text, (11..=30).map(|number| format!("{number}\n")).collect::<String>());
}
