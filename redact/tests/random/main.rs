//! Tests random values, texts, splits and pauses against an oracle, a naive implementation of the redactor.

mod case;
mod dice;
mod oracle;
mod sets;
mod stops;

use std::ops::Range;

use redact::{Redacted, Redactor};

use crate::case::Case;
use crate::dice::{Dice, for_each_seed};

const CASES: u64 = 2_000;

#[test]
fn the_output_matches_the_oracle_for_any_split() {
    for_each_seed(CASES, |dice| {
        let case = Case::roll(dice);
        let pieces = pieces(dice, case.text.len());
        check(&case, &pieces, &[]);
    });
}

#[test]
fn the_output_matches_the_oracle_for_any_pause() {
    for_each_seed(CASES, |dice| {
        let case = Case::roll(dice);
        let pieces = pieces(dice, case.text.len());
        let pauses: Vec<usize> = pieces.iter().map(|piece| piece.end).filter(|_| dice.below(2) == 0).collect();
        check(&case, &pieces, &pauses);
    });
}

/// Pushes the pieces, releases after each piece that ends at a pause, and compares the output with the oracle's. Then
/// checks that the pauses have shown less than 8 bytes and less than half of each match.
fn check(case: &Case, pieces: &[Range<usize>], pauses: &[usize]) {
    let mut stream = Redactor::new(&case.values).stream();
    let mut shown = Redacted::new();
    for piece in pieces {
        shown.append(&stream.push(&case.text[piece.clone()]));
        if pauses.contains(&piece.end) {
            shown.append(&stream.release());
        }
    }
    shown.append(&stream.finish());
    let expected = Redacted::from_stored(oracle::redacted(case, pauses));
    let text = if pauses.is_empty() { ToString::to_string } else { once_each };
    assert_eq!(text(&shown), text(&expected), "{case:?} in {pieces:?}, pauses {pauses:?}");
    for (range, count) in oracle::shown_of_matches(case, pauses) {
        assert!(count < 8 && 2 * count < range.len(), "{count} bytes shown of {range:?}; {case:?}, pauses {pauses:?}");
    }
}

/// Returns the text with adjacent masks merged. Masks that a pause has already written cannot be merged by the stream.
fn once_each(redacted: &Redacted) -> String {
    let mut text = redacted.to_string();
    while text.contains("[REDACTED][REDACTED]") {
        text = text.replace("[REDACTED][REDACTED]", "[REDACTED]");
    }
    text
}

/// Splits a text of `len` bytes into pieces: some long, some empty, many of one byte.
fn pieces(dice: &mut Dice, len: usize) -> Vec<Range<usize>> {
    let longest = [2, 10, 60][dice.below(3)];
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < len {
        let end = len.min(at + dice.below(longest));
        pieces.push(at..end);
        at = end;
    }
    pieces
}
