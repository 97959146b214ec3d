//! What attempts leave: kept files, and their output as a whole.

pub(super) mod store;

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::{Queue, QueueError, store as jobs};
use crate::event_log::Lease;
use crate::model::{Artifact, ArtifactId, JobId, Timestamp};

/// Bytes from which on a log is compressed: below, a file takes one block of the disk in any case.
const COMPRESS_FROM: i64 = 4 << 10;

/// A kept file and where it lies.
#[derive(Clone, Debug)]
pub struct ArtifactFile {
    /// What replies say of it.
    pub artifact: Artifact,
    /// Where it lies below the data folder.
    pub path: String,
}

/// What there is to say of an attempt's output as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptOutput {
    /// The attempt; 0 if the job has had none.
    pub attempt: i32,
    /// The job's last attempt so far.
    pub last_attempt: i32,
    /// Whether the job is over.
    pub job_is_over: bool,
    /// Whether the attempt is over, or there never was one: nothing will be added.
    pub is_complete: bool,
    /// SHA-256 of the whole output in hexadecimal, of an attempt that is over and has printed into a spool.
    pub sha256: Option<String>,
}

impl<'r> FromRow<'r, SqliteRow> for ArtifactFile {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let artifact = Artifact {
            id: ArtifactId(row.try_get("id")?),
            job_id: JobId(row.try_get("job_id")?),
            name: row.try_get("name")?,
            content_type: row.try_get("content_type")?,
            size_bytes: row.try_get("size_bytes")?,
            digest: row.try_get("digest")?,
            storage_path: None,
            attempt: row.try_get("attempt")?,
            stage: row.try_get("stage")?,
            created_at: Timestamp(row.try_get("created_at")?),
        };
        Ok(Self { artifact, path: row.try_get("path")? })
    }
}

impl Queue {
    /// Returns the files kept of a job, oldest first.
    pub async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        jobs::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        Ok(store::artifacts(&mut connection, job).await?)
    }

    /// Returns one file of a job and where it lies; nothing if there is no such artifact.
    pub async fn artifact(&self, id: ArtifactId) -> Result<Option<ArtifactFile>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::artifact(&mut connection, id).await?)
    }

    /// Returns what there is to say of the output of an attempt of the job, or of its last one.
    pub async fn attempt_output(&self, job: JobId, attempt: Option<i32>) -> Result<AttemptOutput, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        store::attempt_output(&mut connection, job, attempt).await?.ok_or(QueueError::NoSuchJob(job))
    }

    /// Returns a log that can be compressed and is not; nothing if there is none.
    pub async fn next_uncompressed(&self) -> Result<Option<ArtifactFile>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::next_uncompressed(&mut connection, COMPRESS_FROM).await?)
    }

    /// Remembers that a log is compressed, and how many bytes it takes now.
    pub async fn compressed(&self, id: ArtifactId, bytes: u64) -> Result<(), QueueError> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let write = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { Ok(store::set_stored_bytes(tx.connection(), id, bytes).await?) }));
        write.await
    }

    /// Completes when an attempt has ended; register before looking for what it left.
    pub fn attempt_ended(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.attempt_ended.notified()
    }

    /// Returns where the listed files of an attempt lie, below the data folder.
    pub async fn artifact_paths(&self, lease: Lease) -> Result<Vec<String>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::artifact_paths(&mut connection, lease.job, lease.attempt).await?)
    }
}
