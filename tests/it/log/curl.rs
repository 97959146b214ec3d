//! Runs the examples of `docs/api.md` with the tools that they use.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::json;

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

/// Starts a command from `docs/api.md` in a folder, for the given server and job.
fn start(server: &TestServer, id: &str, folder: &std::path::Path, comment: &str) -> Child {
    let command = example(comment).replace("http://127.0.0.1:3000", &server.api.base);
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", &command])
        .env("TOKEN", TOKEN)
        .env("ID", id)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash is installed")
}

/// Waits until a command exits, checks that it succeeded, and returns its standard output.
async fn printed(mut child: Child) -> String {
    let wait = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        child.stdout.take().expect("the stream is piped").read_to_string(&mut text).expect("the content is text");
        (child.wait().expect("the child can be waited for"), text)
    });
    let (status, text) = wait.await.expect("the task does not panic");
    assert!(status.success(), "{status}: {text}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_follows_a_log_line_by_line_while_the_command_runs() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("echo before; {}; echo after", gate.wait())})).await;
    let mut curl = start(&server, &id, server.data.path(), "its output as it comes, until the job has finished");
    let mut lines = BufReader::new(curl.stdout.take().expect("the stream is piped")).lines();
    let first = tokio::task::spawn_blocking(move || (lines.next(), lines)).await.expect("the task does not panic");
    assert_eq!(first.0.expect("the line arrives").expect("the content is text"), "before");
    assert_eq!(server.api.job(&id).await["status"], "running", "a line is shown before the command ends");
    gate.open();
    let mut lines = first.1;
    let rest = tokio::task::spawn_blocking(move || (lines.next(), lines.next(), curl.wait()))
        .await
        .expect("the task does not panic");
    assert_eq!(rest.0.expect("the line arrives").expect("the content is text"), "after");
    assert!(rest.1.is_none() && rest.2.expect("the child can be waited for").success(), "the stream ends with the job");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_resumes_an_interrupted_download() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 200000").await;
    let output = server.api.output(&id, 1).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("job.log"), &output[..123_457]).expect("the folder can be written");
    printed(start(&server, &id, folder.path(), "the whole output; run again, it continues where it was interrupted"))
        .await;
    assert!(std::fs::read(folder.path().join("job.log")).expect("the file exists") == output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jq_reads_events_and_lines() {
    let server = TestServer::start().await;
    let (id, job) = server.api.run("seq 30").await;
    let text = printed(start(&server, &id, server.data.path(), "each event a line of JSON")).await;
    let mut kinds: Vec<&str> = text.lines().collect();
    assert_eq!(i64::try_from(kinds.len()).ok(), job["lastSeq"].as_i64());
    assert_eq!(kinds.pop(), Some("end"));
    let text = printed(start(&server, &id, server.data.path(), "the last 20 lines")).await;
    assert_eq!(text, (11..=30).map(|number| format!("{number}\n")).collect::<String>());
}
