//! Tests of `tailwater run` with unusual arguments, signals and inputs.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::cli::{Cli, Running};
use crate::harness::gate::Gate;
use crate::harness::{Api, TestServer};

async fn jobs(api: &Api) -> Vec<Value> {
    api.json("/jobs").await["items"].as_array().expect("a page has items").clone()
}

#[tokio::test]
async fn a_non_posix_shell_runs_its_script_unchanged() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let python = async |script| cli.run(&["run", "--shell", "python3", "--", script]).await;
    assert_eq!(python("print(1)").await.stdout, "1\n");
    assert_eq!(python("import sys\nprint('a\"b', file=sys.stderr)\nsys.exit(3)").await.code, Some(3));
    assert_eq!(python("-1; print('minus')").await.stdout, "minus\n");
    let done = cli.run(&["run", "--shell", "python3", "--", "print(1)", "print(2)"]).await;
    assert_eq!(done.code, Some(125), "{}", done.stderr);
    assert!(done.stderr.contains("one argument"), "{}", done.stderr);
}

#[tokio::test]
async fn a_command_that_begins_with_a_dash_is_not_an_option() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    for shell in ["sh", "bash", "/bin/sh"] {
        for word in ["-x", "--", "-c", "+x"] {
            let done = cli.run(&["run", "--shell", shell, "--", word]).await;
            assert_eq!(done.code, Some(127), "{shell} {word}: {}", done.stderr);
            assert!(done.stderr.contains("not found"), "{shell} {word}: {}", done.stderr);
        }
    }
    let (id, job) = server.api.run("-x || echo went on").await;
    assert_eq!(job["status"], "succeeded");
    let output = String::from_utf8_lossy(&server.api.output(&id, 1).await).into_owned();
    assert!(output.contains("-x: ") && output.contains("went on\n"), "{output}");
}

#[tokio::test]
async fn a_non_utf8_argument_is_refused_with_a_reason_and_exit_code_125() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let not_utf8 = OsStr::from_bytes(b"caf\xe9");
    for arguments in [&["run", "--", "echo"][..], &["run", "--title"], &["--color", "never", "run", "--shell"]] {
        let mut command = cli.command(arguments);
        command.arg(not_utf8);
        let done = Cli::run_command(command).await;
        assert_eq!(done.code, Some(125), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains("UTF-8"), "{arguments:?}: {}", done.stderr);
    }
    // After a usage error, `run` exits with 125. It cannot exit with 2, because this could be the exit code of the
    // command.
    assert_eq!(cli.run(&["run", "--no-such-option", "--", "true"]).await.code, Some(125));
    assert_eq!(cli.run(&["run"]).await.code, Some(125));
    assert_eq!(cli.run(&["run", "--help"]).await.code, Some(0));
    assert_eq!(cli.run(&["jobs", "run", "--help-me"]).await.code, Some(2));
    assert_eq!(jobs(&server.api).await, Vec::<Value>::new());
}

#[tokio::test]
async fn closing_the_terminal_cancels_the_job_as_ctrl_c_does() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    for signal in ["-HUP", "-TERM"] {
        let mut run = cli.start(&["run", "--", "sh", "-c", "echo begun; sleep 1000"]);
        assert_eq!(run.line().await, "begun");
        run.signal(signal);
        let done = run.ended().await;
        assert_eq!(done.code, Some(123), "{signal}: {}", done.stderr);
        assert_eq!(jobs(&server.api).await[0]["status"], "cancelled", "{signal}");
    }
}

#[tokio::test]
async fn a_job_whose_output_can_no_longer_be_written_is_cancelled() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let mut command = cli.command(&["run", "--", "sh", "-c", "while :; do echo y; sleep 0.01; done"]);
    // Simulates a closed terminal: every write fails with an error other than a broken pipe.
    command.stdout(File::options().write(true).open("/dev/full").expect("it exists"));
    let done = Cli::run_command(command).await;
    assert_eq!(done.code, Some(125), "{}", done.stderr);
    assert_eq!(
        server.api.ended(jobs(&server.api).await[0]["id"].as_str().expect("an id")).await["status"],
        "cancelled"
    );
}

#[tokio::test]
async fn a_signal_ignored_at_startup_stays_ignored() {
    let server = TestServer::start().await;
    let (cli, gate) = (Cli::new(&server.api.base), Gate::new());
    let script = format!("echo begun; {}; echo done", gate.wait());
    // The program starts with SIGHUP ignored, as under `nohup`, and with SIGINT ignored, as in a shell's background
    // job.
    let trap = "trap '' HUP INT; exec \"$0\" \"$@\"";
    let mut command = cli.command(&[]);
    let environment: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command = std::process::Command::new("sh");
    command.env_clear().envs(environment).current_dir(cli.folder());
    command.args(["-c", trap, env!("CARGO_BIN_EXE_tailwater"), "run", "--", "sh", "-c", &script]);
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = Running::of(command);
    server.api.job_when(&first_job(&server.api).await, "runs", |job| job["status"] == "running").await;
    running.signal("-HUP");
    running.signal("-INT");
    gate.open();
    let ended = running.ended().await;
    assert_eq!((ended.stdout.as_str(), ended.code), ("begun\ndone\n", Some(0)));
}

async fn first_job(api: &Api) -> String {
    crate::harness::until_async("there is a job", async || !jobs(api).await.is_empty()).await;
    jobs(api).await[0]["id"].as_str().expect("a job has an id").to_owned()
}

#[tokio::test]
async fn data_on_standard_input_is_refused_and_never_silently_dropped() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let arguments = ["run", "--", "sh", "-s"];
    let piped = |input: &[u8]| {
        let (reader, mut writer) = std::io::pipe().expect("a pipe can be created");
        writer.write_all(input).expect("the input fits in the pipe");
        (reader, writer)
    };
    let (reader, writer) = piped(b"echo hi\n");
    drop(writer);
    let file = cli.folder().join("script");
    std::fs::write(&file, "echo hi\n").expect("it can be written");
    for stdin in [Stdio::from(reader), Stdio::from(File::open(&file).expect("the file exists"))] {
        let mut command = cli.command(&arguments);
        command.stdin(stdin);
        let done = Cli::run_command(command).await;
        assert_eq!(done.code, Some(125), "{}", done.stderr);
        assert!(done.stderr.contains("standard input has data"), "{}", done.stderr);
    }
    assert_eq!(jobs(&server.api).await, Vec::<Value>::new(), "nothing ran");
}

#[tokio::test]
async fn standard_input_without_data_does_not_prevent_a_run() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let run = async |stdin: Stdio| {
        let mut command = cli.command(&["run", "--", "echo", "hi"]);
        command.stdin(stdin);
        Cli::run_command(command).await
    };
    // Standard input is in turn the null device (as in cron jobs and many build systems), an empty file, and a pipe
    // whose write end is closed.
    let (ended, writer) = std::io::pipe().expect("a pipe can be created");
    drop(writer);
    for stdin in [Stdio::null(), Stdio::from(tempfile::tempfile().expect("a file")), Stdio::from(ended)] {
        let done = run(stdin).await;
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), "hi\n"));
        assert!(!done.stderr.contains("standard input"), "{}", done.stderr);
    }
    // The write end of this pipe is still open. The command runs anyway, and a message says that it ran without
    // standard input.
    let (open, writer) = std::io::pipe().expect("a pipe can be created");
    let done = run(Stdio::from(open)).await;
    drop(writer);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "hi\n"));
    assert!(done.stderr.contains("without standard input"), "{}", done.stderr);
    assert_eq!(jobs(&server.api).await[0]["status"], json!("succeeded"));
}
