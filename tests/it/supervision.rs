//! Processes that a step starts cannot escape their supervisor, and a step's environment does not depend on how the
//! server was started.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::harness::process::Process;
use crate::harness::{Mode, TestServer, in_both_modes, of_kind, until};
use crate::processes::{lives, step_ends, unique_sleep};

/// Returns whether the process whose id is in this file is running.
fn lives_of(pid_file: &Path) -> bool {
    let pid = std::fs::read_to_string(pid_file).expect("the file exists");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Returns commands that each start a hidden background process. With each command, returns the file to which this
/// process writes its id. The command ends after the id has been written.
fn daemons(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut daemons = Vec::new();
    for (name, start) in [
        ("bare", "env -i setsid sh -c 'echo $$ > PID; exec sleep 1000' &"),
        ("twice", "env -i setsid sh -c 'env -i setsid sh -c \"echo \\$\\$ > PID; exec sleep 1000\" &' &"),
        (
            "overwritten",
            "setsid perl -e '$0 = \"x\" x 3000; open F, \">\", \"PID\"; print F $$; close F; sleep 1000' &",
        ),
        ("closed", "env -i setsid sh -c 'echo $$ > PID; exec sleep 1000' >/dev/null 2>&1 </dev/null &"),
        ("deaf", "env -i setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > PID; while :; do sleep 1000; done' &"),
    ] {
        let pid = folder.join(name);
        let path = pid.display().to_string();
        let start = start.replace("PID", &path);
        daemons.push((pid, format!("{start} while [ ! -s {path} ]; do sleep 0.01; done")));
    }
    daemons
}

async fn a_daemon_that_clears_its_environment_and_leaves_its_session_dies_with_its_step(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (pid, command) in daemons(folder.path()) {
        let (id, job) = server.api.run(&format!("{command}; exit 3")).await;
        assert!(!lives_of(&pid), "{command}");
        assert_eq!(job["exitCode"], 3, "{command}");
        let events = server.api.events(&id).await;
        let end = of_kind(&events, "step")[1]["message"].as_str().expect("a message is text");
        assert!(end.contains("background processes that it left running were killed"), "{end}");
    }
}

async fn a_hidden_daemon_dies_with_its_cancelled_job(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (pid, command) in daemons(folder.path()) {
        let id = server.api.submit(json!({"run": format!("{command}; echo ready; sleep 1000")})).await;
        server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
        assert!(lives_of(&pid), "{command}");
        server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
        assert_eq!(server.api.ended(&id).await["status"], "cancelled");
        assert!(!lives_of(&pid), "{command}");
    }
}

async fn a_hidden_daemon_dies_with_a_killed_server(mode: Mode) {
    let (data, folder) =
        (tempfile::tempdir().expect("a temporary folder"), tempfile::tempdir().expect("a temporary folder"));
    for (pid, command) in daemons(folder.path()) {
        let server = Process::start(data.path()).in_mode(mode);
        let id = server.api.submit(json!({"run": format!("{command}; echo ready; sleep 1000")})).await;
        server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
        assert!(lives_of(&pid), "{command}");
        server.kill();
        // No other server has been started, so only the supervisor can kill the process.
        until("the daemon is dead", || !lives_of(&pid)).await;
    }
}

async fn a_chain_of_processes_that_each_start_the_next_one_is_killed(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (alive, link) = (folder.path().join("alive"), folder.path().join("link.sh"));
    let text = format!("echo x >> {}\nenv -i setsid sh {} &\n", alive.display(), link.display());
    std::fs::write(&link, text).expect("the folder can be written");
    let command = format!("sh {} >/dev/null 2>&1 & while [ ! -s {} ]; do :; done", link.display(), alive.display());
    let (_, job) = server.api.run(&command).await;
    assert_eq!(job["status"], "succeeded");
    assert!(!lives(&link.display().to_string()));
}

async fn a_step_that_kills_its_supervisor_fails_and_its_processes_are_killed(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let sleep = unique_sleep();
    let (id, job) = server.api.run(&format!("setsid sleep {sleep} & kill -9 $PPID; sleep {sleep}")).await;
    assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("signal")));
    assert_eq!(step_ends(&server, &id).await[0]["signal"], 9);
    assert!(!lives(&sleep));
}

async fn a_step_that_stops_its_supervisor_ends_like_any_other(mode: Mode) {
    let server =
        TestServer::start_with(|config| config.jobs.cancel_grace = Duration::from_millis(100)).await.in_mode(mode);
    // The step may stop its supervisor before or after the supervisor has reported the start.
    for command in ["kill -STOP $PPID", "kill -STOP $PPID; exit 3", "sleep 0.2; kill -STOP $PPID; echo over"] {
        for _ in 0..3 {
            let (_, job) = server.api.run(command).await;
            assert_eq!(job["exitCode"], if command.ends_with('3') { 3 } else { 0 }, "{command}: {job}");
        }
    }
    let command = format!("while :; do kill -STOP $PPID; done # {}", unique_sleep());
    let id = server.api.submit(json!({"run": command, "timeoutSeconds": 1})).await;
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("timeout")), "{job}");
    assert!(!lives(&command));
}

async fn a_hidden_daemon_dies_even_if_its_step_kills_the_supervisor(mode: Mode) {
    let (data, folder) =
        (tempfile::tempdir().expect("a temporary folder"), tempfile::tempdir().expect("a temporary folder"));
    let server = Process::start(data.path()).in_mode(mode);
    for (pid, command) in daemons(folder.path()) {
        let (_, job) = server.api.run(&format!("{command}; kill -9 $PPID; sleep 1000")).await;
        assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("signal")), "{command}: {job}");
        assert!(!lives_of(&pid), "{command}");
    }
    // Other jobs of the server are not affected.
    assert_eq!(server.api.run("true").await.1["status"], "succeeded");
}

#[tokio::test]
async fn dynamic_loader_variables_of_a_step_do_not_affect_its_supervisor() {
    let server = TestServer::start().await;
    let env = json!({"LD_PRELOAD": "/no/such/library.so", "LD_LIBRARY_PATH": "/no/such/folder"});
    let id = server.api.submit(json!({"run": "echo $LD_LIBRARY_PATH", "env": env})).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
    // The dynamic loader reports the missing library once, for the shell. If it also reported the library for the
    // supervisor, there would be a second message.
    assert_eq!(output.matches("/no/such/library.so").count(), 1, "{output}");
    // Only the presence of the line is checked, because the relative order of the two streams is not defined.
    assert!(output.contains("/no/such/folder\n"), "{output}");
}

#[tokio::test]
async fn a_step_that_cannot_start_reports_the_reason() {
    let server = TestServer::start().await;
    let make = "printf '#!/no/such/interpreter\n' > broken; chmod +x broken; echo text > text; mkdir closed";
    for (shell, reason) in [
        ("./broken", "./broken could not be started: No such file or directory"),
        ("./text", "./text could not be started: not found in the step's PATH"),
        ("no-such-shell", "no-such-shell could not be started: not found in the step's PATH"),
    ] {
        let id = server.api.submit(json!({"steps": [{"run": make}, {"shell": shell, "run": "true"}]})).await;
        let job = server.api.ended(&id).await;
        assert_eq!(job["failureReason"], "spawn", "{job}");
        let message = job["errorMessage"].as_str().expect("the job has an error message");
        assert!(message.contains(reason), "{message}");
    }
}

async fn a_stopped_process_is_continued_so_that_it_can_clean_up(mode: Mode) {
    // The grace period is longer than the test may take, so the test passes only if the processes react to SIGTERM.
    let server =
        TestServer::start_with(|config| config.jobs.cancel_grace = Duration::from_hours(1)).await.in_mode(mode);
    for command in [
        "trap 'echo cleaned; exit 0' TERM; echo ready; kill -STOP $$",
        "sh -c 'trap \"echo cleaned; exit 0\" TERM; echo ready; kill -STOP $$'",
        "trap 'wait; exit 0' TERM; setsid sh -c 'trap \"echo cleaned; exit 0\" TERM; echo ready; kill -STOP $$' & wait",
    ] {
        let id = server.api.submit(json!({"run": command})).await;
        server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
        server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
        assert_eq!(server.api.ended(&id).await["status"], "cancelled", "{command}");
        let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
        assert!(output.contains("cleaned\n"), "{command}: {output}");
    }
}

/// Starts a server from a shell that has executed `before`, and returns the output of a job on that server.
async fn printed_by_a_job_of_a_server_started_after(before: &str, command: &str) -> String {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |server| {
        let program = server.get_program().to_owned();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(program);
        shell
    });
    let (id, job) = server.api.run(command).await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
    assert_eq!(job["status"], "succeeded", "{job} {output}");
    output
}

#[tokio::test]
async fn a_program_that_was_started_before_the_server_survives_a_step_that_kills_its_supervisor() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let (sleep, pid) = (unique_sleep(), data.path().join("pid"));
    let server = Process::start_by(data.path(), |server| {
        let program = server.get_program().to_owned();
        let mut shell = std::process::Command::new("sh");
        let pid = pid.display();
        shell.args(["-c", &format!("sleep {sleep} >/dev/null & echo $! > {pid}; exec \"$0\" \"$@\"")]).arg(program);
        shell
    });
    let (_, job) = server.api.run("kill -9 $PPID; sleep 1000").await;
    assert_eq!(job["failureReason"], "signal", "{job}");
    assert!(lives(&sleep), "it is no process of the step");
    let kill = format!("kill $(cat {})", pid.display());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().expect("a shell starts").success());
}

#[tokio::test]
async fn a_step_has_default_signal_handling_whatever_its_server_ignores() {
    let ignore = "exec perl -MPOSIX -e '\
        $SIG{$_} = \"IGNORE\" for qw(HUP INT QUIT USR1 CHLD PIPE ALRM TERM SEGV TTOU NUM40); \
        sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR2, SIGTSTP)); exec @ARGV'";
    let command = "grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f 2; sh -c 'sleep 0.01 & wait $!; echo $?'; \
                   sh -c 'kill -HUP $$'; echo $?";
    let before = format!("set -- \"$0\" \"$@\"; {ignore} \"$@\"; :");
    let output = printed_by_a_job_of_a_server_started_after(&before, &format!("set +e; {command}")).await;
    let lines: Vec<&str> = output.lines().filter(|line| *line != "Hangup").collect();
    let [blocked, ignored, waited, hung_up] = lines[..] else { panic!("not four lines: {output}") };
    assert_eq!((blocked, waited, hung_up), ("0000000000000000", "0", "129"));
    // The C library reserves signals 32 and 33, and makes every child process that it spawns ignore them.
    let ignored = u64::from_str_radix(ignored, 16).expect("it is a hexadecimal number");
    assert_eq!(ignored & !(0b11 << 31), 0, "{ignored:x}");
}

#[tokio::test]
async fn a_step_has_the_default_priority_and_the_original_file_limit_of_its_server() {
    // Raising the priority requires privileges. Without them, these commands have no effect, and the job has the
    // default priority anyway.
    let before = "ulimit -Sn 256; renice -n -10 $$ >/dev/null 2>&1; echo -900 2>/dev/null > /proc/self/oom_score_adj;";
    let command = "ulimit -Sn; nice; cat /proc/self/oom_score_adj";
    assert_eq!(printed_by_a_job_of_a_server_started_after(before, command).await, "256\n0\n0\n");
    // A priority below the default is inherited.
    let before = "renice -n 5 $$ >/dev/null 2>&1; echo 300 > /proc/$$/oom_score_adj;";
    let command = "nice; cat /proc/self/oom_score_adj";
    assert_eq!(printed_by_a_job_of_a_server_started_after(before, command).await, "5\n300\n");
}

async fn a_step_runs_in_a_session_without_a_terminal_and_is_not_the_session_leader(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let (id, _) = server.api.run("echo $$; cat /proc/self/stat").await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
    let (shell, stat) = output.split_once('\n').expect("two lines");
    let session_and_terminal = |stat: &str| {
        let fields: Vec<String> =
            stat.rsplit_once(") ").expect("a name ends").1.split(' ').map(str::to_owned).collect();
        (fields[3].clone(), fields[4].clone())
    };
    let (session, terminal) = session_and_terminal(stat);
    assert_eq!(terminal, "0", "the session has no terminal");
    assert_ne!(session, shell, "the step does not lead its session, so it cannot acquire a terminal");
    let ours = std::fs::read_to_string("/proc/self/stat").expect("/proc is mounted");
    assert_ne!(session, session_and_terminal(&ours).0, "the session is not that of the server");
}

in_both_modes!(
    a_daemon_that_clears_its_environment_and_leaves_its_session_dies_with_its_step,
    a_hidden_daemon_dies_with_its_cancelled_job,
    a_hidden_daemon_dies_with_a_killed_server,
    a_chain_of_processes_that_each_start_the_next_one_is_killed,
    a_step_that_kills_its_supervisor_fails_and_its_processes_are_killed,
    a_step_that_stops_its_supervisor_ends_like_any_other,
    a_hidden_daemon_dies_even_if_its_step_kills_the_supervisor,
    a_stopped_process_is_continued_so_that_it_can_clean_up,
    a_step_runs_in_a_session_without_a_terminal_and_is_not_the_session_leader,
);
