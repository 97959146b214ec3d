//! The life of a job: submitted, listed, cancelled, resubmitted. How workers hold it is in [`leases`], how it ends in [`ending`],
//! what it leaves in [`files`].
//!
//! Every change of state is one transaction together with the events that tell of it, through the single writer: no
//! reader ever sees a finished job without its `end`. A lease's epoch grows whenever a lease begins or ends, so that who
//! lost it can change nothing any more.

mod ending;
mod files;
mod job_row;
mod leases;
mod masking;
mod payload;
mod store;
mod submission;

use std::sync::Arc;

use redact::Redactor;
use tokio::sync::{Notify, watch};

use crate::clock;
use crate::db::{Db, DbError};
use crate::event_log::{EventLog, JobDetails, NewEvent, append_by_server};
use crate::model::{Job, JobEventStatus, JobId, JobInput, JobStatus, JobsPage, NewJob};

pub use ending::{Ending, Finish, NewArtifact};
pub use files::{ArtifactFile, AttemptOutput};
pub use leases::{Abandoned, Claimed, Heartbeat, LEASE_SECONDS, Shipping};
pub use masking::secret_values;
pub(crate) use payload::RawCommand as CommandShape;
pub use payload::{Command, InvalidPayload, StageSpec, StepSpec};
pub use store::JobsFilter;
pub use submission::Submission;

/// Why the queue refused.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// A submission is not what it has to be.
    #[error("{0}")]
    Invalid(#[from] InvalidPayload),
    /// There is no such job.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// The job's state does not allow it.
    #[error("the job is {}, so it cannot be {wanted}", status.as_str())]
    StateConflict {
        /// The state it is in.
        status: JobStatus,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The worker no longer holds the job.
    #[error("the lease on job {0} has ended")]
    LeaseLost(JobId),
    /// Too many jobs wait.
    #[error("{0} jobs are queued already; wait until some have run, or raise --jobs-queued")]
    Full(i64),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for QueueError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

/// The queue. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    db: Db,
    log: EventLog,
    /// Masks what enters over HTTP with the server's own secrets.
    redactor: Redactor,
    jobs_queued: i64,
    signals: Arc<Signals>,
}

/// Wake-ups within this process. They only say "look again".
#[derive(Debug, Default)]
struct Signals {
    queued: Notify,
    cancelled: Notify,
    attempt_ended: Notify,
    changed: watch::Sender<()>,
}

impl Queue {
    /// Opens the queue over `db`; it takes at most `jobs_queued` waiting jobs.
    #[must_use]
    pub fn new(db: Db, log: EventLog, redactor: Redactor, jobs_queued: i64) -> Self {
        Self { db, log, redactor, jobs_queued, signals: Arc::default() }
    }

    /// Returns the server's redactor: text that enters over HTTP passes it.
    #[must_use]
    pub const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Submits a job. A repetition with the same `key` is answered with the job that the first one made.
    pub async fn submit(&self, new: NewJob, by: &str, key: Option<String>) -> Result<Job, QueueError> {
        self.submit_with(new, by, key, None).await
    }

    /// Submits a job and the files that came with it, which are stored already.
    pub async fn submit_with(
        &self,
        new: NewJob,
        by: &str,
        key: Option<String>,
        input: Option<JobInput>,
    ) -> Result<Job, QueueError> {
        let submission = Submission::check(new, by, key, &self.redactor)?;
        self.insert(submission.with_input(input)).await
    }

    /// Checks a submission without storing it, before the files that belong to it are received.
    pub fn check(&self, new: &NewJob) -> Result<(), QueueError> {
        Submission::check(new.clone(), "", None, &self.redactor)?;
        Ok(())
    }

    /// Returns the inputs that jobs have.
    pub async fn inputs(&self) -> Result<Vec<uuid::Uuid>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        let inputs = store::inputs(&mut connection).await?;
        let ids = inputs.iter().map(|text| Ok(job_row::parse_input(Some(text))?.map(|input| input.id)));
        Ok(ids.collect::<sqlx::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Submits the payload of `job` once more, real values included.
    pub async fn resubmit(&self, job: JobId, by: &str) -> Result<Job, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        let row = store::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        drop(connection);
        self.insert(Submission::again(&row, by)).await
    }

    async fn insert(&self, submission: Submission) -> Result<Job, QueueError> {
        let (log, limit, now) = (self.log.clone(), self.jobs_queued, clock::now());
        let row = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(row) = submission.repeated(tx.connection()).await? {
                        return Ok(row);
                    }
                    if store::queued(tx.connection(), limit).await? >= limit {
                        return Err(QueueError::Full(limit));
                    }
                    let id = submission.id;
                    store::insert(tx.connection(), &submission, now).await?;
                    let event = NewEvent::job(JobEventStatus::Queued, 0, JobDetails::default());
                    append_by_server(tx, log.tails(), id, vec![event], now).await?;
                    store::job(tx.connection(), id).await?.ok_or(QueueError::NoSuchJob(id))
                })
            })
            .await?;
        tracing::info!(job = %row.id, "submitted");
        self.signals.queued.notify_waiters();
        self.signals.changed.send_replace(());
        Ok(row.to_job(&self.redactor))
    }

    /// Returns a job as replies show it.
    pub async fn job(&self, job: JobId) -> Result<Job, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        let row = store::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        let position = match row.status {
            JobStatus::Queued => Some(store::queue_position(&mut connection, &row).await?),
            _ => None,
        };
        Ok(Job { queue_position: position, ..row.to_job(&self.redactor) })
    }

    /// Returns a page of jobs, newest first.
    pub async fn jobs(&self, filter: JobsFilter) -> Result<JobsPage, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        let mut rows = store::list(&mut connection, &filter).await?;
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let items =
            rows.iter().map(|row| if filter.summary { row.to_summary() } else { row.to_job(&self.redactor) }).collect();
        Ok(JobsPage { items, offset: filter.offset, limit: filter.limit, has_more })
    }

    /// Returns what wakes a reader of lists when some job's state has changed. Take it before looking.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.signals.changed.subscribe()
    }

    /// Returns the number of the last change of any job's state.
    pub async fn last_change(&self) -> Result<i64, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::last_change(&mut connection).await?)
    }

    /// Returns jobs that have changed after that change, as lists show them, each with the number of its last one and in
    /// their order.
    pub async fn changed_after(&self, change: i64, limit: i64) -> Result<Vec<(i64, Job)>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        let rows = store::changed_after(&mut connection, change, limit).await?;
        Ok(rows.iter().map(|row| (row.change, row.to_summary())).collect())
    }

    /// Asks for a job's cancellation: a queued one ends at once, a running one when its worker has ended it. A repetition
    /// changes nothing.
    pub async fn cancel(&self, job: JobId, by: &str, reason: Option<String>) -> Result<Job, QueueError> {
        let (log, redactor, by, now) = (self.log.clone(), self.redactor.clone(), by.to_owned(), clock::now());
        let row = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let row = store::job(tx.connection(), job).await?.ok_or(QueueError::NoSuchJob(job))?;
                    if row.cancel_requested_at.is_some() {
                        return Ok(row);
                    }
                    if row.status.is_terminal() {
                        return Err(QueueError::StateConflict { status: row.status, wanted: "cancelled" });
                    }
                    let reason = reason.map(|reason| row.mask(&redactor, &reason));
                    store::request_cancel(tx.connection(), job, &by, reason.as_ref(), now).await?;
                    let details = JobDetails { reason, ..JobDetails::default() };
                    let event = NewEvent::job(JobEventStatus::CancelRequested, row.attempt, details);
                    append_by_server(tx, log.tails(), job, vec![event], now).await?;
                    if row.status == JobStatus::Queued {
                        ending::cancel_queued(tx, log.tails(), &row, now).await?;
                    }
                    store::job(tx.connection(), job).await?.ok_or(QueueError::NoSuchJob(job))
                })
            })
            .await?;
        self.signals.cancelled.notify_waiters();
        self.signals.changed.send_replace(());
        Ok(row.to_job(&self.redactor))
    }

    /// Returns how many jobs wait and how many run.
    pub async fn depths(&self) -> Result<(i64, i64), QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::depths(&mut connection).await?)
    }
}
