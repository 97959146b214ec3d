//! The umask, the privileges and the limits of steps.

use engine::cage::StepLimits;

use super::line;
use crate::harness::TestServer;
use crate::harness::process::{Process, is_root};

/// Prints those restrictions that a step can query.
const REPORT: &str = "umask; grep NoNewPrivs /proc/self/status | tr -d '\\t'; ulimit -Hc; ulimit -Sc";

#[tokio::test]
async fn a_step_has_a_private_umask_no_new_privileges_and_no_core_dumps() {
    let server = TestServer::start().await;
    assert_eq!(line(&server.api, REPORT).await, "0077\nNoNewPrivs:1\n0\n0");
    let modes = line(&server.api, "touch file; mkdir folder; stat -c %a file folder").await;
    assert_eq!(modes, "600\n700");
}

#[tokio::test]
async fn the_umask_the_privileges_and_core_dumps_can_be_configured() {
    let server = TestServer::start_with(|config| {
        config.jobs.cage.umask = "022".into();
        config.jobs.cage.no_new_privileges = false;
        config.jobs.cage.limits.core_bytes = 1 << 20;
    })
    .await;
    // `ulimit -c` counts in blocks of 512 bytes.
    assert_eq!(line(&server.api, REPORT).await, "0022\nNoNewPrivs:0\n2048\n2048");
}

#[tokio::test]
async fn limits_apply_to_each_step_and_cannot_be_raised() {
    let server = TestServer::start_with(|config| {
        config.jobs.cage.limits =
            StepLimits { processes: Some(5000), open_files: Some(40), file_bytes: Some(8192), core_bytes: 0 };
    })
    .await;
    let command = "set +e; ulimit -Hn; ulimit -Sn; ulimit -Hf; grep 'Max processes' /proc/self/limits | tr -s ' '; \
                   head -c 9000 /dev/zero > file; wc -c < file";
    let output = line(&server.api, command).await;
    let lines: Vec<&str> = output.lines().filter(|line| !line.contains("File size limit exceeded")).collect();
    assert_eq!(lines, ["40", "40", "16", "Max processes 5000 5000 processes ", "8192"], "{output}");
}

#[tokio::test]
async fn a_step_cannot_start_more_processes_than_the_limit() {
    if !is_root() {
        // Without root, the server would run as the user of the tests. The kernel counts all processes of a user, and
        // the test does not know how many others this user has.
        return;
    }
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_unprivileged(data.path(), |mut server| {
        server.env("TAILWATER_JOB_PROCESSES", "100");
        server
    });
    let (id, job) = server.api.run("i=0; while [ $i -lt 200 ]; do sleep 600 & i=$((i+1)); done").await;
    let output = String::from_utf8_lossy(&server.api.output(&id, 1).await).into_owned();
    assert!(job["status"] == "failed" && output.contains("Cannot fork"), "{job} {output}");
}

#[tokio::test]
async fn an_invalid_umask_is_refused_at_the_start() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let started = Process::start_to_die(data.path(), |mut server| {
        server.env("TAILWATER_JOB_UMASK", "rwx");
        server
    });
    assert_eq!(started.err().and_then(|status| status.code()), Some(1));
    assert!(super::logged(data.path()).contains("must be three octal digits"));
}
