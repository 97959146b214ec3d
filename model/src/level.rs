//! Recognises the severity of a line from its text.
//!
//! Matching takes linear time and deliberately uses no regular expressions: the `regex` crate would add 840 kB of WASM,
//! and a slow pattern on a hostile line would freeze the page. The rules recognise a log level among the first words,
//! the prefixes of the messages of compilers, test runners and package managers, and the progress lines that such tools
//! print to standard error.

mod progress;
mod rules;

use crate::ansi;
use crate::{Level, StreamName};

/// The maximum number of bytes at the beginning of a line that are examined.
const LOOK_AT_BYTES: usize = 400;

/// Returns the level of a line printed to `stream`. The text must not contain escape sequences.
#[must_use]
pub fn of_line(text: &str, stream: StreamName) -> Level {
    recognise(text).unwrap_or(match stream {
        StreamName::Stderr => Level::Warn,
        StreamName::Stdout => Level::Info,
    })
}

/// Returns the level that the text of a line indicates, if any.
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

/// Returns the level of a line that may contain escape sequences, which are removed first.
#[must_use]
pub fn of_printed(text: &str, stream: StreamName) -> Level {
    of_line(&ansi::plain_text(text), stream)
}

#[cfg(test)]
mod tests;
