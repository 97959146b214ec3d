//! A job with an affinity key is reserved for a short time. Only the worker that last ran a job with the same key may
//! claim it during this time.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::tokens::{limited, revoke};
use crate::harness::TestServer;
use crate::harness::workers::{KIND, RemoteWorker, id_of, of_job};

/// Starts a server that reserves jobs for their preferred workers for an hour.
async fn patient() -> TestServer {
    TestServer::start_with(|config| config.affinity_wait = Duration::from_hours(1)).await
}

async fn submit(server: &TestServer) -> String {
    server.submit_elsewhere(json!({"affinityKey": "cache"})).await
}

async fn complete(worker: &RemoteWorker, job: &Value) {
    worker.expect(200, &of_job(job, "complete"), json!({"leaseEpoch": job["leaseEpoch"]})).await;
}

/// Makes a worker run a job with the key. The job's creation is set back by an hour, so that it is no longer reserved
/// for another worker.
async fn run(server: &TestServer, worker: &RemoteWorker) {
    let id = submit(server).await;
    server.execute("update jobs set created_at = created_at - 3600000000").await;
    let job = worker.claim().await;
    assert_eq!(id_of(&job), id);
    complete(worker, &job).await;
}

#[tokio::test]
async fn a_job_is_left_for_the_worker_that_last_ran_one_with_its_key_until_its_wait_is_over() {
    let server = patient().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let other = worker.named("two");
    assert_eq!(other.claim().await, Value::Null);
    run(&server, &worker).await;
    let id = submit(&server).await;
    let plain = server.submit_elsewhere(json!({"priority": -1})).await;
    assert_eq!(id_of(&other.claim().await), plain, "jobs without the key are not delayed");
    assert_eq!(other.claim().await, Value::Null);
    let job = worker.claim().await;
    assert_eq!(id_of(&job), id);
    complete(&worker, &job).await;
    let late = submit(&server).await;
    assert_eq!(other.claim().await, Value::Null);
    server.execute("update jobs set created_at = created_at - 3600000000").await;
    assert_eq!(id_of(&other.claim().await), late, "its wait is over");
    let moved = submit(&server).await;
    assert_eq!(worker.claim().await, Value::Null, "the other worker is preferred now");
    assert_eq!(id_of(&other.claim().await), moved);
}

#[tokio::test]
async fn the_preferred_worker_still_claims_by_priority_and_then_by_age() {
    let server = patient().await;
    let worker = RemoteWorker::new(&server, "one").await;
    run(&server, &worker).await;
    let older = server.submit_elsewhere(json!({})).await;
    let own = submit(&server).await;
    let urgent = server.submit_elsewhere(json!({"priority": 1})).await;
    for expected in [urgent, older, own] {
        assert_eq!(id_of(&worker.claim().await), expected);
    }
}

#[tokio::test]
async fn a_job_is_not_left_for_a_worker_that_is_offline_drained_or_paused_or_does_not_run_it() {
    let server = patient().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let other = worker.named("two");
    let check = async |why: &str| {
        let id = submit(&server).await;
        let job = other.claim().await;
        assert_eq!(id_of(&job), id, "{why}");
        complete(&other, &job).await;
    };
    run(&server, &worker).await;
    let workers = server.api.json("/workers").await;
    let listed = workers["items"].as_array().expect("a list").iter().find(|worker| worker["name"] == "one");
    let id = listed.expect("it is listed")["id"].as_str().expect("an id").to_owned();
    let send = async |method: Method, path: &str| {
        let reply = server.api.request(method, path).json(&json!({})).send().await.expect("the server answers");
        assert!(reply.status().is_success(), "{path}");
    };
    send(Method::POST, &format!("/workers/{id}/drain")).await;
    check("it is drained").await;
    send(Method::POST, &format!("/workers/{id}/resume")).await;
    run(&server, &worker).await;
    send(Method::PUT, &format!("/pauses/worker:{id}")).await;
    check("it is paused").await;
    send(Method::DELETE, &format!("/pauses/worker:{id}")).await;
    run(&server, &worker).await;
    server.execute("update workers set last_seen_at = 1 where name = 'one'").await;
    check("it was not seen for a while").await;
    run(&server, &worker).await;
    worker.claim_with(json!({"allowedTypes": ["another"]})).await;
    check("it no longer runs this type").await;
    worker.claim_with(json!({"allowedTypes": [KIND]})).await;
    let gpu = json!({"affinityKey": "gpu", "payload": {"requiredCapabilities": ["gpu"]}});
    let first = server.submit_elsewhere(gpu.clone()).await;
    let job = worker.claim_with(json!({"workerCapabilities": ["gpu"]})).await;
    assert_eq!(id_of(&job), first);
    complete(&worker, &job).await;
    worker.claim().await;
    let second = server.submit_elsewhere(gpu).await;
    let job = other.claim_with(json!({"workerCapabilities": ["gpu"]})).await;
    assert_eq!(id_of(&job), second, "it has no longer what the job requires");
}

#[tokio::test]
async fn a_job_is_not_left_for_a_worker_whose_token_does_not_permit_it_or_was_revoked() {
    let server = patient().await;
    let other = RemoteWorker::new(&server, "two").await;
    let everything = json!({"workerCapabilities": ["git", "gpu"]});
    let with_key = |members: Value| {
        let mut job = json!({"type": KIND, "affinityKey": "cache"});
        for (name, value) in members.as_object().expect("it is an object") {
            job[name] = value.clone();
        }
        job
    };
    for (limits, permitted, forbidden) in [
        (json!({"allowedJobTypes": [KIND]}), json!({}), json!({"type": "another"})),
        (
            json!({"allowedRepositories": ["acme/web"]}),
            json!({"payload": {"repository": "acme/web"}}),
            json!({"payload": {"repository": "acme/api"}}),
        ),
        (
            json!({"capabilities": ["git"]}),
            json!({"payload": {"requiredCapabilities": ["git"]}}),
            json!({"payload": {"requiredCapabilities": ["git", "gpu"]}}),
        ),
    ] {
        let (worker, token) = limited(&server, limits.clone()).await;
        let first = server.api.submit_job(with_key(permitted.clone())).await;
        server.execute("update jobs set created_at = created_at - 3600000000").await;
        let job = worker.claim_with(everything.clone()).await;
        assert_eq!(id_of(&job), first, "{limits}");
        complete(&worker, &job).await;
        let left = server.api.submit_job(with_key(permitted)).await;
        assert_eq!(other.claim_with(everything.clone()).await, Value::Null, "the worker may run it: {limits}");
        let refused = server.api.submit_job(with_key(forbidden)).await;
        let job = other.claim_with(everything.clone()).await;
        assert_eq!(id_of(&job), refused, "the worker may not run it: {limits}");
        // The worker remains the preferred one, because it was the last worker to start a job with the key.
        server.execute("update jobs set started_at = 1 where type = 'another' or status = 'running'").await;
        assert_eq!(other.claim_with(everything.clone()).await, Value::Null, "{limits}");
        revoke(&server, &token).await;
        let released = other.claim_with(everything.clone()).await;
        assert_eq!(id_of(&released), left, "the token was revoked: {limits}");
        complete(&other, &job).await;
        complete(&other, &released).await;
    }
}

#[tokio::test]
async fn without_a_wait_every_worker_receives_a_job_with_a_key_at_once() {
    let server = TestServer::start_with(|config| config.affinity_wait = Duration::ZERO).await;
    let worker = RemoteWorker::new(&server, "one").await;
    run(&server, &worker).await;
    let id = submit(&server).await;
    assert_eq!(id_of(&worker.named("two").claim().await), id);
}

#[tokio::test]
async fn a_waiting_claim_receives_a_job_when_it_is_no_longer_left_for_another_worker() {
    let server = TestServer::start_with(|config| config.affinity_wait = Duration::from_secs(1)).await;
    let worker = RemoteWorker::new(&server, "one").await;
    let other = worker.named("two");
    run(&server, &worker).await;
    let id = submit(&server).await;
    assert_eq!(id_of(&other.claim_with(json!({"waitSeconds": 30})).await), id);
}
