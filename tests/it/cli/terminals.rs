//! `tailwater run` on a terminal runs its command in a terminal of the same size.

use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::cli::Cli;

/// Returns the payload of the server's latest job.
async fn payload(server: &TestServer) -> Value {
    server.api.json("/jobs").await["items"][0]["payload"].clone()
}

#[tokio::test]
async fn run_on_a_terminal_gives_the_command_a_terminal_of_the_same_size() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let script = "test -t 1 && test -t 2 && echo is $COLUMNS x $LINES; exit 3";
    let done = Cli::run_command(cli.on_terminal(&["run", "--", "sh", "-c", script])).await;
    assert_eq!(done.code, Some(3), "{done:?}");
    // The line break is CR LF, because the caller's own terminal converts line breaks.
    assert!(done.stdout.contains("is 77 x 23\r\n"), "{done:?}");
    let payload_of_first = payload(&server).await;
    assert_eq!(payload_of_first["terminal"], true);
    assert_eq!(payload_of_first["env"], json!({"COLUMNS": "77", "LINES": "23"}));
    let arguments = ["run", "--env", "COLUMNS=60", "--", "sh", "-c", script];
    let done = Cli::run_command(cli.on_terminal(&arguments)).await;
    assert!(done.stdout.contains("is 60 x 23\r\n"), "{done:?}");
}

#[tokio::test]
async fn run_gives_the_command_no_terminal_if_its_output_is_not_printed_on_one_or_if_an_argument_says_so() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    cli.stdout(&["run", "--", "true"]).await;
    assert_eq!((&payload(&server).await["terminal"], &payload(&server).await["env"]), (&Value::Null, &Value::Null));
    for arguments in [
        &["run", "--no-terminal", "--", "true"][..],
        &["run", "--terminal", "--no-terminal", "--", "true"],
        &["run", "--detach", "--", "true"],
        &["run", "--json", "--", "true"],
    ] {
        let done = Cli::run_command(cli.on_terminal(arguments)).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!(payload(&server).await["terminal"], Value::Null, "{arguments:?}");
    }
    let output = cli.stdout(&["run", "--terminal", "--", "sh", "-c", "test -t 1 && echo $COLUMNS x $LINES"]).await;
    assert_eq!(output, "120 x 40\n", "the default size, because there is no other terminal");
}

#[tokio::test]
async fn submit_reads_the_setting_from_a_file() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let yaml = "terminal: true\nenv: {LINES: '9'}\nsteps:\n- run: test -t 1 && echo $LINES\n- {run: test ! -t 1, terminal: false}\n";
    let id = cli.run_with(&["submit", "-"], yaml).await.stdout;
    assert_eq!(server.api.ended(id.trim()).await["status"], "succeeded");
    assert_eq!(server.api.output(id.trim(), 1).await, b"9\n");
    let done = cli.run_with(&["submit", "-"], "run: true\nterminal: maybe\n").await;
    assert!(done.stderr.starts_with("tailwater: -:1:6: "), "{}", done.stderr);
    let done = cli.run_with(&["submit", "-"], "run: ls\nterminal: maybe\n").await;
    assert!(done.stderr.starts_with("tailwater: -:2:11: ") && done.stderr.contains("boolean"), "{}", done.stderr);
}
