//! The totals of a job's complete output, including lines that are not in memory.

use model::{AttemptStatus, Event, LogPayload, Payload, Timestamp};

use super::line::LineKey;

/// The totals of a job's output, by attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    attempts: Vec<AttemptCount>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AttemptCount {
    number: i32,
    lines: i64,
    bytes: i64,
    redactions: i64,
    started: Option<Timestamp>,
}

impl Totals {
    /// Updates the totals from an event. Noting the same event again has no effect, because each total is the greatest
    /// value noted so far.
    pub fn note(&mut self, event: &Event) {
        match &event.payload {
            Payload::Log(payload) => {
                let total = self.of(payload.attempt);
                total.lines = total.lines.max(last_line(&event.message, payload));
                total.bytes = total.bytes.max(end_offset(payload));
            }
            Payload::Gap(payload) => {
                let total = self.of(payload.attempt);
                total.lines = total.lines.max(payload.from_line + payload.lines - 1);
                total.bytes = total.bytes.max(payload.to_offset);
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
            _ => {}
        }
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
    pub fn offset_millis(&self, attempt: i32, at: Timestamp) -> i64 {
        let started = self.attempts.iter().find(|total| total.number == attempt).and_then(|total| total.started);
        started.map_or(0, |started| at.millis_since(started))
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
            self.attempts
                .insert(at, AttemptCount { number: attempt, lines: 0, bytes: 0, redactions: 0, started: None });
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
