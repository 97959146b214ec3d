//! Reads the output of attempts by line number, as text, and by byte offset.
//!
//! [`Outputs`] locates an attempt's output, which is currently always in a spool on this machine. The spool can be read
//! while it grows and afterwards, and it includes output that is suppressed from live events. [`lines`] reads the spool
//! by line number, `redraw` applies the changes that lines make to earlier lines, [`text`] reads the spool as text,
//! [`search`] finds lines in it, `levels` recognises the severity of lines, `steps` maps steps to their ids, and a
//! background task compresses the output of finished attempts.
//!
//! This module never writes to a spool while its attempt is running, and each read has a documented memory bound.

mod compress;
mod levels;
pub mod lines;
mod page;
mod redraw;
pub mod search;
mod steps;
pub mod text;
mod visible;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{JobId, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::event_log::{EventLog, ReadError};
use crate::queue::{AttemptOutput, Queue, QueueError, Shipping};
use crate::spool::{SpoolReader, Spools};
use crate::task::task_error;
use page::signed;
pub use page::{FirstLine, LineForm, Wanted};
use search::Searchers;
pub use steps::StepIds;

/// The error returned when output cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The job or its attempt could not be read from the database.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The job's events could not be read.
    #[error(transparent)]
    Events(#[from] ReadError),
    /// The spool could not be read.
    #[error("the output cannot be read: {0}")]
    Spool(#[from] io::Error),
    /// The job has no attempt with the requested number.
    #[error("there is no attempt {asked}; the job has had only {had} so far")]
    NoSuchAttempt {
        /// The number of the job's latest attempt.
        had: i32,
        /// The number of the requested attempt.
        asked: i32,
    },
    /// The job has not finished, so its output may still change.
    #[error("the job has not finished")]
    Unfinished,
    /// The output has too many distinct lines to be used for a comparison.
    #[error("the job has printed more than {most} distinct lines, which is too many for a comparison")]
    TooManyDifferent {
        /// The maximum number of distinct lines.
        most: usize,
    },
    /// The output was removed at this time, because output is kept only for a limited time.
    #[error("the output was removed at {0}, because output is kept for a limited time (keep_days, keep_bytes)")]
    Removed(Timestamp),
    /// The attempt has finished, but the files that contained its output no longer exist.
    #[error("the output's files have been removed")]
    Missing,
}

/// Provides access to the output of all attempts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outputs {
    spools: Spools,
    queue: Queue,
    events: EventLog,
    searchers: Searchers,
}

impl Outputs {
    /// Creates a reader for the outputs in the given spools.
    #[must_use]
    pub fn new(spools: Spools, queue: Queue, events: EventLog) -> Self {
        Self { spools, queue, events, searchers: Searchers::new() }
    }

    /// Returns the status of an attempt's output, or of the latest attempt's output if `attempt` is `None`. Fails with
    /// [`OutputError::Removed`] if the output was removed.
    ///
    /// Call this before reading. If the status says that the output is complete, a later read returns all of it.
    pub async fn find(&self, job: JobId, attempt: Option<i32>) -> Result<AttemptOutput, OutputError> {
        let output = self.queue.attempt_output(job, attempt).await?;
        match attempt {
            Some(asked) if asked != output.attempt => {
                Err(OutputError::NoSuchAttempt { had: output.last_attempt, asked })
            }
            _ => match output.removed_at.filter(|_| output.attempt > 0) {
                Some(at) => Err(OutputError::Removed(at)),
                None => Ok(output),
            },
        }
    }

    /// Opens an attempt's output. Returns `None` if the attempt has no spool yet. Fails with [`OutputError::Missing`]
    /// if a finished attempt's files no longer exist.
    pub async fn open(&self, job: JobId, of: &AttemptOutput) -> Result<Option<SpoolReader>, OutputError> {
        let spool = self.open_growing(job, of.attempt).await?;
        if spool.is_none() && of.sha256.is_some() { Err(OutputError::Missing) } else { Ok(spool) }
    }

    /// Opens the output of an attempt that may still be running. Returns `None` if the attempt has no spool.
    pub async fn open_growing(&self, job: JobId, attempt: i32) -> Result<Option<SpoolReader>, OutputError> {
        let spools = self.spools.clone();
        Ok(blocking(move || spools.open(job, attempt)).await?)
    }

    /// Returns the ids of the steps that an attempt has started.
    pub async fn steps(&self, job: JobId, attempt: i32) -> Result<StepIds, OutputError> {
        Ok(StepIds::load(&self.events, job, attempt).await?)
    }

    /// Returns how many bytes of the given attempts' output are neither stored as events nor suppressed yet.
    pub async fn unshipped(&self, attempts: Vec<Shipping>) -> io::Result<u64> {
        let spools = self.spools.clone();
        blocking(move || Ok(unshipped(&spools, &attempts))).await
    }

    /// Returns the size of all outputs on disk, in bytes.
    pub async fn size(&self) -> io::Result<u64> {
        let spools = self.spools.clone();
        blocking(move || Ok(spools.size())).await
    }

    /// Compresses the outputs of finished attempts in the background, one after another, until `shutdown` is cancelled.
    pub async fn compress(&self, shutdown: CancellationToken) {
        compress::run(self, shutdown).await;
    }
}

fn unshipped(spools: &Spools, attempts: &[Shipping]) -> u64 {
    let lag = |of: &Shipping| spools.printed(of.job, of.attempt).saturating_sub(u64::try_from(of.bytes).unwrap_or(0));
    attempts.iter().map(lag).sum()
}

/// Runs a read on a thread that is allowed to block.
async fn blocking<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(read).await.map_err(task_error)?
}

/// Reads a spool on a thread that is allowed to block. If the caller no longer waits, for example because a client has
/// disconnected, the read fails at the next record, so that it does not occupy the thread.
async fn blocking_read<T: Send + 'static>(
    mut spool: SpoolReader,
    read: impl FnOnce(&mut SpoolReader) -> io::Result<T> + Send + 'static,
) -> io::Result<(SpoolReader, T)> {
    let stop = StopOnDrop::default();
    spool.stop_when(Arc::clone(&stop.0));
    blocking(move || {
        let read = read(&mut spool)?;
        spool.stop_when(Arc::default());
        Ok((spool, read))
    })
    .await
}

/// Stops a read when the future that waits for it is dropped.
#[derive(Debug, Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use crate::spool::SpoolWriter;

    use super::*;

    #[tokio::test]
    async fn a_read_ends_when_nobody_waits_for_it_any_longer() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        let reader = spool.reader().expect("the files can be opened again");
        let (report, mut reports) = mpsc::unbounded_channel();
        let reading = tokio::spawn(blocking_read(reader, move |spool| {
            report.send("begun").expect("the test is waiting");
            while spool.record(0).is_ok() {
                std::thread::yield_now();
            }
            report.send("ended").expect("the test is waiting");
            spool.record(0)
        }));
        assert_eq!(reports.recv().await, Some("begun"));
        reading.abort();
        assert_eq!(reports.recv().await, Some("ended"));
    }

    #[tokio::test]
    async fn a_spool_can_be_read_again_after_a_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        let reader = spool.reader().expect("the files can be opened again");
        let (mut reader, _) = blocking_read(reader, |spool| spool.record(0)).await.expect("the files can be read");
        assert!(reader.record(0).is_ok());
    }

    #[test]
    fn the_lag_is_the_printed_output_that_is_not_yet_shipped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let job: JobId = "01890000-0000-7000-8000-000000000000".parse().expect("the id is valid");
        let path = folder.path().join(Spools::log_path(job, 1));
        std::fs::create_dir_all(path.parent().expect("the path has a parent")).expect("the folder can be written");
        std::fs::write(path, [b'x'; 100]).expect("the folder can be written");
        let spools = Spools::new(folder.path());
        let attempts = [Shipping { job, attempt: 1, bytes: 30 }, Shipping { job, attempt: 2, bytes: 9 }];
        assert_eq!((unshipped(&spools, &attempts), spools.size()), (70, 100));
    }
}
