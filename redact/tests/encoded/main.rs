//! Tests that a value cannot be recovered from the output, however it was encoded.
//!
//! Each run uses new seeds and prints the seed of a failure. To reproduce a failure, set `REDACT_SEED` to its seed. The
//! tests that are ignored by default do the same with more cases.

#[path = "../random/dice.rs"]
mod dice;
mod encoders;
mod formats;
mod secret;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

use redact::{Redacted, Redactor};

use crate::dice::Dice;
use crate::encoders::{BASE64, BY_CHARACTER};
use crate::secret::{noise, secret};

const MASK: &str = "[REDACTED]";

/// The number of values for each encoder in an ordinary run.
const FEW: u64 = 100;
/// The number of values for each encoder in a long run. Each is tried in several texts.
const MANY: u64 = 20_000;

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
fn no_value_is_found_in_base64() {
    for_each_seed(FEW, in_base64);
}

#[test]
#[ignore = "takes minutes"]
fn no_value_is_found_in_base64_long() {
    for_each_seed(MANY, in_base64);
}

/// Checks encoders that encode each character by itself: the whole encoded value is replaced by one mask.
fn by_character(dice: &mut Dice) {
    let value = firm(&secret(dice));
    let redactor = Redactor::new([&value]);
    let (before, after) = (noise(dice), noise(dice));
    for (name, encode) in BY_CHARACTER {
        let encoded = encode(&value);
        let whole = [encode(&before), encoded.clone(), encode(&after), "\n".into()].concat();
        check(name, &redactor, dice, &value, &whole, &encoded);
        let alone = [before.as_str(), &encoded, &after, "\n"].concat();
        check(name, &redactor, dice, &value, &alone, &encoded);
    }
}

/// Checks that one mask replaces `encoded` in `text`. It may include backslashes before it, which could escape it,
/// in any encoding.
fn check(name: &str, redactor: &Redactor, dice: &mut Dice, value: &str, text: &str, encoded: &str) {
    let shown = redacted(redactor, dice, text);
    let inner = encoded.trim_matches(|char| "'$ ".contains(char));
    let at = text.find(inner).expect("the text contains the encoded value");
    let (before, after) = (&text[..at], &text[at + inner.len()..]);
    let head = shown.as_bytes().strip_suffix([MASK, after].concat().as_bytes()).map(String::from_utf8_lossy);
    let head = head.unwrap_or_else(|| panic!("{name}: {value:?} in {text:?} becomes {shown}"));
    let escapes = before.strip_prefix(&*head).unwrap_or_else(|| panic!("{name}: {text:?} becomes {shown}"));
    assert!(
        escapes.chars().all(|char| "\\%25Cc&#xu09134;".contains(char)),
        "{name}: {value:?} in {text:?} becomes {shown}"
    );
    assert_eq!(redactor.redact(shown.as_bytes()), shown, "{name}: it is not idempotent");
}

/// Checks that at most 4 bits of the value at each end can be decoded from what is shown.
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
            part.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)).count()
        };
        assert!(6 * characters(head) <= 8 * before.len() + 4, "{name}: {head:?} of {value:?} is shown");
        assert!(6 * characters(tail) <= 8 * after.len() + 4 + 4, "{name}: {tail:?} of {value:?} is shown");
    }
}

/// Returns the value with ends that are not merged with the text around it.
fn firm(value: &str) -> String {
    format!("q{:x<6}q", value.trim())
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

fn for_each_seed(cases: u64, run: impl Fn(&mut Dice)) {
    let first = match std::env::var("REDACT_SEED") {
        Ok(seed) => seed.parse().expect("REDACT_SEED is a number"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs() * 1_000_000,
    };
    for seed in first..first + cases {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&mut Dice::new(seed)))) {
            eprintln!("set REDACT_SEED={seed} to start with the failed case");
            resume_unwind(panic);
        }
    }
}
