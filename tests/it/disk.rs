//! No new job starts while the disk is nearly full. Other jobs still run if the spool of one job (its stored output)
//! cannot be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::spool::Spools;
use engine::worker::Worker;
use engine::worker::disk::DiskGuard;
use engine::worker::link::Link;
use model::JobStatus;
use tokio_util::sync::CancellationToken;

use crate::harness::in_process::{link, open, status_is, submit, worker_config};

/// A simulated disk whose free space is set by the test. It counts how often its free space is queried.
#[derive(Default)]
struct Disk {
    free: AtomicU64,
    asked: AtomicU64,
}

impl Disk {
    fn guard(self: &Arc<Self>, min_free: u64) -> DiskGuard {
        let disk = Arc::clone(self);
        let free = move || {
            disk.asked.fetch_add(1, Ordering::SeqCst);
            Ok(disk.free.load(Ordering::SeqCst))
        };
        DiskGuard::of(Arc::new(free), min_free, Duration::from_millis(5))
    }

    /// Waits until the free space has been queried `times` more times.
    async fn asked_again(&self, times: u64) {
        let enough = self.asked.load(Ordering::SeqCst) + times;
        while self.asked.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn on_low_disk_space_running_jobs_continue_and_no_new_jobs_start() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let (queue, events) = open(data.path()).await;
    let link = link("this", data.path(), &queue, &events);
    let disk = Arc::new(Disk { free: AtomicU64::new(1_000), ..Disk::default() });
    let guard = disk.guard(1_000);
    let worker = Worker::new(link, worker_config(data.path()), guard.clone());
    let shutdown = CancellationToken::new();
    let working = tokio::spawn(worker.run(shutdown.clone(), shutdown.clone()));

    let go = data.path().join("go");
    let running = submit(&queue, format!("while [ ! -e {} ]; do sleep 0.01; done", go.display())).await;
    status_is(&queue, running, JobStatus::Running).await;
    disk.free.store(999, Ordering::SeqCst);
    disk.asked_again(2).await;
    assert!(guard.is_low());
    let waiting = submit(&queue, "true".to_owned()).await;
    std::fs::write(&go, "").expect("the folder can be written");
    status_is(&queue, running, JobStatus::Succeeded).await;
    disk.asked_again(20).await;
    assert_eq!(queue.job(waiting).await.expect("the job exists").status, JobStatus::Queued);

    disk.free.store(1_000, Ordering::SeqCst);
    status_is(&queue, waiting, JobStatus::Succeeded).await;
    assert!(!guard.is_low());
    shutdown.cancel();
    working.await.expect("the worker ends without a panic");
}

#[tokio::test]
async fn a_job_whose_spool_is_unreadable_after_a_crash_fails() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let (queue, events) = open(data.path()).await;
    let [dead, elsewhere, next_boot] =
        ["this", "that", "this"].map(|instance| link(instance, data.path(), &queue, &events));
    let shutdown = CancellationToken::new();
    // This job belongs to another server. It is claimed first: if recovery wrongly included this job, it would end
    // before the other one.
    let of_another_server = submit(&queue, "true".to_owned()).await;
    elsewhere.claim(&shutdown).await.expect("the database answers").expect("a job waits");
    let job = submit(&queue, "true".to_owned()).await;
    let claimed = dead.claim(&shutdown).await.expect("the database answers").expect("a job waits");
    assert_eq!(claimed.lease.job, job);
    let spool = data.path().join(Spools::log_path(job, 1));
    // Opening a directory as a file fails even if the server runs as root.
    std::fs::create_dir_all(&spool).expect("the folder can be written");

    let worker = Worker::new(next_boot, worker_config(data.path()), DiskGuard::new(data.path().to_owned(), 0));
    let working = tokio::spawn(worker.run(shutdown.clone(), shutdown.clone()));
    status_is(&queue, job, JobStatus::Failed).await;
    let ended = queue.job(job).await.expect("the job exists");
    let message = "the server stopped while the job was running, and the stored output cannot be read";
    assert_eq!(ended.error_message.as_deref(), Some(message));
    assert!(spool.is_dir(), "the spool is left in place for inspection");
    let other = queue.job(of_another_server).await.expect("the job exists").status;
    assert_eq!(other, JobStatus::Running, "a worker of another data directory runs it");
    shutdown.cancel();
    working.await.expect("the worker ends without a panic");
}
