//! Tests of `tailwater login`: credentials are stored securely, and used only for their own server.

use std::os::unix::fs::PermissionsExt;

use crate::harness::cli::Cli;
use crate::harness::{TOKEN, TestServer};

const FILE: &str = ".config/tailwater/credentials.toml";

#[tokio::test]
async fn a_login_is_stored_readable_only_by_its_owner_and_used_from_then_on() {
    let server = TestServer::start().await;
    let cli = Cli::without_server();
    let done = cli.run_with(&["login", &server.api.base], &format!("{TOKEN}\n")).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(!done.stdout.contains(TOKEN) && !done.stderr.contains(TOKEN));
    let file = cli.folder().join(FILE);
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("the file exists").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().expect("the file has a parent folder"))), (0o600, 0o700));
    assert_eq!(cli.stdout(&["jobs"]).await, "no jobs\n");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("the file belongs to this user");
    let done = cli.run(&["jobs"]).await;
    assert!(done.code == Some(1) && done.stderr.contains("other users can read"), "{}", done.stderr);
    cli.stdout(&["logout"]).await;
    assert!(!file.exists());
    let done = cli.run(&["jobs"]).await;
    assert!(done.code == Some(1) && done.stderr.contains("not logged in to http://127.0.0.1:3000"), "{}", done.stderr);
}

#[tokio::test]
async fn a_token_that_the_server_refuses_is_not_stored() {
    let server = TestServer::start().await;
    let cli = Cli::without_server();
    let done = cli.run_with(&["login", &server.api.base], "wrong-token\n").await;
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("rejected the token (401)"), "{}", done.stderr);
    assert_eq!(cli.run_with(&["login", &server.api.base], "\n").await.code, Some(1));
    assert!(!cli.folder().join(FILE).exists());
}

#[tokio::test]
async fn a_stored_token_is_never_sent_to_another_server() {
    let (server, other) = (TestServer::start().await, TestServer::start().await);
    let cli = Cli::without_server();
    cli.run_with(&["login", &server.api.base], TOKEN).await;
    let done = cli.run(&["jobs", "--server", &other.api.base]).await;
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains(&format!("not logged in to {}", other.api.base)), "{}", done.stderr);
    assert_eq!(cli.stdout(&["jobs", "--server", &other.api.base, "--token", TOKEN]).await, "no jobs\n");
}

#[tokio::test]
async fn an_unreachable_server_is_named_and_the_error_says_what_to_do() {
    let cli = Cli::new("http://127.0.0.1:1");
    for verb in [&["jobs"][..], &["run", "--", "true"], &["submit", "/dev/null"]] {
        let done = cli.run(verb).await;
        assert_ne!(done.code, Some(0));
        if verb[0] != "submit" {
            let says = ["http://127.0.0.1:1", "refused", "tailwater serve", "--server"];
            assert!(says.iter().all(|what| done.stderr.contains(what)), "{}", done.stderr);
        }
    }
    assert_eq!(cli.run(&["jobs", "--server", "localhost"]).await.code, Some(1));
}
