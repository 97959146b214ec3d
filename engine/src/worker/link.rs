//! The interface between a worker and the server.

mod in_process;

use std::fmt::Debug;
use std::future::Future;
use std::io::Read;
use std::path::PathBuf;

use model::{ArtifactId, JobId, JobInput};
use tokio_util::sync::CancellationToken;

use crate::artifacts::Stored;
use crate::event_log::{Batch, Lease, StoredOutput};
use crate::queue::{Abandoned, Claimed, Finish, Heartbeat, NewArtifact};
pub use in_process::InProcess;
#[cfg(test)]
pub(super) use in_process::LocalFiles;

/// The error for a worker's request that the server did not fulfil.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A temporary failure. The same call may be repeated.
    #[error("{0}")]
    Retry(String),
    /// The lease has ended, so this attempt must not write anything more.
    #[error("the lease on job {0} is no longer valid")]
    Fenced(JobId),
    /// A permanent failure. Repeating the call would not help.
    #[error("{0}")]
    Fatal(String),
}

/// A worker's connection to the server. Cheap to clone.
pub trait Link: Clone + Debug + Send + Sync + 'static {
    /// Claims the next job. If no job is available, waits until one may be available, a time limit has passed, or
    /// `stop` is cancelled. It may then return `None` without trying to claim a job again.
    fn claim(&self, stop: &CancellationToken) -> impl Future<Output = Result<Option<Claimed>, LinkError>> + Send;

    /// Returns the attempts that were running when an earlier process of this worker died.
    fn abandoned(&self) -> impl Future<Output = Result<Vec<Abandoned>, LinkError>> + Send;

    /// Appends a batch and records the artifacts that its events report. If this returns `Ok`, everything has been
    /// committed.
    fn append(
        &self,
        lease: Lease,
        batch: Batch,
        files: Vec<NewArtifact>,
    ) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Returns the stored chunks of the attempt's output, except those that end at or before `offset` in `output.log`.
    fn stored_output(
        &self,
        lease: Lease,
        offset: i64,
    ) -> impl Future<Output = Result<Vec<StoredOutput>, LinkError>> + Send;

    /// Renews the lease.
    fn heartbeat(&self, lease: Lease) -> impl Future<Output = Result<Heartbeat, LinkError>> + Send;

    /// Waits until the next heartbeat should be sent early, because a job's cancellation may have been requested.
    fn early_heartbeat(&self) -> impl Future<Output = ()> + Send;

    /// Stores the attempt's result and ends the lease. A repeated call has no effect.
    fn finish(&self, finish: Finish) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Returns the interface to the files of an attempt.
    fn files(&self, lease: Lease) -> Box<dyn Files>;

    /// Removes the files of an attempt that were stored but not recorded as artifacts because of a crash.
    fn sweep(&self, lease: Lease) -> impl Future<Output = Result<(), LinkError>> + Send;
}

/// The files of one attempt: the job's input and the attempt's artifacts. The methods block, so they must not be called
/// from async code.
pub trait Files: Debug + Send {
    /// Returns the local path of the archive that contains the job's input.
    fn input(&self, input: &JobInput) -> Result<PathBuf, LinkError>;

    /// Stores a file. Once this returns, the file may be recorded as the artifact `id`.
    fn keep(&self, id: ArtifactId, content: &mut dyn Read) -> Result<Stored, LinkError>;

    /// Removes the file of an artifact that is no longer recorded.
    fn discard(&self, id: ArtifactId) -> Result<(), LinkError>;
}
