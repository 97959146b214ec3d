//! The worker: claims jobs, runs them, and ships their output.
//!
//! The modules follow the data flow: [`process`] reads output from the child, [`capture`] redacts it,
//! [`spool`](crate::spool) stores it on disk, and [`ship`] appends it to the event log through a [`link`]. [`batch`]
//! decides when output is sent. [`run`] runs one attempt, [`steps`] runs its stages, [`collect`] stores the artifacts,
//! [`recover`] ends the attempts of a worker that died, and [`disk`] monitors the free disk space.
//!
//! A child process is never blocked by the event log or by a viewer, only by the disk that stores its output.

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
mod secrets;
pub mod ship;
mod slots;
mod steps;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::backoff::Backoff;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::cage::Cage;
use crate::queue::{Claimed, WorkingRoots};
use crate::spool::Spools;
pub use capture::MaskCommandsSetting;
pub use collect::ArtifactLimits;
use disk::DiskGuard;
pub use environment::{DEFAULT_JOB_ENV, JobEnvironment, JobHome};
use link::Link;
pub use process::{Supervision, adopt};
use ship::LiveLog;
use slots::JobSlots;

/// The program that contains a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The server.
    Server,
    /// A program that only runs jobs, usually on another machine.
    Worker,
}

/// The settings of a worker.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// The program that contains the worker. Messages about the end of attempts name it.
    pub host: Host,
    /// The duration of a lease.
    pub lease: Duration,
    /// The data directory, which contains the workspaces.
    pub data_dir: PathBuf,
    /// The spools in which output is stored.
    pub spools: Spools,
    /// The maximum number of jobs whose commands run at the same time.
    pub concurrency: usize,
    /// The settings for supervising steps.
    pub supervision: Supervision,
    /// The restrictions on steps.
    pub cage: Cage,
    /// Whether and how output is written to the event log.
    pub live: LiveLog,
    /// The time for which a stream must be idle before held-back output is released. The redactor holds back output
    /// that may be the beginning of a secret.
    pub flush: Duration,
    /// The maximum output of an attempt, in bytes, or `None` for no limit. An attempt that prints more is killed.
    pub output_limit: Option<u64>,
    /// The time between SIGTERM and SIGKILL when a job is cancelled or times out.
    pub cancel_grace: Duration,
    /// The time between SIGTERM and SIGKILL when the program that contains the worker stops.
    pub shutdown_grace: Duration,
    /// The limits on the number and size of artifacts.
    pub artifact_limits: ArtifactLimits,
    /// The environment that jobs inherit from the server.
    pub environment: JobEnvironment,
    /// The directories in which steps may run.
    pub roots: WorkingRoots,
    /// The maximum size of an unpacked input, in bytes.
    pub input_bytes: u64,
    /// Whether a line such as `::add-mask::VALUE` in a job's output adds a value to mask.
    pub mask_commands: MaskCommandsSetting,
    /// The secrets of this program that every job can print: a description and the value. A warning in the log of each
    /// job names those that are masked only as whole words.
    pub own_secrets: Vec<(String, String)>,
    /// A recovery round tries to end all attempts that an earlier run of the program left running. After this many
    /// failed rounds, an attempt is ended even if its spool cannot be read.
    pub recovery_tries: u32,
}

/// A worker.
#[derive(Clone, Debug)]
pub struct Worker<L> {
    link: L,
    config: Arc<WorkerConfig>,
    disk: DiskGuard,
}

/// The delay before claiming is retried after an error, and also the delay after the first recovery round.
const REST: Duration = Duration::from_secs(1);

/// The delays between recovery rounds, which are repeated until all attempts have been ended.
const WAITS: Backoff = Backoff::new(REST, Duration::from_mins(1));

/// The value of [`WorkerConfig::recovery_tries`] for the embedded worker. This many rounds take about five minutes.
pub const RECOVERY_TRIES: u32 = 10;

impl<L: Link> Worker<L> {
    /// Creates a worker.
    #[must_use]
    pub fn new(link: L, config: WorkerConfig, disk: DiskGuard) -> Self {
        Self { link, config: Arc::new(config), disk }
    }

    /// Ends the attempts that an earlier run of the program left running, then claims and runs jobs until `drain` is
    /// cancelled. When `shutdown` is cancelled, the running attempts are stopped. Returns when all attempts have ended.
    pub async fn run(self, drain: CancellationToken, shutdown: CancellationToken) {
        // An attempt that cannot be ended yet keeps its lease, so no other worker can claim its job. New jobs can
        // therefore start before recovery is complete.
        let mut waits = WAITS;
        let (mut all, recovering) = (self.recover(waits.tries()).await, self.clone());
        let recovering = tokio::spawn(async move {
            while !all {
                tokio::time::sleep(waits.next_wait()).await;
                all = recovering.recover(waits.tries()).await;
            }
        });
        self.remove_workspaces().await;
        let slots = JobSlots::new(self.config.concurrency);
        let attempts = TaskTracker::new();
        let disk = self.disk.clone();
        let watching = tokio::spawn(async move { disk.watch().await });
        loop {
            let slot = tokio::select! {
                slot = slots.acquire() => slot,
                () = drain.cancelled() => break,
            };
            let Some(claimed) = self.next_job(&drain).await else { break };
            let (link, config, shutdown) = (self.link.clone(), Arc::clone(&self.config), shutdown.clone());
            // The span adds the job's id to all log lines about the attempt.
            let span = tracing::info_span!("attempt", job = %claimed.lease.job, attempt = claimed.lease.attempt);
            let attempt = async move {
                tracing::info!("started");
                run::attempt(link, &config, (claimed, slot), shutdown).await;
                tracing::info!("finished");
            };
            attempts.spawn(attempt.instrument(span));
        }
        attempts.close();
        attempts.wait().await;
        watching.abort();
        recovering.abort();
    }

    /// Runs one recovery round: tries to end the attempts that an earlier run of the program left running. `tries` is
    /// the number of failed rounds so far. Returns whether all attempts have been ended.
    async fn recover(&self, tries: u32) -> bool {
        let all = recover::recover(&self.link, &self.config, tries >= self.config.recovery_tries).await;
        all.unwrap_or_else(|error| {
            tracing::error!(%error, "failed to look up the jobs that an earlier run of the server left unfinished");
            false
        })
    }

    /// Starts removing the workspaces that an earlier run of the program left behind. The removal may continue while
    /// the first jobs are running. The list of workspaces is read before any job starts, so it does not contain the
    /// workspaces of new jobs.
    async fn remove_workspaces(&self) {
        let folder = run::attempt_folders(&self.config);
        let left = tokio::task::spawn_blocking(move || {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        });
        let left = left.await.unwrap_or_default();
        if !left.is_empty() {
            tokio::task::spawn_blocking(move || left.iter().for_each(|workspace| run::remove_workspace(workspace)));
        }
    }

    /// Waits until a job can be claimed, and claims it. Returns `None` if `drain` is cancelled.
    async fn next_job(&self, drain: &CancellationToken) -> Option<Claimed> {
        loop {
            tokio::select! {
                () = self.disk.enough_space() => {}
                () = drain.cancelled() => return None,
            }
            if drain.is_cancelled() {
                return None;
            }
            // Do not drop this future before it completes. If it has already claimed a job, that job would not run
            // until the server restarts.
            match self.link.claim(drain).await {
                Ok(Some(claimed)) => return Some(claimed),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "failed to claim a job");
                    tokio::select! {
                        () = tokio::time::sleep(REST) => {}
                        () = drain.cancelled() => return None,
                    }
                }
            }
        }
    }
}
