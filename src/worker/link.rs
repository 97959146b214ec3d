//! The interface between a worker and the server.

use std::future::Future;

use crate::clock;
use crate::event_log::{AppendError, Batch, EventLog, Lease};
use crate::model::{JobStatus, Seq};
use crate::queue::{Finish, Heartbeat, NewArtifact, Queue, QueueError};

/// A worker's connection to the server, for one job at a time.
pub trait Link: Clone + Send + Sync + 'static {
    /// Appends a batch and lists the files that its events announce. Everything is committed when this returns.
    fn append(
        &self,
        lease: Lease,
        batch: Batch,
        files: Vec<NewArtifact>,
    ) -> impl Future<Output = Result<Seq, AppendError>> + Send;
    /// Renews the lease.
    fn heartbeat(&self, lease: Lease) -> impl Future<Output = Result<Heartbeat, QueueError>> + Send;
    /// Waits until there is a reason to send the next heartbeat early.
    fn news(&self) -> impl Future<Output = ()> + Send;
    /// Ends the lease.
    fn finish(&self, finish: Finish) -> impl Future<Output = Result<JobStatus, QueueError>> + Send;
}

/// The embedded worker's link: calls within the process.
#[derive(Clone, Debug)]
pub struct InProcess {
    /// The queue of this server.
    pub queue: Queue,
    /// The event log of this server.
    pub log: EventLog,
}

impl Link for InProcess {
    async fn append(&self, lease: Lease, batch: Batch, files: Vec<NewArtifact>) -> Result<Seq, AppendError> {
        if files.is_empty() {
            return self.log.append_as(lease, batch, clock::now()).await;
        }
        self.queue.append_with_files(lease, batch, files).await
    }

    async fn heartbeat(&self, lease: Lease) -> Result<Heartbeat, QueueError> {
        self.queue.heartbeat(lease).await
    }

    async fn news(&self) {
        self.queue.cancelled().await;
    }

    async fn finish(&self, finish: Finish) -> Result<JobStatus, QueueError> {
        self.queue.finish(finish).await
    }
}
