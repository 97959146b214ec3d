//! Text that is skipped is redacted as if each of its bytes had been examined: what looks like an escape, a style or a
//! run of white space hides no value, and no part of a value.

use redact::Redactor;

use crate::dice::{Dice, for_each_seed};

const CASES: u64 = 4_000;

const VALUES: [&str; 8] = [
    "secret-value",
    "20b-value",
    "a b \"c\"",
    "\"quoted\"",
    " spaced out",
    "n1-lt;x",
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo",
    "%41literal%",
];

/// Escapes, styles and runs, which may be next to each other.
const STOPS: [&str; 30] = [
    "\x1b[0m",
    "\x1b[1;31m",
    "\x1b[",
    "\r\n",
    "\r",
    "\n",
    "\n\n",
    "  ",
    "\t ",
    "\"",
    "\\\"",
    "\\\\\"",
    "\"'",
    "\\n",
    "\\t",
    "\\x41",
    "\\u0041",
    "\\d",
    "%20",
    "%22",
    "%41",
    "%4",
    "%",
    "%25",
    "&quot;",
    "&lt;",
    "&amp;",
    "&b=",
    "+",
    "_\x08",
];

#[test]
fn skipped_text_is_redacted_as_if_every_byte_had_been_examined() {
    for_each_seed(CASES, |dice| {
        let values: Vec<&str> = (0..=dice.below(3)).map(|_| VALUES[dice.below(VALUES.len())]).collect();
        let redactor = Redactor::new(&values);
        let text: String = (0..dice.below(20)).map(|_| piece(dice, &values)).collect();
        // In a read of a single byte, nothing can be skipped.
        let mut stream = redactor.stream();
        let mut expected = redact::Redacted::new();
        for byte in text.as_bytes() {
            expected.append(&stream.push(&[*byte]));
        }
        expected.append(&stream.finish());
        assert_eq!(redactor.redact(text.as_bytes()), expected, "{values:?} in {text:?}");
    });
}

/// A known fault: if this text is read as a whole, the value with an escaped line break in it is masked. If it is read
/// byte by byte, it is not, as without the text before it. The test above found it with the seed 1795779606002797.
#[test]
#[ignore = "the cause is not known yet"]
fn a_value_with_an_escaped_line_break_is_masked_regardless_of_the_cuts() {
    let redactor = Redactor::new(["20b-value"]);
    let text = "aceddout\x1b[va20b-val\\nue and the rest of a text that has nothing to do with it.";
    let mut stream = redactor.stream();
    let mut expected = redact::Redacted::new();
    for byte in text.as_bytes() {
        expected.append(&stream.push(&[*byte]));
    }
    expected.append(&stream.finish());
    assert_eq!(redactor.redact(text.as_bytes()), expected);
}

/// Returns a stop, a part of a value, or ordinary text.
fn piece(dice: &mut Dice, values: &[&str]) -> String {
    let value = values[dice.below(values.len())];
    let cut = dice.below(value.len() + 1);
    match dice.below(8) {
        0 => value[..cut].to_owned(),
        1 => value[cut..].to_owned(),
        2 => value.replace(' ', STOPS[dice.below(STOPS.len())]),
        3 => format!("{}{}{}", &value[..cut], STOPS[dice.below(STOPS.len())], &value[cut..]),
        4 => ["text", "a", "the log", "ABCDEFGHIJKLMNOPQ", "=", "n", "20"][dice.below(7)].to_owned(),
        _ => STOPS[dice.below(STOPS.len())].to_owned(),
    }
}
