//! Tests random values, texts, splits and pauses against an oracle, a naive implementation of the redactor.

mod case;
mod dice;
mod oracle;
mod sets;
mod stops;

use std::ops::Range;

use crate::case::Case;
use crate::dice::{Dice, for_each_seed};

/// The number of cases in an ordinary run, and in a long one.
const CASES: u64 = 2_000;
const MANY_CASES: u64 = 20_000;

#[test]
fn the_output_matches_the_oracle_for_any_split() {
    any_split(CASES);
}

#[test]
#[ignore = "takes a minute"]
fn the_output_matches_the_oracle_for_any_split_long() {
    any_split(MANY_CASES);
}

fn any_split(cases: u64) {
    for_each_seed(cases, |dice| {
        let case = Case::roll(dice);
        let pieces = pieces(dice, case.text.len());
        oracle::check(&case, &pieces, &[]);
    });
}

#[test]
fn the_output_matches_the_oracle_for_any_pause() {
    any_pause(CASES);
}

#[test]
#[ignore = "takes a minute"]
fn the_output_matches_the_oracle_for_any_pause_long() {
    any_pause(MANY_CASES);
}

fn any_pause(cases: u64) {
    for_each_seed(cases, |dice| {
        let case = Case::roll(dice);
        let pieces = pieces(dice, case.text.len());
        let pauses: Vec<usize> = pieces.iter().map(|piece| piece.end).filter(|_| dice.below(2) == 0).collect();
        oracle::check(&case, &pieces, &pauses);
    });
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
