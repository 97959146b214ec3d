//! The screen of a log whose rows are shown in the merged list of several logs.

use leptos::prelude::*;
use model::{Payload, Timestamp};

use super::{Screen, set_if_new};
use crate::live_output::layout::RowKey;
use crate::live_output::line::LineKey;
use crate::live_output::panel::Panel;

impl Screen {
    /// Returns whether the rows are shown in the merged list, so that this screen does not draw them.
    pub fn is_merged(self) -> bool {
        self.requests.try_with_value(|requests| requests.is_merged).unwrap_or(false)
    }

    /// Starts or stops showing the rows in the merged list.
    pub fn set_merged(self, is_merged: bool) {
        self.requests.update_value(|requests| requests.is_merged = is_merged);
        self.list.forget_place();
    }

    /// Reports a change in the panel to the merged list.
    pub(super) fn report(self) {
        let Some((counts, unseen)) = self.panel.try_with_value(Panel::state) else { return };
        self.show_state(counts, unseen);
        self.changes.update(|changes| *changes = changes.wrapping_add(1));
    }

    /// Remembers a line to which the merged list will scroll.
    pub(super) fn note_sought(self, key: LineKey) {
        if self.is_merged() {
            self.requests.update_value(|requests| requests.sought = Some(key));
        }
    }

    /// Removes and returns the line to which the merged list has to scroll, or returns `None` if there is no such line.
    pub fn take_sought(self) -> Option<LineKey> {
        self.requests.try_update_value(|requests| requests.sought.take()).flatten()
    }

    /// Returns the panel, or `None` if the reader has left the page.
    pub fn read_panel(self) -> Option<impl std::ops::Deref<Target = Panel>> {
        self.panel.try_read_value()
    }

    /// Scrolls the panel's own list to a row, or to the end.
    pub fn place_at(self, row: Option<RowKey>) {
        self.panel.update_value(|panel| panel.place_at(row));
        set_if_new(self.follows, row.is_none());
    }

    /// Returns the time of a line, or `None` if the lines around it are not in memory.
    pub fn time_of(self, key: LineKey) -> Option<Timestamp> {
        self.panel.try_with_value(|panel| panel.time_of_line(key)).flatten()
    }

    /// Returns the first line after a time, or `None` if the lines around this time are not in memory.
    pub fn line_after(self, time: Timestamp) -> Option<LineKey> {
        self.panel.try_with_value(|panel| panel.line_after(time)).flatten()
    }

    /// Records the measured height of a line. Returns whether it has changed.
    pub fn measure_line(self, key: LineKey, rows: u32) -> bool {
        self.panel.try_update_value(|panel| panel.measure(key, rows)).unwrap_or(false)
    }

    /// Returns the number of the attempt that was running at a time.
    pub fn attempt_at(self, time: Timestamp) -> i32 {
        let started = |event: &model::Event| match &event.payload {
            Payload::Attempt(attempt) if event.created_at <= time => Some(attempt.attempt),
            _ => None,
        };
        self.lifecycle_events(|events| events.iter().rev().find_map(started)).unwrap_or(1)
    }

    /// Loads the lines around a line. Returns whether a request was sent.
    pub fn load_around(self, attempt: i32, number: i64) -> bool {
        let wanted = self.panel.try_with_value(|panel| panel.wanted_around(LineKey { attempt, number }));
        wanted.is_some_and(|wanted| self.load(wanted))
    }
}
