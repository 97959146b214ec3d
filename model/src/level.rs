//! Recognises the severity of lines from their text.
//!
//! Matching takes linear time and deliberately uses no regular expressions: the `regex` crate would add 840 kB of WASM,
//! and a slow pattern on a hostile line would freeze the page. The rules recognise a log level among the first words,
//! the prefixes with which compilers, test runners and package managers begin their messages, and the progress lines
//! that such tools print to standard error.
//!
//! A message of several lines, such as a compiler's error or a stack trace, has the level of its first line. Therefore
//! [`MessageState`] reads the lines of a stream one after another. Two properties of messages allow a reader to begin
//! anywhere in a log:
//!
//! - Only a line that is recognised as a warning or an error begins a message, and the state after such a line depends
//!   only on the text of that line.
//! - A message ends at most [`MAX_LINES`] lines after the last line that is recognised as a warning or an error.
//!
//! A reader that begins [`MAX_LINES`] lines earlier, with the default state, therefore arrives at the correct state.
//! Usually, a reader can begin closer: after a line that [`is_state_known`] recognises, the state does not depend on
//! distant earlier lines.

mod message;
mod progress;
mod rules;
mod shape;

use crate::{Level, StreamName};
use message::Message;
use shape::Shape;

pub use message::MAX_LINES;

/// The maximum number of bytes that are examined at the beginning of a line's visible text: several times the width of
/// a terminal.
pub const LOOK_AT_BYTES: usize = 400;

/// The level of a line, and its role in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineLevel {
    /// The level of the line, or of the message that the line continues.
    pub level: Level,
    /// The role of the line in its message.
    pub part: MessagePart,
}

/// The role of a line in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePart {
    /// The first line of a message, or a line that is not part of a message of several lines.
    First,
    /// A line that continues the message of an earlier line.
    Continuation,
}

/// The state between two lines of a stream: the message that the next line may continue. The default is the state at
/// the beginning of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageState(Option<Message>);

impl MessageState {
    /// Returns the level of the next line, which was printed to `stream`, and advances the state. The text must not
    /// contain escape sequences.
    pub fn read(&mut self, text: &str, stream: StreamName) -> LineLevel {
        let line = LineText::new(text);
        let own = recognise_line(&line);
        let begun = own.and_then(|level| Message::begin(&line, level));
        let (part, next) = match self.0 {
            Some(message) => message.next(&line, own, begun),
            None => (MessagePart::First, begun),
        };
        let level = match (part, self.0) {
            (MessagePart::Continuation, Some(message)) => message.level(),
            _ => own.unwrap_or(match stream {
                StreamName::Stderr => Level::Warn,
                StreamName::Stdout => Level::Info,
            }),
        };
        self.0 = next;
        LineLevel { level, part }
    }

    /// Returns the number of lines since the line that began the message, or `None` if the next line cannot continue a
    /// message.
    #[must_use]
    pub fn lines(self) -> Option<u16> {
        self.0.map(Message::lines)
    }
}

/// Returns whether the state after `line` depends only on this line and on the previous line. If so, reading can begin
/// with the previous line. The previous line is needed because any text may follow the first line of a Rust panic.
#[must_use]
pub fn is_state_known(line: &str) -> bool {
    let line = LineText::new(line);
    let begins_message = recognise_line(&line).is_some_and(|level| Message::begin(&line, level).is_some());
    begins_message || line.indent == 0 && Shape::of(&line, 0) == Shape::Other
}

/// Returns the level that the text of a line indicates on its own, or `None` if it indicates none.
#[cfg(test)]
fn recognise(text: &str) -> Option<Level> {
    recognise_line(&LineText::new(text))
}

fn recognise_line(line: &LineText<'_>) -> Option<Level> {
    let line = line.text;
    if line.is_empty() {
        return Some(Level::Info);
    }
    rules::log_level_word(line)
        .or_else(|| rules::opening(line))
        .or_else(|| rules::within(line))
        .or_else(|| progress::progress(line))
}

/// The beginning of a line, divided into its indentation and its text.
struct LineText<'a> {
    /// The number of bytes of white space before the text.
    indent: usize,
    /// The text without white space around it.
    text: &'a str,
}

impl<'a> LineText<'a> {
    fn new(line: &'a str) -> Self {
        let mut end = line.len().min(LOOK_AT_BYTES);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let line = line[..end].trim_end();
        let text = line.trim_start();
        Self { indent: line.len() - text.len(), text }
    }
}

#[cfg(test)]
mod tests;
