//! Tests of the settings for the provider, and of the server's log.

use model::Role;
use tokio::net::TcpListener;

use super::{ada, begin, cookie, finish, get, log_in, refused, session, with_provider};
use crate::harness::people::PASSWORD;
use crate::harness::process::Process;
use crate::harness::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::harness::{TestServer, config};
use crate::people::proxied::SettingsChange;

#[tokio::test]
async fn the_server_starts_without_the_provider_and_uses_it_as_soon_as_it_responds() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = reserved.local_addr().expect("the listener is bound");
    drop(reserved);
    let server = TestServer::start_with(|config| with_provider(config, &format!("http://{address}"))).await;
    server.add_user("root", Role::Admin).await;
    let reply = get(&server.api.base, "/login/oidc", "").await;
    let entry = refused(&server, reply, 503, "The login with the provider failed").await;
    assert_eq!(entry["object"], "oidc: provider unreachable");
    let local = server.log_in("root", PASSWORD).await;
    assert_eq!(server.status("/api/queue/users", &local).await, 200, "a local user can log in");
    let provider = Provider::start_on(address).await;
    session(&log_in(&server, &provider, ada(&["dev"])).await);
}

#[tokio::test]
async fn without_a_provider_there_is_no_button_and_no_route() {
    let server = TestServer::start().await;
    let html = get(&server.api.base, "/login", "").await.text().await.expect("the body arrives");
    assert!(!html.contains("/login/oidc"), "{html}");
    for path in ["/login/oidc", "/login/oidc/callback?code=x&state=x"] {
        assert_eq!(get(&server.api.base, path, "").await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn incomplete_settings_of_a_provider_are_refused() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let table: [(SettingsChange, &str); 5] = [
        (|config| config.oidc_client_id = None, "oidc_client_id"),
        (|config| config.oidc_issuer = None, "oidc_issuer"),
        (|config| config.oidc_issuer = Some("http://id.example".to_owned()), "https://"),
        (|config| config.oidc_client_secret_file = Some("x".into()), "oidc_client_secret_file"),
        (|config| config.group_roles.clear(), "default_role"),
    ];
    for (change, named) in table {
        let mut settings = config(data.path());
        with_provider(&mut settings, "https://id.example");
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let refused = tailwater::server::Server::start(settings, listener).await.err().expect("the start is refused");
        let text = refused.to_string();
        assert!(text.contains(named) && !text.contains(CLIENT_SECRET), "{named}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_log_contains_no_secret_code_or_token_of_a_login() {
    let (provider, data) = (Provider::start().await, tempfile::tempdir().expect("a temporary folder"));
    let secret = data.path().join("client-secret");
    std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).expect("the folder can be written");
    let mut server = Process::start_by(data.path(), |mut program| {
        program.env("TAILWATER_LOG", "trace").env("TAILWATER_OIDC_ISSUER", &provider.base);
        program.env("TAILWATER_OIDC_CLIENT_ID", CLIENT_ID).env("TAILWATER_OIDC_CLIENT_SECRET_FILE", &secret);
        program.env("TAILWATER_GROUP_ROLES", "dev=operator");
        program
    });
    let base = server.api.base.clone();
    let mut secrets = vec![CLIENT_SECRET.to_owned()];
    for (groups, status) in [("dev", 303), ("other", 403)] {
        let started = begin(&base, "").await;
        let query = provider.approve(&started.location, ada(&[groups]));
        let reply = finish(&base, &query, &started.cookie).await;
        assert_eq!(reply.status(), status);
        let cookies = [Some(started.cookie), cookie(&reply, "tailwater_session_")];
        secrets.extend(cookies.into_iter().flatten().filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())));
    }
    secrets.extend(provider.issued());
    assert!(secrets.len() > 12, "the provider has issued too little: {secrets:?}");
    // The client secret is masked in the output of jobs.
    let (id, _) = server.api.run(&format!("printf %s {CLIENT_SECRET}")).await;
    let printed = server.api.output(&id, 1).await;
    assert!(!String::from_utf8_lossy(&printed).contains(CLIENT_SECRET));
    server.terminate();
    assert!(server.exited().await.success());
    let log = std::fs::read_to_string(data.path().join("server.log")).expect("the server logs in UTF-8");
    assert!(log.contains("a login with the OpenID Connect provider failed"), "{log}");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret}");
    }
}
