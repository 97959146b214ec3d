//! A worker can append events while its lease is valid, and cannot change anything after the lease has ended.

use engine::event_log::{AppendError, AttemptTotals, Direction, Filter, Lease, NewEvent, PageRequest, RedactionCounts};
use engine::queue::{Ending, Heartbeat, QueueError};
use model::{JobChanges, JobId, JobStatus, Seq};
use redact::Redacted;

use crate::harness::store::{Output, Store, failed};
use crate::harness::{Random, sha256};

/// Returns a store with a claimed job, the lease of that job, and an output generator.
async fn claimed(name: &str) -> (Store, Lease, Output) {
    let store = Store::open().await;
    store.submit().await;
    let lease = store.claim().await;
    (store, lease, Output::new(Random::new(name), 5..=50))
}

/// Appends one line as batch `number`.
async fn append(store: &Store, lease: Lease, number: i64, line: (NewEvent, (i64, i64))) -> Result<Seq, AppendError> {
    store.append(lease, number, line.1, vec![line.0]).await
}

/// Returns the events of the job's log, each as serialised JSON.
async fn log(store: &Store, job: JobId) -> Vec<Vec<u8>> {
    let request = PageRequest { direction: Direction::After(Seq::START), filter: Filter::default(), limit: 500 };
    let page = store.log.page(job, &request).await.expect("the job exists");
    page.events.iter().map(|event| event.item().to_vec()).collect()
}

fn totals() -> AttemptTotals {
    AttemptTotals {
        exit_code: Some(0),
        lines: 0,
        bytes: 0,
        suppressed_bytes: 0,
        redactions: RedactionCounts::default(),
        log_sha256: sha256(b""),
    }
}

#[tokio::test]
async fn a_repeated_batch_stores_nothing_and_returns_the_same_seq() {
    let (store, lease, mut output) = claimed("a_repeated_batch").await;
    for number in 1..=3 {
        let line = output.line();
        let seq = append(&store, lease, number, line.clone()).await.expect("the lease is held");
        let stored = log(&store, lease.job).await;
        for _ in 0..3 {
            assert_eq!(append(&store, lease, number, line.clone()).await.expect("the batch is stored"), seq);
        }
        assert_eq!(log(&store, lease.job).await, stored);
    }
}

#[tokio::test]
async fn concurrent_repeats_store_a_batch_once() {
    let (store, lease, mut output) = claimed("at_the_same_time").await;
    let line = output.line();
    let before = log(&store, lease.job).await.len();
    let [one, two, three] = [(); 3].map(|()| append(&store, lease, 1, line.clone()));
    let (one, two, three) = tokio::join!(one, two, three);
    let seqs = [one, two, three].map(|seq| seq.expect("the lease is held"));
    assert_eq!(seqs, [seqs[0]; 3]);
    assert_eq!(log(&store, lease.job).await.len(), before + 1);
}

#[tokio::test]
async fn a_batch_that_does_not_follow_the_previous_one_is_refused() {
    let (store, lease, mut output) = claimed("does_not_follow").await;
    let (first, skipped, later) = (output.line(), output.line(), output.line());
    append(&store, lease, 1, first.clone()).await.expect("the lease is held");
    let stored = log(&store, lease.job).await;
    let refused = [
        append(&store, lease, 2, later.clone()).await,
        append(&store, lease, 3, skipped.clone()).await,
        append(&store, lease, 2, first.clone()).await,
        append(&store, lease, 0, skipped.clone()).await,
        append(&store, lease, -1, skipped.clone()).await,
    ];
    for result in refused {
        assert!(matches!(result, Err(AppendError::OutOfOrder { .. })), "{result:?}");
    }
    assert_eq!(log(&store, lease.job).await, stored, "no refused batch was stored");
    append(&store, lease, 2, skipped).await.expect("the next batch is accepted");
    append(&store, lease, 3, later).await.expect("the next batch is accepted");
}

#[tokio::test]
async fn a_lease_with_another_epoch_is_rejected() {
    let (store, lease, mut output) = claimed("another_epoch").await;
    let line = output.line();
    let stored = log(&store, lease.job).await;
    for epoch in [lease.epoch - 1, lease.epoch + 1, 0, i64::MAX] {
        let other = Lease { epoch, ..lease };
        let appended = append(&store, other, 1, line.clone()).await;
        assert!(matches!(appended, Err(AppendError::LeaseLost(_))), "{appended:?}");
        let renewed = store.queue.heartbeat(other).await;
        assert!(matches!(renewed, Err(QueueError::LeaseLost(_))), "{renewed:?}");
        if epoch != lease.epoch - 1 {
            let finished = store.finish(other, Ending::Succeeded, totals()).await;
            assert!(matches!(finished, Err(QueueError::LeaseLost(_))), "{finished:?}");
        }
    }
    assert_eq!(log(&store, lease.job).await, stored);
    assert_eq!(store.queue.heartbeat(lease).await.expect("the lease is held"), Heartbeat::Renewed);
}

#[tokio::test]
async fn the_lease_of_a_previous_attempt_is_rejected() {
    let (store, old, mut output) = claimed("lost_its_lease").await;
    assert_eq!(store.finish(old, failed(), totals()).await.expect("the lease is held"), JobStatus::Queued);
    assert_eq!(store.finish(old, failed(), totals()).await.expect("a repeated call succeeds"), JobStatus::Queued);
    store.skip_back_off().await;
    let new = store.claim().await;
    assert_eq!((new.job, new.attempt), (old.job, 2));
    assert!(new.epoch > old.epoch);
    let stored = log(&store, old.job).await;
    let line = output.line();
    assert!(matches!(append(&store, old, 1, line.clone()).await, Err(AppendError::LeaseLost(_))));
    assert!(matches!(store.queue.heartbeat(old).await, Err(QueueError::LeaseLost(_))));
    let finished = store.finish(old, Ending::Succeeded, totals()).await;
    assert!(matches!(finished, Err(QueueError::LeaseLost(_))), "even a repeated call is rejected: {finished:?}");
    assert_eq!(log(&store, old.job).await, stored);
    append(&store, new, 1, line).await.expect("the new lease is held, and its batches count from 1");
}

#[tokio::test]
async fn nothing_is_appended_after_the_end_and_a_repeated_finish_returns_the_same_status() {
    let (store, lease, mut output) = claimed("after_the_end").await;
    append(&store, lease, 1, output.line()).await.expect("the lease is held");
    assert_eq!(
        store.finish(lease, Ending::Succeeded, totals()).await.expect("the lease is held"),
        JobStatus::Succeeded
    );
    let stored = log(&store, lease.job).await;
    for ending in [Ending::Succeeded, failed(), Ending::Cancelled] {
        assert_eq!(
            store.finish(lease, ending, totals()).await.expect("a repeated call succeeds"),
            JobStatus::Succeeded
        );
    }
    let late = output.line();
    for epoch in lease.epoch..=lease.epoch + 2 {
        let appended = append(&store, Lease { epoch, ..lease }, 2, late.clone()).await;
        assert!(matches!(appended, Err(AppendError::LeaseLost(_))), "{appended:?}");
    }
    assert!(store.queue.cancel(lease.job, "tester", None).await.is_err());
    assert_eq!(log(&store, lease.job).await, stored);
    let end = stored.last().expect("the list is not empty");
    assert!(String::from_utf8_lossy(end).contains("\"kind\":\"end\""));
    store.queue.resubmit(lease.job, "tester", JobChanges::default()).await.expect("the job exists");
    assert_eq!(log(&store, lease.job).await, stored, "a resubmission writes only into the new job");
}

#[tokio::test]
async fn a_refused_append_does_not_affect_others() {
    let (store, lease, mut output) = claimed("fails_alone").await;
    let line = output.line();
    let lost = Lease { epoch: lease.epoch + 7, ..lease };
    let (bad, good, unknown) = tokio::join!(
        append(&store, lost, 1, line.clone()),
        append(&store, lease, 1, line.clone()),
        append(&store, Lease { job: JobId(uuid::Uuid::now_v7()), ..lease }, 1, line.clone()),
    );
    assert!(bad.is_err() && unknown.is_err());
    good.expect("the lease is held");
    let worker = Redacted::literal("another");
    assert!(store.queue.claim(&worker).await.expect("the database works").is_none(), "a job is claimed once");
}
