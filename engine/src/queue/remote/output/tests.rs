use model::{ClaimBody, NewJob};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::queue::tests::TestQueue;
use crate::queue::{Report, ReportedEvents, ReportedOutcome};

/// A queue with a job that a worker on another machine has claimed.
struct Held {
    queue: Queue,
    lease: Lease,
    worker: RemoteWorker,
    data: TempDir,
}

impl Held {
    async fn new() -> Self {
        let TestQueue { queue, token, data, .. } = TestQueue::new().await;
        let new: NewJob = serde_json::from_value(json!({"type": "elsewhere"})).expect("it is a submission");
        queue.submit(new, "test", None).await.expect("the queue is not full");
        let body: ClaimBody =
            serde_json::from_value(json!({"workerId": "one", "leaseSeconds": 60})).expect("it is a claim");
        let claim = queue.check_claim(body, token).expect("the claim is valid");
        let reply = queue.claim_remotely(&claim, &CancellationToken::new()).await.expect("the database answers");
        let job = reply.job.expect("there is a job").job;
        let lease = Lease { job: job.id, attempt: job.attempt, epoch: job.lease_epoch };
        let worker = RemoteWorker { name: "one".to_owned(), token, epoch: Some(lease.epoch) };
        Self { queue, lease, worker, data }
    }

    /// Appends a chunk of output at an offset.
    async fn append(&self, text: &str, offset: usize) {
        let event: Value = json!({"workerId": "", "message": text, "payload": {
            "kind": "log", "stream": "stdout", "stage": "execute", "stepId": "run", "stepIndex": 0, "attempt": 1,
            "offset": offset, "bytes": text.len(), "line": 1, "time": "2026-01-31T12:00:00.000000Z", "partial": true,
        }});
        let events = serde_json::from_value(event).expect("it is an event");
        let events = ReportedEvents::check(events).expect("the event is valid");
        let appended = self.queue.append_remotely(self.lease.job, self.worker.clone(), events).await;
        appended.expect("the worker holds the job");
    }

    async fn complete(&self) {
        let report = Report { outcome: ReportedOutcome::Completed { summary: None }, totals: None };
        self.queue.report(self.lease.job, self.worker.clone(), report).await.expect("the worker holds the job");
    }
}

#[tokio::test]
async fn the_output_of_a_lease_that_has_ended_is_left_alone() {
    let held = Held::new().await;
    held.append("text", 0).await;
    held.complete().await;
    // A request that read the job before its lease ended may try to end the lease again.
    let spools = Spools::new(held.data.path());
    spools.remove(held.lease.job, held.lease.attempt).expect("the spool exists");
    let finished = held.queue.finish_output(held.lease, None).await.expect("the database answers");
    assert!(finished.is_none());
    assert!(spools.open(held.lease.job, held.lease.attempt).expect("the folder can be read").is_none());
    assert!(held.queue.copies.open.lock().expect("the lock is not poisoned").is_empty(), "no copy is left open");
}

#[tokio::test]
async fn output_beyond_a_gap_is_read_in_pages_of_limited_size() {
    let held = Held::new().await;
    let text = "x".repeat(700_000);
    for number in 0..5 {
        held.append(&text, 1 + number * text.len()).await;
    }
    let mut from = OutputCursor { after: Seq::START, offset: 0 };
    let mut sizes = Vec::new();
    loop {
        let page = held.queue.log.stored_output(held.lease.job, 1, from).await.expect("the database answers");
        sizes.push(page.chunks.len());
        from.after = page.chunks.last().map_or(from.after, |chunk| chunk.seq);
        if !page.has_more {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1], "a page ends after 1 MiB");
    let copy = held.queue.copies.lock(held.lease).await;
    assert!(copy.is_stalled && copy.bytes() == 0, "nothing is copied before the missing output arrives");
}
