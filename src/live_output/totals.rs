//! The totals of a job's complete output, including lines that are not in memory.

use model::{AttemptStatus, Event, LogPayload, Payload, StepRef, StepStatus, Timestamp};

use super::line::LineKey;

/// The totals of a job's output, by attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    attempts: Vec<AttemptCount>,
    /// The totals that the `end` event states for the last attempt, or `None` before that event has been received.
    end: Option<PrintedTotals>,
}

/// The amount of output that an attempt has printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PrintedTotals {
    attempt: i32,
    lines: i64,
    bytes: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct AttemptCount {
    number: i32,
    lines: i64,
    bytes: i64,
    /// The numbers of lines and bytes of output up to the end of the last received log event or gap (an event in place
    /// of output that was not sent live).
    received: (i64, i64),
    redactions: i64,
    started: Option<Timestamp>,
    /// The steps that have started, each with the time of its start.
    steps: Vec<(StepRef, Timestamp)>,
}

impl Totals {
    /// Updates the totals from an event. An event that is received again has no effect, because each total is the
    /// greatest value so far.
    pub fn note(&mut self, event: &Event) {
        match &event.payload {
            Payload::Log(payload) => {
                self.receive(payload.attempt, last_line(&event.message, payload), end_offset(payload));
            }
            Payload::Gap(payload) => {
                self.receive(payload.attempt, payload.from_line + payload.lines - 1, payload.to_offset);
            }
            Payload::Attempt(payload) => {
                let total = self.of(payload.attempt);
                total.lines = total.lines.max(payload.lines.unwrap_or(0));
                total.bytes = total.bytes.max(payload.bytes.unwrap_or(0));
                total.redactions = total.redactions.max(payload.redactions.unwrap_or(0));
                if payload.status == AttemptStatus::Started {
                    total.started = Some(event.created_at);
                }
            }
            Payload::Step(payload) if payload.status == StepStatus::Started => {
                let (total, step) = (self.of(payload.attempt), payload.step());
                if total.steps.iter().all(|(known, _)| *known != step) {
                    total.steps.push((step, event.created_at));
                }
            }
            Payload::End(payload) => {
                self.end = Some(PrintedTotals { attempt: payload.attempt, lines: payload.lines, bytes: payload.bytes });
            }
            _ => {}
        }
    }

    fn receive(&mut self, attempt: i32, lines: i64, bytes: i64) {
        let total = self.of(attempt);
        total.lines = total.lines.max(lines);
        total.bytes = total.bytes.max(bytes);
        total.received = (total.received.0.max(lines), total.received.1.max(bytes));
    }

    /// Returns whether the received log events and gaps end exactly at the last line and byte that the `end` event
    /// states.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        let received = |attempt: i32| self.find(attempt).map_or((0, 0), |total| total.received);
        self.end.is_some_and(|end| received(end.attempt) == (end.lines, end.bytes))
    }

    /// Returns the number of lines printed by all attempts.
    #[must_use]
    pub fn lines(&self) -> i64 {
        self.attempts.iter().map(|total| total.lines).sum()
    }

    /// Returns the number of bytes printed by all attempts, after redaction.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        self.attempts.iter().map(|total| total.bytes).sum()
    }

    /// Returns the number of values that were masked in attempts that have ended.
    #[must_use]
    pub fn redactions(&self) -> i64 {
        self.attempts.iter().map(|total| total.redactions).sum()
    }

    /// Returns the milliseconds between the start of an attempt and a point in time, or 0 if the start is unknown.
    #[must_use]
    pub fn millis_since_attempt(&self, attempt: i32, at: Timestamp) -> i64 {
        let started = self.find(attempt).and_then(|total| total.started);
        started.map_or(0, |started| at.millis_since(started))
    }

    /// Returns the milliseconds between the start of a step and a point in time. If the start of the step is unknown,
    /// returns the time since the start of the attempt.
    #[must_use]
    pub fn millis_since_step(&self, attempt: i32, step: StepRef, at: Timestamp) -> i64 {
        let steps = self.find(attempt).map_or(&[][..], |total| &total.steps);
        let started = steps.iter().find(|(known, _)| *known == step);
        started.map_or_else(|| self.millis_since_attempt(attempt, at), |(_, started)| at.millis_since(*started))
    }

    fn find(&self, attempt: i32) -> Option<&AttemptCount> {
        self.attempts.iter().find(|total| total.number == attempt)
    }

    /// Returns the number of lines that all attempts printed before the given line.
    #[must_use]
    pub fn index(&self, key: LineKey) -> i64 {
        let earlier = self.attempts.iter().filter(|total| total.number < key.attempt).map(|total| total.lines);
        earlier.sum::<i64>() + key.number - 1
    }

    /// Returns the line at an index, counted from 0 over all attempts, or `None` if there is no such line.
    #[must_use]
    pub fn key(&self, index: i64) -> Option<LineKey> {
        let mut rest = index;
        for total in &self.attempts {
            if (0..total.lines).contains(&rest) {
                return Some(LineKey { attempt: total.number, number: rest + 1 });
            }
            rest -= total.lines;
        }
        None
    }

    /// Returns the key of the line that will follow the last known one.
    #[must_use]
    pub fn end(&self) -> LineKey {
        let last = self.attempts.last();
        last.map_or(LineKey::FIRST, |total| LineKey { attempt: total.number, number: total.lines + 1 })
    }

    /// Returns the number of the last known attempt, or `None` if no attempt is known.
    #[must_use]
    pub fn last_attempt(&self) -> Option<i32> {
        self.attempts.last().map(|total| total.number)
    }

    /// Records the number of lines of an attempt, as reported by the server.
    pub fn note_lines(&mut self, attempt: i32, lines: i64) {
        let total = self.of(attempt);
        total.lines = total.lines.max(lines);
    }

    fn of(&mut self, attempt: i32) -> &mut AttemptCount {
        let at = self.attempts.partition_point(|total| total.number < attempt);
        if self.attempts.get(at).is_none_or(|total| total.number != attempt) {
            self.attempts.insert(at, AttemptCount { number: attempt, ..AttemptCount::default() });
        }
        &mut self.attempts[at]
    }
}

fn last_line(text: &str, payload: &LogPayload) -> i64 {
    super::line::pieces(text, payload).last().map_or(0, |piece| piece.number)
}

fn end_offset(payload: &LogPayload) -> i64 {
    payload.segments().last().map_or(0, |segment| segment.end())
}

#[cfg(test)]
mod tests {
    use model::{EndPayload, JobStatus, Level, Seq};

    use super::*;
    use crate::live_output::simulated::{event, gap_event, log_event};

    fn end(lines: i64, bytes: i64) -> Event {
        let log_sha256 = String::new();
        let payload =
            EndPayload { status: JobStatus::Succeeded, attempt: 1, last_seq: Seq(9), lines, bytes, log_sha256 };
        event(Seq(9), Level::Info, "", Payload::End(payload))
    }

    fn is_verified(events: &[Event]) -> bool {
        let mut totals = Totals::default();
        for event in events {
            totals.note(event);
        }
        totals.is_verified()
    }

    #[test]
    fn a_log_is_verified_if_its_events_extend_to_the_stated_end() {
        let lines = log_event(Seq(1), 1, "one\ntwo\n");
        assert!(!is_verified(std::slice::from_ref(&lines)), "the end has not been received");
        assert!(is_verified(&[lines.clone(), end(2, 8)]));
        assert!(!is_verified(&[lines.clone(), end(3, 12)]), "a line is missing");
        assert!(!is_verified(&[lines.clone(), end(2, 9)]), "a byte is missing");
        let gap = gap_event(Seq(2), (8, 100), (3, 10));
        assert!(is_verified(&[lines, gap, end(12, 100)]), "a gap stands for its lines");
        assert!(is_verified(&[end(0, 0)]), "nothing was printed");
    }

    #[test]
    fn the_totals_in_an_attempt_event_do_not_verify_a_log() {
        let json = serde_json::json!({"kind": "attempt", "attempt": 1, "workerId": "w", "status": "succeeded", "lines": 2, "bytes": 8});
        let attempt = event(Seq(8), Level::Info, "", serde_json::from_value(json).expect("a payload"));
        assert!(!is_verified(&[log_event(Seq(1), 1, "one\n"), attempt, end(2, 8)]));
    }
}
