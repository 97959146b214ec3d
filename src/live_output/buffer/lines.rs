//! The sequence of lines in the window, with their total size.

use std::collections::VecDeque;

use model::level::MessageState;

use super::BufferLimits;
use super::colours::Colours;
use crate::live_output::line::{LineKey, LiveLine, Measured};

/// Lines in the order of `output.log`, and the total number of bytes of their text.
#[derive(Clone, Debug, Default)]
pub(in crate::live_output) struct LineWindow {
    lines: VecDeque<LiveLine>,
    bytes: usize,
}

impl LineWindow {
    pub(in crate::live_output) const fn all(&self) -> &VecDeque<LiveLine> {
        &self.lines
    }

    pub(super) fn is_full(&self, limits: BufferLimits) -> bool {
        self.lines.len() >= limits.lines || self.bytes >= limits.bytes
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(in crate::live_output) fn find(&self, key: LineKey) -> Option<usize> {
        self.lines.binary_search_by(|line| line.key.cmp(&key)).ok()
    }

    /// Changes a line in place, and updates the total size. `change` must not modify the line's key.
    pub(in crate::live_output) fn change(&mut self, at: usize, change: impl FnOnce(&mut LiveLine)) {
        let line = &mut self.lines[at];
        self.bytes -= line.bytes();
        change(line);
        self.bytes += line.bytes();
    }

    /// Records the measured height of a line. Returns whether the height differs from the one used so far.
    pub(in crate::live_output) fn measure(&mut self, key: LineKey, measured: Measured) -> bool {
        let Some(at) = self.find(key) else { return false };
        let changed = self.lines[at].rows(measured.columns) != measured.rows;
        if changed {
            self.change(at, |line| line.measured = Some(measured));
        }
        changed
    }

    /// Inserts a new line at its position, and returns the position. Almost all new lines belong at the end.
    pub(super) fn insert(&mut self, line: LiveLine) -> usize {
        let at = self.lines.partition_point(|known| known.key < line.key);
        self.bytes += line.bytes();
        self.lines.insert(at, line);
        at
    }

    /// Inserts new lines at their positions. The new lines must be sorted.
    pub(in crate::live_output) fn merge(&mut self, fresh: Vec<LiveLine>) {
        let Some(first) = fresh.first() else { return };
        self.bytes += bytes_of(fresh.iter());
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

    /// Returns the number of oldest lines to drop so that the rest fits into nine tenths of the limits, or 0 if the
    /// limits are not exceeded.
    pub(in crate::live_output) fn excess_of_oldest(&self, limits: BufferLimits) -> usize {
        self.excess(limits, &mut self.lines.iter())
    }

    /// Returns the number of newest lines to drop so that the rest fits into nine tenths of the limits, or 0 if the
    /// limits are not exceeded.
    pub(in crate::live_output) fn excess_of_newest(&self, limits: BufferLimits) -> usize {
        self.excess(limits, &mut self.lines.iter().rev())
    }

    /// Returns the number of lines to drop, counted in the given order. About a tenth of the lines is dropped at once,
    /// because otherwise every new line would cause another drop.
    fn excess(&self, limits: BufferLimits, order: &mut dyn Iterator<Item = &LiveLine>) -> usize {
        if self.lines.len() <= limits.lines && self.bytes <= limits.bytes {
            return 0;
        }
        let (lines, bytes) = (limits.lines / 10 * 9, limits.bytes / 10 * 9);
        let (mut lines_left, mut bytes_left) = (self.lines.len(), self.bytes);
        let is_over = |line: &&LiveLine| {
            let over = lines_left > lines || bytes_left > bytes;
            lines_left -= 1;
            bytes_left -= line.bytes();
            over
        };
        order.take_while(is_over).count()
    }

    /// Drops the oldest lines.
    pub(in crate::live_output) fn drop_oldest(&mut self, count: usize) {
        self.bytes -= bytes_of(self.lines.drain(..count).collect::<Vec<_>>().iter());
    }

    /// Drops the newest lines.
    pub(in crate::live_output) fn drop_newest(&mut self, count: usize) {
        self.bytes -= bytes_of(self.lines.split_off(self.lines.len() - count).iter());
    }

    /// Recomputes the colours of all lines. This is necessary after lines have been inserted before other lines.
    pub(super) fn recolour(&mut self) {
        let mut colours = Colours::default();
        for line in &mut self.lines {
            let scanner = colours.enter(line.stream, line.key.attempt, line.step);
            scanner.end_line();
            line.set_style(scanner.style());
            scanner.go_on_after(&line.text, line.style);
        }
    }

    /// Recomputes the levels of all lines from index `from` on, after lines were inserted or changed there. The level
    /// of a line depends on the earlier lines of its stream. If the window contains none of these, the state that the
    /// line itself has stored is used instead.
    pub(super) fn update_levels(&mut self, from: usize) {
        let place = |line: &LiveLine| (line.key.attempt, line.step);
        let mut states = [None; 2];
        for at in from..self.lines.len() {
            let (stream, here) = (self.lines[at].stream, place(&self.lines[at]));
            let previous = states[stream as usize].or_else(|| {
                let line = self.lines.range(..from).rev().find(|line| line.stream == stream)?;
                Some((place(line), line.messages_after()))
            });
            let line = &mut self.lines[at];
            if let Some((before, state)) = previous {
                line.set_messages_before(if before == here { state } else { MessageState::default() });
            }
            states[stream as usize] = Some((here, line.messages_after()));
        }
    }
}

fn bytes_of<'a>(lines: impl Iterator<Item = &'a LiveLine>) -> usize {
    lines.map(LiveLine::bytes).sum()
}
