//! The embedded worker's link, which calls the server's code directly and uses files in the server's data directory.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use model::{ArtifactId, JobInput};
use redact::Redacted;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{FileToKeep, Files, Link, LinkError};
use crate::artifacts::{ArtifactStore, Stored};
use crate::clock;
use crate::event_log::{AppendError, Batch, EventLog, Lease, NewEvent, OutputCursor, ReadError, StoredOutputPage};
use crate::inputs;
use crate::queue::{Abandoned, ArtifactPlace, Claimed, Finish, Heartbeat, NewArtifact, Queue, QueueError};

/// The link of a worker in the server's own process.
#[derive(Clone, Debug)]
pub struct InProcess {
    /// The prefix of the embedded worker's names. The worker has a new name in each run of the server, and the prefix
    /// identifies the data directory.
    family: String,
    worker: Redacted,
    queue: Queue,
    events: EventLog,
    artifacts: ArtifactStore,
    data_dir: PathBuf,
}

impl InProcess {
    /// Creates the link of the embedded worker for this run of the server. `instance` is the id of the data directory.
    /// It is part of the worker's name, so that recovery ends only attempts of earlier workers with the same data
    /// directory.
    #[must_use]
    pub fn new(instance: &str, queue: Queue, events: EventLog, artifacts: ArtifactStore, data_dir: PathBuf) -> Self {
        let family = format!("embedded-{instance}-");
        // The name cannot contain a secret, because this program generated both ids in it.
        let worker = Redacted::from_stored(format!("{family}{}", uuid::Uuid::now_v7()).into_bytes());
        Self { family, worker, queue, events, artifacts, data_dir }
    }
}

impl Link for InProcess {
    async fn claim(&self, stop: &CancellationToken) -> Result<Option<Claimed>, LinkError> {
        // Register for notifications before claiming, so that a job that is queued in between is not missed.
        let queued = self.queue.queued();
        tokio::pin!(queued);
        queued.as_mut().enable();
        let since = clock::now();
        if let Some(claimed) = self.queue.claim(&self.worker).await? {
            return Ok(Some(claimed));
        }
        tokio::select! {
            waited = self.queue.claimable(queued, since, Duration::MAX) => waited?,
            () = stop.cancelled() => {}
        }
        Ok(None)
    }

    async fn abandoned(&self) -> Result<Vec<Abandoned>, LinkError> {
        Ok(self.queue.abandoned(&self.family, &self.worker).await?)
    }

    async fn append(&self, lease: Lease, batch: Batch, files: Vec<NewArtifact>) -> Result<(), LinkError> {
        if files.is_empty() {
            self.events.append_as(lease, batch, clock::now()).await?;
        } else {
            self.queue.append_with_files(lease, batch, files).await?;
        }
        Ok(())
    }

    async fn add_output(&self, _: Lease, _: Vec<NewEvent>) -> Result<u64, LinkError> {
        // The server reads this worker's spool, so no output has to be sent.
        Ok(u64::MAX)
    }

    async fn stored_output(&self, lease: Lease, from: OutputCursor) -> Result<StoredOutputPage, LinkError> {
        Ok(self.events.stored_output(lease.job, lease.attempt, from).await?)
    }

    async fn heartbeat(&self, lease: Lease) -> Result<Heartbeat, LinkError> {
        Ok(self.queue.heartbeat(lease).await?)
    }

    async fn early_heartbeat(&self) {
        self.queue.cancelled().await;
    }

    async fn finish(&self, finish: Finish) -> Result<(), LinkError> {
        self.queue.finish(finish).await?;
        Ok(())
    }

    fn forget(&self, _: Lease) {
        // Nothing is removed, because the server keeps the spool, which contains the complete log.
    }

    fn files(&self, lease: Lease) -> Box<dyn Files> {
        let (store, data_dir) = (self.artifacts.clone(), self.data_dir.clone());
        Box::new(LocalFiles { runtime: Handle::current(), store, data_dir, lease })
    }

    async fn sweep(&self, lease: Lease) -> Result<(), LinkError> {
        let listed: HashSet<_> = self.queue.artifact_paths(lease).await?.into_iter().collect();
        self.artifacts.sweep(lease.job, lease.attempt, &listed).map_err(|error| LinkError::Retry(error.to_string()))
    }
}

/// The files of one attempt, which are in the server's data directory.
#[derive(Debug)]
pub(in crate::worker) struct LocalFiles {
    pub(in crate::worker) runtime: Handle,
    pub(in crate::worker) store: ArtifactStore,
    pub(in crate::worker) data_dir: PathBuf,
    pub(in crate::worker) lease: Lease,
}

impl LocalFiles {
    fn path(&self, id: ArtifactId) -> String {
        ArtifactPlace::Store.path(self.lease, id)
    }
}

impl Files for LocalFiles {
    fn input(&self, input: &JobInput, _: &dyn Fn() -> bool) -> Result<PathBuf, LinkError> {
        Ok(inputs::path(&self.data_dir, input))
    }

    fn keep(
        &self,
        about: &FileToKeep<'_>,
        content: &mut File,
        bytes: u64,
        _: &dyn Fn() -> bool,
    ) -> Result<Stored, LinkError> {
        let kept = self.runtime.block_on(self.store.keep(&self.path(about.id), content.take(bytes)));
        kept.map_err(|error| LinkError::Retry(error.to_string()))
    }

    fn discard(&self, id: ArtifactId) -> Result<(), LinkError> {
        self.store.remove(&self.path(id)).map_err(|error| LinkError::Retry(error.to_string()))
    }
}

impl From<QueueError> for LinkError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Db(error) => Self::Retry(error.to_string()),
            QueueError::LeaseLost(job) | QueueError::NotHolder(job) | QueueError::NoSuchJob(job) => Self::Fenced(job),
            error @ (QueueError::Invalid(_)
            | QueueError::StateConflict { .. }
            | QueueError::NotRunning { .. }
            | QueueError::AlreadyResubmitted(_)
            | QueueError::NotFinished { .. }
            | QueueError::CancelNotRequested(_)
            | QueueError::ArtifactLimit(_)
            | QueueError::DigestMismatch(_)
            | QueueError::Files(_)
            | QueueError::Full(_)
            | QueueError::NoSuchSecret(_)) => Self::Fatal(error.to_string()),
        }
    }
}

impl From<AppendError> for LinkError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Db(error) => Self::Retry(error.to_string()),
            AppendError::LeaseLost(job) => Self::Fenced(job),
            error @ AppendError::OutOfOrder { .. } => Self::Fatal(error.to_string()),
        }
    }
}

impl From<ReadError> for LinkError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Db(error) => Self::Retry(error.to_string()),
            ReadError::NoSuchJob(job) => Self::Fenced(job),
        }
    }
}
