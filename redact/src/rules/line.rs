//! Examines a line with escape sequences, to decide whether it has to be searched at all.

use memchr::memchr;

use super::LONGEST_MATCH;
use super::literals::Literals;
use crate::decode::{Ansi, Strings};

/// The maximum length of a line that is examined. It is less than the span at which the search in the visible text
/// abandons a match, so that this limit cannot be reached within such a line.
const LONGEST_LINE: usize = LONGEST_MATCH;

/// Examines lines with escape sequences. The memory for the visible text is reused.
#[derive(Default)]
pub(super) struct StyledLine {
    visible: Vec<u8>,
}

/// A line whose visible text contains no literal, and does not end with the beginning of one. The search in the visible
/// text would find nothing in it, and no match would have begun at its end.
pub(super) struct HarmlessLine {
    /// The length of the line in bytes, including the line end.
    pub(super) len: usize,
    /// Whether the same is true of the raw text.
    pub(super) is_raw_harmless: bool,
}

impl StyledLine {
    /// Examines the first line of `text`, at whose beginning no match may have begun. Returns `None` if the line has to
    /// be searched, or if its end is not known.
    pub(super) fn examine(&mut self, text: &[u8], literals: &Literals) -> Option<HarmlessLine> {
        let len = memchr(b'\n', &text[..text.len().min(LONGEST_LINE)])? + 1;
        let line = &text[..len];
        self.visible.clear();
        // A literal in the raw text is also in the visible text, unless it contains a byte of an escape sequence. It
        // then begins with such a byte, or contains the first one of a sequence, which is ESC.
        let mut is_raw_harmless = !literals.contain_escape();
        let mut hidden = 0;
        Ansi::new(Strings::Hidden).strip(line, |shown| {
            is_raw_harmless = is_raw_harmless && !literals.may_begin_in(text, hidden..shown.start);
            self.visible.extend_from_slice(&line[shown.clone()]);
            hidden = shown.end;
        });
        is_raw_harmless = is_raw_harmless && !literals.may_begin_in(text, hidden..len);
        literals.are_absent(&self.visible).then_some(HarmlessLine { len, is_raw_harmless })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examines a line with the literals `token` and `m0x`, and returns what was found out about it.
    fn examine(text: &str) -> Option<(usize, bool)> {
        let literals = Literals::new(&[vec![b"token".to_vec()], vec![b"m0x".to_vec()]], |_| false);
        let harmless = StyledLine::default().examine(text.as_bytes(), &literals)?;
        Some((harmless.len, harmless.is_raw_harmless))
    }

    #[test]
    fn a_line_without_literals_is_harmless() {
        assert_eq!(examine("a \x1b[1mtoke\x1b[0m b\nnext"), Some((17, true)));
        assert_eq!(examine("a \x1b[1mtoke\x1b[0mn b\nnext"), None, "the visible text contains a literal");
        assert_eq!(examine("a \x1b[1mtoke\x1b[0m b"), None, "the end of the line is not known");
        assert_eq!(examine(&format!("\x1b[1m{}\n", "a".repeat(LONGEST_LINE - 5))), Some((LONGEST_LINE, true)));
        assert_eq!(examine(&format!("\x1b[1m{}\n", "a".repeat(LONGEST_LINE - 4))), None, "the line is too long");
    }

    #[test]
    fn a_literal_may_begin_within_an_escape_sequence() {
        assert_eq!(examine("a \x1b[1m0x\n"), Some((9, false)));
        assert_eq!(examine("a \x1b]8;;token\x1b\\b\n"), Some((16, false)));
    }

    #[test]
    fn a_sequence_that_ends_shortly_before_the_end_of_the_text_is_not_known_to_be_harmless() {
        assert_eq!(examine("a\x1b[1m\n"), Some((6, false)));
        assert_eq!(examine("a\x1b[1m\nb"), Some((6, true)));
    }

    #[test]
    fn a_literal_with_an_escape_character_is_searched_in_the_raw_text() {
        let literals = Literals::new(&[vec![b"a\x1b[".to_vec()]], |_| false);
        let harmless = StyledLine::default().examine(b"a\x1b[1m.\n", &literals).expect("the visible text is harmless");
        assert!(!harmless.is_raw_harmless);
    }

    #[test]
    fn a_line_must_not_end_with_the_beginning_of_a_literal() {
        let literals = Literals::new(&[vec![b"login\n".to_vec(), b"\n\nx".to_vec()]], |_| false);
        assert!(StyledLine::default().examine(b"\x1b[1mlog\n", &literals).is_none(), "a literal may begin with LF");
        assert!(StyledLine::default().examine(b"\x1b[1mlogin\n", &literals).is_none());
    }
}
