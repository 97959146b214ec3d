//! Leases. A lease records which worker runs a job, from the claim until the attempt ends.

pub(super) mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use model::{AttemptStatus, JobEventStatus, JobId, JobInput, JobStatus, Seq, Timestamp, TokenId, WorkerStatus};
use redact::{Redacted, Redactor};

use super::admission::{self, Admission};
use super::ending::EndedLease;
use super::{Finish, JobPayload, Maskers, NewArtifact, Queue, QueueError, SharedValues};
use super::{ending, files, next_job, secrets};
use crate::clock;
use crate::db::Tx;
use crate::event_log::{AppendError, Batch, JobDetails, Lease, NewEvent, Tails, append_by_server, append_under_lease};
use crate::fail_point::FailPoint;

/// The duration of a lease. The worker has to renew the lease before it expires.
pub const LEASE: Duration = Duration::from_mins(2);

/// The maximum time to wait for a notification. If a notification is lost, a job is delayed by at most this time.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The type of the jobs that the embedded worker runs.
pub(super) const COMMAND: &str = "command";

/// A worker's request for a job.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The worker's name.
    pub worker: Redacted,
    /// The types of the jobs that the worker runs. If empty, it runs jobs of any type.
    pub kinds: Vec<String>,
    /// The worker's capabilities. The worker receives only jobs that require no other capabilities.
    pub capabilities: Vec<String>,
    /// The duration of the lease.
    pub lease: Duration,
    /// The API token with which a worker on another machine claims jobs, or `None` for the embedded worker.
    pub token: Option<TokenId>,
    /// The identifier that the worker has chosen for this claim, if any.
    pub claim_id: Option<String>,
    /// Whether the request is only for the job of an earlier claim with the same identifier, and never for a new job.
    pub only_resumes: bool,
    /// The version of the worker's program, if the worker has sent it.
    pub version: Option<Redacted>,
    /// The name of the worker's machine, if the worker has sent it.
    pub hostname: Option<Redacted>,
    /// The time for which a job is reserved for the worker that last ran a job with the same affinity key.
    pub affinity_wait: Duration,
}

impl ClaimRequest {
    /// Returns the request of the embedded worker with the name `worker`.
    #[must_use]
    pub fn embedded(worker: Redacted) -> Self {
        Self {
            worker,
            kinds: vec![COMMAND.to_owned()],
            capabilities: Vec::new(),
            lease: LEASE,
            token: None,
            claim_id: None,
            only_resumes: false,
            version: None,
            hostname: None,
            affinity_wait: Duration::ZERO,
        }
    }
}

/// A claimed job: everything that a worker needs to run it, including real secret values.
#[derive(Clone)]
pub struct Claimed {
    /// The lease on the job.
    pub lease: Lease,
    /// The job's payload.
    pub payload: JobPayload,
    /// The redactor that masks the secrets of the job and of the server in the job's output.
    pub redactor: Redactor,
    /// Reports changes to the values that are masked in every job.
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
    pub(super) lease: Lease,
    payload: String,
    worker: Redacted,
    sent_before: u64,
    input: Option<JobInput>,
    /// The names and the encrypted values of the job's secrets.
    pub(super) secrets: Vec<(String, String)>,
}

impl ClaimedRow {
    /// Decrypts and parses the payload, and creates the redactor for the output.
    fn open(self, maskers: &Maskers) -> Claimed {
        let Self { lease, payload, worker, sent_before, input, secrets } = self;
        let payload = maskers.open_payload(lease.job, COMMAND, &payload);
        // Subscribe to changes before creating the redactor, so that no change is missed.
        let shared_values = maskers.shared_values();
        let redactor = maskers.of(lease.job, || payload.clone());
        let secrets = secrets::open_all(maskers.key(), secrets);
        Claimed { lease, payload, redactor, shared_values, worker, sent_before, input, secrets }
    }
}

/// A job that was still running when the process of its worker died.
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

/// The result of a worker's request for a job.
#[derive(Debug)]
pub(super) struct BegunClaim {
    /// The claimed job, or `None` if there is none for this worker.
    pub(super) claimed: Option<ClaimedRow>,
    /// The worker's status if it receives no job because it is drained or because of a pause, or `None` otherwise.
    pub(super) held: Option<WorkerStatus>,
}

/// Claims the next job for a worker, and appends the events that report the claim.
pub(super) async fn begin(
    tx: &mut Tx,
    tails: &Tails,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<BegunClaim, QueueError> {
    let scope = match admission::admit(tx.connection(), request, now).await? {
        Admission::Admitted(scope) => scope,
        Admission::Held(status) => return Ok(BegunClaim { claimed: None, held: Some(status) }),
        Admission::Refused => return Ok(BegunClaim { claimed: None, held: None }),
    };
    let claimed = store::claim(tx.connection(), request, &scope, now).await?;
    if let Some(claimed) = &claimed {
        let attempt = claimed.lease.attempt;
        let details = JobDetails { worker: Some(request.worker.clone()), ..JobDetails::default() };
        let events = vec![
            NewEvent::job(JobEventStatus::Claimed, attempt, details),
            NewEvent::attempt(attempt, &request.worker, AttemptStatus::Started, None),
        ];
        append_by_server(tx, tails, claimed.lease.job, events, now).await?;
    }
    Ok(BegunClaim { claimed, held: None })
}

impl Queue {
    /// Appends a batch and records the artifacts that its events report, in one transaction. Like any append under a
    /// lease, the call may be repeated. A repeated call stores nothing.
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

    /// Claims the next job that the embedded worker named `worker` can run. Returns `None` if there is no such job.
    pub async fn claim(&self, worker: &Redacted) -> Result<Option<Claimed>, QueueError> {
        let request = ClaimRequest {
            capabilities: self.capabilities.clone(),
            affinity_wait: self.affinity_wait,
            ..ClaimRequest::embedded(worker.clone())
        };
        let (log, now) = (self.log.clone(), clock::now());
        let BegunClaim { claimed, .. } = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { begin(tx, log.tails(), &request, now).await }))
            .await?;
        if claimed.is_some() {
            self.signals.changed.send_replace(());
        }
        // The redactor is created outside the transaction, because creating a redactor with many values takes a while.
        Ok(claimed.map(|row| row.open(&self.maskers)))
    }

    /// Waits until a job may have become claimable, but not longer than `limit`. `since` is the time at which the last
    /// attempt to claim a job began. `queued` must have been created with [`Queue::queued`] before that attempt.
    pub async fn claimable(
        &self,
        queued: impl Future<Output = ()>,
        since: Timestamp,
        limit: Duration,
    ) -> Result<(), QueueError> {
        let limit = limit.min(LOOK_AGAIN);
        let passing = self.claimable_in(since).await?.map_or(limit, Duration::from_millis);
        tokio::select! {
            () = queued => {}
            () = tokio::time::sleep(passing.min(limit)) => {}
        }
        Ok(())
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
        let ended = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(
                    async move { ending::finish(tx, log.tails(), finish, ending::EndDetails::default(), now).await },
                )
            })
            .await?;
        FailPoint::Finished.reached();
        self.attempt_has_ended(job, ended);
        Ok(ended.status)
    }

    /// Notifies all waiters after a lease on a job has ended.
    pub(super) fn attempt_has_ended(&self, job: JobId, ended: EndedLease) {
        self.log.tails().worker_left(job);
        self.signals.attempt_ended.notify_waiters();
        self.signals.changed.send_replace(());
        if ended.status == JobStatus::Queued || ended.has_concurrency_key {
            self.signals.queued.notify_waiters();
        }
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

    /// Returns the time, in milliseconds, until the next job becomes claimable only because time passes: because its
    /// next attempt is due, or because it is no longer reserved for the worker that it prefers. Returns `None` if there
    /// is no such job. Jobs that could already be claimed at `since` are ignored: no worker has claimed them since
    /// then, so the waiting workers may be unable to run them.
    pub(super) async fn claimable_in(&self, since: Timestamp) -> Result<Option<u64>, QueueError> {
        let mut connection = self.db.reader().await?;
        let at = next_job::store::claimable_at(&mut connection, since, self.affinity_wait).await?;
        Ok(at.map(|at| u64::try_from(at.millis_since(clock::now())).unwrap_or(0) + 1))
    }

    /// Returns a future that completes when a job may have become claimable, for example because the job has been
    /// queued, or because another job with its concurrency key has ended. Create the future before trying to claim a
    /// job, so that no job is missed.
    pub fn queued(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.queued.notified()
    }

    /// Returns a future that completes when the cancellation of any job has been requested.
    pub fn cancelled(&self) -> tokio::sync::futures::Notified<'_> {
        self.signals.cancelled.notified()
    }
}
