//! Cleanup removes a workspace, whatever a job has done to the workspace, and never removes anything outside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::process::{Process, is_root};
use crate::harness::{TestServer, until};

/// Returns the names of all workspaces.
fn workspaces(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data.join("work")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_workspace_without_permissions_is_removed() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_unprivileged(data.path(), |server| server);
    for command in [
        "mkdir -p a/b/c; touch a/b/c/file; chmod -R a-w .",
        "mkdir -p a/b/c; touch a/b/c/file; chmod 000 a/b/c a/b a",
        "mkdir -p a/b/c; touch a/b/c/file; chmod 000 .",
        "mkdir -p a/b; touch a/b/file; chmod 000 a/b/file; chmod 100 a/b; chmod 400 a; chmod 200 .",
    ] {
        let (_, job) = server.api.run(command).await;
        assert_eq!(job["status"], "succeeded", "{command}: {job}");
        assert_eq!(workspaces(data.path()), [""; 0], "{command}");
    }
}

#[tokio::test]
async fn cleanup_does_not_follow_links_out_of_a_workspace() {
    let server = TestServer::start().await;
    let other = tempfile::tempdir().expect("a temporary folder");
    let precious = other.path().join("precious");
    fs::write(&precious, "").expect("it can be written");
    fs::set_permissions(other.path(), fs::Permissions::from_mode(0o500)).expect("the folder is ours");
    let path = other.path().display();
    server.api.run(&format!("ln -s {path} a; ln -s {path}/precious b; mkdir d; ln -s ../.. d/up")).await;
    assert_eq!(workspaces(server.data.path()), [""; 0]);
    assert!(precious.exists());
    let mode = fs::metadata(other.path()).expect("it exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o500, "permissions outside the workspace are unchanged");
}

#[tokio::test]
async fn a_mount_in_a_workspace_is_not_removed_but_reported_and_the_next_start_finishes_the_cleanup() {
    let (data, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    for name in ["precious", "folder/precious"] {
        let path = other.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("it can be created");
        fs::write(path, "").expect("it can be written");
    }
    // The server runs in its own mount namespace, so the mounts of the job disappear when the server exits. The
    // settings permit jobs to mount file systems, which they cannot do by default.
    let by_unshare = |server: Command| {
        let mut unshare = Command::new("unshare");
        unshare.arg(if is_root() { "-m" } else { "-Urm" }).arg(server.get_program());
        unshare.env("TAILWATER_JOB_LANDLOCK", "false").env("TAILWATER_JOB_DATA", "visible");
        unshare
    };
    let mut server = Process::start_by(data.path(), by_unshare);
    let path = other.path().display();
    let command = format!(
        "mkdir -p a/m b n; touch a/file b/file f; mount --bind {path} a/m; mount -t tmpfs none n; touch n/x; \
         mount --bind {path}/precious f"
    );
    let id = server.api.submit(json!({"run": command})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    assert!(other.path().join("precious").exists() && other.path().join("folder/precious").exists());
    let workspace = data.path().join("work").join(format!("{id}-1/workspace"));
    assert!(!workspace.join("a/file").exists() && !workspace.join("b").exists(), "everything else is removed");
    let log = fs::read_to_string(data.path().join("server.log")).expect("it is text");
    let named = ["a/m", "n", "f"]
        .iter()
        .any(|name| log.contains(&format!("{} is a mount point and was not removed", workspace.join(name).display())));
    assert!(named && log.contains("(and 2 more)"), "{log}");
    server.terminate();
    server.exited().await;
    // The mounts have disappeared together with the first server, so the workspace can now be removed.
    let _server = Process::start(data.path());
    until("the workspace is removed", || workspaces(data.path()).is_empty()).await;
    assert!(other.path().join("precious").exists() && other.path().join("folder/precious").exists());
}
