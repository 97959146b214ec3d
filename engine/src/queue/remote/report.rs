//! The reports with which workers on other machines end their leases.

use model::{FailureReason, Job, JobId, ReportedTotals};
use redact::Redacted;

use super::events::check_number;
use super::holder::{Holder, RemoteWorker, holding};
use super::output::{FinishedOutput, LockedCopy};
use crate::clock;
use crate::queue::ending::{self, EndDetails, EndedLease, Ending, Finish, Retry};
use crate::queue::job_row::JobRow;
use crate::queue::payload::InvalidPayload;
use crate::queue::{Queue, QueueError, store as jobs, waits};

/// The maximum length of a message or a summary, in characters. It is limited because lists of jobs contain these
/// texts. A longer text is truncated rather than refused, because a refused report would keep the job running.
const MAX_TEXT: usize = 16_384;

/// The suffix of text that was truncated.
const CUT: &str = "… (cut)";

/// The result of an attempt, as a worker on another machine reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How the attempt has ended.
    pub outcome: ReportedOutcome,
    /// The totals of its output, if the worker sends its complete log.
    pub totals: Option<ReportedTotals>,
}

/// How an attempt has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportedOutcome {
    /// The attempt has succeeded.
    Completed {
        /// A summary of the result.
        summary: Option<String>,
    },
    /// The attempt has failed.
    Failed {
        /// The human-readable reason.
        message: String,
        /// The machine-readable reason, if there is one.
        reason: Option<FailureReason>,
        /// Whether another attempt may succeed.
        is_retryable: bool,
    },
    /// The worker has stopped the job, whose cancellation was requested.
    Cancelled {
        /// A message about how the job was stopped.
        message: Option<String>,
    },
}

impl Queue {
    /// Ends the lease of a worker on another machine. A repeated report changes nothing, and returns the job as before.
    pub async fn report(&self, job: JobId, worker: RemoteWorker, report: Report) -> Result<Job, QueueError> {
        let (holder, now, log) = (worker.checked(&self.maskers)?, clock::now(), self.log.clone());
        let Report { outcome, totals } = report;
        totals.as_ref().map(check_totals).transpose()?;
        let row = self.stored_job(job).await?;
        let redactor = row.redactor(&self.maskers);
        let (ending, details) = parts(outcome, |text| redactor.redact(cut(text).as_bytes()));
        let (output, _copy) = self.output_of(&row, &holder, totals).await?.unzip();
        let attempt = row.job.attempt;
        let reported: Result<_, QueueError> = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let holding = holding(tx.connection(), job, &holder).await?;
                    if !holding.has_ended(ending::attempt_status(&ending)) {
                        let lease = holding.lease()?;
                        if ending == Ending::Cancelled && holding.row.job.cancel_requested_at.is_none() {
                            return Err(QueueError::CancelNotRequested(job));
                        }
                        let output = output.filter(|_| lease.attempt == attempt).ok_or(QueueError::NotHolder(job))?;
                        let FinishedOutput { totals, artifacts, warning } = output;
                        let finish = Finish { lease, worker: holder.name.clone(), ending, totals, artifacts };
                        ending::finish(tx, log.tails(), finish, EndDetails { warning, ..details }, now).await?;
                    }
                    let mut row = jobs::job(tx.connection(), job).await?.ok_or(QueueError::NoSuchJob(job))?;
                    waits::add_with_position(tx.connection(), &mut row).await?;
                    Ok(row)
                })
            })
            .await;
        let row = reported?;
        self.copies.close(job, attempt);
        self.attempt_has_ended(job, EndedLease::of(&row));
        Ok(row.to_job(&self.maskers))
    }

    /// Completes the stored output of an attempt whose worker reports its end. Returns `None` if the attempt has
    /// already ended.
    async fn output_of(
        &self,
        row: &JobRow,
        holder: &Holder,
        totals: Option<ReportedTotals>,
    ) -> Result<Option<(FinishedOutput, LockedCopy)>, QueueError> {
        let mut connection = self.db.reader().await?;
        let lease = holding(&mut connection, row.job.id, holder).await?.lease();
        drop(connection);
        match lease {
            Ok(lease) => self.finish_output(lease, totals).await,
            // The caller's transaction determines whether this is a repeated report.
            Err(_) => Ok(None),
        }
    }
}

/// Checks the numbers in the totals of an attempt's output.
fn check_totals(totals: &ReportedTotals) -> Result<(), InvalidPayload> {
    let ReportedTotals { bytes, suppressed_bytes, redactions, redactions_by_rule, .. } = totals;
    for (name, number) in [("bytes", bytes), ("suppressedBytes", suppressed_bytes), ("redactions", redactions)] {
        check_number(&format!("totals.{name}"), *number)?;
    }
    redactions_by_rule.iter().try_for_each(|(rule, count)| {
        check_number(&format!("totals.redactionsByRule.{}", rule.escape_default()), *count)
    })
}

/// Converts a report into the result of the attempt and further details. `mask` masks secrets in text.
fn parts(outcome: ReportedOutcome, mask: impl Fn(String) -> Redacted) -> (Ending, EndDetails) {
    match outcome {
        ReportedOutcome::Completed { summary } => {
            (Ending::Succeeded, EndDetails { summary: summary.map(mask), ..EndDetails::default() })
        }
        ReportedOutcome::Failed { message, reason, is_retryable } => {
            let retry = if is_retryable { Retry::WhileAttemptsRemain } else { Retry::Never };
            let message = mask(message);
            let ending = match reason {
                Some(reason) => Ending::Failed { reason, message },
                None => Ending::Reported { message },
            };
            (ending, EndDetails { retry, ..EndDetails::default() })
        }
        ReportedOutcome::Cancelled { message } => {
            (Ending::Cancelled, EndDetails { message: message.map(mask), ..EndDetails::default() })
        }
    }
}

/// Truncates text that is too long.
fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}{CUT}", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_texts_are_cut() {
        assert_eq!(cut("short".to_owned()), "short");
        assert_eq!(cut("é".repeat(MAX_TEXT)), "é".repeat(MAX_TEXT));
        assert_eq!(cut("é".repeat(MAX_TEXT + 1)), format!("{}{CUT}", "é".repeat(MAX_TEXT)));
    }
}
