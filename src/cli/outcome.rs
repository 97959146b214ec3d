//! Computes the exit code of `tailwater run` from the outcome of the job.

use model::{AttemptStatus, Event, JobStatus, Payload, StepStatus};

use crate::words;

/// The exit code if the job was cancelled.
const CANCELLED: u8 = 123;
/// The exit code if the job timed out. The `timeout` command uses the same code.
const TIMED_OUT: u8 = 124;
/// The exit code if Tailwater itself failed. `timeout` and container tools use the same code for their own failures.
pub(super) const OURS: u8 = 125;
/// The exit code if the job failed without an exit code, because its command could not be started or its worker died.
/// Shells use the same code if a command cannot be executed.
const NO_CODE: u8 = 126;
/// The exit code if the user pressed Ctrl-C a second time. It is 128 plus the number of SIGINT, as for any program that
/// is killed by that signal.
pub(super) const LEFT: u8 = 130;
/// The exit code if the reader of the output has closed the pipe. It is 128 plus the number of SIGPIPE.
pub(super) const CLOSED_PIPE: u8 = 141;
/// The offset that is added to a signal's number to get an exit code, as in shells.
const SIGNAL: i32 = 128;

/// The outcome of the job according to the events received so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    status: Option<JobStatus>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    timed_out: bool,
    interrupted: bool,
    reason: Option<String>,
}

impl Outcome {
    /// Updates the outcome with the next event. The start of an attempt discards the outcome of the previous attempt.
    pub(super) fn see(&mut self, event: &Event) {
        match &event.payload {
            Payload::Attempt(attempt) if attempt.status == AttemptStatus::Started => *self = Self::default(),
            Payload::Attempt(attempt) => {
                self.exit_code = attempt.exit_code;
                self.interrupted = attempt.status == AttemptStatus::Interrupted;
            }
            Payload::Step(step) => {
                self.timed_out |= step.status == StepStatus::TimedOut;
                self.signal = step.signal.filter(|_| step.status == StepStatus::Failed);
            }
            Payload::Job(job) => self.reason = job.reason.clone().or_else(|| self.reason.take()),
            Payload::End(end) => self.status = Some(end.status),
            Payload::Log(_) | Payload::Gap(_) | Payload::Stage(_) | Payload::Artifact(_) | Payload::Other(_) => {}
        }
    }

    /// Returns the exit code that corresponds to the outcome.
    pub(super) fn exit_code(&self) -> u8 {
        match self.status {
            Some(JobStatus::Succeeded) => 0,
            Some(JobStatus::Cancelled) => CANCELLED,
            _ if self.timed_out => TIMED_OUT,
            _ if self.interrupted => NO_CODE,
            _ => {
                let code = self.signal.map(|signal| SIGNAL + signal).or(self.exit_code);
                code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0).unwrap_or(NO_CODE)
            }
        }
    }

    /// Returns an explanation of the outcome. Returns `None` if the job has not finished, if it succeeded, or if the
    /// exit code or signal of its command explains the failure.
    pub(super) fn remark(&self) -> Option<String> {
        let status = self.status?;
        let has_own_code = !self.timed_out && !self.interrupted && (self.exit_code.is_some() || self.signal.is_some());
        if status == JobStatus::Succeeded || (has_own_code && status != JobStatus::Cancelled) {
            return None;
        }
        let why = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(format!("the job has finished ({}){why}", words::status(status).to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(payloads: &[Value], code: u8) {
        let mut outcome = Outcome::default();
        for (seq, payload) in (1..).zip(payloads) {
            let mut full = json!({"attempt": 1, "workerId": "w", "stage": "execute", "stepId": "run", "stepIndex": 0,
                "name": "", "command": "", "lastSeq": 9, "lines": 0, "bytes": 0, "logSha256": ""});
            for (name, value) in payload.as_object().expect("it is an object") {
                full[name] = value.clone();
            }
            let id = uuid::Uuid::nil();
            let event = json!({"seq": seq, "id": id, "jobId": id, "level": "info", "message": "", "payload": full,
                "createdAt": "2026-01-31T12:00:00Z"});
            outcome.see(&serde_json::from_value(event).expect("it is an event"));
        }
        assert_eq!(outcome.exit_code(), code, "{payloads:?}");
    }

    fn step(status: &str, exit_code: Option<i32>, signal: Option<i32>) -> Value {
        json!({"kind": "step", "status": status, "exitCode": exit_code, "signal": signal})
    }

    fn attempt(status: &str, exit_code: Option<i32>) -> Value {
        json!({"kind": "attempt", "status": status, "exitCode": exit_code})
    }

    fn end(status: &str) -> Value {
        json!({"kind": "end", "status": status})
    }

    #[test]
    fn the_exit_code_is_that_of_the_command_if_it_has_one() {
        check(&[step("succeeded", Some(0), None), attempt("succeeded", Some(0)), end("succeeded")], 0);
        check(&[step("failed", Some(7), None), attempt("failed", Some(7)), end("failed")], 7);
        check(&[step("failed", None, Some(9)), attempt("failed", None), end("failed")], 137);
        check(&[step("failed", Some(7), None), attempt("failed", Some(7)), end("dead_letter")], 7);
    }

    #[test]
    fn outcomes_without_an_exit_code_have_distinct_codes() {
        check(&[step("cancelled", None, Some(15)), attempt("cancelled", None), end("cancelled")], CANCELLED);
        check(&[step("timed_out", None, Some(15)), attempt("failed", None), end("failed")], TIMED_OUT);
        check(&[step("failed", None, None), attempt("failed", None), end("failed")], NO_CODE);
        check(&[step("cancelled", Some(0), None), attempt("interrupted", Some(0)), end("failed")], NO_CODE);
        check(&[end("cancelled")], CANCELLED);
    }

    #[test]
    fn only_the_last_attempt_counts() {
        let first = [attempt("started", None), step("failed", None, Some(9)), attempt("failed", None)];
        let second =
            [attempt("started", None), step("failed", Some(3), None), attempt("failed", Some(3)), end("dead_letter")];
        check(&[&first[..], &second].concat(), 3);
    }
}
