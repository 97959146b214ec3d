//! Events: the items of a job's log.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ArtifactId, EventId, JobId, Segment, Seq, Timestamp};

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The ordinary course of things.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// Returns the word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// Returns the level of that word, if there is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Info, Self::Warn, Self::Error].into_iter().find(|level| level.as_str() == word)
    }
}

/// One item of a job's append-only log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its place in the job's log.
    pub seq: Seq,
    /// Its name across all jobs.
    pub id: EventId,
    /// The job it belongs to.
    pub job_id: JobId,
    /// How much it matters.
    pub level: Level,
    /// Text for people; of a `log` event the child's output.
    pub message: String,
    /// What happened, for programs.
    pub payload: Payload,
    /// When it was stored; strictly increasing within a job.
    pub created_at: Timestamp,
}

/// A page of a job's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventsPage {
    /// The events, in the order that was asked for.
    pub items: Vec<Event>,
    /// Where to go on towards the newest: everything up to here has been looked at.
    pub next_after: Seq,
    /// Where to go on towards the oldest: everything from here on has been looked at.
    pub next_before: Seq,
    /// Whether there is more in the direction of reading.
    pub has_more: bool,
    /// The last event of the job's log when it was read.
    pub last_seq: Seq,
    /// Whether the job is over, so that nothing comes after `lastSeq`.
    pub terminal: bool,
}

/// What happened. A kind that this version does not know is kept as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payload {
    /// Output of a step.
    Log(LogPayload),
    /// Output of a step that was not sent.
    Gap(GapPayload),
    /// An attempt began or ended.
    Attempt(AttemptPayload),
    /// A stage began or ended.
    Stage(StagePayload),
    /// A step began or ended.
    Step(StepPayload),
    /// The job changed hands or state.
    Job(JobPayload),
    /// A file was kept.
    Artifact(ArtifactPayload),
    /// The log is complete.
    End(EndPayload),
    /// A kind of a later version.
    #[serde(untagged)]
    Other(Map<String, Value>),
}

/// One of a child's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl StreamName {
    /// Returns the word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// One part of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Before the work.
    Prepare,
    /// The work.
    Execute,
    /// After the work, if it succeeded.
    Publish,
}

impl Stage {
    /// Returns the word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Execute => "execute",
            Self::Publish => "publish",
        }
    }
}

/// Output of a step: one chunk of one stream. Its text is the event's message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPayload {
    /// Which of the two outputs.
    pub stream: StreamName,
    /// The stage of the step.
    pub stage: Stage,
    /// The step that printed it.
    pub step_id: String,
    /// The step's place in its stage, from 0.
    pub step_index: i32,
    /// The attempt, from 1.
    pub attempt: i32,
    /// Where the chunk begins in the attempt's `output.log`.
    pub offset: i64,
    /// How many bytes of `output.log` it holds.
    pub bytes: i64,
    /// The number of its first line within the attempt, from 1.
    pub line: i64,
    /// When its first byte was captured.
    pub time: Timestamp,
    /// Whether it does not end in a newline.
    pub partial: bool,
    /// Its pieces, when they do not touch in `output.log` or their line numbers do not run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<Segment>>,
}

/// Why output was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// It had not been sent for too long after its step had ended.
    Lag,
    /// The job had sent as much as a job may.
    Budget,
}

/// When what was not sent can be read from the complete log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapAvailable {
    /// At once.
    Now,
    /// When the attempt has ended.
    AtEnd,
}

/// Output of a step that was not sent: a stretch of `output.log`, both streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GapPayload {
    /// The stage of the step.
    pub stage: Stage,
    /// The step that printed it.
    pub step_id: String,
    /// The attempt, from 1.
    pub attempt: i32,
    /// Where it begins in the attempt's `output.log`.
    pub from_offset: i64,
    /// Where it ends.
    pub to_offset: i64,
    /// The number of its first line.
    pub from_line: i64,
    /// Of how many lines something lies in it.
    pub lines: i64,
    /// How many bytes it has.
    pub bytes: i64,
    /// Why.
    pub reason: GapReason,
    /// When it can be read.
    pub available: GapAvailable,
}

/// How an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// It began.
    Started,
    /// Every step that counts succeeded.
    Succeeded,
    /// A step that counts failed.
    Failed,
    /// Somebody cancelled the job.
    Cancelled,
    /// The worker died or the server stopped.
    Interrupted,
}

/// An attempt began or ended; what it printed in all is only known at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptPayload {
    /// The attempt, from 1.
    pub attempt: i32,
    /// The worker that runs it.
    pub worker_id: String,
    /// How it stands.
    pub status: AttemptStatus,
    /// The exit code of the step that decided.
    pub exit_code: Option<i32>,
    /// Lines printed; an unfinished last line counts.
    pub lines: Option<i64>,
    /// Bytes printed, after redaction.
    pub bytes: Option<i64>,
    /// Bytes that were not sent as events.
    pub suppressed_bytes: Option<i64>,
    /// How many times something was masked.
    pub redactions: Option<i64>,
    /// SHA-256 of `output.log`, in hexadecimal.
    pub log_sha256: Option<String>,
}

/// How a stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// It began.
    Started,
    /// Its steps succeeded.
    Succeeded,
    /// A step that counts failed.
    Failed,
    /// It was not run.
    Skipped,
}

/// A stage began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StagePayload {
    /// Which stage.
    pub stage: Stage,
    /// How it stands.
    pub status: StageStatus,
    /// The attempt, from 1.
    pub attempt: i32,
    /// How long it took; null at its start.
    pub duration_ms: Option<i64>,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It began.
    Started,
    /// It exited with 0.
    Succeeded,
    /// It exited with another code, by a signal, or could not be started.
    Failed,
    /// It was ended because the job was cancelled.
    Cancelled,
    /// It was ended because its time was up.
    TimedOut,
    /// An earlier step failed.
    Skipped,
}

/// A step began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepPayload {
    /// The stage it belongs to.
    pub stage: Stage,
    /// The step's name for programs.
    pub step_id: String,
    /// Its place in its stage, from 0.
    pub step_index: i32,
    /// The step's name for people.
    pub name: String,
    /// What it runs.
    pub command: String,
    /// The attempt, from 1.
    pub attempt: i32,
    /// How it stands.
    pub status: StepStatus,
    /// Its exit code, if it exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// How long it took; null at its start.
    pub duration_ms: Option<i64>,
}

/// What happened to the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEventStatus {
    /// It was submitted.
    Queued,
    /// A worker took it.
    Claimed,
    /// It waits for its next attempt.
    Requeued,
    /// Its worker's right to it ran out.
    LeaseExpired,
    /// Its worker has not been heard of for 15 s.
    WorkerSilent,
    /// Somebody asked for its cancellation.
    CancelRequested,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It failed on the last of several attempts.
    DeadLetter,
}

/// The job changed hands or state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPayload {
    /// What happened.
    pub status: JobEventStatus,
    /// The current attempt; 0 before the first.
    pub attempt: i32,
    /// The worker concerned.
    pub worker_id: Option<String>,
    /// When the next attempt may begin, after a requeue.
    pub next_attempt_at: Option<Timestamp>,
    /// Why, for people.
    pub reason: Option<String>,
}

/// A file was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactPayload {
    /// The artifact's name on the wire.
    pub artifact_id: ArtifactId,
    /// Its path.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: i64,
}

/// The log is complete: always the job's last event, stored together with its terminal status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndPayload {
    /// The job's terminal status.
    pub status: super::JobStatus,
    /// The last attempt; 0 if there was none.
    pub attempt: i32,
    /// The `seq` of this event.
    pub last_seq: Seq,
    /// Lines of the last attempt's output.
    pub lines: i64,
    /// Bytes of the last attempt's output.
    pub bytes: i64,
    /// SHA-256 of the last attempt's output, in hexadecimal.
    pub log_sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_an_unknown_kind_is_kept_as_it_is() {
        let text = r#"{"kind":"weather","sky":"clear"}"#;
        let payload: Payload = serde_json::from_str(text).expect("any object with a kind is a payload");
        assert!(matches!(payload, Payload::Other(_)));
        assert_eq!(serde_json::to_string(&payload).expect("maps serialise"), text);
    }

    #[test]
    fn a_log_payload_names_its_kind_and_all_of_its_fields() {
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
