//! Draws consecutive lines of one stream onto the rows of a terminal's screen, for programs that move the cursor up and
//! redraw several lines in place.
//!
//! # Lines and rows
//!
//! A line keeps its number, regardless of what is drawn. A line that starts on a new row owns this row and the rows
//! below it, up to the start of the next line that owns rows. A line that starts on a row with text, because the cursor
//! was moved up, changes the rows of earlier lines. Such a line owns no row, and is reported as [`Redrawn::Overdrawn`].
//! If a line starts on a row that never had visible text but belongs to an earlier line, the new line takes over the
//! row. Text below a progress display therefore belongs to the line that printed the text. From top to bottom, the
//! rows' line numbers always increase.
//!
//! # The screen
//!
//! The screen consists of the last rows, as many as the terminal has. The cursor can reach only these rows. The rows
//! above have scrolled off and no longer change, so the terminal's height limits memory usage. The screen behaves like
//! xterm (see xterm's `ctlseqs` and, for the margins, the manual of the VT510), with the following exceptions, which
//! help readers of a log:
//!
//! - Rows do not wrap at the width of the terminal. Programs that redraw rows know the width and do not exceed it.
//! - Erasing the whole screen (ED 2) or resetting the terminal (RIS) loses nothing. The text remains in the log, and a
//!   new, empty screen begins below it, as in xterm with the `cdXtraScroll` resource. Erasing the text that has
//!   scrolled off (ED 3) has no effect.
//! - The alternate screen, which full-screen programs use, is a new screen too. Its last content remains in the log,
//!   whereas a terminal would discard it.
//! - Rows in which no line has started and no character was written are not shown, such as the rows between the text
//!   and a progress bar in the last row of the screen.
//!
//! If a screen starts in the middle of a log, the content of the rows above its first line is unknown. The number of
//! these rows is used to interpret absolute positions. The cursor cannot move above the first known row.
//!
//! All motions take constant time, or time linear in the number of rows that they change.

mod grid;
mod transcript;

use super::fold::{Folded, LineEnd};
use super::motion::{Motion, ScreenMotion};
use super::row::{Cursor, Pen};
use super::scan::{Action, Scanner, Token};
use super::style::Style;
use grid::Grid;
use transcript::Transcript;

/// The default height of a job's terminal, in rows.
pub const DEFAULT_HEIGHT: u16 = 40;
/// The maximum height of a screen, in rows, which is more than any terminal window has. It limits memory usage.
pub const MAX_HEIGHT: u16 = 1000;

/// The rows above the first line that a screen draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenStart {
    /// There are no rows above. The line is the first of its step, so it starts in the first row of an empty screen.
    Empty,
    /// There may be rows above, but their content is unknown. The line starts in the last row of the screen.
    Unknown,
}

/// The current content of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redrawn {
    /// The rows that the line owns, as text in the form that [`fold`](super::fold()) returns. The text starts and ends
    /// with the default style.
    Rows(Folded<'static>),
    /// The line owns no row, and must not be shown.
    Overdrawn {
        /// The number of the line on whose row this line wrote its first visible text. If this line had written no
        /// visible text, `on` is the number of the line that took over its row. The line `on` may also be overdrawn, so
        /// callers must follow `on` until they reach a line that owns rows.
        on: i64,
    },
}

/// A screen on which the lines of one stream of one step are drawn.
#[derive(Clone, Debug)]
pub struct Screen {
    scanner: Scanner,
    /// The content of an unfinished control string (OSC, DCS and similar), which the scanner interprets once the string
    /// ends.
    string: String,
    grid: Grid,
    transcript: Transcript,
    /// The index of the cursor's row in the grid.
    row: usize,
    cursor: Cursor,
    saved: SavedCursor,
    /// The number of the line that is being drawn, or `None` after its end.
    line: Option<i64>,
    /// Whether the line that is being drawn has written visible text.
    has_text: bool,
    /// Whether the alternate screen is in use.
    alternate: bool,
}

/// The position (row and column of the screen) and the style that were saved last.
#[derive(Clone, Copy, Debug, Default)]
struct SavedCursor {
    row: usize,
    column: usize,
    style: Style,
}

impl Screen {
    /// Creates a screen of the given height in rows, which is limited to [`MAX_HEIGHT`].
    #[must_use]
    pub fn new(height: u16, start: ScreenStart) -> Self {
        Self {
            scanner: Scanner::default(),
            string: String::new(),
            grid: Grid::new(height.clamp(1, MAX_HEIGHT).into(), start),
            transcript: Transcript::default(),
            row: 0,
            cursor: Cursor { column: 0, pen: Pen::new(Style::default()) },
            saved: SavedCursor::default(),
            line: None,
            has_text: false,
            alternate: false,
        }
    }

    /// Sets the style of the text that follows, for a screen that starts in the middle of a log.
    pub fn set_style(&mut self, style: Style) {
        self.cursor.pen.style = style;
    }

    /// Draws a piece of the line with the given number. The piece may end anywhere, and contains no newlines. `end` is
    /// [`LineEnd::Complete`] if a newline follows.
    ///
    /// The lines of a stream must be drawn in the order of their numbers, but the numbers may have gaps, because lines
    /// of the other stream are numbered too.
    pub fn draw(&mut self, number: i64, text: &str, end: LineEnd) {
        if self.line != Some(number) {
            if self.line.is_some() {
                self.end_line();
            }
            self.grid.start_line(self.row, number, &mut self.transcript);
            (self.line, self.has_text) = (Some(number), false);
        }
        let (mut scanner, mut string) = (self.scanner, std::mem::take(&mut self.string));
        scanner.scan_screen(text, &mut string, &mut |action| match action {
            Action::Token(token) => self.take(token),
            Action::Screen(motion) => self.go(motion),
        });
        (self.scanner, self.string) = (scanner, string);
        if end == LineEnd::Complete {
            self.end_line();
        }
    }

    /// Returns the lines that have changed since the last call, with their content, in the order of their numbers.
    ///
    /// A line is also reported if its rows were redrawn with the same text. Call this method regularly, because the
    /// final content of all lines that have scrolled off is kept in memory until it is reported.
    #[must_use]
    pub fn take_changes(&mut self) -> Vec<(i64, Redrawn)> {
        self.transcript.take_changes(&mut self.grid)
    }

    /// Moves to the beginning of the next row. Sequences do not continue on the next line.
    fn end_line(&mut self) {
        self.scanner.end_line();
        self.string.clear();
        self.row = self.grid.line_feed(self.row, &mut self.transcript);
        self.cursor.column = 0;
        self.line = None;
    }

    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Text(text) => {
                let is_visible = text.bytes().any(|byte| !matches!(byte, b' ' | b'\t'));
                let cursor = &mut self.cursor;
                self.grid.write(self.row, is_visible, |content| content.write(text, cursor));
                if is_visible {
                    self.note_text();
                }
                self.row = self.grid.limit_weight(self.row, &mut self.transcript);
            }
            Token::Hidden(character) => {
                self.grid.write(self.row, true, |content| content.mark(character, &self.cursor));
                self.note_text();
                self.row = self.grid.limit_weight(self.row, &mut self.transcript);
            }
            // Apply the sequence to the cursor's own style, because the scanner's style does not reflect that the
            // cursor's style has been saved and restored.
            Token::Restyle { sequence, .. } => sequence.apply(&mut self.cursor.pen.style),
            Token::Link(address) => self.cursor.pen.set_link(address),
            Token::Motion(motion @ (Motion::Down | Motion::NextRow)) => {
                self.row = self.grid.line_feed(self.row, &mut self.transcript);
                self.grid.reach(self.row);
                if motion == Motion::NextRow {
                    self.cursor.column = 0;
                }
            }
            Token::Motion(motion) => {
                if let Some(edit) = self.cursor.go(motion) {
                    self.grid.edit(self.row, |content| content.edit(edit, self.cursor.column));
                }
            }
        }
    }

    /// Records the row on which a line writes its first visible text.
    fn note_text(&mut self) {
        if let Some(line) = self.line.filter(|_| !self.has_text) {
            self.has_text = true;
            self.grid.note_first_text(self.row, line, &self.transcript);
        }
    }

    fn go(&mut self, motion: ScreenMotion) {
        match motion {
            ScreenMotion::Up(count) => self.row = self.grid.up(self.row, count),
            ScreenMotion::Down(count) => self.row = self.grid.down(self.row, count),
            ScreenMotion::StartAbove(count) => {
                (self.row, self.cursor.column) = (self.grid.up(self.row, count), 0);
            }
            ScreenMotion::StartBelow(count) => {
                (self.row, self.cursor.column) = (self.grid.down(self.row, count), 0);
            }
            ScreenMotion::Row(row) => self.row = self.grid.index_of(row.into()),
            ScreenMotion::Position { row, column } => self.go_to(row.into(), column.into()),
            ScreenMotion::ReverseIndex => self.row = self.grid.reverse_index(self.row),
            ScreenMotion::EraseBelow => self.grid.erase_below(self.row, self.cursor.column),
            ScreenMotion::EraseAbove => self.grid.erase_above(self.row, self.cursor.column),
            ScreenMotion::EraseScreen if self.alternate => self.grid.erase_screen(),
            ScreenMotion::EraseScreen => self.begin_screen(),
            ScreenMotion::InsertRows(count) => self.grid.insert_rows(self.row, count.into()),
            ScreenMotion::DeleteRows(count) => self.grid.delete_rows(self.row, count.into()),
            ScreenMotion::ScrollUp(count) => self.row = self.grid.scroll_up(self.row, count, &mut self.transcript),
            ScreenMotion::ScrollDown(count) => self.grid.scroll_down(count.into()),
            ScreenMotion::Region { top, bottom } => {
                if self.grid.set_region(top.into(), bottom.map(usize::from)) {
                    self.go_to(0, 0);
                }
            }
            ScreenMotion::Save => {
                let Cursor { column, pen: Pen { style, .. } } = self.cursor;
                self.saved = SavedCursor { row: self.grid.screen_row(self.row), column, style };
            }
            ScreenMotion::Restore => {
                let SavedCursor { row, column, style } = self.saved;
                self.row = self.grid.index_of(row);
                (self.cursor.column, self.cursor.pen.style) = (column, style);
            }
            ScreenMotion::EnterAlternate | ScreenMotion::LeaveAlternate | ScreenMotion::Reset => {
                self.begin_screen();
                self.grid.set_region(0, None);
                self.go_to(0, 0);
                self.saved = SavedCursor::default();
                self.alternate = motion == ScreenMotion::EnterAlternate;
                if motion == ScreenMotion::Reset {
                    self.cursor.pen = Pen::new(Style::default());
                }
            }
        }
    }

    fn go_to(&mut self, row: usize, column: usize) {
        self.row = self.grid.index_of(row);
        self.cursor.go(Motion::Column(u16::try_from(column).unwrap_or(u16::MAX)));
    }

    /// Begins an empty screen below all rows. The cursor's position on the screen does not change.
    fn begin_screen(&mut self) {
        if let Some(line) = self.line {
            self.row = self.grid.begin_screen(self.row, line, &mut self.transcript);
        }
    }
}

#[cfg(test)]
mod tests;
