//! Tests of `tailwater artifacts`, which lists, downloads and verifies files and resumes interrupted downloads.

use crate::harness::cli::Cli;
use crate::harness::proxy::Proxy;
use crate::harness::{Random, TestServer};

#[tokio::test]
async fn an_artifact_is_listed_and_downloaded_by_name_and_by_id() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (id, _) = server.api.run("seq 1000").await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the output is UTF-8");
    let listed = cli.stdout(&["artifacts", "ls", &id]).await;
    assert!(listed.trim_end().ends_with("attempt 1  3.8 kB  logs/output.log"), "{listed}");
    let artifact = listed.split(' ').next().expect("the line begins with its id").to_owned();
    assert_eq!(cli.stdout(&["artifacts", "get", &id, "logs/output.log", "-o", "-"]).await, output);
    cli.stdout(&["artifacts", "get", &id, "logs/output.log"]).await;
    cli.stdout(&["artifacts", "get", &id, &artifact, "-o", "by-id"]).await;
    for name in ["output.log", "by-id"] {
        assert_eq!(std::fs::read_to_string(cli.folder().join(name)).expect("the file exists"), output);
    }
    let done = cli.run(&["artifacts", "get", &id, "logs/output.log"]).await;
    assert!(done.code == Some(1) && done.stderr.contains("already exists"), "{}", done.stderr);
    let done = cli.run(&["artifacts", "get", &id, "other"]).await;
    assert!(done.code == Some(1) && done.stderr.contains("has no artifact"), "{}", done.stderr);
}

#[tokio::test]
async fn an_interrupted_download_resumes_and_completes() {
    let mut random = Random::new("download");
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 200000").await;
    let output = server.api.output(&id, 1).await;
    let mut first = true;
    let cut = move || if std::mem::take(&mut first) { usize::MAX } else { 100_000 + random.below(400_000) };
    let proxy = Proxy::before(&server.api.base, cut).await;
    let cli = Cli::new(&proxy.base);
    cli.stdout(&["artifacts", "get", &id, "logs/output.log", "-o", "whole"]).await;
    assert_eq!(std::fs::read(cli.folder().join("whole")).expect("the file exists"), output);
    assert_eq!(std::fs::read_dir(cli.folder()).expect("the folder exists").count(), 1, "the partial file is removed");
}

#[tokio::test]
async fn a_partial_file_is_resumed_and_a_damaged_one_is_detected() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (id, _) = server.api.run("seq 1000").await;
    let output = server.api.output(&id, 1).await;
    let artifacts = server.api.json(&format!("/jobs/{id}/artifacts")).await;
    let artifact = artifacts["items"][0]["id"].as_str().expect("an artifact has an id").to_owned();
    let part = cli.folder().join(format!("file.{artifact}.part"));
    let get = ["artifacts", "get", &id, "logs/output.log", "-o", "file"];
    std::fs::write(&part, &output[..1000]).expect("the folder can be written");
    cli.stdout(&get).await;
    assert_eq!(std::fs::read(cli.folder().join("file")).expect("the file exists"), output);
    std::fs::write(&part, vec![b'x'; 1000]).expect("the folder can be written");
    let done = cli.run(&get).await;
    assert!(done.code == Some(1) && done.stderr.contains("is damaged"), "{}", done.stderr);
    assert!(!part.exists(), "the damaged partial file is removed");
    assert_eq!(
        std::fs::read(cli.folder().join("file")).expect("the file exists"),
        output,
        "the existing file is unchanged"
    );
}
