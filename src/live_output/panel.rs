//! What the panel shows at a moment: which rows, where, and where the list is scrolled to.
//!
//! Pure: the browser's part measures the panel, hands in what happened, and draws the [`Frame`] that comes out. Either
//! somebody follows, and the list stands at its end; or somebody reads, and the line at the panel's top stays where it
//! is, whatever is appended, loaded in front of it, dropped, or hidden by a filter.

use std::ops::Range;

use crate::model::{Event, Seq};

use super::buffer::{Buffer, WhenFull};
use super::filter::{Counts, Filter};
use super::layout::{Layout, Row, RowKey};
use super::line::{Line, LineKey, Measured};

/// Rows are drawn this far beyond the panel's edges, so that scrolling shows no blank, in CSS pixels.
const OVERSCAN: u32 = 800;
/// So many of the newest rows are drawn by the server, which knows no sizes: more than any screen holds, and a log's end worth
/// reading where scripts do not run.
const FIRST_PAINT_ROWS: usize = 500;
/// A width in columns until the panel is measured.
const GUESSED_COLUMNS: u32 = 120;

/// Where the list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At its end, whatever comes.
    End,
    /// A row, so many pixels below its top, stays at the panel's top.
    Row { key: RowKey, below: u32 },
}

/// Everything that the panel shows is derived from this.
#[derive(Clone, Debug)]
pub struct Panel {
    buffer: Buffer,
    filter: Filter,
    layout: Layout,
    columns: u32,
    height: u32,
    place: Place,
    /// What the filter showed when somebody began to read.
    seen: i64,
}

/// A row to draw.
#[derive(Clone, Debug, PartialEq)]
pub enum RowView {
    /// A line of output, and how long after its attempt's beginning it came, in milliseconds.
    Line(Line, i64),
    /// An event that is not output.
    Milestone(Event),
    /// So many lines are not held here, at the older end of the window.
    Earlier(i64),
    /// So many lines are not held here, at its newer end.
    Later(i64),
}

impl RowView {
    /// Returns what names the row, and its revision: as long as both stay, so does what is drawn.
    #[must_use]
    pub const fn key(&self) -> (RowKey, u32) {
        match self {
            Self::Line(line, _) => (RowKey::Line(line.key), line.revision),
            Self::Milestone(event) => (RowKey::Milestone(event.seq), 0),
            // Their text has the number in it.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it only has to change")]
            Self::Earlier(lines) => (RowKey::Earlier, *lines as u32),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it only has to change")]
            Self::Later(lines) => (RowKey::Later, *lines as u32),
        }
    }
}

/// What to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
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
    pub wanted: Option<Wanted>,
}

/// A part of the log that is looked at and not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What comes before.
    Before(Seq),
    /// What comes after.
    After(Seq),
}

impl Panel {
    /// Begins at the end of what is there.
    #[must_use]
    pub fn new(buffer: Buffer) -> Self {
        let layout = Layout::new(&buffer, Filter::All, GUESSED_COLUMNS);
        Self { buffer, filter: Filter::All, layout, columns: GUESSED_COLUMNS, height: 0, place: Place::End, seen: 0 }
    }

    /// Returns what is held.
    #[must_use]
    pub const fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Returns whether the list stands at its end.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.place == Place::End
    }

    /// Takes in live events.
    pub fn append(&mut self, events: Vec<Event>) {
        let when_full = if self.follows() { WhenFull::DropOldest } else { WhenFull::Detach };
        self.buffer.append(events, when_full);
        self.lay_out();
    }

    /// Takes in a part of the log that was wanted, oldest first; `edge` is the last event looked at on the far side.
    pub fn load(&mut self, wanted: Wanted, events: &[Event], edge: Seq) {
        match wanted {
            Wanted::Before(_) => self.buffer.prepend(events, edge),
            Wanted::After(_) => self.buffer.extend(events, edge),
        }
        self.lay_out();
    }

    /// Takes in the newest events in place of all lines, and follows.
    pub fn jump(&mut self, tail: &[Event], end: Seq) {
        self.buffer.jump(tail, end);
        self.lay_out();
        self.follow();
    }

    /// Shows something else.
    pub fn set_filter(&mut self, filter: Filter) {
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
        self.place = Place::End;
        self.buffer.later().is_some()
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
        if !self.follows() {
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
                Row::Line(at) => text.push_str(&crate::ansi::plain_text(&self.buffer.lines()[at].text)),
                Row::Milestone(at) => text.push_str(&milestone(&self.buffer.milestones()[at])),
                Row::Earlier | Row::Later => continue,
            }
            text.push('\n');
        }
        text
    }

    /// Returns what the server draws, and the browser first: the newest rows, whatever the panel's size.
    #[must_use]
    pub fn first_paint(&self) -> Frame {
        let end = self.layout.rows().len();
        self.frame_of(end.saturating_sub(FIRST_PAINT_ROWS)..end, 0, 0, 0)
    }

    /// Returns what to draw now.
    #[must_use]
    pub fn frame(&self) -> Frame {
        let end = self.layout.height().saturating_sub(self.height);
        let scroll_to = match self.place {
            Place::End => end,
            Place::Row { key, below } => self
                .layout
                .find(key, &self.buffer)
                .map_or(end, |index| self.layout.top(index).saturating_add(below))
                .min(end),
        };
        let rows = self.layout.between(scroll_to.saturating_sub(OVERSCAN), scroll_to + self.height + OVERSCAN);
        let (above, below) = (self.layout.top(rows.start), self.layout.height() - self.layout.top(rows.end));
        self.frame_of(rows, above, below, scroll_to)
    }

    fn frame_of(&self, range: Range<usize>, above: u32, below: u32, scroll_to: u32) -> Frame {
        let counts = Counts::of(&self.buffer);
        let rows: Vec<RowView> = self.layout.rows()[range].iter().map(|&row| self.view_of(row)).collect();
        let wanted = rows.iter().find_map(|row| match row {
            RowView::Earlier(_) => self.buffer.earlier().map(Wanted::Before),
            RowView::Later(_) if !self.follows() => self.buffer.later().map(Wanted::After),
            _ => None,
        });
        let unseen = if self.follows() { 0 } else { counts.get(self.filter) - self.seen };
        Frame { rows, above, below, scroll_to, counts, unseen, wanted }
    }

    fn view_of(&self, row: Row) -> RowView {
        match row {
            Row::Line(at) => {
                let line = &self.buffer.lines()[at];
                let offset = self.buffer.totals().offset_millis(line.key.attempt, line.time);
                RowView::Line(line.clone(), offset)
            }
            Row::Milestone(at) => RowView::Milestone(self.buffer.milestones()[at].clone()),
            Row::Earlier => RowView::Earlier(self.buffer.lines_before()),
            Row::Later => RowView::Later(self.buffer.lines_after()),
        }
    }

    fn hold(&mut self, scroll_top: u32) {
        if let Some(index) = self.layout.at(scroll_top)
            && let Some(key) = self.layout.key(index, &self.buffer)
        {
            self.place = Place::Row { key, below: scroll_top - self.layout.top(index).min(scroll_top) };
        }
    }

    fn lay_out(&mut self) {
        self.layout = Layout::new(&self.buffer, self.filter, self.columns);
    }
}

#[cfg(test)]
mod tests;
