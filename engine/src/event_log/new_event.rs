//! Events that are about to be appended.
//!
//! Arbitrary text can enter an event only as [`Redacted`], because no constructor takes a `String`.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use model::{
    ArtifactPayload, AttemptPayload, AttemptStatus, EndPayload, GapAvailable, GapPayload, GapReason, JobEventStatus,
    JobPayload, Level, LogPayload, Payload, ReportedEvent, Segment, Stage, StagePayload, StageStatus, StepPayload,
    StepRef, StepStatus, StreamName, Timestamp,
};
use redact::{MaskCounts, Redacted};
use serde::{Deserialize, Serialize};

use super::redacted_text;

/// An event without its position, id and time, which are assigned when it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewEvent {
    pub(super) level: Level,
    #[serde(with = "redacted_text")]
    pub(super) message: Redacted,
    pub(super) payload: Payload,
}

/// Identifies the step and the attempt that output or an event comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The step's stage, and its index in that stage.
    pub step: StepRef,
    /// The step's machine-readable id.
    pub step_id: Redacted,
    /// The number of the attempt, from 1.
    pub attempt: i32,
}

/// A step with its display name and its command, both redacted.
#[derive(Clone, Debug)]
pub struct StepNames {
    /// The step, with its id and attempt.
    pub origin: Origin,
    /// The step's display name.
    pub name: Redacted,
    /// The command that the step runs.
    pub command: Redacted,
    /// The height of the step's terminal, or `None` if the step has none.
    pub terminal_rows: Option<u16>,
}

/// A chunk of output without its text: the stream, the time and the location in `output.log`.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The output stream.
    pub stream: StreamName,
    /// The time at which the chunk's first byte was captured.
    pub time: Timestamp,
    /// The chunk's segments. There is at least one.
    pub segments: Vec<Segment>,
    /// Whether the chunk is a single segment. If so, the payload omits the list of segments, because its other fields
    /// contain the same information.
    pub joined: bool,
}

/// A range of `output.log` that is suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapRange {
    /// The offset at which the range begins.
    pub from: i64,
    /// The offset at which the range ends.
    pub to: i64,
    /// The number of the first line in the range.
    pub first_line: i64,
    /// The number of lines that have at least one byte in the range.
    pub lines: i64,
}

impl NewEvent {
    /// Creates an event for a chunk of a step's output. `text` is the concatenation of the chunk's segments.
    #[must_use]
    pub fn log(origin: &Origin, chunk: Chunk, text: Redacted) -> Self {
        let first = chunk.segments.first().copied().unwrap_or(Segment(0, 0, 1));
        let level = match chunk.stream {
            StreamName::Stdout => Level::Info,
            StreamName::Stderr => Level::Warn,
        };
        let payload = Payload::Log(LogPayload {
            stream: chunk.stream,
            stage: origin.step.stage,
            step_id: origin.step_id.to_text().into_owned(),
            step_index: origin.step.index,
            attempt: origin.attempt,
            offset: first.0,
            bytes: length(&text),
            line: first.2,
            time: chunk.time,
            partial: text.as_bytes().last() != Some(&b'\n'),
            segments: (!chunk.joined).then_some(chunk.segments),
        });
        Self { level, message: text, payload }
    }

    /// Creates an event for the suppressed output of a step.
    #[must_use]
    pub fn gap(origin: &Origin, range: GapRange, reason: GapReason) -> Self {
        let bytes = range.to - range.from;
        let mut message = Redacted::number(range.lines);
        message.append(&Redacted::literal(if range.lines == 1 { " line (" } else { " lines (" }));
        message.append(&Redacted::number(bytes));
        message.append(&Redacted::literal(if bytes == 1 { " byte) " } else { " bytes) " }));
        message.append(&Redacted::literal(if range.lines == 1 { "was" } else { "were" }));
        message.append(&Redacted::literal(" not shown live because "));
        message.append(&Redacted::literal(match reason {
            GapReason::Lag => "live output fell too far behind",
            GapReason::Budget => "the job reached its live output limit",
        }));
        message.append(&Redacted::literal(". See the complete log"));
        let payload = Payload::Gap(GapPayload {
            stage: origin.step.stage,
            step_id: origin.step_id.to_text().into_owned(),
            attempt: origin.attempt,
            from_offset: range.from,
            to_offset: range.to,
            from_line: range.first_line,
            lines: range.lines,
            bytes,
            reason,
            available: GapAvailable::Now,
        });
        Self { level: Level::Warn, message, payload }
    }

    /// Creates an event for the beginning of a step.
    #[must_use]
    pub fn step_started(step: &StepNames) -> Self {
        Self::step(step, StepStatus::Started, StepEnd::default())
    }

    /// Creates an event for the end of a step, or for a skipped step.
    #[must_use]
    pub fn step_ended(step: &StepNames, status: StepStatus, end: StepEnd) -> Self {
        Self::step(step, status, end)
    }

    fn step(step: &StepNames, status: StepStatus, end: StepEnd) -> Self {
        let level = match status {
            StepStatus::Failed | StepStatus::TimedOut => Level::Error,
            StepStatus::Cancelled => Level::Warn,
            StepStatus::Started | StepStatus::Succeeded | StepStatus::Skipped => Level::Info,
        };
        let mut message = step.name.clone();
        message.append(&Redacted::literal(match status {
            StepStatus::Started => ": started",
            StepStatus::Succeeded => ": succeeded",
            StepStatus::Failed => ": failed",
            StepStatus::Cancelled => ": cancelled",
            StepStatus::TimedOut => ": timed out",
            StepStatus::Skipped => ": skipped",
        }));
        if let Some(note) = &end.note {
            message.append(&Redacted::literal("; "));
            message.append(note);
        }
        let payload = Payload::Step(StepPayload {
            stage: step.origin.step.stage,
            step_id: step.origin.step_id.to_text().into_owned(),
            step_index: step.origin.step.index,
            name: step.name.to_text().into_owned(),
            command: step.command.to_text().into_owned(),
            attempt: step.origin.attempt,
            status,
            exit_code: end.exit_code,
            signal: end.signal,
            duration_ms: end.duration_ms,
            terminal_rows: step.terminal_rows,
        });
        Self { level, message, payload }
    }

    /// Creates an event for the beginning or end of a stage, or for a skipped stage. `duration_ms` is `None` unless the
    /// stage has ended.
    #[must_use]
    pub fn stage(stage: Stage, attempt: i32, status: StageStatus, duration_ms: Option<i64>) -> Self {
        let message = Redacted::literal(match status {
            StageStatus::Started => "Stage started",
            StageStatus::Succeeded => "Stage succeeded",
            StageStatus::Failed => "Stage failed",
            StageStatus::Skipped => "Stage skipped",
        });
        let level = if status == StageStatus::Failed { Level::Error } else { Level::Info };
        Self { level, message, payload: Payload::Stage(StagePayload { stage, status, attempt, duration_ms }) }
    }

    /// Creates an event for the beginning or end of an attempt. `totals` is `None` at the beginning.
    #[must_use]
    pub fn attempt(attempt: i32, worker: &Redacted, status: AttemptStatus, totals: Option<&AttemptTotals>) -> Self {
        let (level, message) = match status {
            AttemptStatus::Started => (Level::Info, "Attempt started"),
            AttemptStatus::Succeeded => (Level::Info, "Attempt succeeded"),
            AttemptStatus::Failed => (Level::Error, "Attempt failed"),
            AttemptStatus::Cancelled => (Level::Warn, "Attempt cancelled"),
            AttemptStatus::Interrupted => (
                Level::Error,
                "Attempt interrupted because its worker stopped. Its output so far is stored, and its processes were killed",
            ),
        };
        let payload = Payload::Attempt(AttemptPayload {
            attempt,
            worker_id: worker.to_text().into_owned(),
            status,
            exit_code: totals.and_then(|totals| totals.exit_code),
            lines: totals.map(|totals| totals.lines),
            bytes: totals.map(|totals| totals.bytes),
            suppressed_bytes: totals.map(|totals| totals.suppressed_bytes),
            redactions: totals.map(|totals| totals.redactions.total),
            redactions_by_rule: totals.map(|totals| totals.redactions.by_rule.clone()),
            log_sha256: totals.map(|totals| totals.log_sha256.clone()),
        });
        Self { level, message: Redacted::literal(message), payload }
    }

    /// Creates an event for a change in the job's state or worker.
    #[must_use]
    pub fn job(status: JobEventStatus, attempt: i32, details: JobDetails) -> Self {
        let (level, text) = match status {
            JobEventStatus::Queued => (Level::Info, "Job queued"),
            JobEventStatus::Claimed => (Level::Info, "Job claimed"),
            JobEventStatus::Requeued => (Level::Warn, "Job queued for its next attempt"),
            JobEventStatus::LeaseExpired => (Level::Error, "The worker's lease expired"),
            JobEventStatus::WorkerSilent => (Level::Warn, "The worker does not respond"),
            JobEventStatus::CancelRequested => (Level::Warn, "Cancellation requested"),
            JobEventStatus::Succeeded => (Level::Info, "Job succeeded"),
            JobEventStatus::Failed => (Level::Error, "Job failed"),
            JobEventStatus::Cancelled => (Level::Warn, "Job cancelled"),
            JobEventStatus::DeadLetter => (Level::Error, "Job failed on its last attempt"),
        };
        let mut message = Redacted::literal(text);
        if let Some(reason) = &details.reason {
            message.append(&Redacted::literal(": "));
            message.append(reason);
        }
        let payload = Payload::Job(JobPayload {
            status,
            attempt,
            worker_id: details.worker.map(|worker| worker.to_text().into_owned()),
            next_attempt_at: details.next_attempt_at,
            reason: details.reason.map(|reason| reason.to_text().into_owned()),
        });
        Self { level, message, payload }
    }

    /// Creates a warning about the job.
    #[must_use]
    pub fn warning(attempt: i32, message: Redacted) -> Self {
        let mut payload = serde_json::Map::new();
        payload.insert("kind".into(), "warning".into());
        payload.insert("attempt".into(), attempt.into());
        Self { level: Level::Warn, message, payload: Payload::Other(payload) }
    }

    /// Creates an event that a worker on another machine reports. All text in its payload must already be masked.
    #[must_use]
    pub(crate) fn reported(level: Level, message: Redacted, payload: Payload) -> Self {
        Self { level, message, payload }
    }

    /// Creates an event for a file that was stored as an artifact.
    #[must_use]
    pub fn artifact(name: &Redacted, artifact_id: model::ArtifactId, size_bytes: i64) -> Self {
        let mut message = Redacted::literal("Artifact stored: ");
        message.append(name);
        let name = name.to_text().into_owned();
        Self {
            level: Level::Info,
            message,
            payload: Payload::Artifact(ArtifactPayload { artifact_id, name, size_bytes }),
        }
    }

    /// Creates the job's last event, after which the log is complete. `lastSeq` is filled in when the event's position
    /// is assigned.
    #[must_use]
    pub(crate) fn end(payload: EndPayload) -> Self {
        Self { level: Level::Info, message: Redacted::literal("End of the log"), payload: Payload::End(payload) }
    }

    /// Returns the event in the form in which a worker on another machine reports it.
    #[must_use]
    pub fn to_report(&self) -> ReportedEvent {
        let (message, raw) = match std::str::from_utf8(self.message.as_bytes()) {
            Ok(text) => (text.to_owned(), None),
            Err(_) => (String::new(), Some(BASE64_STANDARD.encode(self.message.as_bytes()))),
        };
        ReportedEvent { level: Some(self.level), message, raw, payload: Some(self.payload.clone()) }
    }

    /// Returns the machine-readable part of the event.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Returns the human-readable text of the event.
    #[must_use]
    pub const fn message(&self) -> &Redacted {
        &self.message
    }

    /// Returns the event's size, as counted towards the size limits of events and pages.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of_text(self.message.len(), &self.payload)
    }
}

/// The result of a step.
#[derive(Clone, Debug, Default)]
pub struct StepEnd {
    /// The step's exit code, or `None` if the step was skipped, could not be started, or was terminated by a signal.
    pub exit_code: Option<i32>,
    /// The number of the signal that terminated the step, or `None` if the step was not terminated by a signal.
    pub signal: Option<i32>,
    /// The duration of the step in milliseconds, or `None` if the step has not ended or was skipped.
    pub duration_ms: Option<i64>,
    /// A human-readable note about the result, if there is one.
    pub note: Option<Redacted>,
}

/// The exit code of an attempt, and the totals of its output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptTotals {
    /// The exit code of the step that decided the attempt's result, or `None` if no step ran or that step did not exit
    /// by itself.
    pub exit_code: Option<i32>,
    /// The number of lines, including an unfinished last line.
    pub lines: i64,
    /// The number of bytes after redaction.
    pub bytes: i64,
    /// The number of bytes that were not sent as events.
    pub suppressed_bytes: i64,
    /// The number of masks (placeholders for secret values) in the output, in total and for each rule.
    #[serde(flatten)]
    pub redactions: RedactionCounts,
    /// SHA-256 of `output.log`, in hexadecimal.
    pub log_sha256: String,
}

/// The number of masks in an attempt's output, in total and for each rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedactionCounts {
    /// The total number of masks.
    #[serde(rename = "redactions")]
    pub total: i64,
    /// For each rule that recognises unregistered secrets, the number of masks it has caused, keyed by the rule's id.
    #[serde(rename = "redactionsByRule", default)]
    pub by_rule: BTreeMap<String, i64>,
}

impl RedactionCounts {
    /// Adds the masks that a redactor has counted.
    pub fn add(&mut self, counts: &MaskCounts) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.total += number(counts.total());
        for (rule, count) in counts.rules() {
            *self.by_rule.entry(rule.to_owned()).or_default() += number(count);
        }
    }
}

/// Details of a change in a job's state or worker. A detail is `None` if it does not apply to the change.
#[derive(Clone, Debug, Default)]
pub struct JobDetails {
    /// The id of the worker that the change concerns.
    pub worker: Option<Redacted>,
    /// The time at which the next attempt may begin.
    pub next_attempt_at: Option<Timestamp>,
    /// The reason for the change.
    pub reason: Option<Redacted>,
}

/// The number of bytes by which each segment in an event's payload increases the size of the event.
const SEGMENT_SIZE: usize = 24;

/// Returns the size of an event whose text has `length` bytes, as counted towards the size limits.
pub(super) fn size_of_text(length: usize, payload: &Payload) -> usize {
    let segments = match payload {
        Payload::Log(LogPayload { segments: Some(segments), .. }) => segments.len(),
        _ => 0,
    };
    length + SEGMENT_SIZE * segments
}

fn length(text: &Redacted) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}
