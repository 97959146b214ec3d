//! When a credential becomes invalid, its open responses are closed.

use std::time::Duration;

use model::Role;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use tailwater::limits::RECHECK_IDENTITY;

use crate::harness::TestServer;
use crate::harness::people::{PASSWORD, Proof, bearer, browser};
use crate::harness::streams::lasting_stream_paths;

/// The maximum time that a test waits for a stream to be closed. It is long, because machines are shared.
const PATIENCE: Duration = Duration::from_mins(1);

/// The maximum time between a revocation and the end of a stream. It is shorter than the interval at which the server
/// checks the credentials of open streams, so only a notification can end the stream in time.
const NOTIFIED: Duration = Duration::from_secs(RECHECK_IDENTITY.as_secs() / 2);

/// Starts a job that prints a line and runs until the server stops.
async fn running_job(server: &TestServer) -> String {
    let id = server.api.submit(json!({"run": "echo begun; while :; do sleep 0.1; done"})).await;
    server
        .api
        .events_when(&id, "contain output", |events| events.iter().any(|event| event["payload"]["kind"] == "log"))
        .await;
    id
}

/// Opens a response and receives its first bytes.
async fn open(server: &TestServer, path: &str, proof: &Proof) -> Response {
    let request = proof.add_to(browser().get(format!("{}{path}", server.api.base)), &server.api.base);
    let mut reply = request.send().await.expect("the server answers");
    assert_eq!(reply.status(), 200, "{path}");
    let chunk = tokio::time::timeout(PATIENCE, reply.chunk()).await.expect("bytes arrive in time");
    assert!(chunk.expect("the connection is open").is_some(), "{path}");
    reply
}

/// Waits until the server aborts a response.
async fn aborted(mut reply: Response) {
    let path = reply.url().path().to_owned();
    let read = async {
        loop {
            match reply.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{path}: the response ended as if it were complete"),
                Err(_) => return,
            }
        }
    };
    tokio::time::timeout(NOTIFIED, read).await.expect("the response is aborted");
}

/// Opens a response of each kind, and revokes the credential with `revoke`. Checks that these responses are aborted,
/// and that responses to another credential are not.
async fn check(server: &TestServer, proof: &Proof, revoke: impl AsyncFnOnce()) {
    let job = running_job(server).await;
    let other = server.token(Role::Viewer).await;
    let (mut replies, mut others) = (Vec::new(), Vec::new());
    for path in lasting_stream_paths(&job) {
        replies.push(open(server, &path, proof).await);
        others.push(open(server, &path, &other).await);
    }
    revoke().await;
    for reply in replies {
        aborted(reply).await;
    }
    // The streams of the other credential continue: they report that the job was cancelled.
    server.api.post(&format!("/jobs/{job}/cancel"), &json!({})).await;
    for mut reply in others {
        let chunk = tokio::time::timeout(PATIENCE, reply.chunk()).await.expect("bytes arrive in time");
        chunk.expect("the connection is open");
    }
}

async fn change(server: &TestServer, name: &str, changes: Value) {
    let reply = server.api.request(Method::PATCH, &format!("/users/{name}")).json(&changes).send().await;
    assert_eq!(reply.expect("the server answers").status(), 200);
}

async fn delete(server: &TestServer, path: String) {
    let reply = server.api.request(Method::DELETE, &path).send().await.expect("the server answers");
    assert_eq!(reply.status(), 204, "{path}");
}

/// Returns the id of the newest session or token of a user.
async fn newest(server: &TestServer, kind: &str, user: &str) -> String {
    let list = server.api.json(&format!("/{kind}?user={user}")).await;
    list["items"][0]["id"].as_str().expect("it has an id").to_owned()
}

#[tokio::test]
async fn ending_a_session_closes_its_streams() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let session = server.log_in("ada", PASSWORD).await;
    check(&server, &session, async || {
        let id = newest(&server, "sessions", "ada").await;
        delete(&server, format!("/sessions/{id}")).await;
    })
    .await;
    let again = server.status("/api/queue/jobs/stream", &session).await;
    assert_eq!(again, 401, "a browser that reconnects learns why");
}

#[tokio::test]
async fn logging_out_closes_the_streams_of_the_session_and_of_no_other() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let (session, other) = (server.log_in("ada", PASSWORD).await, server.log_in("ada", PASSWORD).await);
    let mut kept = open(&server, "/api/queue/jobs/stream", &other).await;
    check(&server, &session, async || {
        assert_eq!(server.post_form("/logout", &session, &[]).await.status(), 303);
    })
    .await;
    let chunk = tokio::time::timeout(PATIENCE, kept.chunk()).await.expect("bytes arrive in time");
    assert!(chunk.expect("the connection is open").is_some());
}

#[tokio::test]
async fn revoking_a_token_closes_its_streams() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let session = server.log_in("ada", PASSWORD).await;
    let token = bearer(&server.create_token(&session, json!({"name": "test"})).await);
    check(&server, &token, async || {
        let id = newest(&server, "tokens", "ada").await;
        delete(&server, format!("/tokens/{id}")).await;
    })
    .await;
}

#[tokio::test]
async fn disabling_removing_or_changing_a_user_closes_the_streams_of_sessions_and_tokens() {
    let server = TestServer::start().await;
    for (name, changes) in
        [("disabled", Some(json!({"disabled": true}))), ("lowered", Some(json!({"role": "viewer"}))), ("removed", None)]
    {
        server.add_user(name, Role::Operator).await;
        let session = server.log_in(name, PASSWORD).await;
        let token = bearer(&server.create_token(&session, json!({"name": "test"})).await);
        let by_token = open(&server, "/api/queue/jobs/stream", &token).await;
        check(&server, &session, async || match changes {
            Some(changes) => change(&server, name, changes).await,
            None => delete(&server, format!("/users/{name}")).await,
        })
        .await;
        aborted(by_token).await;
    }
}

#[tokio::test]
async fn changing_ones_password_closes_the_streams_of_other_sessions() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let (here, elsewhere) = (server.log_in("ada", PASSWORD).await, server.log_in("ada", PASSWORD).await);
    let mut kept = open(&server, "/api/queue/jobs/stream", &here).await;
    check(&server, &elsewhere, async || {
        let fields =
            [("action", "change-password"), ("currentPassword", PASSWORD), ("newPassword", "another horse battery")];
        let reply = server.post_form("/account", &here, &fields).await;
        assert_eq!(reply.headers()["location"], "/account?done=password");
    })
    .await;
    let chunk = tokio::time::timeout(PATIENCE, kept.chunk()).await.expect("bytes arrive in time");
    assert!(chunk.expect("the connection is open").is_some());
}

#[tokio::test]
async fn a_stream_is_closed_when_its_session_or_token_expires() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let session = server.log_in("ada", PASSWORD).await;
    let token = bearer(&server.create_token(&session, json!({"name": "test"})).await);
    // The server reads the expiry when it opens a stream, so the expiry is set beforehand. Usually, 3 s are enough to
    // open the streams.
    server.execute("update sessions set expires_at = (unixepoch() + 3) * 1000000").await;
    server.execute("update tokens set expires_at = (unixepoch() + 3) * 1000000").await;
    let request = |proof: &Proof| {
        proof.add_to(browser().get(format!("{}/api/queue/jobs/stream", server.api.base)), &server.api.base)
    };
    for proof in [&session, &token] {
        let reply = request(proof).send().await.expect("the server answers");
        // On a very slow machine, the credential may already have expired.
        if reply.status() == 200 {
            aborted(reply).await;
        }
        assert_eq!(server.status("/api/queue/jobs", proof).await, 401);
    }
}

/// The download and the search send much more than the sockets can buffer.
#[tokio::test]
async fn a_download_and_a_streamed_search_are_aborted_when_their_token_is_revoked() {
    const PRINTED: usize = 30_000_000;
    let server = TestServer::start().await;
    server.add_user("ada", Role::Viewer).await;
    let session = server.log_in("ada", PASSWORD).await;
    let (id, _) = server.api.run(&format!("head -c {PRINTED} /dev/zero | tr '\\0' 'x' | fold -w 1000")).await;
    for path in ["log", "log/search?q=x&format=text"] {
        let token = bearer(&server.create_token(&session, json!({"name": "test"})).await);
        let mut reply = open(&server, &format!("/api/queue/jobs/{id}/{path}"), &token).await;
        let newest = newest(&server, "tokens", "ada").await;
        delete(&server, format!("/tokens/{newest}")).await;
        let (mut bytes, mut failed) = (0, false);
        while !failed {
            match reply.chunk().await {
                Ok(Some(chunk)) => bytes += chunk.len(),
                Ok(None) => break,
                Err(_) => failed = true,
            }
        }
        assert!(failed && bytes < PRINTED, "{path}: {bytes} bytes were received after the revocation");
    }
}
