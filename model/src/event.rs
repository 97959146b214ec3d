//! Events, the entries of a job's log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ArtifactId, EventId, JobId, Segment, Seq, Timestamp};

/// The severity of an event or of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Normal operation.
    Info,
    /// A condition that deserves attention.
    Warn,
    /// A failure.
    Error,
}

impl Level {
    /// Returns the word that represents this value in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// Returns the level that this word represents, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Info, Self::Warn, Self::Error].into_iter().find(|level| level.as_str() == word)
    }
}

/// One entry of a job's append-only log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The event's position in the job's log.
    pub seq: Seq,
    /// The event's id, unique across all jobs.
    pub id: EventId,
    /// The job that the event belongs to.
    pub job_id: JobId,
    /// The event's severity.
    pub level: Level,
    /// The human-readable text. For a `log` event, it is the output of the step.
    pub message: String,
    /// The machine-readable details of the event.
    pub payload: Payload,
    /// The time at which the event was stored. It strictly increases within a job.
    pub created_at: Timestamp,
}

/// A page of a job's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventsPage {
    /// The events, in the requested order.
    pub items: Vec<Event>,
    /// The cursor for reading newer events: all events up to this position have been examined.
    pub next_after: Seq,
    /// The cursor for reading older events: all events from this position on have been examined.
    pub next_before: Seq,
    /// Whether there are more events in the direction of reading.
    pub has_more: bool,
    /// The position of the log's last event when the page was read.
    pub last_seq: Seq,
    /// Whether the job has finished, so that no events follow `lastSeq`.
    pub terminal: bool,
}

/// The machine-readable details of an event. Kinds that this version does not know are preserved unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payload {
    /// Output of a step.
    Log(LogPayload),
    /// Suppressed output of a step.
    Gap(GapPayload),
    /// An attempt began or ended.
    Attempt(AttemptPayload),
    /// A stage began or ended.
    Stage(StagePayload),
    /// A step began or ended.
    Step(StepPayload),
    /// The status of the job, of its lease or of its worker changed. See [`JobEventStatus`].
    Job(JobPayload),
    /// A file was stored as an artifact.
    Artifact(ArtifactPayload),
    /// The log is complete.
    End(EndPayload),
    /// A kind that this version does not know.
    #[serde(untagged)]
    Other(Map<String, Value>),
}

/// One of the two output streams of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl StreamName {
    /// Returns the word that represents this value in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A stage of an attempt. The stages run in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The steps that prepare the main work.
    Prepare,
    /// The steps of the main work.
    Execute,
    /// The steps that run after the main work has succeeded.
    Publish,
}

impl Stage {
    /// Returns the word that represents this value in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Execute => "execute",
            Self::Publish => "publish",
        }
    }
}

/// A chunk of one output stream of a step. The event's message is the chunk's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogPayload {
    /// The output stream.
    pub stream: StreamName,
    /// The stage of the step.
    pub stage: Stage,
    /// The id of the step that printed the output.
    pub step_id: String,
    /// The step's index in its stage, from 0.
    pub step_index: i32,
    /// The number of the attempt, from 1.
    pub attempt: i32,
    /// The offset in the attempt's `output.log` at which the chunk begins.
    pub offset: i64,
    /// The number of bytes of `output.log` in the chunk.
    pub bytes: i64,
    /// The number of the chunk's first line within the attempt, from 1.
    pub line: i64,
    /// The time at which the chunk's first byte was captured.
    pub time: Timestamp,
    /// Whether the chunk does not end with a newline.
    pub partial: bool,
    /// The chunk's segments, unless the chunk is one contiguous range of `output.log` with consecutive line numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<Segment>>,
}

/// The reason why output was suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Live output fell too far behind.
    Lag,
    /// The job reached its live output limit.
    Budget,
}

/// When suppressed output becomes available in the complete log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapAvailable {
    /// Immediately.
    Now,
    /// After the attempt has finished.
    AtEnd,
}

/// Suppressed output of a step: a range of `output.log`, which may contain output of both streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GapPayload {
    /// The stage of the step.
    pub stage: Stage,
    /// The id of the step that printed the output.
    pub step_id: String,
    /// The number of the attempt, from 1.
    pub attempt: i32,
    /// The offset in the attempt's `output.log` at which the range begins.
    pub from_offset: i64,
    /// The offset at which the range ends (exclusive).
    pub to_offset: i64,
    /// The number of the first line in the range.
    pub from_line: i64,
    /// The number of lines that have at least one byte in the range.
    pub lines: i64,
    /// The number of bytes in the range.
    pub bytes: i64,
    /// The reason why the output was suppressed.
    pub reason: GapReason,
    /// When the output becomes available in the complete log.
    pub available: GapAvailable,
}

/// The status of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// The attempt began.
    Started,
    /// The attempt succeeded.
    Succeeded,
    /// The attempt failed.
    Failed,
    /// A user cancelled the job.
    Cancelled,
    /// The worker died, the server stopped, the lease was lost, or the output could not be stored.
    Interrupted,
}

/// An attempt began or ended. The totals are set only when it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttemptPayload {
    /// The number of the attempt, from 1.
    pub attempt: i32,
    /// The id of the worker that runs the attempt.
    pub worker_id: String,
    /// The attempt's status.
    pub status: AttemptStatus,
    /// The exit code of the step that decided the attempt's result; null if no step ran or that step did not exit by
    /// itself.
    pub exit_code: Option<i32>,
    /// The number of lines printed, including an unfinished last line.
    pub lines: Option<i64>,
    /// The number of bytes printed, after redaction.
    pub bytes: Option<i64>,
    /// The number of bytes that were not sent as events.
    pub suppressed_bytes: Option<i64>,
    /// The number of masks in the output.
    pub redactions: Option<i64>,
    /// The number of masks that each rule has caused, by the rule's id. A rule recognises secrets by their format.
    #[serde(default)]
    pub redactions_by_rule: Option<BTreeMap<String, i64>>,
    /// SHA-256 of `output.log`, in hexadecimal.
    pub log_sha256: Option<String>,
}

/// The status of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// The stage began.
    Started,
    /// The stage succeeded.
    Succeeded,
    /// The stage failed.
    Failed,
    /// The stage did not run.
    Skipped,
}

/// A stage began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StagePayload {
    /// The stage.
    pub stage: Stage,
    /// The stage's status.
    pub status: StageStatus,
    /// The number of the attempt, from 1.
    pub attempt: i32,
    /// The duration of the stage in milliseconds; null if the stage has not ended or was skipped.
    pub duration_ms: Option<i64>,
}

/// The status of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// The step began.
    Started,
    /// The step exited with code 0.
    Succeeded,
    /// The step failed. For example, it exited with another code, was killed by a signal, or could not be started.
    Failed,
    /// The step was stopped because the job was cancelled, the server was shutting down, or the lease was lost.
    Cancelled,
    /// The step was stopped because it exceeded its time limit.
    TimedOut,
    /// The step did not run.
    Skipped,
}

/// A step began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StepPayload {
    /// The stage of the step.
    pub stage: Stage,
    /// The step's machine-readable id.
    pub step_id: String,
    /// The step's index in its stage, from 0.
    pub step_index: i32,
    /// The step's display name.
    pub name: String,
    /// The command that the step runs.
    pub command: String,
    /// The number of the attempt, from 1.
    pub attempt: i32,
    /// The step's status.
    pub status: StepStatus,
    /// The step's exit code; null if the step did not exit by itself.
    pub exit_code: Option<i32>,
    /// The number of the signal that terminated the step; null if no signal did.
    pub signal: Option<i32>,
    /// The duration of the step in milliseconds; null if the step has not ended or was skipped.
    pub duration_ms: Option<i64>,
    /// The height of the step's terminal in rows; missing if its output is not a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_rows: Option<u16>,
}

/// The change that a `job` event reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobEventStatus {
    /// The job was submitted.
    Queued,
    /// A worker claimed the job.
    Claimed,
    /// The job was queued again for its next attempt.
    Requeued,
    /// The worker's lease on the job expired.
    LeaseExpired,
    /// The worker has sent no request for 15 seconds or for an eighth of the lease's duration, whichever is longer.
    WorkerSilent,
    /// A user requested the job's cancellation.
    CancelRequested,
    /// The job succeeded.
    Succeeded,
    /// The job failed.
    Failed,
    /// The job was cancelled.
    Cancelled,
    /// The job failed on its last permitted attempt.
    DeadLetter,
}

/// The status of the job, of its lease or of its worker changed. See [`JobEventStatus`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobPayload {
    /// The change that the event reports.
    pub status: JobEventStatus,
    /// The number of the current attempt; 0 before the first.
    pub attempt: i32,
    /// The id of the worker that the change concerns, if any.
    pub worker_id: Option<String>,
    /// The time at which the next attempt may begin, if the job was queued again.
    pub next_attempt_at: Option<Timestamp>,
    /// The human-readable reason for the change, if there is one.
    pub reason: Option<String>,
}

/// A file was stored as an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ArtifactPayload {
    /// The artifact's id.
    pub artifact_id: ArtifactId,
    /// The artifact's path.
    pub name: String,
    /// The artifact's size in bytes.
    pub size_bytes: i64,
}

/// The log is complete. This is always the job's last event, and it is stored together with the job's terminal status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EndPayload {
    /// The job's terminal status.
    pub status: super::JobStatus,
    /// The number of the last attempt; 0 if there was none.
    pub attempt: i32,
    /// The `seq` of this event.
    pub last_seq: Seq,
    /// The number of lines of the last attempt's output.
    pub lines: i64,
    /// The number of bytes of the last attempt's output.
    pub bytes: i64,
    /// SHA-256 of the last attempt's output, in hexadecimal.
    pub log_sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_an_unknown_kind_is_preserved_unchanged() {
        let text = r#"{"kind":"weather","sky":"clear"}"#;
        let payload: Payload = serde_json::from_str(text).expect("any object with a kind is a payload");
        assert!(matches!(payload, Payload::Other(_)));
        assert_eq!(serde_json::to_string(&payload).expect("maps serialise"), text);
    }

    #[test]
    fn a_log_payload_is_serialised_with_its_kind_and_all_fields() {
        let payload = Payload::Log(LogPayload {
            stream: StreamName::Stderr,
            stage: Stage::Execute,
            step_id: "build".into(),
            step_index: 2,
            attempt: 1,
            offset: 10,
            bytes: 5,
            line: 3,
            time: Timestamp(0),
            partial: false,
            segments: Some(vec![Segment(10, 2, 3), Segment(20, 3, 5)]),
        });
        let text = serde_json::to_string(&payload).expect("payloads serialise");
        assert_eq!(
            text,
            r#"{"kind":"log","stream":"stderr","stage":"execute","stepId":"build","stepIndex":2,"attempt":1,"offset":10,"bytes":5,"line":3,"time":"1970-01-01T00:00:00.000000Z","partial":false,"segments":[[10,2,3],[20,3,5]]}"#
        );
        assert_eq!(serde_json::from_str::<Payload>(&text).expect("it reads what it wrote"), payload);
    }
}
