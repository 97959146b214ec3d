//! Draws the lines of a log block by block, so that the content of every line depends on a bounded part of the log.
//!
//! A program may redraw the same rows for hours, and it prints new lines each time. If one screen drew the whole log,
//! the content of a line could depend on everything that is printed after it, and reading a single line would mean
//! reading the whole log. The lines of an attempt are therefore divided by their numbers into blocks of
//! [`BLOCK_LINES`]. In each block, each stream of a step has a screen of its own. If a program is still redrawing its
//! rows when a block ends, their last content remains in the log, and the program continues in new rows below.
//!
//! The page draws lines while they arrive, and the server draws them when they are requested by number. Both use
//! [`BlockScreen`] and the same blocks, so a line looks the same wherever reading began.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::fold::{DROPPED, LineEnd, fold};
use super::scan::Scanner;
use super::screen::{Redrawn, Screen, ScreenStart};
use super::style::Style;

/// The number of lines in a block. To draw any line, all lines of its block are read, usually about 1 MB. In each
/// block, a program that redraws rows starts again on new rows, and a copy of the old rows remains in the log. If a
/// program redraws 20 rows ten times per second, it leaves such a copy every 50 seconds.
pub const BLOCK_LINES: i64 = 10_000;
/// The maximum number of bytes that a stream's screen draws in one block. Beyond this limit, [`fold()`] draws the
/// remaining lines of the block one by one.
const MAX_BLOCK_BYTES: usize = 8 * 1024 * 1024;
/// The length in bytes above which an unfinished line is shortened while no screen is needed. The limit allows a
/// character of four bytes in each column of a row.
const MAX_OPEN_BYTES: usize = 64 * 1024;

/// Returns the numbers of the lines in the block that contains a line. Lines are numbered from 1.
#[must_use]
pub fn block_of(line: i64) -> RangeInclusive<i64> {
    let first = (line - 1).div_euclid(BLOCK_LINES).saturating_mul(BLOCK_LINES).saturating_add(1);
    first..=first.saturating_add(BLOCK_LINES - 1)
}

/// Draws the lines of one stream of one step in one block.
///
/// A screen motion is an escape sequence that concerns several rows, such as a movement to an earlier row. Most output
/// contains none, and is only scanned for them. From the first screen motion on, the lines are drawn on a [`Screen`].
#[derive(Clone, Debug)]
pub struct BlockScreen {
    height: u16,
    start: ScreenStart,
    /// Recognises escape sequences, and tracks the style while there is no screen.
    scanner: Scanner,
    /// While no screen is needed, the lines that a screen would show, followed by the unfinished line.
    recent: VecDeque<RecentLine>,
    screen: Option<Screen>,
    /// The number of the unfinished line.
    line: Option<i64>,
    /// The number of bytes that have been drawn.
    bytes: usize,
    is_full: bool,
}

/// A line that was printed before the screen was needed.
#[derive(Clone, Debug)]
struct RecentLine {
    number: i64,
    /// The style of the first character.
    style: Style,
    text: String,
}

impl RecentLine {
    /// Applies the cursor movements in the text of an unfinished line, and drops the text beyond [`MAX_OPEN_BYTES`].
    fn shorten(&mut self) {
        if let Cow::Owned(text) = fold(&self.text, LineEnd::Open).text {
            self.text = text;
        }
        if self.text.len() > MAX_OPEN_BYTES {
            self.text.truncate(self.text.floor_char_boundary(MAX_OPEN_BYTES));
            self.text.push_str(DROPPED);
        }
    }
}

impl BlockScreen {
    /// Creates a screen of the given height in rows. `start` must be [`ScreenStart::Empty`] if the step began in this
    /// block, and otherwise [`ScreenStart::Unknown`].
    #[must_use]
    pub fn new(height: u16, start: ScreenStart) -> Self {
        Self {
            height,
            start,
            scanner: Scanner::default(),
            recent: VecDeque::new(),
            screen: None,
            line: None,
            bytes: 0,
            is_full: false,
        }
    }

    /// Draws a piece of a line, like [`Screen::draw`]. Returns whether the line is drawn on a screen. If so,
    /// [`BlockScreen::take_changes`] returns the line's content.
    pub fn draw(&mut self, number: i64, text: &str, end: LineEnd) -> bool {
        if self.line != Some(number) {
            self.line = Some(number);
            self.is_full |= self.bytes >= MAX_BLOCK_BYTES;
            if !self.is_full && self.screen.is_none() {
                self.begin_line(number);
            }
        }
        if !self.is_full {
            self.bytes = self.bytes.saturating_add(text.len());
            match &mut self.screen {
                Some(screen) => screen.draw(number, text, end),
                None => self.note(text, end),
            }
        }
        if end == LineEnd::Complete {
            self.line = None;
        }
        self.screen.is_some() && !self.is_full
    }

    /// Returns the lines that have changed since the last call, with their content, in the order of their numbers. The
    /// result may include lines that still show exactly the text that they printed.
    #[must_use]
    pub fn take_changes(&mut self) -> Vec<(i64, Redrawn)> {
        self.screen.as_mut().map_or_else(Vec::new, Screen::take_changes)
    }

    /// Returns whether a screen motion has occurred, so that the lines are drawn on a screen.
    #[must_use]
    pub const fn has_screen(&self) -> bool {
        self.screen.is_some()
    }

    /// Returns whether the limit on the bytes drawn in a block has been reached, so that this screen draws no further
    /// lines.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.is_full
    }

    fn begin_line(&mut self, number: i64) {
        self.scanner.end_line();
        // The cursor can reach only the last rows, so earlier lines are not needed.
        if self.recent.len() > usize::from(self.height) {
            self.recent.pop_front();
        }
        self.recent.push_back(RecentLine { number, style: self.scanner.style(), text: String::new() });
    }

    /// Adds a piece to the last recent line. If the piece contains a screen motion, draws the recent lines on a screen.
    fn note(&mut self, text: &str, end: LineEnd) {
        let needs_screen = self.scanner.finds_screen_motion(text);
        let Some(line) = self.recent.back_mut() else { return };
        line.text.push_str(text);
        if needs_screen {
            self.begin_screen(end);
        } else if line.text.len() > MAX_OPEN_BYTES {
            line.shorten();
        }
    }

    fn begin_screen(&mut self, end: LineEnd) {
        let mut screen = Screen::new(self.height, self.start);
        let last = self.recent.pop_back();
        for line in self.recent.drain(..) {
            screen.set_style(line.style);
            screen.draw(line.number, &line.text, LineEnd::Complete);
        }
        // Discard the changes, because these lines still have the content that they printed.
        drop(screen.take_changes());
        if let Some(line) = last {
            screen.set_style(line.style);
            screen.draw(line.number, &line.text, end);
        }
        self.screen = Some(screen);
    }
}

#[cfg(test)]
mod tests;
