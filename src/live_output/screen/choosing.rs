//! Lets the reader choose lines, by clicking their numbers or through the page's URL.

use leptos::prelude::*;

use super::Screen;
use crate::live_output::line::LineKey;
use crate::live_output::logs::LogRole;
use crate::live_output::permalink::{self, LineChoice, MarkedLines};

impl Screen {
    /// Scrolls to the lines in the page's URL, if there are any.
    pub fn go_to_address(self) {
        if self.role() == LogRole::Only
            && let Some(marked) = permalink::in_address(self.last_attempt())
        {
            self.choice.set(LineChoice { lines: Some(marked), is_extending: false });
            self.change(|panel| panel.mark_lines(Some(marked)));
            self.show_line(marked.first_key());
        }
    }

    /// Chooses a line, and writes the choice to the page's URL. If `extend` is true, extends the chosen range to the
    /// line.
    pub fn choose(self, key: LineKey, extend: bool) {
        let LineChoice { lines, is_extending } = self.choice.get_untracked();
        let chosen = lines.filter(|_| extend || is_extending);
        self.set_chosen(Some(chosen.map_or_else(|| MarkedLines::one(key), |chosen| chosen.extended_to(key))));
    }

    /// Clears the chosen lines.
    pub fn choose_none(self) {
        if self.choice.get_untracked().lines.is_some() {
            self.set_chosen(None);
        }
    }

    /// Returns whether other lines have redrawn some of the chosen lines. Lines that are not in memory are ignored.
    pub fn has_redrawn(self, chosen: MarkedLines) -> bool {
        self.panel.try_with_value(|panel| panel.has_redrawn(chosen)).unwrap_or(false)
    }

    fn set_chosen(self, lines: Option<MarkedLines>) {
        if self.role() == LogRole::Only {
            permalink::put_into_address(lines, self.last_attempt());
        }
        self.choice.set(LineChoice { lines, is_extending: false });
        self.change(|panel| panel.mark_lines(lines));
    }
}
