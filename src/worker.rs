//! The worker: claims jobs, runs them, and ships what they print.
//!
//! Reading order follows the way of one byte: [`process`] reads it from the child, [`capture`] has it redacted, [`spool`]
//! keeps it on disk, [`ship`] appends it to the event log when [`batch`] says so, through a [`link`]. [`run`] is one attempt
//! from its claim to its end, [`steps`] its stages, [`collect`] keeps the files that it leaves, [`recover`] ends the attempts
//! of a worker that died, [`disk`] says when there is no room for another job.
//!
//! The child never waits for the event log or for a viewer, only for the disk that its output is kept on.

pub mod batch;
pub mod capture;
mod collect;
pub mod control;
pub mod disk;
mod environment;
mod folders;
pub mod link;
mod process;
mod recover;
mod remove;
mod run;
pub mod ship;
pub mod spool;
mod steps;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redact::Redacted;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::artifacts::ArtifactStore;
use crate::queue::{Claimed, Queue, WorkingRoots};
pub use collect::Limits as ArtifactLimits;
use disk::DiskGuard;
pub use environment::{DEFAULT_JOB_ENV, JobEnvironment, JobHome};
use link::InProcess;
pub use process::Supervision;
use ship::LiveLog;

/// How the embedded worker works.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Where workspaces and spools lie.
    pub data_dir: PathBuf,
    /// Jobs at a time.
    pub concurrency: usize,
    /// How steps are supervised.
    pub supervision: Supervision,
    /// Whether and how output goes into the event log.
    pub live: LiveLog,
    /// After that pause, what may be part of a secret is released as far as it may be.
    pub flush: Duration,
    /// Bytes that an attempt may print; more ends it.
    pub output_limit: Option<u64>,
    /// Between SIGTERM and SIGKILL when a job is cancelled or its time is up.
    pub cancel_grace: Duration,
    /// Between SIGTERM and SIGKILL when the server stops.
    pub shutdown_grace: Duration,
    /// Where files are kept.
    pub artifacts: ArtifactStore,
    /// How many, and how large.
    pub artifact_limits: ArtifactLimits,
    /// What jobs get of the user and of the server's environment.
    pub environment: JobEnvironment,
    /// Where steps may run.
    pub roots: WorkingRoots,
    /// Bytes that an input may unpack to.
    pub input_bytes: u64,
}

/// The worker within the server.
#[derive(Clone, Debug)]
pub struct EmbeddedWorker {
    link: InProcess,
    name: Redacted,
    config: Arc<WorkerConfig>,
    disk: DiskGuard,
}

/// How long a claim loop rests after the database failed, and a recovery after it could not end some job, at first.
const REST: Duration = Duration::from_secs(1);
const MAX_REST: Duration = Duration::from_mins(1);

/// How long a claim loop waits for a notification at most: one that got lost costs this time, and not the job.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl EmbeddedWorker {
    /// Makes the worker of this boot of the server.
    #[must_use]
    pub fn new(link: InProcess, config: WorkerConfig, disk: DiskGuard) -> Self {
        // A UUID of our own making holds no secret.
        let name = Redacted::from_stored(format!("embedded-{}", uuid::Uuid::now_v7()).into_bytes());
        Self { link, name, config: Arc::new(config), disk }
    }

    /// Ends what an earlier boot left running, then claims and runs jobs until `shutdown`; returns when every job has
    /// ended.
    pub async fn run(self, shutdown: CancellationToken) {
        // What cannot be ended now keeps its lease: nobody can claim it meanwhile, and the others need not wait.
        let (mut all, recovering) = (self.recover().await, self.clone());
        let recovering = tokio::spawn(async move {
            let mut wait = REST;
            while !all {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(MAX_REST);
                all = recovering.recover().await;
            }
        });
        self.remove_workspaces().await;
        let slots = Arc::new(Semaphore::new(self.config.concurrency));
        let attempts = TaskTracker::new();
        let disk = self.disk.clone();
        let watching = tokio::spawn(async move { disk.watch().await });
        loop {
            let slot = tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => slot.expect("the semaphore is never closed"),
                () = shutdown.cancelled() => break,
            };
            let Some(claimed) = self.next_job(&shutdown).await else { break };
            let (link, config, shutdown) = (self.link.clone(), Arc::clone(&self.config), shutdown.clone());
            // Whatever is logged of the attempt has the job's id.
            let span = tracing::info_span!("attempt", job = %claimed.lease.job, attempt = claimed.lease.attempt);
            let attempt = async move {
                tracing::info!("begun");
                run::attempt(link, &config, claimed, shutdown).await;
                tracing::info!("ended");
                drop(slot);
            };
            attempts.spawn(attempt.instrument(span));
        }
        attempts.close();
        attempts.wait().await;
        watching.abort();
        recovering.abort();
    }

    /// Ends what an earlier boot left running; returns whether all of it is.
    async fn recover(&self) -> bool {
        let all = recover::recover(&self.link, &self.name, &self.config).await;
        all.unwrap_or_else(|error| {
            tracing::error!(%error, "jobs that an earlier run of the server left could not be looked up");
            false
        })
    }

    /// Removes the workspaces that an earlier boot could not remove, beside the first jobs: none of those has one yet.
    async fn remove_workspaces(&self) {
        let folder = run::workspaces(&self.config);
        let left = tokio::task::spawn_blocking(move || {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        });
        let left = left.await.unwrap_or_default();
        if !left.is_empty() {
            tokio::task::spawn_blocking(move || left.iter().for_each(|workspace| run::remove_workspace(workspace)));
        }
    }

    /// Waits for a job to claim; nothing on shutdown.
    async fn next_job(&self, shutdown: &CancellationToken) -> Option<Claimed> {
        let queue: &Queue = &self.link.queue;
        loop {
            // Registered before looking, so that what is queued in between wakes it.
            let queued = queue.queued();
            tokio::pin!(queued);
            queued.as_mut().enable();
            tokio::select! {
                () = self.disk.room() => {}
                () = shutdown.cancelled() => return None,
            }
            if shutdown.is_cancelled() {
                return None;
            }
            let next = match queue.claim(&self.name).await {
                Ok(Some(claimed)) => return Some(claimed),
                Ok(None) => queue.next_attempt_in().await.map(|wait| wait.map(Duration::from_millis)),
                Err(error) => Err(error),
            };
            let rest = next.unwrap_or_else(|error| {
                tracing::error!(%error, "claiming a job failed");
                Some(REST)
            });
            tokio::select! {
                () = queued => {}
                () = tokio::time::sleep(rest.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)) => {}
                () = shutdown.cancelled() => return None,
            }
        }
    }
}
