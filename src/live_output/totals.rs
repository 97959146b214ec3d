//! What a job has printed in all, held or not.

use crate::model::{AttemptStatus, Event, LogPayload, Payload, Segment, Timestamp};

/// What a job has printed in all, by attempt. Pure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    attempts: Vec<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempt {
    number: i32,
    lines: i64,
    bytes: i64,
    redactions: i64,
    started: Option<Timestamp>,
}

impl Totals {
    /// Takes an event's figures into account. An event may come twice: only the greatest figures count.
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

    /// Returns how many lines all attempts have printed.
    #[must_use]
    pub fn lines(&self) -> i64 {
        self.attempts.iter().map(|total| total.lines).sum()
    }

    /// Returns how many bytes all attempts have printed, after redaction.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        self.attempts.iter().map(|total| total.bytes).sum()
    }

    /// Returns how often something was masked, as far as attempts have ended.
    #[must_use]
    pub fn redactions(&self) -> i64 {
        self.attempts.iter().map(|total| total.redactions).sum()
    }

    /// Returns how long after its attempt began something was, in milliseconds; 0 when that is not known.
    #[must_use]
    pub fn offset_millis(&self, attempt: i32, at: Timestamp) -> i64 {
        let started = self.attempts.iter().find(|total| total.number == attempt).and_then(|total| total.started);
        started.map_or(0, |started| at.millis_since(started))
    }

    /// Returns how many lines were printed before line `number` of an attempt.
    #[must_use]
    pub fn lines_before(&self, attempt: i32, number: i64) -> i64 {
        let earlier = self.attempts.iter().filter(|total| total.number < attempt).map(|total| total.lines);
        earlier.sum::<i64>() + number - 1
    }

    fn of(&mut self, attempt: i32) -> &mut Attempt {
        let at = self.attempts.partition_point(|total| total.number < attempt);
        if self.attempts.get(at).is_none_or(|total| total.number != attempt) {
            self.attempts.insert(at, Attempt { number: attempt, lines: 0, bytes: 0, redactions: 0, started: None });
        }
        &mut self.attempts[at]
    }
}

fn last_line(text: &str, payload: &LogPayload) -> i64 {
    super::line::pieces(text, payload).last().map_or(0, |piece| piece.number)
}

fn end_offset(payload: &LogPayload) -> i64 {
    match payload.segments.as_deref().and_then(<[Segment]>::last) {
        Some(&Segment(offset, bytes, _)) => offset + bytes,
        None => payload.offset + payload.bytes,
    }
}
