//! Tests that a value cannot be recovered from the output, no matter how it was encoded.
//!
//! The tests that are ignored by default run the other tests with more cases.

#[path = "../random/dice.rs"]
mod dice;
mod encoders;
mod formats;
mod in_base64;
mod programs;
mod secret;

use redact::{Redacted, Redactor};

use crate::dice::{Dice, for_each_seed};
use crate::encoders::BY_CHARACTER;
use crate::in_base64::BASE64;
use crate::programs::Missing;
use crate::secret::{noise, secret};

const MASK: &str = "[REDACTED]";

/// The number of values for each encoder in an ordinary run.
const FEW: u64 = 60;
/// The number of values for each encoder in a long run. Each value is tried in two texts, with different text before
/// and after it.
const MANY: u64 = 100_000;

#[test]
fn no_value_is_found_in_any_encoding() {
    for_each_seed(FEW, by_character);
}

#[test]
#[ignore = "takes minutes"]
fn no_value_is_found_in_any_encoding_long() {
    for_each_seed(MANY, by_character);
}

#[test]
fn no_encoded_value_is_revealed_by_its_beginning() {
    for_each_seed(FEW / 20, cut_off);
}

#[test]
fn no_encoded_value_is_revealed_by_pauses() {
    for_each_seed(FEW / 20, paused);
}

#[test]
#[ignore = "takes a minute"]
fn no_encoded_value_is_revealed_by_its_beginning_or_by_pauses_long() {
    for_each_seed(FEW, cut_off);
    for_each_seed(FEW, paused);
}

#[test]
fn text_without_values_is_unchanged_and_masks_are_counted() {
    for_each_seed(5 * FEW, unchanged);
}

#[test]
#[ignore = "takes minutes"]
fn text_without_values_is_unchanged_and_masks_are_counted_long() {
    for_each_seed(MANY, unchanged);
}

#[test]
fn no_value_is_found_in_base64() {
    for_each_seed(FEW, in_base64);
}

#[test]
#[ignore = "takes minutes"]
fn no_value_is_found_in_base64_long() {
    for_each_seed(2 * MANY, in_base64);
}

#[test]
fn no_value_in_base64_is_revealed_by_its_beginning() {
    for_each_seed(1, in_base64::cut_off);
}

#[test]
fn no_value_in_base64_is_revealed_by_pauses() {
    for_each_seed(1, in_base64::paused);
}

#[test]
#[ignore = "takes minutes"]
fn no_value_in_base64_is_revealed_by_its_beginning_or_by_pauses_long() {
    for_each_seed(50, in_base64::cut_off);
    for_each_seed(200, in_base64::paused);
}

#[test]
fn no_value_is_found_in_the_output_of_programs() {
    for_each_seed(1, |dice| programs::check(dice, 300, Missing::Skipped));
    for_each_seed(1, |dice| programs::check_dumps(dice, 30, Missing::Skipped));
    for_each_seed(1, |dice| programs::check_columns(dice, 30, Missing::Skipped));
}

#[test]
#[ignore = "takes minutes"]
fn no_value_is_found_in_the_output_of_programs_long() {
    for_each_seed(200, |dice| programs::check(dice, 1_000, Missing::Fails));
    for_each_seed(200, |dice| programs::check_dumps(dice, 1_000, Missing::Fails));
    for_each_seed(200, |dice| programs::check_columns(dice, 1_000, Missing::Fails));
}

/// Checks encoders that encode each character independently. One mask must replace the whole encoded value.
fn by_character(dice: &mut Dice) {
    let value = firm(&secret(dice));
    let redactor = Redactor::new([&value]);
    let (before, after) = (noise(dice), noise(dice));
    for (name, encode) in BY_CHARACTER {
        let encoded = encode(&value);
        let whole = [encode(&before), encoded.clone(), encode(&after), "\n".into()].concat();
        check(name, &redactor, dice, &value, &whole, &encoded);
        let alone = [noise(dice).as_str(), &encoded, &noise(dice), "\n"].concat();
        check(name, &redactor, dice, &value, &alone, &encoded);
    }
}

/// Checks that one mask replaces `encoded` in `text`. The mask may also include a few escapes directly before
/// `encoded`, because such an escape might continue with the first bytes of `encoded`.
fn check(name: &str, redactor: &Redactor, dice: &mut Dice, value: &str, text: &str, encoded: &str) {
    let shown = redacted(redactor, dice, text);
    let inner = encoded.trim_matches(|char| "'$ ".contains(char));
    let at = text.find(inner).expect("the text contains the encoded value");
    let (before, after) = (&text[..at], &text[at + inner.len()..]);
    let head = shown.as_bytes().strip_suffix([MASK, after].concat().as_bytes()).map(String::from_utf8_lossy);
    let head = head.unwrap_or_else(|| panic!("{name}: {value:?} in {text:?} becomes {shown}"));
    let escapes = before.strip_prefix(&*head).unwrap_or_else(|| panic!("{name}: {text:?} becomes {shown}"));
    assert!(escapes.len() <= 48, "{name}: {value:?} in {text:?} becomes {shown}");
    assert_eq!(redactor.redact(shown.as_bytes()), shown, "{name}: it is not idempotent");
}

/// Checks that at most 4 bits of the value at each end can be decoded from the output.
fn in_base64(dice: &mut Dice) {
    let value = firm(&secret(dice));
    let redactor = Redactor::new([&value]);
    let (before, after) =
        ([noise(dice), noise(dice), noise(dice)].concat(), [noise(dice), noise(dice), noise(dice)].concat());
    for (name, encode) in BASE64 {
        let text = encode(&[before.as_str(), &value, &after].concat());
        let shown = redacted(&redactor, dice, &text).to_string();
        let (head, tail) = shown.split_once(MASK).unwrap_or_else(|| panic!("{name}: {value:?} is shown in {text:?}"));
        let characters = |part: &str| {
            let part = part.replace("%2B", "+").replace("%2F", "/").replace("%3D", "").replace("\\n", "");
            let part = part.replace("\x1b[0m", "").replace("\x1b[32m", "");
            part.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)).count()
        };
        assert!(6 * characters(head) <= 8 * before.len() + 4, "{name}: {head:?} of {value:?} is shown");
        assert!(6 * characters(tail) <= 8 * after.len() + 4 + 4, "{name}: {tail:?} of {value:?} is shown");
    }
}

/// Checks the output of streams that end at each position within an encoded value.
fn cut_off(dice: &mut Dice) {
    let value = firm(&secret(dice));
    let redactor = Redactor::new([&value]);
    for (name, encode) in BY_CHARACTER {
        let encoded = encode(&value);
        for end in (0..encoded.len()).filter(|end| encoded.is_char_boundary(*end)) {
            let shown = redactor.redact(&encoded.as_bytes()[..end]);
            let limit = harmless(&value, *encode);
            assert!(shown.len() <= limit, "{name}: {shown} of {value:?} is shown at the end");
        }
    }
}

/// Checks that pauses after each byte show little of an encoded value, and that a mask replaces the rest of the value.
fn paused(dice: &mut Dice) {
    let value = firm(&secret(dice));
    let redactor = Redactor::new([&value]);
    for (name, encode) in BY_CHARACTER {
        let (mut stream, mut shown) = (redactor.stream(), Redacted::new());
        for byte in encode(&value).bytes() {
            shown.append(&stream.push(&[byte]));
            shown.append(&stream.release());
        }
        shown.append(&stream.finish());
        let mask = shown.as_bytes().windows(MASK.len()).position(|bytes| bytes == MASK.as_bytes());
        let (head, tail) = shown.as_bytes().split_at(mask.expect("a mask is shown"));
        let tail = &tail[MASK.len()..];
        assert!(head.len() <= harmless(&value, *encode), "{name}: {shown} of {value:?} is shown after pauses");
        assert!(tail.trim_ascii().len() <= 1, "{name}: the end {shown} of {value:?} is shown after pauses");
    }
}

/// Returns the maximum number of bytes of an encoded value that may be shown: the encoding of up to 7 bytes, but less
/// than half of the value, and an incomplete escape.
fn harmless(value: &str, encode: fn(&str) -> String) -> usize {
    let count = 7.min((value.len() - 1) / 2);
    let longest_escape = "\\\\ud83d\\\\ude00".len();
    encode(&value[..value.floor_char_boundary(count)]).len() + longest_escape
}

/// Checks that the text between values is unchanged, and that each value is counted once.
fn unchanged(dice: &mut Dice) {
    let values: Vec<String> = (0..=dice.below(5)).map(|_| firm(&secret(dice))).collect();
    let redactor = Redactor::new(&values);
    let (mut text, mut expected, mut count) = (String::new(), String::new(), 0);
    for _ in 0..dice.below(20) {
        let noise = [noise(dice), values[0].chars().take(dice.below(5)).collect(), noise(dice)].concat() + "/";
        text += &noise;
        expected += &noise;
        if dice.below(3) == 0 {
            text += &values[dice.below(values.len())];
            expected += MASK;
            count += 1;
        }
        text += "/";
        expected += "/";
    }
    assert_eq!(redacted(&redactor, dice, &text).to_text(), expected, "{values:?} in {text:?}");
    let mut stream = redactor.stream();
    stream.push(text.as_bytes());
    stream.finish();
    assert_eq!(stream.redactions(), count, "{values:?} in {text:?}");
}

/// Adds characters to both ends of a value, so that the value's own ends do not merge with the text around it. Escapes
/// in the text before the value may still include its first characters.
fn firm(value: &str) -> String {
    let begin = ["q", "n", "u0041", "4a", "lt;"][value.len() % 5];
    format!("{begin}{:x<6}q", value.trim())
}

/// Redacts `text` in random pieces, and checks that the result is the same as in one piece.
fn redacted(redactor: &Redactor, dice: &mut Dice, text: &str) -> Redacted {
    let whole = redactor.redact(text.as_bytes());
    let mut stream = redactor.stream();
    let mut shown = Redacted::new();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(1 + dice.below(rest.len()));
        shown.append(&stream.push(piece));
        rest = after;
    }
    shown.append(&stream.finish());
    assert_eq!(shown.to_text(), whole.to_text(), "it depends on the cuts: {text:?}");
    whole
}
