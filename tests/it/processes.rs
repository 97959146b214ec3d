//! Tests of how steps run and end: exit codes, signals, timeouts and cancellation. No process survives its job.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::process::Process;
use crate::harness::{Mode, TestServer, in_both_modes, of_kind, until};

/// Returns the payloads of the events that report the end of a step.
pub async fn step_ends(server: &TestServer, id: &str) -> Vec<Value> {
    let events = server.api.events(id).await;
    let steps = of_kind(&events, "step").into_iter().map(|event| event["payload"].clone());
    steps.filter(|payload| payload["status"] != "started").collect()
}

/// Returns whether any running process has this argument in its command line.
pub fn lives(argument: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc is mounted").flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|command| command.split(|byte| *byte == 0).any(|part| part == argument.as_bytes()))
}

/// Returns a duration for `sleep`, in seconds, that no other test uses.
pub fn unique_sleep() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is right");
    format!("1000.{}", now.as_nanos())
}

async fn exit_codes_and_signals_are_exact(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    for (command, exit_code, signal, reason) in [
        ("true", json!(0), json!(null), json!(null)),
        ("exit 3", json!(3), json!(null), json!("exit_code")),
        ("exit 255", json!(255), json!(null), json!("exit_code")),
        ("kill -9 $$", json!(null), json!(9), json!("signal")),
        ("kill -SEGV $$", json!(null), json!(11), json!("signal")),
        ("/no/such/program", json!(127), json!(null), json!("exit_code")),
    ] {
        let (id, job) = server.api.run(command).await;
        let step = &step_ends(&server, &id).await[0];
        assert_eq!((&step["exitCode"], &step["signal"]), (&exit_code, &signal), "{command}");
        assert_eq!((&job["exitCode"], &job["failureReason"]), (&exit_code, &reason), "{command}");
        let status = if exit_code == 0 { "succeeded" } else { "failed" };
        assert_eq!(job["status"], status, "{command}");
    }
}

async fn the_first_failure_ends_the_stage_unless_the_step_may_fail(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let steps = json!([{"run": "exit 1", "continueOnError": true}, {"run": "exit 2"}, {"run": "echo never"}]);
    let id = server.api.submit(json!({"steps": steps})).await;
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["exitCode"]), (&json!("failed"), &json!(2)));
    let statuses: Vec<Value> = step_ends(&server, &id).await.into_iter().map(|step| step["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "failed", "skipped"]);
    assert_eq!(server.api.output(&id, 1).await, b"");
}

async fn a_job_whose_last_step_was_stopped_or_did_not_start_has_no_exit_code(mode: Mode) {
    let server = TestServer::start_with(|config| config.jobs.output_limit = Some(10_000)).await.in_mode(mode);
    let slow = |run: &str| json!({"run": run, "timeoutSeconds": 1});
    for (step, reason) in [
        (slow("sleep 600"), "timeout"),
        (slow("trap 'exit 0' TERM; sleep 600 & wait"), "timeout"),
        (json!({"run": "kill -9 $$"}), "signal"),
        (json!({"run": "true", "shell": "no-such-shell"}), "spawn"),
        (json!({"run": "true", "workingDirectory": "nowhere"}), "spawn"),
        (json!({"run": "trap 'exit 0' TERM; yes"}), "output_limit"),
    ] {
        let id = server.api.submit(json!({"steps": [{"run": "true"}, step]})).await;
        let job = server.api.ended(&id).await;
        assert_eq!((&job["exitCode"], &job["failureReason"]), (&json!(null), &json!(reason)), "{job}");
        let events = server.api.events(&id).await;
        let attempt = of_kind(&events, "attempt").pop().expect("the attempt has ended").clone();
        assert_eq!(attempt["payload"]["exitCode"], json!(null), "{attempt}");
    }
    let steps = json!([{"run": "true"}, {"run": "trap 'exit 0' TERM; echo begun; sleep 600 & wait"}]);
    let id = server.api.submit(json!({"steps": steps})).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["exitCode"]), (&json!("cancelled"), &json!(null)), "{job}");
}

#[tokio::test]
async fn steps_share_a_fresh_workspace_and_a_minimal_environment() {
    let server = TestServer::start().await;
    let steps = json!([
        {"run": "pwd > where; mkdir sub; echo \"$HOME\" \"$CI\" \"$TERM\" \"$TAILWATER_ATTEMPT\" \"$A\" \"$B\"", "env": {"B": "step"}},
        {"run": "test -f ../where && basename \"$PWD\"; env | cut -d= -f1 | sort | tr '\\n' ' '; read x || echo eof",
         "workingDirectory": "sub"},
    ]);
    let id = server.api.submit(json!({"env": {"A": "job", "B": "job"}, "steps": steps})).await;
    let job = server.api.ended(&id).await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
    assert_eq!(job["status"], "succeeded", "{output}");
    assert!(output.contains(" true xterm-256color 1 job step\n"), "{output}");
    assert!(output.contains("\nsub\n") && output.contains("eof\n"), "{output}");
    for hidden in ["CARGO", "TAILWATER_ADMIN_TOKEN", "OLDPWD"] {
        assert!(!output.contains(hidden), "{hidden} reached the child: {output}");
    }
    let work = server.data.path().join("work");
    assert_eq!(std::fs::read_dir(work).expect("the folder exists").count(), 0, "the workspace is removed");
}

async fn a_child_inherits_only_the_three_standard_descriptors(mode: Mode) {
    let data = tempfile::tempdir().expect("a temporary folder");
    // The server itself inherits an additional file descriptor. In practice, a shell or a process supervisor may leave
    // one open.
    let server = Process::start_by(data.path(), |server| {
        let program = server.get_program().to_owned();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "exec 9</dev/null; exec \"$0\" \"$@\""]).arg(program);
        shell
    })
    .in_mode(mode);
    let (id, _) = server.api.run("ls /proc/self/fd | tr '\\n' ' '").await;
    // Descriptor 3 belongs to `ls` itself, which opened it to read the directory.
    assert_eq!(String::from_utf8_lossy(&server.api.output(&id, 1).await), "0 1 2 3 ");
}

#[tokio::test]
async fn bash_fails_if_any_command_of_a_pipe_fails_and_a_missing_shell_is_reported() {
    let server = TestServer::start().await;
    let id = server.api.submit(json!({"steps": [{"shell": "bash", "run": "false | true"}]})).await;
    assert_eq!(server.api.ended(&id).await["exitCode"], 1);
    let id = server.api.submit(json!({"steps": [{"shell": "no-such-shell", "run": "true"}]})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["failureReason"], "spawn");
    let message = job["errorMessage"].as_str().expect("the job has an error message");
    assert!(message.contains("no-such-shell could not be started"), "{message}");
}

#[tokio::test]
async fn a_shell_is_started_under_its_own_name_and_may_be_in_the_workspace() {
    let server = TestServer::start().await;
    let make = "printf '#!/bin/sh\\nshift; echo \"mine: $1\"\\n' > my-shell; chmod +x my-shell; echo \"$0\"";
    let steps = json!([{"run": make}, {"shell": "./my-shell", "run": "whatever"}]);
    let id = server.api.submit(json!({"steps": steps})).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    assert_eq!(String::from_utf8_lossy(&server.api.output(&id, 1).await), "sh\nmine: whatever\n");
}

#[tokio::test]
async fn the_workspace_path_is_absolute_even_if_the_data_folder_path_is_relative() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let here = std::env::current_dir().expect("the folder exists");
    let to_root: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let named = to_root.join(data.path().strip_prefix("/").expect("the path is absolute"));
    assert!(named.is_relative());
    let server = TestServer::start_over(data, |config| config.data_dir = named).await;
    let (id, _) =
        server.api.run("touch here; cd /; case $TAILWATER_WORKSPACE in /*) ls \"$TAILWATER_WORKSPACE\";; esac").await;
    assert_eq!(String::from_utf8_lossy(&server.api.output(&id, 1).await), "here\n");
}

async fn steps_and_jobs_time_out(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    for payload in [
        json!({"steps": [{"run": "echo begun; sleep 600", "timeoutSeconds": 1}]}),
        json!({"run": "echo begun; sleep 600", "timeoutSeconds": 1}),
    ] {
        let id = server.api.submit(payload).await;
        let job = server.api.ended(&id).await;
        assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("timeout")));
        assert_eq!(step_ends(&server, &id).await[0]["status"], "timed_out");
        assert_eq!(server.api.output(&id, 1).await, b"begun\n");
    }
}

async fn a_cancelled_job_may_clean_up_and_is_killed_if_it_ignores_the_request(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let id = server
        .api
        .submit(json!({"run": "trap 'echo cleaning; exit 5' TERM; echo ready; while :; do sleep 0.01; done"}))
        .await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "cancelled");
    // The shell itself may also print a message that its `sleep` was terminated.
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
    assert!(output.starts_with("ready\n") && output.contains("cleaning\n"), "{output}");

    let sleep = unique_sleep();
    let id = server.api.submit(json!({"run": format!("trap '' TERM; echo ready; sleep {sleep}")})).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!(server.api.ended(&id).await["status"], "cancelled");
    assert!(!lives(&sleep));
}

async fn a_process_that_called_setsid_is_killed_with_its_job(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let (inner, outer) = (unique_sleep(), unique_sleep() + "1");
    let command = format!("setsid sh -c 'setsid sleep {inner} & sleep {outer}' & sleep 0.1; echo ready; sleep 600");
    let id = server.api.submit(json!({"run": command})).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    until("the grandchildren run", || lives(&inner) && lives(&outer)).await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!(server.api.ended(&id).await["status"], "cancelled");
    assert!(!lives(&inner) && !lives(&outer));
}

async fn a_grandchild_that_keeps_the_pipe_open_does_not_delay_the_end_of_the_step(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let sleep = unique_sleep();
    let (id, job) = server.api.run(&format!("echo before; sleep {sleep} & exit 4")).await;
    assert_eq!((&job["status"], &job["exitCode"]), (&json!("failed"), &json!(4)));
    assert!(!lives(&sleep), "the leftover process is dead");
    let events = server.api.events(&id).await;
    let end = of_kind(&events, "step")[1]["message"].as_str().expect("a message is text");
    assert!(end.contains("background processes that it left running were killed"), "{end}");
    let (id, _) = server.api.run("exit 4").await;
    let events = server.api.events(&id).await;
    let end = of_kind(&events, "step")[1]["message"].as_str().expect("a message is text");
    assert!(!end.contains("left running"), "{end}");
}

#[tokio::test]
async fn a_failed_job_with_attempts_left_waits_before_the_next_one() {
    let server = TestServer::start().await;
    let id = server.api.submit_job(json!({"type": "command", "maxAttempts": 2, "payload": {"run": "exit 1"}})).await;
    let queued_again = |job: &Value| job["status"] == "queued" && job["attempt"] == 1;
    let job = server.api.job_when(&id, "is queued again", queued_again).await;
    let events = server.api.events(&id).await;
    let requeued = &events.last().expect("the list is not empty")["payload"];
    assert_eq!((&requeued["status"], &requeued["nextAttemptAt"]), (&json!("requeued"), &job["nextAttemptAt"]));
    let time = |value: &Value| value.as_str().and_then(|time| time.parse::<model::Timestamp>().ok());
    let wait = time(&job["nextAttemptAt"]).expect("a time").0 - time(&job["updatedAt"]).expect("a time").0;
    assert_eq!(wait, 15_000_000);
    // The second attempt is recorded in the same event log, and no attempt follows it.
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["attempt"]), (&json!("dead_letter"), &json!(2)));
    let events = server.api.events(&id).await;
    assert_eq!(of_kind(&events, "attempt").len(), 4);
    assert_eq!(of_kind(&events, "end").len(), 1);
}

#[tokio::test]
async fn a_worker_runs_as_many_jobs_at_a_time_as_configured() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 3).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let meet = folder.path().join("meet");
    std::fs::create_dir(&meet).expect("the folder can be written");
    // Each job waits until all three are running.
    let command =
        format!("touch {0}/$TAILWATER_JOB_ID; while [ $(ls {0} | wc -l) -lt 3 ]; do sleep 0.01; done", meet.display());
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(server.api.submit(json!({"run": command, "timeoutSeconds": 60})).await);
    }
    for id in ids {
        assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    }
}

async fn a_stopping_server_interrupts_its_jobs_and_stores_their_output(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let sleep = unique_sleep();
    let id = server.api.submit(json!({"run": format!("echo begun; sleep {sleep}")})).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    let data = server.stop().await;
    assert!(!lives(&sleep));
    let server = TestServer::start_over(data, |_| {}).await;
    let job = server.api.job(&id).await;
    assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("interrupted")));
    assert_eq!(server.api.output(&id, 1).await, b"begun\n");
}

in_both_modes!(
    exit_codes_and_signals_are_exact,
    the_first_failure_ends_the_stage_unless_the_step_may_fail,
    a_job_whose_last_step_was_stopped_or_did_not_start_has_no_exit_code,
    a_child_inherits_only_the_three_standard_descriptors,
    steps_and_jobs_time_out,
    a_cancelled_job_may_clean_up_and_is_killed_if_it_ignores_the_request,
    a_process_that_called_setsid_is_killed_with_its_job,
    a_grandchild_that_keeps_the_pipe_open_does_not_delay_the_end_of_the_step,
    a_stopping_server_interrupts_its_jobs_and_stores_their_output,
);
