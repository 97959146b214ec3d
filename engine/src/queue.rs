//! The job queue: submits, lists, cancels and resubmits jobs. See [`leases`] for how workers claim jobs, [`remote`] for
//! workers on other machines, [`ending`] for how jobs finish, [`expiry`] for leases that are not renewed, [`files`] for
//! artifacts and outputs, [`removal`] for the removal of finished jobs, and [`retention`] for the limits on how long
//! jobs and their outputs are kept. [`bulk`] changes many jobs at once, [`workers`] lists the workers, [`pauses`]
//! pauses the queue, types of jobs or workers, and [`admission`] decides which jobs a claim may receive.
//!
//! Every change of state is committed in one transaction together with the events that report it, so no reader ever
//! sees a finished job without its `end` event. Each job has a lease epoch, a number that increases whenever a lease
//! begins or ends. A worker that has lost its lease can therefore no longer change the job.

mod admission;
mod affinity;
mod bulk;
mod concurrency;
mod ending;
mod expiry;
mod files;
mod job_row;
mod leases;
mod maskers;
mod next_job;
mod overrides;
mod pauses;
mod payload;
mod received;
mod redaction;
mod remote;
mod removal;
mod retention;
mod secrets;
mod store;
mod submission;
mod waits;
pub mod weak;
mod workers;
mod working_roots;

use std::slice::from_mut;
use std::sync::Arc;
use std::time::Duration;

use model::{Job, JobChanges, JobCounts, JobEventStatus, JobId, JobInput, JobStatus, JobsPage, NewJob, Timestamp};
use tokio::sync::{Notify, watch};

use crate::clock;
use crate::db::{Db, DbError, Tx};
use crate::event_log::{EventLog, JobDetails, NewEvent, Tails, append_by_server};
use crate::fail_point::panic_on;
use crate::spool::Spools;

pub use admission::WorkerLimits;
pub use ending::{ArtifactPlace, Ending, Finish, NewArtifact};
pub use files::{ArtifactFile, AttemptOutput};
use job_row::JobRow;
pub use leases::{Abandoned, Claimed, Heartbeat, LEASE, Shipping};
pub use maskers::{Maskers, SharedValues};
pub use pauses::PauseChange;
pub use payload::RawCommand as CommandShape;
pub use payload::{Command, InvalidPayload, JobPayload, SecretForm, SecretUse, StageSpec, StepSpec, TerminalSize};
pub use received::ReceivedJobs;
pub use remote::{
    Appended, Recorded, RemoteClaim, RemoteWorker, Report, ReportedEvents, ReportedOutcome, Upload, UploadLimits,
    lease_duration,
};
use remote::{OpenClaims, OutputCopies};
pub use retention::Retention;
pub use secrets::{SecretChange, SecretsError};
pub use store::JobsFilter;
use store::Resubmitted;
pub use submission::Submission;
use submission::check_reason;
pub use workers::EmbeddedWorker;
pub use working_roots::{DirectoryError, WorkingRoots};

/// The error for a request that the queue refused or could not carry out.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The submission is invalid.
    #[error("{0}")]
    Invalid(#[from] InvalidPayload),
    /// There is no job with the requested id.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// The job's state does not allow the request.
    #[error("the job has already finished ({}), so it cannot be {wanted}", status.as_str())]
    StateConflict {
        /// The job's state.
        status: JobStatus,
        /// The requested action as a past participle, such as `cancelled`.
        wanted: &'static str,
    },
    /// The job is not running, so a worker's request for it is refused.
    #[error("the job is not running ({})", status.as_str())]
    NotRunning {
        /// The job's state.
        status: JobStatus,
    },
    /// The job has been resubmitted already, and should not be resubmitted twice.
    #[error("the job has already been run again as {0}")]
    AlreadyResubmitted(JobId),
    /// The job has not finished, so it cannot be removed.
    #[error("the job has not finished ({}), so it cannot be removed; cancel it first", status.as_str())]
    NotFinished {
        /// The job's state.
        status: JobStatus,
    },
    /// A worker has reported that it has cancelled a job whose cancellation was not requested.
    #[error("the cancellation of job {0} was not requested")]
    CancelNotRequested(JobId),
    /// The job is held by another worker, or under another lease.
    #[error("job {0} is held by another worker, or under another lease")]
    NotHolder(JobId),
    /// A file exceeds the limits on artifacts.
    #[error("{0}")]
    ArtifactLimit(String),
    /// The checksum of a file differs from the checksum that the worker has sent.
    #[error("digest: does not match the file, whose digest is sha256:{0}")]
    DigestMismatch(String),
    /// The files of a job could not be removed.
    #[error("failed to remove the files of the job: {0}")]
    Files(String),
    /// The worker no longer holds a lease on the job.
    #[error("the lease on job {0} is no longer valid")]
    LeaseLost(JobId),
    /// Too many jobs are queued.
    #[error("{0} jobs are already queued; wait until some of them have started, or raise --jobs-queued")]
    Full(i64),
    /// There is no secret with the requested name.
    #[error("there is no secret {0}")]
    NoSuchSecret(String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The job queue. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    db: Db,
    log: EventLog,
    /// Creates the redactors, which mask the secrets of each job and of the server in payloads and output.
    maskers: Maskers,
    jobs_queued: i64,
    /// The directories in which absolute working directories of submissions are allowed.
    roots: WorkingRoots,
    /// The capabilities of the embedded worker.
    capabilities: Vec<String>,
    /// The time for which a job is reserved for the worker that last ran a job with the same affinity key.
    affinity_wait: Duration,
    /// The server's copies of the output of workers on other machines.
    copies: OutputCopies,
    /// The claims of workers on other machines that wait for a job.
    open_claims: OpenClaims,
    signals: Arc<Signals>,
}

/// Notifications within this process, and a lock. A notification carries no data; its receiver queries the database
/// again.
#[derive(Debug, Default)]
struct Signals {
    queued: Notify,
    cancelled: Notify,
    attempt_ended: Notify,
    changed: watch::Sender<()>,
    /// The lock that is held while the value of a secret is set.
    setting_secrets: tokio::sync::Mutex<()>,
}

impl Queue {
    /// Creates a queue that is stored in `db` and accepts at most `jobs_queued` queued jobs. The output of workers on
    /// other machines is stored in `spools`.
    #[must_use]
    pub fn new(db: Db, log: EventLog, maskers: Maskers, jobs_queued: i64, spools: Spools) -> Self {
        let (roots, capabilities, copies) = (WorkingRoots::default(), Vec::new(), OutputCopies::new(spools));
        let (affinity_wait, open_claims, signals) = (Duration::ZERO, OpenClaims::default(), Arc::default());
        Self { db, log, maskers, jobs_queued, roots, capabilities, affinity_wait, copies, open_claims, signals }
    }

    /// Restricts the absolute working directories of submissions to the given directories.
    #[must_use]
    pub fn with_working_roots(self, roots: WorkingRoots) -> Self {
        Self { roots, ..self }
    }

    /// Sets the capabilities of the embedded worker.
    #[must_use]
    pub fn with_capabilities(self, capabilities: Vec<String>) -> Self {
        Self { capabilities, ..self }
    }

    /// Sets the time for which a job is reserved for the worker that last ran a job with the same affinity key. The
    /// default is zero.
    #[must_use]
    pub fn with_affinity_wait(self, affinity_wait: Duration) -> Self {
        Self { affinity_wait, ..self }
    }

    /// Submits a job. If an earlier submission had the same `key`, returns the job that it created.
    pub async fn submit(&self, new: NewJob, by: &str, key: Option<String>) -> Result<Job, QueueError> {
        self.submit_with(new, by, key, None).await
    }

    /// Submits a job with its input, which must already be stored.
    pub async fn submit_with(
        &self,
        new: NewJob,
        by: &str,
        key: Option<String>,
        input: Option<JobInput>,
    ) -> Result<Job, QueueError> {
        new.affinity_key.as_deref().into_iter().for_each(panic_on);
        let submission = Submission::check(new, by, key, &self.maskers, &self.roots)?;
        self.insert(submission.with_input(input), Resubmitted::Included).await
    }

    /// Checks a submission without storing it. Call this before receiving the submission's input.
    pub async fn check(&self, new: &NewJob) -> Result<(), QueueError> {
        let submission = Submission::check(new.clone(), "", None, &self.maskers, &self.roots)?;
        let mut connection = self.db.reader().await?;
        secrets::check_exist(&mut connection, &submission.secrets).await
    }

    /// Returns the ids of the inputs of all jobs.
    pub async fn inputs(&self) -> Result<Vec<uuid::Uuid>, QueueError> {
        let mut connection = self.db.reader().await?;
        let inputs = store::inputs(&mut connection).await?;
        Ok(inputs.into_iter().map(|input| input.id).collect())
    }

    /// Submits a copy of `job` with the requested changes. The copy contains the real secret values, not their masks.
    pub async fn resubmit(&self, job: JobId, by: &str, changes: JobChanges) -> Result<Job, QueueError> {
        if changes == JobChanges::default() {
            return self.run_again(job, by, Resubmitted::Included).await;
        }
        let row = self.row(job).await?;
        let original = row.payload(&self.maskers);
        let new = NewJob {
            kind: row.job.kind.clone(),
            priority: changes.priority.unwrap_or(row.job.priority),
            payload: overrides::apply(&row.job.kind, &original, changes.payload.as_ref(), &self.maskers)?,
            // If the stored key is masked, the copy keeps it unchanged.
            affinity_key: row.job.affinity_key.clone(),
            max_attempts: changes.max_attempts.unwrap_or(row.job.max_attempts),
        };
        let submission = Submission::check(new, by, None, &self.maskers, &self.roots)?.with_input(row.job.input);
        self.insert(Submission { resubmitted_from: Some(row.job.id), ..submission }, Resubmitted::Included).await
    }

    /// Submits an exact copy of `job`. If `resubmitted` is [`Resubmitted::Excluded`], this fails if the job has a copy
    /// already.
    async fn run_again(&self, job: JobId, by: &str, resubmitted: Resubmitted) -> Result<Job, QueueError> {
        let row = self.row(job).await?;
        self.insert(Submission::again(&row, by, &self.maskers)?, resubmitted).await
    }

    async fn row(&self, job: JobId) -> Result<JobRow, QueueError> {
        let mut connection = self.db.reader().await?;
        store::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))
    }

    async fn insert(&self, submission: Submission, resubmitted: Resubmitted) -> Result<Job, QueueError> {
        let (log, limit, now) = (self.log.clone(), self.jobs_queued, clock::now());
        let payload = self.maskers.seal_payload(submission.id, &submission.payload.to_text());
        let row = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    if resubmitted == Resubmitted::Excluded
                        && let Some(original) = submission.resubmitted_from
                        && let Some(copy) = store::latest_copy(tx.connection(), original).await?
                    {
                        return Err(QueueError::AlreadyResubmitted(copy));
                    }
                    let mut row = match submission.repeated(tx.connection()).await? {
                        Some(row) => row,
                        None => stored(tx, log.tails(), submission, &payload, limit, now).await?,
                    };
                    waits::add(tx.connection(), from_mut(&mut row)).await?;
                    Ok::<_, QueueError>(row)
                })
            })
            .await?;
        tracing::info!(job = %row.job.id, "submitted");
        self.signals.queued.notify_waiters();
        self.signals.changed.send_replace(());
        Ok(row.to_job(&self.maskers))
    }

    /// Returns a job with its secrets masked and, if it is queued, its position in the queue.
    pub async fn job(&self, job: JobId) -> Result<Job, QueueError> {
        let mut connection = self.db.reader().await?;
        let mut row = store::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        waits::add_with_position(&mut connection, &mut row).await?;
        Ok(row.to_job(&self.maskers))
    }

    /// Returns a page of jobs, newest first.
    pub async fn jobs(&self, filter: JobsFilter) -> Result<JobsPage, QueueError> {
        let mut connection = self.db.reader().await?;
        let mut rows = store::list(&mut connection, &filter).await?;
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        waits::add(&mut connection, &mut rows).await?;
        let item =
            |row: &JobRow| if filter.summary { row.to_summary(&self.maskers) } else { row.to_job(&self.maskers) };
        let items = rows.iter().map(item).collect();
        let counts = if filter.counts { Some(store::counts(&mut connection, &filter).await?) } else { None };
        Ok(JobsPage { items, offset: filter.offset, limit: filter.limit, has_more, counts })
    }

    /// Returns the latest successful jobs that have the same type, title and commands as `job` and were submitted
    /// before it, newest first.
    pub async fn earlier_successes(&self, job: JobId, limit: i64) -> Result<Vec<JobId>, QueueError> {
        let mut connection = self.db.reader().await?;
        store::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        Ok(store::earlier_successes(&mut connection, job, limit).await?)
    }

    /// Returns a receiver that is notified when any job's state has changed. Create the receiver before reading, so
    /// that no change is missed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.signals.changed.subscribe()
    }

    /// Returns the number of the latest change to any job's state.
    pub async fn last_change(&self) -> Result<i64, QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::last_change(&mut connection).await?)
    }

    /// Returns summaries of the jobs that have changed after change number `change`. Each job is paired with the number
    /// of its latest change, and the jobs are sorted by that number.
    pub async fn changed_after(&self, change: i64, limit: i64) -> Result<Vec<(i64, Job)>, QueueError> {
        let mut connection = self.db.reader().await?;
        let mut rows = store::changed_after(&mut connection, change, limit).await?;
        waits::add(&mut connection, &mut rows).await?;
        Ok(rows.iter().map(|row| (row.change, row.to_summary(&self.maskers))).collect())
    }

    /// Requests a job's cancellation. A queued job finishes immediately, and a running job finishes when its worker has
    /// stopped it. A repeated request changes nothing.
    pub async fn cancel(&self, job: JobId, by: &str, reason: Option<String>) -> Result<Job, QueueError> {
        if let Some(reason) = &reason {
            panic_on(reason);
            check_reason(reason)?;
        }
        let (log, maskers, by, now) = (self.log.clone(), self.maskers.clone(), by.to_owned(), clock::now());
        let row = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let row = store::job(tx.connection(), job).await?.ok_or(QueueError::NoSuchJob(job))?;
                    if row.job.cancel_requested_at.is_some() {
                        return Ok(row);
                    }
                    if row.job.status.is_terminal() {
                        return Err(QueueError::StateConflict { status: row.job.status, wanted: "cancelled" });
                    }
                    let reason = reason.map(|reason| row.mask(&maskers, &reason));
                    store::request_cancel(tx.connection(), job, &by, reason.as_ref(), now).await?;
                    let details = JobDetails { reason, ..JobDetails::default() };
                    let event = NewEvent::job(JobEventStatus::CancelRequested, row.job.attempt, details);
                    append_by_server(tx, log.tails(), job, vec![event], now).await?;
                    if row.job.status == JobStatus::Queued {
                        ending::cancel_queued(tx, log.tails(), &row, now).await?;
                    }
                    store::job(tx.connection(), job).await?.ok_or(QueueError::NoSuchJob(job))
                })
            })
            .await?;
        self.signals.cancelled.notify_waiters();
        self.signals.changed.send_replace(());
        Ok(row.to_job(&self.maskers))
    }

    /// Returns the redactors, which also mask texts that do not belong to a job.
    #[must_use]
    pub const fn maskers(&self) -> &Maskers {
        &self.maskers
    }

    /// Returns the number of jobs of each status.
    pub async fn counts(&self) -> Result<JobCounts, QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::counts(&mut connection, &JobsFilter::default()).await?)
    }

    /// Returns how many jobs are queued and how many are running.
    pub async fn depths(&self) -> Result<(i64, i64), QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::depths(&mut connection).await?)
    }
}

/// Stores a new job with its encrypted `payload`, and appends the event that reports the job. Returns an error if
/// `limit` jobs are already queued.
async fn stored(
    tx: &mut Tx,
    tails: &Tails,
    submission: Submission,
    payload: &str,
    limit: i64,
    now: Timestamp,
) -> Result<JobRow, QueueError> {
    secrets::check_exist(tx.connection(), &submission.secrets).await?;
    if !store::insert(tx.connection(), &submission, payload, limit, now).await? {
        return Err(QueueError::Full(limit));
    }
    let mut events = vec![NewEvent::job(JobEventStatus::Queued, 0, JobDetails::default())];
    events.extend(submission.weak_values.clone().map(|warning| NewEvent::warning(0, warning)));
    append_by_server(tx, tails, submission.id, events, now).await?;
    store::job(tx.connection(), submission.id).await?.ok_or(QueueError::NoSuchJob(submission.id))
}

#[cfg(test)]
mod tests;
