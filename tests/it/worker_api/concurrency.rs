//! Jobs with the same concurrency key wait for each other. Jobs without this key do not wait for them, even if they
//! were submitted later.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::workers::{KIND, RemoteWorker, id_of, of_job};

/// Submits a job with a key. Without a limit, one job with the key runs at a time.
async fn submit(server: &TestServer, key: &str, limit: Option<u32>) -> String {
    server.submit_elsewhere(json!({"payload": {"concurrencyKey": key, "concurrencyLimit": limit}})).await
}

async fn complete(worker: &RemoteWorker, job: &Value) {
    worker.expect(200, &of_job(job, "complete"), json!({"leaseEpoch": job["leaseEpoch"]})).await;
}

/// Returns a job as the list of jobs contains it.
async fn in_list(server: &TestServer, id: &str) -> Value {
    let page = server.api.json("/jobs?summary=true").await;
    let items = page["items"].as_array().expect("a list");
    items.iter().find(|job| job["id"] == id).expect("the job is in the list").clone()
}

#[tokio::test]
async fn jobs_with_a_key_run_one_at_a_time_in_order_and_later_jobs_pass_them() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let mut deploys = Vec::new();
    for _ in 0..3 {
        deploys.push(submit(&server, "deploy", None).await);
    }
    let urgent = json!({"priority": 5, "payload": {"concurrencyKey": "deploy"}});
    deploys.insert(0, server.submit_elsewhere(urgent).await);
    let others = [server.submit_elsewhere(json!({})).await, submit(&server, "another", None).await];
    let mut running = worker.claim().await;
    for other in others {
        assert_eq!(id_of(&worker.claim().await), other, "it does not wait for the key");
    }
    for (index, id) in deploys.iter().enumerate() {
        assert_eq!(id_of(&running), id);
        assert_eq!(worker.claim().await, Value::Null, "one at a time");
        complete(&worker, &running).await;
        if index + 1 < deploys.len() {
            running = worker.claim().await;
        }
    }
    for id in &deploys {
        assert_eq!(server.api.job(id).await["status"], "succeeded", "no job is dropped");
    }
}

#[tokio::test]
async fn the_limit_of_a_job_itself_decides_whether_it_may_start() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let one = submit(&server, "deploy", None).await;
    assert_eq!(id_of(&worker.claim().await), one);
    let alone = submit(&server, "deploy", Some(1)).await;
    let second = submit(&server, "deploy", Some(2)).await;
    let third = submit(&server, "deploy", Some(2)).await;
    assert_eq!(id_of(&worker.claim().await), second, "one of the two jobs that it permits is running");
    assert_eq!(worker.claim().await, Value::Null);
    complete(&worker, &json!({"id": one, "leaseEpoch": 1})).await;
    assert_eq!(id_of(&worker.claim().await), third, "the other job still waits until it runs alone");
    assert_eq!(server.api.job(&alone).await["concurrencyWait"], json!({"key": "deploy", "limit": 1, "running": 2}));
}

#[tokio::test]
async fn many_claims_at_once_never_exceed_a_limit_and_every_job_runs_once() {
    const LIMIT: usize = 3;
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "many").await;
    let mut submitted = Vec::new();
    for _ in 0..40 {
        submitted.push(submit(&server, "deploy", Some(3)).await);
    }
    let (held, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let claimers = (0..20).map(|_| {
        let (worker, held, ran, total) = (worker.clone(), Arc::clone(&held), Arc::clone(&ran), submitted.len());
        tokio::spawn(async move {
            while ran.lock().expect("no claimer panics").len() < total {
                let job = worker.claim_with(json!({"waitSeconds": 1})).await;
                if job.is_null() {
                    continue;
                }
                let others = held.fetch_add(1, Ordering::SeqCst);
                assert!(others < LIMIT, "{} jobs run at once", others + 1);
                ran.lock().expect("no claimer panics").push(id_of(&job).to_owned());
                held.fetch_sub(1, Ordering::SeqCst);
                complete(&worker, &job).await;
            }
        })
    });
    for claimer in claimers.collect::<Vec<_>>() {
        claimer.await.expect("the claimer does not panic");
    }
    let mut ran = ran.lock().expect("no claimer panics").clone();
    ran.sort();
    submitted.sort();
    assert_eq!(ran, submitted);
}

#[tokio::test]
async fn a_failed_attempt_and_an_expired_lease_make_way_for_the_next_job() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let payload = json!({"concurrencyKey": "deploy"});
    let retried = server.submit_elsewhere(json!({"maxAttempts": 2, "payload": payload})).await;
    let expiring = submit(&server, "deploy", None).await;
    let last = submit(&server, "deploy", None).await;
    let job = worker.claim().await;
    assert_eq!(id_of(&job), retried);
    let failure = json!({"leaseEpoch": job["leaseEpoch"], "errorMessage": "no", "retryable": true});
    worker.expect(200, &of_job(&job, "fail"), failure).await;
    let waiting = tokio::spawn({
        let worker = worker.clone();
        async move { worker.claim_with(json!({"waitSeconds": 30, "allowedTypes": [KIND]})).await }
    });
    assert_eq!(id_of(&waiting.await.expect("the claim does not panic")), expiring, "the other is in its back-off");
    server.skip_back_off().await;
    assert_eq!(worker.claim().await, Value::Null, "the next attempt waits for the key, too");
    server.execute("update jobs set lease_expires_at = 1 where status = 'running'").await;
    server.api.ended(&expiring).await;
    let again = worker.claim().await;
    assert_eq!(id_of(&again), retried, "it was submitted before the last one");
    complete(&worker, &again).await;
    assert_eq!(id_of(&worker.claim().await), last);
}

#[tokio::test]
async fn a_job_says_for_which_key_it_waits_in_the_api_in_the_list_and_on_its_page() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let secret = json!({"API_TOKEN": "hunter2-hunter2"});
    let payload = json!({"env": secret, "concurrencyKey": "deploy-hunter2-hunter2"});
    let job = server.claimed(&worker, json!({"payload": payload})).await;
    assert_eq!(job["payload"], payload, "the worker receives the payload without masks");
    let waiting = server.submit_elsewhere(json!({"payload": payload})).await;
    let wait = json!({"key": "deploy-[REDACTED]", "limit": 1, "running": 1});
    let shown = server.api.job(&waiting).await;
    assert_eq!(shown["concurrencyWait"], wait);
    assert_eq!(shown["payload"]["concurrencyKey"], "deploy-[REDACTED]");
    assert_eq!(in_list(&server, &waiting).await["concurrencyWait"], wait);
    assert_eq!(in_list(&server, id_of(&job)).await["concurrencyWait"], Value::Null, "it is running");
    let viewer = server.token(Role::Viewer).await;
    for path in [format!("/tasks/queue/{waiting}"), "/tasks/queue".to_owned()] {
        let page = server.page(&path, &viewer).await.text().await.expect("the body arrives");
        assert!(page.contains("Waiting for another job with the concurrency key deploy-[REDACTED]"), "{path}: {page}");
        assert!(!page.contains("hunter2-hunter2"), "{path}");
    }
    complete(&worker, &job).await;
    assert_eq!(server.api.job(&waiting).await["concurrencyWait"], Value::Null);
    assert_eq!(id_of(&worker.claim().await), waiting);
}

#[tokio::test]
async fn the_wait_for_a_key_is_that_of_the_time_at_which_a_response_is_created() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let payload = json!({"concurrencyKey": "deploy", "concurrencyLimit": 2});
    let wait = |running: i64| json!({"key": "deploy", "limit": 2, "running": running});
    let first = server.claimed(&worker, json!({"payload": payload})).await;
    let second = server.claimed(&worker, json!({"maxAttempts": 2, "payload": payload})).await;
    let submission = json!({"type": KIND, "payload": payload});
    let reply = server.api.post("/jobs", &submission).await.json::<Value>().await.expect("the body is JSON");
    assert_eq!(reply["concurrencyWait"], wait(2), "the response to the submission: {reply}");
    let waiting = id_of(&reply).to_owned();
    let updated = server.api.job(&waiting).await["updatedAt"].clone();
    assert_eq!(in_list(&server, &waiting).await["concurrencyWait"], wait(2));
    let other = server.submit_elsewhere(json!({"payload": {"concurrencyKey": "deploy"}})).await;
    complete(&worker, &first).await;
    assert_eq!(in_list(&server, &waiting).await["concurrencyWait"], Value::Null);
    assert_eq!(in_list(&server, &other).await["concurrencyWait"]["running"], 1, "it permits no other job");
    let viewer = server.token(Role::Viewer).await;
    let page = server.page("/tasks/queue", &viewer).await.text().await.expect("the body arrives");
    assert!(!page.contains("Waits for one of 2 running jobs"), "{page}");
    let third = server.submit_elsewhere(json!({"payload": payload, "priority": 1})).await;
    assert_eq!(id_of(&worker.claim().await), third);
    assert_eq!(in_list(&server, &waiting).await["concurrencyWait"], wait(2), "a later job has passed it");
    let failure = json!({"leaseEpoch": second["leaseEpoch"], "errorMessage": "no", "retryable": true});
    let failed = worker.expect(200, &of_job(&second, "fail"), failure).await;
    assert_eq!((&failed["status"], &failed["concurrencyWait"]), (&json!("queued"), &Value::Null), "{failed}");
    let fourth = worker.claim().await;
    assert_eq!(id_of(&fourth), waiting);
    assert_eq!(in_list(&server, id_of(&second)).await["concurrencyWait"], wait(2), "the next attempt waits, too");
    assert_ne!(server.api.job(&waiting).await["updatedAt"], updated);
}

#[tokio::test]
async fn a_resubmitted_job_keeps_its_key_and_changes_can_replace_it() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let original = server.claimed(&worker, json!({"payload": {"concurrencyKey": "deploy"}})).await;
    let resubmit = async |changes: Value| {
        let path = format!("/jobs/{}/resubmit", id_of(&original));
        let reply = server.api.request(Method::POST, &path).json(&changes).send().await.expect("the server answers");
        assert_eq!(reply.status(), 201);
        id_of(&reply.json::<Value>().await.expect("the body is JSON")).to_owned()
    };
    let copy = resubmit(json!({})).await;
    let without = resubmit(json!({"payload": {"concurrencyKey": null}})).await;
    let wider = resubmit(json!({"payload": {"concurrencyLimit": 2}})).await;
    assert_eq!(id_of(&worker.claim().await), without);
    assert_eq!(id_of(&worker.claim().await), wider);
    assert_eq!(worker.claim().await, Value::Null);
    assert_eq!(server.api.job(&copy).await["concurrencyWait"]["key"], "deploy");
}

#[tokio::test]
async fn the_embedded_worker_runs_commands_with_the_same_key_one_after_another() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 4).await;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(server.api.submit(json!({"run": "true", "concurrencyKey": "deploy"})).await);
    }
    let mut spans = Vec::new();
    for id in &jobs {
        let job = server.api.ended(id).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        spans.push((job["startedAt"].to_string(), job["finishedAt"].to_string()));
    }
    assert!(spans.is_sorted_by(|one, next| one.1 <= next.0), "in the order of submission: {spans:?}");
}
