//! Removes finished jobs with their logs and artifacts, or only their outputs and artifacts.

use model::{JobId, Seq, Timestamp};

use super::{Queue, QueueError, store};
use crate::artifacts::ArtifactStore;
use crate::spool::Spools;
use crate::task::task_error;

/// The approximate number of bytes of events that one transaction removes. It is limited because other writes wait for
/// the transaction.
const TRANSACTION_BYTES: i64 = 4 << 20;
/// The minimum and the maximum number of events that one transaction removes.
const TRANSACTION_EVENTS: (i64, i64) = (50, 5_000);

/// The events that are removed from the log of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemovedEvents {
    /// All events.
    All,
    /// The events that contain output or report suppressed output.
    Output,
}

impl Queue {
    /// Removes a finished job with its log, its outputs and its artifacts.
    ///
    /// The job's row is removed last. If the removal is interrupted, the job is still listed, and can be removed again.
    /// The job's input remains until the next start of the server, because other jobs may share it.
    pub async fn remove(&self, job: JobId, artifacts: &ArtifactStore, spools: &Spools) -> Result<(), QueueError> {
        self.remove_stored(job, RemovedEvents::All, artifacts, spools).await?;
        let write = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { Ok::<_, QueueError>(store::remove(tx.connection(), job).await?) }));
        write.await?;
        tracing::info!(%job, "removed");
        self.signals.changed.send_replace(());
        Ok(())
    }

    /// Removes the outputs and the artifacts of a finished job, and the events that contain its output. The job itself
    /// and its lifecycle events remain, and the time of the removal is recorded.
    ///
    /// The time is recorded last, so an interrupted removal is repeated.
    pub(super) async fn remove_output(
        &self,
        job: JobId,
        now: Timestamp,
        artifacts: &ArtifactStore,
        spools: &Spools,
    ) -> Result<(), QueueError> {
        self.remove_stored(job, RemovedEvents::Output, artifacts, spools).await?;
        let write = self.db.writer().write(move |tx| {
            Box::pin(
                async move { store::note_output_removed(tx.connection(), job, now).await.map_err(QueueError::from) },
            )
        });
        write.await?;
        tracing::info!(%job, "the output was removed");
        Ok(())
    }

    /// Removes the files of a finished job, and then the events that `which` selects.
    async fn remove_stored(
        &self,
        job: JobId,
        which: RemovedEvents,
        artifacts: &ArtifactStore,
        spools: &Spools,
    ) -> Result<(), QueueError> {
        let mut connection = self.db.reader().await?;
        let row = store::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        drop(connection);
        if !row.job.status.is_terminal() {
            return Err(QueueError::NotFinished { status: row.job.status });
        }
        let (artifacts, spools) = (artifacts.clone(), spools.clone());
        let removing = tokio::task::spawn_blocking(move || {
            artifacts.remove_job(job)?;
            spools.remove_job(job)
        });
        let removed = removing.await.unwrap_or_else(|error| Err(task_error(error)));
        removed.map_err(|error| QueueError::Files(error.to_string()))?;
        let events = events_per_transaction(row.job.last_seq, row.job.log_bytes.unwrap_or(0));
        let mut first = Seq(1);
        while first <= row.job.last_seq {
            let (from, to) = (first, first.plus(events - 1));
            let write = self.db.writer().write(move |tx| {
                Box::pin(async move {
                    store::remove_events(tx.connection(), job, from..=to, which).await.map_err(QueueError::from)
                })
            });
            write.await?;
            first = to.plus(1);
        }
        Ok(())
    }
}

/// Returns how many events one transaction removes. `last` is the position of the job's last event, and `bytes` is the
/// size of its output.
fn events_per_transaction(last: Seq, bytes: i64) -> i64 {
    let average = (bytes / last.0.max(1)).max(1);
    (TRANSACTION_BYTES / average).clamp(TRANSACTION_EVENTS.0, TRANSACTION_EVENTS.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_removes_few_large_events_or_many_small_ones() {
        assert_eq!(events_per_transaction(Seq(100), 100 << 20), 50);
        assert_eq!(events_per_transaction(Seq(1_000), 16 << 20), 250);
        assert_eq!(events_per_transaction(Seq(1_000_000), 1_000_000), 5_000);
        assert_eq!(events_per_transaction(Seq(0), 0), 5_000);
    }
}
