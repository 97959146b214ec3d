//! Computes the contents of the panel: the rows with their positions, and the scroll position.
//!
//! This module is pure. [`super::screen`] measures the panel, passes on events and input, and draws the resulting
//! [`PanelFrame`]. While following, the list stays at its end. While paused, the line at the top of the panel keeps its
//! position, even if lines are appended, loaded before it, dropped, or hidden by a filter.

mod frame;

use std::ops::Range;

use model::{Event, LinesPage, SearchPage, Seq};

use super::buffer::{Buffer, LineRange, WhenFull};
use super::filter::{Counts, OutputFilter};
use super::layout::{Layout, PanelRow, RowKey};
use super::line::{Growth, LineKey, LiveLine, Measured};
use super::search::MatchMarks;
pub use frame::{PanelFrame, RowView, Side, Space};

/// The distance beyond the panel's edges within which rows are drawn, in CSS pixels. Drawing these rows prevents blank
/// areas while scrolling.
const OVERSCAN: u32 = 800;
/// The distance beyond the panel's edges within which lines are loaded while paused, in CSS pixels. These lines are
/// then available when the reader scrolls to them. The distance is less than half the height of a loaded range, so that
/// jumping to any position loads only one range.
const AHEAD: u32 = 4_000;
/// The number of rows at the end of the log that the server renders. The server does not know the panel's size. This
/// many rows fill any screen, and are enough to be useful without scripts.
const FIRST_PAINT_ROWS: usize = 500;
/// The assumed width of the panel, in columns, until it is measured.
const GUESSED_COLUMNS: u32 = 120;
/// The number of lines that are loaded by one request, which fill several screens.
const PART: i64 = 500;

/// The scroll position of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScrollPlace {
    /// The list stays at its end when rows are added.
    End,
    /// The top edge of the panel stays `below` pixels below the top of a row.
    Row { key: RowKey, below: u32 },
}

/// The state from which the panel's contents are computed.
#[derive(Clone, Debug)]
pub struct Panel {
    buffer: Buffer,
    filter: OutputFilter,
    layout: Layout,
    columns: u32,
    height: u32,
    place: ScrollPlace,
    /// The number of rows that matched the filter when following was paused or the filter was changed.
    seen: i64,
    /// The line to highlight, which was chosen by a link or by the reader.
    marked: Option<LineKey>,
    /// Whether to scroll to the marked line once it is loaded.
    seeking: bool,
    /// The matches of the current search, or `None` if there is no search.
    marks: Option<MatchMarks>,
}

/// Whether the reader searches for a text.
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
        let layout = Layout::new(&buffer, OutputFilter::All, GUESSED_COLUMNS);
        Self {
            buffer,
            filter: OutputFilter::All,
            layout,
            columns: GUESSED_COLUMNS,
            height: 0,
            place: ScrollPlace::End,
            seen: 0,
            marked: None,
            seeking: false,
            marks: None,
        }
    }

    /// Returns the buffer.
    #[must_use]
    pub const fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Returns whether the list follows the end of the log.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.place == ScrollPlace::End
    }

    /// Adds live events.
    pub fn append(&mut self, events: Vec<Event>) {
        let when_full = if self.follows() { WhenFull::DropOldest } else { WhenFull::Detach };
        self.buffer.append(events, when_full);
        self.lay_out();
    }

    /// Adds loaded lines. The rows on screen keep their positions. If the reader has scrolled to the space for these
    /// lines, the lines appear there.
    pub fn load(&mut self, part: LineRange, page: LinesPage) {
        let (attempt, top) = (part.attempt, self.scroll_top());
        self.buffer.note_lines(attempt, page.total_lines);
        let mut lines: Vec<LiveLine> = Vec::with_capacity(page.items.len());
        for item in page.items {
            let key = LineKey { attempt, number: item.line };
            let before = lines.last().map(|line| line.first_seq);
            let seq = item.seq.or_else(|| self.buffer.gap_of(key)).or(before).unwrap_or(Seq::START);
            let step = self.buffer.step(item.stage, item.step_id.as_deref());
            lines.push(LiveLine::loaded(attempt, item, step, before.map_or(seq, |before| before.max(seq))));
        }
        self.buffer.load(lines, if page.complete { Growth::Over } else { Growth::GoesOn });
        self.lay_out();
        if matches!(self.place, ScrollPlace::Row { key: RowKey::Earlier | RowKey::Later, .. }) {
            self.hold(top);
        }
        if self.seeking {
            self.seek();
            // If the log has fewer lines than expected, the line does not exist. Seeking therefore ends once the range
            // has been loaded.
            self.seeking &= !self.marked.is_some_and(|key| part.holds(key));
        }
    }

    /// Scrolls to a line and marks it. A line outside the window is loaded first.
    pub fn go_to(&mut self, key: LineKey) {
        self.marked = Some(key);
        self.seeking = true;
        self.pause(self.scroll_top());
        self.seek();
    }

    /// Begins or ends a search. The matches of an earlier search are no longer marked.
    pub fn set_search(&mut self, search: Searching) {
        self.marks = (search == Searching::Yes).then(MatchMarks::default);
    }

    /// Marks the matches of a page of search results that begins with line `from`.
    pub fn mark(&mut self, from: LineKey, page: SearchPage) {
        if let Some(marks) = &mut self.marks {
            marks.load(from.attempt, from.number, page);
        }
    }

    /// Returns the line from which the reader moves to the next match: the marked line if it is visible or about to be,
    /// or else the first visible line.
    #[must_use]
    pub fn current(&self) -> Option<LineKey> {
        let from = self.layout.at(self.scroll_top())?;
        let visible = self.layout.between(self.layout.top(from), self.scroll_top() + self.height);
        let mut keys = visible.filter_map(|index| match self.layout.rows()[index] {
            PanelRow::Line(at) => Some(self.buffer.lines()[at].key),
            _ => None,
        });
        let is_near = self.seeking || self.marked.is_some_and(|marked| keys.clone().any(|key| key == marked));
        self.marked.filter(|_| is_near).or_else(|| keys.next())
    }

    /// Returns whether the list will scroll to the marked line once that line is loaded.
    #[must_use]
    pub const fn seeks(&self) -> bool {
        self.seeking
    }

    /// Returns the number of the last attempt, or 1 before the first attempt. A line reference without an attempt
    /// refers to this attempt.
    #[must_use]
    pub fn last_attempt(&self) -> i32 {
        self.buffer.totals().last_attempt().unwrap_or(1)
    }

    /// Replaces all lines with those of the newest events, and starts following.
    pub fn jump(&mut self, tail: &[Event], end: Seq) {
        self.buffer.jump(tail, end);
        self.lay_out();
        self.follow();
    }

    /// Changes the filter.
    pub fn set_filter(&mut self, filter: OutputFilter) {
        self.filter = filter;
        self.lay_out();
        self.seen = Counts::of(&self.buffer).get(filter);
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

    /// Records the measured number of rows of a line. Returns whether it differs from the number used so far.
    pub fn measure(&mut self, key: LineKey, rows: u32) -> bool {
        let measured = Measured { columns: self.columns, rows };
        let changed = self.buffer.measure(key, measured);
        if changed {
            self.lay_out();
        }
        changed
    }

    /// Scrolls to the end and starts following. Returns whether the end of the log has to be loaded first.
    pub fn follow(&mut self) -> bool {
        self.place = ScrollPlace::End;
        self.seeking = false;
        !self.buffer.is_attached()
    }

    /// Pauses following at the given scroll position.
    pub fn pause(&mut self, scroll_top: u32) {
        if self.follows() {
            self.seen = Counts::of(&self.buffer).get(self.filter);
        }
        self.hold(scroll_top);
    }

    /// Handles scrolling to a new position. The call is ignored while the list follows the end of the log.
    pub fn scrolled(&mut self, scroll_top: u32) {
        if !self.follows() && scroll_top != self.scroll_top() {
            self.seeking = false;
            self.hold(scroll_top);
        }
    }

    /// Returns whether the list is taller than the panel, so that it can be scrolled.
    #[must_use]
    pub fn scrolls(&self) -> bool {
        self.layout.height() > self.height
    }

    /// Returns the loaded rows that match the filter, as text without escape sequences. Each row ends with a newline.
    #[must_use]
    pub fn visible_text(&self, lifecycle_event: fn(&Event) -> String) -> String {
        let mut text = String::new();
        for row in self.layout.rows() {
            match *row {
                PanelRow::Line(at) => text.push_str(&model::ansi::plain_text(&self.buffer.lines()[at].text)),
                PanelRow::LifecycleEvent(at) => text.push_str(&lifecycle_event(&self.buffer.lifecycle_events()[at])),
                PanelRow::Earlier | PanelRow::Later => continue,
            }
            text.push('\n');
        }
        text
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

    fn scroll_top(&self) -> u32 {
        let end = self.layout.height().saturating_sub(self.height);
        match self.place {
            ScrollPlace::End => end,
            ScrollPlace::Row { key, below } => self
                .layout
                .find(key, &self.buffer)
                .map_or(end, |index| self.layout.top(index).saturating_add(below))
                .min(end),
        }
    }

    /// Returns the frame that consists of `rows`. `above` and `below` are the total heights of the rows before and
    /// after them. Missing lines among `rows` are requested before those among `near`.
    fn frame_of(
        &self,
        rows: Range<usize>,
        near: Range<usize>,
        (above, below): (u32, u32),
        scroll_to: u32,
    ) -> PanelFrame {
        let counts = Counts::of(&self.buffer);
        let wanted = self.wanted(rows.clone().chain(near), scroll_to);
        let rows: Vec<RowView> = rows.map(|index| self.view_of(index)).collect();
        let unseen = if self.follows() { 0 } else { counts.get(self.filter) - self.seen };
        let unmarked = self.unmarked(&rows);
        PanelFrame { rows, above, below, scroll_to, counts, unseen, wanted, unmarked }
    }

    /// Returns the first line among `rows` whose matches with the current search are unknown.
    fn unmarked(&self, rows: &[RowView]) -> Option<LineKey> {
        let marks = self.marks.as_ref()?;
        let unknown = |row: &RowView| match row {
            RowView::Line { line, .. } if !marks.knows(line.key) => Some(line.key),
            _ => None,
        };
        rows.iter().find_map(unknown)
    }

    /// Returns the range to load: around the requested line, next to the window, or at the current scroll position.
    /// Returns `None` if no line is requested and no lines are missing among `rows`.
    fn wanted(&self, mut rows: impl Iterator<Item = usize>, scroll_to: u32) -> Option<LineRange> {
        if let Some(key) = self.marked.filter(|_| self.seeking) {
            return Some(around(key));
        }
        rows.find_map(|index| match self.layout.rows()[index] {
            PanelRow::Earlier => {
                let unseen = self.layout.top(index + 1).saturating_sub(scroll_to + self.height);
                let far = self.layout.scale().lines(unseen) > PART;
                let line = self.layout.scale().lines(scroll_to.saturating_sub(self.layout.top(index)));
                if far { self.buffer.totals().key(line).map(around) } else { self.buffer.part_before(PART) }
            }
            PanelRow::Later => {
                let into = self.layout.scale().lines(scroll_to.saturating_sub(self.layout.top(index)));
                let last = self.buffer.lines().back().map_or(0, |line| self.buffer.totals().index(line.key));
                if into > PART {
                    self.buffer.totals().key(last + 1 + into).map(around)
                } else {
                    self.buffer.part_after(PART)
                }
            }
            _ => None,
        })
    }

    fn view_of(&self, index: usize) -> RowView {
        let height = self.layout.top(index + 1) - self.layout.top(index);
        match self.layout.rows()[index] {
            PanelRow::Line(at) => {
                let line = &self.buffer.lines()[at];
                let offset = self.buffer.totals().offset_millis(line.key.attempt, line.time);
                let matches = self.marks.as_ref().map_or_else(Vec::new, |marks| marks.of(line.key).to_vec());
                RowView::Line { line: line.clone(), offset, marked: self.marked == Some(line.key), matches }
            }
            PanelRow::LifecycleEvent(at) => RowView::LifecycleEvent(self.buffer.lifecycle_events()[at].clone()),
            PanelRow::Earlier => {
                RowView::Space(Space { side: Side::Earlier, lines: self.buffer.lines_before(), height })
            }
            PanelRow::Later => RowView::Space(Space { side: Side::Later, lines: self.buffer.lines_after(), height }),
        }
    }

    /// If the marked line is in the window, scrolls so that the line is one third of the panel's height below the
    /// panel's top edge.
    fn seek(&mut self) {
        let Some(key) = self.marked.filter(|key| self.buffer.holds(*key)) else { return };
        if let Some(index) = self.layout.find(RowKey::Line(key), &self.buffer) {
            self.seeking = false;
            self.hold(self.layout.top(index).saturating_sub(self.height / 3));
        }
    }

    fn hold(&mut self, scroll_top: u32) {
        if let Some(index) = self.layout.at(scroll_top)
            && let Some(key) = self.layout.key(index, &self.buffer)
        {
            self.place = ScrollPlace::Row { key, below: scroll_top - self.layout.top(index).min(scroll_top) };
        }
    }

    fn lay_out(&mut self) {
        self.layout = Layout::new(&self.buffer, self.filter, self.columns);
    }
}

/// Returns a range of [`PART`] lines with the given line in the middle, unless the line is too close to the start.
fn around(key: LineKey) -> LineRange {
    LineRange { attempt: key.attempt, first: (key.number - PART / 2).max(1), count: PART }
}

#[cfg(test)]
mod tests;
