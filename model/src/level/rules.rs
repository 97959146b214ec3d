//! The rules for recognising a level, from the most to the least reliable.

use crate::Level;

/// The number of words at the beginning of a line that are searched for a level. Later words are usually part of the
/// message.
const LEVEL_WITHIN_WORDS: usize = 6;

/// Recognises the level that a logger wrote. The level must be one of the first words of the line, preceded only by
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

/// Recognises fixed prefixes used by compilers, test runners, shells and package managers.
pub(super) fn opening(line: &str) -> Option<Level> {
    const ERRORS: &str = "error:|error[|error!|errors:|fatal:|fatal error|panic:|exception:|npm ERR!|npm error|E: |\
        Traceback (most recent call last)|Exception in thread|Segmentation fault|--- FAIL|FAIL |FAIL\t|FAILED|\
        not ok |✗ |✘ |❌|BUILD FAILED|BUILD FAILURE|assertion failed|AssertionError|Caused by:|Killed|ld: |collect2:";
    const WARNINGS: &str = "warning:|warning[|warning |warn:|npm WARN|npm warn|W: |deprecated:|⚠|caution:";
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
    // This recognises `ValueError: ...`, `java.lang.IllegalStateException: ...` and `DeprecationWarning: ...`.
    let name = &line[..line.find(':')?];
    if name.bytes().any(|byte| byte == b' ') {
        return None;
    }
    match () {
        () if name.ends_with("Error") || name.ends_with("Exception") => Some(Level::Error),
        () if name.ends_with("Warning") => Some(Level::Warn),
        () => None,
    }
}

/// Recognises indications anywhere in the line, such as those in `file.c:1:2: error: ...`, `test x ... FAILED` and
/// `panicked at`.
pub(super) fn within(line: &str) -> Option<Level> {
    const ERRORS: &str = ": error:|: error |: fatal error|: fatal:|' panicked at | panicked at |: command not found| FAILED |\
        undefined reference to|: No such file or directory|: Permission denied|: syntax error|test result: FAILED|\
        (core dumped)";
    const WARNINGS: &str = ": warning:|: warning |Warning: ";
    if line.ends_with(" FAILED") || line.ends_with(": not found") || ERRORS.split('|').any(|part| line.contains(part)) {
        return Some(Level::Error);
    }
    WARNINGS.split('|').any(|part| line.contains(part)).then_some(Level::Warn)
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
    for key in ["level=", "\"level\":", "\"severity\":", "lvl="] {
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

fn starts_with_any(line: &str, openings: &str) -> bool {
    // Prefixes in lower case match any case, because some tools capitalise them. All other prefixes must match exactly.
    openings.split('|').any(|opening| {
        let lower = opening.bytes().all(|byte| !byte.is_ascii_uppercase());
        line.starts_with(opening)
            || lower && line.get(..opening.len()).is_some_and(|start| start.eq_ignore_ascii_case(opening))
    })
}
