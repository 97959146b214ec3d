//! Decides whether a token or a word may begin at a position, based on the text before it.

use super::shape::{Boundary, is_word};
use crate::masks::MASK_BEGIN;
use crate::matcher::View;

/// The number of bytes before a candidate that are examined. The longest text that is recognised there, a mask with the
/// id of a rule, has fewer bytes.
pub(super) const LOOK_BEHIND: usize = 64;

/// The last bytes before a section of the stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    bytes: Vec<u8>,
}

impl Context {
    /// Stores the last bytes before the position `end`, for the section that begins there.
    pub(super) fn advance(&mut self, view: View, end: usize) {
        let text = view.bytes(view.base..end);
        if let Some(last) = text.last_chunk::<LOOK_BEHIND>() {
            self.bytes.clear();
            self.bytes.extend_from_slice(last);
        } else {
            self.bytes.extend_from_slice(text);
            let excess = self.bytes.len().saturating_sub(LOOK_BEHIND);
            self.bytes.drain(..excess);
        }
    }

    /// Returns whether a match may begin at the position `at`.
    #[inline]
    pub(super) fn allows(&self, boundary: Boundary, view: View, at: usize) -> bool {
        let Some(last) = view.byte_before(at) else { return boundary != Boundary::Option };
        let begins = match boundary {
            Boundary::None => return true,
            Boundary::Argument => return last.is_ascii_whitespace() || matches!(last, b'"' | b'\''),
            Boundary::Option => return last == b'-' && self.before(view, at, is_option),
            Boundary::Name if is_word(last) => return !self.before(view, at, is_within_mask),
            Boundary::Word if last == b'_' || is_hump(last, view.byte(at)) => true,
            Boundary::Token | Boundary::Word | Boundary::Name if !is_word(last) && last != b']' => true,
            Boundary::Token | Boundary::Word | Boundary::Name => self.before(view, at, is_escape),
        };
        begins && !(matches!(last, b'-' | b':') && self.before(view, at, is_within_mask))
    }

    /// Applies a function to the text before the position `at`.
    pub(super) fn before<T>(&self, view: View, at: usize, is: impl Fn(&[u8]) -> T) -> T {
        let text = view.bytes(view.base..at);
        if let Some(last) = text.last_chunk::<LOOK_BEHIND>() {
            return is(last);
        }
        let joined = [&self.bytes, text].concat();
        is(joined.last_chunk::<LOOK_BEHIND>().map_or(&joined[..], |last| last))
    }

    /// Makes this context equal to `other`. The memory is reused.
    pub(super) fn copy(&mut self, other: &Self) {
        self.bytes.clone_from(&other.bytes);
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Returns whether `byte`, which follows the byte `last`, begins a word of a name in camel case.
pub(super) fn is_hump(last: u8, byte: u8) -> bool {
    byte.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit())
}

/// Returns whether `text` ends with `--`, possibly followed by the beginning of an option's name.
fn is_option(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let name = text.iter().rev().take_while(|byte| is_name(byte)).count();
    let (before, name) = text.split_at(text.len() - name);
    // As in `is_escape`, the end of a mask is not a boundary.
    name.starts_with(b"--") && !before.ends_with(b"]")
}

/// Returns whether `text` ends with an escape sequence, or with a bracket that is not the end of a mask.
///
/// The end of a mask is not a boundary, because the text directly after it may belong to the masked secret. This also
/// ensures that redacting a text again does not change it.
fn is_escape(text: &[u8]) -> bool {
    let hex = |count: usize| {
        let digits = text.len().checked_sub(count).map(|from| &text[from..]);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)).then(|| &text[..text.len() - count])
    };
    let follows = |count, prefixes: &[&[u8]]| {
        hex(count).is_some_and(|before| prefixes.iter().any(|prefix| before.ends_with(prefix)))
    };
    match *text {
        [.., b']'] => !is_mask(text),
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'a' | b'e' | b'0'] => true,
        [.., last] if last.is_ascii_alphabetic() && is_colour(&text[..text.len() - 1]) => true,
        _ => follows(2, &[b"%", b"\\x"]) || follows(4, &[b"\\u"]) || follows(8, &[b"\\U"]) || is_octal(text),
    }
}

/// Returns whether `text` ends with a mask.
fn is_mask(text: &[u8]) -> bool {
    let begun = &text[..text.len() - 1];
    begun.ends_with(MASK_BEGIN) || is_within_mask(begun)
}

/// Returns whether `text` ends with an incomplete mask that names a rule: `[REDACTED:`, possibly with the beginning of
/// the rule's id.
pub(super) fn is_within_mask(text: &[u8]) -> bool {
    let is_id = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let id = text.iter().rev().take_while(|byte| is_id(byte)).count();
    text[..text.len() - id].ends_with(b"[REDACTED:")
}

/// Returns whether `text` ends with an escape sequence that sets a colour, apart from the sequence's last letter. The
/// ESC character of the sequence may itself be escaped, such as `\x1b`.
fn is_colour(text: &[u8]) -> bool {
    let Some(last) = text.iter().rposition(|byte| !matches!(byte, b'0'..=b'9' | b';')) else { return false };
    let escapes: [&[u8]; 7] = [b"\x1b", b"\\x1b", b"\\x1B", b"\\u001b", b"\\u001B", b"\\033", b"\\e"];
    text[last] == b'[' && escapes.iter().any(|escape| text[..last].ends_with(escape))
}

/// Returns whether `text` ends with an octal escape, which is a backslash and three digits.
fn is_octal(text: &[u8]) -> bool {
    matches!(*text, [.., b'\\', b'0'..=b'3', b'0'..=b'7', b'0'..=b'7'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, boundary: Boundary, expected: bool) {
        let text = format!("{before}Token");
        for cut in 0..=before.len() {
            let mut context = Context::default();
            let view = |base: usize, end: usize| View {
                before: text.as_bytes()[..base].last().copied(),
                base,
                text: &text.as_bytes()[base..end],
            };
            context.advance(view(0, cut), cut);
            let allows = context.allows(boundary, view(cut, text.len()), before.len());
            assert_eq!(allows, expected, "{before:?}, {boundary:?}, cut at {cut}");
        }
    }

    #[test]
    fn a_token_does_not_begin_after_a_letter_a_digit_an_underscore_or_a_mask() {
        for before in ["", " ", "x=", "\"", "é", "[a]"] {
            check(before, Boundary::Token, true);
        }
        for before in ["x", "7", "_", "a_", "[REDACTED]", "[REDACTED:some-id]"] {
            check(before, Boundary::Token, false);
        }
    }

    #[test]
    fn a_token_begins_after_an_escape() {
        for escape in ["%20", "\\n", "\\x3d", "\\u003d", "\\U0000003d", "\\040", "\x1b[32m", "\x1b[1;31m", "\\u001b[0m"]
        {
            check(escape, Boundary::Token, true);
        }
        for text in ["20", "x3d", "[32m", "n", "%2"] {
            check(text, Boundary::Token, false);
        }
    }

    #[test]
    fn a_word_also_begins_after_an_underscore_and_at_a_capital() {
        for before in ["db_", "client", "X-", "7"] {
            check(before, Boundary::Word, true);
        }
        check("CLIENT", Boundary::Word, false);
    }

    #[test]
    fn a_word_of_a_name_begins_after_letters_but_not_within_a_mask() {
        for before in ["db_", "client", "PG", "7", "", "x "] {
            check(before, Boundary::Name, true);
        }
        for before in ["[REDACTED:some-id", "[REDACTED:a", "[REDACTED:", "[REDACTED:a-", "[REDACTED:a-b]"] {
            check(before, Boundary::Name, false);
        }
    }

    #[test]
    fn the_word_of_an_option_begins_after_hyphens() {
        check("x --", Boundary::Option, true);
        check("--db-", Boundary::Option, true);
        for before in ["", " ", "-", "x-", "--db_", "- "] {
            check(before, Boundary::Option, false);
        }
    }
}
