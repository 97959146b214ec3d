//! The interface between a worker and the server.

mod in_process;

use std::fmt::Debug;
use std::fs::File;
use std::future::Future;
use std::path::PathBuf;

use model::{ArtifactId, JobId, JobInput};
use redact::Redacted;
use tokio_util::sync::CancellationToken;

use crate::artifacts::Stored;
use crate::event_log::{Batch, Lease, NewEvent, OutputCursor, StoredOutputPage};
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
    /// `stop` is cancelled. After the wait, the call may return `None` even if a job is now available.
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

    /// Whether suppressed output must be sent with [`Link::add_output`]. This is necessary if the server stores the
    /// complete log but cannot read the worker's spool.
    const SENDS_SUPPRESSED_OUTPUT: bool = false;

    /// Sends suppressed output in events of the kind `log`. The server adds the output only to the complete log, and
    /// not to the event log. Returns the offset up to which the server has stored the output. `chunks` may be empty, or
    /// contain output that is already stored.
    fn add_output(&self, lease: Lease, chunks: Vec<NewEvent>) -> impl Future<Output = Result<u64, LinkError>> + Send;

    /// Returns a page of the stored chunks of the attempt's output.
    fn stored_output(
        &self,
        lease: Lease,
        from: OutputCursor,
    ) -> impl Future<Output = Result<StoredOutputPage, LinkError>> + Send;

    /// Renews the lease.
    fn heartbeat(&self, lease: Lease) -> impl Future<Output = Result<Heartbeat, LinkError>> + Send;

    /// Waits until the next heartbeat should be sent early, because a job's cancellation may have been requested.
    fn early_heartbeat(&self) -> impl Future<Output = ()> + Send;

    /// Stores the attempt's result and ends the lease. A repeated call has no effect.
    fn finish(&self, finish: Finish) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Removes the data that the worker has stored for an attempt whose lease it has lost.
    fn forget(&self, lease: Lease);

    /// Returns the interface to the files of an attempt.
    fn files(&self, lease: Lease) -> Box<dyn Files>;

    /// Removes the files of an attempt that were stored but not recorded as artifacts because of a crash.
    fn sweep(&self, lease: Lease) -> impl Future<Output = Result<(), LinkError>> + Send;
}

/// A file that is to be stored as an artifact.
#[derive(Clone, Copy, Debug)]
pub struct FileToKeep<'a> {
    /// The artifact's id.
    pub id: ArtifactId,
    /// The artifact's name.
    pub name: &'a Redacted,
    /// The artifact's media type.
    pub content_type: &'a str,
}

/// The files of one attempt: the job's input and the attempt's artifacts. The methods block, so they must not be called
/// from async code.
pub trait Files: Debug + Send {
    /// Returns the local path of the archive that contains the job's input. Once `go_on` returns `false`, the attempt
    /// is being stopped, and a failed transfer is no longer repeated.
    fn input(&self, input: &JobInput, go_on: &dyn Fn() -> bool) -> Result<PathBuf, LinkError>;

    /// Stores the first `bytes` bytes of a file, from its current position. Once this returns, the file may be recorded
    /// as an artifact. `go_on` has the same meaning as for [`Self::input`].
    fn keep(
        &self,
        about: &FileToKeep<'_>,
        content: &mut File,
        bytes: u64,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Stored, LinkError>;

    /// Removes the file of an artifact that is no longer recorded.
    fn discard(&self, id: ArtifactId) -> Result<(), LinkError>;
}
