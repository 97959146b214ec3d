//! Checks whether a worker on another machine holds a job.

use model::{AttemptStatus, JobId, JobStatus, TokenId};
use redact::Redacted;

use super::store::{self, AttemptRow};
use crate::db::Connection;
use crate::event_log::Lease;
use crate::queue::job_row::JobRow;
use crate::queue::maskers::Maskers;
use crate::queue::payload::InvalidPayload;
use crate::queue::submission::check_key;
use crate::queue::{QueueError, store as jobs};

/// A worker on another machine, as identified by its request.
#[derive(Clone, Debug)]
pub struct RemoteWorker {
    /// The worker's name.
    pub name: String,
    /// The API token of the request.
    pub token: TokenId,
    /// The lease epoch of the worker's claim. Older workers do not send it.
    pub epoch: Option<i64>,
}

/// A worker on another machine, with its name in the form in which names are stored.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) name: Redacted,
    pub(super) token: TokenId,
    pub(super) epoch: Option<i64>,
}

impl RemoteWorker {
    pub(super) fn checked(self, maskers: &Maskers) -> Result<Holder, InvalidPayload> {
        check_key("workerId", &self.name)?;
        let name = maskers.shared().redact(self.name.as_bytes());
        Ok(Holder { name, token: self.token, epoch: self.epoch })
    }
}

/// A job, and the worker that has sent a request for it.
pub(super) struct Holding<'a> {
    pub(super) row: JobRow,
    attempt: Option<AttemptRow>,
    holder: &'a Holder,
}

/// Looks up the job for which a worker sends a request.
pub(super) async fn holding<'a>(
    connection: &mut Connection,
    job: JobId,
    holder: &'a Holder,
) -> Result<Holding<'a>, QueueError> {
    let row = jobs::job(connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
    let attempt = store::attempt(connection, job, row.job.attempt).await?;
    Ok(Holding { row, attempt, holder })
}

impl Holding<'_> {
    /// Returns the worker's lease. Fails if the job is not running, or if the worker does not hold the job.
    pub(super) fn lease(&self) -> Result<Lease, QueueError> {
        let job = &self.row.job;
        if job.status != JobStatus::Running {
            return Err(QueueError::NotRunning { status: job.status });
        }
        let is_current = self.holder.epoch.is_none_or(|epoch| epoch == job.lease_epoch);
        match self.own_attempt() {
            Some(attempt) if is_current && attempt.epoch == job.lease_epoch => {
                Ok(Lease { job: job.id, attempt: job.attempt, epoch: job.lease_epoch })
            }
            _ => Err(QueueError::NotHolder(job.id)),
        }
    }

    /// Returns whether the worker has already ended its lease with the attempt status `ended`, and no other lease has
    /// begun since. Only a worker that sends its lease epoch may repeat the request that ended the lease.
    pub(super) fn has_ended(&self, ended: AttemptStatus) -> bool {
        let job = &self.row.job;
        let was_last = self.holder.epoch.is_some() && self.holder.epoch == job.lease_epoch.checked_sub(1);
        let attempt = self.own_attempt().filter(|attempt| self.holder.epoch == Some(attempt.epoch));
        job.status != JobStatus::Running && was_last && attempt.is_some_and(|attempt| attempt.has_status(ended))
    }

    /// Returns the job's last attempt, or `None` if this worker has not run it.
    fn own_attempt(&self) -> Option<&AttemptRow> {
        let is_own = |attempt: &&AttemptRow| {
            attempt.token == Some(self.holder.token) && attempt.worker.as_bytes() == self.holder.name.as_bytes()
        };
        self.attempt.as_ref().filter(is_own)
    }
}
