//! Classifies lines by their form, to recognise the lines that continue a message.

use super::LineText;

/// The form of a line. It depends only on the line's text, and on whether the line is indented more than the first line
/// of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A line without visible text.
    Blank,
    /// A line that continues any message, such as a stack frame, a line of source code with its number, or a note.
    Detail,
    /// Like `Detail`, but the indented lines after it also continue the message.
    DetailWithMore,
    /// The name of an exception, with or without a message.
    ExceptionName,
    /// Python's line between an exception and the exception that it caused.
    Chain,
    /// A line of a Go stack trace that is not indented.
    GoTrace,
    /// The first line of Node.js's list of the modules that required a missing module. The stack frames follow this
    /// list.
    NodeRequire,
    /// An item of the list of modules that required a missing module.
    ListItem,
    /// The end of the properties that Node.js prints after the stack frames.
    ClosingBrace,
    /// A line of pytest's report about a failed assertion: `>   ` before the source code, or `E   ` before the values.
    PytestMark,
    /// The last line of pytest's report about a failed assertion, for example `test_a.py:5: AssertionError`.
    PytestPlace,
    /// A line of source code with its number before it, as tsc prints it.
    NumberedCode,
    /// Any other line.
    Other,
}

impl Shape {
    /// Returns the form of a line that follows a message. `indent` is the indentation of the message's first line.
    pub(super) fn of(line: &LineText<'_>, indent: usize) -> Self {
        let text = line.text;
        if text.is_empty() {
            return Self::Blank;
        }
        if let Some(detail) = Self::detail(line) {
            return detail;
        }
        if line.indent > indent {
            return Self::Other;
        }
        let after_number = after_digits(text);
        match () {
            () if starts_with_any(text, &["During handling of the above", "The above exception was"]) => Self::Chain,
            () if starts_with_any(text, &["goroutine ", "created by ", "[signal ", "exit status ", "[recovered"])
                || is_go_call(text) =>
            {
                Self::GoTrace
            }
            () if text == "Require stack:" => Self::NodeRequire,
            () if text.starts_with("- ") => Self::ListItem,
            () if text == "}" => Self::ClosingBrace,
            () if starts_with_any(text, &["E   ", ">   "]) => Self::PytestMark,
            () if is_place_and_name(text) => Self::PytestPlace,
            () if after_number.is_some_and(|rest| rest.starts_with(' ')) => Self::NumberedCode,
            () if is_exception_name(text) => Self::ExceptionName,
            () => Self::Other,
        }
    }

    /// Returns whether a line continues any message.
    pub(super) fn is_detail(line: &LineText<'_>) -> bool {
        Self::detail(line).is_some()
    }

    fn detail(line: &LineText<'_>) -> Option<Self> {
        let (text, is_indented) = (line.text, line.indent > 0);
        match text.as_bytes().first()? {
            // A line of source code with its number, such as `3 | let x = 1;`, or a removed or added line of a
            // suggestion.
            b'0'..=b'9' => {
                let rest = after_digits(text)?;
                let is_code = rest.starts_with('|')
                    || rest.starts_with(' ') && starts_with_any(rest.trim_start(), &["|", "- ", "+ ", "~ "]);
                is_code.then_some(Self::Detail)
            }
            // A line of source code without its number, or a marker below it, such as `^^^^ expected one argument`.
            b'|' | b'^' | b'~' if is_indented => Some(Self::Detail),
            // `= note: ...` is followed by further lines of the note, if it is long.
            b'=' if is_indented && text.starts_with("= ") => Some(Self::DetailWithMore),
            b'-' if is_indented && starts_with_any(text, &["--> ", "---> ", "--- End of "]) => Some(Self::Detail),
            b':' if is_indented && text.starts_with("::: ") => Some(Self::Detail),
            b'+' if is_indented && text.starts_with("+-") => Some(Self::Detail),
            b'.' if text == "..." || is_indented && text.starts_with("... ") => Some(Self::Detail),
            // A stack frame of Java, .NET, Node.js or Rust. In Node.js, the error's properties may follow in braces.
            b'a' if is_indented && text.starts_with("at ") && text.contains(['(', ':', '<']) => {
                Some(if text.ends_with('{') { Self::DetailWithMore } else { Self::Detail })
            }
            // A stack frame of Ruby.
            b'f' if is_indented && text.starts_with("from ") && text.contains(":in ") => Some(Self::Detail),
            // A stack frame of Python.
            b'F' if is_indented && text.starts_with("File \"") && text.contains("\", line ") => {
                Some(Self::DetailWithMore)
            }
            b'S' if is_indented && text.starts_with("Suppressed: ") => Some(Self::Detail),
            b's' if text == "stack backtrace:" => Some(Self::DetailWithMore),
            b'n' | b'h' if starts_with_any(text, &["note: ", "help: ", "hint: "]) => Some(Self::Detail),
            _ if text.contains(": note: ") => Some(Self::Detail),
            _ => None,
        }
    }
}

/// Returns whether `text` is like `ValueError: bad` or `KeyboardInterrupt`: a dotted name, with or without a message.
fn is_exception_name(text: &str) -> bool {
    let name = text.split_once(':').map_or(text, |(name, rest)| if rest.starts_with([' ']) { name } else { text });
    let name = name.strip_suffix(':').unwrap_or(name);
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$'))
}

/// Returns whether `text` is like `main.(*Server).run(0xc000010018, ...)`, a function in a Go stack trace.
fn is_go_call(text: &str) -> bool {
    text.ends_with(')')
        && text.split_once('(').is_some_and(|(name, _)| name == "panic" || name.contains('.') && !name.contains(' '))
}

/// Returns whether `text` is like `tests/test_a.py:5: AssertionError`.
fn is_place_and_name(text: &str) -> bool {
    after_place(text).is_some_and(|rest| !rest.contains(' ') && is_exception_name(rest))
}

/// If `text` begins with a location such as `src/a.c:3:5: ` or `a.py:3: `, returns the rest of the text. A time is not
/// a location.
pub(super) fn after_place(text: &str) -> Option<&str> {
    let (place, rest) = text.split_once(": ")?;
    let (path, number) = place.rsplit_once(':')?;
    let is_place = path.contains(char::is_alphabetic) && !path.contains(' ') && after_digits(number) == Some("");
    is_place.then_some(rest)
}

/// If `text` begins with digits, returns the rest of the text.
pub(super) fn after_digits(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

fn starts_with_any(text: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| text.starts_with(prefix))
}
