//! The methods of [`Panel`] for the merged list of several logs.

use model::Timestamp;

use super::load::{PART, around, wanted_lines, wanted_selected};
use super::{LineRequest, Panel, ScrollPlace, Side};
use crate::live_output::display::LongLines;
use crate::live_output::filter::Counts;
use crate::live_output::groups::{Collapsed, GroupKey, GroupState};
use crate::live_output::layout::{Layout, PanelRow, RowKey};
use crate::live_output::line::LineKey;
use crate::live_output::permalink::MarkedLines;
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

    /// Returns the time of a line, or of the next row if the filter hides the line. Returns `None` if the lines around
    /// it are not in memory.
    pub fn time_of_line(&self, key: LineKey) -> Option<Timestamp> {
        if !self.is_listed(key) {
            return None;
        }
        let line = self.list().line(key).or_else(|| self.buffer.line(key));
        line.map(|line| line.time).or_else(|| self.time_of_row(self.layout.find(RowKey::Line(key), self.list())?))
    }

    /// Returns the first line of the log after a time, even if the filter hides it. If there is no such line yet,
    /// returns the key of the line that will follow the last one. Returns `None` if the lines around this time are not
    /// in memory.
    pub fn line_after(&self, time: Timestamp) -> Option<LineKey> {
        let lines = self.buffer.lines();
        let at = lines.partition_point(|line| line.time <= time);
        let is_begin_known = at > 0 || self.buffer.lines_before() == 0;
        let is_end_known = self.buffer.lines_after() == 0;
        match lines.get(at) {
            Some(line) => is_begin_known.then_some(line.key),
            None => (is_begin_known && is_end_known).then(|| self.buffer.totals().end()),
        }
    }

    /// Returns the time from which the list contains all lines, or `None` if this time is unknown. If the list contains
    /// no lines, because the last lines were not sent live, this is the time of the last event.
    pub fn window_begins(&self) -> Option<Timestamp> {
        let of_line = |key: LineKey| self.buffer.line(key).map(|line| line.time);
        let begin = self.selected.as_ref().and_then(|selected| of_line(selected.begin()?));
        let first = begin.or_else(|| self.list().lines().front().map(|line| line.time));
        let last_event = || self.buffer.lifecycle_events().last().map(|event| event.created_at);
        first.or_else(|| last_event().filter(|_| self.buffer.is_attached()))
    }

    /// Returns whether a group is collapsed, or `None` if its title is not loaded.
    pub fn collapsed_group(&self, group: GroupKey) -> Option<Collapsed> {
        self.collapsed(group)
    }

    /// Returns the state of the group with this title, or `None` if the line is not a title.
    pub fn group_state(&self, title: LineKey) -> Option<GroupState> {
        let at = self.list().lines().binary_search_by(|line| line.key.cmp(&title)).ok()?;
        self.layout.group(at)
    }

    /// Returns the width of the widest line in columns, or `None` if long lines are wrapped.
    pub fn unwrapped_width(&self) -> Option<u32> {
        (self.display.long_lines == LongLines::OneRow).then(|| self.layout.width())
    }

    /// Returns the identifier of a row, or `None` if there is no such row.
    pub fn key_of_row(&self, row: usize) -> Option<RowKey> {
        self.layout.key(row, self.list())
    }

    /// Returns the first of the marked lines, or `None` if no line is marked.
    pub fn marked_line(&self) -> Option<LineKey> {
        self.marked.map(MarkedLines::first_key)
    }

    /// Returns how many lines of the log the filter shows.
    pub fn listed_lines(&self) -> i64 {
        self.selected.as_ref().map_or_else(|| self.buffer.totals().lines(), SelectedLines::total)
    }

    /// Returns a line that the filter shows, by its index, or `None` if there are fewer lines.
    pub fn listed_line(&self, index: i64) -> Option<LineKey> {
        self.selected.as_ref().map_or_else(|| self.buffer.totals().key(index), |selected| selected.line_at(index))
    }

    /// Returns the request that loads a line and the lines around it.
    pub fn wanted_around(&self, key: LineKey) -> LineRequest {
        match &self.selected {
            Some(_) => LineRequest::Selected(FoundRange { direction: FoundDirection::From, key, count: PART }),
            None => LineRequest::Lines(around(key)),
        }
    }

    /// Returns the request for the next lines on a side of the window, or `None` if there are no further lines.
    pub fn wanted_at(&self, side: Side) -> Option<LineRequest> {
        let space = Some((side, None));
        match &self.selected {
            Some(selected) => wanted_selected(selected, None, space).map(LineRequest::Selected),
            None => wanted_lines(&self.buffer, None, space).map(LineRequest::Lines),
        }
    }

    /// Scrolls to a row, or to the end if `row` is `None`. The position also determines what happens when the window is
    /// full and new lines arrive: a panel at its end drops its oldest lines.
    pub fn place_at(&mut self, row: Option<RowKey>) {
        (self.seeking, self.anchor) = (false, None);
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
