//! Reports workers on other machines that have sent no request for a while, and ends leases that have not been renewed
//! in time, or whose API tokens are no longer valid.
//!
//! The leases of the embedded worker are not ended here: as long as the server runs, its worker runs too, and after a
//! crash the worker itself recovers its jobs.

use std::time::Duration;

use model::{FailureReason, JobEventStatus, JobId, JobStatus};
use redact::Redacted;
use tokio_util::sync::CancellationToken;

use super::ending::{self, EndDetails, EndedLease, Ending, Finish};
use super::leases::store::{self as leases, Silent};
use super::remote::store as remote;
use super::{Queue, QueueError, store, workers};
use crate::clock;
use crate::event_log::{JobDetails, Lease, NewEvent, append_by_server};

/// The time without a request after which a worker is reported as silent. Workers renew their leases every 5 s, but may
/// renew a long lease less often. If an eighth of the lease is longer, that time applies instead.
const SILENCE: Duration = Duration::from_secs(15);

/// The interval at which expired leases are looked up. A lease is ended within this time after it has expired.
const EVERY: Duration = Duration::from_secs(2);

impl Queue {
    /// Ends expired leases until `shutdown` is cancelled.
    ///
    /// First, every lease is extended by its full duration, because the workers could not renew their leases while the
    /// server was not running.
    pub async fn watch_leases(&self, shutdown: &CancellationToken) {
        let mut is_extended = false;
        while !shutdown.is_cancelled() {
            let ended = if is_extended { self.end_expired_leases().await } else { self.extend_leases().await };
            match ended {
                Ok(()) => is_extended = true,
                Err(error) => tracing::error!(%error, "failed to look for expired leases"),
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Reports the workers that have sent no request for a while. Each period of silence is reported once.
    async fn report_silence(&self) -> Result<(), QueueError> {
        let limit = i64::try_from(SILENCE.as_micros()).unwrap_or(i64::MAX);
        let silent = leases::silent(&mut self.db.reader().await?, clock::now(), limit).await?;
        for Silent { lease, worker, since } in silent {
            let (log, now) = (self.log.clone(), clock::now());
            let write: Result<(), QueueError> = self
                .db
                .writer()
                .write(move |tx| {
                    Box::pin(async move {
                        if !remote::set_silent(tx.connection(), lease, since).await? {
                            return Ok(());
                        }
                        let mut reason = Redacted::literal("it has sent nothing for ");
                        reason.append(&Redacted::number(now.millis_since(since) / 1_000));
                        reason.append(&Redacted::literal(" s"));
                        let details = JobDetails { worker: Some(worker), reason: Some(reason), next_attempt_at: None };
                        let event = NewEvent::job(JobEventStatus::WorkerSilent, lease.attempt, details);
                        append_by_server(tx, log.tails(), lease.job, vec![event], now).await?;
                        Ok(())
                    })
                })
                .await;
            write?;
        }
        Ok(())
    }

    async fn extend_leases(&self) -> Result<(), QueueError> {
        let now = clock::now();
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move {
                leases::hear_all(tx.connection(), now).await?;
                Ok(leases::extend_remote(tx.connection(), now).await?)
            })
        });
        write.await
    }

    pub(super) async fn end_expired_leases(&self) -> Result<(), QueueError> {
        self.report_silence().await?;
        let mut connection = self.db.reader().await?;
        let expired = leases::expired(&mut connection, clock::now()).await?;
        drop(connection);
        for job in expired {
            if let Some(status) = self.end_lease_of_job(job, LeaseLoss::Expired).await? {
                tracing::warn!(%job, status = status.as_str(), "a worker's lease expired");
            }
        }
        // When a token is revoked, its leases are ended at once. This call ends the leases that could not be ended at
        // that time, and the leases whose tokens have become invalid for another reason.
        self.end_leases_without_token().await
    }

    /// Ends the leases that were begun with API tokens that are no longer valid: they were revoked or have expired, or
    /// their users were removed or disabled.
    pub async fn end_leases_without_token(&self) -> Result<(), QueueError> {
        let mut connection = self.db.reader().await?;
        let held = workers::store::without_token(&mut connection, clock::now()).await?;
        drop(connection);
        for job in held {
            if let Some(status) = self.end_lease_of_job(job, LeaseLoss::TokenEnded).await? {
                tracing::warn!(%job, status = status.as_str(), "the token of a job's worker is no longer valid");
            }
        }
        Ok(())
    }

    /// Ends the lease of a worker on another machine, and returns the new status of its job. Returns `None` if the
    /// reason no longer applies, because the lease was renewed or has ended in the meantime.
    async fn end_lease_of_job(&self, job: JobId, loss: LeaseLoss) -> Result<Option<JobStatus>, QueueError> {
        let Some(row) = store::job(&mut self.db.reader().await?, job).await? else { return Ok(None) };
        let lease = Lease { job, attempt: row.job.attempt, epoch: row.job.lease_epoch };
        let (output, _copy) = match self.finish_output(lease, None).await {
            Ok(Some((output, copy))) => (Some(output), Some(copy)),
            // The lease has ended since the row was read.
            Ok(None) => return Ok(None),
            // Output that cannot be read must not keep the job running.
            Err(error) => {
                tracing::error!(%job, %error, "the output of a job cannot be completed");
                (None, None)
            }
        };
        let (log, now) = (self.log.clone(), clock::now());
        let ended: Result<Option<EndedLease>, QueueError> = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let Some(row) = store::job(tx.connection(), job).await? else { return Ok(None) };
                    let attempt = remote::attempt(tx.connection(), job, row.job.attempt).await?;
                    let is_current = row.job.status == JobStatus::Running && row.job.lease_epoch == lease.epoch;
                    let Some(attempt) = attempt.filter(|_| is_current) else {
                        return Ok(None);
                    };
                    let applies = match (loss, attempt.token) {
                        (_, None) => false,
                        (LeaseLoss::Expired, _) => row.job.lease_expires_at.is_some_and(|end| end <= now),
                        (LeaseLoss::TokenEnded, Some(token)) => {
                            workers::store::limits_of(tx.connection(), token, now).await?.is_none()
                        }
                    };
                    if !applies {
                        return Ok(None);
                    }
                    let (cause, message) = loss.reported();
                    let (totals, artifacts) = output
                        .map_or_else(|| (ending::no_output(), Vec::new()), |output| (output.totals, output.artifacts));
                    let ending = Ending::Failed { reason: FailureReason::Interrupted, message };
                    let finish = Finish { lease, worker: attempt.worker, ending, totals, artifacts };
                    let details = EndDetails { cause, ..EndDetails::default() };
                    ending::finish(tx, log.tails(), finish, details, now).await.map(Some)
                })
            })
            .await;
        let ended = ended?;
        if let Some(ended) = ended {
            self.copies.close(job, lease.attempt);
            self.attempt_has_ended(job, ended);
        }
        Ok(ended.map(|ended| ended.status))
    }
}

/// Why the server ends a worker's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeaseLoss {
    /// The worker has not renewed the lease in time.
    Expired,
    /// The worker's API token is no longer valid.
    TokenEnded,
}

impl LeaseLoss {
    /// Returns the event that reports the end of the lease, if there is one, and the human-readable reason. The event
    /// precedes the attempt's own event.
    fn reported(self) -> (Option<JobEventStatus>, Redacted) {
        match self {
            Self::Expired => (Some(JobEventStatus::LeaseExpired), Redacted::literal("the worker's lease expired")),
            Self::TokenEnded => (None, Redacted::literal("the worker's API token was revoked or has expired")),
        }
    }
}
