//! How much a line matters, recognised from its words.
//!
//! Pure and linear, and deliberately no regular expression: that crate costs 840 kB of WASM, and a slow pattern over a
//! hostile line freezes the page. The rules are those a reader applies: a log level among the first words, the fixed
//! openings that compilers, test runners and package managers use, and their progress lines, which they print to
//! standard error although nothing is wrong.

mod progress;
mod rules;

use crate::ansi;
use crate::model::{Level, StreamName};

/// Words beyond this are not looked at: a level stands at a line's beginning.
const LOOK_AT_BYTES: usize = 400;

/// Returns the level of a line, without escape sequences, that was printed to `stream`.
#[must_use]
pub fn of_line(text: &str, stream: StreamName) -> Level {
    recognise(text).unwrap_or(match stream {
        StreamName::Stderr => Level::Warn,
        StreamName::Stdout => Level::Info,
    })
}

/// Returns the level that a line's words say, if they say one.
#[must_use]
pub fn recognise(text: &str) -> Option<Level> {
    let mut end = text.len().min(LOOK_AT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let line = text[..end].trim();
    if line.is_empty() {
        return Some(Level::Info);
    }
    rules::log_level_word(line)
        .or_else(|| rules::opening(line))
        .or_else(|| rules::within(line))
        .or_else(|| progress::progress(line))
}

/// Returns the level of a line as it was printed, by what a terminal shows of it.
#[must_use]
pub fn of_printed(text: &str, stream: StreamName) -> Level {
    of_line(&ansi::plain_text(text), stream)
}

#[cfg(test)]
mod tests;
