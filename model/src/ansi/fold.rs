//! Draws a single line: computes its visible content by applying its cursor movements and erasures within the row.
//!
//! The computation is pure and takes time linear in the line's length. The only escape sequences in the result are
//! styles (SGR) and links (OSC 8), so other code does not have to handle cursor movements.
//!
//! Lines end only at a newline. A movement to the next row within a line (VT, FF, NEL) leaves the row above unchanged,
//! and becomes a NEL in the result. Movements to other rows are ignored; [`super::Screen`] applies them.

use std::borrow::Cow;

use super::motion::Motion;
use super::row::{Cursor, Pen, TerminalRow};
use super::scan::{Scanner, Token};
use super::style::Style;

/// The maximum total size, in bytes, of a line's rows, not counting its last row. If a line exceeds this size, the rest
/// of the line is dropped.
pub(super) const MAX_ABOVE: usize = 64 * 1024;
/// The sequence that is appended to an unfinished line to show that text was dropped. It moves the cursor past the last
/// column and writes a character there, so that folding the line again also reports that text was dropped.
pub const DROPPED: &str = "\u{1b}[65535G ";

/// Whether more text may be appended to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// More text may be appended to the result. The result therefore records the cursor's position and retains an
    /// unfinished sequence. Folding the result together with the appended text then gives the same text as folding the
    /// whole line at once.
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

/// Applies the cursor movements and erasures in a line. A line without any of them is returned unchanged, regardless of
/// its length.
#[must_use]
pub fn fold(line: &str, end: LineEnd) -> Folded<'_> {
    fold_unless(&|| false, line, end).expect("nothing stops the computation")
}

/// Draws a line like [`fold`]. Returns `None` as soon as `is_stopped` returns true, which is called after every 64 KiB:
/// drawing a line of several megabytes takes seconds.
#[must_use]
pub fn fold_unless<'a>(is_stopped: &dyn Fn() -> bool, line: &'a str, end: LineEnd) -> Option<Folded<'a>> {
    // Ignore trailing carriage returns, which are part of Windows newlines. They have no effect, because no text
    // follows them.
    let line = if end == LineEnd::Complete { line.trim_end_matches('\r') } else { line };
    if !has_motion(is_stopped, line)? {
        return Some(Folded { text: Cow::Borrowed(line), cut: false });
    }
    let mut drawing = LineDrawing::default();
    let rest = Scanner::new(Style::INHERITED).scan_unless(is_stopped, line, &mut |token| drawing.take(token))?;
    let mut text = drawing.text(end);
    if end == LineEnd::Open {
        text.push_str(&line[rest..]);
    }
    Some(Folded { text: Cow::Owned(text), cut: drawing.is_cut() })
}

/// Returns whether a line contains cursor movements or erasures.
fn has_motion(is_stopped: &dyn Fn() -> bool, line: &str) -> Option<bool> {
    // In UTF-8, 0xc2 is the first byte of the C1 control characters.
    let suspicious = |byte: u8| matches!(byte, 0x8 | 0xb..=0xd | 0x1b | 0xc2);
    let mut found = false;
    if line.bytes().any(suspicious) {
        Scanner::default().scan_unless(is_stopped, line, &mut |token| found |= matches!(token, Token::Motion(_)))?;
    }
    Some(found)
}

/// The state while a line is drawn.
#[derive(Debug)]
struct LineDrawing {
    /// The rows above the cursor's row, each followed by a NEL.
    above: String,
    /// The style and link at the end of `above`.
    pen: Pen,
    /// Whether text was dropped because `above` exceeds its limit.
    dropped: bool,
    row: TerminalRow,
    cursor: Cursor,
}

impl Default for LineDrawing {
    fn default() -> Self {
        let pen = Pen::new(Style::INHERITED);
        Self {
            above: String::new(),
            pen: pen.clone(),
            dropped: false,
            row: TerminalRow::default(),
            cursor: Cursor { column: 0, pen },
        }
    }
}

impl LineDrawing {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Text(_) if self.above.len() > MAX_ABOVE => {
                self.dropped = true;
                self.row.drop_text(&mut self.cursor);
            }
            Token::Text(text) => self.row.write(text, &mut self.cursor),
            Token::Hidden(character) => self.row.mark(character, &self.cursor),
            Token::Restyle { style, .. } => self.cursor.pen.style = style,
            Token::Link(address) => self.cursor.pen.set_link(address),
            Token::Motion(Motion::Down) => self.end_row(),
            Token::Motion(Motion::NextRow) => {
                self.end_row();
                self.cursor.column = 0;
            }
            Token::Motion(motion) => {
                if let Some(edit) = self.cursor.go(motion) {
                    self.row.edit(edit, self.cursor.column);
                }
            }
        }
    }

    fn end_row(&mut self) {
        if self.above.len() > MAX_ABOVE {
            self.dropped = true;
        } else {
            self.row.render(&mut self.pen, Style::INHERITED, &mut self.above);
            Motion::NextRow.write(&mut self.above);
        }
        self.row.clear_from(0);
    }

    const fn is_cut(&self) -> bool {
        self.dropped || self.row.is_full()
    }

    /// Returns all rows as text.
    fn text(&self, end: LineEnd) -> String {
        let mut text = self.above.clone();
        let mut pen = self.pen.clone();
        self.row.render(&mut pen, Style::INHERITED, &mut text);
        let Cursor { column, pen: Pen { style, link } } = &self.cursor;
        match end {
            LineEnd::Open => {
                pen.switch(*style, link.as_ref(), &mut text);
                if self.is_cut() {
                    text.push_str(DROPPED);
                }
                if self.is_cut() || *column != self.row.columns() {
                    Motion::Column(u16::try_from(*column).unwrap_or(u16::MAX)).write(&mut text);
                }
            }
            // A link ends at the end of its line, but a style continues on the next line.
            LineEnd::Complete => pen.switch(*style, None, &mut text),
        }
        text
    }
}

#[cfg(test)]
mod tests;
