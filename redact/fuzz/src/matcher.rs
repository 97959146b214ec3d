//! Fuzzes registered values: literal values, for which an oracle predicts the masks, arbitrary bytes, and encoded
//! values.

use std::ops::Range;

use redact::{Redacted, Redactor, is_masked_everywhere};

use super::encoded;
use super::input::Input;
use super::oracle::{self, Case};
use super::streams::{Cuts, check_any, check_masked, occurrences, show, with_pauses};

/// Fuzzes registered values, with any cuts and pauses.
pub fn matcher(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = Cuts::read(&mut input);
    match input.below(4) {
        0 => literal(&mut input, &cuts),
        1 => bytes(&mut input, &cuts),
        2 => encoded::values_are_masked(&mut input, &cuts),
        _ => encoded::other_text_is_unchanged(&mut input, &cuts),
    }
}

/// The maximum number of bytes in a text, which limits the time that the oracle takes.
const LONGEST_TEXT: usize = 400;

/// Small alphabets, so that matches often begin, fail and overlap. The bytes of an alphabet are neither white space nor
/// part of the escapes, hexadecimal text or base64 of values, because the oracle implements only literal values.
const ALPHABETS: [&[u8]; 4] = [b"ab", b"a-", b"ab_.", b"abcdefg-;\0\xff"];

/// Checks that the output equals that of an oracle, which tries every value at every position.
fn literal(input: &mut Input, cuts: &Cuts) {
    let alphabet = input.choose(&ALPHABETS);
    let letters = |input: &mut Input, len: usize| -> Vec<u8> {
        input.bytes(len).iter().map(|byte| alphabet[usize::from(*byte) % alphabet.len()]).collect()
    };
    let mut values: Vec<Vec<u8>> = Vec::new();
    for _ in 0..=input.below(4) {
        let len = 1 + input.below(24);
        values.push(letters(input, len));
    }
    values.retain(|value| !value.is_empty());
    let mut text = Vec::new();
    while !input.is_empty() && text.len() < LONGEST_TEXT {
        let len = input.below(24);
        match values.get(input.below(8)) {
            Some(value) => text.extend_from_slice(&value[..if len < 12 { value.len() } else { len % value.len() }]),
            None => text.extend(letters(input, len)),
        }
    }
    let (pieces, pauses) = pieces_and_pauses(cuts, text.len());
    let case = Case { values, text };
    oracle::check(&case, &pieces, &[]);
    oracle::check(&case, &pieces, &pauses);
}

fn pieces_and_pauses(cuts: &Cuts, len: usize) -> (Vec<Range<usize>>, Vec<usize>) {
    let reads = cuts.reads(len);
    let pauses = reads.iter().filter(|(_, pauses)| *pauses).map(|(read, _)| read.end).collect();
    (reads.into_iter().map(|(read, _)| read).collect(), pauses)
}

/// Checks that no occurrence of a value is shown, whatever bytes the values and the text contain.
fn bytes(input: &mut Input, cuts: &Cuts) {
    let mut values = Vec::new();
    for _ in 0..=input.below(3) {
        let len = 6 + input.below(20);
        values.push(input.bytes(len).to_vec());
    }
    let added_at = input.below(1 << 10);
    let mut text = Vec::new();
    while !input.is_empty() {
        if let Some(value) = values.get(input.below(8)) {
            let len = input.below(64);
            text.extend_from_slice(value.get(..len).unwrap_or(value));
        } else {
            let len = 1 + input.below(16);
            text.extend_from_slice(input.bytes(len));
        }
    }
    values.retain(|value| is_masked_everywhere(value));

    let redactor = Redactor::new(&values);
    let (_, findings) = check_any(&redactor, &text, cuts);
    for value in &values {
        for at in occurrences(&text, value) {
            check_masked(&text, &findings, at..at + value.len());
        }
    }
    // A part of a mask, together with the text around the mask, may equal a value that contains brackets. Such values
    // are not checked.
    values.retain(|value| !value.iter().any(|byte| b"[]".contains(byte)) && !contains(redact::MASK, value));
    check_hidden(&values, &with_pauses(&redactor, &text, cuts));
    if let Some((added, registered)) = values.split_last() {
        let at = added_at.min(text.len());
        let shown = with_addition(registered, added, &text, at);
        check_hidden(registered, &shown);
        if occurrences(&text, added).next().is_none_or(|begun| begun >= at) {
            check_hidden(std::slice::from_ref(added), &shown);
        }
    }
}

/// Redacts a text, and adds the value `added` after the first `at` bytes.
fn with_addition(registered: &[Vec<u8>], added: &[u8], text: &[u8], at: usize) -> Redacted {
    let redactor = Redactor::new(registered);
    let mut stream = redactor.stream();
    let mut shown = stream.push(&text[..at]);
    stream.continue_with(&redactor.with_values([added]));
    shown.append(&stream.push(&text[at..]));
    shown.append(&stream.finish());
    shown
}

fn check_hidden(values: &[Vec<u8>], shown: &Redacted) {
    for value in values {
        let is_shown = contains(shown.as_bytes(), value);
        assert!(!is_shown, "\"{}\" is in \"{}\"", show(value), show(shown.as_bytes()));
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    occurrences(text, part).next().is_some()
}
