//! Jobs and what belongs to them.

use serde::{Deserialize, Serialize};

use super::{ArtifactId, JobId, RawJson, Seq, Timestamp};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Waits for a worker, or for the end of its back-off.
    Queued,
    /// A worker holds it.
    Running,
    /// Every step that counts succeeded.
    Succeeded,
    /// It failed and had one attempt only.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// It failed on the last of several attempts.
    DeadLetter,
}

impl JobStatus {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::DeadLetter];

    /// Returns whether the status is final.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// Returns the word used on the wire and in the database.
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

    /// Returns the status of that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// Why a job's last attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// A step ended with an exit code other than 0.
    ExitCode,
    /// A step was ended by a signal.
    Signal,
    /// A step or the job ran out of time.
    Timeout,
    /// A step's program could not be started.
    Spawn,
    /// The worker died or the server stopped.
    Interrupted,
    /// It printed more than a job may.
    OutputLimit,
}

impl FailureReason {
    /// Returns the word used on the wire and in the database.
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

    /// Returns the reason of that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::ExitCode, Self::Signal, Self::Timeout, Self::Spawn, Self::Interrupted, Self::OutputLimit]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }
}

/// The files that came with a job: a compressed archive, which every attempt unpacks into its workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobInput {
    /// Its name; a job that was submitted again has the same.
    pub id: uuid::Uuid,
    /// The archive's size.
    pub size_bytes: i64,
    /// The archive's SHA-256 in hexadecimal.
    pub sha256: String,
}

/// One submission, as every reply shows it: values of secret-looking names in `payload` are masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// The job's name.
    pub id: JobId,
    /// What kind of worker it needs; `command` is run by the embedded one.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is in its life.
    pub status: JobStatus,
    /// Higher is claimed first; -1000 to 1000.
    pub priority: i32,
    /// What to run; null in a list that asked for summaries.
    pub payload: Option<RawJson>,
    /// What people call it: the payload's `title`, else its first command.
    pub title: String,
    /// Who submitted it.
    pub created_by_user_id: Option<String>,
    /// For whom it was submitted.
    pub requested_by_user_id: Option<String>,
    /// Who asked for its cancellation.
    pub cancel_requested_by_user_id: Option<String>,
    /// When its cancellation was asked for.
    pub cancel_requested_at: Option<Timestamp>,
    /// Why, in the words of who asked.
    pub cancel_reason: Option<String>,
    /// Free text by which workers may prefer jobs.
    pub affinity_key: Option<String>,
    /// The worker that holds it.
    pub claimed_by: Option<String>,
    /// When that worker's right to it ends.
    pub lease_expires_at: Option<Timestamp>,
    /// Before this time it is not claimed.
    pub next_attempt_at: Option<Timestamp>,
    /// The current or last attempt; 0 before the first.
    pub attempt: i32,
    /// How many attempts it may have.
    pub max_attempts: i32,
    /// What the worker said at the end.
    pub result_summary: Option<String>,
    /// Why it failed, for people.
    pub error_message: Option<String>,
    /// Kept for older clients; always null.
    pub artifacts_path: Option<String>,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
    /// Grows whenever a lease begins or ends.
    pub lease_epoch: i64,
    /// The last event of its log.
    pub last_seq: Seq,
    /// The exit code of the step that decided, if it exited.
    pub exit_code: Option<i32>,
    /// Why the last attempt failed, for programs.
    pub failure_reason: Option<FailureReason>,
    /// Lines of the last attempt's output.
    pub log_lines: Option<i64>,
    /// Bytes of the last attempt's output.
    pub log_bytes: Option<i64>,
    /// SHA-256 of the last attempt's output, in hexadecimal.
    pub log_sha256: Option<String>,
    /// The job whose payload this one took over.
    pub resubmitted_from: Option<JobId>,
    /// The files that came with it.
    #[serde(default)]
    pub input: Option<JobInput>,
    /// How many queued jobs are claimed before it, plus 1; only while queued.
    pub queue_position: Option<i64>,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobsPage {
    /// The jobs.
    pub items: Vec<Job>,
    /// How many were left out before them.
    pub offset: i64,
    /// How many were asked for at the most.
    pub limit: i64,
    /// Whether there are more after them.
    pub has_more: bool,
}

/// A submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewJob {
    /// What kind of worker it needs.
    #[serde(rename = "type")]
    pub kind: String,
    /// Higher is claimed first; -1000 to 1000.
    #[serde(default)]
    pub priority: i32,
    /// What to run.
    #[serde(default)]
    pub payload: RawJson,
    /// Free text by which workers may prefer jobs.
    #[serde(default)]
    pub affinity_key: Option<String>,
    /// How many attempts it may have; commands are not idempotent, so a second one is opt-in.
    #[serde(default = "one")]
    pub max_attempts: i32,
}

/// What to change of a job that is run again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct JobChanges {
    /// Its priority.
    pub priority: Option<i32>,
    /// How many attempts it may have.
    pub max_attempts: Option<i32>,
    /// Fields that replace those of the payload; null removes one. A text as replies show it means the original's.
    pub payload: Option<RawJson>,
}

const fn one() -> i32 {
    1
}

/// A file that is kept after the attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The artifact's name on the wire.
    pub id: ArtifactId,
    /// The job it belongs to.
    pub job_id: JobId,
    /// Its path, such as `logs/output.log`.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// `sha256:` and its checksum in hexadecimal.
    pub digest: String,
    /// Kept for older clients; always null.
    pub storage_path: Option<String>,
    /// The attempt that made it.
    pub attempt: i32,
    /// The stage that made it, if one did.
    pub stage: Option<String>,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// All artifacts of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactsPage {
    /// The artifacts, oldest first.
    pub items: Vec<Artifact>,
}
