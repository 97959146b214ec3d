//! Tests which jobs claims examine, and when waiting claims are woken.

use std::time::Duration;

use futures_util::FutureExt;
use model::{ClaimBody, ClaimedJob, Job, JobId, NewJob};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::db::{execute_for_tests, number_for_tests};
use crate::queue::tests::TestQueue;
use crate::queue::{Queue, QueueError, RemoteWorker, Report, ReportedOutcome};

async fn submit(queue: &Queue, members: Value) -> Job {
    let mut job = json!({"type": "elsewhere"});
    for (name, value) in members.as_object().expect("it is an object") {
        job[name] = value.clone();
    }
    let new: NewJob = serde_json::from_value(job).expect("it is a submission");
    queue.submit(new, "test", None).await.expect("the queue is not full")
}

async fn claim(test: &TestQueue, worker: &str) -> Option<ClaimedJob> {
    let body: ClaimBody =
        serde_json::from_value(json!({"workerId": worker, "leaseSeconds": 60})).expect("it is a claim");
    let claim = test.queue.check_claim(body, test.token).expect("the claim is valid");
    test.queue.claim_remotely(&claim, &CancellationToken::new()).await.expect("the database answers").job
}

async fn report(test: &TestQueue, job: JobId, outcome: ReportedOutcome) -> Result<Job, QueueError> {
    let worker = RemoteWorker { name: "one".into(), token: test.token, epoch: None };
    test.queue.report(job, worker, Report { outcome, totals: None }).await
}

const SUCCESS: ReportedOutcome = ReportedOutcome::Completed { summary: None };

/// Returns the number of jobs that claims examine one by one.
async fn claimable(test: &TestQueue) -> i64 {
    number_for_tests(&test.db, "select count(*) from jobs where status = 'queued' and is_behind = 0").await
}

#[tokio::test]
async fn of_the_jobs_that_wait_for_a_key_claims_look_only_at_the_first_of_each_kind() {
    let test = TestQueue::new().await;
    let key = json!({"concurrencyKey": "deploy"});
    let mut first = None;
    for _ in 0..20 {
        let job = submit(&test.queue, json!({"payload": key})).await;
        first.get_or_insert(job.id);
    }
    assert_eq!(claimable(&test).await, 1);
    submit(&test.queue, json!({"type": "another", "payload": key})).await;
    submit(&test.queue, json!({"payload": {"concurrencyKey": "deploy", "concurrencyLimit": 2}})).await;
    submit(&test.queue, json!({"payload": {"concurrencyKey": "deploy", "requiredCapabilities": ["gpu"]}})).await;
    submit(&test.queue, json!({"payload": {"concurrencyKey": "another"}})).await;
    assert_eq!(claimable(&test).await, 5, "other claims may receive them");
    let urgent = submit(&test.queue, json!({"priority": 1, "payload": key})).await;
    assert_eq!(claimable(&test).await, 5, "it takes the place of the first one");
    for expected in [Some(urgent.id), first] {
        let claimed = claim(&test, "one").await.map(|claimed| claimed.job.id);
        assert_eq!(claimed, expected);
        report(&test, claimed.expect("a job was claimed"), SUCCESS).await.expect("it is held");
    }
}

#[tokio::test]
async fn of_the_jobs_with_an_affinity_key_claims_look_only_at_the_oldest_of_each_priority() {
    let test = TestQueue::new().await;
    let mut oldest = Vec::new();
    for priority in [0, 1] {
        for index in 0..10 {
            let job = submit(&test.queue, json!({"affinityKey": "cache", "priority": priority})).await;
            oldest.extend((index < 2).then_some(job.id));
        }
    }
    assert_eq!(claimable(&test).await, 2);
    for expected in [oldest[2], oldest[3]] {
        let claimed = claim(&test, "one").await.expect("a job waits").job.id;
        assert_eq!(claimed, expected);
        assert_eq!(claimable(&test).await, 2, "the next one takes its place");
    }
}

#[tokio::test]
async fn a_claim_searches_every_table_by_an_index() {
    /// The names by which the queries refer to tables.
    const TABLES: [&str; 9] = ["jobs", "holder", "earlier", "a", "preferred", "pauses", "tokens", "t", "u"];
    /// The step of a query plan that reads jobs in the order of claims, until one of them can be claimed.
    const IN_ORDER: &str = "SCAN jobs USING INDEX jobs_claimable_of_any_type";
    let test = TestQueue::new().await;
    let mut connection = test.db.reader().await.expect("a connection is free");
    let steps = super::store::plans(&mut connection).await.expect("the queries are valid");
    let searched = |table: &str| steps.iter().any(|step| step.starts_with(&format!("SEARCH {table} USING ")));
    assert!(["jobs", "preferred", "pauses", "t"].into_iter().all(searched), "{steps:#?}");
    let scans: Vec<_> = steps
        .iter()
        .filter(|step| {
            step.strip_prefix("SCAN ")
                .and_then(|rest| rest.split(' ').next())
                .is_some_and(|table| TABLES.contains(&table))
        })
        .filter(|step| *step != IN_ORDER)
        .collect();
    assert!(scans.is_empty(), "{scans:?} in {steps:#?}");
}

#[tokio::test]
async fn waiting_claims_are_woken_when_a_job_with_a_key_ends_in_any_way() {
    for way in ["completes", "fails", "expires"] {
        let test = TestQueue::new().await;
        for _ in 0..2 {
            submit(&test.queue, json!({"payload": {"concurrencyKey": "deploy"}})).await;
        }
        let held = claim(&test, "one").await.expect("a job waits").job.id;
        assert!(claim(&test, "two").await.is_none(), "the key is busy");
        let woken = test.queue.queued();
        tokio::pin!(woken);
        woken.as_mut().enable();
        match way {
            "completes" => drop(report(&test, held, SUCCESS).await.expect("it is held")),
            "fails" => {
                let outcome = ReportedOutcome::Failed { message: "no".into(), reason: None, is_retryable: false };
                report(&test, held, outcome).await.expect("it is held");
            }
            _ => {
                execute_for_tests(&test.db, "update jobs set lease_expires_at = 1 where status = 'running'").await;
                test.queue.end_expired_leases().await.expect("the database answers");
            }
        }
        assert!(woken.now_or_never().is_some(), "the job {way}");
        assert!(claim(&test, "two").await.is_some(), "the job {way}");
    }
}

#[tokio::test]
async fn a_waiting_claim_is_woken_when_a_job_is_no_longer_left_for_its_preferred_worker() {
    let mut test = TestQueue::new().await;
    test.queue = test.queue.with_affinity_wait(Duration::from_hours(1));
    submit(&test.queue, json!({"affinityKey": "cache"})).await;
    let first = claim(&test, "one").await.expect("nobody has run such a job").job.id;
    report(&test, first, SUCCESS).await.expect("it is held");
    let since = crate::clock::now();
    submit(&test.queue, json!({"affinityKey": "cache"})).await;
    assert!(claim(&test, "two").await.is_none(), "the job is left for the other worker");
    let wait = test.queue.claimable_in(since).await.expect("the database answers").expect("the wait ends");
    assert!((1..=3_600_001).contains(&wait), "{wait} ms");
    execute_for_tests(&test.db, "update jobs set created_at = created_at - 3600000000").await;
    assert_eq!(test.queue.claimable_in(crate::clock::now()).await.expect("the database answers"), None);
    assert!(claim(&test, "two").await.is_some(), "the wait is over");
}
