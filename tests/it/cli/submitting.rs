//! Tests of `tailwater submit`: jobs are read from files, and errors contain the line and column of a mistake.

use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::cli::Cli;

const YAML: &str = "title: From YAML\nenv: {GREETING: hello}\nsteps:\n- id: one\n  run: |\n    echo $GREETING\n    echo there\n- run: echo two\n";

#[tokio::test]
async fn a_job_is_submitted_from_yaml_or_json() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    std::fs::write(cli.folder().join("job.yaml"), YAML).expect("the folder can be written");
    let whole = json!({"type": "command", "maxAttempts": 2, "payload": {"run": "echo $((1+1))"}});
    for (id, output) in [
        (cli.stdout(&["submit", "job.yaml"]).await, "hello\nthere\ntwo\n"),
        (cli.run_with(&["submit", "-"], YAML).await.stdout, "hello\nthere\ntwo\n"),
        (cli.run_with(&["submit", "-"], &whole.to_string()).await.stdout, "2\n"),
    ] {
        server.api.ended(id.trim()).await;
        assert_eq!(server.api.output(id.trim(), 1).await, output.as_bytes());
    }
    let job: Value =
        serde_json::from_str(&cli.stdout(&["submit", "--json", "job.yaml"]).await).expect("the text is JSON");
    assert_eq!((&job["status"], &job["title"]), (&json!("queued"), &json!("From YAML")));
}

#[tokio::test]
async fn an_error_points_to_the_mistake_in_the_file() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let wrong = YAML.replace("  run: |", "  shel: bash\n  run: |");
    let done = cli.run_with(&["submit", "-"], &wrong).await;
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.starts_with("tailwater: -:5:3: ") && done.stderr.contains("shel"), "{}", done.stderr);
    assert!(done.stderr.contains("workingDirectory"), "the error says what was expected: {}", done.stderr);
    let done = cli.run_with(&["submit", "-"], "{\"run\": 7}").await;
    assert!(done.stderr.starts_with("tailwater: -:1:9: "), "{}", done.stderr);
    let done = cli.run(&["submit", "missing.yaml"]).await;
    assert!(done.stderr.contains("failed to read missing.yaml"), "{}", done.stderr);
    assert_eq!(server.api.json("/jobs").await["items"], json!([]), "nothing was submitted");
}

#[tokio::test]
async fn an_error_of_the_server_is_shown_unchanged() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let done = cli.run_with(&["submit", "-"], "steps: [{run: a}, {run: b, timeoutSeconds: 0}]").await;
    let expected =
        "tailwater: payload.steps[1].timeoutSeconds: must be 1 to 2592000 seconds, not 0 (invalid_queue_payload)\n";
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), expected));
}
