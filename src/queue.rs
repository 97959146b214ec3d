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
use tokio::sync::{Notify, watch};

use crate::clock;
use crate::db::{Db, DbError};
use crate::event_log::{
    AppendError, Batch, EventLog, JobDetails, Lease, NewEvent, append_by_server, append_under_lease,
};
use crate::model::{Artifact, AttemptStatus, Job, JobEventStatus, JobId, JobStatus, JobsPage, NewJob, Seq, Timestamp};

pub(crate) use ending::hex;
pub use ending::{Ending, Finish, NewArtifact};
pub use masking::secret_values;
pub(crate) use payload::RawCommand as CommandShape;
pub use payload::{Command, InvalidPayload, StageSpec, StepSpec};
pub use store::{Abandoned, ArtifactFile, AttemptOutput, Claimed, JobsFilter, Shipping};
pub use submission::Submission;

/// How long a worker holds a job before it has to renew, in seconds.
pub const LEASE_SECONDS: i64 = 120;

/// Bytes from which on a log is compressed: below, a file takes one block of the disk in any case.
const COMPRESS_FROM: i64 = 4 << 10;

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

    /// Returns what there is to say of the output of an attempt of the job, or of its last one.
    pub async fn attempt_output(&self, job: JobId, attempt: Option<i32>) -> Result<AttemptOutput, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        store::attempt_output(&mut connection, job, attempt).await?.ok_or(QueueError::NoSuchJob(job))
    }

    /// Returns a log that can be compressed and is not; nothing if there is none.
    pub async fn next_uncompressed(&self) -> Result<Option<ArtifactFile>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::next_uncompressed(&mut connection, COMPRESS_FROM).await?)
    }

    /// Remembers that a log is compressed, and how many bytes it takes now.
    pub async fn compressed(&self, id: crate::model::ArtifactId, bytes: u64) -> Result<(), QueueError> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let write = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { Ok(store::set_stored_bytes(tx.connection(), id, bytes).await?) }));
        write.await
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

    /// Completes when an attempt has ended; register before looking for what it left.
    pub fn attempt_ended(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.attempt_ended.notified()
    }

    /// Returns where the listed files of an attempt lie, below the data folder.
    pub async fn artifact_paths(&self, lease: Lease) -> Result<Vec<String>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::artifact_paths(&mut connection, lease.job, lease.attempt).await?)
    }

    /// Appends a batch and lists the files that its events tell of, in one transaction; may be repeated as any append.
    pub async fn append_with_files(
        &self,
        lease: Lease,
        batch: Batch,
        files: Vec<NewArtifact>,
    ) -> Result<Seq, AppendError> {
        let (log, now) = (self.log.clone(), clock::now());
        self.db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let last = append_under_lease(tx, log.tails(), lease, batch, now).await?;
                    for file in &files {
                        store::keep_artifact(tx.connection(), lease, file, now).await?;
                    }
                    Ok(last)
                })
            })
            .await
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

    /// Takes the next job that `worker` can run, if there is one.
    pub async fn claim(&self, worker: &Redacted) -> Result<Option<Claimed>, QueueError> {
        let (log, worker, now) = (self.log.clone(), worker.clone(), clock::now());
        let claimed = self
            .db
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
            .await;
        if matches!(claimed, Ok(Some(_))) {
            self.signals.changed.send_replace(());
        }
        claimed
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
        self.signals.attempt_ended.notify_waiters();
        self.signals.changed.send_replace(());
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

    /// Returns how many jobs wait and how many run.
    pub async fn depths(&self) -> Result<(i64, i64), QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::depths(&mut connection).await?)
    }

    /// Returns how far the output of the attempts that run has come.
    pub async fn shipping(&self) -> Result<Vec<Shipping>, QueueError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::shipping(&mut connection).await?)
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
