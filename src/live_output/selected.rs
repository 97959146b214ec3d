//! The lines that the filter selects. This module is used only while the filter hides some of the lines.
//!
//! This module is pure. The server searches the whole log for the selected lines and reports their line numbers
//! ([`Findings`]). The line numbers determine how many selected lines there are, and the positions of these lines in
//! the list. A window of the selected lines is in memory, like the window of all lines in the [`Buffer`]. The window
//! contains every selected line of a range of the log. Lines that the server has not searched yet are taken from the
//! buffer, so that new lines appear immediately.

use std::collections::VecDeque;
use std::ops::Range;

use super::buffer::{Buffer, BufferLimits, LineWindow, WhenFull};
use super::filter::RowFilter;
use super::line::{LineKey, LiveLine, Measured};
use super::search::Findings;

/// A request for up to `count` selected lines of an attempt: either the lines from `key` on, or the lines before `key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundRange {
    /// The direction from `key`.
    pub direction: FoundDirection,
    /// The line with which the range begins, or before which it ends.
    pub key: LineKey,
    /// The maximum number of lines.
    pub count: i64,
}

/// The direction of a request for selected lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundDirection {
    /// The line and the lines after it.
    From,
    /// The lines before the line.
    Before,
}

/// The selected lines: their numbers, and a window of them.
#[derive(Clone, Debug)]
pub struct SelectedLines {
    filter: RowFilter,
    findings: Findings,
    limits: BufferLimits,
    /// The lines of the window, followed by the new lines.
    lines: LineWindow,
    /// The number of lines at the end of `lines` that the server has not searched yet.
    new_lines: usize,
    /// The lines of the buffer that were unfinished at the last update, in order.
    unfinished: Vec<LineKey>,
    /// The range of the log for which the window contains all selected lines, or `None` if there is no window.
    range: Option<Range<LineKey>>,
}

impl SelectedLines {
    /// Creates an empty list.
    #[must_use]
    pub fn new(filter: RowFilter, limits: BufferLimits) -> Self {
        Self {
            filter,
            findings: Findings::default(),
            limits,
            lines: LineWindow::default(),
            new_lines: 0,
            unfinished: Vec::new(),
            range: None,
        }
    }

    /// Returns the lines of the window, followed by the new lines.
    #[must_use]
    pub const fn lines(&self) -> &VecDeque<LiveLine> {
        self.lines.all()
    }

    /// Returns the index of the first new line. Between the window and the new lines, there may be lines that are not
    /// loaded.
    #[must_use]
    pub fn first_new(&self) -> usize {
        self.lines().len() - self.new_lines
    }

    /// Returns the number of selected lines.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.findings.total() + i64::try_from(self.new_lines).unwrap_or(i64::MAX)
    }

    /// Returns the number of selected lines up to the end of the window.
    #[must_use]
    pub fn lines_to_end_of_window(&self) -> i64 {
        self.findings.total() - self.lines_after()
    }

    /// Returns the known number of selected lines from a line to the end.
    #[must_use]
    pub fn count_from(&self, key: LineKey) -> i64 {
        let new_lines = self.lines().range(self.first_new()..).filter(|line| line.key >= key).count();
        self.findings.total() - self.findings.index(key) + i64::try_from(new_lines).unwrap_or(i64::MAX)
    }

    /// Returns the number of selected lines before the window. Without a window, all lines that the server has found
    /// are counted.
    #[must_use]
    pub fn lines_before(&self) -> i64 {
        self.range.as_ref().map_or_else(|| self.findings.total(), |range| self.findings.index(range.start))
    }

    /// Returns the number of selected lines between the window and the new lines. If the number is an estimate, it is
    /// at least one.
    #[must_use]
    pub fn lines_after(&self) -> i64 {
        match &self.range {
            Some(range) if range.end < self.findings.end() => {
                let before = self.findings.index(range.end);
                let is_last = self.findings.total() == before && self.findings.is_reported(range.end.attempt);
                (self.findings.total() - before).max(i64::from(!is_last))
            }
            _ => 0,
        }
    }

    /// Returns the index of a line in `lines`, or `None` if the line is not there.
    #[must_use]
    pub fn find(&self, key: LineKey) -> Option<usize> {
        self.lines.find(key)
    }

    /// Returns whether a line is known to be selected.
    #[must_use]
    pub fn holds(&self, key: LineKey) -> bool {
        self.find(key).is_some() || self.findings.holds(key)
    }

    /// Returns whether the server has searched a line after the line was complete.
    #[must_use]
    pub fn is_searched(&self, key: LineKey) -> bool {
        key < self.findings.end()
    }

    /// Returns whether every selected line around the line `key` is in memory.
    #[must_use]
    pub fn covers(&self, key: LineKey, buffer: &Buffer) -> bool {
        let is_new = || !self.is_searched(key) && !self.filter.is_by_text() && buffer.line(key).is_some();
        self.range.as_ref().is_some_and(|range| range.contains(&key)) || is_new()
    }

    /// Records the measured height of a line. Returns whether the height differs from the one used so far.
    pub fn measure(&mut self, key: LineKey, measured: Measured) -> bool {
        self.lines.measure(key, measured)
    }

    /// Returns a request for the lines before the window, or `None` if there are no such lines.
    #[must_use]
    pub fn part_before(&self, count: i64) -> Option<FoundRange> {
        let key = self.range.as_ref().map_or_else(|| self.findings.end(), |range| range.start);
        // If the window begins with the first line of an attempt, the request is for the last lines of the previous
        // attempt.
        let key = match key {
            LineKey { attempt, number: 1 } => LineKey { attempt: attempt - 1, number: i64::MAX },
            key => key,
        };
        (key.attempt > 0).then_some(FoundRange { direction: FoundDirection::Before, key, count })
    }

    /// Returns a request for the lines after the window, or `None` if there is no window.
    #[must_use]
    pub fn part_after(&self, count: i64) -> Option<FoundRange> {
        let key = self.range.as_ref()?.end;
        Some(FoundRange { direction: FoundDirection::From, key, count })
    }

    /// Returns the first line of the range in which all selected lines are in memory, or `None` if there is no window.
    #[must_use]
    pub fn begin(&self) -> Option<LineKey> {
        self.range.as_ref().map(|range| range.start)
    }

    /// Returns the selected line at an index, or a line near it. Returns `None` if there are fewer lines.
    #[must_use]
    pub fn line_at(&self, index: i64) -> Option<LineKey> {
        self.findings.line_at(index)
    }

    /// Returns a request for selected lines, beginning with the selected line at `index`. Returns `None` if there are
    /// fewer selected lines.
    #[must_use]
    pub fn part_at(&self, index: i64, count: i64) -> Option<FoundRange> {
        Some(FoundRange { direction: FoundDirection::From, key: self.findings.line_at(index)?, count })
    }

    /// Replaces the search results.
    pub fn set_findings(&mut self, findings: Findings, buffer: &Buffer, when_full: WhenFull) {
        self.findings = findings;
        self.update(buffer, when_full);
    }

    /// Takes lines from the buffer: the selected lines that follow the window, and the new lines that the server has
    /// not searched yet.
    pub fn update(&mut self, buffer: &Buffer, when_full: WhenFull) {
        self.drop_new_lines();
        self.refresh(buffer);
        self.take_from_buffer(buffer, when_full);
        let end = self.findings.end();
        let is_new = |line: &&LiveLine| line.key >= end && self.filter.takes_line(line);
        let new_lines: Vec<LiveLine> = if self.filter.is_by_text() {
            Vec::new()
        } else {
            buffer.lines().iter().filter(is_new).map(|line| self.as_shown(line)).collect()
        };
        self.new_lines = new_lines.len();
        self.lines.merge(new_lines);
    }

    /// Adds loaded lines, which are all selected lines of the range `covered`. If the lines touch the window, they
    /// extend it. Otherwise, they replace it.
    pub fn load(&mut self, part: Vec<LiveLine>, mut covered: Range<LineKey>, buffer: &Buffer, when_full: WhenFull) {
        // Lines that were printed or changed since the last search are not added, because the total does not include
        // them yet.
        covered.end = covered.end.min(self.findings.end());
        let part: Vec<LiveLine> = part.into_iter().filter(|line| covered.contains(&line.key)).collect();
        self.drop_new_lines();
        if covered.start < covered.end {
            self.join(part, covered, buffer);
        }
        self.update(buffer, when_full);
    }

    fn drop_new_lines(&mut self) {
        self.lines.drop_newest(std::mem::take(&mut self.new_lines));
    }

    /// Returns a line of the buffer as this list shows it.
    fn as_shown(&self, line: &LiveLine) -> LiveLine {
        if self.filter.shows_lines_as_printed() { line.as_printed() } else { line.clone() }
    }

    /// Replaces lines that were unfinished when they were loaded, or whose rows may have been redrawn.
    fn refresh(&mut self, buffer: &Buffer) {
        let unfinished = buffer.lines().iter().filter(|line| !line.is_ended()).map(|line| line.key).collect();
        // Lines that have ended since the last call are replaced one last time.
        let before = std::mem::replace(&mut self.unfinished, unfinished);
        let first_live = buffer.first_live_line().filter(|_| !self.filter.shows_lines_as_printed());
        let keys = self.lines().iter().rev().map(|line| line.key);
        let redrawn: Vec<LineKey> = keys.take_while(|key| first_live.is_some_and(|first| *key >= first)).collect();
        for key in before.iter().chain(&self.unfinished).chain(&redrawn) {
            if let (Some(at), Some(line)) = (self.lines.find(*key), buffer.line(*key))
                && line.whole
                && !self.lines()[at].looks_like(line)
            {
                let line = self.as_shown(line);
                self.lines.change(at, |shown| *shown = line);
            }
        }
    }

    /// Takes the selected lines of the buffer's window that the server has searched. If they do not touch this list's
    /// window, they replace the window, but only while the list follows the end of the log.
    fn take_from_buffer(&mut self, buffer: &Buffer, when_full: WhenFull) {
        let is_whole = |line: &&LiveLine| line.whole;
        let (Some(first), Some(last)) = (buffer.lines().iter().find(is_whole), buffer.lines().back()) else { return };
        let after_last = last.key.following();
        let mut from_buffer = first.key..after_last.min(self.findings.end());
        if from_buffer.is_empty() {
            return;
        }
        // The range ends before the first unfinished line, because the server may already have searched text of that
        // line that this page has not received.
        let from = self.range.as_ref().map_or(first.key, |range| range.end.max(first.key));
        let unfinished = self.unfinished.iter().find(|key| **key >= from);
        from_buffer.end = from_buffer.end.min(unfinished.copied().unwrap_or(from_buffer.end));
        if from_buffer.is_empty() {
            return;
        }
        match &self.range {
            Some(range) if touch(range, &from_buffer, buffer) => {
                from_buffer.start = from_buffer.start.max(range.end);
                if from_buffer.is_empty() {
                    return;
                }
            }
            Some(_) if when_full == WhenFull::Detach => return,
            _ => {}
        }
        let is_by_text = self.filter.is_by_text();
        // If the numbers of matching lines were not reported, it is unknown which lines match.
        if is_by_text && !self.findings.is_reported(last.key.attempt) {
            return;
        }
        let is_selected = |line: &&LiveLine| {
            from_buffer.contains(&line.key)
                && if is_by_text { self.findings.holds(line.key) } else { self.filter.takes_line(line) }
        };
        let part = buffer.lines().iter().filter(is_selected).map(|line| self.as_shown(line)).collect();
        self.join(part, from_buffer, buffer);
    }

    fn join(&mut self, part: Vec<LiveLine>, covered: Range<LineKey>, buffer: &Buffer) {
        let Some(range) = self.range.take().filter(|range| touch(range, &covered, buffer)) else {
            self.lines = LineWindow::default();
            self.lines.merge(part);
            self.range = Some(covered);
            return;
        };
        self.lines.merge(part.into_iter().filter(|line| !range.contains(&line.key)).collect());
        let mut joined = covered.start.min(range.start)..covered.end.max(range.end);
        if covered.start < range.start {
            let excess = self.lines.excess_of_newest(self.limits);
            if excess > 0 {
                self.lines.drop_newest(excess);
                let last = self.lines().back().map_or(joined.start, |line| line.key);
                joined.end = last.following();
            }
        } else {
            let excess = self.lines.excess_of_oldest(self.limits);
            if excess > 0 {
                self.lines.drop_oldest(excess);
                joined.start = self.lines().front().map_or(joined.end, |line| line.key);
            }
        }
        self.range = Some(joined);
    }
}

/// Returns whether two ranges overlap, or one range begins where the other range ends.
fn touch(a: &Range<LineKey>, b: &Range<LineKey>, buffer: &Buffer) -> bool {
    let index = |key| buffer.totals().index(key);
    index(a.start) <= index(b.end) && index(b.start) <= index(a.end)
}

#[cfg(test)]
mod tests;
