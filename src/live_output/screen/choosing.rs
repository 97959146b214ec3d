//! Lets the reader choose lines, by clicking their numbers, by keys or through the page's URL.

use leptos::prelude::*;

use super::Screen;
use crate::live_output::finder::FindDirection;
use crate::live_output::line::LineKey;
use crate::live_output::logs::LogRole;
use crate::live_output::permalink::{self, LineChoice, MarkedLines};

impl Screen {
    /// Scrolls to the lines in the page's URL, if there are any.
    pub fn go_to_address(self) {
        if self.role() == LogRole::Only
            && let Some(marked) = permalink::in_address(self.last_attempt())
        {
            self.choice.set(LineChoice::of(marked, marked.last_key()));
            self.change(|panel| panel.mark_lines(Some(marked)));
            self.show_line(marked.first_key());
        }
    }

    /// Chooses a line, and writes the choice to the page's URL. If `extend` is true, extends the chosen range to the
    /// line.
    pub fn choose(self, key: LineKey, extend: bool) {
        let LineChoice { lines, is_extending, .. } = self.choice.get_untracked();
        let chosen = lines.filter(|_| extend || is_extending);
        let lines = chosen.map_or_else(|| MarkedLines::one(key), |chosen| chosen.extended_to(key));
        self.set_choice(LineChoice::of(lines, key), None);
        // The row of the clicked number is drawn again, so the number loses the focus. The list gets the focus instead,
        // so that keys still scroll the list.
        if let Some(scroller) = self.list.scroller() {
            let _ = scroller.focus();
        }
    }

    /// Chooses the listed line after or before the current line. If the list contains no current line, chooses the
    /// first or the last visible line.
    pub fn choose_beside(self, direction: FindDirection) {
        if let Some(key) = self.beside(direction) {
            self.set_choice(LineChoice::of(MarkedLines::one(key), key), Some(key));
        }
    }

    /// Moves the current end of the chosen range by one listed line, forwards or backwards.
    pub fn extend_beside(self, direction: FindDirection) {
        if let Some(key) = self.beside(direction) {
            self.set_choice(self.choice.get_untracked().moved_to(key), Some(key));
        }
    }

    fn beside(self, direction: FindDirection) -> Option<LineKey> {
        // Lines cannot be chosen in the merged list, because its rows belong to several logs.
        if self.is_merged() {
            return None;
        }
        let current = self.choice.get_untracked().current();
        self.panel.try_with_value(|panel| panel.beside(current, direction)).flatten()
    }

    /// Returns the text of the line that the reader has moved to by a key, for screen readers. Returns `None` if there
    /// is no such line.
    pub fn spoken_line(self) -> Option<String> {
        let key = self.choice.get().by_key?;
        self.panel.try_with_value(|panel| panel.spoken(key)).flatten()
    }

    /// Clears the chosen lines.
    pub fn choose_none(self) {
        if self.choice.get_untracked().lines.is_some() {
            self.set_choice(LineChoice::default(), None);
        }
    }

    /// Returns whether other lines have redrawn some of the chosen lines. Lines that are not in memory are ignored.
    pub fn has_redrawn(self, chosen: MarkedLines) -> bool {
        self.panel.try_with_value(|panel| panel.has_redrawn(chosen)).unwrap_or(false)
    }

    /// Chooses lines. `current` is the line that the reader has moved to by a key, which is scrolled into view.
    fn set_choice(self, choice: LineChoice, current: Option<LineKey>) {
        if self.role() == LogRole::Only {
            permalink::put_into_address(choice.lines, self.last_attempt());
        }
        self.choice.set(LineChoice { by_key: current, ..choice });
        self.change(|panel| {
            panel.mark_lines(choice.lines);
            panel.set_current(current);
        });
    }
}
