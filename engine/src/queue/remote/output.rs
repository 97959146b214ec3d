//! The complete output of workers on other machines, as the server stores it.
//!
//! For each attempt, the server has a spool, as for the attempts of the embedded worker, and uses it to answer `/log`,
//! `/lines` and searches. The spool is a copy of the output in the attempt's log events: after an append, the events
//! that are not in the copy yet are read from the database. After a crash, the next request completes the copy in the
//! same way. Output that a worker has suppressed is not in any event, so the worker sends this output separately.
//!
//! The events are read in pages, so that the server uses little memory even if a worker reports much output after a
//! gap. An attempt without log events has no spool.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{JobId, JobStatus, LogPayload, OutputBody, Payload, ReportedEvent, ReportedTotals, Seq, StoredBytes};
use redact::Redacted;
use tokio::sync::OwnedMutexGuard;

use super::events::new_event;
use super::holder::{RemoteWorker, holding};
use super::masking::ReportedEnds;
use crate::event_log::{
    AttemptTotals, EventLog, Lease, OutputCursor, RedactionCounts, StoredOutput, StoredOutputPage, pieces,
};
use crate::queue::payload::invalid;
use crate::queue::{NewArtifact, Queue, QueueError};
use crate::spool::{HeldPieces, SpoolWriter, Spools};
use crate::task::task_error;

/// The copies of the running attempts of workers on other machines. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::queue) struct OutputCopies {
    spools: Spools,
    open: Arc<Mutex<HashMap<(JobId, i32), SharedCopy>>>,
}

/// A copy that several requests use in turn.
type SharedCopy = Arc<tokio::sync::Mutex<OutputCopy>>;

/// The copy of an attempt's output.
#[derive(Debug, Default)]
pub(in crate::queue) struct OutputCopy {
    /// The spool, or `None` if it has not been opened since the server was started, or if there is no output.
    spool: Option<SpoolWriter>,
    /// The position of the last event that is in the copy, or `None` if it is not known.
    after: Option<Seq>,
    /// Whether suppressed output is missing, so that later output cannot be copied until the worker has sent it.
    is_stalled: bool,
    /// The ends of the output streams in the attempt's events, as the worker has reported them.
    reported: ReportedEnds,
    /// The number of the batch after which `reported` was set, or 0.
    batch: i64,
    /// The ends of the output streams in suppressed output, as the worker has reported them.
    suppressed: ReportedEnds,
    /// The offset up to which `suppressed` has been updated.
    suppressed_to: i64,
}

/// The output of an attempt whose lease ends.
#[derive(Debug)]
pub(in crate::queue) struct FinishedOutput {
    pub(in crate::queue) totals: AttemptTotals,
    /// The artifact of the complete log, unless the attempt has no spool.
    pub(in crate::queue) artifacts: Vec<NewArtifact>,
    /// A warning if the copy differs from the output that the worker has captured.
    pub(in crate::queue) warning: Option<Redacted>,
}

/// A lock on the copy of an attempt's output. While a request holds the lock, no other request can add output.
pub(in crate::queue) type LockedCopy = OwnedMutexGuard<OutputCopy>;

impl OutputCopies {
    pub(in crate::queue) fn new(spools: Spools) -> Self {
        Self { spools, open: Arc::default() }
    }

    /// Locks the copy of an attempt's output, after waiting until no other request uses the copy.
    async fn lock(&self, lease: Lease) -> LockedCopy {
        let copy = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(open.entry((lease.job, lease.attempt)).or_default())
        };
        copy.lock_owned().await
    }

    /// Closes the output copy of an attempt that has ended.
    pub(in crate::queue) fn close(&self, job: JobId, attempt: i32) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&(job, attempt));
    }
}

impl OutputCopy {
    /// Returns the ends of the output streams in the attempt's events, as the worker has reported them.
    pub(super) const fn reported_ends(&self) -> &ReportedEnds {
        &self.reported
    }

    /// Adds the output of log events that are not in the copy yet.
    async fn advance(&mut self, log: &EventLog, spools: &Spools, lease: Lease) -> Result<(), QueueError> {
        let Lease { job, attempt, .. } = lease;
        if self.is_stalled {
            return Ok(());
        }
        if self.after.is_none() {
            self.open_existing(spools, lease).await?;
        }
        let mut from = OutputCursor { after: self.after.unwrap_or(Seq::START), offset: self.bytes() };
        let mut held = HeldPieces::default();
        loop {
            let page = log.stored_output(job, attempt, from).await;
            let StoredOutputPage { chunks, has_more } = page.map_err(|error| QueueError::Files(error.to_string()))?;
            let Some(last) = chunks.last().map(|chunk| chunk.seq) else { break };
            held.add(StoredOutput::pieces(chunks));
            held = self.write(held, spools, lease).await?;
            from.after = last;
            if held.is_empty() {
                self.after = Some(last);
            }
            if !has_more || held.is_full() {
                break;
            }
        }
        if !held.is_empty() {
            (self.after, self.is_stalled) = (None, true);
        }
        Ok(())
    }

    /// Opens the spool if it exists.
    async fn open_existing(&mut self, spools: &Spools, lease: Lease) -> Result<(), QueueError> {
        if self.spool.is_none() {
            let spools = spools.clone();
            self.spool = blocking(move || match spools.open(lease.job, lease.attempt)? {
                Some(_) => spools.recover(lease.job, lease.attempt).map(Some),
                None => Ok(None),
            })
            .await?;
        }
        Ok(())
    }

    /// Appends pieces, up to the first piece that begins beyond the end of the copy. Returns the pieces that were not
    /// appended.
    async fn write(&mut self, mut pieces: HeldPieces, spools: &Spools, lease: Lease) -> Result<HeldPieces, QueueError> {
        let (spool, spools) = (self.spool.take(), spools.clone());
        let (spool, appended) = blocking(move || {
            let mut spool = match spool {
                Some(spool) => spool,
                None => spools.recover(lease.job, lease.attempt)?,
            };
            let appended = pieces.append_to(&mut spool).map(|()| pieces);
            Ok((spool, appended))
        })
        .await?;
        self.spool = Some(spool);
        // After an error, the content of the spool is not known, so the next call opens and completes the spool again.
        appended.map_err(|error: std::io::Error| {
            (self.spool, self.after) = (None, None);
            QueueError::Files(error.to_string())
        })
    }

    fn bytes(&self) -> i64 {
        self.spool.as_ref().map_or(0, |spool| i64::try_from(spool.end().bytes).unwrap_or(i64::MAX))
    }

    /// Syncs the copy and returns its totals, or `None` if there is no output.
    async fn finish(&mut self) -> Result<Option<AttemptTotals>, QueueError> {
        let Some(mut spool) = self.spool.take() else { return Ok(None) };
        let (spool, ended) = blocking(move || {
            let ended = spool.end_step();
            Ok((spool, ended))
        })
        .await?;
        ended.map_err(|error| QueueError::Files(error.to_string()))?;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let totals = AttemptTotals {
            exit_code: None,
            lines: number(spool.end().lines),
            bytes: number(spool.end().bytes),
            suppressed_bytes: 0,
            redactions: RedactionCounts::default(),
            log_sha256: spool.sha256(),
        };
        self.spool = Some(spool);
        Ok(Some(totals))
    }
}

/// Returns the offsets at which the first chunk begins and the last one ends. The chunks have not been checked yet.
fn range_of(chunks: &[ReportedEvent]) -> (i64, i64) {
    let logs = || {
        chunks.iter().filter_map(|chunk| match &chunk.payload {
            Some(Payload::Log(log)) => Some(log),
            _ => None,
        })
    };
    let end = |log: &LogPayload| log.segments().last().map_or(0, |last| last.end());
    (logs().map(|log| log.offset).min().unwrap_or(0), logs().map(end).max().unwrap_or(0))
}

/// Runs a function that accesses the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, QueueError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(task_error).flatten();
    done.map_err(|error| QueueError::Files(error.to_string()))
}

impl Queue {
    /// Locks the copy of an attempt. Returns `None` if the lease has already ended. The lease cannot end while the copy
    /// is locked.
    pub(super) async fn lock_copy(&self, lease: Lease) -> Result<Option<LockedCopy>, QueueError> {
        let copy = self.copies.lock(lease).await;
        let row = self.stored_job(lease.job).await?;
        if row.job.status == JobStatus::Running && row.job.lease_epoch == lease.epoch {
            return Ok(Some(copy));
        }
        self.copies.close(lease.job, lease.attempt);
        Ok(None)
    }

    /// Updates the copy of an attempt's output from the attempt's log events. `number` and `ends` are the number of the
    /// batch that was stored last, if it has one, and the ends of the output streams after it.
    pub(super) async fn update_copy(
        &self,
        copy: &mut OutputCopy,
        lease: Lease,
        (number, ends): (Option<i64>, ReportedEnds),
    ) -> Result<(), QueueError> {
        // A repeated batch was not stored again, and later batches may have been stored since.
        if number.is_none_or(|number| number > copy.batch) {
            (copy.reported, copy.batch) = (ends, number.unwrap_or(copy.batch));
        }
        copy.advance(&self.log, &self.copies.spools, lease).await
    }

    /// Adds output that no event contains to the copy. The output must not begin beyond the end of the copy. Output
    /// that the copy already contains is ignored.
    pub async fn add_output(
        &self,
        job: JobId,
        worker: RemoteWorker,
        body: OutputBody,
    ) -> Result<StoredBytes, QueueError> {
        let holder = worker.checked(&self.maskers)?;
        // Check the holder before the chunks, so that errors in the chunks are reported only to the worker that holds
        // the job.
        holding(&mut self.db.reader().await?, job, &holder).await?.lease()?;
        let row = self.stored_job(job).await?;
        let redactor = row.redactor(&self.maskers);
        let attempt = Lease { job, attempt: row.job.attempt, epoch: row.job.lease_epoch };
        let mut copy = self.copies.lock(attempt).await;
        // The lease cannot end while the copy is locked.
        let mut connection = self.db.reader().await?;
        let lease = holding(&mut connection, job, &holder).await?.lease().inspect_err(|error| {
            if matches!(error, QueueError::NotRunning { .. }) {
                self.copies.close(job, attempt.attempt);
            }
        })?;
        drop(connection);
        if lease != attempt {
            return Err(QueueError::NotHolder(job));
        }
        let (from, to) = range_of(&body.chunks);
        // The worker repeats output if it has not received the response.
        let is_next = from >= copy.suppressed_to;
        let mut ends = if is_next { copy.suppressed.clone() } else { ReportedEnds::default() };
        let mut added = Vec::new();
        for (index, chunk) in body.chunks.into_iter().enumerate() {
            let field = format!("chunks[{index}].");
            let event = new_event(&field, chunk, attempt.attempt, (&redactor, &mut ends))?;
            match event.payload() {
                Payload::Log(payload) => added.extend(pieces(payload, event.message())),
                _ => return Err(invalid(format!("{field}payload.kind"), "must be log").into()),
            }
        }
        copy.advance(&self.log, &self.copies.spools, lease).await?;
        if !added.is_empty() {
            let mut pieces = HeldPieces::default();
            pieces.add(added);
            if !copy.write(pieces, &self.copies.spools, lease).await?.is_empty() {
                let problem = format!("must begin at the end of the stored output, which is {}", copy.bytes());
                return Err(invalid("chunks", problem).into());
            }
            copy.is_stalled = false;
            (copy.suppressed, copy.suppressed_to) = (ends, to);
            copy.advance(&self.log, &self.copies.spools, lease).await?;
        }
        Ok(StoredBytes { bytes: copy.bytes() })
    }

    /// Completes the copy of an attempt whose lease is about to end. `reported` are the totals that the worker has
    /// reported, if any. The caller must hold the returned lock until the lease has ended. Returns `None`, and changes
    /// nothing, if the lease has already ended.
    pub(in crate::queue) async fn finish_output(
        &self,
        lease: Lease,
        reported: Option<ReportedTotals>,
    ) -> Result<Option<(FinishedOutput, LockedCopy)>, QueueError> {
        let Some(mut copy) = self.lock_copy(lease).await? else { return Ok(None) };
        copy.advance(&self.log, &self.copies.spools, lease).await?;
        if reported.is_some() && copy.spool.is_none() {
            copy.write(HeldPieces::default(), &self.copies.spools, lease).await?;
        }
        let stored = copy.finish().await?;
        let artifacts = stored.iter().map(NewArtifact::log).collect();
        let mut totals = stored.unwrap_or_else(crate::queue::ending::no_output);
        let mut warning = None;
        if let Some(reported) = reported {
            if (reported.bytes, &reported.log_sha256) != (totals.bytes, &totals.log_sha256) {
                warning = Some(Redacted::literal(
                    "The stored output differs from the output that the worker has captured. If the server has masked \
                     more values than the worker, this is expected",
                ));
            }
            totals.exit_code = reported.exit_code;
            totals.suppressed_bytes = reported.suppressed_bytes;
            totals.redactions = RedactionCounts { total: reported.redactions, by_rule: reported.redactions_by_rule };
        }
        Ok(Some((FinishedOutput { totals, artifacts, warning }, copy)))
    }
}

#[cfg(test)]
mod tests;
