//! The rules, word by word and as slow as can be: no automaton, no state, every value at every position.

use std::ops::Range;

use redact::MASK;

use crate::case::Case;

/// What follows the bytes that are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    WhoKnows,
}

/// What a stream over the whole text writes, when it is released at each of `pauses`.
pub fn redacted(case: &Case, pauses: &[usize]) -> Vec<u8> {
    let len = case.text.len();
    let mut ranges = matches(case, len, Then::Nothing);
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

/// Every match in the whole text, and how many bytes of it the pauses show.
pub fn shown_of_matches(case: &Case, pauses: &[usize]) -> Vec<(Range<usize>, usize)> {
    let shown = shown_by(case, pauses);
    let count = |range: &Range<usize>| shown[range.clone()].iter().filter(|shown| **shown).count();
    matches(case, case.text.len(), Then::Nothing).into_iter().map(|range| (range.clone(), count(&range))).collect()
}

/// Which bytes are shown by the end of one of `pauses`, whatever comes later.
fn shown_by(case: &Case, pauses: &[usize]) -> Vec<bool> {
    let mut shown = vec![false; case.text.len()];
    for &pause in pauses {
        let known = matches(case, pause, Then::WhoKnows);
        for (at, shown) in shown.iter_mut().enumerate().take(pause - telling(case, pause)) {
            *shown |= !covers(&known, at..=at);
        }
    }
    shown
}

/// Every occurrence of a value in the first `known` bytes.
fn matches(case: &Case, known: usize, then: Then) -> Vec<Range<usize>> {
    let known = &case.text[..known];
    let mut matches = Vec::new();
    for value in &case.values {
        for start in 0..known.len() {
            let end = start + value.len();
            let ends_alone = known.get(end).map_or(then == Then::Nothing, |byte| !is_word(*byte));
            let counts = value.len() >= 6 || (begins_alone(case, start) && ends_alone);
            if counts && known[start..].starts_with(value) {
                matches.push(start..end);
            }
        }
    }
    matches
}

/// How many of the first `known` bytes, at their end, are too much of a value to be shown.
fn telling(case: &Case, known: usize) -> usize {
    let tells = |value: &[u8], len: usize| {
        (len >= 8 || 2 * len >= value.len())
            && case.text[..known].ends_with(&value[..len])
            && (value.len() >= 6 || begins_alone(case, known - len))
    };
    let longest = |value: &Vec<u8>| (1..=value.len()).rev().find(|len| tells(value, *len));
    case.values.iter().filter_map(longest).max().unwrap_or(0)
}

/// Whether one of `ranges` covers all of `bytes`.
fn covers(ranges: &[Range<usize>], bytes: std::ops::RangeInclusive<usize>) -> bool {
    ranges.iter().any(|range| range.contains(bytes.start()) && range.contains(bytes.end()))
}

fn begins_alone(case: &Case, start: usize) -> bool {
    start == 0 || !is_word(case.text[start - 1])
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}
