//! With a certificate, the server accepts only HTTPS. Soon after the files of the certificate have changed, the server
//! uses the new certificate.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, StatusCode};
use serde_json::json;
use tailwater::server::{Server, StartError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::cli::Cli;
use crate::harness::gate::Gate;
use crate::harness::sse::Stream;
use crate::harness::{Api, TOKEN, TestServer, config, tcp, until_async};

/// A certificate for `localhost` and its key, in files.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        files.renew();
        files
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Replaces both files with a new certificate and its key.
    fn renew(&self) {
        let (certificate, key) = self_signed();
        replace(&self.certificate(), &certificate);
        replace(&self.key(), &key);
    }

    /// Returns a client that does not follow redirects, and trusts only the certificate that is now in the file.
    fn client(&self) -> Client {
        rustls::crypto::ring::default_provider().install_default().ok();
        let certificate = fs::read(self.certificate()).expect("the file exists");
        let certificate = Certificate::from_pem(&certificate).expect("it is a certificate");
        let client = Client::builder().redirect(Policy::none()).tls_certs_only([certificate]);
        client.build().expect("the TLS client is available")
    }

    /// Returns an API client for a server. The client trusts only the certificate that is now in the file.
    fn api(&self, server: &TestServer) -> Api {
        let port = server.api.base.rsplit_once(':').expect("a base ends with a port").1;
        Api { client: self.client(), ..Api::new(format!("https://localhost:{port}")) }
    }
}

fn self_signed() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("the name is valid");
    (cert.pem(), signing_key.serialize_pem())
}

/// Replaces a file atomically, as tools that renew certificates do.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("the folder can be written");
    fs::rename(&new, path).expect("the folder can be written");
}

async fn start(files: &Files) -> TestServer {
    TestServer::start_with(|config| {
        config.tls_cert = Some(files.certificate());
        config.tls_key = Some(files.key());
    })
    .await
}

/// Returns the error of a server that is started with these files.
async fn start_error(certificate: Option<PathBuf>, key: Option<PathBuf>) -> String {
    let data = tempfile::tempdir().expect("a temporary folder");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let mut config = config(data.path());
    (config.tls_cert, config.tls_key) = (certificate, key);
    let Err(error) = Server::start(config, listener).await else { panic!("the server starts") };
    assert!(matches!(error, StartError::Tls(_) | StartError::Config(_)), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn pages_api_streams_and_the_command_line_work_over_tls() {
    let files = Files::new();
    let server = start(&files).await;
    let api = files.api(&server);
    let (id, _) = api.run("echo over-tls").await;
    let frames = Stream::open(&api, &id, "", None).await.rest().await;
    assert!(frames.iter().any(|frame| frame.data.contains("over-tls")), "{frames:?}");

    let page = api.client.get(format!("{}/login", api.base)).send().await.expect("the server answers");
    assert_eq!(page.status(), StatusCode::OK);

    let cli = Cli::new(&api.base).with("SSL_CERT_FILE", files.certificate().to_str().expect("the path is text"));
    assert_eq!(cli.stdout(&["logs", &id]).await, "over-tls\n");
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_certificate_sends_nothing() {
    let files = Files::new();
    let server = start(&files).await;
    let api = Api { client: Files::new().client(), ..files.api(&server) };
    let sent = api.client.get(format!("{}/healthz", api.base)).send().await;
    assert!(sent.expect_err("the certificate is unknown").is_connect());
}

#[tokio::test]
async fn session_cookies_are_sent_only_over_https() {
    let files = Files::new();
    let server = start(&files).await;
    let api = files.api(&server);
    assert!(server.login_link.starts_with("https://"), "{}", server.login_link);
    let (_, ticket) = server.login_link.split_once("ticket=").expect("the link has a ticket");
    let login = api.client.post(format!("{}/login", api.base)).body(format!("ticket={ticket}"));
    let login = login.header("content-type", "application/x-www-form-urlencoded").send().await;
    let login = login.expect("the server answers");
    let cookie = login.headers()["set-cookie"].to_str().expect("it is text").to_owned();
    assert!(cookie.starts_with("__Host-tailwater_session_"), "{cookie}");
    assert!(cookie.contains("; Secure") && cookie.contains("; Path=/;") && !cookie.contains("Domain"), "{cookie}");
    let (pair, _) = cookie.split_once(';').expect("a cookie has attributes");
    let page = api.client.get(format!("{}/tasks/queue", api.base)).header("cookie", pair).send().await;
    assert_eq!(page.expect("the server answers").status(), StatusCode::OK);
    assert!(!login.headers().contains_key("strict-transport-security"), "the header affects all servers on loopback");
}

#[tokio::test]
async fn a_server_that_others_can_reach_tells_browsers_to_use_only_https() {
    let files = Files::new();
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut config = config(data.path());
    (config.tls_cert, config.tls_key) = (Some(files.certificate()), Some(files.key()));
    config.allowed_hosts = vec!["ci.example".to_owned()];
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("there is a free port");
    let server = Server::start(config, listener).await.expect("the server starts");
    let port = server.address().port();
    assert_eq!(server.url(), format!("https://ci.example:{port}"));
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(server.run(stop.clone()));
    let reply = files.client().get(format!("https://localhost:{port}/healthz")).send().await;
    assert_eq!(reply.expect("the server answers").headers()["strict-transport-security"], "max-age=31536000");
    stop.cancel();
    running.await.expect("the server ends without a panic");
}

#[tokio::test]
async fn plain_http_gets_a_reply_that_says_to_use_https() {
    let files = Files::new();
    let server = start(&files).await;
    let reply = tcp::get(&server.api.base, "/tasks/queue", "").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_request"));
    assert!(reply.body.contains("https://"), "{reply:?}");
}

#[tokio::test]
async fn a_handshake_that_is_not_completed_in_time_is_closed() {
    let files = Files::new();
    let server = TestServer::start_with(|config| {
        config.tls_cert = Some(files.certificate());
        config.tls_key = Some(files.key());
        config.limits.head = Duration::from_millis(200);
    })
    .await;
    for begun in [&b""[..], &[22], &[22, 3, 1, 2, 0, 1]] {
        let mut socket = tcp::connect(&server.api.base).await;
        socket.write_all(begun).await.expect("the server reads it");
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_mins(1), socket.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "after {begun:?}");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_open_streams_continue() {
    let files = Files::new();
    let server = start(&files).await;
    let old = files.api(&server);
    let gate = Gate::new();
    let id = old.submit(json!({"run": format!("{}; echo last", gate.wait())})).await;
    let mut stream = Stream::open(&old, &id, "", None).await;
    files.renew();
    let new = files.api(&server);
    let health = format!("{}/healthz", new.base);
    until_async("the new certificate is used", async || new.client.get(&health).send().await.is_ok()).await;
    gate.open();
    let frames = stream.rest().await;
    assert!(frames.iter().any(|frame| frame.data.contains("last")), "the stream continues: {frames:?}");
}

#[tokio::test]
async fn unusable_files_are_refused_at_start_with_the_reason() {
    let files = Files::new();
    let (certificate, key) = (files.certificate(), files.key());
    let missing = files.folder.path().join("missing.pem");
    let junk = files.folder.path().join("junk.pem");
    fs::write(&junk, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").expect("the folder is writable");
    let other_key = files.folder.path().join("other.pem");
    let other = KeyPair::generate().expect("random numbers are available").serialize_pem();
    fs::write(&other_key, other).expect("the folder can be written");
    for (files, expected) in [
        ((Some(certificate.clone()), None), "requires both a certificate and its key"),
        ((None, Some(key.clone())), "requires both a certificate and its key"),
        ((Some(missing.clone()), Some(key.clone())), "missing.pem"),
        ((Some(certificate.clone()), Some(missing)), "missing.pem"),
        ((Some(junk.clone()), Some(key.clone())), "junk.pem does not contain a certificate"),
        ((Some(certificate.clone()), Some(junk)), "junk.pem does not contain a private key"),
        ((Some(key.clone()), Some(key.clone())), "key.pem does not contain a certificate"),
        ((Some(certificate.clone()), Some(certificate.clone())), "cert.pem does not contain a private key"),
        ((Some(certificate.clone()), Some(other_key)), "failed to use the certificate with its key"),
    ] {
        let error = start_error(files.0, files.1).await;
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn every_response_isolates_its_page_from_other_sites() {
    let server = TestServer::start().await;
    for path in ["/login", "/healthz", "/api/queue/jobs", "/nothing"] {
        let reply = server.api.client.get(format!("{}{path}", server.api.base)).bearer_auth(TOKEN).send().await;
        let reply = reply.expect("the server answers");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.headers()[name], value, "{path}");
        }
        assert!(reply.headers().contains_key("permissions-policy"), "{path}");
    }
}
