//! Draws text into one row of a terminal: the cells of the row, and the cursor within it.
//!
//! A row has a bounded number of columns. A cursor movement takes constant time. An erasure clears one bit per column,
//! 64 bits at a time. An insertion or a deletion moves a bounded number of cells. The content is rendered as text, with
//! styles (SGR) and links (OSC 8) as its only escape sequences. Colours are reduced to the sixteen of [`Style`].
//!
//! Rows do not wrap at the width of a terminal. Programs that redraw rows know the width and do not exceed it. The long
//! lines of all other programs stay whole, so that the page can wrap them at its own width.

mod extras;

use std::sync::Arc;

use super::motion::Motion;
use super::style::Style;
use super::width::width;
use extras::{Compaction, Extras};

/// The maximum number of columns of a row: about 200 times the usual width of a terminal, which is 80 columns. Text
/// beyond this limit is dropped.
pub(super) const MAX_COLUMNS: usize = 16 * 1024;
/// Cells can be inserted and deleted only in rows of at most this many columns, which is more than any terminal window
/// has. In longer rows, insertions and deletions have no effect. Otherwise, every three bytes of output could move
/// thousands of cells.
pub(super) const MAX_SHIFTED_COLUMNS: usize = 1024;
/// The distance between tab stops, in columns.
pub(super) const TAB: usize = 8;

/// The style and the link of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pen {
    pub style: Style,
    pub link: Option<Arc<str>>,
}

impl Pen {
    /// A pen without a link.
    pub const fn new(style: Style) -> Self {
        Self { style, link: None }
    }

    /// Sets or removes the link.
    pub fn set_link(&mut self, address: Option<&str>) {
        if self.link.as_deref() != address {
            self.link = address.map(Arc::from);
        }
    }

    /// Appends the sequences that change this pen to the given style and link.
    pub fn switch(&mut self, style: Style, link: Option<&Arc<str>>, out: &mut String) {
        self.style.write_change(style, out);
        self.style = style;
        if self.link.as_ref() != link {
            out.push_str("\u{1b}]8;;");
            out.push_str(link.map_or("", |address| address));
            out.push_str("\u{1b}\\");
            self.link = link.cloned();
        }
    }
}

/// The position and style of the next character.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    /// The column, at most [`MAX_COLUMNS`].
    pub column: usize,
    pub pen: Pen,
}

impl Cursor {
    /// Applies a movement within the row, and returns `None`. If the motion changes the row's content instead, returns
    /// the motion unchanged.
    pub fn go(&mut self, motion: Motion) -> Option<Motion> {
        let column = self.column;
        self.column = match motion {
            Motion::Right(count) => column + usize::from(count),
            Motion::Left(count) => column.saturating_sub(count.into()),
            Motion::Column(column) => column.into(),
            Motion::NextTab(count) => (column / TAB + usize::from(count)) * TAB,
            Motion::PreviousTab(count) => (column.div_ceil(TAB).saturating_sub(count.into())) * TAB,
            _ => return Some(motion),
        }
        .min(MAX_COLUMNS);
        None
    }
}

#[derive(Clone, Copy, Debug)]
struct TerminalCell {
    /// The character, or [`CONTINUATION`].
    character: char,
    style: Style,
    /// The key of the cell's link and marks. Marks are the combining and invisible characters that follow its
    /// character.
    extra: extras::Key,
}

/// The placeholder in the second column of a wide character.
const CONTINUATION: char = '\0';

const BLANK: TerminalCell = TerminalCell { character: ' ', style: Style::INHERITED, extra: extras::NONE };

/// The content of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct TerminalRow {
    /// The cells that were written. Erased cells remain in this list, and `written` records which cells are erased.
    cells: Vec<TerminalCell>,
    /// One bit per cell: set if the cell is not erased.
    written: Vec<u64>,
    /// Combining and invisible characters before the first cell.
    lead: String,
    extras: Extras,
    /// Whether text was dropped because the row exceeds a limit.
    full: bool,
}

impl TerminalRow {
    /// Returns whether text was dropped because the row exceeds a limit.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// Returns whether the row has no content.
    pub fn is_blank(&self) -> bool {
        self.lead.is_empty() && self.written.iter().all(|bits| *bits == 0)
    }

    /// Returns an upper bound on the row's size in memory, in bytes.
    pub fn weight(&self) -> usize {
        self.cells.len() * (size_of::<TerminalCell>() + 1) + self.lead.len() + self.extras.weight()
    }

    /// Writes text at the cursor. Tabs move the cursor.
    pub fn write(&mut self, text: &str, cursor: &mut Cursor) {
        for character in text.chars() {
            match width(character) as usize {
                _ if character == '\t' => _ = cursor.go(Motion::NextTab(1)),
                0 => self.mark(character, cursor),
                width => self.write_character(character, width, cursor),
            }
        }
    }

    fn write_character(&mut self, character: char, width: usize, cursor: &mut Cursor) {
        let (from, to) = (cursor.column, cursor.column + width);
        if to > MAX_COLUMNS {
            return self.drop_text(cursor);
        }
        self.clear(from, to);
        self.make_space();
        let extra = self.extras.linked(cursor.pen.link.as_ref());
        self.put(from, TerminalCell { character, style: cursor.pen.style, extra });
        if width == 2 {
            self.put(from + 1, TerminalCell { character: CONTINUATION, style: cursor.pen.style, extra });
        }
        cursor.column = to;
    }

    /// Records that text was dropped at the end of the row, and moves the cursor there.
    pub fn drop_text(&mut self, cursor: &mut Cursor) {
        self.full = true;
        cursor.column = MAX_COLUMNS;
    }

    fn put(&mut self, column: usize, cell: TerminalCell) {
        if self.cells.len() <= column {
            self.cells.resize(column + 1, BLANK);
        }
        if self.written.len() <= column / 64 {
            self.written.resize(column / 64 + 1, 0);
        }
        self.cells[column] = cell;
        self.written[column / 64] |= 1 << (column % 64);
    }

    /// Attaches a combining or invisible character to the cell before the cursor.
    pub fn mark(&mut self, character: char, cursor: &Cursor) {
        self.make_space();
        let Some(mut column) = cursor.column.checked_sub(1) else {
            self.full |= !extras::push_mark(&mut self.lead, character);
            return;
        };
        if self.is_continuation(column) {
            column -= 1;
        }
        if !self.is_written(column) {
            self.put(column, BLANK);
        }
        match self.extras.marked(self.cells[column].extra, character) {
            Some(key) => self.cells[column].extra = key,
            None => self.full = true,
        }
    }

    /// If the row has too many links and marks, removes those of erased cells.
    fn make_space(&mut self) {
        if self.extras.is_crowded(self.cells.len()) {
            let mut kept = Compaction::default();
            for column in 0..self.cells.len() {
                let extra = if self.is_written(column) { self.cells[column].extra } else { extras::NONE };
                self.cells[column].extra = kept.keep(extra, &mut self.extras);
            }
            self.extras = kept.finish();
        }
    }

    /// Applies an erasure, an insertion or a deletion.
    pub fn edit(&mut self, motion: Motion, column: usize) {
        match motion {
            Motion::EraseRight => self.clear_from(column),
            Motion::EraseLeft => self.clear(0, column + 1),
            Motion::EraseRow => self.clear_from(0),
            Motion::Erase(count) => self.clear(column, column + usize::from(count)),
            Motion::Insert(count) => self.insert(column, count.into()),
            Motion::Delete(count) => self.delete(column, count.into()),
            Motion::Right(_)
            | Motion::Left(_)
            | Motion::Column(_)
            | Motion::NextTab(_)
            | Motion::PreviousTab(_)
            | Motion::Down
            | Motion::NextRow => {}
        }
    }

    /// Erases the columns from `column` to the end of the row. If text was dropped at the end of the row, that text is
    /// also considered erased.
    pub fn clear_from(&mut self, column: usize) {
        self.clear(column, MAX_COLUMNS);
        self.written.truncate(column.div_ceil(64));
        self.full = false;
        if self.written.is_empty() {
            self.lead.clear();
            self.extras = Extras::default();
        }
    }

    /// Erases the columns from `from` to `to` (exclusive). If only one half of a wide character is in this range, the
    /// other half is erased too.
    pub fn clear(&mut self, from: usize, to: usize) {
        let from = if self.is_continuation(from) { from - 1 } else { from };
        let to = if self.is_continuation(to) { to + 1 } else { to };
        self.unset(from, to);
        if from == 0 && !self.written.is_empty() {
            self.lead.clear();
        }
    }

    /// Marks the cells from `from` to `to` (exclusive) as erased.
    fn unset(&mut self, from: usize, to: usize) {
        let to = to.min(self.written.len() * 64);
        let mut at = from;
        while at < to {
            let bits = (to - at).min(64 - at % 64);
            self.written[at / 64] &= !((u64::MAX >> (64 - bits)) << (at % 64));
            at += bits;
        }
    }

    /// Inserts blank columns. Cells that would move beyond the last column of the row are dropped.
    fn insert(&mut self, column: usize, count: usize) {
        let end = self.columns();
        if column < end && end <= MAX_SHIFTED_COLUMNS {
            self.split(column);
            for at in (column..end.min(MAX_COLUMNS.saturating_sub(count))).rev() {
                self.shift(at, at + count);
            }
            self.unset(column, (column + count).min(end));
        }
    }

    /// Deletes columns, and moves the rest of the row to the left.
    fn delete(&mut self, column: usize, count: usize) {
        let end = self.columns();
        if column < end && end <= MAX_SHIFTED_COLUMNS {
            self.split(column);
            self.split(column + count);
            for at in column + count..end {
                self.shift(at, at - count);
            }
            self.unset(end.saturating_sub(count).max(column), end);
            if column == 0 {
                self.lead.clear();
            }
        }
    }

    /// Copies a cell to another column.
    fn shift(&mut self, from: usize, to: usize) {
        if self.is_written(from) {
            self.put(to, self.cells[from]);
        } else {
            self.unset(to, to + 1);
        }
    }

    /// If `column` is the second column of a wide character, erases this character.
    fn split(&mut self, column: usize) {
        if self.is_continuation(column) {
            self.unset(column - 1, column + 1);
        }
    }

    fn is_written(&self, column: usize) -> bool {
        self.written.get(column / 64).is_some_and(|bits| bits >> (column % 64) & 1 == 1)
    }

    fn is_continuation(&self, column: usize) -> bool {
        self.is_written(column) && self.cells[column].character == CONTINUATION
    }

    /// Returns the number of columns up to and including the last column that is not erased.
    pub fn columns(&self) -> usize {
        let last = self.written.iter().rposition(|bits| *bits != 0);
        last.map_or(0, |word| word * 64 + 64 - self.written[word].leading_zeros() as usize)
    }

    /// Appends the row's cells as text with escape sequences. `pen` contains the style and link of the preceding text,
    /// and afterwards contains those of the last cell. Columns that were not written have the style `blank`.
    pub fn render(&self, pen: &mut Pen, blank: Style, out: &mut String) {
        out.push_str(&self.lead);
        let mut column = 0;
        while let Some(written) = self.next_written(column) {
            if column < written {
                pen.switch(blank, None, out);
                push_spaces(written - column, out);
            }
            let cell = &self.cells[written];
            if cell.character != CONTINUATION {
                let (link, marks) = self.extras.get(cell.extra);
                // On a screen, a cell has the style of `BLANK` only if it was created to hold a combining character.
                // Such a cell is drawn in the style of the columns that were not written.
                pen.switch(if cell.style == BLANK.style { blank } else { cell.style }, link, out);
                out.push(cell.character);
                out.push_str(marks);
            }
            column = written + 1;
        }
    }

    /// Returns the first column at or after `column` that is not erased, or `None` if there is no such column.
    fn next_written(&self, column: usize) -> Option<usize> {
        let first = *self.written.get(column / 64)? >> (column % 64);
        if first != 0 {
            return Some(column + first.trailing_zeros() as usize);
        }
        let words = self.written.iter().enumerate().skip(column / 64 + 1);
        let (word, bits) = words.into_iter().find(|(_, bits)| **bits != 0)?;
        Some(word * 64 + bits.trailing_zeros() as usize)
    }
}

fn push_spaces(mut count: usize, out: &mut String) {
    const SPACES: &str = "                                                                ";
    while count > 0 {
        let some = count.min(SPACES.len());
        out.push_str(&SPACES[..some]);
        count -= some;
    }
}
