//! A job occupies a slot of its worker only while its commands run.

use std::sync::Arc;

use engine::event_log::{Batch, Lease, NewEvent, OutputCursor, StoredOutputPage};
use engine::queue::{Abandoned, Claimed, Finish, Heartbeat, NewArtifact};
use engine::worker::disk::DiskGuard;
use engine::worker::link::{Files, InProcess, Link, LinkError};
use engine::worker::{Worker, WorkerConfig};
use model::JobStatus;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::harness::in_process::{link, open, status_is, submit, worker_config};

/// A link that delays each report of a job's end until the test has added a permit. Otherwise, it is the usual link
/// between an embedded worker and its server.
#[derive(Clone, Debug)]
struct SlowReports {
    link: InProcess,
    reports: Arc<Semaphore>,
}

impl Link for SlowReports {
    async fn claim(&self, stop: &CancellationToken) -> Result<Option<Claimed>, LinkError> {
        self.link.claim(stop).await
    }

    async fn abandoned(&self) -> Result<Vec<Abandoned>, LinkError> {
        self.link.abandoned().await
    }

    async fn append(&self, lease: Lease, batch: Batch, files: Vec<NewArtifact>) -> Result<(), LinkError> {
        self.link.append(lease, batch, files).await
    }

    async fn add_output(&self, lease: Lease, chunks: Vec<NewEvent>) -> Result<u64, LinkError> {
        self.link.add_output(lease, chunks).await
    }

    async fn stored_output(&self, lease: Lease, from: OutputCursor) -> Result<StoredOutputPage, LinkError> {
        self.link.stored_output(lease, from).await
    }

    async fn heartbeat(&self, lease: Lease) -> Result<Heartbeat, LinkError> {
        self.link.heartbeat(lease).await
    }

    async fn early_heartbeat(&self) {
        self.link.early_heartbeat().await;
    }

    async fn finish(&self, finish: Finish) -> Result<(), LinkError> {
        self.reports.acquire().await.expect("the semaphore is never closed").forget();
        self.link.finish(finish).await
    }

    fn forget(&self, lease: Lease) {
        self.link.forget(lease);
    }

    fn files(&self, lease: Lease) -> Box<dyn Files> {
        self.link.files(lease)
    }

    async fn sweep(&self, lease: Lease) -> Result<(), LinkError> {
        self.link.sweep(lease).await
    }
}

#[tokio::test]
async fn the_next_job_runs_while_the_last_one_is_reported() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let (queue, events) = open(data.path()).await;
    let reports = Arc::new(Semaphore::new(0));
    let link = SlowReports { link: link("this", data.path(), &queue, &events), reports: Arc::clone(&reports) };
    let config = WorkerConfig { concurrency: 1, ..worker_config(data.path()) };
    let worker = Worker::new(link, config, DiskGuard::new(data.path().to_owned(), 0));
    let shutdown = CancellationToken::new();
    let working = tokio::spawn(worker.run(shutdown.clone(), shutdown.clone()));

    let first = submit(&queue, "true".to_owned()).await;
    let second = submit(&queue, "true".to_owned()).await;
    status_is(&queue, second, JobStatus::Running).await;
    assert_eq!(queue.job(first).await.expect("the job exists").status, JobStatus::Running);

    reports.add_permits(2);
    for job in [first, second] {
        status_is(&queue, job, JobStatus::Succeeded).await;
    }
    shutdown.cancel();
    working.await.expect("the worker ends without a panic");
}
