//! The part of a job's log that the page holds: a bounded window of lines, and every milestone.
//!
//! Pure. Lines come together from chunks ([`super::line`]) and are kept in the order of `output.log`, whatever the order
//! in which two streams' chunks arrive. The window has two ends: live output is appended at its newer end while that end
//! is the log's; earlier and later parts are loaded when somebody reads there, and what then exceeds the bound is dropped
//! at the other end. What is not held is counted, never silently missing. Milestones (all that is not output) are
//! few and are all kept.
//!
//! Events are told apart by `seq` alone. An event may be taken in again after a part of its lines was dropped: a line that
//! is there keeps what it has.

mod colours;
mod lines;

use std::collections::VecDeque;

use crate::model::{Event, LogPayload, Payload, Seq};

use super::line::{Line, LineKey, Measured, StepKey, pieces};
use super::totals::Totals;
use colours::Colours;
use lines::{Lines, cut};

/// How much the page holds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lines; a browser lays out 50,000 in well under a frame.
    pub lines: usize,
    /// Bytes of their text, so that a phone survives long lines too.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lines: 50_000, bytes: 16 * 1024 * 1024 }
    }
}

/// What becomes of live output when as much is held as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest lines go: somebody follows.
    DropOldest,
    /// The window stays where it is, because somebody reads in it; what comes is counted, and loaded later.
    Detach,
}

/// A bounded window of lines, and every milestone.
#[derive(Clone, Debug)]
pub struct Buffer {
    lines: Lines,
    milestones: Vec<Event>,
    totals: Totals,
    limits: Limits,
    /// All that the log holds from here on, up to `last`, has been taken in.
    first: Seq,
    last: Seq,
    /// The newest event known.
    end: Seq,
    colours: Colours,
}

impl Buffer {
    /// Begins with all milestones so far and the newest events, oldest first; `end` is the last event looked at.
    #[must_use]
    pub fn new(milestones: Vec<Event>, tail: &[Event], end: Seq, limits: Limits) -> Self {
        let mut buffer = Self {
            lines: Lines::default(),
            milestones: Vec::new(),
            totals: Totals::default(),
            limits,
            first: Seq::START,
            last: Seq::START,
            end: Seq::START,
            colours: Colours::default(),
        };
        for event in milestones {
            buffer.totals.note(&event);
            buffer.keep_milestone(event);
        }
        buffer.jump(tail, end);
        buffer
    }

    /// Returns the lines held, in order.
    #[must_use]
    pub const fn lines(&self) -> &VecDeque<Line> {
        self.lines.all()
    }

    /// Returns every event that is not output, oldest first.
    #[must_use]
    pub fn milestones(&self) -> &[Event] {
        &self.milestones
    }

    /// Returns what the job has printed in all.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Returns the newest event known: where the feed goes on.
    #[must_use]
    pub const fn end(&self) -> Seq {
        self.end
    }

    /// Returns the cursor before which output is not held, if there is any.
    #[must_use]
    pub fn earlier(&self) -> Option<Seq> {
        let known = self.milestones.partition_point(|event| event.seq < self.first);
        let known = i64::try_from(known).unwrap_or(i64::MAX);
        (self.first.0 - 1 > known).then_some(self.first)
    }

    /// Returns the cursor after which output is not held, if there is any.
    #[must_use]
    pub fn later(&self) -> Option<Seq> {
        (self.last < self.end).then_some(self.last)
    }

    /// Returns how many lines the log has before the window.
    #[must_use]
    pub fn lines_before(&self) -> i64 {
        self.lines()
            .front()
            .map_or(self.totals.lines(), |line| self.totals.lines_before(line.key.attempt, line.key.number))
    }

    /// Returns how many lines the log has after the window.
    #[must_use]
    pub fn lines_after(&self) -> i64 {
        let up_to = |line: &Line| self.totals.lines_before(line.key.attempt, line.key.number + 1);
        self.totals.lines() - self.lines().back().map_or(0, up_to)
    }

    /// Takes how a line was found to be drawn. Returns whether that was news.
    pub fn measure(&mut self, key: LineKey, measured: Measured) -> bool {
        let Some(at) = self.lines.find(key) else { return false };
        let news = self.lines()[at].rows(measured.columns) != measured.rows;
        if news {
            self.lines.change(at, |line| line.measured = Some(measured));
        }
        news
    }

    /// Takes in live events, oldest first; one that is known already changes nothing.
    pub fn append(&mut self, events: Vec<Event>, when_full: WhenFull) {
        for event in events {
            if event.seq <= self.end {
                continue;
            }
            let attached = self.last == self.end && !(when_full == WhenFull::Detach && self.lines.is_full(self.limits));
            self.end = event.seq;
            self.totals.note(&event);
            if attached {
                self.last = event.seq;
                self.take(&event);
            }
            self.keep_milestone(event);
        }
        if when_full == WhenFull::DropOldest {
            self.drop_oldest_beyond_limits();
        }
    }

    /// Takes in the newest events in place of all lines; `end` is the last event looked at.
    pub fn jump(&mut self, tail: &[Event], end: Seq) {
        self.lines = Lines::default();
        self.colours = Colours::default();
        self.first = tail.first().map_or(end.plus(1), |event| event.seq);
        for event in tail {
            self.totals.note(event);
            self.take(event);
            if !matches!(event.payload, Payload::Log(_)) {
                self.keep_milestone(event.clone());
            }
        }
        self.last = end;
        self.end = self.end.max(end);
        self.drop_oldest_beyond_limits();
    }

    /// Takes in an earlier part, oldest first; `first` is the first event looked at.
    ///
    /// Of a part with more lines than there is room, those nearest to the window are kept.
    pub fn prepend(&mut self, events: &[Event], first: Seq) {
        let part = Self::new(Vec::new(), events, Seq::START, Limits { lines: usize::MAX, bytes: usize::MAX });
        let mut fresh = Vec::new();
        for line in &part.lines {
            match self.lines.find(line.key) {
                // Of an event that also reaches beyond the newer end, that part stays dropped.
                None if line.first_seq > self.last && self.lines().back().is_some_and(|back| line.key > back.key) => {}
                None => fresh.push(line.clone()),
                Some(at) if line.last_seq < self.lines()[at].first_seq => {
                    self.lines.change(at, |known| known.prepend(line.clone()));
                }
                Some(_) => {}
            }
        }
        let kept = fresh.split_off(fresh.len().saturating_sub(self.limits.lines / 2));
        let cut = cut(fresh);
        self.first = self.first.min(cut.newest.map_or(first, |newest| newest.plus(1)));
        self.lines.merge(cut.going_on.into_iter().chain(kept).collect());
        self.lines.recolour();
        self.drop_newest(self.lines.excess_of_newest(self.limits));
    }

    /// Takes in a later part, oldest first; `last` is the last event looked at.
    ///
    /// Of a part with more lines than there is room, those nearest to the window are kept.
    pub fn extend(&mut self, events: &[Event], last: Seq) {
        let before = self.lines().len();
        for event in events {
            self.take(event);
        }
        self.last = last.min(self.end);
        let fresh = self.lines().len() - before;
        self.drop_newest(fresh.saturating_sub(self.limits.lines / 2));
        self.drop_oldest_beyond_limits();
    }

    fn drop_oldest_beyond_limits(&mut self) {
        let excess = self.lines.excess_of_oldest(self.limits);
        if let Some(newest) = self.lines.drop_oldest(excess) {
            self.first = self.first.max(newest.plus(1));
        }
    }

    fn drop_newest(&mut self, count: usize) {
        if let Some(oldest) = self.lines.drop_newest(count) {
            self.last = self.last.min(Seq(oldest.0 - 1));
            self.colours = self.lines.colours();
        }
    }

    fn keep_milestone(&mut self, event: Event) {
        if matches!(event.payload, Payload::Log(_)) {
            return;
        }
        let at = self.milestones.partition_point(|known| known.seq < event.seq);
        if self.milestones.get(at).is_none_or(|known| known.seq != event.seq) {
            self.milestones.insert(at, event);
        }
    }

    fn take(&mut self, event: &Event) {
        if let Payload::Log(payload) = &event.payload {
            self.take_chunk(event.seq, &event.message, payload);
        }
    }

    fn take_chunk(&mut self, seq: Seq, text: &str, payload: &LogPayload) {
        let step = StepKey { stage: payload.stage, index: payload.step_index };
        let mut colours = self.colours;
        let scanner = colours.enter(payload.stream, payload.attempt, step);
        let mut fresh: Vec<Line> = Vec::new();
        // The line that grows, when it was there before this event: a chunk may hold several pieces of one line.
        let mut growing = None;
        for piece in pieces(text, payload) {
            let key = LineKey { attempt: payload.attempt, number: piece.number };
            if let Some(last) = fresh.last_mut().filter(|line| line.key == key) {
                last.push(piece.text, seq, scanner);
            } else if let Some(at) = self.lines.find(key) {
                if growing == Some(key) || seq > self.lines()[at].last_seq {
                    growing = Some(key);
                    self.lines.change(at, |line| line.push(piece.text, seq, scanner));
                }
            } else {
                scanner.end_line();
                if seq < self.first && self.lines().front().is_some_and(|front| key < front.key) {
                    // Of an event that also reaches beyond the older end, that part stays dropped.
                    scanner.skip(piece.text);
                } else {
                    let mut line = Line::new(key, payload, seq, scanner.style());
                    line.push(piece.text, seq, scanner);
                    fresh.push(line);
                }
            }
        }
        self.colours = colours;
        self.lines.merge(fresh);
    }
}

#[cfg(test)]
mod tests;
