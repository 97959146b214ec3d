//! What the panel shows at a moment: which rows, where, and where the list is scrolled to.
//!
//! Pure: the browser's part measures the panel, hands in what happened, and draws the [`PanelFrame`] that comes out. Either
//! somebody follows, and the list stands at its end; or somebody reads, and the line at the panel's top stays where it
//! is, whatever is appended, loaded in front of it, dropped, or hidden by a filter.

use std::ops::Range;

use crate::model::{Event, LinesPage, Seq};

use super::buffer::{Buffer, LineRange, WhenFull};
use super::filter::{Counts, OutputFilter};
use super::layout::{Layout, PanelRow, RowKey};
use super::line::{Growth, LineKey, LiveLine, Measured};

/// Rows are drawn this far beyond the panel's edges, so that scrolling shows no blank, in CSS pixels.
const OVERSCAN: u32 = 800;
/// For somebody who reads, lines are loaded when they are this near to the panel's edges, so that they are there when they are
/// scrolled to: fewer than half a part holds, so that who goes anywhere loads one.
const AHEAD: u32 = 4_000;
/// So many of the newest rows are drawn by the server, which knows no sizes: more than any screen holds, and a log's end worth
/// reading where scripts do not run.
const FIRST_PAINT_ROWS: usize = 500;
/// A width in columns until the panel is measured.
const GUESSED_COLUMNS: u32 = 120;
/// Lines that are loaded at a time: some screens of them.
const PART: i64 = 500;

/// Where the list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScrollPlace {
    /// At its end, whatever comes.
    End,
    /// A row, so many pixels below its top, stays at the panel's top.
    Row { key: RowKey, below: u32 },
}

/// Everything that the panel shows is derived from this.
#[derive(Clone, Debug)]
pub struct Panel {
    buffer: Buffer,
    filter: OutputFilter,
    layout: Layout,
    columns: u32,
    height: u32,
    place: ScrollPlace,
    /// What the filter showed when somebody began to read.
    seen: i64,
    /// The line that somebody was sent to.
    marked: Option<LineKey>,
    /// Whether the marked line is still to be gone to: it was not held.
    seeking: bool,
}

/// A row to draw.
#[derive(Clone, Debug, PartialEq)]
pub enum RowView {
    /// A line of output.
    Line {
        /// The line.
        line: LiveLine,
        /// How long after its attempt's beginning it came, in milliseconds.
        offset: i64,
        /// Whether somebody was sent to it.
        marked: bool,
    },
    /// An event that is not output.
    Milestone(Event),
    /// Lines that are not held.
    Space(Space),
}

/// The room of lines that are not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// At which end of the window.
    pub side: Side,
    /// How many lines; 0 for the beginning of the first one held.
    pub lines: i64,
    /// How high it is.
    pub height: u32,
}

/// An end of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The older one.
    Earlier,
    /// The newer one.
    Later,
}

impl RowView {
    /// Returns what names the row, and its revision: as long as both stay, so does what is drawn.
    #[must_use]
    pub const fn key(&self) -> (RowKey, u32) {
        match self {
            Self::Line { line, marked, .. } => (RowKey::Line(line.key), line.revision * 2 + *marked as u32),
            Self::Milestone(event) => (RowKey::Milestone(event.seq), 0),
            Self::Space(Space { side: Side::Earlier, height, .. }) => (RowKey::Earlier, *height),
            Self::Space(Space { side: Side::Later, height, .. }) => (RowKey::Later, *height),
        }
    }
}

/// What to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelFrame {
    /// The rows.
    pub rows: Vec<RowView>,
    /// The height of what stands above them.
    pub above: u32,
    /// The height of what stands below them.
    pub below: u32,
    /// Where to scroll to.
    pub scroll_to: u32,
    /// How much each filter shows.
    pub counts: Counts,
    /// How many rows came since somebody began to read.
    pub unseen: i64,
    /// Which part of the log to load, because it is looked at.
    pub wanted: Option<LineRange>,
}

impl Panel {
    /// Begins at the end of what is there.
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
        }
    }

    /// Returns what is held.
    #[must_use]
    pub const fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Returns whether the list stands at its end.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.place == ScrollPlace::End
    }

    /// Takes in live events.
    pub fn append(&mut self, events: Vec<Event>) {
        let when_full = if self.follows() { WhenFull::DropOldest } else { WhenFull::Detach };
        self.buffer.append(events, when_full);
        self.lay_out();
    }

    /// Takes in lines that were wanted. What is on screen stays where it is; who scrolled into the room of lines that were not
    /// held finds them there.
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
            // A line that the log does not have is not looked for again.
            self.seeking &= !self.marked.is_some_and(|key| part.holds(key));
        }
    }

    /// Goes to a line and marks it. One that is not held is loaded first.
    pub fn go_to(&mut self, key: LineKey) {
        self.marked = Some(key);
        self.seeking = true;
        self.pause(self.scroll_top());
        self.seek();
    }

    /// Returns whether a line is to be gone to that is not held yet.
    #[must_use]
    pub const fn seeks(&self) -> bool {
        self.seeking
    }

    /// Returns the attempt that a line's number means when none is named: the last.
    #[must_use]
    pub fn last_attempt(&self) -> i32 {
        self.buffer.totals().last_attempt().unwrap_or(1)
    }

    /// Takes in the newest events in place of all lines, and follows.
    pub fn jump(&mut self, tail: &[Event], end: Seq) {
        self.buffer.jump(tail, end);
        self.lay_out();
        self.follow();
    }

    /// Shows something else.
    pub fn set_filter(&mut self, filter: OutputFilter) {
        self.filter = filter;
        self.lay_out();
        self.seen = Counts::of(&self.buffer).get(filter);
    }

    /// Takes the panel's size: columns of text, and pixels of height. Returns whether anything changed.
    pub fn resize(&mut self, columns: u32, height: u32) -> bool {
        let changed = (self.columns, self.height) != (columns, height);
        if self.columns != columns {
            self.columns = columns;
            self.lay_out();
        }
        self.height = height;
        changed
    }

    /// Takes how many rows of text a line was found to take. Returns whether that was news.
    pub fn measure(&mut self, key: LineKey, rows: u32) -> bool {
        let measured = Measured { columns: self.columns, rows };
        let changed = self.buffer.measure(key, measured);
        if changed {
            self.lay_out();
        }
        changed
    }

    /// Goes to the end and stays there. Returns whether the end has to be loaded first.
    pub fn follow(&mut self) -> bool {
        self.place = ScrollPlace::End;
        self.seeking = false;
        !self.buffer.is_attached()
    }

    /// Stays where the list is, because somebody reads; `scroll_top` is where.
    pub fn pause(&mut self, scroll_top: u32) {
        if self.follows() {
            self.seen = Counts::of(&self.buffer).get(self.filter);
        }
        self.hold(scroll_top);
    }

    /// Takes where the reader has scrolled to; while the list follows, nothing.
    pub fn scrolled(&mut self, scroll_top: u32) {
        if !self.follows() && scroll_top != self.scroll_top() {
            self.seeking = false;
            self.hold(scroll_top);
        }
    }

    /// Returns whether the list is higher than the panel, so that there is something to scroll.
    #[must_use]
    pub fn scrolls(&self) -> bool {
        self.layout.height() > self.height
    }

    /// Returns what the filter shows of the lines and events held, as text: one line each, without escape sequences.
    #[must_use]
    pub fn visible_text(&self, milestone: fn(&Event) -> String) -> String {
        let mut text = String::new();
        for row in self.layout.rows() {
            match *row {
                PanelRow::Line(at) => text.push_str(&crate::ansi::plain_text(&self.buffer.lines()[at].text)),
                PanelRow::Milestone(at) => text.push_str(&milestone(&self.buffer.milestones()[at])),
                PanelRow::Earlier | PanelRow::Later => continue,
            }
            text.push('\n');
        }
        text
    }

    /// Returns what the server draws, and the browser first: the newest rows, whatever the panel's size.
    #[must_use]
    pub fn first_paint(&self) -> PanelFrame {
        let end = self.layout.rows().len();
        self.frame_of(end.saturating_sub(FIRST_PAINT_ROWS)..end, end..end, (0, 0), 0)
    }

    /// Returns what to draw now.
    #[must_use]
    pub fn frame(&self) -> PanelFrame {
        let scroll_to = self.scroll_top();
        let around = |more| self.layout.between(scroll_to.saturating_sub(more), scroll_to + self.height + more);
        let rows = around(OVERSCAN);
        let near = if self.follows() { 0..0 } else { around(AHEAD) };
        let room = (self.layout.top(rows.start), self.layout.height() - self.layout.top(rows.end));
        self.frame_of(rows, near, room, scroll_to)
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

    /// Draws `rows` between the room of those above and below; what is not held of them is wanted, and then what is not of those
    /// near.
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
        PanelFrame { rows, above, below, scroll_to, counts, unseen, wanted }
    }

    /// Returns the part to load: around the line that is sought, next to the window, or where the reader has scrolled to.
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
                RowView::Line { line: line.clone(), offset, marked: self.marked == Some(line.key) }
            }
            PanelRow::Milestone(at) => RowView::Milestone(self.buffer.milestones()[at].clone()),
            PanelRow::Earlier => {
                RowView::Space(Space { side: Side::Earlier, lines: self.buffer.lines_before(), height })
            }
            PanelRow::Later => RowView::Space(Space { side: Side::Later, lines: self.buffer.lines_after(), height }),
        }
    }

    /// Puts the marked line a third below the panel's top, if it is held.
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

/// Returns the part with a line in its middle.
fn around(key: LineKey) -> LineRange {
    LineRange { attempt: key.attempt, first: (key.number - PART / 2).max(1), count: PART }
}

#[cfg(test)]
mod tests;
