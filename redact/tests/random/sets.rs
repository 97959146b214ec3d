//! Tests that a redactor with two sets of values behaves exactly like one with all values in a single set.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use redact::{RedactStream, Redactor, Rules};

use crate::case::Case;
use crate::dice::{Dice, for_each_seed};
use crate::pieces;

/// Values that can be printed in many forms, that overlap, or that decode to one another. The two sets may therefore
/// contain related values.
const VALUES: [&str; 14] = [
    "correct horse battery",
    "battery staple",
    "s3cr3t-p4ssw0rd",
    "p4ssw0rd\"quoted\"",
    "pass%77ord",
    "password",
    "C:\\temp\\new",
    " padded value ",
    "first line 123\nsecond-line-456789\n",
    "{\"key\": \"0123456789abcdef\"}",
    "0123456789abcdef0123",
    "true",
    "é€ätoken",
    "a_b_c_d",
];

/// Bytes that make a view differ from the raw text, or that surround values.
const BETWEEN: [&str; 14] =
    ["\n", "\r\n", " ", "  \t", "\x1b[31m", "\x1b[0m", "\"", "\\", "%", "&amp;", "_\x08", "=", "token=", "TOKEN: "];

#[test]
fn two_sets_of_values_are_equivalent_to_their_union() {
    check(1_500);
}

#[test]
#[ignore = "it takes half a minute, and is part of `make test-long`"]
fn two_sets_of_values_are_equivalent_to_their_union_in_many_cases() {
    check(10_000);
}

/// Redacts random texts with two sets of values and with the union of these sets, and compares the results.
fn check(cases: u64) {
    let rules = [Rules::none(), Rules::built_in()];
    for_each_seed(cases, |dice| {
        let case = roll(dice);
        let (shared, added) = case.values.split_at(dice.below(case.values.len() + 1));
        let rules = &rules[dice.below(2)];
        let former = Redactor::with_rules(shared, rules);
        let [one_set, two_sets] = [Redactor::with_rules(&case.values, rules), former.with_values(added)];
        assert_eq!(one_set.explain(&case.text), two_sets.explain(&case.text), "{case:?}, {} shared", shared.len());
        // In about half of the cases, values are added while the streams are being redacted.
        let add_at = [0, dice.below(case.text.len() + 1)][dice.below(2)];
        let start = if add_at == 0 { [&one_set, &two_sets] } else { [&former, &former] };
        let mut streams = start.map(Redactor::stream);
        for piece in pieces(dice, case.text.len()) {
            if (piece.start..piece.end).contains(&add_at) && add_at > 0 {
                streams[0].continue_with(&one_set);
                streams[1].continue_with(&two_sets);
            }
            let is_pause = dice.below(3) == 0;
            let seen = streams.each_mut().map(|stream| {
                let written = stream.push(&case.text[piece.clone()]);
                let released = is_pause.then(|| stream.release());
                (written, released, state(stream))
            });
            assert_eq!(seen[0], seen[1], "{case:?}, {} shared, added at {add_at}, {piece:?}", shared.len());
        }
        let ends = streams.each_mut().map(|stream| (stream.finish(), state(stream)));
        assert_eq!(ends[0], ends[1], "{case:?}, {} shared, added at {add_at}, at the end", shared.len());
    });
}

/// Returns the observable state of a stream.
fn state(stream: &RedactStream) -> (bool, bool, u64, redact::MaskCounts) {
    (stream.is_holding(), stream.holds_line_end(), stream.redactions(), stream.counts().clone())
}

/// Returns a case with a small alphabet, or one with values in several forms.
fn roll(dice: &mut Dice) -> Case {
    if dice.below(3) == 0 {
        return Case::roll(dice);
    }
    let values: Vec<Vec<u8>> = (0..=dice.below(4)).map(|_| VALUES[dice.below(VALUES.len())].into()).collect();
    let text = (0..dice.below(12)).flat_map(|_| piece(dice, &values)).collect();
    Case { values, text }
}

/// Returns a value in one of its forms, which may be cut off or interrupted, or text that may come between values.
fn piece(dice: &mut Dice, values: &[Vec<u8>]) -> Vec<u8> {
    let value = &values[dice.below(values.len())];
    let mut form = match dice.below(8) {
        0 | 1 => value.clone(),
        2 => BASE64_STANDARD.encode([&b"x:"[..], value].concat()).into_bytes(),
        3 => hex::encode(value).into_bytes(),
        4 => serde_json::to_vec(&String::from_utf8_lossy(value)).expect("a string is valid JSON"),
        5 => percent_encoding::percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string().into_bytes(),
        _ => return BETWEEN[dice.below(BETWEEN.len())].into(),
    };
    match dice.below(4) {
        0 => form.truncate(dice.below(form.len() + 1)),
        1 => {
            let at = dice.below(form.len() + 1);
            form.splice(at..at, BETWEEN[dice.below(BETWEEN.len())].bytes());
        }
        _ => {}
    }
    form
}
