//! Displays lifecycle events as text.

use model::ansi::plain_text;
use model::{
    AttemptStatus, Event, GapAvailable, GapReason, JobEventStatus, Payload, StageStatus, StepPayload, StepStatus,
};

use crate::ui::LOG_NAME;
use crate::words;

/// The appearance of a lifecycle event: its icon and its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The job is waiting to run.
    Queued,
    /// The job, an attempt, a stage or a step started.
    Running,
    /// The job, an attempt, a stage or a step succeeded.
    Succeeded,
    /// The job, an attempt, a stage or a step failed.
    Failed,
    /// The job, an attempt or a step was cancelled, or the event is a warning, for example about suppressed output.
    Cancelled,
    /// Any other event.
    Plain,
}

impl Tone {
    /// Returns the name that is used in CSS classes and for icons.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Plain => "plain",
        }
    }
}

/// The text of a lifecycle event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The appearance of the event.
    pub tone: Tone,
    /// The subject of the event, such as a step.
    pub subject: String,
    /// A description of the event.
    pub detail: String,
}

/// Returns an event's kind, as named in the API.
#[must_use]
pub fn kind(event: &Event) -> &str {
    match &event.payload {
        Payload::Log(_) => "log",
        Payload::Gap(_) => "gap",
        Payload::Attempt(_) => "attempt",
        Payload::Stage(_) => "stage",
        Payload::Step(_) => "step",
        Payload::Job(_) => "job",
        Payload::Artifact(_) => "artifact",
        Payload::End(_) => "end",
        Payload::Other(fields) => fields.get("kind").and_then(|kind| kind.as_str()).unwrap_or("other"),
    }
}

/// Returns whether an event is routine, that is, whether the header, the timeline or another row already shows the same
/// information. `all` contains all lifecycle events of the job. Only the filter for stages shows routine events.
#[must_use]
pub fn is_routine(event: &Event, all: &[Event]) -> bool {
    match &event.payload {
        // The header shows that the job succeeded or failed, and the row of the failed step shows why.
        Payload::Job(job) => match job.status {
            JobEventStatus::Queued | JobEventStatus::Claimed | JobEventStatus::Succeeded => true,
            JobEventStatus::Failed | JobEventStatus::DeadLetter => has_failed_step(all, job.attempt),
            _ => false,
        },
        // The end of an attempt is routine, because the result is also reported in the rows for its last step and for
        // the job.
        Payload::Attempt(attempt) => match attempt.status {
            AttemptStatus::Started => attempt.attempt == 1,
            AttemptStatus::Succeeded | AttemptStatus::Failed | AttemptStatus::Cancelled => true,
            AttemptStatus::Interrupted => false,
        },
        Payload::Stage(_) | Payload::End(_) => true,
        Payload::Artifact(artifact) => artifact.name == LOG_NAME,
        Payload::Step(_) | Payload::Gap(_) | Payload::Log(_) | Payload::Other(_) => false,
    }
}

fn has_failed_step(all: &[Event], attempt: i32) -> bool {
    all.iter().rev().any(|event| match &event.payload {
        Payload::Step(step) => {
            step.attempt == attempt && matches!(step.status, StepStatus::Failed | StepStatus::TimedOut)
        }
        _ => false,
    })
}

/// Returns a lifecycle event as one line of text, for copying.
#[must_use]
pub fn text(event: &Event) -> String {
    let words = words(event);
    let space = if words.detail.is_empty() { "" } else { " " };
    format!("-- {}{space}{}", words.subject, words.detail)
}

/// Returns the text of a lifecycle event.
#[must_use]
pub fn words(event: &Event) -> Words {
    let Words { tone, subject, detail } = literal_words(event);
    // Names and commands are chosen by the submitter of the job.
    Words { tone, subject: words::visible(&subject), detail: words::visible(&detail) }
}

fn literal_words(event: &Event) -> Words {
    match &event.payload {
        Payload::Step(step) => of_step(step),
        Payload::Stage(stage) => {
            let (tone, verb) = match stage.status {
                StageStatus::Started => (Tone::Running, "started"),
                StageStatus::Succeeded => (Tone::Succeeded, "succeeded"),
                StageStatus::Failed => (Tone::Failed, "failed"),
                StageStatus::Skipped => (Tone::Plain, "skipped"),
            };
            Words {
                tone,
                subject: format!("Stage {}", stage.stage.as_str()),
                detail: timed(tone, verb, stage.duration_ms),
            }
        }
        Payload::Attempt(attempt) => {
            let (tone, verb) = match attempt.status {
                AttemptStatus::Started => (Tone::Running, "started"),
                AttemptStatus::Succeeded => (Tone::Succeeded, "succeeded"),
                AttemptStatus::Failed => (Tone::Failed, "failed"),
                AttemptStatus::Cancelled => (Tone::Cancelled, "cancelled"),
                AttemptStatus::Interrupted => (Tone::Failed, "interrupted: the worker stopped"),
            };
            let detail = match (attempt.status, attempt.lines, attempt.bytes) {
                (AttemptStatus::Started, ..) => format!("{verb} by {}", words::worker(&attempt.worker_id)),
                (_, Some(lines), Some(bytes)) => {
                    format!("{verb} \u{b7} {}, {}", words::plural(lines, "line"), words::bytes(bytes))
                }
                _ => verb.to_owned(),
            };
            Words { tone, subject: format!("Attempt {}", attempt.attempt), detail }
        }
        Payload::Gap(gap) => {
            let why = match gap.reason {
                GapReason::Lag => "not shown live: the job printed faster than its output could be sent",
                GapReason::Budget => "not shown live: live output limit reached",
            };
            let when = match gap.available {
                GapAvailable::Now => "See the complete log.",
                GapAvailable::AtEnd if gap.lines == 1 => "It will be in the complete log when the attempt ends.",
                GapAvailable::AtEnd => "They will be in the complete log when the attempt ends.",
            };
            let subject = format!("{} ({})", words::plural(gap.lines, "line"), words::bytes(gap.bytes));
            Words { tone: Tone::Cancelled, subject, detail: format!("{why}. {when}") }
        }
        Payload::Artifact(artifact) => Words {
            tone: Tone::Plain,
            subject: plain_text(&artifact.name).into_owned(),
            detail: format!("stored as an artifact, {}", words::bytes(artifact.size_bytes)),
        },
        Payload::End(end) => Words {
            tone: Tone::Plain,
            subject: "End of the log".to_owned(),
            detail: format!("{}, {}", words::plural(end.lines, "line"), words::bytes(end.bytes)),
        },
        Payload::Job(job) => {
            let tone = match job.status {
                JobEventStatus::Queued | JobEventStatus::Requeued => Tone::Queued,
                JobEventStatus::Claimed => Tone::Running,
                JobEventStatus::Succeeded => Tone::Succeeded,
                JobEventStatus::Failed | JobEventStatus::DeadLetter | JobEventStatus::LeaseExpired => Tone::Failed,
                JobEventStatus::Cancelled | JobEventStatus::CancelRequested | JobEventStatus::WorkerSilent => {
                    Tone::Cancelled
                }
            };
            Words { tone, subject: event.message.clone(), detail: String::new() }
        }
        Payload::Log(_) | Payload::Other(_) => {
            Words { tone: Tone::Plain, subject: event.message.clone(), detail: String::new() }
        }
    }
}

fn of_step(step: &StepPayload) -> Words {
    let tone = match step.status {
        StepStatus::Started => Tone::Running,
        StepStatus::Succeeded => Tone::Succeeded,
        StepStatus::Failed | StepStatus::TimedOut => Tone::Failed,
        StepStatus::Cancelled => Tone::Cancelled,
        StepStatus::Skipped => Tone::Plain,
    };
    let detail = match (step.status, step.exit_code, step.signal) {
        (StepStatus::Started, ..) => format!("$ {}", step.command.trim_start().lines().next().unwrap_or_default()),
        (StepStatus::Failed, Some(code), _) => timed(tone, &format!("failed with exit code {code}"), step.duration_ms),
        (StepStatus::Failed, None, Some(signal)) => {
            timed(tone, &format!("killed by signal {signal}"), step.duration_ms)
        }
        (status, ..) => timed(tone, words::step_status(status), step.duration_ms),
    };
    // If the step's name is derived from its command, the subject is the step's id, because the detail already shows
    // the command.
    let subject = if step.command.starts_with(&step.name) { step.step_id.clone() } else { step.name.clone() };
    Words { tone, subject, detail }
}

/// Appends a duration to a verb, as in "succeeded in 2 s" or "failed after 2 s".
fn timed(tone: Tone, verb: &str, millis: Option<i64>) -> String {
    let preposition = if tone == Tone::Succeeded { "in" } else { "after" };
    match millis {
        Some(millis) => format!("{verb} {preposition} {}", words::duration(millis)),
        None => verb.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live_output::simulated::{event, gap_event, lifecycle_event};
    use model::{Level, Seq, Stage, StagePayload};
    use serde_json::json;

    fn step(status: StepStatus, exit_code: Option<i32>, signal: Option<i32>) -> String {
        text(&event(
            Seq(1),
            Level::Info,
            "",
            Payload::Step(StepPayload {
                stage: Stage::Execute,
                step_id: "build".into(),
                step_index: 0,
                name: "Build".into(),
                command: "\ncargo build\ncargo test".into(),
                attempt: 1,
                status,
                exit_code,
                signal,
                duration_ms: (status != StepStatus::Started).then_some(12_600),
                terminal_rows: None,
            }),
        ))
    }

    #[test]
    fn a_step_shows_its_command_and_its_result() {
        assert_eq!(step(StepStatus::Started, None, None), "-- Build $ cargo build");
        assert_eq!(step(StepStatus::Succeeded, Some(0), None), "-- Build succeeded in 12.6 s");
        assert_eq!(step(StepStatus::Failed, Some(101), None), "-- Build failed with exit code 101 after 12.6 s");
        assert_eq!(step(StepStatus::Failed, None, Some(9)), "-- Build killed by signal 9 after 12.6 s");
        assert_eq!(step(StepStatus::TimedOut, None, Some(15)), "-- Build timed out after 12.6 s");
    }

    #[test]
    fn a_gap_shows_the_amount_and_the_location_of_the_missing_output() {
        let gap = gap_event(Seq(1), (1_000, 13_000), (20, 1_234));
        let expected = "-- 1,234 lines (12 kB) not shown live: live output limit reached. See the complete log.";
        assert_eq!(text(&gap), expected);
    }

    #[test]
    fn stage_and_job_events_describe_the_change() {
        let payload =
            StagePayload { stage: Stage::Execute, status: StageStatus::Started, attempt: 1, duration_ms: None };
        assert_eq!(text(&event(Seq(1), Level::Info, "", Payload::Stage(payload))), "-- Stage execute started");
        assert_eq!(text(&lifecycle_event(Seq(1), Level::Info)), "-- Requeued");
    }

    #[test]
    fn events_that_other_parts_of_the_page_report_are_routine() {
        let json = |payload: serde_json::Value| {
            let payload = serde_json::from_value(payload).expect("a payload");
            is_routine(&event(Seq(1), Level::Info, "", payload), &[])
        };
        for (status, routine) in [
            ("queued", true),
            ("claimed", true),
            ("requeued", false),
            ("succeeded", true),
            ("failed", false),
            ("cancelled", false),
        ] {
            assert_eq!(json(json!({"kind": "job", "status": status, "attempt": 1})), routine, "{status}");
        }
        for (attempt, status, routine) in
            [(1, "started", true), (2, "started", false), (2, "failed", true), (1, "interrupted", false)]
        {
            let payload = json!({"kind": "attempt", "attempt": attempt, "workerId": "w", "status": status});
            assert_eq!(json(payload), routine, "{attempt} {status}");
        }
        for (name, routine) in [("logs/output.log", true), ("report.txt", false)] {
            let payload = json!({"kind": "artifact", "artifactId": uuid::Uuid::nil(), "name": name, "sizeBytes": 1, "digest": "", "attempt": 1});
            assert_eq!(json(payload), routine, "{name}");
        }
        assert!(json(json!({"kind": "stage", "stage": "execute", "status": "failed", "attempt": 1})));
        assert!(!json(json!({"kind": "note", "text": "of a later version"})));
    }

    #[test]
    fn the_failure_of_a_job_is_routine_if_one_of_its_steps_shows_the_reason() {
        let at = |seq, payload| {
            let payload = serde_json::from_value(payload).expect("a payload");
            event(Seq(seq), Level::Info, "", payload)
        };
        let step = |attempt, status| {
            let id = "build";
            json!({"kind": "step", "stage": "execute", "stepId": id, "stepIndex": 0, "name": id, "command": id,
                "attempt": attempt, "status": status, "exitCode": 1, "signal": null, "durationMs": 1})
        };
        for (failed, attempt, status, routine) in [
            ("failed", 1, "failed", true),
            ("dead_letter", 1, "timed_out", true),
            ("failed", 1, "succeeded", false),
            ("failed", 2, "failed", false),
        ] {
            let job = at(9, json!({"kind": "job", "status": failed, "attempt": attempt}));
            let all = [at(3, step(1, status)), job.clone()];
            assert_eq!(is_routine(&job, &all), routine, "{failed} {attempt} {status}");
        }
    }
}
