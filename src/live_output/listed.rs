//! The lines and the lifecycle events from which the list is built.

use std::collections::VecDeque;

use model::{Event, Seq};

use super::buffer::Buffer;
use super::line::{LineKey, LiveLine};
use super::selected::SelectedLines;

/// The lines of the list (either all lines, or the lines that a filter selects) and the lifecycle events.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The window of all lines, and the lifecycle events.
    pub buffer: &'a Buffer,
    /// The selected lines, or `None` if all lines are listed.
    pub selected: Option<&'a SelectedLines>,
}

impl<'a> Listed<'a> {
    /// Returns the lines that are in memory, in order.
    #[must_use]
    pub fn lines(self) -> &'a VecDeque<LiveLine> {
        self.selected.map_or_else(|| self.buffer.lines(), SelectedLines::lines)
    }

    /// Returns the index of the first line that the server has not searched yet. Such lines are shown below the space
    /// for the missing lines after the window. If there are no such lines, returns the number of lines.
    #[must_use]
    pub fn first_new(self) -> usize {
        self.selected.map_or_else(|| self.buffer.lines().len(), SelectedLines::first_new)
    }

    /// Returns the number of lines before the window.
    #[must_use]
    pub fn lines_before(self) -> i64 {
        self.selected.map_or_else(|| self.buffer.lines_before(), SelectedLines::lines_before)
    }

    /// Returns the number of lines after the window.
    #[must_use]
    pub fn lines_after(self) -> i64 {
        self.selected.map_or_else(|| self.buffer.lines_after(), SelectedLines::lines_after)
    }

    /// Returns whether lines before the window, or the beginning of a line in the window, may be missing.
    #[must_use]
    pub fn has_earlier(self) -> bool {
        self.selected.map_or_else(|| self.buffer.has_earlier(), |selected| selected.lines_before() > 0)
    }

    /// Returns all lifecycle events and gaps, oldest first. A gap is an event in place of output that was not sent
    /// live.
    #[must_use]
    pub fn lifecycle_events(self) -> &'a [Event] {
        self.buffer.lifecycle_events()
    }

    /// Returns a line, or `None` if it is not in memory.
    #[must_use]
    pub fn line(self, key: LineKey) -> Option<&'a LiveLine> {
        match self.selected {
            Some(selected) => selected.lines().get(selected.find(key)?),
            None => self.buffer.line(key),
        }
    }

    /// Returns the `seq` of the first event that is shown after the space for the lines before the window, or `None` if
    /// no line is in memory.
    #[must_use]
    pub fn first_seq(self) -> Option<Seq> {
        let front = self.lines().front()?;
        // If the last line before the window is in a gap, the gap is shown below the space for the lines before the
        // window.
        let before = LineKey { number: front.key.number - 1, ..front.key };
        let gap = if self.selected.is_some() { None } else { self.buffer.gap_of(before) };
        gap.or(Some(front.first_seq))
    }
}
