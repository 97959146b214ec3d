//! If the operator configures a user for jobs, jobs run as this user, and their files and processes belong to this
//! user.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use reqwest::Method;
use serde_json::json;

use super::{line, logged, printed};
use crate::harness::cli::Cli;
use crate::harness::process::{NOBODY, Process, is_root};
use crate::harness::{Mode, TestServer, in_both_modes, of_kind, until};

/// The user that jobs run as. Every Debian system has this user.
const USER: &str = "nobody";

/// Starts a server that runs jobs as [`USER`].
async fn server() -> TestServer {
    TestServer::start_with(|config| config.jobs.cage.user = Some(USER.into())).await
}

/// Returns the output of a command that runs outside any job.
fn of_machine(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program is installed").stdout;
    String::from_utf8(output).expect("the output is text").trim().to_owned()
}

async fn a_job_has_the_ids_the_home_the_files_and_the_streams_of_its_user(mode: Mode) {
    if !is_root() {
        return;
    }
    let server = server().await.in_mode(mode);
    let ids = "id -u; id -G; grep -E '^(Uid|Gid)' /proc/self/status | tr -s '\\t' ' '";
    let group = of_machine("id", &["-g", USER]);
    let expected = format!(
        "{NOBODY}\n{}\nUid: {NOBODY} {NOBODY} {NOBODY} {NOBODY}\nGid: {group} {group} {group} {group}",
        of_machine("id", &["-G", USER])
    );
    assert_eq!(line(&server.api, ids).await, expected);
    let entry = of_machine("getent", &["passwd", USER]);
    let fields: Vec<&str> = entry.split(':').collect();
    let expected = format!("{} {} {USER} {USER}", fields[5], fields[6]);
    assert_eq!(line(&server.api, "echo $HOME $SHELL $USER $LOGNAME").await, expected);
    let files = "touch file; stat -c %U . file; cd \"$TAILWATER_WORKSPACE\"; pwd >/dev/null";
    assert_eq!(line(&server.api, files).await, format!("{USER}\n{USER}"));
    // These commands open the standard streams by path, which only works if the user has permission.
    assert_eq!(line(&server.api, "echo out > /dev/stdout; echo err | tee /dev/stderr >/dev/null").await.len(), 7);
    let capabilities = line(&server.api, "grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status | cut -f 2").await;
    assert_eq!(capabilities, ["0000000000000000"; 3].join("\n"));
}

async fn processes_of_the_user_die_with_their_step_and_cannot_signal_the_server(mode: Mode) {
    if !is_root() {
        return;
    }
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |mut server| {
        server.env("TAILWATER_JOB_USER", USER);
        server
    })
    .in_mode(mode);
    let id = server.id();
    let kill = format!("kill -0 {id} || kill -0 $PPID || echo refused; setsid sleep 1234567.{id} & echo");
    assert!(line(&server.api, &kill).await.contains("refused"));
    until("the process is dead", || !crate::processes::lives(&format!("1234567.{id}"))).await;
}

in_both_modes!(
    a_job_has_the_ids_the_home_the_files_and_the_streams_of_its_user,
    processes_of_the_user_die_with_their_step_and_cannot_signal_the_server,
);

#[tokio::test]
async fn secrets_masks_artifacts_and_input_files_work_for_another_user() {
    if !is_root() {
        return;
    }
    let server = server().await;
    let request = server.api.request(Method::PUT, "/secrets/CONFIG").json(&json!({"value": "value-of-the-secret"}));
    assert!(request.send().await.expect("the server answers").status().is_success());
    let run = "cat \"$CONFIG\"; stat -c ' %U %a' \"$CONFIG\"; echo added-value-123 >> \"$TAILWATER_MASK\"; \
               echo added-value-123; mkdir -m 700 d; echo text > d/artifact";
    let payload = json!({"run": run, "secretFiles": ["CONFIG"], "artifacts": ["d/**"]});
    let id = server.api.submit(payload).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("it is text");
    assert_eq!(output, format!("[REDACTED] {USER} 600\n[REDACTED]\n"));
    let events = server.api.events(&id).await;
    assert_eq!(of_kind(&events, "artifact")[0]["payload"]["name"], "d/artifact");
    let cli = Cli::new(&server.api.base);
    fs::create_dir(cli.folder().join("sent")).expect("the folder can be written");
    fs::write(cli.folder().join("sent/file"), "content").expect("the folder can be written");
    let sent = cli.stdout(&["run", "--send", "sent", "--", "sh", "-c", "cat file; stat -c ' %U' file; rm file"]).await;
    assert_eq!(sent, format!("content {USER}\n"));
    assert_eq!(fs::read_dir(server.data.path().join("work")).expect("it exists").count(), 0, "everything is removed");
}

#[tokio::test]
async fn the_files_of_the_server_are_private_and_other_jobs_of_the_user_are_hidden() {
    if !is_root() {
        return;
    }
    let server = server().await;
    let data = server.data.path();
    for entry in fs::read_dir(data).expect("it exists") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("it exists").permissions().mode() & 0o777;
        let expected = if entry.file_name() == "work" { 0o711 } else { mode & 0o700 };
        assert_eq!(mode, expected, "{}", entry.path().display());
    }
    let gate = crate::harness::gate::Gate::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    let command = format!("echo s > secret; echo $$; {}", gate.is_open().replace("[ -e", "until [ -e"));
    let other = server.api.submit(json!({"run": format!("{command}; do sleep 0.01; done")})).await;
    let events = server.api.events_when(&other, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    let pid = of_kind(&events, "log")[0]["message"].as_str().expect("it is text").trim().to_owned();
    let data = data.display();
    let read = format!(
        "set +e; cat {data}/work/{other}-1/workspace/secret /proc/{pid}/cwd/secret /proc/{pid}/environ \
         {data}/tailwater.sqlite; ls {data}/spool; kill -0 {pid} && echo same user"
    );
    let output = printed(&server.api, json!({"run": format!("({read}) 2>/dev/null")})).await;
    assert_eq!(output, "same user\n");
    gate.open();
    server.api.ended(&other).await;
}

#[tokio::test]
async fn a_job_cannot_have_files_stored_that_its_user_cannot_read() {
    if !is_root() {
        return;
    }
    let server = server().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("key.txt"), "of root").expect("the folder can be written");
    fs::set_permissions(folder.path().join("key.txt"), fs::Permissions::from_mode(0o644)).expect("it is ours");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("it is ours");
    let of_root = folder.path().display();
    let job = json!({"run": "true", "workingDirectory": of_root.to_string(), "artifacts": ["**", "key.txt"]});
    let id = server.api.submit(job).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["failureReason"], "spawn", "{job}");
    let message = job["errorMessage"].as_str().expect("it is text");
    assert!(message.contains("cannot enter the working directory"), "{message}");
    let stored = server.api.json(&format!("/jobs/{id}/artifacts")).await;
    assert_eq!(stored["items"].as_array().expect("a list").len(), 1, "only the log is stored: {stored}");
    // Only root and the job's user may read this file and its directory, so the server reads them as the job's user.
    let run = "mkdir d; echo mine > d/mine";
    let id = server.api.submit(json!({"run": run, "artifacts": ["d/**"]})).await;
    server.api.ended(&id).await;
    let stored = server.api.json(&format!("/jobs/{id}/artifacts")).await;
    assert_eq!(stored["items"].as_array().expect("a list").len(), 2, "{stored}");
}

#[tokio::test]
async fn a_workspace_that_its_user_has_closed_is_removed() {
    if !is_root() {
        return;
    }
    let server = server().await;
    let command = "mkdir -p a/b; touch a/b/c; ln -s /etc a/link; chmod 000 a/b/c a/b a .";
    assert_eq!(server.api.run(command).await.1["status"], "succeeded");
    assert_eq!(fs::read_dir(server.data.path().join("work")).expect("it exists").count(), 0);
    assert_eq!(fs::metadata("/etc").expect("it exists").uid(), 0);
}

#[tokio::test]
async fn a_user_that_jobs_cannot_run_as_is_refused_at_the_start() {
    let cases: &[(&str, bool, &str)] = &[
        ("no-such-user", false, "this machine has no user"),
        ("daemon", true, "the server cannot run jobs as"),
        ("4000000000", false, "this machine has no user"),
    ];
    for (user, as_nobody, reason) in cases {
        if *user == "daemon" && !is_root() {
            continue;
        }
        let data = tempfile::tempdir().expect("a temporary folder");
        let path = data.path();
        let started = Process::start_to_die(path, |program| {
            let mut server = if *as_nobody { Process::as_nobody(path) } else { program };
            server.env("TAILWATER_JOB_USER", user);
            server
        });
        assert_eq!(started.err().and_then(|status| status.code()), Some(1), "{user}");
        assert!(logged(path).contains(reason), "{}", logged(path));
    }
}

#[tokio::test]
async fn a_data_directory_that_the_user_cannot_reach_is_refused_at_the_start() {
    if !is_root() {
        return;
    }
    let closed = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).expect("the folder is ours");
    let data = closed.path().join("data");
    fs::create_dir(&data).expect("the folder can be written");
    let started = Process::start_to_die(&data, |mut server| {
        server.env("TAILWATER_JOB_USER", USER);
        server
    });
    assert_eq!(started.err().and_then(|status| status.code()), Some(1));
    let log = logged(&data);
    assert!(log.contains("cannot enter") && log.contains("--data-dir"), "{log}");
}
