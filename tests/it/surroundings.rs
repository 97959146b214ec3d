//! Tests of what a job inherits: its user's home directory, some of the server's variables, and its working directory.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use engine::worker::JobHome;
use serde_json::{Value, json};

use crate::harness::process::Process;
use crate::harness::{Api, Mode, TestServer, in_both_modes, of_kind};

/// Runs a job that must succeed, and returns its output.
async fn printed(api: &Api, payload: Value) -> String {
    let id = api.submit(payload.clone()).await;
    let job = api.ended(&id).await;
    let output = String::from_utf8(api.output(&id, 1).await).expect("the content is text");
    assert_eq!(job["status"], "succeeded", "{payload}: {} {output}", job["errorMessage"]);
    output
}

/// Runs a job whose step cannot be started, and returns the error message.
async fn spawn_error(api: &Api, payload: Value) -> String {
    let id = api.submit(payload.clone()).await;
    let job = api.ended(&id).await;
    assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("spawn")), "{payload}: {job}");
    job["errorMessage"].as_str().expect("the job has an error message").to_owned()
}

/// Submits a payload that the server must refuse, and returns the error message.
async fn refused(api: &Api, payload: Value) -> String {
    let reply = api.post("/jobs", &json!({"type": "command", "payload": payload})).await;
    assert_eq!(reply.status(), 422, "{payload}");
    let body: Value = reply.json().await.expect("the body is JSON");
    assert_eq!(body["detail"]["code"], "invalid_queue_payload");
    body["detail"]["message"].as_str().expect("the content is text").to_owned()
}

/// Returns a field of the current user's entry in the user database.
fn of_user(field: usize) -> String {
    let id = Command::new("id").arg("-u").output().expect("id is installed").stdout;
    let id = String::from_utf8(id).expect("the content is text");
    let entry = Command::new("getent").args(["passwd", id.trim()]).output().expect("getent is installed").stdout;
    let entry = String::from_utf8(entry).expect("the content is text");
    entry.trim().split(':').nth(field).expect("an entry has seven fields").to_owned()
}

fn path(folder: &Path) -> &str {
    folder.to_str().expect("the content is text")
}

#[tokio::test]
async fn a_job_has_the_home_name_and_shell_of_its_user_even_if_the_server_has_none() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |mut server| {
        server.env_remove("HOME").env_remove("SHELL").env("USER", "somebody-else").env("LOGNAME", "somebody-else");
        server
    });
    let output =
        printed(&server.api, json!({"run": "printf '%s\\n' \"$HOME\" \"$SHELL\" \"$USER\" \"$LOGNAME\""})).await;
    let [home, shell, name] = [5, 6, 0].map(of_user);
    assert_eq!(output, format!("{home}\n{shell}\n{name}\n{name}\n"));
    let output = printed(&server.api, json!({"run": "echo $HOME", "env": {"HOME": "/elsewhere"}})).await;
    assert_eq!(output, "/elsewhere\n", "the value that the job sets takes precedence");
}

#[tokio::test]
async fn the_workspace_is_the_home_folder_if_so_configured() {
    let server = TestServer::start_with(|config| config.jobs.job_home = JobHome::Workspace).await;
    let output = printed(&server.api, json!({"run": "test \"$HOME\" = \"$PWD\"; echo same"})).await;
    assert_eq!(output, "same\n");
    let output = printed(&server.api, json!({"run": "echo $HOME", "env": {"HOME": "/elsewhere"}})).await;
    assert_eq!(output, "/elsewhere\n", "the value that the job sets takes precedence");
}

async fn a_job_inherits_only_the_locale_proxy_and_certificate_variables(mode: Mode) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |mut server| {
        server.env("http_proxy", "http://proxy:1").env("NO_PROXY", "localhost").env("SSL_CERT_FILE", "/certs");
        server.env("SSH_AUTH_SOCK", "/agent").env("OF_THE_SERVER", "x").env_remove("LANG").env("LC_TIME", "C");
        server
    })
    .in_mode(mode);
    let run = "env | grep -E '^(http_proxy|NO_PROXY|SSL_CERT_FILE|SSH_AUTH_SOCK|OF_THE_SERVER|LANG|LC_TIME)=' | sort";
    let output = printed(&server.api, json!({"run": run, "env": {"LC_ALL": "C"}})).await;
    let expected = "LANG=C.UTF-8\nLC_TIME=C\nNO_PROXY=localhost\nSSL_CERT_FILE=/certs\nhttp_proxy=http://proxy:1\n";
    assert_eq!(output, expected);
}

#[tokio::test]
async fn the_operator_lists_the_inherited_variables_and_a_job_may_override_them() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |mut server| {
        server.env("TAILWATER_JOB_ENV", "SSH_AUTH_SOCK,TERM,NOT_THERE").env("TERM", "dumb");
        server.env("SSH_AUTH_SOCK", "/agent").env("http_proxy", "http://proxy:1");
        server
    });
    let run = "echo \"$SSH_AUTH_SOCK|$TERM|${NOT_THERE-unset}|${http_proxy-unset}\"";
    assert_eq!(printed(&server.api, json!({"run": run})).await, "/agent|dumb|unset|unset\n");
    let payload = json!({"run": run, "env": {"SSH_AUTH_SOCK": "/own"}});
    assert_eq!(printed(&server.api, payload).await, "/own|dumb|unset|unset\n");
}

async fn inherited_secrets_are_masked_wherever_they_are_printed(mode: Mode) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |mut server| {
        server.env("HTTPS_PROXY", "http://builder:open%3Asesame@proxy:3128").env("REGISTRY_TOKEN", "hunter2-registry");
        server.env("TAILWATER_JOB_ENV", "HTTPS_PROXY,REGISTRY_TOKEN");
        server
    })
    .in_mode(mode);
    // The job prints the password in three forms: as in the variable, percent-decoded, and Base64-encoded as in a
    // request header.
    let run = "echo $HTTPS_PROXY; echo open:sesame; printf builder:open:sesame | base64; echo $REGISTRY_TOKEN";
    let id = server.api.submit(json!({"title": "with open:sesame", "run": run})).await;
    server.api.ended(&id).await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
    assert_eq!(output, "http://builder:[REDACTED]@proxy:3128\n[REDACTED]\n[REDACTED]\n[REDACTED]\n");
    let shown = format!("{}{:?}", server.api.job(&id).await, server.api.events(&id).await);
    for secret in ["sesame", "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_job_runs_in_its_working_directory_and_still_has_its_workspace() {
    let server = TestServer::start().await;
    let project = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(project.path().join("sub")).expect("the folder can be written");
    let run = "pwd; ls -d \"$TAILWATER_WORKSPACE\"; touch \"$TAILWATER_WORKSPACE/fresh\" made";
    let at = path(project.path());
    let payload = json!({"workingDirectory": at, "steps": [
        {"run": run},
        {"run": "pwd", "workingDirectory": "sub"},
        {"run": "pwd", "workingDirectory": "/"},
        {"run": "cd \"$TAILWATER_WORKSPACE\"; ls"},
    ]});
    let output = printed(&server.api, payload).await;
    let lines: Vec<&str> = output.lines().collect();
    let [first, workspace, second, third, files] = lines[..] else { panic!("{output}") };
    assert_eq!((first, second, third, files), (at, &*format!("{at}/sub"), "/", "fresh"));
    assert!(Path::new(workspace).starts_with(server.data.path()), "{workspace}");
    assert!(!Path::new(workspace).exists(), "the workspace is removed");
    assert!(project.path().join("made").exists(), "the project is not removed");
}

#[tokio::test]
async fn a_relative_job_folder_starts_at_the_workspace_and_a_relative_step_folder_at_the_job_folder() {
    let server = TestServer::start().await;
    let run = "basename \"$(dirname \"$PWD\")\"/$(basename \"$PWD\")";
    let payload = json!({"prepare": [{"run": "mkdir -p a/b", "workingDirectory": "."}],
        "steps": [{"run": "pwd", "workingDirectory": "a/b"}, {"run": run}]});
    let output = printed(&server.api, payload).await;
    assert!(output.lines().next().is_some_and(|line| line.ends_with("/a/b")), "{output}");
    // A step's relative working directory is resolved against the job's working directory. An earlier step may create
    // the directory.
    let project = tempfile::tempdir().expect("a temporary folder");
    let name = path(project.path()).to_owned();
    let steps = json!([{"run": "mkdir x"}, {"run": "pwd", "workingDirectory": "./x"}]);
    assert_eq!(printed(&server.api, json!({"workingDirectory": name, "steps": steps})).await, format!("{name}/x\n"));
}

#[tokio::test]
async fn an_unusable_working_directory_fails_the_step_with_a_reason() {
    let server = TestServer::start().await;
    let project = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(project.path().join("file"), "").expect("the folder can be written");
    let at = |name: &str| format!("{}/{name}", project.path().display());
    for (payload, says) in [
        (json!({"run": "true", "workingDirectory": at("none")}), format!("{} does not exist", at("none"))),
        (json!({"run": "true", "workingDirectory": at("file")}), format!("{} is not a directory", at("file"))),
        (json!({"run": "true", "workingDirectory": at("file/x")}), format!("{} is not a directory", at("file/x"))),
        (json!({"run": "true", "workingDirectory": "none"}), "/none does not exist".to_owned()),
        (json!({"steps": [{"run": "true", "workingDirectory": at("none")}]}), format!("{} does not exist", at("none"))),
    ] {
        let error = spawn_error(&server.api, payload).await;
        assert!(error.contains(&says), "{error}");
    }
    for (payload, field) in [
        (json!({"run": "true", "workingDirectory": "../x"}), "payload.workingDirectory: "),
        (json!({"run": "true", "workingDirectory": "a/../../x"}), "payload.workingDirectory: "),
        (json!({"run": "true", "workingDirectory": 7}), "payload.workingDirectory: "),
        (json!({"steps": [{"run": "true", "workingDirectory": "../x"}]}), "payload.steps[0].workingDirectory: "),
        (json!({"run": "true", "env": {"TAILWATER_WORKSPACE": "/x"}}), "payload.env.TAILWATER_WORKSPACE: "),
    ] {
        let message = refused(&server.api, payload).await;
        assert!(message.starts_with(field), "{message}");
    }
}

#[tokio::test]
async fn no_path_or_link_leads_outside_the_working_roots() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| format!("{}/{name}", folder.path().display());
    for name in ["root/app", "root-2", "elsewhere"] {
        std::fs::create_dir_all(at(name)).expect("the folder can be written");
    }
    symlink(at("elsewhere"), at("root/escape")).expect("the folder can be written");
    let root = at("root").into();
    let server = TestServer::start_with(|config| config.jobs.working_roots = vec![root]).await;
    for inside in [at("root"), at("root/app"), at("root/app/../app"), ".".to_owned()] {
        printed(&server.api, json!({"run": "pwd", "workingDirectory": inside})).await;
    }
    for outside in [at("elsewhere"), at("root-2"), at("root/../elsewhere"), "/".to_owned(), at("root/../../etc")] {
        let message = refused(&server.api, json!({"run": "true", "workingDirectory": outside})).await;
        assert!(message.starts_with("payload.workingDirectory: is outside"), "{message}");
        let steps = json!([{"run": "true"}, {"run": "true", "workingDirectory": outside}]);
        let message = refused(&server.api, json!({"steps": steps})).await;
        assert!(message.starts_with("payload.steps[1].workingDirectory: is outside"), "{message}");
        let message =
            refused(&server.api, json!({"run": "true", "publish": [{"run": "true", "workingDirectory": outside}]}))
                .await;
        assert!(message.starts_with("payload.publish[0].workingDirectory: is outside"), "{message}");
    }
    // If a symbolic link leads out of the allowed directories, this is detected only when the step starts. The job
    // itself may have created the link.
    let link = format!("ln -s {} link", at("elsewhere"));
    for payload in [
        json!({"run": "true", "workingDirectory": at("root/escape")}),
        json!({"steps": [{"run": "true", "workingDirectory": at("root/escape")}]}),
        json!({"workingDirectory": at("root"), "steps": [{"run": "true", "workingDirectory": "escape"}]}),
        json!({"steps": [{"run": link}, {"run": "true", "workingDirectory": "link"}]}),
    ] {
        let error = spawn_error(&server.api, payload).await;
        assert!(error.contains("is outside the directories that the server allows"), "{error}");
    }
}

#[tokio::test]
async fn artifacts_come_from_the_working_directory_and_links_out_of_it_are_not_followed() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = folder.path().join("project");
    std::fs::create_dir(&project).expect("the folder can be written");
    std::fs::write(folder.path().join("secret.txt"), "secret").expect("the folder can be written");
    symlink(folder.path(), project.join("out")).expect("the folder can be written");
    symlink(&project, folder.path().join("current")).expect("the folder can be written");
    // If the job's `workingDirectory` is a symbolic link, artifacts are collected from its target. Links inside the
    // directory are not followed.
    for named in [project.clone(), folder.path().join("current")] {
        let run = "mkdir -p report; echo made > report/a.txt; echo other > \"$TAILWATER_WORKSPACE/b.txt\"";
        let payload = json!({"run": run, "workingDirectory": path(&named), "artifacts": ["**/*.txt", "out/**"]});
        let id = server.api.submit(payload).await;
        assert_eq!(server.api.ended(&id).await["status"], "succeeded");
        let events = server.api.events(&id).await;
        let names: Vec<&Value> = of_kind(&events, "artifact").iter().map(|event| &event["payload"]["name"]).collect();
        assert_eq!(names, ["report/a.txt", "logs/output.log"]);
    }
    for pattern in ["../secret.txt", "/etc/passwd"] {
        let payload = json!({"run": "true", "workingDirectory": path(&project), "artifacts": [pattern]});
        assert!(refused(&server.api, payload).await.starts_with("payload.artifacts[0]"));
    }
}

#[tokio::test]
async fn python_output_is_visible_while_the_program_is_running_unless_the_job_wants_buffering() {
    let server = TestServer::start().await;
    let script = "python3 -c 'import time; print(\"first\"); time.sleep(600)'";
    let id = server.api.submit(json!({"run": script})).await;
    server.api.events_when(&id, "the first line has arrived", |events| !of_kind(events, "log").is_empty()).await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    let env = json!({"PYTHONUNBUFFERED": ""});
    let script = "python3 -c 'import sys; print(sys.stdout.write_through)'";
    assert_eq!(printed(&server.api, json!({"run": script})).await, "True\n");
    assert_eq!(printed(&server.api, json!({"run": script, "env": env})).await, "False\n");
}

in_both_modes!(
    inherited_secrets_are_masked_wherever_they_are_printed,
    a_job_inherits_only_the_locale_proxy_and_certificate_variables,
);
