//! The worker: claims jobs, runs them, and ships what they print.
//!
//! Reading order follows the way of one byte: [`process`] reads it from the child, [`capture`] has it redacted, [`spool`](crate::spool)
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
mod steps;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::backoff::Backoff;
use crate::queue::{Claimed, WorkingRoots};
use crate::spool::Spools;
pub use collect::Limits as ArtifactLimits;
use disk::DiskGuard;
pub use environment::{DEFAULT_JOB_ENV, JobEnvironment, JobHome};
use link::Link;
pub use process::Supervision;
use ship::LiveLog;

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Where workspaces lie.
    pub data_dir: PathBuf,
    /// Where output is kept.
    pub spools: Spools,
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
    /// How many files a job may keep, and how large.
    pub artifact_limits: ArtifactLimits,
    /// What jobs get of the user and of the server's environment.
    pub environment: JobEnvironment,
    /// Where steps may run.
    pub roots: WorkingRoots,
    /// Bytes that an input may unpack to.
    pub input_bytes: u64,
    /// How often the recovery is tried before jobs are ended whose spool cannot be read.
    pub recovery_tries: u32,
}

/// A worker: the one within the server, or one on another machine, depending on its link.
#[derive(Clone, Debug)]
pub struct Worker<L> {
    link: L,
    config: Arc<WorkerConfig>,
    disk: DiskGuard,
}

/// How long to wait after a claim that failed.
const REST: Duration = Duration::from_secs(1);

/// How long to wait before a recovery is tried again that could not end some job.
const WAITS: Backoff = Backoff::new(REST, Duration::from_mins(1));

/// How often the server's own worker tries its recovery: for about five minutes.
pub const RECOVERY_TRIES: u32 = 10;

impl<L: Link> Worker<L> {
    /// Makes a worker that talks to the server through `link`.
    #[must_use]
    pub fn new(link: L, config: WorkerConfig, disk: DiskGuard) -> Self {
        Self { link, config: Arc::new(config), disk }
    }

    /// Ends what an earlier process left running, then claims and runs jobs until `shutdown`; returns when every job has
    /// ended.
    pub async fn run(self, shutdown: CancellationToken) {
        // What cannot be ended now keeps its lease: nobody can claim it meanwhile, and the others need not wait.
        let mut waits = WAITS;
        let (mut all, recovering) = (self.recover(waits.tries()).await, self.clone());
        let recovering = tokio::spawn(async move {
            while !all {
                tokio::time::sleep(waits.next_wait()).await;
                all = recovering.recover(waits.tries()).await;
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

    /// Ends what an earlier process left running; returns whether all of it is.
    async fn recover(&self, tries: u32) -> bool {
        let all = recover::recover(&self.link, &self.config, tries >= self.config.recovery_tries).await;
        all.unwrap_or_else(|error| {
            tracing::error!(%error, "jobs that an earlier run of the server left could not be looked up");
            false
        })
    }

    /// Removes the workspaces that an earlier process could not remove, beside the first jobs: none of those has one yet.
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
        loop {
            tokio::select! {
                () = self.disk.room() => {}
                () = shutdown.cancelled() => return None,
            }
            if shutdown.is_cancelled() {
                return None;
            }
            // Never dropped half-way: what was claimed would be lost until the next start.
            match self.link.claim(shutdown).await {
                Ok(Some(claimed)) => return Some(claimed),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "claiming a job failed");
                    tokio::select! {
                        () = tokio::time::sleep(REST) => {}
                        () = shutdown.cancelled() => return None,
                    }
                }
            }
        }
    }
}
