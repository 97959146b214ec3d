//! The rules for recognising a level, from the most to the least reliable.

use super::shape::after_digits;
use crate::Level;

/// The number of words at the beginning of a line that are searched for a level. Later words are usually part of the
/// message.
const LEVEL_WITHIN_WORDS: usize = 6;

/// Recognises a level written by a logger. The level must be one of the first words of the line, preceded only by
/// times, bracketed names and similar prefixes. Other recognised forms are `level=warn`, `"level":"warn"`, glog's
/// `E0131 12:00:00`, and a CI runner's `::error` and `##[error]`.
pub(super) fn log_level_word(line: &str) -> Option<Level> {
    if let Some(level) = glog(line).or_else(|| structured(line)) {
        return Some(level);
    }
    for prefix in ["::", "##["] {
        if let Some(rest) = line.strip_prefix(prefix) {
            return word_level(first_word(rest), LetterCase::Any);
        }
    }
    for word in line.split_ascii_whitespace().take(LEVEL_WITHIN_WORDS) {
        let bracketed = word.starts_with(['[', '(', '<']);
        for part in word.split(['[', ']', '(', ')', '<', '>', '|', ':', '-', '/']).filter(|part| !part.is_empty()) {
            let case = if bracketed && word.len() <= part.len() + 3 { LetterCase::Any } else { LetterCase::Upper };
            if let Some(level) = word_level(part, case) {
                return Some(level);
            }
        }
        let is_prefix = bracketed
            || word.ends_with(['|', ']', ':'])
            || word.bytes().any(|byte| byte.is_ascii_digit())
            || word == "-";
        if !is_prefix {
            return None;
        }
    }
    None
}

/// The prefixes of error messages from compilers, test runners, shells and package managers.
const ERRORS: &[&str] = &[
    "error:",
    "error[",
    "error!",
    "errors:",
    "fatal:",
    "fatal error",
    "panic:",
    "exception:",
    "npm ERR!",
    "npm error",
    "E: ",
    "Traceback (most recent call last)",
    "Exception in thread",
    "Segmentation fault",
    "--- FAIL",
    "FAIL ",
    "FAIL\t",
    "FAILED",
    "not ok ",
    "✗ ",
    "✘ ",
    "❌",
    "BUILD FAILED",
    "BUILD FAILURE",
    "assertion failed",
    "AssertionError",
    "Caused by:",
    "Killed",
    "ld: ",
    "collect2:",
    "unhandled exception",
];

/// The prefixes of warnings from these tools: compilers, test runners, shells and package managers.
const WARNINGS: &[&str] =
    &["warning:", "warning[", "warning ", "warn:", "npm WARN", "npm warn", "W: ", "deprecated:", "⚠", "caution:"];

/// Recognises fixed prefixes used by compilers, test runners, shells and package managers.
pub(super) fn opening(line: &str) -> Option<Level> {
    if starts_with_any(line, ERRORS) || (line.starts_with("make") && line.contains(": *** ")) {
        return Some(Level::Error);
    }
    if starts_with_any(line, WARNINGS) {
        return Some(Level::Warn);
    }
    // Recognise messages such as yarn's `error Command failed`. In an ordinary sentence that begins with "error", the
    // next word is usually in lower case.
    if line.strip_prefix("error ").is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_uppercase())) {
        return Some(Level::Error);
    }
    if is_pytest(line) {
        return Some(Level::Error);
    }
    named(line).or_else(|| eslint(line))
}

/// Recognises `ValueError: ...`, `java.lang.IllegalStateException: ...`, `DeprecationWarning: ...` and, without a
/// message, `java.lang.NullPointerException`.
fn named(line: &str) -> Option<Level> {
    let name = match line.split_once(':') {
        Some((name, _)) => name,
        None => Some(line).filter(|name| name.contains('.'))?,
    };
    match () {
        () if !(name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Warning")) => None,
        () if name.bytes().any(|byte| byte == b' ') => None,
        () if name.ends_with("Warning") => Some(Level::Warn),
        () => Some(Level::Error),
    }
}

/// Recognises a line like `3:5  error  'x' is not defined  no-undef`, which eslint prints below the name of the file.
fn eslint(line: &str) -> Option<Level> {
    let (place, rest) = line.split_once("  ")?;
    let (row, column) = place.split_once(':')?;
    let (level, _) = rest.trim_start().split_once("  ")?;
    match level {
        _ if after_digits(row) != Some("") || after_digits(column) != Some("") => None,
        "error" => Some(Level::Error),
        "warning" => Some(Level::Warn),
        _ => None,
    }
}

/// Returns whether the line reports an exception and can be followed by stack frames.
pub(super) fn is_exception(line: &str) -> bool {
    const OPENINGS: [&str; 4] = ["Exception in thread", "Caused by:", "unhandled exception", "AssertionError"];
    named(line).is_some() || starts_with_any(line, &OPENINGS)
}

/// Returns whether the line is the first line of a Rust panic.
pub(super) fn is_rust_panic(line: &str) -> bool {
    line.starts_with("thread '") && line.contains(" panicked at ")
}

/// Returns whether the line is like pytest's `>       assert x == 1` or `E       ValueError: bad`.
pub(super) fn is_pytest(line: &str) -> bool {
    let begins = |text: &str, openings: &[&str]| openings.iter().any(|opening| text.starts_with(opening));
    let code = line.strip_prefix(">   ").map(str::trim_start);
    let value = line.strip_prefix("E   ").map(str::trim_start);
    code.is_some_and(|code| begins(code, &["assert ", "raise "]))
        || value.is_some_and(|value| begins(value, &["assert ", "Failed: "]) || named(value).is_some())
}

/// Returns whether the line is an error of tsc, such as `a.ts(3,5): error TS2304: ...` or `a.ts:3:5 - error TS2304:
/// ...`.
pub(super) fn is_tsc(line: &str) -> bool {
    line.split_once("error TS").is_some_and(|(_, rest)| rest.starts_with(|digit: char| digit.is_ascii_digit()))
}

/// Phrases that indicate an error if they follow the name of a file or program. Each phrase begins with the colon after
/// the name.
const ERRORS_AFTER_COLON: &[&str] = &[
    ": error:",
    ": error ",
    ": fatal error",
    ": fatal:",
    ": FAILED.",
    ": command not found",
    ": undefined reference to",
    ": No such file or directory",
    ": Permission denied",
    ": syntax error",
];

/// Recognises phrases anywhere in the line, such as those in `file.c:1:2: error: ...`, `test x ... FAILED` and
/// `panicked at`.
pub(super) fn within(line: &str) -> Option<Level> {
    // Ruby prints `a.rb:3:in 'f': bad (ArgumentError)`.
    let is_ruby = || line.contains(":in ") && (line.ends_with("Error)") || line.ends_with("Exception)"));
    if line.ends_with(" FAILED") || line.ends_with(": not found") || line.ends_with(')') && is_ruby() {
        return Some(Level::Error);
    }
    // A single pass over the line takes a tenth of the time of a separate search for each phrase.
    let mut level = None;
    for (at, byte) in line.bytes().enumerate() {
        let (errors, warnings): (&[&str], &[&str]) = match byte {
            b':' => (ERRORS_AFTER_COLON, &[": warning:", ": warning "]),
            b' ' => (&[" panicked at ", " FAILED ", " - error TS"], &[]),
            b'(' => (&["(core dumped)"], &[]),
            b'T' => (&["Traceback (most recent call last)"], &[]),
            b'W' => (&[], &["Warning: "]),
            _ => continue,
        };
        let begins = |part: &&str| line.as_bytes()[at..].starts_with(part.as_bytes());
        if errors.iter().any(begins) {
            return Some(Level::Error);
        }
        if warnings.iter().any(begins) {
            level = Some(Level::Warn);
        }
    }
    level
}

/// Recognises the format of glog: `E0131 12:00:00.000000 file.go:12] text`.
fn glog(line: &str) -> Option<Level> {
    let mut bytes = line.bytes();
    let letter = bytes.next()?;
    if !(bytes.by_ref().take(4).filter(u8::is_ascii_digit).count() == 4 && bytes.next() == Some(b' ')) {
        return None;
    }
    match letter {
        b'I' => Some(Level::Info),
        b'W' => Some(Level::Warn),
        b'E' | b'F' => Some(Level::Error),
        _ => None,
    }
}

/// Recognises `level=warn` and `"level":"warn"`.
fn structured(line: &str) -> Option<Level> {
    let keys = [("=", ["level=", "lvl="]), ("\":", ["\"level\":", "\"severity\":"])];
    for key in keys.into_iter().filter(|(sign, _)| line.contains(sign)).flat_map(|(_, keys)| keys) {
        if let Some(at) = line.find(key) {
            let value = line[at + key.len()..].trim_start_matches([' ', '"']);
            if let Some(level) = word_level(first_word(value), LetterCase::Any) {
                return Some(level);
            }
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq)]
enum LetterCase {
    /// Matches only upper case, in which loggers write levels, for example `WARN`.
    Upper,
    /// Matches any case, because the context shows that the word is a level, for example in `[warn]`.
    Any,
}

fn word_level(word: &str, case: LetterCase) -> Option<Level> {
    const WORDS: &[(&str, Level)] = &[
        ("TRACE", Level::Info),
        ("DEBUG", Level::Info),
        ("INFO", Level::Info),
        ("NOTICE", Level::Info),
        ("WARN", Level::Warn),
        ("WARNING", Level::Warn),
        ("ERROR", Level::Error),
        ("ERR", Level::Error),
        ("FATAL", Level::Error),
        ("CRITICAL", Level::Error),
        ("CRIT", Level::Error),
        ("SEVERE", Level::Error),
        ("PANIC", Level::Error),
    ];
    let same = |name: &str| if case == LetterCase::Any { name.eq_ignore_ascii_case(word) } else { name == word };
    WORDS.iter().find(|(name, _)| same(name)).map(|&(_, level)| level)
}

/// Returns the text before the first character that is not an ASCII letter, a digit, a hyphen or a full stop.
pub(super) fn first_word(text: &str) -> &str {
    let end = text
        .find(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '-' | '.')))
        .unwrap_or(text.len());
    &text[..end]
}

fn starts_with_any(line: &str, openings: &[&str]) -> bool {
    let Some(first) = line.bytes().next() else { return false };
    // Prefixes in lower case match any case, because some tools capitalise them. All other prefixes must match exactly.
    openings.iter().filter(|opening| opening.as_bytes()[0].eq_ignore_ascii_case(&first)).any(|opening| {
        let lower = opening.bytes().all(|byte| !byte.is_ascii_uppercase());
        line.starts_with(opening)
            || lower && line.get(..opening.len()).is_some_and(|start| start.eq_ignore_ascii_case(opening))
    })
}
