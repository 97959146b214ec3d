//! `--send DIR` copies the files of a directory to the workspace before the first step starts.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::cli::Cli;

/// Creates a sample project in the working directory of `cli`.
fn project(cli: &Cli) {
    let write = |name: &str, text: &[u8]| {
        let path = cli.folder().join("project").join(name);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("it can be created");
        std::fs::write(path, text).expect("it can be written");
    };
    write(".gitignore", b"target/\n");
    write("Makefile", b"all:\n\t@./tool && cat data/bytes\n");
    write("tool", b"#!/bin/sh\necho tool\n");
    write("data/bytes", b"\xff\0x");
    write("target/big", &[0; 4096]);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(cli.folder().join("project/tool"), executable).expect("the file is ours");
    symlink("data/bytes", cli.folder().join("project/link")).expect("it can be created");
    symlink("/etc/passwd", cli.folder().join("project/out")).expect("it can be created");
}

fn inputs(data: &Path) -> usize {
    std::fs::read_dir(data.join("inputs")).expect("the folder exists").count()
}

#[tokio::test]
async fn the_files_of_a_folder_are_in_the_workspace_before_the_first_step() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    project(&cli);
    let done = cli.run(&["run", "--send", "project", "--", "sh", "-c", "make && ls -A && readlink link"]).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let expected = b"tool\n\xff\0x.gitignore\nMakefile\ndata\nlink\ntool\ndata/bytes\n";
    assert_eq!(String::from_utf8_lossy(&done.bytes), String::from_utf8_lossy(expected));
    assert_eq!(done.bytes, expected);
    assert!(done.stderr.contains("not sent") && done.stderr.contains("out"), "{}", done.stderr);
    // With `--send`, the working directory is relative to the copy of the sent directory.
    assert_eq!(cli.stdout(&["run", "--send", "project", "--cwd", "data", "--", "ls"]).await, "bytes\n");
}

#[tokio::test]
async fn a_job_from_a_file_can_send_a_folder_and_be_resubmitted() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    project(&cli);
    std::fs::write(cli.folder().join("job.yaml"), "prepare: [{run: ls tool}]\nrun: rm -r * && echo gone\n")
        .expect("it can be written");
    let id = cli.stdout(&["submit", "--send", "project", "job.yaml"]).await.trim().to_owned();
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let reply = server.api.post(&format!("/jobs/{id}/resubmit"), &json!({})).await;
    let again: Value = reply.json().await.expect("it is JSON");
    let again = again["id"].as_str().expect("a job has an id");
    assert_eq!(server.api.ended(again).await["status"], "succeeded");
    let (first, second) = (server.api.job(&id).await, server.api.job(again).await);
    assert_eq!(first["input"], second["input"]);
    assert!(first["input"]["sizeBytes"].as_i64().is_some_and(|size| size > 0), "{first}");
    assert_eq!(server.api.output(again, 1).await, b"tool\ngone\n");
    assert_eq!(inputs(server.data.path()), 1, "both jobs share one stored input");
}

#[tokio::test]
async fn an_oversized_folder_is_refused_with_the_servers_reason_and_creates_no_job() {
    let server = TestServer::start_with(|config| config.jobs.input_bytes = 100_000).await;
    let cli = Cli::new(&server.api.base);
    std::fs::create_dir(cli.folder().join("big")).expect("it can be created");
    // The data is incompressible and much larger than the buffers of the connection.
    let mut state = 1_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(20 << 20)
    .collect();
    std::fs::write(cli.folder().join("big/noise"), bytes).expect("it can be written");
    let done = cli.run(&["run", "--send", "big", "--", "true"]).await;
    assert_eq!(done.code, Some(125), "{}", done.stderr);
    assert!(done.stderr.contains("payload_too_large"), "{}", done.stderr);
    assert_eq!(server.api.json("/jobs").await["items"], json!([]));
    assert_eq!(inputs(server.data.path()), 0);
    // The compressed data is within the limit, but the unpacked data is not. The job fails while the data is being
    // unpacked, which is before the first step starts.
    std::fs::write(cli.folder().join("big/noise"), vec![0; 1 << 20]).expect("it can be written");
    let done = cli.run(&["run", "--send", "big", "--", "echo", "ran"]).await;
    assert_eq!((done.code, done.stdout.as_str()), (Some(126), ""), "{}", done.stderr);
    assert!(done.stderr.contains("more than the 100000 bytes"), "{}", done.stderr);
}

#[tokio::test]
async fn nothing_is_sent_from_an_unreadable_folder_or_for_an_invalid_job() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    project(&cli);
    for folder in ["missing", "project/tool"] {
        let done = cli.run(&["run", "--send", folder, "--", "true"]).await;
        assert_eq!(done.code, Some(125), "{}", done.stderr);
        assert!(done.stderr.contains(folder), "{}", done.stderr);
    }
    let done = cli.run(&["run", "--send", "project", "--env", "A B=1", "--", "true"]).await;
    assert_eq!(done.code, Some(125), "{}", done.stderr);
    assert!(done.stderr.contains("payload.env"), "{}", done.stderr);
    assert_eq!(server.api.json("/jobs").await["items"], json!([]));
    assert_eq!(inputs(server.data.path()), 0);
}
