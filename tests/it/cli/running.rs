//! `tailwater run` behaves as if the command ran locally.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::cli::Cli;
use crate::harness::gate::Gate;
use crate::harness::{Api, TestServer};

/// Returns the server's only job.
async fn only_job(api: &Api) -> Value {
    let page = api.json("/jobs").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    page["items"][0].clone()
}

#[tokio::test]
async fn the_exit_code_of_the_command_passes_through() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    for (command, code) in [("true", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137)] {
        assert_eq!(cli.run(&["run", "--", "sh", "-c", command]).await.code, Some(code), "{command}");
    }
    // In the following two cases, the job has no exit code, because the signal also terminates its shell.
    assert_eq!(cli.run(&["run", "--", "kill", "-9", "0"]).await.code, Some(137));
    assert_eq!(cli.run(&["run", "--", "kill", "-TERM", "0"]).await.code, Some(143));
    assert_eq!(cli.run(&["run", "--", "no-such-program"]).await.code, Some(127));
}

#[tokio::test]
async fn each_failure_without_a_command_exit_code_has_its_own_exit_code() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let done = cli.run(&["run", "--timeout", "1s", "--", "sleep", "1000"]).await;
    assert_eq!(done.code, Some(124), "{}", done.stderr);
    assert!(done.stderr.contains("timed out"), "{}", done.stderr);
    let done = cli.run(&["run", "--cwd", "not/there", "--", "true"]).await;
    assert_eq!(done.code, Some(126), "{}", done.stderr);
    assert!(done.stderr.contains("not/there"), "{}", done.stderr);
    let done = Cli::new("http://127.0.0.1:1").run(&["run", "--", "true"]).await;
    assert_eq!(done.code, Some(125), "{}", done.stderr);
}

#[tokio::test]
async fn stdout_and_stderr_are_passed_through_byte_for_byte() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let script = "printf 'no newline\\033[31m'; echo error >&2; printf 'after\\r\\n\\n'; printf 'half' >&2";
    let done = cli.run(&["run", "--", "sh", "-c", script]).await;
    assert_eq!(done.stdout, "no newline\u{1b}[31mafter\r\n\n");
    assert_eq!(done.stderr, "error\nhalf");
}

#[tokio::test]
async fn the_first_line_arrives_before_the_second_is_printed() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let cli = Cli::new(&server.api.base);
    let script = format!("echo first; {}; echo second", gate.wait());
    let mut run = cli.start(&["run", "--", "sh", "-c", &script]);
    assert_eq!(run.line().await, "first");
    gate.open();
    assert_eq!(run.line().await, "second");
    assert_eq!(run.ended().await.code, Some(0));
}

#[tokio::test]
async fn ctrl_c_cancels_the_job_and_still_shows_the_rest_of_its_output() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let script = "trap 'echo cleaned up; exit 0' TERM; echo begun; while :; do sleep 0.05; done";
    let mut run = cli.start(&["run", "--", "sh", "-c", script]);
    assert_eq!(run.line().await, "begun");
    run.interrupt();
    assert_eq!(run.line().await, "cleaned up");
    let done = run.ended().await;
    assert_eq!(done.code, Some(123), "{}", done.stderr);
    let job = only_job(&server.api).await;
    assert_eq!(
        (&job["status"], &job["cancelReason"]),
        (&json!("cancelled"), &json!("interrupted at the command line"))
    );
}

#[tokio::test]
async fn a_second_ctrl_c_exits_and_says_that_the_job_may_still_run() {
    let server = TestServer::start_with(|config| config.jobs.cancel_grace = Duration::from_hours(1)).await;
    let (cli, gate) = (Cli::new(&server.api.base), Gate::new());
    let script = format!("trap '' TERM; echo begun; {}", gate.wait());
    let mut run = cli.start(&["run", "--", "sh", "-c", &script]);
    assert_eq!(run.line().await, "begun");
    run.interrupt();
    run.complains("press Ctrl-C again").await;
    run.interrupt();
    run.complains("the job may still be running").await;
    assert_eq!(run.ended().await.code, Some(130));
    let job = only_job(&server.api).await;
    assert_eq!(job["status"], "running");
    gate.open();
    server.api.ended(job["id"].as_str().expect("a job has an id")).await;
}

#[tokio::test]
async fn a_closed_pipe_cancels_the_command_as_it_would_locally() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let mut run = cli.start(&["run", "--", "sh", "-c", "while :; do echo y; sleep 0.01; done"]);
    assert_eq!(run.line().await, "y");
    let done = run.close_stdout().await;
    assert_eq!((done.code, done.stderr.as_str()), (Some(141), ""));
    let job = only_job(&server.api).await;
    assert_eq!(server.api.ended(job["id"].as_str().expect("a job has an id")).await["status"], "cancelled");
}

#[tokio::test]
async fn arguments_are_passed_unchanged() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let odd = ["a b", "$HOME", "`id`", "'", "\"", "\\", ";", "*", "é\n漢", ""];
    let mut arguments = vec!["run", "--", "printf", "<%s>"];
    arguments.extend(odd);
    let expected: String = odd.iter().map(|word| format!("<{word}>")).collect();
    assert_eq!(cli.stdout(&arguments).await, expected);
}

#[tokio::test]
async fn options_of_run_are_passed_to_the_job() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base).with("FROM_HERE", "there");
    let flags =
        ["run", "--title", "The title", "--env", "A=1=2", "--env", "FROM_HERE", "--shell", "bash", "--timeout", "1m"];
    let mut arguments = flags.to_vec();
    arguments.extend(["--", "sh", "-c", "echo $A $FROM_HERE"]);
    assert_eq!(cli.stdout(&arguments).await, "1=2 there\n");
    let id = only_job(&server.api).await["id"].as_str().expect("a job has an id").to_owned();
    let payload = server.api.job(&id).await["payload"].clone();
    assert_eq!((&payload["title"], &payload["timeoutSeconds"]), (&json!("The title"), &json!(60)));
    assert_eq!(payload["steps"][0]["shell"], "bash");
}

#[tokio::test]
async fn a_detached_command_keeps_running() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let cli = Cli::new(&server.api.base);
    let id = cli.stdout(&["run", "--detach", "--", "sh", "-c", &gate.wait()]).await;
    gate.open();
    assert_eq!(server.api.ended(id.trim()).await["status"], "succeeded");
}
