//! The interface between a worker and the server.

mod in_process;

use std::fmt::Debug;
use std::future::Future;
use std::io::Read;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use crate::artifacts::Stored;
use crate::event_log::{Batch, Lease, StoredOutput};
use crate::model::{ArtifactId, JobId, JobInput};
use crate::queue::{Abandoned, Claimed, Finish, Heartbeat, NewArtifact};
pub use in_process::InProcess;
#[cfg(test)]
pub(super) use in_process::LocalFiles;

/// Why the server did not do what a worker asked for.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It cannot do it now. The same call may be repeated.
    #[error("{0}")]
    Retry(String),
    /// The lease has ended: nothing of this attempt may be written any more.
    #[error("the lease on job {0} is no longer valid")]
    Fenced(JobId),
    /// It will never do it.
    #[error("{0}")]
    Fatal(String),
}

/// A worker's way to the server. Cheap to clone.
pub trait Link: Clone + Debug + Send + Sync + 'static {
    /// Claims the next job. If there is none it waits, for a limited time and not beyond `stop`, and may return `None`.
    fn claim(&self, stop: &CancellationToken) -> impl Future<Output = Result<Option<Claimed>, LinkError>> + Send;

    /// Returns the jobs that an earlier process of this worker left running.
    fn abandoned(&self) -> impl Future<Output = Result<Vec<Abandoned>, LinkError>> + Send;

    /// Appends a batch and lists the files that its events announce. Everything is committed when this returns.
    fn append(
        &self,
        lease: Lease,
        batch: Batch,
        files: Vec<NewArtifact>,
    ) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Returns the attempt's output that is stored from that offset of `output.log` on.
    fn stored_output(
        &self,
        lease: Lease,
        offset: i64,
    ) -> impl Future<Output = Result<Vec<StoredOutput>, LinkError>> + Send;

    /// Renews the lease.
    fn heartbeat(&self, lease: Lease) -> impl Future<Output = Result<Heartbeat, LinkError>> + Send;

    /// Waits until there is a reason to send the next heartbeat early.
    fn news(&self) -> impl Future<Output = ()> + Send;

    /// Ends the lease. A repeated call changes nothing.
    fn finish(&self, finish: Finish) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Returns the way to the files of an attempt.
    fn files(&self, lease: Lease) -> Box<dyn Files>;

    /// Removes those files of an attempt that were sent and never listed, as after a crash between the two.
    fn sweep(&self, lease: Lease) -> impl Future<Output = Result<(), LinkError>> + Send;
}

/// The files of one attempt: what came with its job, and what it keeps. Its calls block; they are made by the attempt's
/// own thread.
pub trait Files: Debug + Send {
    /// Returns the path at which the archive that came with the job can be read on this machine.
    fn input(&self, input: &JobInput) -> Result<PathBuf, LinkError>;

    /// Sends a file, which may be listed under that id once this returns.
    fn keep(&self, id: ArtifactId, content: &mut dyn Read) -> Result<Stored, LinkError>;

    /// Removes a file that is listed no more.
    fn discard(&self, id: ArtifactId) -> Result<(), LinkError>;
}
