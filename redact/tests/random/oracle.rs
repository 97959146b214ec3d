//! The oracle: a simple and slow implementation of the redactor. It uses neither an automaton nor state, but tries
//! every value at every position.

use std::fmt::{self, Debug, Formatter};
use std::ops::Range;

use redact::{MASK, Redacted, Redactor};

/// Values, and a text that contains them.
#[derive(Clone)]
pub struct Case {
    /// The values to mask, possibly with duplicates.
    pub values: Vec<Vec<u8>>,
    /// The whole input of the stream.
    pub text: Vec<u8>,
}

impl Debug for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let values: Vec<_> = self.values.iter().map(|value| value.escape_ascii().to_string()).collect();
        write!(f, "values {values:?}, text \"{}\"", self.text.escape_ascii())
    }
}

/// What follows the bytes that are known: the end of the stream, or perhaps more bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    End,
    Unknown,
}

/// Pushes the pieces, and releases the stream after each piece that ends at one of `pauses`. Compares the output with
/// that of the oracle. Then checks that the pauses have shown less than 8 bytes and less than half of each match.
pub fn check(case: &Case, pieces: &[Range<usize>], pauses: &[usize]) {
    let mut stream = Redactor::new(&case.values).stream();
    let mut shown = Redacted::new();
    for piece in pieces {
        shown.append(&stream.push(&case.text[piece.clone()]));
        if pauses.contains(&piece.end) {
            shown.append(&stream.release());
        }
    }
    shown.append(&stream.finish());
    let expected = Redacted::from_stored(redacted(case, pauses));
    let text = if pauses.is_empty() { ToString::to_string } else { once_each };
    assert_eq!(text(&shown), text(&expected), "{case:?} in {pieces:?}, pauses {pauses:?}");
    for (range, count) in shown_of_matches(case, pauses) {
        assert!(count < 8 && 2 * count < range.len(), "{count} bytes shown of {range:?}; {case:?}, pauses {pauses:?}");
    }
}

/// Returns the text with adjacent masks merged. If a pause has already written a mask, the stream cannot merge it with
/// the next one.
fn once_each(redacted: &Redacted) -> String {
    let mut text = redacted.to_string();
    while text.contains("[REDACTED][REDACTED]") {
        text = text.replace("[REDACTED][REDACTED]", "[REDACTED]");
    }
    text
}

/// Returns the expected output for the whole text if the stream is released at each of `pauses`.
fn redacted(case: &Case, pauses: &[usize]) -> Vec<u8> {
    let len = case.text.len();
    let mut ranges = matches(case, len, Then::End);
    ranges.push(len - telling(case, len)..len);
    let shown = shown_by(case, pauses);
    let hidden: Vec<bool> = (0..len).map(|at| !shown[at] && covers(&ranges, at..=at)).collect();
    let mut out = Vec::new();
    for at in 0..len {
        if !hidden[at] {
            out.push(case.text[at]);
        } else if at == 0 || !hidden[at - 1] || !covers(&ranges, at - 1..=at) {
            out.extend_from_slice(MASK);
        }
    }
    out
}

/// Returns every match in the whole text, with the number of its bytes that the pauses show.
fn shown_of_matches(case: &Case, pauses: &[usize]) -> Vec<(Range<usize>, usize)> {
    let shown = shown_by(case, pauses);
    let count = |range: &Range<usize>| shown[range.clone()].iter().filter(|shown| **shown).count();
    matches(case, case.text.len(), Then::End).into_iter().map(|range| (range.clone(), count(&range))).collect()
}

/// Returns for each byte whether it is shown at one of `pauses`, when the later bytes are not known yet.
fn shown_by(case: &Case, pauses: &[usize]) -> Vec<bool> {
    let mut shown = vec![false; case.text.len()];
    for &pause in pauses {
        let known = matches(case, pause, Then::Unknown);
        for (at, shown) in shown.iter_mut().enumerate().take(pause - telling(case, pause)) {
            *shown |= !covers(&known, at..=at);
        }
    }
    shown
}

/// Returns every occurrence of a value in the first `known` bytes.
fn matches(case: &Case, known: usize, then: Then) -> Vec<Range<usize>> {
    let known = &case.text[..known];
    let mut matches = Vec::new();
    for value in &case.values {
        for start in 0..known.len() {
            let end = start + value.len();
            let ends_alone = known.get(end).map_or(then == Then::End, |byte| !is_word(*byte));
            let counts = value.len() >= 6 || (begins_alone(case, start) && ends_alone);
            if counts && known[start..].starts_with(value) {
                matches.push(start..end);
            }
        }
    }
    matches
}

/// Returns how many bytes at the end of the first `known` bytes must not be shown, because they are a prefix of a value
/// and reveal too much of it.
///
/// If the known bytes end with an underscore after the prefix of a long value, the underscore may turn out to be
/// overstruck. It is therefore ignored.
fn telling(case: &Case, known: usize) -> usize {
    let long = Case { values: case.values.iter().filter(|value| value.len() >= 6).cloned().collect(), ..case.clone() };
    let without_underscore = match case.text[..known] {
        [.., b'_'] => telling_prefix(&long, known - 1),
        _ => 0,
    };
    telling_prefix(case, known).max(without_underscore + usize::from(without_underscore > 0))
}

/// Returns the length of the longest prefix of a value that the first `known` bytes end with, and that must not be
/// shown.
fn telling_prefix(case: &Case, known: usize) -> usize {
    let tells = |value: &[u8], len: usize| {
        (len >= 8 || 2 * len >= value.len())
            && case.text[..known].ends_with(&value[..len])
            && (value.len() >= 6 || begins_alone(case, known - len))
    };
    // If a long value is complete, it is a match already.
    let longest =
        |value: &Vec<u8>| (1..value.len() + usize::from(value.len() < 6)).rev().find(|len| tells(value, *len));
    case.values.iter().filter_map(longest).max().unwrap_or(0)
}

/// Returns whether one of `ranges` covers all of `bytes`.
fn covers(ranges: &[Range<usize>], bytes: std::ops::RangeInclusive<usize>) -> bool {
    ranges.iter().any(|range| range.contains(bytes.start()) && range.contains(bytes.end()))
}

fn begins_alone(case: &Case, start: usize) -> bool {
    start == 0 || !is_word(case.text[start - 1])
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}
