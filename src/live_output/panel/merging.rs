//! What the merged list of several logs needs to know of the panel of each log, and what it tells the panel.

use model::Timestamp;

use super::load::{PART, around, wanted_lines, wanted_selected};
use super::{Panel, ScrollPlace, Side, Wanted};
use crate::live_output::filter::Counts;
use crate::live_output::layout::{Layout, PanelRow, RowKey};
use crate::live_output::line::LineKey;
use crate::live_output::selected::{FoundDirection, FoundRange, SelectedLines};

impl Panel {
    /// Returns the positions of the rows.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the numbers of rows that match each filter, and the number of rows that have arrived since following was
    /// paused.
    pub fn state(&self) -> (Counts, i64) {
        (self.counts(), if self.follows() { 0 } else { self.unseen() })
    }

    /// Returns the time of a row, or `None` if it is a space.
    pub fn time_of_row(&self, row: usize) -> Option<Timestamp> {
        match *self.layout.rows().get(row)? {
            PanelRow::Line(at) => Some(self.list().lines()[at].time),
            PanelRow::LifecycleEvent(at) => Some(self.buffer.lifecycle_events()[at].created_at),
            PanelRow::Earlier | PanelRow::Later => None,
        }
    }

    /// Returns the time of a line, if the list holds it or, if the filter hides it, the lines around it.
    pub fn time_of_line(&self, key: LineKey) -> Option<Timestamp> {
        let line = self.list().line(key).or_else(|| self.buffer.line(key))?;
        self.is_listed(key).then_some(line.time)
    }

    /// Returns the identifier of a row.
    pub fn key_of_row(&self, row: usize) -> Option<RowKey> {
        self.layout.key(row, self.list())
    }

    /// Returns the index of a row, or of the next one if it is no longer shown.
    pub fn row_of(&self, key: RowKey) -> Option<usize> {
        self.layout.find(key, self.list())
    }

    /// Returns the number of lines of the log that the filter shows.
    pub fn listed_lines(&self) -> i64 {
        self.selected.as_ref().map_or_else(|| self.buffer.totals().lines(), SelectedLines::total)
    }

    /// Returns a line that the filter shows, by its index.
    pub fn listed_line(&self, index: i64) -> Option<LineKey> {
        self.selected.as_ref().map_or_else(|| self.buffer.totals().key(index), |selected| selected.line_at(index))
    }

    /// Returns what to load so that the list holds a line.
    pub fn wanted_around(&self, key: LineKey) -> Wanted {
        match &self.selected {
            Some(_) => Wanted::Selected(FoundRange { direction: FoundDirection::From, key, count: PART }),
            None => Wanted::Lines(around(key)),
        }
    }

    /// Returns what to load next at a side of the window.
    pub fn wanted_at(&self, side: Side) -> Option<Wanted> {
        let space = Some((side, None));
        match &self.selected {
            Some(selected) => wanted_selected(selected, None, space).map(Wanted::Selected),
            None => wanted_lines(&self.buffer, None, space).map(Wanted::Lines),
        }
    }

    /// Scrolls to a row, or to the end. While a panel is at its end, it drops its oldest lines when new ones arrive.
    pub fn place_at(&mut self, row: Option<RowKey>) {
        match row {
            Some(key) if self.follows() => {
                self.seen = self.end();
                self.place = ScrollPlace::Row { key, below: 0 };
            }
            Some(key) => self.place = ScrollPlace::Row { key, below: 0 },
            None => self.place = ScrollPlace::End,
        }
    }
}
