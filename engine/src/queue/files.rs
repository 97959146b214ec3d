//! The artifacts and the output of attempts.

pub(super) mod store;

use model::{Artifact, ArtifactId, JobId, Timestamp};

use super::{Queue, QueueError, store as jobs};
use crate::event_log::Lease;

/// The minimum size in bytes of a log that is compressed. Compressing a smaller log would save nothing, because both
/// forms occupy a single disk block.
const COMPRESS_FROM: i64 = 4 << 10;

/// An artifact and the path of its file.
#[derive(Clone, Debug)]
pub struct ArtifactFile {
    /// The artifact, in the form used in responses.
    pub artifact: Artifact,
    /// The file's path, relative to the data directory.
    pub path: String,
}

/// The status of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptOutput {
    /// The number of the attempt, or 0 if the job has had none.
    pub attempt: i32,
    /// The number of the job's latest attempt, or 0 if the job has had none.
    pub last_attempt: i32,
    /// Whether the job has finished.
    pub job_has_finished: bool,
    /// Whether the output is complete: either the attempt has ended, or the job has had no attempt.
    pub is_complete: bool,
    /// SHA-256 of the complete output in hexadecimal, if the attempt has ended and has a spool.
    pub sha256: Option<String>,
    /// The time at which the job's output was removed, if it was.
    pub removed_at: Option<Timestamp>,
}

impl Queue {
    /// Returns the artifacts of a job, oldest first.
    pub async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>, QueueError> {
        let mut connection = self.db.reader().await?;
        jobs::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        Ok(store::artifacts(&mut connection, job).await?)
    }

    /// Returns an artifact and the path of its file, or `None` if there is no such artifact.
    pub async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactFile>, QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::artifact(&mut connection, id).await?)
    }

    /// Returns an artifact of an attempt by its name, or `None` if there is no such artifact.
    pub async fn artifact_named(
        &self,
        job: JobId,
        attempt: i32,
        name: &str,
    ) -> Result<Option<ArtifactFile>, QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::artifact_named(&mut connection, job, attempt, name).await?)
    }

    /// Returns the status of the output of the given attempt, or of the latest attempt if `attempt` is `None`.
    pub async fn attempt_output(&self, job: JobId, attempt: Option<i32>) -> Result<AttemptOutput, QueueError> {
        let mut connection = self.db.reader().await?;
        store::attempt_output(&mut connection, job, attempt).await?.ok_or(QueueError::NoSuchJob(job))
    }

    /// Returns the smallest log of at least 4 KiB that belongs to a finished attempt and has not been compressed yet,
    /// or `None` if there is no such log.
    pub async fn next_uncompressed(&self) -> Result<Option<ArtifactFile>, QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::next_uncompressed(&mut connection, COMPRESS_FROM).await?)
    }

    /// Records that a log has been compressed to `bytes` bytes.
    pub async fn compressed(&self, id: ArtifactId, bytes: u64) -> Result<(), QueueError> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let write = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { Ok(store::set_stored_bytes(tx.connection(), id, bytes).await?) }));
        write.await
    }

    /// Returns a future that completes when an attempt has ended. Create the future before calling
    /// [`Queue::next_uncompressed`], so that no attempt is missed.
    pub fn attempt_ended(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.attempt_ended.notified()
    }

    /// Returns the paths of the files that are recorded as artifacts of an attempt, relative to the data directory.
    pub async fn artifact_paths(&self, lease: Lease) -> Result<Vec<String>, QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::artifact_paths(&mut connection, lease.job, lease.attempt).await?)
    }
}
