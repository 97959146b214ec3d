//! Tests that the output does not depend on how the input is split, even if escapes, styles and values of all kinds are
//! mixed.

#[path = "random/dice.rs"]
mod dice;

use redact::{Redacted, Redactor};

use crate::dice::{Dice, for_each_seed};

/// Values, several of which begin with the same bytes. They contain bytes that programs escape, and bytes that views
/// unify or drop.
const VALUES: [&str; 8] = [
    "abcdef",
    "abc def_ghi",
    "ab\"cd'ef\\gh",
    "a%41b+c&amp;d",
    "[0mabcdef",
    "ab\ncd\nabcdefgh\n",
    "m  abc  def",
    "YWJjZGVmYWJjZGVm/abc",
];

/// Texts that come between values and parts of values.
const BETWEEN: [&str; 40] = [
    "",
    "",
    "",
    "",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "\n    ",
    " \r\n ",
    "\t",
    "+",
    "\"",
    "'",
    "\"\"",
    "'\"'\"'",
    "'\\''",
    "\\",
    "\\\\",
    "\\\"",
    "\\n",
    "\\\n",
    "%",
    "%2",
    "%20",
    "%25",
    "%41",
    "&",
    "&amp;",
    "&quot;",
    "_",
    "_\x08",
    "\x08",
    "\x1b[0m",
    "\x1b[1;31m",
    "\x1b[",
    "\x1b]0;",
    "\x07",
    "YWJjZGVmYWJjZGVmYWJj\n",
];

#[test]
fn the_output_is_the_same_for_any_cuts() {
    for_each_seed(2_000, check);
}

#[test]
#[ignore = "takes minutes"]
fn the_output_is_the_same_for_any_cuts_long() {
    for_each_seed(300_000, check);
}

fn check(dice: &mut Dice) {
    let values: Vec<&str> = (0..=dice.below(4)).map(|_| VALUES[dice.below(VALUES.len())]).collect();
    let redactor = Redactor::new(&values);
    let text = text(dice, &values);
    let whole = redactor.redact(&text);
    let cut = dice.below(text.len() + 1);
    assert_eq!(stream(&redactor, text.chunks(1)), whole, "{values:?} in {:?}", text.escape_ascii().to_string());
    assert_eq!(
        stream(&redactor, [&text[..cut], &text[cut..]]),
        whole,
        "{values:?} in {:?}",
        text.escape_ascii().to_string()
    );
}

fn text(dice: &mut Dice, values: &[&str]) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..dice.below(30) {
        text.extend_from_slice(BETWEEN[dice.below(BETWEEN.len())].as_bytes());
        let value = values[dice.below(values.len())].as_bytes();
        let from = [0, dice.below(value.len())][dice.below(2)];
        let to = [value.len(), from + dice.below(value.len() - from)][dice.below(2)];
        text.extend_from_slice(&value[from..to]);
        if dice.below(4) == 0 {
            text.extend_from_slice(b"the quick brown fox jumps");
        }
    }
    text
}

fn stream<'t>(redactor: &Redactor, pieces: impl IntoIterator<Item = &'t [u8]>) -> Redacted {
    let mut stream = redactor.stream();
    let mut shown = Redacted::new();
    for piece in pieces {
        shown.append(&stream.push(piece));
    }
    shown.append(&stream.finish());
    shown
}
