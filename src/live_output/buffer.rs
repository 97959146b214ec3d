//! The part of a job's log that the page keeps in memory: a bounded window of lines, and all lifecycle events.
//!
//! This module is pure. The window is a contiguous range of lines. While it includes the end of the log, live output is
//! appended to it. Live output arrives as chunks, each of which is the text of one event. Chunks are assembled into
//! lines ([`super::line`]) in the order of `output.log` (the complete output), even if chunks of the two streams arrive
//! in another order. Any other range is loaded by line number when the reader scrolls to it. A loaded range that
//! touches the window is added to it. A range that does not touch the window replaces it. If the window then exceeds
//! its limits, lines at the opposite end are dropped. Lines that are not in memory are counted, so that the page can
//! show how many are missing. Lifecycle events (all events except output) are few, so all of them stay in memory.
//!
//! The log level of a line depends on the preceding lines of the same stream ([`model::level`]). When such lines are
//! loaded, the level is therefore recomputed.
//!
//! Events are identified by `seq` alone, and lines by their attempt and number.

mod colours;
mod lines;
mod live;
mod loading;
mod redraw;

use std::collections::VecDeque;

use model::{AttemptStatus, Event, Payload, Seq, Stage, StepRef};

use super::filter::is_gap;
use super::line::{LineKey, LiveLine, Measured};
use super::totals::Totals;
use colours::Colours;
pub(super) use lines::LineWindow;
use redraw::Redrawing;

/// The limits of the output that the page keeps in memory.
#[derive(Clone, Copy, Debug)]
pub struct BufferLimits {
    /// The maximum number of lines. The layout of 50,000 lines is computed in much less than the time of one frame.
    pub lines: usize,
    /// The maximum number of bytes of text, so that long lines do not exhaust a phone's memory.
    pub bytes: usize,
}

impl Default for BufferLimits {
    fn default() -> Self {
        Self { lines: 50_000, bytes: 16 * 1024 * 1024 }
    }
}

/// The behaviour when live output arrives and the window is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Drop the oldest lines, because the list follows the end of the log.
    DropOldest,
    /// Leave the window unchanged, because the reader is looking at it. New output is only counted, and is loaded when
    /// the reader scrolls to it.
    Detach,
}

/// A range of lines to load: `count` lines of an attempt, starting at line `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRange {
    /// The number of the attempt that printed the lines.
    pub attempt: i32,
    /// The number of the first line in the range, starting at 1.
    pub first: i64,
    /// The number of lines.
    pub count: i64,
}

impl LineRange {
    /// Returns whether the range contains the line `key`.
    #[must_use]
    pub const fn holds(self, key: LineKey) -> bool {
        key.attempt == self.attempt && self.first <= key.number && key.number - self.first < self.count
    }
}

/// A bounded window of lines, and all lifecycle events.
#[derive(Clone, Debug)]
pub struct Buffer {
    lines: LineWindow,
    lifecycle_events: Vec<Event>,
    totals: Totals,
    limits: BufferLimits,
    /// Whether the window includes the end of the log.
    attached: bool,
    /// The `seq` of the newest known event.
    end: Seq,
    colours: Colours,
    redrawing: Redrawing,
    /// For each stream, whether its next chunk may begin in the middle of a line because the previous chunk is unknown.
    ragged: [bool; 2],
    /// The `seq` of the event at which the known part of the output begins. Chunks in earlier events may be missing.
    known_from: Seq,
}

impl Buffer {
    /// Creates a buffer from all lifecycle events so far and the newest events, both oldest first. `end` is the `seq`
    /// of the last event that was read.
    #[must_use]
    pub fn new(lifecycle_events: Vec<Event>, tail: &[Event], end: Seq, limits: BufferLimits) -> Self {
        let mut buffer = Self {
            lines: LineWindow::default(),
            lifecycle_events: Vec::new(),
            totals: Totals::default(),
            limits,
            attached: true,
            end: Seq::START,
            colours: Colours::default(),
            redrawing: Redrawing::default(),
            ragged: [false; 2],
            known_from: Seq::START,
        };
        for event in lifecycle_events {
            buffer.totals.note(&event);
            buffer.keep_lifecycle_event(event);
        }
        buffer.jump(tail, end);
        buffer
    }

    /// Returns the lines in the window, in order.
    #[must_use]
    pub const fn lines(&self) -> &VecDeque<LiveLine> {
        self.lines.all()
    }

    /// Returns all lifecycle events and gaps, oldest first. A gap is an event in place of output that was not sent
    /// live.
    #[must_use]
    pub fn lifecycle_events(&self) -> &[Event] {
        &self.lifecycle_events
    }

    /// Returns the totals of all output that the job has printed.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Returns the `seq` of the newest known event, after which the feed continues.
    #[must_use]
    pub const fn end(&self) -> Seq {
        self.end
    }

    /// Returns the limits of the window.
    #[must_use]
    pub const fn limits(&self) -> BufferLimits {
        self.limits
    }

    /// Returns whether the window includes the end of the log, so that live output is appended to it.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        self.attached
    }

    /// Returns a line in the window, or `None` if the window does not contain it.
    #[must_use]
    pub fn line(&self, key: LineKey) -> Option<&LiveLine> {
        self.lines().get(self.lines.find(key)?)
    }

    /// Records the number of lines of an attempt, as reported by the server.
    pub fn note_lines(&mut self, attempt: i32, lines: i64) {
        self.totals.note_lines(attempt, lines);
    }

    /// Records the measured height of a line. Returns whether the height differs from the one used so far.
    pub fn measure(&mut self, key: LineKey, measured: Measured) -> bool {
        self.lines.measure(key, measured)
    }

    /// Adds live events, oldest first. Events that are already known are ignored.
    pub fn append(&mut self, events: Vec<Event>, when_full: WhenFull) {
        for event in events {
            if event.seq <= self.end {
                continue;
            }
            if when_full == WhenFull::Detach && (is_gap(&event) || self.lines.is_full(self.limits)) {
                self.attached = false;
            }
            self.end = event.seq;
            self.totals.note(&event);
            if self.attached {
                self.take(&event);
            }
            self.keep_lifecycle_event(event);
        }
        if when_full == WhenFull::DropOldest {
            self.lines.drop_oldest(self.lines.excess_of_oldest(self.limits));
        }
    }

    /// Replaces all lines with the lines in `tail`, the newest events. `end` is the `seq` of the last event that was
    /// read.
    pub fn jump(&mut self, tail: &[Event], end: Seq) {
        self.clear();
        self.attached = true;
        self.ragged = [tail.first().is_some_and(|event| event.seq > Seq(1) || begins_late(event)); 2];
        self.known_from =
            tail.iter().find(|event| matches!(event.payload, Payload::Log(_))).map_or(end, |event| event.seq);
        for event in tail {
            self.totals.note(event);
            self.take(event);
            self.keep_lifecycle_event(event.clone());
        }
        self.end = self.end.max(end);
        self.cut_ragged_front();
        self.lines.drop_oldest(self.lines.excess_of_oldest(self.limits));
        // When the two streams alternate, the newest line may begin in an event before `tail`. The window then does not
        // include that line, and so does not reach the end of the log.
        self.attached = self.lines_after() == 0;
    }

    /// Returns the `seq` of the gap event that replaces a line, or `None` if the line is not in a gap.
    #[must_use]
    pub fn gap_of(&self, key: LineKey) -> Option<Seq> {
        let covers = |event: &&Event| match &event.payload {
            Payload::Gap(gap) => {
                gap.attempt == key.attempt && (gap.from_line..gap.from_line + gap.lines).contains(&key.number)
            }
            _ => false,
        };
        self.lifecycle_events.iter().find(covers).map(|event| event.seq)
    }

    /// Returns a reference to a step. The reference has the index -1 if the step is unknown.
    #[must_use]
    pub fn step(&self, stage: Stage, id: Option<&str>) -> StepRef {
        let index = self.lifecycle_events.iter().find_map(|event| match &event.payload {
            Payload::Step(step) if step.stage == stage && Some(step.step_id.as_str()) == id => Some(step.step_index),
            _ => None,
        });
        StepRef { stage, index: index.unwrap_or(-1) }
    }

    /// Returns the id of a step, or `None` if the step has not started.
    #[must_use]
    pub fn step_id(&self, of: StepRef) -> Option<&str> {
        self.lifecycle_events.iter().find_map(|event| match &event.payload {
            Payload::Step(step) if step.step() == of => Some(step.step_id.as_str()),
            _ => None,
        })
    }

    fn clear(&mut self) {
        self.lines = LineWindow::default();
        self.colours = Colours::default();
        self.redrawing.clear();
    }

    /// If lines are missing between the lines of the first chunk, drops all lines before the last missing line. The
    /// missing lines belong to the other stream, whose chunk came before the first known event.
    fn cut_ragged_front(&mut self) {
        let lines = self.lines();
        let runs_on = |at: usize| {
            let next = lines.get(at + 1).map(|next| self.totals.index(next.key));
            next.is_none_or(|next| self.totals.index(lines[at].key) + 1 == next)
        };
        let of_first = lines.iter().take_while(|line| line.first_seq <= self.known_from).count();
        let hole = (0..of_first).rev().find(|at| !runs_on(*at));
        self.lines.drop_oldest(hole.map_or(0, |at| at + 1));
    }

    fn keep_lifecycle_event(&mut self, event: Event) {
        if matches!(event.payload, Payload::Log(_)) {
            return;
        }
        match &event.payload {
            Payload::Step(step) => self.redrawing.set_height(step.attempt, step.step(), step.screen_height()),
            Payload::Attempt(of) if of.status != AttemptStatus::Started => self.redrawing.finish(of.attempt),
            _ => {}
        }
        let at = self.lifecycle_events.partition_point(|known| known.seq < event.seq);
        if self.lifecycle_events.get(at).is_none_or(|known| known.seq != event.seq) {
            self.lifecycle_events.insert(at, event);
        }
    }
}

/// Returns whether an event contains output, but not the first output of its attempt.
fn begins_late(event: &Event) -> bool {
    matches!(&event.payload, Payload::Log(payload) if payload.offset > 0)
}

#[cfg(test)]
mod tests;
