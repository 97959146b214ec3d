//! Enforces the limits on how long finished jobs are kept and on how much space they use: first removes their outputs
//! and artifacts, and later the jobs themselves. Jobs that have not finished are never touched.

use std::time::Duration;

use model::{JobId, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Queue, QueueError, store};
use crate::artifacts::ArtifactStore;
use crate::clock;
use crate::spool::Spools;

/// The interval at which the limits are checked.
const EVERY: Duration = Duration::from_mins(1);

/// The number of jobs that are looked up at once.
const AT_ONCE: i64 = 100;

/// The limits on the age and the size of finished jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The time for which a job's output and artifacts are kept after the job has finished, or `None` for no limit.
    pub output: Option<Duration>,
    /// The time for which a job is kept after it has finished, or `None` for no limit. This time is at least as long as
    /// `output`.
    pub jobs: Option<Duration>,
    /// The maximum size of all outputs and artifacts on disk in bytes, or `None` for no limit. When it is exceeded, the
    /// outputs and artifacts of the jobs that finished first are removed.
    pub bytes: Option<i64>,
}

impl Queue {
    /// Enforces the limits at regular intervals until `shutdown` is cancelled.
    pub async fn keep_within(
        &self,
        retention: Retention,
        artifacts: &ArtifactStore,
        spools: &Spools,
        shutdown: &CancellationToken,
    ) {
        if retention == Retention::default() {
            return;
        }
        let looking = async {
            loop {
                if let Err(error) = self.remove_exceeding(retention, clock::now(), artifacts, spools).await {
                    tracing::error!(%error, "failed to remove jobs that have been kept for long enough");
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        shutdown.run_until_cancelled(looking).await;
    }

    /// Enforces the limits once, at the time `now`. A job that cannot be removed is logged and skipped.
    pub async fn remove_exceeding(
        &self,
        retention: Retention,
        now: Timestamp,
        artifacts: &ArtifactStore,
        spools: &Spools,
    ) -> Result<(), QueueError> {
        let files = (artifacts, spools);
        if let Some(kept) = retention.output {
            self.remove_all(Expired::Output { before: earlier(now, kept) }, now, files).await?;
        }
        if let Some(most) = retention.bytes {
            self.remove_outputs_beyond(most, now, files).await?;
        }
        if let Some(kept) = retention.jobs {
            self.remove_all(Expired::Jobs { before: earlier(now, kept) }, now, files).await?;
        }
        Ok(())
    }

    async fn remove_all(
        &self,
        expired: Expired,
        now: Timestamp,
        (artifacts, spools): (&ArtifactStore, &Spools),
    ) -> Result<(), QueueError> {
        let mut skipped = 0;
        loop {
            let mut connection = self.db.reader().await?;
            let jobs = store::expired(&mut connection, expired, AT_ONCE, skipped).await?;
            drop(connection);
            if jobs.is_empty() {
                return Ok(());
            }
            for job in jobs {
                let removed = match expired {
                    Expired::Output { .. } => self.remove_output(job, now, artifacts, spools).await,
                    Expired::Jobs { .. } => self.remove(job, artifacts, spools).await,
                };
                skipped += i64::from(is_skipped(job, removed)?);
            }
        }
    }

    /// Removes the outputs and artifacts of the jobs that finished first, until the total size of the remaining outputs
    /// and artifacts is at most `most` bytes.
    async fn remove_outputs_beyond(
        &self,
        most: i64,
        now: Timestamp,
        (artifacts, spools): (&ArtifactStore, &Spools),
    ) -> Result<(), QueueError> {
        let mut excess = store::stored_bytes(&mut self.db.reader().await?).await? - most;
        let mut skipped = 0;
        while excess > 0 {
            let mut connection = self.db.reader().await?;
            let Some((job, bytes)) = store::first_with_files(&mut connection, skipped).await? else { break };
            drop(connection);
            if is_skipped(job, self.remove_output(job, now, artifacts, spools).await)? {
                skipped += 1;
            } else {
                excess -= bytes;
            }
        }
        Ok(())
    }
}

/// The data to remove because of its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// The output of jobs that finished before a time.
    Output { before: Timestamp },
    /// Jobs that finished before a time and whose output has been removed.
    Jobs { before: Timestamp },
}

/// Returns `true` if a job could not be removed and has to be skipped. Returns an error if the database failed, because
/// then no other job can be removed either.
fn is_skipped(job: JobId, removed: Result<(), QueueError>) -> Result<bool, QueueError> {
    match removed {
        Ok(()) | Err(QueueError::NoSuchJob(_)) => Ok(false),
        Err(QueueError::Db(error)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(%job, %error, "failed to remove a job or its output after its retention period");
            Ok(true)
        }
    }
}

/// Returns the time that is `by` before `time`.
fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(time.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}
