//! The worker's connection to its server: each call is a request of the worker protocol.
//!
//! A request that fails because the server cannot be reached, or because it is overloaded, can be repeated. A claim is
//! repeated with the same identifier, a batch with the same number, and output at the same offset, so that nothing is
//! done twice.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::event_log::{Batch, Lease, NewEvent, OutputCursor, StoredOutputPage};
use engine::queue::{Abandoned, Claimed, Ending, Finish, Heartbeat, NewArtifact, ReceivedJobs};
use engine::spool::Spools;
use engine::worker::WorkerConfig;
use engine::worker::link::{Files, Link, LinkError};
use model::{
    AppendBody, CancelAckBody, ClaimBody, CompleteBody, FailBody, HeartbeatBody, Job, JobId, OutputBody, Payload,
    ReportedTotals, StoredBytes,
};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::claims::Claims;
use super::files::HttpFiles;
use crate::cli::client::ApiClient;
use crate::cli::error::CliError;

/// The time for which a claim waits for a job, in seconds. It must be shorter than 30 s, the client's timeout for a
/// response.
const WAIT: i64 = 20;

/// A worker's description of itself, which is part of its requests.
#[derive(Clone, Debug)]
pub(super) struct WorkerProfile {
    pub(super) name: String,
    /// The name of the machine, or `None` if the machine has none.
    pub(super) hostname: Option<String>,
    pub(super) types: Vec<String>,
    pub(super) capabilities: Vec<String>,
    pub(super) lease: Duration,
}

/// A worker's connection to its server over HTTP. It is cheap to clone.
#[derive(Clone)]
pub(super) struct HttpLink(Arc<LinkState>);

struct LinkState {
    client: ApiClient,
    profile: WorkerProfile,
    jobs: ReceivedJobs,
    claims: Claims,
    spools: Spools,
    worker_dir: PathBuf,
    /// The identifier of the claim that the server has not answered yet, or `None` if there is no such claim. The next
    /// request repeats this claim.
    unanswered: Mutex<Option<String>>,
    /// Jobs that an earlier process of this worker has claimed, but not started.
    resumed: Mutex<Vec<Claimed>>,
    /// The error with which the server has refused this worker, or `None` if it was not refused.
    refusal: Mutex<Option<CliError>>,
    /// Cancelled to drain the worker, which then finishes its jobs and claims no further ones. This link cancels the
    /// token if the server refuses the worker.
    drain: CancellationToken,
}

impl fmt::Debug for HttpLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLink").field("profile", &self.0.profile).finish_non_exhaustive()
    }
}

impl HttpLink {
    pub(super) fn new(
        client: ApiClient,
        profile: WorkerProfile,
        jobs: ReceivedJobs,
        claims: Claims,
        config: &WorkerConfig,
        drain: CancellationToken,
    ) -> Self {
        Self(Arc::new(LinkState {
            client,
            profile,
            jobs,
            claims,
            spools: config.spools.clone(),
            worker_dir: config.data_dir.clone(),
            unanswered: Mutex::default(),
            resumed: Mutex::default(),
            refusal: Mutex::default(),
            drain,
        }))
    }

    /// Removes and returns the error with which the server has refused this worker, or `None` if it was not refused.
    pub(super) fn refusal(&self) -> Option<CliError> {
        locked(&self.0.refusal).take()
    }

    pub(super) fn client(&self) -> &ApiClient {
        &self.0.client
    }

    pub(super) fn name(&self) -> &str {
        &self.0.profile.name
    }

    pub(super) fn worker_dir(&self) -> &Path {
        &self.0.worker_dir
    }

    fn lease_seconds(&self) -> i64 {
        i64::try_from(self.0.profile.lease.as_secs()).unwrap_or(i64::MAX)
    }

    /// Sends a claim. If `resume` is true, the server does not assign a new job. It only returns the job that it has
    /// assigned to an earlier claim with the same identifier. If there is no job, this function returns `None`.
    async fn send_claim(&self, id: &str, resume: bool) -> Result<Option<Abandoned>, LinkError> {
        let WorkerProfile { name, hostname, types, capabilities, .. } = &self.0.profile;
        let body = ClaimBody {
            worker_id: name.clone(),
            lease_seconds: self.lease_seconds(),
            allowed_types: Some(types.clone()),
            worker_capabilities: Some(capabilities.clone()),
            wait_seconds: Some(if resume { 0 } else { WAIT }),
            claim_id: Some(id.to_owned()),
            resume: Some(resume),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            hostname: hostname.clone(),
        };
        let reply = self.0.client.post("/jobs/claim", &body).await.map_err(|error| self.claim_error(error))?;
        let not_tailwater = |error: serde_json::Error| self.0.client.not_tailwater(error.to_string());
        let received = self.0.jobs.read(&reply).map_err(not_tailwater).map_err(|error| self.claim_error(error))?;
        if let Some(received) = &received {
            self.0.claims.assigned(id, received.claimed.lease).map_err(retry)?;
        }
        Ok(received)
    }

    /// Converts the error of a claim. If the server has refused the worker, the worker exits, because a retry would
    /// fail too.
    fn claim_error(&self, error: CliError) -> LinkError {
        if error.is_transient() {
            return LinkError::Retry(error.to_string());
        }
        let message = error.to_string();
        *locked(&self.0.refusal) = Some(error);
        self.0.drain.cancel();
        LinkError::Fatal(message)
    }

    async fn post(&self, job: JobId, route: &str, body: &impl Serialize) -> Result<String, LinkError> {
        let reply = self.0.client.post(&format!("/jobs/{job}/{route}"), body).await;
        reply.map_err(|error| link_error(job, &error))
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, job: JobId, reply: &str) -> Result<T, LinkError> {
        self.0.client.parse(reply).map_err(|error| link_error(job, &error))
    }
}

impl Link for HttpLink {
    const SENDS_SUPPRESSED_OUTPUT: bool = true;

    async fn claim(&self, stop: &CancellationToken) -> Result<Option<Claimed>, LinkError> {
        if let Some(claimed) = locked(&self.0.resumed).pop() {
            return Ok(Some(claimed));
        }
        let unanswered = locked(&self.0.unanswered).take();
        let id = unanswered.map_or_else(|| self.0.claims.begin(), Ok).map_err(retry)?;
        *locked(&self.0.unanswered) = Some(id.clone());
        let received = tokio::select! {
            received = self.send_claim(&id, false) => received?,
            // The server may just have assigned a job to the interrupted claim. Resuming the claim returns that job.
            () = stop.cancelled() => self.send_claim(&id, true).await?,
        };
        *locked(&self.0.unanswered) = None;
        let Some(received) = received else {
            self.0.claims.remove(&id).map_err(retry)?;
            return Ok(None);
        };
        Ok(Some(received.claimed))
    }

    async fn abandoned(&self) -> Result<Vec<Abandoned>, LinkError> {
        let mut abandoned = Vec::new();
        for earlier in self.0.claims.earlier().map_err(retry)? {
            match self.send_claim(&earlier.id, true).await? {
                None => {
                    // The server has ended the lease, so this worker can no longer change the job.
                    if let Some((job, attempt)) = earlier.assigned {
                        self.0.spools.remove(job, attempt).map_err(retry)?;
                        tracing::info!(%job, attempt, "the lease of a job ended while this worker was not running");
                    }
                    self.0.claims.remove(&earlier.id).map_err(retry)?;
                }
                Some(received) => {
                    let Lease { job, attempt, .. } = received.claimed.lease;
                    // The spool contains the output of an attempt. If there is no spool and the server has received
                    // nothing, no step has run, so the job can still be started.
                    let has_spool = self.0.spools.open(job, attempt).map_err(retry)?.is_some();
                    if has_spool || received.last_batch > 0 {
                        abandoned.push(received);
                    } else {
                        self.0.claims.adopt(&earlier.id);
                        locked(&self.0.resumed).push(received.claimed);
                    }
                }
            }
        }
        Ok(abandoned)
    }

    async fn append(&self, lease: Lease, batch: Batch, _: Vec<NewArtifact>) -> Result<(), LinkError> {
        // The server records each artifact when it is uploaded, so the events of artifacts are not sent.
        let is_reported = |event: &&NewEvent| !matches!(event.payload(), Payload::Artifact(_));
        let body = AppendBody {
            worker_id: self.name().to_owned(),
            lease_epoch: Some(lease.epoch),
            batch: Some(batch.number),
            from: Some(batch.from),
            to: Some(batch.to),
            suppressed_bytes: Some(batch.suppressed),
            events: Some(batch.events.iter().filter(is_reported).map(NewEvent::to_report).collect()),
            level: None,
            message: None,
            raw: None,
            payload: None,
        };
        self.post(lease.job, "events", &body).await?;
        Ok(())
    }

    async fn add_output(&self, lease: Lease, chunks: Vec<NewEvent>) -> Result<u64, LinkError> {
        let body = OutputBody {
            worker_id: self.name().to_owned(),
            lease_epoch: Some(lease.epoch),
            chunks: chunks.iter().map(NewEvent::to_report).collect(),
        };
        let reply = self.post(lease.job, "output", &body).await?;
        let StoredBytes { bytes } = self.parse(lease.job, &reply)?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    async fn stored_output(&self, _: Lease, _: OutputCursor) -> Result<StoredOutputPage, LinkError> {
        // Output that this worker's spool has lost need not be restored, because the server keeps a copy of the
        // complete log.
        Ok(StoredOutputPage { chunks: Vec::new(), has_more: false })
    }

    async fn heartbeat(&self, lease: Lease) -> Result<Heartbeat, LinkError> {
        let body = HeartbeatBody {
            worker_id: self.name().to_owned(),
            lease_seconds: self.lease_seconds(),
            lease_epoch: Some(lease.epoch),
        };
        let reply = self.post(lease.job, "heartbeat", &body).await?;
        let job: Job = self.parse(lease.job, &reply)?;
        Ok(if job.cancel_requested_at.is_some() { Heartbeat::CancelRequested } else { Heartbeat::Renewed })
    }

    async fn early_heartbeat(&self) {
        // The server cannot notify a worker of a cancellation. This future therefore never completes, and no heartbeat
        // is sent early.
        std::future::pending::<()>().await;
    }

    async fn finish(&self, finish: Finish) -> Result<(), LinkError> {
        let Finish { lease, ending, totals, .. } = finish;
        let (worker_id, lease_epoch) = (self.name().to_owned(), Some(lease.epoch));
        let totals = Some(ReportedTotals {
            exit_code: totals.exit_code,
            bytes: totals.bytes,
            suppressed_bytes: totals.suppressed_bytes,
            redactions: totals.redactions.total,
            redactions_by_rule: totals.redactions.by_rule,
            log_sha256: totals.log_sha256,
        });
        match ending {
            Ending::Succeeded => {
                let body = CompleteBody { worker_id, lease_epoch, result_summary: None, totals };
                self.post(lease.job, "complete", &body).await?;
            }
            Ending::Cancelled => {
                let body = CancelAckBody { worker_id, lease_epoch, message: None, totals };
                self.post(lease.job, "cancel/ack", &body).await?;
            }
            Ending::Failed { reason, message } => {
                let body = FailBody {
                    worker_id,
                    lease_epoch,
                    error_message: message.to_text().into_owned(),
                    failure_reason: Some(reason),
                    // Every failure is reported as retryable, because the server itself determines whether the job has
                    // attempts left, as it does for jobs of the embedded worker.
                    retryable: Some(true),
                    totals,
                };
                self.post(lease.job, "fail", &body).await?;
            }
            Ending::Reported { message } => {
                let body = FailBody {
                    worker_id,
                    lease_epoch,
                    error_message: message.to_text().into_owned(),
                    failure_reason: None,
                    retryable: Some(true),
                    totals,
                };
                self.post(lease.job, "fail", &body).await?;
            }
        }
        self.forget(lease);
        Ok(())
    }

    fn forget(&self, lease: Lease) {
        let removed = self.0.spools.remove(lease.job, lease.attempt).and_then(|()| self.0.claims.ended(lease));
        if let Err(error) = removed {
            tracing::warn!(job = %lease.job, %error, "the files of a finished job could not be removed");
        }
    }

    fn files(&self, lease: Lease) -> Box<dyn Files> {
        Box::new(HttpFiles::new(self.clone(), lease))
    }

    async fn sweep(&self, _: Lease) -> Result<(), LinkError> {
        // The server removes incomplete uploads by itself.
        Ok(())
    }
}

/// Converts the error of a request about a job.
pub(super) fn link_error(job: JobId, error: &CliError) -> LinkError {
    match error {
        error if error.is_transient() => LinkError::Retry(error.to_string()),
        CliError::Refused { status: 404 | 409, .. } => LinkError::Fenced(job),
        error => LinkError::Fatal(error.to_string()),
    }
}

/// Converts an error of the worker's disk.
pub(super) fn retry(error: std::io::Error) -> LinkError {
    LinkError::Retry(error.to_string())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
