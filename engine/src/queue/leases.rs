//! Leases. A lease records which worker runs a job, from the claim until the attempt ends.

pub(super) mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use model::{AttemptStatus, JobEventStatus, JobId, JobInput, JobStatus, Seq};
use redact::{Redacted, Redactor};

use super::{Finish, JobPayload, Maskers, NewArtifact, Queue, QueueError, SharedValues, ending, files, secrets};
use crate::clock;
use crate::event_log::{AppendError, Batch, JobDetails, Lease, NewEvent, append_by_server, append_under_lease};
use crate::fail_point::FailPoint;

/// The duration of a lease. The worker has to renew the lease before it expires.
pub const LEASE: Duration = Duration::from_mins(2);

/// The type of the jobs that the embedded worker runs.
const COMMAND: &str = "command";

/// A claimed job: everything that a worker needs to run it, including real secret values.
#[derive(Clone)]
pub struct Claimed {
    /// The lease on the job.
    pub lease: Lease,
    /// The job's payload.
    pub payload: JobPayload,
    /// The redactor that masks the secrets of the job and of the server in the job's output.
    pub redactor: Redactor,
    /// Reports changes of the values that are masked in every job.
    pub shared_values: SharedValues,
    /// The name of the worker that holds the lease.
    pub worker: Redacted,
    /// The number of bytes of output that the job's earlier attempts have sent as events.
    pub sent_before: u64,
    /// The job's input files, if it has any.
    pub input: Option<JobInput>,
    /// The values of the secrets that the job receives, by their names. Secrets that no longer exist are missing.
    pub secrets: BTreeMap<String, String>,
}

/// Shows only the lease, because the other fields contain secrets.
impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// A claimed job as it is stored in the database.
#[derive(Debug)]
pub(super) struct ClaimedRow {
    lease: Lease,
    payload: String,
    worker: Redacted,
    sent_before: u64,
    input: Option<JobInput>,
    /// The names and the encrypted values of the job's secrets.
    secrets: Vec<(String, String)>,
}

impl ClaimedRow {
    /// Decrypts and parses the payload, and creates the redactor for the output.
    fn open(self, maskers: &Maskers) -> Claimed {
        let Self { lease, payload, worker, sent_before, input, secrets } = self;
        let payload = maskers.open_payload(lease.job, COMMAND, &payload);
        // Changes are observed before the redactor is created, so that none is missed.
        let shared_values = maskers.shared_values();
        let redactor = maskers.of(lease.job, || payload.clone());
        let secrets = secrets::open_all(maskers.key(), secrets);
        Claimed { lease, payload, redactor, shared_values, worker, sent_before, input, secrets }
    }
}

/// A job that was still running when its worker's process died.
#[derive(Clone, Debug)]
pub struct Abandoned<C = Claimed> {
    /// The job, with the lease under which it was running.
    pub claimed: C,
    /// The offset in `output.log` up to which the output is stored as events or suppressed.
    pub shipped: u64,
    /// The number of suppressed bytes before the offset `shipped`.
    pub suppressed: u64,
    /// The number of the last stored batch.
    pub last_batch: i64,
}

/// The progress of a running attempt's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// The job.
    pub job: JobId,
    /// The number of the attempt.
    pub attempt: i32,
    /// The number of bytes of the attempt's output that are stored as events or suppressed.
    pub bytes: i64,
}

/// The response to a worker's heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The lease is renewed.
    Renewed,
    /// The lease is renewed, but the job's cancellation was requested, so the worker has to stop the job.
    CancelRequested,
}

impl Queue {
    /// Appends a batch and records the artifacts that its events report, in one transaction. Like any append under a
    /// lease, the call may be repeated, and then stores nothing.
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
                        files::store::keep_artifact(tx.connection(), lease, file, now).await?;
                    }
                    Ok(last)
                })
            })
            .await
    }

    /// Claims the next job that `worker` can run. Returns `None` if there is no such job.
    pub async fn claim(&self, worker: &Redacted) -> Result<Option<Claimed>, QueueError> {
        let (log, worker, now) = (self.log.clone(), worker.clone(), clock::now());
        let claimed: Result<Option<ClaimedRow>, QueueError> = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let claimed = store::claim(tx.connection(), COMMAND, &worker, now.after(LEASE), now).await?;
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
        let claimed = claimed?;
        if claimed.is_some() {
            self.signals.changed.send_replace(());
        }
        // The redactor is created outside the transaction, because creating one with many values takes a while.
        Ok(claimed.map(|row| row.open(&self.maskers)))
    }

    /// Renews a lease.
    pub async fn heartbeat(&self, lease: Lease) -> Result<Heartbeat, QueueError> {
        let now = clock::now();
        self.db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let renewed = store::renew(tx.connection(), lease, now.after(LEASE), now).await?;
                    renewed.ok_or(QueueError::LeaseLost(lease.job))
                })
            })
            .await
    }

    /// Ends a lease. The job then finishes or waits for its next attempt. A repeated call returns the same result.
    pub async fn finish(&self, finish: Finish) -> Result<JobStatus, QueueError> {
        let (log, now, job) = (self.log.clone(), clock::now(), finish.lease.job);
        let status = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { ending::finish(tx, log.tails(), finish, now).await }))
            .await?;
        FailPoint::Finished.reached();
        self.log.tails().worker_left(job);
        self.signals.attempt_ended.notify_waiters();
        self.signals.changed.send_replace(());
        if status == JobStatus::Queued {
            self.signals.queued.notify_waiters();
        }
        Ok(status)
    }

    /// Returns the running jobs of earlier workers of the same data directory. The names of these workers begin with
    /// `family`. The jobs of the worker named `worker` are not included.
    pub async fn abandoned(&self, family: &str, worker: &Redacted) -> Result<Vec<Abandoned>, QueueError> {
        let mut connection = self.db.reader().await?;
        let rows = store::abandoned(&mut connection, family, worker).await?;
        let open = |row: Abandoned<ClaimedRow>| {
            let Abandoned { claimed, shipped, suppressed, last_batch } = row;
            Abandoned { claimed: claimed.open(&self.maskers), shipped, suppressed, last_batch }
        };
        Ok(rows.into_iter().map(open).collect())
    }

    /// Returns how much of each running attempt's output has been stored as events or suppressed.
    pub async fn shipping(&self) -> Result<Vec<Shipping>, QueueError> {
        let mut connection = self.db.reader().await?;
        Ok(store::shipping(&mut connection).await?)
    }

    /// Returns the time in milliseconds until a job that is waiting for its next attempt can be claimed, or `None` if
    /// there is no such job.
    pub async fn next_attempt_in(&self) -> Result<Option<u64>, QueueError> {
        let mut connection = self.db.reader().await?;
        let at = store::next_attempt_at(&mut connection).await?;
        Ok(at.map(|at| u64::try_from(at.millis_since(clock::now())).unwrap_or(0) + 1))
    }

    /// Returns a future that completes when a job has been queued. Create the future before trying to claim a job, so
    /// that no job is missed.
    pub fn queued(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.queued.notified()
    }

    /// Returns a future that completes when the cancellation of any job has been requested.
    pub fn cancelled(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.cancelled.notified()
    }
}
