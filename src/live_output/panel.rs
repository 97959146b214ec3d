//! Computes the contents of the panel: the rows with their positions, and the scroll position.
//!
//! This module is pure. [`super::screen`] measures the panel, passes on events and input, and draws the resulting
//! [`PanelFrame`]. While following, the list stays at its end. While paused, the line at the top of the panel keeps its
//! position, even if lines are appended, loaded before it, dropped, or hidden by a filter.

mod display;
mod filtering;
mod frame;
mod groups;
mod keys;
mod load;
mod merging;
mod scrolling;

use std::ops::Range;

use model::{Event, SearchPage, Seq, StreamName};

use super::buffer::{Buffer, WhenFull};
use super::display::Display;
use super::filter::RowFilter;
use super::groups::Groups;
use super::layout::{Layout, PanelRow};
use super::line::{LineKey, Measured};
use super::listed::Listed;
use super::permalink::MarkedLines;
use super::search::{Findings, MatchMarks};
use super::selected::SelectedLines;
pub use frame::{LineRequest, PanelFrame, RowView, Side, Space};
use scrolling::ScrollPlace;

/// The distance beyond the panel's edges within which rows are drawn, in CSS pixels. Drawing these rows prevents blank
/// areas while scrolling.
const OVERSCAN: u32 = 800;
/// The distance beyond the panel's edges within which lines are loaded while paused, in CSS pixels. The lines are then
/// available when the reader scrolls to them. The distance is less than half the height of a loaded range, so that
/// jumping to any position loads only one range.
const AHEAD: u32 = 4_000;
/// The number of rows at the end of the log that the server renders. The server does not know the panel's size, but
/// this many rows fill any screen, and are enough to be useful without scripts.
const FIRST_PAINT_ROWS: usize = 500;
/// The assumed width of the panel, in columns, until it is measured.
const GUESSED_COLUMNS: u32 = 120;

/// The end of the log at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// The key of the line that will follow the last one.
    line: LineKey,
    /// The `seq` of the last event.
    event: Seq,
}

/// The state from which the panel's contents are computed.
#[derive(Clone, Debug)]
pub struct Panel {
    buffer: Buffer,
    filter: RowFilter,
    /// The lines that the filter selects, or `None` if the filter shows all lines or none.
    selected: Option<SelectedLines>,
    /// The warnings and errors that the server has found.
    warnings: Findings,
    layout: Layout,
    groups: Groups,
    display: Display,
    columns: u32,
    height: u32,
    place: ScrollPlace,
    /// The end of the log when following was paused or the filter was changed.
    seen: Seen,
    /// The lines to highlight: the lines in the URL, the lines that the reader has chosen, or the found line that the
    /// reader moved to. `None` if no line is highlighted.
    marked: Option<MarkedLines>,
    /// The line that the reader has moved to by a key. `None` if there is no such line.
    current_line: Option<LineKey>,
    /// Whether to scroll to the marked line once it is loaded.
    seeking: bool,
    /// After the filter was changed or the reader scrolled far away, the line to show at the top of the panel as soon
    /// as the lines around this line are listed. Otherwise `None`.
    anchor: Option<LineKey>,
    /// The matches of the current search, or `None` if there is no search.
    marks: Option<MatchMarks>,
}

/// Whether a search is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searching {
    /// The matches in the drawn lines are marked.
    Yes,
    /// No matches are marked.
    No,
}

impl Panel {
    /// Creates a panel that shows the end of the buffer.
    #[must_use]
    pub fn new(buffer: Buffer) -> Self {
        let filter = RowFilter::default();
        let groups = Groups::default();
        let list = Listed { buffer: &buffer, selected: None };
        let layout = Layout::new(list, filter, GUESSED_COLUMNS, Some(&groups));
        Self {
            buffer,
            filter,
            selected: None,
            warnings: Findings::default(),
            layout,
            groups,
            display: Display::default(),
            columns: GUESSED_COLUMNS,
            height: 0,
            place: ScrollPlace::End,
            seen: Seen { line: LineKey::FIRST, event: Seq::START },
            marked: None,
            current_line: None,
            seeking: false,
            anchor: None,
            marks: None,
        }
    }

    /// Returns the buffer.
    #[must_use]
    pub const fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Adds live events.
    pub fn append(&mut self, events: Vec<Event>) {
        self.buffer.append(events, self.when_full());
        self.update_selected();
    }

    fn when_full(&self) -> WhenFull {
        if self.follows() { WhenFull::DropOldest } else { WhenFull::Detach }
    }

    fn update_selected(&mut self) {
        let when_full = self.when_full();
        if let Some(selected) = &mut self.selected {
            selected.update(&self.buffer, when_full);
        }
        self.lay_out();
    }

    /// Returns the lines and lifecycle events of the list.
    pub(super) const fn list(&self) -> Listed<'_> {
        Listed { buffer: &self.buffer, selected: self.selected.as_ref() }
    }

    /// Marks lines without scrolling. If `marked` is not `None` and the list can be scrolled, the list stops following
    /// the end of the log.
    pub fn mark_lines(&mut self, marked: Option<MarkedLines>) {
        (self.marked, self.seeking) = (marked, false);
        if marked.is_some() && self.scrolls() {
            self.pause(self.scroll_top());
        }
    }

    /// Begins or ends a search. The matches of an earlier search are no longer marked.
    pub fn set_search(&mut self, search: Searching) {
        self.marks = (search == Searching::Yes).then(MatchMarks::default);
    }

    /// Marks the matches in a page of search results. The page begins with line `from`.
    pub fn mark(&mut self, from: LineKey, page: SearchPage) {
        if let Some(marks) = &mut self.marks {
            marks.load(from.attempt, from.number, page);
        }
    }

    /// Returns the line from which the reader moves to the next match: the marked line if it is visible or still being
    /// loaded, or else the first visible line. Returns `None` if no line is visible.
    #[must_use]
    pub fn current(&self) -> Option<LineKey> {
        let marked = self.marked.map(MarkedLines::first_key);
        let row = self.marked_row();
        let is_near = self.seeking || self.visible().any(|key| Some(key) == row);
        marked.filter(|_| is_near).or_else(|| self.first_visible())
    }

    /// Returns the visible lines.
    fn visible(&self) -> impl Iterator<Item = LineKey> {
        let top = self.scroll_top();
        self.layout.between(top, top + self.height).filter_map(|index| match self.layout.rows()[index] {
            PanelRow::Line(at) => Some(self.list().lines()[at].key),
            _ => None,
        })
    }

    fn first_visible(&self) -> Option<LineKey> {
        self.visible().next()
    }

    /// Returns the number of the last attempt, or 1 before the first attempt. A line reference without an attempt
    /// refers to this attempt.
    #[must_use]
    pub fn last_attempt(&self) -> i32 {
        self.buffer.totals().last_attempt().unwrap_or(1)
    }

    /// Replaces all lines with the lines of the newest events, and starts following.
    pub fn jump(&mut self, tail: &[Event], end: Seq) {
        self.buffer.jump(tail, end);
        self.follow();
        self.update_selected();
    }

    /// Sets the panel's size, in columns of text and pixels of height. Returns whether it has changed.
    pub fn resize(&mut self, columns: u32, height: u32) -> bool {
        let changed = (self.columns, self.height) != (columns, height);
        if self.columns != columns {
            self.columns = columns;
            self.lay_out();
        }
        self.height = height;
        changed
    }

    /// Records the number of rows that a line occupies, as measured in the browser. Returns whether the number differs
    /// from the one used so far.
    pub fn measure(&mut self, key: LineKey, rows: u32) -> bool {
        let measured = Measured { columns: self.text_columns(), rows };
        let changed = self.buffer.measure(key, measured)
            | self.selected.as_mut().is_some_and(|selected| selected.measure(key, measured));
        if changed {
            self.lay_out();
        }
        changed
    }

    /// Returns the loaded rows that match the filter, as text without escape sequences. Each row ends with a newline.
    /// The text includes the lines of collapsed groups.
    #[must_use]
    pub fn visible_text(&self, lifecycle_event: fn(&Event) -> String) -> String {
        let mut text = String::new();
        let layout = Layout::new(self.list(), self.filter, self.columns, None);
        for row in layout.rows() {
            match *row {
                PanelRow::Line(at) => text.push_str(&model::ansi::plain_text(self.list().lines()[at].shown_text())),
                PanelRow::LifecycleEvent(at) => text.push_str(&lifecycle_event(&self.buffer.lifecycle_events()[at])),
                PanelRow::Earlier | PanelRow::Later => continue,
            }
            text.push('\n');
        }
        text
    }

    /// Returns the total height of all rows, in CSS pixels.
    #[cfg(test)]
    pub(super) fn layout_height(&self) -> u32 {
        self.layout.height()
    }

    /// Returns the first frame, which the server renders and the browser hydrates. The frame contains the newest rows,
    /// and does not depend on the panel's size.
    #[must_use]
    pub fn first_paint(&self) -> PanelFrame {
        let end = self.layout.rows().len();
        self.frame_of(end.saturating_sub(FIRST_PAINT_ROWS)..end, end..end, (0, 0), 0)
    }

    /// Computes the current frame.
    #[must_use]
    pub fn frame(&self) -> PanelFrame {
        let scroll_to = self.scroll_top();
        let around = |more| self.layout.between(scroll_to.saturating_sub(more), scroll_to + self.height + more);
        let rows = around(OVERSCAN);
        let near = if self.follows() { 0..0 } else { around(AHEAD) };
        let margins = (self.layout.top(rows.start), self.layout.height() - self.layout.top(rows.end));
        self.frame_of(rows, near, margins, scroll_to)
    }

    /// Returns the frame that consists of `rows`. `above` and `below` are the total heights of the rows before and
    /// after them. Missing lines among `rows` are requested before missing lines among `near`.
    fn frame_of(
        &self,
        rows: Range<usize>,
        near: Range<usize>,
        (above, below): (u32, u32),
        scroll_to: u32,
    ) -> PanelFrame {
        let counts = self.counts();
        let wanted = self.wanted(rows.clone().chain(near), scroll_to);
        let rows: Vec<RowView> = rows.map(|index| self.view_of(index)).collect();
        let unseen = if self.follows() { 0 } else { self.unseen() };
        let unmarked = self.unmarked(rows.iter());
        let width = self.unwrapped_width();
        PanelFrame { rows, above, below, scroll_to, width, counts, unseen, wanted, unmarked }
    }

    /// Returns the first line among `rows` whose matches for the current search are unknown, or `None` if all are
    /// known.
    pub(super) fn unmarked<'a>(&self, mut rows: impl Iterator<Item = &'a RowView>) -> Option<LineKey> {
        let marks = self.marks.as_ref()?;
        let unknown = |row: &RowView| match row {
            RowView::Line { line, .. } if !marks.knows(line.key) => Some(line.key),
            _ => None,
        };
        rows.find_map(unknown)
    }

    /// Returns the view of the row at an index.
    pub(super) fn view_of(&self, index: usize) -> RowView {
        let height = self.layout.top(index + 1) - self.layout.top(index);
        match self.layout.rows()[index] {
            PanelRow::Line(at) => {
                let line = &self.list().lines()[at];
                let matches = self.marks.as_ref().map_or_else(Vec::new, |marks| marks.of(line.key).to_vec());
                // The server searches lines as they were printed, so matches may not be visible in redrawn rows.
                let matches = if matches.is_empty() || line.is_redrawn() { Vec::new() } else { matches };
                RowView::Line {
                    line: line.clone(),
                    time: self.time_of(line),
                    marked: self.is_marked(line.key),
                    is_selected: self.selected.is_some(),
                    is_current: self.current_line == Some(line.key),
                    stream: self.changed_stream(at),
                    group: self.layout.group(at),
                    matches,
                }
            }
            PanelRow::LifecycleEvent(at) => {
                let event = &self.buffer.lifecycle_events()[at];
                RowView::LifecycleEvent { event: event.clone(), collapsed: self.collapsed_step(event) }
            }
            row @ (PanelRow::Earlier | PanelRow::Later) => {
                let (side, lines) = match row {
                    PanelRow::Earlier => (Side::Earlier, self.list().lines_before()),
                    _ => (Side::Later, self.list().lines_after()),
                };
                RowView::Space(Space { side, lines, height, is_blocked: self.layout.ends_collapsed_at(row) })
            }
        }
    }

    /// Returns the stream of a line if the previous line of the list belongs to the other stream. Otherwise returns
    /// `None`.
    fn changed_stream(&self, at: usize) -> Option<StreamName> {
        let lines = self.list().lines();
        let before = at.checked_sub(1).map_or(StreamName::Stdout, |before| lines[before].stream);
        Some(lines[at].stream).filter(|stream| *stream != before)
    }

    /// Returns whether a line is marked, or whether its rows show the first marked line.
    fn is_marked(&self, key: LineKey) -> bool {
        let Some(marked) = self.marked else { return false };
        marked.holds(key) || self.row_of(marked.first_key()) == key
    }

    /// Returns whether other lines have redrawn some of these lines. Lines that are not in memory are ignored.
    #[must_use]
    pub fn has_redrawn(&self, lines: MarkedLines) -> bool {
        self.buffer.lines().iter().any(|line| lines.holds(line.key) && line.is_redrawn())
    }

    fn lay_out(&mut self) {
        // A filter may select lines without the titles of their groups, so a filtered list has no groups.
        let groups = self.selected.is_none().then_some(&self.groups);
        self.layout = Layout::new(self.list(), self.filter, self.text_columns(), groups);
    }
}

#[cfg(test)]
mod tests;
