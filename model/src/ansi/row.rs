//! Computes one row of a terminal: the visible content of a line after its cursor movements and erasures.
//!
//! The computation is pure and takes time linear in the line's length: a row has a bounded number of columns, a cursor
//! movement takes constant time, and an erasure clears one bit per column, 64 at a time. The result is text again
//! ([`fold`]), whose only escape sequences are styles (SGR) and links (OSC 8), so other code does not have to handle
//! cursor movements. Colours are reduced to the sixteen of [`Style`].
//!
//! Lines end only at a newline. A movement to the next row within a line (VT, FF, NEL) leaves the row above unchanged,
//! and becomes a NEL in the result. Movements up, and cursor addressing to other rows, are ignored.

use std::borrow::Cow;

use super::motion::Motion;
use super::scan::{Scanner, Token};
use super::style::Style;
use super::width::width;

/// The maximum number of columns of a row: about 200 times the usual width of a terminal, 80 columns. Text beyond it is
/// dropped.
const MAX_COLUMNS: usize = 16 * 1024;
/// The maximum number of bytes of the rows above the cursor's row. When it is exceeded, the rest of the line is
/// dropped.
const MAX_ABOVE: usize = 64 * 1024;
/// The sequence that is appended to an unfinished line to show that text was dropped. It moves the cursor past the last
/// column and writes a character there, so that folding the line again also reports that text was dropped.
pub const DROPPED: &str = "\u{1b}[65535G ";

/// The distance between tab stops, in columns.
const TAB: usize = 8;

/// Whether more text may be appended to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// More text may be appended to the result. The result therefore records the cursor's position and retains an
    /// unfinished sequence, so that folding the result together with the appended text gives the same as folding the
    /// whole line.
    Open,
    /// The line is complete.
    Complete,
}

/// The visible content of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded<'a> {
    /// The text, with styles and links.
    pub text: Cow<'a, str>,
    /// Whether text was dropped because the line exceeds a limit.
    pub cut: bool,
}

/// Applies the cursor movements and erasures of a line. A line without them is returned unchanged, whatever its length.
#[must_use]
pub fn fold(line: &str, end: LineEnd) -> Folded<'_> {
    // Ignore trailing carriage returns, which are part of Windows newlines. They move the cursor, but no text follows.
    let line = if end == LineEnd::Complete { line.trim_end_matches('\r') } else { line };
    if !has_motion(line) {
        return Folded { text: Cow::Borrowed(line), cut: false };
    }
    let mut row = TerminalRow::default();
    let rest = Scanner::new(Style::INHERITED).scan(line, &mut |token| row.take(token));
    let mut text = row.text(end);
    if end == LineEnd::Open {
        text.push_str(&line[rest..]);
    }
    Folded { text: Cow::Owned(text), cut: row.full }
}

/// Returns whether a line contains cursor movements or erasures.
fn has_motion(line: &str) -> bool {
    // In UTF-8, 0xc2 is the first byte of the C1 control characters.
    let suspicious = |byte: u8| matches!(byte, 0x8 | 0xb..=0xd | 0x1b | 0xc2);
    let mut found = false;
    if line.bytes().any(suspicious) {
        Scanner::default().scan(line, &mut |token| found |= matches!(token, Token::Motion(_)));
    }
    found
}

#[derive(Clone, Debug)]
struct TerminalCell {
    /// The character, or [`CONTINUATION`].
    character: char,
    /// Combining and invisible characters that follow the character.
    marks: String,
    style: Style,
    /// The link's index plus 1, or 0 if there is none.
    link: usize,
}

/// The placeholder in the second column of a wide character.
const CONTINUATION: char = '\0';

const BLANK: TerminalCell = TerminalCell { character: ' ', marks: String::new(), style: Style::INHERITED, link: 0 };

#[derive(Debug)]
struct TerminalRow {
    /// The rows above the cursor's row, each followed by a NEL.
    above: String,
    /// The cells that were written. Erased cells remain in this list, and `written` records which cells are erased.
    cells: Vec<TerminalCell>,
    /// One bit per cell: set if the cell is not erased.
    written: Vec<u64>,
    /// Combining and invisible characters before the first cell.
    lead: String,
    /// The cursor's column, where the next character is written.
    column: usize,
    /// The style of the next character.
    style: Style,
    link: usize,
    links: Vec<String>,
    /// The style and link at the end of `above`.
    pen: Pen,
    full: bool,
}

/// The style and link of the text that was appended last.
#[derive(Clone, Copy, Debug)]
struct Pen {
    style: Style,
    link: usize,
}

impl Default for TerminalRow {
    fn default() -> Self {
        Self {
            above: String::new(),
            cells: Vec::new(),
            written: Vec::new(),
            lead: String::new(),
            column: 0,
            style: Style::INHERITED,
            link: 0,
            links: Vec::new(),
            pen: Pen { style: Style::INHERITED, link: 0 },
            full: false,
        }
    }
}

impl TerminalRow {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Text(text) => text.chars().for_each(|character| self.write(character)),
            Token::Hidden(character) => self.mark(character),
            Token::Restyle { style, .. } => self.style = style,
            Token::Link(None) => self.link = 0,
            Token::Link(Some(address)) => {
                if self.links.last().is_none_or(|last| last != address) {
                    self.links.push(address.to_owned());
                }
                self.link = self.links.len();
            }
            Token::Motion(motion) => self.go(motion),
        }
    }

    fn write(&mut self, character: char) {
        if character == '\t' {
            return self.go(Motion::NextTab(1));
        }
        let width = width(character) as usize;
        if width == 0 {
            return self.mark(character);
        }
        let (from, to) = (self.column, self.column + width);
        if to > MAX_COLUMNS || self.above.len() > MAX_ABOVE {
            self.full = true;
            self.column = MAX_COLUMNS;
            return;
        }
        self.clear(from, to);
        self.put(from, character);
        if width == 2 {
            self.put(from + 1, CONTINUATION);
        }
        self.column = to;
    }

    fn put(&mut self, column: usize, character: char) {
        if self.cells.len() <= column {
            self.cells.resize(column + 1, BLANK);
            self.written.resize(column / 64 + 1, 0);
        }
        self.cells[column] = TerminalCell { character, marks: String::new(), style: self.style, link: self.link };
        self.written[column / 64] |= 1 << (column % 64);
    }

    /// Attaches a combining or invisible character to the cell before the cursor.
    fn mark(&mut self, character: char) {
        let Some(mut column) = self.column.checked_sub(1) else { return self.lead.push(character) };
        if self.is_continuation(column) {
            column -= 1;
        }
        if !self.is_written(column) {
            self.put(column, ' ');
            (self.cells[column].style, self.cells[column].link) = (BLANK.style, BLANK.link);
        }
        self.cells[column].marks.push(character);
    }

    fn go(&mut self, motion: Motion) {
        let column = self.column;
        self.column = match motion {
            Motion::Right(count) => column + usize::from(count),
            Motion::Left(count) => column.saturating_sub(count.into()),
            Motion::Column(column) => column.into(),
            Motion::NextTab(count) => (column / TAB + usize::from(count)) * TAB,
            Motion::PreviousTab(count) => (column.div_ceil(TAB).saturating_sub(count.into())) * TAB,
            Motion::Down | Motion::NextRow => {
                self.end_row();
                if motion == Motion::Down { column } else { 0 }
            }
            Motion::EraseRight => return self.clear_from(column),
            Motion::EraseLeft => return self.clear(0, column + 1),
            Motion::EraseRow => return self.clear_from(0),
            Motion::Erase(count) => return self.clear(column, column + usize::from(count)),
        }
        .min(MAX_COLUMNS);
    }

    /// Erases the columns from `column` to the end of the row. If text was dropped at the end of the row, that text is
    /// also considered erased.
    fn clear_from(&mut self, column: usize) {
        self.clear(column, MAX_COLUMNS);
        self.full = self.above.len() > MAX_ABOVE;
    }

    /// Erases the columns from `from` to `to` (exclusive). If only one half of a wide character is in this range, the
    /// other half is erased too.
    fn clear(&mut self, from: usize, to: usize) {
        let from = if self.is_continuation(from) { from - 1 } else { from };
        let to = (if self.is_continuation(to) { to + 1 } else { to }).min(self.written.len() * 64);
        let mut at = from;
        while at < to {
            let bits = (to - at).min(64 - at % 64);
            self.written[at / 64] &= !((u64::MAX >> (64 - bits)) << (at % 64));
            at += bits;
        }
        if from == 0 && to > 0 {
            self.lead.clear();
        }
    }

    fn is_written(&self, column: usize) -> bool {
        self.written.get(column / 64).is_some_and(|bits| bits >> (column % 64) & 1 == 1)
    }

    fn is_continuation(&self, column: usize) -> bool {
        self.is_written(column) && self.cells[column].character == CONTINUATION
    }

    /// Returns the number of columns up to and including the last column that is not erased.
    fn columns(&self) -> usize {
        let last = self.written.iter().rposition(|bits| *bits != 0);
        last.map_or(0, |word| word * 64 + 64 - self.written[word].leading_zeros() as usize)
    }

    fn end_row(&mut self) {
        if self.above.len() > MAX_ABOVE {
            self.full = true;
        } else {
            let mut above = std::mem::take(&mut self.above);
            self.pen = self.render(&mut above);
            Motion::NextRow.write(&mut above);
            self.above = above;
        }
        self.written.fill(0);
        self.lead.clear();
    }

    /// Appends the row's cells as text with escape sequences. Returns the style and link of the last cell.
    fn render(&self, out: &mut String) -> Pen {
        let mut pen = self.pen;
        out.push_str(&self.lead);
        for column in 0..self.columns() {
            let cell = if self.is_written(column) { &self.cells[column] } else { &BLANK };
            if cell.character != CONTINUATION {
                self.switch(&mut pen, cell.style, cell.link, out);
                out.push(cell.character);
                out.push_str(&cell.marks);
            }
        }
        pen
    }

    fn switch(&self, pen: &mut Pen, style: Style, link: usize, out: &mut String) {
        pen.style.write_change(style, out);
        pen.style = style;
        if pen.link != link {
            out.push_str("\u{1b}]8;;");
            out.push_str(link.checked_sub(1).map_or("", |at| &self.links[at]));
            out.push_str("\u{1b}\\");
            pen.link = link;
        }
    }

    /// Returns all rows as text.
    fn text(&self, end: LineEnd) -> String {
        let mut text = self.above.clone();
        let mut pen = self.render(&mut text);
        match end {
            LineEnd::Open => {
                self.switch(&mut pen, self.style, self.link, &mut text);
                if self.full {
                    text.push_str(DROPPED);
                }
                if self.full || self.column != self.columns() {
                    Motion::Column(u16::try_from(self.column).unwrap_or(u16::MAX)).write(&mut text);
                }
            }
            // A link ends at the end of its line, but a style continues on the next line.
            LineEnd::Complete => self.switch(&mut pen, self.style, 0, &mut text),
        }
        text
    }
}

#[cfg(test)]
mod tests;
