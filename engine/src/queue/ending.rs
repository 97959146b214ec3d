//! Ends leases and jobs. Each change of state is committed in the same transaction as the events that report it.

use std::borrow::Cow;
use std::time::Duration;

use model::backoff::Backoff;
use model::{ArtifactId, AttemptStatus, EndPayload, FailureReason, JobEventStatus, JobStatus, Seq, Stage, Timestamp};
use redact::Redacted;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::QueueError;
use super::files::store::keep_artifact;
use super::job_row::JobRow;
use super::leases::COMMAND;
use super::leases::store::{self as leases, JobEnd};
use super::store;
use crate::artifacts::location;
use crate::db::Tx;
use crate::event_log::{
    AttemptTotals, JobDetails, Lease, NewEvent, RedactionCounts, Tails, append_by_server, redacted_text,
};
use crate::fail_point::FailPoint;
use crate::spool::Spools;

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Ending {
    /// The attempt succeeded.
    Succeeded,
    /// The attempt failed, or its worker stopped.
    Failed {
        /// The machine-readable reason.
        reason: FailureReason,
        /// The human-readable reason.
        #[serde(with = "redacted_text")]
        message: Redacted,
    },
    /// The attempt failed, and its worker has no machine-readable reason for it.
    Reported {
        /// The human-readable reason.
        #[serde(with = "redacted_text")]
        message: Redacted,
    },
    /// The attempt was stopped because the job's cancellation was requested.
    Cancelled,
}

/// A worker's report at the end of a lease.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finish {
    /// The lease to end.
    pub lease: Lease,
    /// The name of the worker that held the lease.
    #[serde(rename = "workerId", with = "redacted_text")]
    pub worker: Redacted,
    /// The result of the attempt.
    pub ending: Ending,
    /// The totals of the attempt's output.
    pub totals: AttemptTotals,
    /// The files to record as artifacts of the attempt.
    pub artifacts: Vec<NewArtifact>,
}

/// A file to be recorded as an artifact.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewArtifact {
    /// The artifact's id.
    pub id: ArtifactId,
    /// The artifact's display name.
    #[serde(with = "redacted_text")]
    pub name: Redacted,
    /// The artifact's media type.
    pub content_type: Cow<'static, str>,
    /// The artifact's size in bytes.
    pub size_bytes: i64,
    /// The artifact's SHA-256 in hexadecimal.
    pub sha256: String,
    /// The location of the file.
    pub place: ArtifactPlace,
    /// The stage that produced the file, if any.
    pub stage: Option<Stage>,
}

impl NewArtifact {
    /// Returns the artifact of the complete log, whose file remains in the spool.
    #[must_use]
    pub fn log(totals: &AttemptTotals) -> Self {
        Self {
            id: ArtifactId(uuid::Uuid::now_v7()),
            name: Redacted::literal("logs/output.log"),
            content_type: "text/plain; charset=utf-8".into(),
            size_bytes: totals.bytes,
            sha256: totals.log_sha256.clone(),
            place: ArtifactPlace::Spool,
            stage: None,
        }
    }
}

/// The location of an artifact's file in the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactPlace {
    /// The file is in the artifact store.
    Store,
    /// The file is the complete output in the attempt's spool.
    Spool,
}

impl ArtifactPlace {
    /// Returns the file's path, relative to the data directory.
    #[must_use]
    pub fn path(self, lease: Lease, id: ArtifactId) -> String {
        match self {
            Self::Store => location(lease.job, lease.attempt, id),
            Self::Spool => Spools::log_path(lease.job, lease.attempt).to_string_lossy().into_owned(),
        }
    }
}

/// Whether a job runs again after a failed attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Retry {
    /// The job runs again while it has attempts left.
    #[default]
    WhileAttemptsRemain,
    /// The job fails at once, because another attempt would fail too.
    Never,
}

/// Details of the end of a lease. Only workers on other machines and the server itself specify them.
#[derive(Clone, Debug, Default)]
pub(super) struct EndDetails {
    /// Whether the job runs again if the attempt has failed.
    pub(super) retry: Retry,
    /// The summary of the result, if the attempt has succeeded.
    pub(super) summary: Option<Redacted>,
    /// The worker's message about a cancelled job.
    pub(super) message: Option<Redacted>,
    /// The status of the `job` event that says why the server has ended the lease, if there is such an event.
    pub(super) cause: Option<JobEventStatus>,
    /// A warning about the attempt, which is added to the log.
    pub(super) warning: Option<Redacted>,
}

/// The longest delay before the next attempt of a job.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// The delays between the attempts of a job. They double up to `LONGEST_WAIT`.
const WAITS: Backoff = Backoff::new(Duration::from_secs(15), LONGEST_WAIT);

/// The state of a job after its attempt has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NextState {
    Over(JobStatus),
    Again(Timestamp),
}

fn after(ending: &Ending, retry: Retry, row: &JobRow, now: Timestamp) -> NextState {
    match ending {
        Ending::Succeeded => NextState::Over(JobStatus::Succeeded),
        Ending::Cancelled => NextState::Over(JobStatus::Cancelled),
        // A job whose cancellation was requested must not run again.
        _ if row.job.cancel_requested_at.is_some() => NextState::Over(JobStatus::Cancelled),
        _ if retry == Retry::Never => NextState::Over(JobStatus::Failed),
        _ if row.job.attempt < row.job.max_attempts => {
            NextState::Again(now.after(WAITS.after(row.job.attempt.unsigned_abs())))
        }
        // A command has only one attempt by default. Its failure is ordinary, so the job does not become a dead letter.
        _ if row.job.max_attempts == 1 && row.job.kind == COMMAND => NextState::Over(JobStatus::Failed),
        _ => NextState::Over(JobStatus::DeadLetter),
    }
}

/// A job whose lease has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndedLease {
    /// The job's new status.
    pub(super) status: JobStatus,
    /// Whether the job has a concurrency key, so that other jobs may have waited for its end.
    pub(super) has_concurrency_key: bool,
}

impl EndedLease {
    /// Describes a job whose lease has ended. `row` must have been read after the end of the lease.
    pub(super) const fn of(row: &JobRow) -> Self {
        Self { status: row.job.status, has_concurrency_key: row.concurrency.is_some() }
    }
}

/// Ends a lease and its attempt, and then finishes or requeues the job.
pub(super) async fn finish(
    tx: &mut Tx,
    tails: &Tails,
    finish: Finish,
    details: EndDetails,
    now: Timestamp,
) -> Result<EndedLease, QueueError> {
    let lease = finish.lease;
    let row = store::job(tx.connection(), lease.job).await?.ok_or(QueueError::NoSuchJob(lease.job))?;
    if row.job.status != JobStatus::Running || row.job.lease_epoch != lease.epoch {
        // Until the next lease begins, the worker may repeat the call that ended its lease.
        let repeated = row.job.lease_epoch.checked_sub(1) == Some(lease.epoch) && row.job.status != JobStatus::Running;
        return if repeated { Ok(EndedLease::of(&row)) } else { Err(QueueError::LeaseLost(lease.job)) };
    }
    let status = attempt_status(&finish.ending);
    leases::end_attempt(tx.connection(), lease, status, now).await?;
    FailPoint::AttemptEnded.reached();
    let mut events = Vec::new();
    if let Some(cause) = details.cause {
        let of_worker = JobDetails { worker: Some(finish.worker.clone()), ..JobDetails::default() };
        events.push(NewEvent::job(cause, lease.attempt, of_worker));
    }
    events.extend(details.warning.map(|warning| NewEvent::warning(lease.attempt, warning)));
    for artifact in &finish.artifacts {
        keep_artifact(tx.connection(), lease, artifact, now).await?;
        events.push(NewEvent::artifact(&artifact.name, artifact.id, artifact.size_bytes));
    }
    events.push(NewEvent::attempt(lease.attempt, &finish.worker, status, Some(&finish.totals)));
    let next = after(&finish.ending, details.retry, &row, now);
    let job_status = match next {
        NextState::Over(status) => status,
        NextState::Again(_) => JobStatus::Queued,
    };
    let end = job_end(&next, &finish, details.summary.as_ref());
    events.extend(job_events(&next, &finish, details.message, lease.attempt));
    leases::end_lease(tx.connection(), lease, &end, now).await?;
    FailPoint::LeaseEnded.reached();
    append_by_server(tx, tails, lease.job, events, now).await?;
    if let NextState::Over(status) = next {
        let took = row.job.started_at.and_then(|started| u64::try_from(now.millis_since(started)).ok());
        tx.count(move |metrics| metrics.job_finished(status, took.map(Duration::from_millis)));
    }
    Ok(EndedLease { status: job_status, ..EndedLease::of(&row) })
}

/// Returns the totals of an attempt without stored output, for example if its worker reports only events.
pub(super) fn no_output() -> AttemptTotals {
    AttemptTotals {
        exit_code: None,
        lines: 0,
        bytes: 0,
        suppressed_bytes: 0,
        redactions: RedactionCounts::default(),
        log_sha256: sha256_of_nothing(),
    }
}

fn sha256_of_nothing() -> String {
    hex::encode(Sha256::digest([]))
}

/// Finishes a queued job whose cancellation was requested.
pub(super) async fn cancel_queued(tx: &mut Tx, tails: &Tails, row: &JobRow, now: Timestamp) -> Result<(), QueueError> {
    let totals = AttemptTotals {
        exit_code: None,
        lines: row.job.log_lines.unwrap_or(0),
        bytes: row.job.log_bytes.unwrap_or(0),
        suppressed_bytes: 0,
        redactions: RedactionCounts::default(),
        log_sha256: row.job.log_sha256.clone().unwrap_or_else(sha256_of_nothing),
    };
    store::end_queued(tx.connection(), row.job.id, now).await?;
    let events = vec![
        NewEvent::job(JobEventStatus::Cancelled, row.job.attempt, JobDetails::default()),
        end_event(JobStatus::Cancelled, row.job.attempt, &totals),
    ];
    append_by_server(tx, tails, row.job.id, events, now).await?;
    tx.count(|metrics| metrics.job_finished(JobStatus::Cancelled, None));
    Ok(())
}

pub(super) fn attempt_status(ending: &Ending) -> AttemptStatus {
    match ending {
        Ending::Succeeded => AttemptStatus::Succeeded,
        Ending::Failed { reason: FailureReason::Interrupted, .. } => AttemptStatus::Interrupted,
        Ending::Failed { .. } | Ending::Reported { .. } => AttemptStatus::Failed,
        Ending::Cancelled => AttemptStatus::Cancelled,
    }
}

fn job_events(next: &NextState, finish: &Finish, message: Option<Redacted>, attempt: i32) -> Vec<NewEvent> {
    let reason = match &finish.ending {
        Ending::Failed { message, .. } | Ending::Reported { message } => Some(message.clone()),
        Ending::Succeeded | Ending::Cancelled => message,
    };
    let details = JobDetails { reason, worker: Some(finish.worker.clone()), next_attempt_at: None };
    match *next {
        NextState::Again(at) => {
            let details = JobDetails { next_attempt_at: Some(at), ..details };
            vec![NewEvent::job(JobEventStatus::Requeued, attempt, details)]
        }
        NextState::Over(status) => {
            vec![NewEvent::job(job_event(status), attempt, details), end_event(status, attempt, &finish.totals)]
        }
    }
}

const fn job_event(status: JobStatus) -> JobEventStatus {
    match status {
        JobStatus::Queued => JobEventStatus::Requeued,
        JobStatus::Running => JobEventStatus::Claimed,
        JobStatus::Succeeded => JobEventStatus::Succeeded,
        JobStatus::Failed => JobEventStatus::Failed,
        JobStatus::Cancelled => JobEventStatus::Cancelled,
        JobStatus::DeadLetter => JobEventStatus::DeadLetter,
    }
}

fn end_event(status: JobStatus, attempt: i32, totals: &AttemptTotals) -> NewEvent {
    NewEvent::end(EndPayload {
        status,
        attempt,
        last_seq: Seq::START,
        lines: totals.lines,
        bytes: totals.bytes,
        log_sha256: totals.log_sha256.clone(),
    })
}

fn job_end(next: &NextState, finish: &Finish, summary: Option<&Redacted>) -> JobEnd {
    let (reason, message) = match &finish.ending {
        Ending::Failed { reason, message } => (Some(*reason), Some(message.to_text().into_owned())),
        Ending::Reported { message } => (None, Some(message.to_text().into_owned())),
        Ending::Succeeded | Ending::Cancelled => (None, None),
    };
    let (status, next_attempt_at) = match *next {
        NextState::Over(status) => (status, None),
        NextState::Again(at) => (JobStatus::Queued, Some(at)),
    };
    JobEnd {
        status,
        next_attempt_at,
        failure_reason: reason,
        error_message: message,
        result_summary: summary.map(|summary| summary.to_text().into_owned()),
        exit_code: finish.totals.exit_code,
        log_lines: finish.totals.lines,
        log_bytes: finish.totals.bytes,
        log_sha256: finish.totals.log_sha256.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finish(ending: Ending) -> Finish {
        let id = "01890000-0000-7000-8000-000000000001".parse().expect("it is an id");
        Finish {
            lease: Lease { job: id, attempt: 2, epoch: 3 },
            worker: Redacted::literal("worker"),
            ending,
            totals: AttemptTotals {
                exit_code: None,
                lines: 1,
                bytes: 6,
                suppressed_bytes: 0,
                redactions: RedactionCounts::default(),
                log_sha256: "11".repeat(32),
            },
            artifacts: vec![NewArtifact {
                id: "01890000-0000-7000-8000-000000000002".parse().expect("it is an id"),
                name: Redacted::literal("dist/é.js"),
                content_type: "text/javascript".into(),
                size_bytes: 5,
                sha256: "00".repeat(32),
                place: ArtifactPlace::Store,
                stage: Some(Stage::Execute),
            }],
        }
    }

    #[test]
    fn a_finish_is_the_same_after_a_round_trip_through_json() {
        let failed =
            Ending::Failed { reason: FailureReason::Timeout, message: Redacted::literal("timed out: \"é\"\n") };
        let reported = Ending::Reported { message: Redacted::literal("it failed") };
        for ending in [Ending::Succeeded, failed, reported, Ending::Cancelled] {
            let sent = finish(ending);
            let text = serde_json::to_string(&sent).expect("it can be serialised");
            let received: Finish = serde_json::from_str(&text).expect("it can be read");
            assert_eq!(format!("{received:?}"), format!("{sent:?}"));
        }
    }

    #[test]
    fn the_json_of_a_finish_uses_the_names_of_the_api() {
        let ending = Ending::Failed { reason: FailureReason::Timeout, message: Redacted::literal("timed out") };
        let json = serde_json::to_value(finish(ending)).expect("it can be serialised");
        assert_eq!(json["lease"]["leaseEpoch"], 3);
        assert_eq!(json["workerId"], "worker");
        assert_eq!(json["ending"], json!({"status": "failed", "reason": "timeout", "message": "timed out"}));
        assert_eq!(json["totals"]["suppressedBytes"], 0);
        assert_eq!(json["artifacts"][0]["contentType"], "text/javascript");
    }
}
