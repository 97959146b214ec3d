//! Jobs, submissions, inputs and artifacts.

use serde::{Deserialize, Serialize};

use super::{ArtifactId, ConcurrencyWait, JobId, Pause, RawJson, Seq, Timestamp};

/// The status of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// The job is waiting for a worker or for its retry delay to elapse.
    Queued,
    /// A worker is running the job.
    Running,
    /// The job succeeded.
    Succeeded,
    /// The job failed: it was a command with a single attempt, or its worker reported that another attempt would fail
    /// too.
    Failed,
    /// A user cancelled the job.
    Cancelled,
    /// The job failed on its last permitted attempt.
    DeadLetter,
}

impl JobStatus {
    /// All statuses, in the order of a job's life cycle.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::DeadLetter];

    /// Returns whether the status is final.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// Returns the word that represents this value in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::DeadLetter => "dead_letter",
        }
    }

    /// Returns the status that this word represents, or `None` if it represents no status.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// The reason why a job's last attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// A step ended with an exit code other than 0.
    ExitCode,
    /// A step was terminated by a signal.
    Signal,
    /// A step or the job exceeded its time limit.
    Timeout,
    /// The attempt could not be prepared, or a step's program could not be started.
    Spawn,
    /// The worker died, the server stopped, the lease was lost, or the output could not be stored.
    Interrupted,
    /// The attempt exceeded its output limit.
    OutputLimit,
}

impl FailureReason {
    /// Returns the word that represents this value in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExitCode => "exit_code",
            Self::Signal => "signal",
            Self::Timeout => "timeout",
            Self::Spawn => "spawn",
            Self::Interrupted => "interrupted",
            Self::OutputLimit => "output_limit",
        }
    }

    /// Returns the reason that this word represents, or `None` if it represents no reason.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::ExitCode, Self::Signal, Self::Timeout, Self::Spawn, Self::Interrupted, Self::OutputLimit]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }
}

/// The input files of a job: a compressed archive, which every attempt unpacks into its workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobInput {
    /// The input's id. A resubmitted job uses the same input, with the same id.
    pub id: uuid::Uuid,
    /// The archive's size in bytes.
    pub size_bytes: i64,
    /// The archive's SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A job, as it appears in API responses. In `payload`, the values of fields whose names suggest a secret are masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// The job's id.
    pub id: JobId,
    /// The type of the job, which determines which workers can run it. The embedded worker runs `command` jobs.
    #[serde(rename = "type")]
    pub kind: String,
    /// The job's status.
    pub status: JobStatus,
    /// The priority, from -1000 to 1000. Jobs with a higher priority are claimed first.
    #[cfg_attr(feature = "openapi", schema(minimum = -1000, maximum = 1000))]
    pub priority: i32,
    /// The work to do; null in a list of summaries.
    pub payload: Option<RawJson>,
    /// The display name: the payload's `title`, or else the payload's first command, or else the job's type.
    pub title: String,
    /// The id of the user who submitted the job.
    pub created_by_user_id: Option<String>,
    /// The id of the user who submitted the job. It always equals `createdByUserId`.
    pub requested_by_user_id: Option<String>,
    /// The id of the user who requested the job's cancellation; null if it was not requested.
    pub cancel_requested_by_user_id: Option<String>,
    /// The time at which the cancellation was requested; null if it was not requested.
    pub cancel_requested_at: Option<Timestamp>,
    /// The reason that the user gave for the cancellation, if any.
    pub cancel_reason: Option<String>,
    /// The affinity key, if any. For a short time, a job with such a key is reserved for the worker that last ran a job
    /// with the same key.
    pub affinity_key: Option<String>,
    /// The id of the worker that runs the job or ran its last attempt; null while the job is queued.
    pub claimed_by: Option<String>,
    /// The time at which the current worker's lease expires; null unless the job is running.
    pub lease_expires_at: Option<Timestamp>,
    /// The earliest time at which the job can be claimed; null unless it waits for another attempt.
    pub next_attempt_at: Option<Timestamp>,
    /// The number of the current or last attempt; 0 before the first.
    pub attempt: i32,
    /// The maximum number of attempts.
    pub max_attempts: i32,
    /// The summary that the worker reported when the job finished, if any.
    pub result_summary: Option<String>,
    /// The human-readable error message, if the job failed.
    pub error_message: Option<String>,
    /// Always null; retained for compatibility with older clients.
    pub artifacts_path: Option<String>,
    /// The time at which the last attempt began; null before the first attempt.
    pub started_at: Option<Timestamp>,
    /// The time at which the job finished; null until then.
    pub finished_at: Option<Timestamp>,
    /// The time at which the job was submitted.
    pub created_at: Timestamp,
    /// The time of the last change to the job or its log.
    pub updated_at: Timestamp,
    /// The lease epoch, which increases whenever a lease begins or ends.
    pub lease_epoch: i64,
    /// The position of the last event in the job's log.
    pub last_seq: Seq,
    /// The exit code of the step that decided the job's result; null if that step did not exit by itself, or before the
    /// result is known.
    pub exit_code: Option<i32>,
    /// The machine-readable reason why the last attempt failed; null unless it has failed.
    pub failure_reason: Option<FailureReason>,
    /// The number of lines of the last attempt's output; null while an attempt is running and before the first attempt.
    pub log_lines: Option<i64>,
    /// The number of bytes of the last attempt's output, after redaction; null when `logLines` is null.
    pub log_bytes: Option<i64>,
    /// SHA-256 of the last attempt's output, in hexadecimal; null when `logLines` is null.
    pub log_sha256: Option<String>,
    /// The time at which the job's output and artifacts were removed to respect the limits on their age or total size;
    /// null if they have not been removed.
    #[serde(default)]
    pub output_removed_at: Option<Timestamp>,
    /// The id of the original job, if this job is a resubmission.
    pub resubmitted_from: Option<JobId>,
    /// The job's input files; null if it has none.
    #[serde(default)]
    pub input: Option<JobInput>,
    /// The job's position among the queued jobs of its type, from 1; null unless it is queued. The position is also
    /// null in lists and streams of jobs and in the responses to submissions, because determining it requires a query
    /// for each job.
    pub queue_position: Option<i64>,
    /// The pause that keeps all workers from claiming the job; null unless the job is queued and the queue or its type
    /// is paused. The pause is looked up when the response is created.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// The jobs with the same concurrency key that have to finish before the job can start; null unless it is queued
    /// and waits for such jobs. They are looked up when the response is created.
    #[serde(default)]
    pub concurrency_wait: Option<ConcurrencyWait>,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobsPage {
    /// The jobs.
    pub items: Vec<Job>,
    /// The number of jobs skipped before this page.
    pub offset: i64,
    /// The maximum number of jobs on this page.
    pub limit: i64,
    /// Whether more jobs follow this page.
    pub has_more: bool,
    /// The number of jobs of each status, if the request asked for these counts. The counts respect all conditions of
    /// the request except the one on the status.
    pub counts: Option<JobCounts>,
}

/// The number of jobs of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobCounts {
    queued: i64,
    running: i64,
    succeeded: i64,
    failed: i64,
    cancelled: i64,
    dead_letter: i64,
}

impl JobCounts {
    /// Creates the counts by calling `of`, which returns the number of jobs of a status.
    pub fn new(of: impl Fn(JobStatus) -> i64) -> Self {
        Self {
            queued: of(JobStatus::Queued),
            running: of(JobStatus::Running),
            succeeded: of(JobStatus::Succeeded),
            failed: of(JobStatus::Failed),
            cancelled: of(JobStatus::Cancelled),
            dead_letter: of(JobStatus::DeadLetter),
        }
    }

    /// Returns the number of jobs of a status, or of all jobs if `status` is `None`.
    #[must_use]
    pub fn get(self, status: Option<JobStatus>) -> i64 {
        match status {
            None => JobStatus::ALL.into_iter().map(|status| self.get(Some(status))).sum(),
            Some(JobStatus::Queued) => self.queued,
            Some(JobStatus::Running) => self.running,
            Some(JobStatus::Succeeded) => self.succeeded,
            Some(JobStatus::Failed) => self.failed,
            Some(JobStatus::Cancelled) => self.cancelled,
            Some(JobStatus::DeadLetter) => self.dead_letter,
        }
    }
}

/// A job to submit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewJob {
    /// The type of the job, which determines which workers can run it.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub kind: String,
    /// The priority, from -1000 to 1000. Jobs with a higher priority are claimed first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = -1000, maximum = 1000))]
    pub priority: i32,
    /// The work to do. The default is an object without members.
    #[serde(default)]
    pub payload: RawJson,
    /// The affinity key, if any. For a short time, a job with such a key is reserved for the worker that last ran a job
    /// with the same key.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub affinity_key: Option<String>,
    /// The maximum number of attempts. The default is 1, because commands may not be idempotent.
    #[serde(default = "one")]
    #[cfg_attr(feature = "openapi", schema(default = 1, minimum = 1, maximum = 100))]
    pub max_attempts: i32,
}

/// The changes that a client requests when it resubmits a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct JobChanges {
    /// The new priority, if it is changed.
    #[cfg_attr(feature = "openapi", schema(minimum = -1000, maximum = 1000))]
    pub priority: Option<i32>,
    /// The new maximum number of attempts, if it is changed.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100))]
    pub max_attempts: Option<i32>,
    /// Fields that replace those of the original payload; null removes a field. A masked value that the client sends
    /// back unchanged is replaced by the original value.
    pub payload: Option<RawJson>,
}

const fn one() -> i32 {
    1
}

/// A file that an attempt produced and that remains stored after the attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The artifact's id.
    pub id: ArtifactId,
    /// The job that the artifact belongs to.
    pub job_id: JobId,
    /// The artifact's path, such as `logs/output.log`.
    pub name: String,
    /// The artifact's media type.
    pub content_type: String,
    /// The artifact's size in bytes.
    pub size_bytes: i64,
    /// The artifact's SHA-256, as `sha256:` followed by hexadecimal digits.
    pub digest: String,
    /// Always null; retained for compatibility with older clients.
    pub storage_path: Option<String>,
    /// The number of the attempt that produced the artifact.
    pub attempt: i32,
    /// The stage that produced the artifact, if any.
    pub stage: Option<String>,
    /// The time at which the artifact was stored.
    pub created_at: Timestamp,
}

/// All artifacts of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactsPage {
    /// The artifacts, oldest first.
    pub items: Vec<Artifact>,
}
