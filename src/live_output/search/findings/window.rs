//! The numbers of matching lines in a part of the log that is far from its beginning.
//!
//! A search reports the numbers of the first 100,000 matching lines only. To move between later matches, the browser
//! requests the numbers again, from a line before which the number of matches is known.

use model::SearchPage;

use super::Findings;
use crate::live_output::line::LineKey;

/// A question for a matching line near a line, such as [`Findings::first_from`].
pub type FindLine = fn(&Findings, LineKey) -> Result<Option<LineKey>, MissingNumbers>;

/// The matching lines in a range of an attempt's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchWindow {
    pub(super) attempt: i32,
    /// The first line of the range.
    pub(super) start: i64,
    /// The first line after the range.
    pub(super) end: i64,
    /// The number of matching lines before the range.
    pub(super) before: i64,
    /// The last matching line before the range, if it is known.
    pub(super) previous: Option<i64>,
    /// The numbers of the matching lines, in ascending order.
    pub(super) lines: Vec<i64>,
}

/// A request for the numbers of matching lines, which creates a [`MatchWindow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingNumbers {
    /// The attempt to search.
    pub attempt: i32,
    /// The first line to search.
    pub from: i64,
    /// The number of matching lines before `from`.
    pub(super) before: i64,
    /// The last matching line before `from`, if it is known.
    pub(super) previous: Option<i64>,
    /// The line near which a matching line is wanted. The search can end at the first matching line that is not before
    /// it.
    pub(super) until: i64,
}

impl MissingNumbers {
    /// Returns the line about which the question can be repeated. It has the same answer, but may need fewer requests.
    #[must_use]
    pub const fn key(self) -> LineKey {
        LineKey { attempt: self.attempt, number: self.until }
    }

    /// Returns an empty window that begins with the first line to search.
    #[must_use]
    pub const fn window(self) -> MatchWindow {
        let Self { attempt, from, before, previous, .. } = self;
        MatchWindow { attempt, start: from, end: from, before, previous, lines: Vec::new() }
    }
}

impl MatchWindow {
    /// Adds a part of the results. Returns whether more parts are needed.
    pub fn take(&mut self, missing: MissingNumbers, part: &SearchPage) -> bool {
        self.lines.extend(&part.lines);
        let found = self.lines.last().map_or(self.start, |line| line + 1);
        if part.matches > i64::try_from(self.lines.len()).unwrap_or(i64::MAX) {
            // The server reports no more numbers.
            self.end = found;
            return false;
        }
        let reached = if part.done { part.total_lines + 1 } else { part.next.unwrap_or(0) };
        self.end = self.end.max(found).max(reached);
        !part.done && self.lines.last().is_none_or(|last| *last < missing.until)
    }

    /// Returns the number of matching lines up to the end of the range.
    pub(super) fn total(&self) -> i64 {
        self.before + i64::try_from(self.lines.len()).unwrap_or(i64::MAX)
    }

    /// Returns the request for the matching lines from `from` on. `from` must not be after the range, and the range
    /// must not contain a matching line from `from` on.
    pub(super) fn continued(&self, from: i64, until: i64) -> MissingNumbers {
        let previous = self.lines.last().copied().or(self.previous);
        MissingNumbers { attempt: self.attempt, from, before: self.total(), previous, until }
    }

    /// Returns the first matching line of the range that is not before `line`.
    pub(super) fn first_from(&self, line: i64) -> Option<i64> {
        self.lines.get(self.lines.partition_point(|known| *known < line)).copied()
    }

    /// Returns the last matching line before `line`, if it is known.
    pub(super) fn last_before(&self, line: i64) -> Option<i64> {
        self.lines[..self.lines.partition_point(|known| *known < line)].last().copied().or(self.previous)
    }

    /// Returns the number of matching lines before a matching line, or `None` if the line is not in the window.
    pub(super) fn index(&self, line: i64) -> Option<i64> {
        if self.previous == Some(line) {
            return Some(self.before - 1);
        }
        self.lines.binary_search(&line).ok().map(|at| self.before + i64::try_from(at).unwrap_or(i64::MAX))
    }
}
