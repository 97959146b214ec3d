//! `tailwater logs` prints the complete log even if the connection is interrupted.

use serde_json::{Value, json};

use crate::harness::cli::Cli;
use crate::harness::gate::Gate;
use crate::harness::process::Process;
use crate::harness::proxy::Proxy;
use crate::harness::{Random, TestServer, of_kind};

/// Submits a job with two steps that each print to both streams, and waits until it has finished.
async fn two_steps(server: &TestServer) -> String {
    let steps = json!([
        {"id": "build", "run": "echo compiling; printf '\\033[33mwarning\\033[0m: old\\n' >&2; echo compiled"},
        {"id": "test", "run": "echo testing; echo 'error: broken' >&2; printf 'no newline'"},
    ]);
    let id = server.api.submit(json!({"steps": steps})).await;
    server.api.ended(&id).await;
    id
}

#[tokio::test]
async fn the_log_preserves_the_order_in_which_the_job_printed() {
    // The streams alternate slowly enough for the server to read each line separately. Few events are permitted per
    // second, so each event combines many segments of one stream.
    let server = TestServer::start_with(|config| config.jobs.live_events_per_second = 2).await;
    let cli = Cli::new(&server.api.base);
    let command = "for i in $(seq 200); do echo out $i; echo err $i >&2; sleep 0.01; done; printf end";
    let (id, _) = server.api.run(command).await;
    let events = server.api.events(&id).await;
    let joined = of_kind(&events, "log").iter().filter(|event| event["payload"]["segments"].is_array()).count();
    assert!(joined > 0, "some events combine several chunks");
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the output is UTF-8");
    assert_eq!(cli.stdout(&["logs", &id]).await, output);
    assert_eq!(cli.stdout(&["logs", "-f", &id]).await, output);
}

#[tokio::test]
async fn a_repeatedly_interrupted_connection_loses_and_repeats_nothing() {
    let mut random = Random::new("cut");
    let server = TestServer::start().await;
    // The first reply, which describes the job, is not interrupted.
    let mut first = true;
    let cut = move || if std::mem::take(&mut first) { usize::MAX } else { 300 + random.below(6_000) };
    let proxy = Proxy::before(&server.api.base, cut).await;
    let cli = Cli::new(&proxy.base);
    let id = server
        .api
        .submit(json!({"run": "for i in $(seq 100); do echo line $i; echo again >&2; sleep 0.01; done"}))
        .await;
    let done = cli.run(&["logs", "-f", &id]).await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the output is UTF-8");
    assert_eq!((done.stdout, done.code), (output, Some(0)), "{}", done.stderr);
}

#[tokio::test]
async fn a_server_that_is_killed_and_restarted_loses_and_repeats_nothing() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    let proxy = Proxy::before(&server.api.base, || usize::MAX).await;
    let cli = Cli::new(&proxy.base);
    let id = server
        .api
        .submit(json!({"run": "i=0; while :; do i=$((i+1)); echo line $i; echo again >&2; sleep 0.01; done"}))
        .await;
    let mut logs = cli.start(&["logs", "--follow", &id]);
    let mut seen = String::new();
    for _ in 0..50 {
        seen.push_str(&logs.line().await);
        seen.push('\n');
    }
    server.kill();
    let server = Process::start(data.path());
    proxy.move_to(&server.api.base);
    let done = logs.ended().await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the output is UTF-8");
    assert_eq!((format!("{seen}{}", done.stdout), done.code), (output, Some(0)), "{}", done.stderr);
}

#[tokio::test]
async fn a_log_is_followed_while_it_is_written() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let cli = Cli::new(&server.api.base);
    let id = server.api.submit(json!({"run": format!("echo first; {}; echo second", gate.wait())})).await;
    let mut logs = cli.start(&["logs", "-f", &id]);
    assert_eq!(logs.line().await, "first");
    assert_eq!(cli.stdout(&["logs", &id]).await, "first\n", "without -f the command exits at the end of the log");
    gate.open();
    assert_eq!(logs.ended().await.stdout, "second\n");
}

#[tokio::test]
async fn lines_are_selected_by_step_stream_and_pattern() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let id = two_steps(&server).await;
    let logs = async |flags: &[&str]| cli.stdout(&[&["logs", &id], flags].concat()).await;
    assert_eq!(logs(&["--step", "build", "--stream", "stdout"]).await, "compiling\ncompiled\n");
    assert_eq!(logs(&["--step", "test", "--stream", "stdout"]).await, "testing\nno newline");
    let step = logs(&["--step", "test"]).await;
    assert!(step.starts_with("testing\n") && step.contains("error: broken\n") && !step.contains("compil"), "{step}");
    assert_eq!(logs(&["--stream", "stderr"]).await, "\u{1b}[33mwarning\u{1b}[0m: old\nerror: broken\n");
    // The pattern is matched against the text without colours, but the line is printed with its colours.
    assert_eq!(logs(&["--grep", "^warning: .ld$"]).await, "\u{1b}[33mwarning\u{1b}[0m: old\n");
    assert_eq!(logs(&["--grep", "^no newline$"]).await, "no newline\n");
    assert_eq!(logs(&["-f", "--grep", "ing$", "--stream", "stdout"]).await, "compiling\ntesting\n");
    let refused = cli.run(&["logs", &id, "--grep", "("]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

#[tokio::test]
async fn grep_finds_the_lines_of_all_attempts_including_those_that_were_not_sent_live() {
    let server = TestServer::start_with(|config| {
        config.jobs.live_job_bytes = 10_000;
        config.jobs.live_tail_bytes = 10_000;
    })
    .await;
    let cli = Cli::new(&server.api.base);
    let job = json!({"type": "command", "maxAttempts": 2, "payload": {"run": "seq 50000; exit 1"}});
    let id = server.api.submit_job(job).await;
    server.api.ended(&id).await;
    let grep = async |flags: &[&str]| cli.stdout(&[&["logs", &id, "--grep", "^2..22$"], flags].concat()).await;
    let once: String = (0..100).map(|middle| format!("2{middle:02}22\n")).collect();
    assert_eq!(grep(&[]).await, once.repeat(2));
    let timed = grep(&["--timestamps"]).await;
    let lines = timed.lines().map(|line| line.split_once(' ').expect("a time").1);
    assert!(lines.eq(once.repeat(2).lines()), "{timed}");
    assert_eq!(grep(&["--stream", "stderr"]).await, "");
}

#[tokio::test]
async fn lines_that_another_job_did_not_print_are_shown() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (earlier, _) = server.api.run("seq -f 'file %.0f' 100; echo fine").await;
    let (id, _) = server.api.run("seq -f 'file %.0f' 200; echo 'error: broken'; echo broken, too >&2").await;
    let logs = async |flags: &[&str]| cli.stdout(&[&["logs", &id, "--not-in", &earlier], flags].concat()).await;
    assert_eq!(logs(&[]).await, "error: broken\nbroken, too\n");
    assert_eq!(logs(&["--grep", "^error"]).await, "error: broken\n");
    assert_eq!(logs(&["--stream", "stderr"]).await, "broken, too\n");
    let unknown = "01890000-0000-7000-8000-000000000000";
    let refused = cli.run(&["logs", &id, "--not-in", unknown]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("notIn: "), "{}", refused.stderr);
    assert_eq!(cli.run(&["logs", &id, "--not-in", &earlier, "--follow"]).await.code, Some(2));
}

#[tokio::test]
async fn lines_can_be_prefixed_with_and_selected_by_time() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let cli = Cli::new(&server.api.base);
    let id = server.api.submit(json!({"run": format!("echo early; {}; echo late", gate.wait())})).await;
    let events = server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    let log = of_kind(&events, "log")[0].clone();
    gate.open();
    server.api.ended(&id).await;
    let text = |value: &Value| value.as_str().expect("it is a time").to_owned();
    assert_eq!(cli.stdout(&["logs", &id, "--since", &text(&log["createdAt"])]).await, "late\n");
    assert_eq!(cli.stdout(&["logs", &id, "--since", "10m"]).await, "early\nlate\n");
    assert_eq!(cli.stdout(&["logs", &id, "--since", "0s"]).await, "");
    let timed = cli.stdout(&["logs", &id, "--timestamps"]).await;
    assert_eq!(timed.lines().next(), Some(format!("{} early", text(&log["payload"]["time"])).as_str()));
    assert_eq!(cli.run(&["logs", &id, "--since", "soon"]).await.code, Some(2));
}

#[tokio::test]
async fn json_output_contains_the_same_events_as_the_api() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let id = two_steps(&server).await;
    for flags in [&["logs", "--json", &id][..], &["logs", "-f", "--json", &id]] {
        let printed = cli.stdout(flags).await;
        let events: Vec<Value> =
            printed.lines().map(|line| serde_json::from_str(line).expect("the text is JSON")).collect();
        assert_eq!(events, server.api.events(&id).await);
    }
}

#[tokio::test]
async fn logs_exits_silently_when_its_output_pipe_is_closed() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (id, _) = server.api.run("seq 100000").await;
    let mut logs = cli.start(&["logs", &id]);
    assert_eq!(logs.line().await, "1");
    let done = logs.close_stdout().await;
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn terminal_control_sequences_are_removed_only_for_a_terminal() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (id, _) = server.api.run("printf 'a\\033]52;c;aGk=\\007b\\033[31mc\\033[6n\\n'").await;
    assert_eq!(cli.stdout(&["logs", &id]).await, "a\u{1b}]52;c;aGk=\u{7}b\u{1b}[31mc\u{1b}[6n\n");
    assert_eq!(cli.stdout(&["logs", "--color", "never", &id]).await, "abc\n");
}

#[tokio::test]
async fn an_unknown_job_is_reported() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let done = cli.run(&["logs", "-f", "01900000-0000-7000-8000-000000000000"]).await;
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), "tailwater: there is no such job (job_not_found)\n"));
    assert_eq!(cli.run(&["logs", "0190"]).await.code, Some(2));
}
