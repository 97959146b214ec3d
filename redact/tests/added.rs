//! Values that are added while a stream is being redacted are masked from then on.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use redact::Redactor;

const OLD: &str = "old-secret-0123456789";
const NEW: &str = "new-secret-0123456789";

/// Redacts `text`, and adds the value [`NEW`] after the first `at` bytes.
fn redact(text: &str, at: usize) -> String {
    let redactor = Redactor::new([OLD]);
    let mut stream = redactor.stream();
    let mut shown = stream.push(&text.as_bytes()[..at]);
    stream.continue_with(&redactor.with_values([NEW]));
    shown.append(&stream.push(&text.as_bytes()[at..]));
    shown.append(&stream.finish());
    assert_eq!(stream.redactions(), shown.to_text().matches("[REDACTED]").count() as u64, "{shown}");
    shown.to_text().into_owned()
}

#[test]
fn a_value_is_masked_if_it_is_added_before_it_begins() {
    let text = format!("a {NEW} b {OLD} c {NEW}");
    assert_eq!(redact(&text, 0), "a [REDACTED] b [REDACTED] c [REDACTED]");
    assert_eq!(redact(&text, 2), "a [REDACTED] b [REDACTED] c [REDACTED]");
    assert_eq!(redact(&text, text.len()), format!("a {NEW} b [REDACTED] c {NEW}"));
}

#[test]
fn a_former_value_is_masked_wherever_the_value_is_added() {
    let text = format!("a {OLD}, b\x1b[31m{OLD} \\u006fld-secret-0123456789 {OLD}");
    let shown = "a [REDACTED], b\x1b[31m[REDACTED] [REDACTED] [REDACTED]";
    for at in 0..=text.len() {
        assert_eq!(redact(&text, at), shown, "added at {at}");
    }
}

#[test]
fn a_value_that_begins_in_the_held_bytes_is_masked_completely() {
    // The beginning of the old value is held back, and the new value begins there.
    let redactor = Redactor::new(["abcdefghijklmnop-old"]);
    let mut stream = redactor.stream();
    let mut shown = stream.push(b"x abcdefghijklmnop-");
    stream.continue_with(&redactor.with_values(["abcdefghijklmnop-new"]));
    shown.append(&stream.push(b"new y"));
    shown.append(&stream.finish());
    assert_eq!(shown.to_text(), "x [REDACTED] y");
}

#[test]
fn a_value_in_wrapped_base64_is_masked_if_it_is_added_within_the_line_it_begins_in() {
    let encoded = BASE64_STANDARD.encode(format!("{}{NEW}{}", "-".repeat(48), "-".repeat(48)));
    // The base64 form of the value has 28 characters, and begins at this position of `encoded`.
    let begin = 64;
    for width in begin + 1..begin + 28 {
        let text = format!("{}\n{}\n", &encoded[..width], &encoded[width..]);
        let expected = format!("{}[REDACTED]{}\n", &encoded[..begin], &encoded[begin + 28..]);
        for at in 0..=begin {
            assert_eq!(redact(&text, at), expected, "wrapped at {width}, added at {at}");
        }
    }
}

#[test]
fn a_line_break_directly_after_the_point_of_addition_is_no_part_of_a_value() {
    let text = format!("abc\n{NEW}\n");
    assert_eq!(redact(&text, 3), "abc\n[REDACTED]\n");
    assert_eq!(redact(&text, 4), "abc\n[REDACTED]\n");
}

#[test]
fn memory_that_redactors_share_is_counted_once() {
    let mut random = fastrand::Rng::with_seed(7);
    let values: Vec<String> = (0..100).map(|_| (0..100).map(|_| random.alphanumeric()).collect()).collect();
    let shared = Redactor::new(&values);
    let per_byte = shared.memory() / 10_000;
    assert!((600..=1_200).contains(&per_byte), "each byte of a value takes {per_byte} bytes");
    let extended = shared.with_values([NEW]);
    let beside = extended.memory_beside(&shared);
    assert!((65_000..100_000).contains(&beside), "the added value takes {beside} bytes");
    let common = extended.memory() - beside;
    assert!((shared.memory() - 70_000..shared.memory()).contains(&common), "{common} bytes are shared");
    assert_eq!(extended.memory_beside(&extended.clone()), 0);
    assert_eq!(shared.memory_beside(&shared.clone()), 0);
    assert_eq!(shared.with_values(&values[1..]).memory_beside(&shared), 0, "the values are known");
    assert_eq!(shared.memory_beside(&Redactor::new([OLD])), shared.memory());
    assert_eq!(extended.memory_beside(&Redactor::new([OLD]).with_values([NEW])), extended.memory());
}
