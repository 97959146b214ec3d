//! Tests of `tailwater user`, `tailwater session` and `tailwater token`.

use crate::harness::cli::Cli;
use crate::harness::people::{PASSWORD, Proof};
use crate::harness::{TOKEN, TestServer};

#[tokio::test]
async fn the_command_line_manages_users() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let added = cli.run_with(&["user", "add", "ada", "--role", "viewer"], &format!("{PASSWORD}\n")).await;
    assert_eq!(
        (added.code, added.stdout.as_str()),
        (Some(0), "ada was added with the role viewer\n"),
        "{}",
        added.stderr
    );
    assert_eq!(cli.run_with(&["user", "add", "grace"], "short\n").await.code, Some(1));
    assert_eq!(cli.run_with(&["user", "add", "grace"], "\n").await.code, Some(1));
    assert_eq!(cli.run_with(&["user", "add", "a/b"], PASSWORD).await.code, Some(1));
    assert_eq!(cli.run(&["user", "add", "grace", "--role", "worker"]).await.code, Some(2));
    assert_eq!(cli.stdout(&["user", "role", "ada", "operator"]).await, "ada has the role operator\n");
    assert_eq!(cli.stdout(&["user", "disable", "ADA"]).await, "ada was disabled\n");
    let list = cli.stdout(&["user", "list"]).await;
    assert!(list.contains("ada   operator  disabled"), "{list}");
    assert_eq!(cli.stdout(&["user", "enable", "ada"]).await, "ada was enabled\n");
    let changed = cli.run_with(&["user", "password", "ada"], "another horse battery\n").await;
    assert_eq!((changed.code, changed.stdout.as_str()), (Some(0), "ada has a new password\n"), "{}", changed.stderr);
    server.log_in("ada", "another horse battery").await;
    let sessions = cli.stdout(&["session", "list", "--user", "ada", "--json"]).await;
    let sessions: serde_json::Value = serde_json::from_str(&sessions).expect("it is JSON");
    let id = sessions["items"][0]["id"].as_str().expect("a session has an id");
    assert!(cli.stdout(&["session", "list"]).await.contains(id));
    assert_eq!(cli.stdout(&["session", "end", id]).await, format!("the session {id} was ended\n"));
    assert_eq!(cli.run(&["session", "end", id]).await.code, Some(1));
    assert_eq!(cli.stdout(&["user", "remove", "ada"]).await, "ada was removed\n");
    assert_eq!(cli.run(&["user", "link", "ada"]).await.code, Some(1));
    assert_eq!(cli.run(&["user", "remove", "ada"]).await.code, Some(1));
}

#[tokio::test]
async fn the_command_line_creates_login_links() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let log_in = async |link: &str, password: &str| {
        let (address, ticket) = link.trim_end().split_once("/login?userTicket=").expect("it is a link");
        assert_eq!(address, server.api.base);
        let fields = [("userTicket", ticket), ("newPassword", password)];
        let reply = server.post_form("/login", &Proof::Nothing, &fields).await;
        reply.headers()["location"].to_str().expect("ASCII").to_owned()
    };
    let invited = cli.run(&["user", "add", "ada", "--role", "viewer", "--link"]).await;
    assert_eq!(invited.code, Some(0), "{}", invited.stderr);
    assert!(invited.stderr.contains("ada was added with the role viewer"), "{}", invited.stderr);
    assert_eq!(log_in(&invited.stdout, PASSWORD).await, "/tasks/queue");
    let link = cli.run(&["user", "link", "ADA", "--expires", "1"]).await;
    assert!(link.stderr.contains("logs ada in once, until") && !link.stderr.contains("userTicket"), "{}", link.stderr);
    assert_eq!(log_in(&link.stdout, "").await, "/tasks/queue");
    let link = cli.stdout(&["user", "link", "ada"]).await;
    assert_eq!(cli.stdout(&["user", "link", "ada", "--revoke"]).await, "ada has no login link\n");
    assert!(log_in(&link, "").await.starts_with("/login?error=link"));
    let refused = cli.run(&["user", "link", "ada", "--expires", "169"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("must be 1 to 168"), "{}", refused.stderr);
    assert_eq!(cli.run(&["user", "link", "ada", "--expires", "1", "--revoke"]).await.code, Some(2));
}

#[tokio::test]
async fn the_command_line_creates_tokens_and_logs_in_with_them() {
    let server = TestServer::start().await;
    let admin = Cli::new(&server.api.base);
    let created = admin.run(&["token", "create", "laptop", "--role", "operator", "--expires", "7"]).await;
    let token = created.stdout.trim_end();
    assert!(created.code == Some(0) && token.starts_with("twt_"), "{}", created.stderr);
    assert!(created.stderr.contains("role operator") && !created.stderr.contains(token), "{}", created.stderr);
    let cli = Cli::without_server();
    let login = cli.run_with(&["login", &server.api.base], &created.stdout).await;
    assert_eq!(login.code, Some(0), "{}", login.stderr);
    assert_eq!(cli.stdout(&["run", "--", "echo", "hello"]).await, "hello\n");
    let refused = cli.run(&["user", "list"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("operator"), "{}", refused.stderr);
    assert_eq!(cli.run(&["token", "create", "more", "--role", "admin"]).await.code, Some(1));
    let list = admin.stdout(&["token", "list"]).await;
    assert!(list.contains("laptop") && !list.contains(token) && !list.contains(TOKEN), "{list}");
    let id = list.lines().nth(1).and_then(|line| line.split(' ').next()).expect("a token is listed").to_owned();
    assert_eq!(admin.stdout(&["token", "revoke", &id]).await, format!("the token {id} was revoked\n"));
    let done = cli.run(&["jobs"]).await;
    assert!(done.code == Some(1) && done.stderr.contains("rejected the token (401)"), "{}", done.stderr);
}
