//! The scroll position: following the end of the log, and going to lines.

use model::ansi::BLOCK_LINES;

use super::Panel;
use crate::live_output::layout::RowKey;
use crate::live_output::line::{LineKey, LiveLine};
use crate::live_output::permalink::MarkedLines;

/// The scroll position of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScrollPlace {
    /// The list stays at its end when rows are added.
    End,
    /// The top edge of the panel stays `below` pixels below the top of a row.
    Row { key: RowKey, below: u32 },
}

impl Panel {
    /// Returns whether the list follows the end of the log.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.place == ScrollPlace::End
    }

    /// Scrolls to a line and marks it. A line outside the window is loaded first.
    pub fn go_to(&mut self, key: LineKey) {
        // Lines that the reader has chosen stay marked.
        if self.marked.is_none_or(|marked| marked.first_key() != key) {
            self.marked = Some(MarkedLines::one(key));
        }
        (self.seeking, self.anchor) = (true, None);
        self.pause(self.scroll_top());
        self.seek();
    }

    /// Scrolls to the end and starts following. Returns whether the end of the log has to be loaded first.
    pub fn follow(&mut self) -> bool {
        self.place = ScrollPlace::End;
        (self.seeking, self.anchor) = (false, None);
        !self.buffer.is_attached()
    }

    /// Pauses following at the given scroll position.
    pub fn pause(&mut self, scroll_top: u32) {
        if self.follows() {
            self.seen = self.end();
        }
        self.hold(scroll_top);
    }

    /// Scrolls to the start and pauses following.
    pub fn go_to_start(&mut self) {
        (self.seeking, self.anchor) = (false, None);
        self.pause(0);
    }

    /// Handles scrolling to a new position. The call is ignored while the list follows the end of the log.
    pub fn scrolled(&mut self, scroll_top: u32) {
        if !self.follows() && scroll_top != self.scroll_top() {
            self.seeking = false;
            self.hold(scroll_top);
            // The line at this position is stored, because its position changes if the lines that are loaded around it
            // include collapsed groups.
            self.anchor = self.far_line(scroll_top);
        }
    }

    /// Handles scrolling away from the end of the log: pauses following at the new position.
    pub fn leave_end(&mut self, scroll_top: u32) {
        self.pause(scroll_top);
        (self.seeking, self.anchor) = (false, self.far_line(scroll_top));
    }

    /// Returns whether the list will scroll to a line once that line is loaded.
    #[must_use]
    pub const fn seeks(&self) -> bool {
        self.seeking || self.anchor.is_some()
    }

    /// Returns whether the list is taller than the panel, so that it can be scrolled.
    #[must_use]
    pub fn scrolls(&self) -> bool {
        self.layout.height() > self.height
    }

    pub(super) fn scroll_top(&self) -> u32 {
        let end = self.layout.height().saturating_sub(self.height);
        match self.place {
            ScrollPlace::End => end,
            ScrollPlace::Row { key, below } => self
                .layout
                .find(key, self.list())
                .map_or(end, |index| self.layout.top(index).saturating_add(below))
                .min(end),
        }
    }

    /// Returns the first marked line or, if it has no rows of its own, the line whose rows show it. Returns `None` if
    /// no line is marked.
    pub fn marked_row(&self) -> Option<LineKey> {
        self.marked.map(|marked| self.row_of(marked.first_key()))
    }

    /// Returns the line that shows the line `key` in its rows. This is the line `key` itself or, if that line has no
    /// rows of its own, the line on whose rows it was drawn.
    pub fn row_of(&self, key: LineKey) -> LineKey {
        let mut row = key;
        // A line can be redrawn only by lines of its block.
        for _ in 0..BLOCK_LINES {
            let Some(on) = self.list().line(row).and_then(LiveLine::drawn_on) else { break };
            row.number = on;
        }
        row
    }

    /// If the marked line is in the window, scrolls so that the line is one third of the panel's height below the
    /// panel's top edge.
    pub(super) fn seek(&mut self) {
        let Some(key) = self.marked_row().filter(|key| self.list().line(*key).is_some()) else { return };
        self.groups.show_end(key);
        self.reveal(key);
        self.lay_out();
        if let Some(index) = self.layout.find(RowKey::Line(key), self.list()) {
            self.seeking = false;
            self.hold(self.layout.top(index).saturating_sub(self.height / 3));
        }
    }

    /// Keeps the scroll position `top` if this position is in the space for lines that are not loaded. If the anchor or
    /// the lines around the anchor have been loaded, scrolls to the anchor and clears it.
    pub(super) fn keep_place(&mut self, top: u32) {
        if matches!(self.place, ScrollPlace::Row { key: RowKey::Earlier | RowKey::Later, .. }) {
            self.hold(top);
        }
        if let Some(key) = self.anchor.filter(|key| self.is_listed(*key)) {
            self.anchor = None;
            let end = self.layout.height();
            let row = self.layout.find(RowKey::Line(key), self.list());
            self.hold(row.map_or(end, |index| self.layout.top(index)));
        }
    }

    pub(super) fn hold(&mut self, scroll_top: u32) {
        if let Some(index) = self.layout.at(scroll_top)
            && let Some(key) = self.layout.key(index, self.list())
        {
            self.place = ScrollPlace::Row { key, below: scroll_top - self.layout.top(index).min(scroll_top) };
        }
    }
}
