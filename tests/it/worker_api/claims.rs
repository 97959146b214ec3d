//! A claim receives the next job that its worker may run, and no job is given to two workers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::workers::{KIND, RemoteWorker, id_of, of_job};
use crate::harness::{TestServer, until_async};

#[tokio::test]
async fn jobs_are_claimed_by_priority_and_then_by_age() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let mut ids = Vec::new();
    for priority in [0, -5, 7, 0, 1000, 7, -1000] {
        ids.push(server.submit_elsewhere(json!({"priority": priority})).await);
    }
    for index in [4_usize, 2, 5, 0, 3, 1, 6] {
        assert_eq!(id_of(&worker.claim().await), ids[index]);
    }
    assert_eq!(worker.claim().await, Value::Null);
}

#[tokio::test]
async fn fifty_workers_never_claim_a_job_twice() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "many").await;
    let mut submitted = BTreeSet::new();
    for _ in 0..80 {
        submitted.insert(server.submit_elsewhere(json!({})).await);
    }
    let claimers = (0..50).map(|_| {
        let worker = worker.clone();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                match worker.claim().await {
                    Value::Null => return claimed,
                    job => claimed.push(id_of(&job).to_owned()),
                }
            }
        })
    });
    let mut claimed = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        claimed.extend(claimer.await.expect("the claimer does not panic"));
    }
    assert_eq!(claimed.len(), submitted.len());
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), submitted);
}

#[tokio::test]
async fn a_claim_passes_over_300_jobs_that_the_worker_may_not_run() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    for number in 0..300 {
        let job = match number % 3 {
            0 => json!({"type": "another", "priority": 5}),
            1 => json!({"priority": 5, "payload": {"requiredCapabilities": ["gpu"]}}),
            _ => json!({"priority": 5, "payload": {"requiredCapabilities": ["git", "gpu"]}}),
        };
        server.submit_elsewhere(job).await;
    }
    let own = server.submit_elsewhere(json!({"payload": {"requiredCapabilities": [" Git"]}})).await;
    let allowed = json!({"allowedTypes": [KIND], "workerCapabilities": ["GIT", "docker"]});
    assert_eq!(id_of(&worker.claim_with(allowed.clone()).await), own);
    assert_eq!(worker.claim_with(allowed).await, Value::Null);
    assert_eq!(worker.claim_with(json!({"allowedTypes": ["neither", "nor"]})).await, Value::Null);
    let both = worker.claim_with(json!({"allowedTypes": ["neither", "another"]})).await;
    assert_eq!(both["type"], "another");
    let any = worker.claim_with(json!({"allowedTypes": [], "workerCapabilities": ["gpu"]})).await;
    assert_eq!(any["payload"]["requiredCapabilities"], json!(["gpu"]), "the oldest of all types: {any}");
    let gpu = worker.claim_with(json!({"allowedTypes": [KIND], "workerCapabilities": ["gpu"]})).await;
    assert_eq!(gpu["payload"]["requiredCapabilities"], json!(["gpu"]));
}

#[tokio::test]
async fn a_waiting_claim_returns_as_soon_as_a_job_is_submitted() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let waiting = tokio::spawn({
        let worker = worker.clone();
        async move { worker.claim_with(json!({"waitSeconds": 30, "allowedTypes": [KIND]})).await }
    });
    let id = server.submit_elsewhere(json!({})).await;
    assert_eq!(id_of(&waiting.await.expect("the claim does not panic")), id);
    assert_eq!(worker.claim_with(json!({"waitSeconds": 1})).await, Value::Null);
}

#[tokio::test]
async fn a_repeated_claim_returns_the_same_job_and_never_another_one() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let claim = json!({"claimId": "first"});
    assert_eq!(worker.claim_with(claim.clone()).await, Value::Null, "nothing was claimed yet");
    for _ in 0..2 {
        server.submit_elsewhere(json!({})).await;
    }
    let job = worker.claim_with(claim.clone()).await;
    for _ in 0..3 {
        assert_eq!(worker.claim_with(claim.clone()).await, job);
    }
    assert_eq!(server.api.events(id_of(&job)).await.len(), 3, "the repeated claims have stored no events");
    let another = RemoteWorker::new(&server, "one").await;
    let of_another = another.claim_with(claim.clone()).await;
    assert_ne!(of_another["id"], job["id"], "the identifier of another token is another one");
    worker.expect(200, &of_job(&job, "complete"), json!({"leaseEpoch": job["leaseEpoch"]})).await;
    server.submit_elsewhere(json!({})).await;
    assert_eq!(worker.claim_with(claim).await, Value::Null, "its lease has ended");
    assert_ne!(worker.claim_with(json!({"claimId": "second"})).await, Value::Null);
}

#[tokio::test]
async fn after_a_worker_has_resumed_its_earlier_claims_receive_no_job() {
    let server = TestServer::start().await;
    let (worker, other) = (RemoteWorker::new(&server, "one").await, RemoteWorker::new(&server, "two").await);
    let wait = |worker: &RemoteWorker, id: &'static str| {
        let claim = json!({"claimId": id, "waitSeconds": 30, "allowedTypes": [KIND], "workerCapabilities": [id]});
        let worker = worker.clone();
        tokio::spawn(async move { worker.claim_with(claim).await })
    };
    // Waits until the list of workers contains a worker with this name and with the capability that the claim names.
    let is_open = async |name: &str, id: &str| {
        until_async("the claim is open", async || {
            let workers = server.api.json("/workers").await;
            let is_listed = |listed: &Value| listed["name"] == name && listed["capabilities"] == json!([id]);
            workers["items"].as_array().is_some_and(|items| items.iter().any(is_listed))
        })
        .await;
    };
    // The server still holds these claims open when their worker is restarted. In practice, a proxy may keep their
    // connections open.
    let first = wait(&worker, "first");
    is_open("one", "first").await;
    let open = [first, wait(&worker, "second")];
    is_open("one", "second").await;
    let of_other = wait(&other, "first");
    is_open("two", "first").await;
    assert_eq!(worker.claim_with(json!({"claimId": "first", "resume": true})).await, Value::Null);
    let id = server.submit_elsewhere(json!({})).await;
    assert_eq!(id_of(&of_other.await.expect("the claim does not panic")), id, "other workers are not affected");
    let id = server.submit_elsewhere(json!({})).await;
    for claim in open {
        assert_eq!(claim.await.expect("the claim does not panic"), Value::Null);
    }
    // The worker already knows that the claim `first` receives no job. If another request for the same claim arrives
    // late, the server must not assign a job to it.
    assert_eq!(worker.claim_with(json!({"claimId": "first"})).await, Value::Null);
    assert_eq!(id_of(&worker.claim_with(json!({"claimId": "third"})).await), id);
}

#[tokio::test]
async fn only_the_reply_to_a_claim_contains_the_values_of_secrets() {
    let server = TestServer::start().await;
    let api = &server.api;
    let secret = json!({"value": "swordfish-swordfish"});
    let set = api.request(reqwest::Method::PUT, "/secrets/DEPLOY_KEY").json(&secret).send().await;
    assert_eq!(set.expect("the server answers").status(), 201);
    let worker = RemoteWorker::new(&server, "one").await;
    // The embedded worker does not claim the job, because the job requires a capability that this worker does not have.
    let payload = json!({
        "run": "deploy hunter2-hunter2", "env": {"API_TOKEN": "hunter2-hunter2"}, "secrets": ["DEPLOY_KEY"],
        "requiredCapabilities": ["deploy"],
    });
    let id = api.submit(payload.clone()).await;
    let job = worker.claim_with(json!({"workerCapabilities": ["deploy"]})).await;
    assert_eq!((id_of(&job), &job["secrets"]), (id.as_str(), &json!({"DEPLOY_KEY": "swordfish-swordfish"})));
    assert_eq!(job["payload"], payload);
    let renewed = worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 60})).await;
    let shown = [renewed.to_string(), api.job(&id).await.to_string(), json!(api.events(&id).await).to_string()];
    for text in shown {
        assert!(!text.contains("swordfish") && !text.contains("hunter2"), "{text}");
        assert!(!text.contains("\"secrets\":{"), "{text}");
    }
    assert_eq!(renewed["payload"]["env"]["API_TOKEN"], "[REDACTED]");
}
