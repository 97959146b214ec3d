//! Determines which lines are missing, and adds lines that were loaded by number.

use super::{Buffer, LineRange};
use crate::live_output::line::{Growth, LiveLine};

impl Buffer {
    /// Returns the number of lines of the log before the window.
    #[must_use]
    pub fn lines_before(&self) -> i64 {
        self.lines().front().map_or(self.totals.lines(), |line| self.totals.index(line.key))
    }

    /// Returns the number of lines of the log after the window.
    #[must_use]
    pub fn lines_after(&self) -> i64 {
        self.lines().back().map_or(0, |line| self.totals.lines() - self.totals.index(line.key) - 1)
    }

    /// Returns whether earlier output may be missing: lines before the window, or the beginning of a line in the
    /// window.
    #[must_use]
    pub fn has_earlier(&self) -> bool {
        self.lines_before() > 0 || self.last_ragged().is_some()
    }

    /// Returns the last line in the window whose beginning may be missing, or `None` if there is no such line.
    pub(super) fn last_ragged(&self) -> Option<&LiveLine> {
        self.lines().iter().rfind(|line| !line.whole)
    }

    /// Returns the range of up to `count` lines before the window, or `None` if there are no such lines. If the
    /// beginnings of some lines in the window may be missing, the range instead consists of the last of these lines and
    /// of up to `count` lines before it.
    #[must_use]
    pub fn part_before(&self, count: i64) -> Option<LineRange> {
        if let Some(line) = self.last_ragged() {
            let first = (line.key.number - count).max(1);
            return Some(LineRange { attempt: line.key.attempt, first, count: line.key.number - first + 1 });
        }
        let last = self.totals.key(self.lines_before() - 1)?;
        let first = (last.number - count + 1).max(1);
        Some(LineRange { attempt: last.attempt, first, count: last.number - first + 1 })
    }

    /// Returns the range of `count` lines after the window, or `None` if the window is empty or contains the last line.
    #[must_use]
    pub fn part_after(&self, count: i64) -> Option<LineRange> {
        let last = self.lines().back()?;
        let first = self.totals.key(self.totals.index(last.key) + 1)?;
        (self.lines_after() > 0).then_some(LineRange { attempt: first.attempt, first: first.number, count })
    }

    /// Adds loaded lines, which must be sorted. If the lines touch the window, they extend it. Otherwise, they replace
    /// it.
    pub fn load(&mut self, part: Vec<LiveLine>, growth: Growth) {
        let (Some(first), Some(last)) = (part.first().map(|line| line.key), part.last().map(|line| line.key)) else {
            return;
        };
        let (first, last) = (self.totals.index(first), self.totals.index(last));
        let window = self
            .lines()
            .front()
            .map(|line| self.totals.index(line.key))
            .zip(self.lines().back().map(|line| self.totals.index(line.key)));
        match window {
            Some((front, back)) if last + 1 >= front && first <= back + 1 => {
                self.join(part, growth);
                if first < front {
                    self.drop_newest(self.lines.excess_of_newest(self.limits));
                } else {
                    self.lines.drop_oldest(self.lines.excess_of_oldest(self.limits));
                }
            }
            _ => {
                self.clear();
                self.attached = false;
                self.lines.merge(part);
                self.drop_newest(self.lines.excess_of_newest(self.limits));
            }
        }
        self.lines.recolour();
        self.lines.update_levels(0);
        self.redraw_loaded();
    }

    pub(super) fn join(&mut self, part: Vec<LiveLine>, growth: Growth) {
        let mut fresh = Vec::new();
        for line in part {
            match self.lines.find(line.key) {
                None => fresh.push(line),
                Some(at) => self.lines.change(at, |known| known.complete(line, growth)),
            }
        }
        self.lines.merge(fresh);
    }

    pub(super) fn drop_newest(&mut self, count: usize) {
        if count > 0 {
            self.lines.drop_newest(count);
            self.attached = false;
        }
    }
}
