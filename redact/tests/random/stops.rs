//! Tests that text is redacted as if each byte had been examined, although the redactor skips bytes. Bytes that look
//! like an escape, a style or a run of white space must not hide a value or a part of one.

use redact::{Redacted, Redactor};

use crate::dice::{Dice, for_each_seed};

const CASES: u64 = 4_000;

/// Text after a value. It is long enough for bytes to be skipped.
const AFTER: &str = ". The rest of this text has nothing to do with it.";

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

/// Stops, at which a view may begin to differ from the raw text: escapes, styles and runs. Several of them may be next
/// to each other.
const STOPS: [&str; 34] = [
    "\x1b[0m",
    "\x1b[1;31m",
    "\x1b[",
    "\x1b[v",
    "\x1b(B",
    "\x1b",
    "\x08",
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

/// Ordinary text, and words that may be part of wrapped base64.
const WORDS: [&str; 12] = [
    "text",
    "a",
    "the log",
    "ABCDEFGHIJKLMNOPQ",
    "=",
    "n",
    "20",
    "ABCDEFG",
    "/usr/lib/x86",
    "the quick brown fox jumps",
    "m",
    "5C",
];

#[test]
fn skipped_text_is_redacted_as_if_every_byte_had_been_examined() {
    skipped_text(CASES);
}

#[test]
#[ignore = "takes a minute"]
fn skipped_text_is_redacted_as_if_every_byte_had_been_examined_long() {
    skipped_text(5 * CASES);
}

fn skipped_text(cases: u64) {
    for_each_seed(cases, |dice| {
        let values: Vec<&str> = (0..=dice.below(3)).map(|_| VALUES[dice.below(VALUES.len())]).collect();
        let text: String = (0..dice.below(20)).map(|_| piece(dice, &values)).collect();
        check(&values, &text);
    });
}

/// A line break after 16 base64 characters is dropped. An escape sequence does not count as one of these characters.
#[test]
fn an_escape_sequence_does_not_count_as_part_of_a_wrapped_line() {
    for sequence in ["\x1b[v", "\x1b[0m", "\x1b[1;31m", "\x1b[K", "\x1b(B", "\x1b7", "\x1b[?25l"] {
        for line_break in ["\\n", "\n", "\r\n", "%0A", "\\u000a", "&#10;", "\n    "] {
            for before in ["aceddout", "spacedout", "/usr/lib"] {
                let text = format!("{before}{sequence}a20b-val{line_break}ue{AFTER}");
                let shown = check(&["20b-value"], &text);
                let masked = format!("{before}{sequence}a[REDACTED]{AFTER}");
                assert_eq!(shown, masked, "{text:?}");
            }
        }
        // If there is one character less, the line break is not dropped.
        for line_break in ["\\n", "\n", "%0A", "&#10;"] {
            let text = format!("acedout{sequence}a20b-val{line_break}ue{AFTER}");
            assert_eq!(check(&["20b-value"], &text), text);
        }
        let cut_off = format!("spacedout{sequence}a20b-va\n");
        assert_eq!(check(&["20b-value"], &cut_off), format!("spacedout{sequence}a[REDACTED]"));
    }
    // Here, the first bytes of the value, `20b`, complete the escape sequence.
    check(&["20b-value"], &format!("aceddout\x1b[20b-val\\nue{AFTER}"));
    check(&["20b-value"], "spacedout\x1b[20b-va\n");
}

/// Line breaks within wrapped base64 are dropped. The number of base64 characters before a line break therefore
/// includes those of the line before, if the line break between the lines was dropped.
#[test]
fn a_short_line_after_a_wrapped_one_is_wrapped_too() {
    let wrapped = format!("aceddoutspacedout\na20b-val\nue{AFTER}");
    assert_eq!(check(&["20b-value"], &wrapped), format!("aceddoutspacedout\na[REDACTED]{AFTER}"));
    let text = format!("spacedout\na20b-val\nue{AFTER}");
    assert_eq!(check(&["20b-value"], &text), text);
}

#[test]
fn plus_signs_of_base64_may_be_escaped() {
    // The base64 form of the value is `Yc++YmNkZWZn`.
    for plus in ["++", "%2B%2B", "%2B+", "+%2B", "+\\u002b", "+&#43;"] {
        let text = format!("a text without a value, Yc{plus}YmNkZWZn{AFTER}");
        assert_eq!(check(&["aϾbcdefg"], &text), format!("a text without a value, [REDACTED]{AFTER}"), "{text:?}");
    }
}

#[test]
fn single_characters_between_runs_of_white_space_are_not_skipped() {
    for space in ["  ", "\t\t", " \t", "\n\n", "++"] {
        let (before, value) = (["x", space].concat().repeat(50), ["a", "b", "c", "d", "e", "f"].join(space));
        let shown = check(&["a b c d e f"], &format!("{before}{value}{AFTER}"));
        assert_eq!(shown, format!("{before}[REDACTED]{AFTER}"), "{space:?}");
    }
}

#[test]
fn a_value_that_begins_within_an_escape_may_have_wider_spaces() {
    let text = format!("a text without a value%41  /value{AFTER}");
    assert_eq!(check(&["41 /value"], &text), format!("a text without a value%[REDACTED]{AFTER}"));
}

#[test]
fn a_backspace_does_not_hide_a_value_with_escapes() {
    let text = format!("password:s\x08ecret%20%20value%20{AFTER}");
    assert_eq!(check(&["secret value"], &text), format!("password:[REDACTED]%20{AFTER}"));
}

#[test]
fn an_escape_with_escape_sequences_in_it_is_masked() {
    for sequence in ["\x1b[0m", "\x1b[v", "\x1b[1;31m\x1b[K", "\x1b(B", "\x1b[?25l"] {
        for escape in ["%73", "%2573", "\\x73", "\\u0073", "\\163", "&#115;", "&#x73;"] {
            for at in 1..escape.len() {
                let (begin, end) = escape.split_at(at);
                let text = format!("the password is {begin}{sequence}{end}ecret-value{AFTER}");
                let shown = check(&["secret-value"], &text);
                assert_eq!(shown, format!("the password is [REDACTED]{AFTER}"), "{text:?}");
            }
        }
    }
}

#[test]
fn a_line_end_with_escape_sequences_in_it_is_not_visible() {
    for sequence in ["\x1b[0m", "\x1b[K", "\x1b[1;31m\x1b[K", "\x1b(B", "\x1b[?25l"] {
        for at in 1.."secret-value".len() {
            let (begin, end) = "secret-value".split_at(at);
            let text = format!("the password is {begin}\r{sequence}\n{end}{AFTER}");
            let shown = check(&["secret-value"], &text);
            assert_eq!(shown, format!("the password is [REDACTED]{AFTER}"), "{text:?}");
        }
    }
}

/// Redacts `text` in a single read, and checks that the result is the same as with reads of one byte each, in which
/// nothing can be skipped. Returns the result.
fn check(values: &[&str], text: &str) -> String {
    let redactor = Redactor::new(values);
    let mut stream = redactor.stream();
    let mut expected = Redacted::new();
    for byte in text.as_bytes() {
        expected.append(&stream.push(&[*byte]));
    }
    expected.append(&stream.finish());
    let whole = redactor.redact(text.as_bytes()).to_text().into_owned();
    assert_eq!(whole, expected.to_text(), "{values:?} in {text:?}");
    whole
}

/// Returns stops, a part of a value, a value with stops in it, or ordinary text.
fn piece(dice: &mut Dice, values: &[&str]) -> String {
    let value = values[dice.below(values.len())];
    let cut = dice.below(value.len() + 1);
    match dice.below(9) {
        0 => value[..cut].to_owned(),
        1 => value[cut..].to_owned(),
        2 => value.replace(' ', STOPS[dice.below(STOPS.len())]),
        3 => format!("{}{}{}", &value[..cut], stops(dice), &value[cut..]),
        4 => escaped(dice, value),
        5 => WORDS[dice.below(WORDS.len())].to_owned(),
        _ => stops(dice),
    }
}

/// Returns a few stops next to each other.
fn stops(dice: &mut Dice) -> String {
    (0..=dice.below(3)).map(|_| STOPS[dice.below(STOPS.len())]).collect()
}

/// Returns a value with one of its characters escaped, and stops within or next to the escape.
fn escaped(dice: &mut Dice, value: &str) -> String {
    let at = dice.below(value.len());
    let (byte, rest) = (value.as_bytes()[at], &value[at + 1..]);
    let escape = match dice.below(6) {
        0 => format!("%{byte:02x}"),
        1 => format!("%25{byte:02X}"),
        2 => format!("\\x{byte:02x}"),
        3 => format!("\\u{byte:04x}"),
        4 => format!("&#{byte};"),
        _ => format!("\\{}", char::from(byte)),
    };
    let (begin, end) = escape.split_at(dice.below(escape.len() + 1));
    format!("{}{begin}{}{end}{rest}", &value[..at], stops(dice))
}
