//! A finished job can be removed together with everything that belongs to it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::workers::{RemoteWorker, id_of, of_job};

async fn remove(server: &TestServer, id: &str) -> (u16, Value) {
    let reply = server.api.request(Method::DELETE, &format!("/jobs/{id}")).send().await.expect("the server answers");
    let (status, body) = (reply.status().as_u16(), reply.bytes().await.expect("the body arrives"));
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_finished_job_is_removed_with_its_log_its_output_and_its_artifacts() {
    let server = TestServer::start().await;
    let command = "seq 1 5000; echo kept > report.txt";
    let id = server.api.submit(json!({"run": command, "artifacts": ["*.txt"]})).await;
    server.api.ended(&id).await;
    let (other, _) = server.api.run("echo other").await;
    let folders = ["spool", "artifacts"].map(|folder| server.data.path().join(folder).join(&id));
    assert!(folders.iter().all(|folder| folder.exists()), "{folders:?}");
    assert_eq!(remove(&server, &id).await, (204, Value::Null));
    for path in ["", "/events", "/events/stream", "/log", "/lines?from=1", "/artifacts"] {
        let reply = server.api.get(&format!("/jobs/{id}{path}")).await;
        let (status, body) = (reply.status(), reply.json::<Value>().await.expect("an error is JSON"));
        assert_eq!((status.as_u16(), &body["detail"]["code"]), (404, &json!("job_not_found")), "{path}");
    }
    assert!(folders.iter().all(|folder| !folder.exists()), "{folders:?}");
    assert_eq!(remove(&server, &id).await.0, 404, "it is gone");
    assert_eq!(server.api.output(&other, 1).await, b"other\n", "other jobs are not affected");
    let jobs = server.api.json("/jobs").await;
    assert_eq!(jobs["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_job_that_has_not_finished_is_not_removed() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let id = server.submit_elsewhere(json!({})).await;
    for _ in 0..2 {
        let (status, body) = remove(&server, &id).await;
        assert_eq!((status, &body["detail"]["code"]), (409, &json!("job_state_conflict")));
        worker.claim().await;
    }
    worker.expect(200, &of_job(&json!({"id": id}), "complete"), json!({})).await;
    assert_eq!(remove(&server, &id).await.0, 204);
    for unknown in ["01890000-0000-7000-8000-000000000001", "nonsense"] {
        assert_eq!(remove(&server, unknown).await.1["detail"]["code"], "job_not_found");
    }
}

#[tokio::test]
async fn a_list_that_follows_changes_misses_none_after_a_removal() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let first = server.claimed(&worker, json!({})).await;
    let done = worker.expect(200, &of_job(&first, "complete"), json!({})).await;
    let change = "select max(change) from jobs";
    let before = server.number(change).await;
    assert_eq!(remove(&server, id_of(&done)).await.0, 204);
    server.submit_elsewhere(json!({})).await;
    assert!(server.number(change).await > before, "the numbers of changes never repeat");
}

#[tokio::test]
async fn the_removal_of_a_job_is_in_the_audit_log() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("true").await;
    remove(&server, &id).await;
    let page = server.api.json("/audit?action=job.remove").await;
    assert_eq!(json!([page["items"][0]["object"], page["items"][0]["status"]]), json!([id, 204]));
}
