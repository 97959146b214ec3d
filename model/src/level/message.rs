//! Recognises messages of several lines: which lines begin a message, and which lines continue it.

use super::rules;
use super::shape::{Shape, after_place};
use super::{LineText, MessagePart};
use crate::Level;

/// The maximum number of lines of a stream that can belong to a message after its first line. Most stack traces are
/// shorter. Determining the level of a line requires at most this number of lines before it.
pub const MAX_LINES: u16 = 500;

/// A message that the next line may continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    level: Level,
    family: Family,
    /// The indentation of the first line. Only lines that are indented further count as indented.
    indent: u8,
    /// The number of lines since the line that began the message.
    lines: u16,
    /// Whether the previous line allows indented lines to continue the message.
    takes_indented: bool,
    /// Whether the previous line is blank.
    after_blank: bool,
}

/// The kind of a message. It determines which lines continue the message, in addition to lines of the form
/// [`Shape::Detail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// A message of a compiler or another tool. It ends at the first line without a recognised form.
    Plain,
    /// Like `Plain`, but with a location in a file. The source code at this location may follow.
    Located,
    /// An error in an application's log. A stack trace may follow.
    Logged,
    /// A Python stack trace, which ends with the exception.
    Traceback,
    /// An exception. Stack frames or, in Python, another exception may follow.
    Exception,
    /// The line with which Python announces another stack trace.
    Chain,
    /// The first line of a Rust panic. The text of the panic follows.
    RustPanic,
    /// The text of a Rust panic.
    RustPanicText,
    /// A panic of a Go program, followed by the stack traces of its goroutines.
    GoPanic,
    /// A failed Go test. The messages of the test follow. They are indented, and each begins with its location.
    GoTest,
    /// A failed assertion of pytest.
    Pytest,
    /// An error of tsc, which may explain the types in indented lines.
    Tsc,
    /// An error of npm. All lines of the error have the same prefix.
    Npm,
}

impl Message {
    /// Returns the message that a line begins, or `None` if the line is not recognised as the beginning of a warning or
    /// an error.
    pub(super) fn begin(line: &LineText<'_>, level: Level) -> Option<Self> {
        if level < Level::Warn || Shape::is_detail(line) {
            return None;
        }
        let family = Family::of(line.text, level);
        // An indented line that merely contains a word such as "error" may be source code in a stack trace, so it does
        // not begin a message.
        let is_beginning = line.indent == 0
            || family != Family::Plain
            || rules::log_level_word(line.text).or_else(|| rules::opening(line.text)).is_some();
        // In Go, a panic during another panic is indented, but its stack trace is not, so the indentation counts as 0.
        let indent = if family == Family::GoPanic { 0 } else { u8::try_from(line.indent).ok()? };
        // After a line `Caused by:`, cargo prints the cause of an error on indented lines.
        let takes_indented = line.text == "Caused by:";
        is_beginning.then_some(Self { level, family, indent, lines: 0, takes_indented, after_blank: false })
    }

    pub(super) const fn level(self) -> Level {
        self.level
    }

    pub(super) const fn lines(self) -> u16 {
        self.lines
    }

    /// Returns the role of the next line, `line`, and the message that the line after it may continue. `own` is the
    /// level that `line` indicates on its own, and `begun` is the message that `line` would begin on its own.
    pub(super) fn next(
        mut self,
        line: &LineText<'_>,
        own: Option<Level>,
        begun: Option<Self>,
    ) -> (MessagePart, Option<Self>) {
        self.lines += 1;
        let indent = usize::from(self.indent);
        let shape = Shape::of(line, indent);
        let is_after_blank = std::mem::replace(&mut self.after_blank, shape == Shape::Blank);
        if self.lines > MAX_LINES || shape != Shape::Blank && line.indent < indent {
            return (MessagePart::First, begun);
        }
        if shape == Shape::Blank {
            // A blank line belongs to no message, but some messages continue after it.
            return (MessagePart::First, (!is_after_blank).then_some(self));
        }
        let next = match begun {
            Some(begun) if !self.is_continued_by(begun, line, is_after_blank) => {
                return (MessagePart::First, Some(begun));
            }
            Some(begun) => Some(begun),
            None if is_after_blank => self.after_blank(shape),
            None => self.after_line(line, shape, own),
        };
        (if next.is_some() { MessagePart::Continuation } else { MessagePart::First }, next)
    }

    /// Returns whether a line continues this message although it would begin a message on its own.
    fn is_continued_by(self, begun: Self, line: &LineText<'_>, is_after_blank: bool) -> bool {
        if line.text.starts_with("Caused by:") {
            return true;
        }
        match (self.family, begun.family) {
            (Family::Chain, Family::Traceback) => true,
            _ if is_after_blank => false,
            (Family::RustPanic, family) => family != Family::RustPanic,
            (Family::Traceback, _) => self.lines > 1 && Shape::of(line, self.indent.into()) == Shape::ExceptionName,
            (Family::Logged, Family::Traceback | Family::Exception) => self.level == Level::Error,
            (Family::GoPanic, Family::GoPanic) => line.indent > 0,
            (Family::Npm, Family::Npm) | (Family::Pytest, Family::Pytest) => true,
            _ => false,
        }
    }

    /// Returns the message's state after `line`, which no blank line separates from the message. Returns `None` if the
    /// line does not continue the message.
    fn after_line(mut self, line: &LineText<'_>, shape: Shape, own: Option<Level>) -> Option<Self> {
        if self.family == Family::RustPanic {
            (self.family, self.takes_indented) = (Family::RustPanicText, true);
            return Some(self);
        }
        let is_indented = line.indent > usize::from(self.indent);
        match shape {
            Shape::Detail => {}
            Shape::DetailWithMore => self.takes_indented = true,
            Shape::ExceptionName if self.family == Family::Traceback && self.lines > 1 => {
                (self.family, self.takes_indented) = (Family::Exception, false);
            }
            Shape::GoTrace if self.family == Family::GoPanic => {}
            Shape::NodeRequire if self.family == Family::Exception => self.takes_indented = true,
            Shape::ListItem if self.family == Family::Exception && self.takes_indented => {}
            Shape::ClosingBrace if self.family == Family::Exception && self.takes_indented => {
                self.takes_indented = false;
            }
            Shape::PytestMark if self.family == Family::Pytest => {}
            Shape::Other if is_indented && self.takes_indented_line(line, own) => {}
            _ => return None,
        }
        Some(self)
    }

    /// Returns whether an indented line without a recognised form continues the message.
    fn takes_indented_line(&mut self, line: &LineText<'_>, own: Option<Level>) -> bool {
        // A line that is recognised as information, such as progress, does not continue a message. Lines without
        // letters and digits, such as `****`, are an exception.
        if own == Some(Level::Info) && line.text.contains(char::is_alphanumeric) {
            return false;
        }
        match self.family {
            Family::Traceback | Family::GoPanic | Family::Tsc => true,
            Family::Located if self.lines == 1 => true,
            Family::GoTest if after_place(line.text).is_some() => {
                self.takes_indented = true;
                true
            }
            _ => self.takes_indented,
        }
    }

    /// Returns the message's state after a blank line and a line of the form `shape`. Returns `None` if that line does
    /// not continue the message.
    fn after_blank(mut self, shape: Shape) -> Option<Self> {
        match (self.family, shape) {
            (Family::Exception, Shape::Chain) => self.family = Family::Chain,
            (Family::GoPanic, Shape::GoTrace)
            | (Family::Pytest, Shape::PytestPlace | Shape::PytestMark)
            | (Family::Tsc, Shape::NumberedCode) => {}
            _ => return None,
        }
        Some(self)
    }
}

impl Family {
    /// Returns the kind of a message that begins with the given line.
    fn of(text: &str, level: Level) -> Self {
        match () {
            () if rules::is_rust_panic(text) => Self::RustPanic,
            () if text.contains("Traceback (most recent call last)") => Self::Traceback,
            () if rules::is_pytest(text) => Self::Pytest,
            () if text.starts_with("panic: ") || text.starts_with("fatal error: ") => Self::GoPanic,
            () if text.starts_with("--- FAIL") => Self::GoTest,
            () if text.starts_with("npm ERR!") || text.starts_with("npm error") => Self::Npm,
            () if rules::is_tsc(text) => Self::Tsc,
            () if rules::is_exception(text) => Self::Exception,
            () if after_place(text).is_some() => Self::Located,
            () if level == Level::Error && rules::log_level_word(text).is_some() => Self::Logged,
            () => Self::Plain,
        }
    }
}
