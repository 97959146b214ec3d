//! `tailwater run` uses the caller's directory if the server is on the same machine, and a fresh workspace otherwise.

use std::path::Path;
use std::process::{Command, Stdio};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use crate::harness::cli::{Cli, Done};
use crate::harness::{Api, TestServer};

const NOTE: &str = "cannot see this machine's files";

async fn pwd(cli: &Cli, flags: &[&str]) -> (String, Done) {
    let done = cli.run(&[&["run"], flags, &["--", "pwd", "-P"]].concat()).await;
    assert_eq!(done.code, Some(0), "{flags:?}: {}", done.stderr);
    (done.stdout.trim_end().to_owned(), done)
}

fn real(path: &Path) -> String {
    path.canonicalize().expect("the path exists").display().to_string()
}

/// Starts a proxy in front of the server. The proxy itself answers requests for the machine's identity, and forwards
/// all others.
///
/// It reports the identity `machine`. If `machine` is `None`, it replies with 404, like a server that does not have
/// this route.
async fn elsewhere(api: &Api, machine: Option<&'static str>) -> String {
    let (client, base) = (reqwest::Client::new(), api.base.clone());
    let forward = async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the body arrives");
        let url = format!("{base}{}", parts.uri);
        let mut headers = parts.headers;
        headers.remove("host");
        let reply = client.request(parts.method, url).headers(headers).body(body).send().await.expect("a reply");
        let status = reply.status();
        Response::builder().status(status).body(Body::from_stream(reply.bytes_stream())).expect("it is a reply")
    };
    let answer = async move || match machine {
        Some(machine) => Response::new(Body::from(format!("{{\"machine\":\"{machine}\"}}"))),
        None => Response::builder()
            .status(404)
            .body(Body::from(r#"{"detail":{"code":"route_not_found","message":""}}"#))
            .expect("it is a reply"),
    };
    let router = Router::new().route("/api/queue/machine", get(answer)).fallback(forward);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn a_command_runs_in_the_callers_folder_if_the_server_is_on_this_machine() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    std::fs::create_dir_all(cli.folder().join("sub/deep")).expect("the folder can be created");
    std::fs::write(cli.folder().join("Makefile"), "test:\n\t@echo made\n").expect("it can be written");
    let (place, done) = pwd(&cli, &[]).await;
    assert_eq!((place, done.stderr.as_str()), (real(cli.folder()), ""));
    assert_eq!(pwd(&cli, &["--cwd", "sub"]).await.0, real(&cli.folder().join("sub")));
    assert_eq!(pwd(&cli, &["--cwd", "sub/deep/.."]).await.0, real(&cli.folder().join("sub")));
    assert_eq!(pwd(&cli, &["--cwd", ".."]).await.0, real(cli.folder().parent().expect("the folder has a parent")));
    assert_eq!(pwd(&cli, &["--cwd", "/"]).await.0, "/");
    assert_eq!(cli.stdout(&["run", "--", "make", "test"]).await, "made\n");
}

#[tokio::test]
async fn the_workspace_flag_requests_a_fresh_workspace() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (place, done) = pwd(&cli, &["--workspace"]).await;
    assert!(place.starts_with(&real(server.data.path())), "{place}");
    assert_eq!(done.stderr, "");
    assert_eq!(cli.stdout(&["run", "--workspace", "--", "ls", "-A"]).await, "");
}

#[tokio::test]
async fn a_server_on_another_machine_uses_a_fresh_workspace_and_prints_one_note() {
    let server = TestServer::start().await;
    for machine in [Some("0000"), None] {
        let cli = Cli::new(&elsewhere(&server.api, machine).await);
        let (place, done) = pwd(&cli, &[]).await;
        assert!(place.starts_with(&real(server.data.path())), "{machine:?}: {place}");
        assert_eq!(done.stderr.matches(NOTE).count(), 1, "{machine:?}: {}", done.stderr);
        // An absolute directory is used unchanged, and the program prints no note about it.
        let (place, done) = pwd(&cli, &["--cwd", "/"]).await;
        assert_eq!((place.as_str(), done.stderr.as_str()), ("/", ""));
        for flags in [&["--workspace"][..], &["--json"]] {
            let done = cli.run(&[&["run"], flags, &["--", "true"]].concat()).await;
            assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{machine:?} {flags:?}");
        }
    }
}

#[tokio::test]
async fn a_caller_in_another_mount_namespace_counts_as_another_machine() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let namespaces = ["--user", "--map-root-user", "--mount"];
    let status = Command::new("unshare").args(namespaces).arg("true").stderr(Stdio::null()).status();
    if !status.is_ok_and(|status| status.success()) {
        eprintln!("this system does not permit user namespaces, so this test is skipped");
        return;
    }
    let inner = cli.command(&["run", "--", "pwd", "-P"]);
    let mut command = Command::new("unshare");
    command.args(namespaces).arg(inner.get_program()).args(inner.get_args()).current_dir(cli.folder()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let done = Cli::run_command(command).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.starts_with(&real(server.data.path())), "{}", done.stdout);
    assert!(done.stderr.contains(NOTE), "{}", done.stderr);
}

#[tokio::test]
async fn an_error_names_a_missing_or_invalid_working_directory() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    std::fs::write(cli.folder().join("file"), "").expect("it can be written");
    for folder in ["missing", "file"] {
        let done = cli.run(&["run", "--cwd", folder, "--", "true"]).await;
        assert_eq!(done.code, Some(126), "{}", done.stderr);
        assert!(done.stderr.contains(&cli.folder().join(folder).display().to_string()), "{}", done.stderr);
    }
    let machine: Value = server.api.json("/machine").await;
    assert_eq!(machine["machine"].as_str().map(str::len), Some(64));
}
