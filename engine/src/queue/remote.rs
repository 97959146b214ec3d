//! The requests of workers on other machines: they claim jobs, renew their leases, report events and artifacts, and end
//! their leases.
//!
//! A worker holds a job if it has claimed the job with the same API token and under the same name. If the worker also
//! sends its lease epoch, this must be the epoch of the current lease. Every request is checked in the transaction that
//! carries out the request: first the job's state, and then its holder ([`holding`]). The same code begins and ends
//! these leases and those of the embedded worker ([`super::leases`], [`super::ending`]).
//!
//! Text from these workers passes through the redactor of the job before it is stored.

mod events;
mod holder;
mod masking;
mod open_claims;
mod output;
mod report;
pub(super) mod store;
mod uploads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{
    ClaimBody, ClaimNotice, ClaimReply, ClaimedJob, Job, JobId, JobStatus, RawJson, Timestamp, TokenId, WorkerStatus,
};
use tokio_util::sync::CancellationToken;

use super::job_row::JobRow;
use super::leases::{self, BegunClaim, ClaimRequest};
use super::maskers::check_no_secret;
use super::payload::{InvalidPayload, check_capabilities, invalid};
use super::submission::check_key;
use super::{Queue, QueueError, secrets, store as jobs, workers};
use crate::clock;
use crate::db::Connection;
use crate::event_log::Lease;
pub use events::{Appended, ReportedEvents};
pub use holder::RemoteWorker;
use holder::holding;
use open_claims::OpenClaim;
pub(super) use open_claims::OpenClaims;
pub(super) use output::OutputCopies;
pub use report::{Report, ReportedOutcome};
pub use uploads::{Recorded, Upload, UploadLimits};

/// The longest duration of a lease, in seconds: one day. It limits how long a job whose worker has died waits for its
/// next attempt.
const MAX_LEASE: i64 = 24 * 3600;
/// The maximum time for which a claim may wait, in seconds. It is short because proxies close idle connections, often
/// after a minute.
const MAX_WAIT: i64 = 30;
/// The maximum number of types that a worker can list.
const MAX_TYPES: usize = 100;

/// Checks the duration of a lease.
pub fn lease_duration(seconds: i64) -> Result<Duration, InvalidPayload> {
    seconds_in("leaseSeconds", 1..=MAX_LEASE, seconds)
}

fn seconds_in(field: &str, range: std::ops::RangeInclusive<i64>, seconds: i64) -> Result<Duration, InvalidPayload> {
    match u64::try_from(seconds) {
        Ok(duration) if range.contains(&seconds) => Ok(Duration::from_secs(duration)),
        _ => Err(invalid(field, format!("must be {} to {}, not {seconds}", range.start(), range.end()))),
    }
}

/// A worker's request for a job, and the time that the request may wait for a job.
#[derive(Clone, Debug)]
pub struct RemoteClaim {
    request: ClaimRequest,
    /// Whether the worker has been restarted and asks which job it still holds.
    is_resume: bool,
    /// The time for which the request waits.
    pub wait: Duration,
}

impl RemoteClaim {
    /// Returns the request for a job.
    pub(super) const fn request(&self) -> &ClaimRequest {
        &self.request
    }
}

impl RemoteClaim {
    /// Returns the same request, limited to a job that the worker already holds.
    #[must_use]
    pub fn of_held_job(mut self) -> Self {
        self.request.only_resumes = true;
        self.wait = Duration::ZERO;
        self
    }
}

impl Queue {
    /// Checks a worker's request for a job.
    pub fn check_claim(&self, body: ClaimBody, token: TokenId) -> Result<RemoteClaim, InvalidPayload> {
        let worker = RemoteWorker { name: body.worker_id, token, epoch: None };
        let (kinds, mut capabilities) =
            (body.allowed_types.unwrap_or_default(), body.worker_capabilities.unwrap_or_default());
        // A job's capabilities and type contain no secret, so such names match no job. They must not be stored in the
        // list of workers.
        capabilities.retain(|name| !self.maskers.reveals_secret(name));
        let masked = |kind: &String| self.maskers.mask_name(kind).to_text().into_owned();
        if kinds.len() > MAX_TYPES {
            return Err(invalid("allowedTypes", format!("must have at most {MAX_TYPES} entries, not {}", kinds.len())));
        }
        match &body.claim_id {
            Some(id) => {
                check_key("claimId", id)?;
                check_no_secret("claimId", id, &self.maskers.shared())?;
            }
            None if body.resume == Some(true) => return Err(invalid("claimId", "is required with resume")),
            None => {}
        }
        let described = |field: &str, text: Option<String>| {
            text.map(|text| check_key(field, &text).map(|()| self.maskers.shared().redact(text.as_bytes()))).transpose()
        };
        let request = ClaimRequest {
            worker: worker.checked(&self.maskers)?.name,
            kinds: kinds.iter().map(masked).collect(),
            capabilities: check_capabilities("workerCapabilities", &capabilities)?,
            lease: lease_duration(body.lease_seconds)?,
            token: Some(token),
            claim_id: body.claim_id,
            only_resumes: body.resume.unwrap_or(false),
            version: described("version", body.version)?,
            hostname: described("hostname", body.hostname)?,
            affinity_wait: self.affinity_wait,
        };
        let wait = seconds_in("waitSeconds", 0..=MAX_WAIT, body.wait_seconds.unwrap_or(0))?;
        Ok(RemoteClaim { request, is_resume: body.resume == Some(true), wait })
    }

    /// Claims the next job for a worker on another machine. If no job is available, waits for one until the claim's
    /// waiting time has passed or `stop` is cancelled.
    pub async fn claim_remotely(
        &self,
        claim: &RemoteClaim,
        stop: &CancellationToken,
    ) -> Result<ClaimReply, QueueError> {
        let began = Instant::now();
        let open = if claim.is_resume { None } else { self.open_claims.begin(&claim.request).map(Arc::new) };
        loop {
            // Register for notifications before claiming, so that a job that is queued in between is not missed.
            let queued = self.queued();
            tokio::pin!(queued);
            queued.as_mut().enable();
            let since = clock::now();
            let (job, held) = self.claim_now(claim, open.clone(), since).await?;
            let left = claim.wait.saturating_sub(began.elapsed());
            let is_closed = open.as_ref().is_some_and(|open| open.is_closed());
            if job.is_some() || left.is_zero() || is_closed || stop.is_cancelled() {
                return Ok(ClaimReply { job, worker: held.map(|status| ClaimNotice { status }) });
            }
            tokio::select! {
                waited = self.claimable(queued, since, left) => waited?,
                () = stop.cancelled() => {}
            }
        }
    }

    /// Claims the next job, if there is one. If the worker receives no job because it is drained or because of a pause,
    /// returns the worker's status instead. `open` is the claim's entry among the open claims, or `None` if the worker
    /// resumes an earlier claim.
    async fn claim_now(
        &self,
        claim: &RemoteClaim,
        open: Option<Arc<OpenClaim>>,
        now: Timestamp,
    ) -> Result<(Option<ClaimedJob>, Option<WorkerStatus>), QueueError> {
        let (log, request, is_resume) = (self.log.clone(), claim.request.clone(), claim.is_resume);
        let claims = self.open_claims.clone();
        let claimed: Result<_, QueueError> = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let earlier = earlier_claim(tx.connection(), &request).await?;
                    if is_resume {
                        claims.resume(&request);
                    }
                    let job = match earlier {
                        EarlierClaim::None if is_resume => {
                            claims.close(&request);
                            return Ok((None, None));
                        }
                        EarlierClaim::None if request.only_resumes => return Ok((None, None)),
                        EarlierClaim::None if open.is_some_and(|open| open.is_closed()) => return Ok((None, None)),
                        EarlierClaim::None => match leases::begin(tx, log.tails(), &request, now).await? {
                            BegunClaim { claimed: Some(claimed), .. } => claimed.lease.job,
                            BegunClaim { claimed: None, held } => return Ok((None, held)),
                        },
                        EarlierClaim::Held(job) => job,
                        EarlierClaim::Ended => return Ok((None, None)),
                    };
                    let row = jobs::job(tx.connection(), job).await?.ok_or(QueueError::NoSuchJob(job))?;
                    let secrets = store::secrets_of(tx.connection(), job).await?;
                    let progress = store::progress(tx.connection(), job, row.job.attempt).await?;
                    Ok((Some((row, secrets, progress)), None))
                })
            })
            .await;
        let (claimed, held) = claimed?;
        let Some((row, secrets, progress)) = claimed else { return Ok((None, held)) };
        self.signals.changed.send_replace(());
        let payload = RawJson::from_text(row.payload(&self.maskers).to_text()).expect("a stored payload is JSON");
        let job = Job { payload: Some(payload), ..row.to_summary(&self.maskers) };
        Ok((Some(ClaimedJob { job, secrets: secrets::open_all(self.maskers.key(), secrets), progress }), None))
    }

    /// Renews the lease of a worker on another machine.
    pub async fn renew(&self, job: JobId, worker: RemoteWorker, lease: Duration) -> Result<Job, QueueError> {
        let (holder, now) = (worker.checked(&self.maskers)?, clock::now());
        let row: Result<JobRow, QueueError> = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let held = holding(tx.connection(), job, &holder).await?.lease()?;
                    leases::store::renew(tx.connection(), held, now.after(lease), now).await?;
                    store::heard(tx.connection(), held, now).await?;
                    workers::renewed(tx.connection(), holder.token, &holder.name.to_text(), now).await?;
                    jobs::job(tx.connection(), job).await?.ok_or(QueueError::NoSuchJob(job))
                })
            })
            .await;
        Ok(row?.to_job(&self.maskers))
    }

    /// Returns a job as it is stored. The caller creates the job's redactor outside of transactions, because creating a
    /// redactor with many values takes a while.
    async fn stored_job(&self, job: JobId) -> Result<JobRow, QueueError> {
        let mut connection = self.db.reader().await?;
        jobs::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))
    }

    /// Returns the lease under which a job was claimed with an API token. Call this before receiving a large request,
    /// and check the holder again after the request has been received.
    pub async fn lease_of_token(&self, job: JobId, token: TokenId) -> Result<Lease, QueueError> {
        let mut connection = self.db.reader().await?;
        let row = jobs::job(&mut connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
        if row.job.status != JobStatus::Running {
            return Err(QueueError::NotRunning { status: row.job.status });
        }
        let attempt = store::attempt(&mut connection, job, row.job.attempt).await?;
        let attempt = attempt.filter(|attempt| attempt.token == Some(token)).ok_or(QueueError::NotHolder(job))?;
        Ok(Lease { job, attempt: row.job.attempt, epoch: attempt.epoch })
    }
}

/// The result of an earlier claim with the same identifier.
enum EarlierClaim {
    /// There was no such claim.
    None,
    /// The worker still holds the job that it received for this claim.
    Held(JobId),
    /// The lease of the claim has ended. The claim does not receive another job, because the request may be a delayed
    /// copy whose response no worker expects any more.
    Ended,
}

async fn earlier_claim(connection: &mut Connection, request: &ClaimRequest) -> Result<EarlierClaim, QueueError> {
    let (Some(token), Some(id)) = (request.token, &request.claim_id) else { return Ok(EarlierClaim::None) };
    let Some((job, epoch)) = store::claimed(connection, token, id).await? else { return Ok(EarlierClaim::None) };
    let row = jobs::job(connection, job).await?.ok_or(QueueError::NoSuchJob(job))?;
    let is_held = row.job.status == JobStatus::Running && row.job.lease_epoch == epoch;
    Ok(if is_held { EarlierClaim::Held(job) } else { EarlierClaim::Ended })
}
