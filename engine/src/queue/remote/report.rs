//! The reports with which workers on other machines end their leases.

use model::{Job, JobId, JobStatus};
use redact::Redacted;

use super::holder::{RemoteWorker, holding};
use crate::clock;
use crate::queue::ending::{self, EndDetails, Ending, Finish, Retry};
use crate::queue::job_row::JobRow;
use crate::queue::{Queue, QueueError, store as jobs};

/// The maximum length of a message or a summary, in characters. Longer texts are cut, because lists of jobs contain
/// them, and because refusing a report would keep the job running.
const MAX_TEXT: usize = 16_384;

/// The mark at the end of a text that was cut.
const CUT: &str = "… (cut)";

/// The result of an attempt, as a worker on another machine reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The attempt has succeeded.
    Completed {
        /// A summary of the result.
        summary: Option<String>,
    },
    /// The attempt has failed.
    Failed {
        /// The human-readable reason.
        message: String,
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
        let redactor = self.stored_job(job).await?.redactor(&self.maskers);
        let (ending, details) = parts(report, |text| redactor.redact(cut(text).as_bytes()));
        let reported: Result<(JobRow, Option<i64>), QueueError> = self
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
                        let worker = holder.name.clone();
                        let totals = ending::no_output();
                        let finish = Finish { lease, worker, ending, totals, artifacts: Vec::new() };
                        ending::finish(tx, log.tails(), finish, details, now).await?;
                    }
                    let row = jobs::job(tx.connection(), job).await?.ok_or(QueueError::NoSuchJob(job))?;
                    let position = match row.job.status {
                        JobStatus::Queued => Some(jobs::queue_position(tx.connection(), &row).await?),
                        _ => None,
                    };
                    Ok((row, position))
                })
            })
            .await;
        let (row, queue_position) = reported?;
        self.attempt_has_ended(job, row.job.status);
        Ok(Job { queue_position, ..row.to_job(&self.maskers) })
    }
}

/// Converts a report to the end of an attempt. `mask` masks the secrets in a text.
fn parts(report: Report, mask: impl Fn(String) -> Redacted) -> (Ending, EndDetails) {
    match report {
        Report::Completed { summary } => {
            (Ending::Succeeded, EndDetails { summary: summary.map(mask), ..EndDetails::default() })
        }
        Report::Failed { message, is_retryable } => {
            let retry = if is_retryable { Retry::WhileAttemptsRemain } else { Retry::Never };
            (Ending::Reported { message: mask(message) }, EndDetails { retry, ..EndDetails::default() })
        }
        Report::Cancelled { message } => {
            (Ending::Cancelled, EndDetails { message: message.map(mask), ..EndDetails::default() })
        }
    }
}

/// Cuts a text that is too long.
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
