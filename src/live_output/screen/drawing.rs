//! Draws the panel and handles scrolling.

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};

use super::{Screen, set_if_new};
use crate::live_output::filter::Counts;
use crate::live_output::follow::Scrolls;
use crate::live_output::panel::{Panel, PanelFrame, RowView};
use crate::live_output::placement::{Placement, ScrollTarget};

impl Screen {
    /// Processes pending scrolling before a redraw, which would otherwise undo it. Browsers report scrolling only in
    /// the next animation frame.
    pub(super) fn note_scrolling(self) {
        if self.is_merged() {
            return;
        }
        match self.follows.try_get_untracked() {
            Some(true) => {
                if let Some(top) = self.list.position_off_end() {
                    self.panel.update_value(|panel| panel.leave_end(top));
                }
            }
            Some(false) => {
                if let Some(top) = self.list.pending_scroll() {
                    self.panel.update_value(|panel| panel.scrolled(top));
                }
            }
            None => {}
        }
    }

    /// Draws the current frame.
    pub fn draw(self) {
        if self.is_merged() {
            return self.report();
        }
        let Some(frame) = self.panel.try_with_value(Panel::frame) else { return };
        self.show(&frame);
        self.list.begin_frame();
        spawn_local(async move {
            // After one tick, the list's effect has put the rows into the document.
            tick().await;
            if self.panel.is_disposed() {
                return;
            }
            self.place(&frame);
            if self.measure_rows(&frame)
                && let Some(frame) = self.panel.try_with_value(Panel::frame)
            {
                self.show(&frame);
                tick().await;
                if self.panel.is_disposed() {
                    return;
                }
                self.place(&frame);
            }
            self.list.end_frame();
            if let Some(wanted) = frame.wanted {
                self.load(wanted);
            }
            if let Some(from) = frame.unmarked {
                self.load_marks(from);
            }
        });
    }

    fn show(self, frame: &PanelFrame) {
        let states = |rows: &[RowView]| {
            rows.iter().map(|row| (row.key(), row.group(), row.group_of_lines())).collect::<Vec<_>>()
        };
        if self.rows.with_untracked(|rows| states(rows) != states(&frame.rows)) {
            self.rows.set(frame.rows.clone());
        }
        self.show_state(frame.counts, frame.unseen);
    }

    pub(super) fn show_state(self, counts: Counts, unseen: i64) {
        set_if_new(self.counts, counts);
        set_if_new(self.unseen, unseen);
        self.panel.with_value(|panel| {
            set_if_new(self.follows, panel.follows());
            if self.totals.with_untracked(|totals| totals != panel.buffer().totals()) {
                self.totals.set(panel.buffer().totals().clone());
            }
        });
    }

    fn place(self, frame: &PanelFrame) {
        let scroll_to = ScrollTarget::new(self.follows.get_untracked(), frame.scroll_to);
        let PanelFrame { above, below, width, .. } = *frame;
        self.list.place(Placement { above, below, scroll_to, width });
    }

    /// Measures the rows whose characters may be wider or narrower than in a terminal. Returns whether any height
    /// changed.
    fn measure_rows(self, frame: &PanelFrame) -> bool {
        let measured = self.list.measured(frame.rows.iter());
        measured.into_iter().fold(false, |changed, (_, key, rows)| self.measure_line(key, rows) | changed)
    }
}

impl Scrolls for Screen {
    fn scroller(self) -> Option<web_sys::HtmlElement> {
        self.list.scroller()
    }

    fn follows(self) -> bool {
        self.follows.try_get_untracked().unwrap_or(true)
    }

    fn pause(self) {
        let top = self.list.top();
        self.change(|panel| {
            if panel.follows() && panel.scrolls() {
                panel.pause(top);
            }
        });
    }

    /// Scrolls to the end and starts following. If the window does not include the end of the log, the end is loaded.
    fn follow(self) {
        let missing = self.panel.try_update_value(Panel::follow).unwrap_or(false);
        self.draw();
        if missing {
            self.load_end();
        }
    }

    fn scrolled(self) {
        if !self.follows() {
            let top = self.list.top();
            self.change(|panel| panel.scrolled(top));
        } else if self.list.position_off_end().is_some() {
            self.change(|_| ());
        }
    }

    fn is_at_end(self) -> bool {
        let seeks = self.panel.try_with_value(Panel::seeks).unwrap_or(true);
        !seeks && self.list.is_placed()
    }
}
