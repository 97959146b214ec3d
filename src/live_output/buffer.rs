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

use std::collections::VecDeque;

use crate::model::{Event, LogPayload, Payload, Seq, StreamName};

use super::ansi::Scanner;
use super::line::{Line, LineKey, Measured, StepKey, pieces};
use super::totals::Totals;

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
    lines: VecDeque<Line>,
    milestones: Vec<Event>,
    totals: Totals,
    limits: Limits,
    bytes: usize,
    /// All that the log holds from here on, up to `last`, has been taken in.
    first: Seq,
    last: Seq,
    /// The newest event known.
    end: Seq,
    carried: [Carried; 2],
}

/// Where the reading of one stream stands: its colour goes on in the stream's next line, within a step.
#[derive(Clone, Copy, Debug, Default)]
struct Carried {
    step: Option<(i32, StepKey)>,
    scanner: Scanner,
}

impl Carried {
    fn enter(&mut self, attempt: i32, step: StepKey) -> &mut Scanner {
        if self.step != Some((attempt, step)) {
            *self = Self { step: Some((attempt, step)), scanner: Scanner::default() };
        }
        &mut self.scanner
    }
}

const fn index(stream: StreamName) -> usize {
    match stream {
        StreamName::Stdout => 0,
        StreamName::Stderr => 1,
    }
}

impl Buffer {
    /// Begins with all milestones so far and the newest events, oldest first; `end` is the last event looked at.
    #[must_use]
    pub fn new(milestones: Vec<Event>, tail: &[Event], end: Seq, limits: Limits) -> Self {
        let mut buffer = Self {
            lines: VecDeque::new(),
            milestones: Vec::new(),
            totals: Totals::default(),
            limits,
            bytes: 0,
            first: Seq::START,
            last: Seq::START,
            end: Seq::START,
            carried: [Carried::default(); 2],
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
        &self.lines
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

    fn is_full(&self) -> bool {
        self.lines.len() >= self.limits.lines || self.bytes >= self.limits.bytes
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
        self.lines
            .front()
            .map_or(self.totals.lines(), |line| self.totals.lines_before(line.key.attempt, line.key.number))
    }

    /// Returns how many lines the log has after the window.
    #[must_use]
    pub fn lines_after(&self) -> i64 {
        let up_to = |line: &Line| self.totals.lines_before(line.key.attempt, line.key.number + 1);
        self.totals.lines() - self.lines.back().map_or(0, up_to)
    }

    /// Takes how a line was found to be drawn. Returns whether that was news.
    pub fn measure(&mut self, key: LineKey, measured: Measured) -> bool {
        let Some(at) = self.find(key) else { return false };
        let line = &mut self.lines[at];
        let news = line.rows(measured.columns) != measured.rows;
        if news {
            line.measured = Some(measured);
        }
        news
    }

    /// Takes in live events, oldest first; one that is known already changes nothing.
    pub fn append(&mut self, events: Vec<Event>, when_full: WhenFull) {
        for event in events {
            if event.seq <= self.end {
                continue;
            }
            let attached = self.last == self.end && !(when_full == WhenFull::Detach && self.is_full());
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
        self.lines.clear();
        self.bytes = 0;
        self.carried = [Carried::default(); 2];
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
        let mut fresh = Vec::with_capacity(part.lines.len());
        for line in part.lines {
            match self.find(line.key) {
                // Of an event that also reaches beyond the newer end, that part stays dropped.
                None if line.first_seq > self.last && self.lines.back().is_some_and(|back| line.key > back.key) => {}
                None => fresh.push(line),
                Some(at) if line.last_seq < self.lines[at].first_seq => {
                    self.bytes -= self.lines[at].text.len();
                    self.lines[at].prepend(line);
                    self.bytes += self.lines[at].text.len();
                }
                Some(_) => {}
            }
        }
        let excess = fresh.len().saturating_sub(self.limits.lines / 2);
        let kept = fresh.split_off(excess);
        let cut = part_with(fresh);
        self.first = self.first.min(cut.newest.map_or(first, |newest| newest.plus(1)));
        let fresh = cut.going_on.into_iter().chain(kept).collect();
        self.merge(fresh);
        self.restyle();
        self.drop_newest_beyond_limits();
    }

    /// Takes in a later part, oldest first; `last` is the last event looked at.
    ///
    /// Of a part with more lines than there is room, those nearest to the window are kept.
    pub fn extend(&mut self, events: &[Event], last: Seq) {
        let before = self.lines.len();
        for event in events {
            self.take(event);
        }
        self.last = last.min(self.end);
        let room = self.limits.lines / 2;
        self.drop_newest((self.lines.len() - before).saturating_sub(room));
        self.drop_oldest_beyond_limits();
    }

    fn drop_oldest_beyond_limits(&mut self) {
        let excess = self.excess(self.lines.iter());
        self.drop_oldest(excess);
    }

    fn drop_newest_beyond_limits(&mut self) {
        let excess = self.excess(self.lines.iter().rev());
        self.drop_newest(excess);
    }

    /// Returns how many lines have to go, in that order, until nine tenths of the limits are kept; 0 while within them.
    fn excess<'a>(&self, order: impl Iterator<Item = &'a Line>) -> usize {
        if self.lines.len() <= self.limits.lines && self.bytes <= self.limits.bytes {
            return 0;
        }
        let (lines, bytes) = (self.limits.lines / 10 * 9, self.limits.bytes / 10 * 9);
        let mut bytes_left = self.bytes;
        order
            .enumerate()
            .take_while(|(dropped, line)| {
                let over = self.lines.len() - dropped > lines || bytes_left > bytes;
                bytes_left -= line.text.len();
                over
            })
            .count()
    }

    /// Drops the oldest lines, except those that go on in a later event: the window still holds their end.
    fn drop_oldest(&mut self, count: usize) {
        let dropped: Vec<Line> = self.lines.drain(..count).collect();
        self.bytes -= dropped.iter().map(|line| line.text.len()).sum::<usize>();
        let cut = part_with(dropped);
        if let Some(newest) = cut.newest {
            self.first = self.first.max(newest.plus(1));
        }
        for line in cut.going_on.into_iter().rev() {
            self.bytes += line.text.len();
            self.lines.push_front(line);
        }
    }

    fn drop_newest(&mut self, count: usize) {
        let dropped = self.lines.split_off(self.lines.len() - count);
        let Some(oldest) = dropped.iter().map(|line| line.first_seq).min() else { return };
        self.last = self.last.min(Seq(oldest.0 - 1));
        self.bytes -= dropped.iter().map(|line| line.text.len()).sum::<usize>();
        for stream in [StreamName::Stdout, StreamName::Stderr] {
            let carried = &mut self.carried[index(stream)];
            *carried = Carried::default();
            if let Some(line) = self.lines.iter().rev().find(|line| line.stream == stream) {
                let scanner = carried.enter(line.key.attempt, line.step);
                *scanner = Scanner::new(line.style);
                scanner.skip(&line.text);
            }
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
        let mut carried = self.carried[index(payload.stream)];
        let scanner = carried.enter(payload.attempt, step);
        let mut fresh: Vec<Line> = Vec::new();
        // The line that grows, when it was there before this event: a chunk may hold several pieces of one line.
        let mut growing = None;
        for piece in pieces(text, payload) {
            let key = LineKey { attempt: payload.attempt, number: piece.number };
            if let Some(last) = fresh.last_mut().filter(|line| line.key == key) {
                last.push(piece.text, seq, scanner);
                continue;
            }
            if let Some(at) = self.find(key) {
                let line = &mut self.lines[at];
                if growing == Some(key) || seq > line.last_seq {
                    growing = Some(key);
                    self.bytes -= line.text.len();
                    line.push(piece.text, seq, scanner);
                    self.bytes += line.text.len();
                }
                continue;
            }
            scanner.end_line();
            // Of an event that also reaches beyond the older end, that part stays dropped.
            if seq < self.first && self.lines.front().is_some_and(|front| key < front.key) {
                scanner.skip(piece.text);
                continue;
            }
            let mut line = Line::new(key, payload, seq, scanner.style());
            line.push(piece.text, seq, scanner);
            fresh.push(line);
        }
        self.carried[index(payload.stream)] = carried;
        self.merge(fresh);
    }

    /// Puts new lines, which are in order, where they belong.
    fn merge(&mut self, fresh: Vec<Line>) {
        let Some(first) = fresh.first() else { return };
        self.bytes += fresh.iter().map(|line| line.text.len()).sum::<usize>();
        let at = self.lines.partition_point(|line| line.key < first.key);
        let tail = self.lines.split_off(at);
        let (mut new, mut old) = (fresh.into_iter().peekable(), tail.into_iter().peekable());
        while let (Some(a), Some(b)) = (new.peek(), old.peek()) {
            let next = if a.key < b.key { new.next() } else { old.next() };
            self.lines.extend(next);
        }
        self.lines.extend(new);
        self.lines.extend(old);
    }

    fn find(&self, key: LineKey) -> Option<usize> {
        self.lines.binary_search_by(|line| line.key.cmp(&key)).ok()
    }

    /// Follows the colours through all lines anew, after lines came in front of others.
    fn restyle(&mut self) {
        let mut carried = [Carried::default(); 2];
        for line in &mut self.lines {
            let scanner = carried[index(line.stream)].enter(line.key.attempt, line.step);
            scanner.end_line();
            if line.style != scanner.style() && !line.is_rewritten() {
                line.style = scanner.style();
                line.revision = line.revision.wrapping_add(1);
            }
            *scanner = Scanner::new(line.style);
            scanner.skip(&line.text);
        }
    }
}

/// What is left of the oldest lines when they are dropped.
struct Cut {
    /// The newest event in which one of them began: up to it, the log is not held any more.
    newest: Option<Seq>,
    /// Those that go on in a later event, which is held.
    going_on: Vec<Line>,
}

fn part_with(mut oldest: Vec<Line>) -> Cut {
    let newest = oldest.iter().map(|line| line.first_seq).max();
    oldest.retain(|line| Some(line.last_seq) > newest);
    Cut { newest, going_on: oldest }
}

#[cfg(test)]
mod tests;
