//! The life of a job: submit, claim, heartbeat, finish, cancel, resubmit.
//!
//! Every change of state is one transaction together with the events that tell of it, through the single writer: no
//! reader ever sees a finished job without its `end`. A lease's epoch grows whenever a lease begins or ends, so that who
//! lost it can change nothing any more.

mod ending;
mod masking;
mod payload;
mod store;
mod submission;

use std::sync::Arc;

use redact::{Redacted, Redactor};
use tokio::sync::Notify;

use crate::clock;
use crate::db::{Db, DbError};
use crate::event_log::{EventLog, JobDetails, Lease, NewEvent, append_by_server};
use crate::model::{Artifact, AttemptStatus, Job, JobEventStatus, JobId, JobStatus, JobsPage, NewJob, Timestamp};

pub(crate) use ending::hex;
pub use ending::{Ending, Finish, NewArtifact};
pub use masking::secret_values;
pub(crate) use payload::RawCommand as CommandShape;
pub use payload::{Command, InvalidPayload, StepSpec};
pub use store::{Abandoned, ArtifactFile, Claimed, JobsFilter};
pub use submission::Submission;

/// How long a worker holds a job before it has to renew, in seconds.
pub const LEASE_SECONDS: i64 = 120;

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
}

/// What a worker learns from its heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// Go on.
    Renewed,
    /// Go on, and end the job: somebody wants it cancelled.
    CancelRequested,
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
        let submission = Submission::check(new, by, key, &self.redactor)?;
        self.insert(submission).await
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
        self.signals.queued.notify_waiters();
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

    /// Returns the files kept of a job, oldest first.
    pub async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        store::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        Ok(store::artifacts(&mut connection, job).await?)
    }

    /// Returns one file of a job and where it lies; nothing if there is no such artifact.
    pub async fn artifact(&self, id: crate::model::ArtifactId) -> Result<Option<ArtifactFile>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::artifact(&mut connection, id).await?)
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
        Ok(row.to_job(&self.redactor))
    }

    /// Takes the next job that `worker` can run, if there is one.
    pub async fn claim(&self, worker: &Redacted) -> Result<Option<Claimed>, QueueError> {
        let (log, worker, now) = (self.log.clone(), worker.clone(), clock::now());
        self.db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let claimed = store::claim(tx.connection(), "command", &worker, lease_end(now), now).await?;
                    if let Some(claimed) = &claimed {
                        let attempt = claimed.lease.attempt;
                        let details = JobDetails { worker: Some(worker.clone()), ..JobDetails::default() };
                        let events = vec![
                            NewEvent::job(JobEventStatus::Claimed, attempt, details),
                            NewEvent::attempt(attempt, &worker, AttemptStatus::Started, None),
                        ];
                        append_by_server(tx, log.tails(), claimed.lease.job, events, now).await?;
                    }
                    Ok(claimed)
                })
            })
            .await
    }

    /// Renews a lease.
    pub async fn heartbeat(&self, lease: Lease) -> Result<Heartbeat, QueueError> {
        let now = clock::now();
        self.db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let renewed = store::renew(tx.connection(), lease, lease_end(now), now).await?;
                    renewed.ok_or(QueueError::LeaseLost(lease.job))
                })
            })
            .await
    }

    /// Ends a lease: the job ends, or waits for its next attempt. A repetition is answered as before.
    pub async fn finish(&self, finish: Finish) -> Result<JobStatus, QueueError> {
        let (log, now, job) = (self.log.clone(), clock::now(), finish.lease.job);
        let status = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { ending::finish(tx, log.tails(), finish, now).await }))
            .await?;
        self.log.tails().worker_left(job);
        if status == JobStatus::Queued {
            self.signals.queued.notify_waiters();
        }
        Ok(status)
    }

    /// Returns the jobs that embedded workers of other boots of this server left running.
    pub async fn abandoned(&self, worker: &Redacted) -> Result<Vec<Abandoned>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::abandoned(&mut connection, worker).await?)
    }

    /// Returns how long until a job that waits for its next attempt may be claimed, in milliseconds; nothing if none does.
    pub async fn next_attempt_in(&self) -> Result<Option<u64>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        let at = store::next_attempt_at(&mut connection).await?;
        Ok(at.map(|at| u64::try_from(at.millis_since(clock::now())).unwrap_or(0) + 1))
    }

    /// Completes when a job was queued; register before claiming.
    pub fn queued(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.queued.notified()
    }

    /// Completes when some job's cancellation was asked for.
    pub fn cancelled(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.cancelled.notified()
    }
}

fn lease_end(now: Timestamp) -> Timestamp {
    Timestamp(now.0 + LEASE_SECONDS * 1_000_000)
}
