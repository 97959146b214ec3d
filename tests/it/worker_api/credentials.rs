//! The routes of workers require a valid token with the role `worker`, and such a token gives access to nothing else.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::people::Proof;
use crate::harness::workers::{KIND, RemoteWorker};
use crate::harness::{TOKEN, TestServer};

/// Sends a claim with the given headers, and returns the status and the code of the reply, or the id of the job.
async fn claim(server: &TestServer, headers: &[(&str, &str)]) -> (u16, String) {
    let url = format!("{}/api/queue/jobs/claim", server.api.base);
    let mut request = server.api.client.post(url).json(&json!({"workerId": "one", "leaseSeconds": 60}));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = request.send().await.expect("the server answers");
    let (status, body) = (reply.status().as_u16(), reply.json::<Value>().await.expect("the body is JSON"));
    let text = if status == 200 { &body["job"]["id"] } else { &body["detail"]["code"] };
    (status, text.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_worker_sends_its_token_as_a_bearer_token_or_in_its_own_header() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let bearer = format!("Bearer {}", worker.token);
    for headers in [
        vec![("authorization", bearer.as_str())],
        vec![("x-moonmind-worker-token", worker.token.as_str())],
        vec![("authorization", bearer.as_str()), ("x-moonmind-worker-token", "another")],
    ] {
        let id = server.submit_elsewhere(json!({})).await;
        assert_eq!(claim(&server, &headers).await, (200, id), "{headers:?}");
    }
}

#[tokio::test]
async fn other_credentials_are_refused_on_the_routes_of_workers() {
    let server = TestServer::start().await;
    server.submit_elsewhere(json!({})).await;
    let Proof::Bearer(operator) = server.token(Role::Operator).await else { panic!("it is a token") };
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(claim(&server, &[]).await, refused(401, "auth_required"));
    for token in ["", "wrong", TOKEN, operator.as_str()] {
        let reply = claim(&server, &[("x-moonmind-worker-token", token)]).await;
        assert_eq!(reply, refused(401, "worker_auth_failed"), "{token}");
    }
    for token in [TOKEN, operator.as_str()] {
        let bearer = format!("Bearer {token}");
        let reply = claim(&server, &[("authorization", bearer.as_str())]).await;
        assert_eq!(reply, refused(403, "worker_not_authorized"), "{token}");
    }
    let jobs = server.api.json(&format!("/jobs?type={KIND}")).await;
    assert_eq!(jobs["items"][0]["status"], "queued");
}

#[tokio::test]
async fn a_worker_cannot_read_jobs_or_submit_them() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let id = server.submit_elsewhere(json!({})).await;
    for (method, path) in [
        (Method::GET, String::new()),
        (Method::GET, format!("/{id}")),
        (Method::GET, format!("/{id}/events")),
        (Method::POST, String::new()),
        (Method::POST, format!("/{id}/cancel")),
        (Method::DELETE, format!("/{id}")),
    ] {
        let reply = worker.request(method.clone(), &path).send().await.expect("the server answers");
        assert_eq!(reply.status(), 403, "{method} {path}");
    }
}
