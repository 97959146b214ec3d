//! The encoders that use base64. Their output for a value depends on the bytes before and after the value.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use redact::{Redacted, Redactor};

use super::MASK;
use super::dice::Dice;
use super::encoders::Encoder;
use super::formats::{json, lines, percent};

/// Encoders that use both alphabets of base64, in one line, wrapped into lines, and within other formats.
pub const BASE64: &[Encoder] = &[
    ("base64", |text| STANDARD.encode(text)),
    ("base64 without padding", |text| STANDARD_NO_PAD.encode(text)),
    ("base64url", |text| URL_SAFE.encode(text)),
    ("base64url without padding", |text| URL_SAFE_NO_PAD.encode(text)),
    ("base64 in 64 columns", |text| lines(&STANDARD.encode(text), 64, "\n")),
    ("base64 in 76 columns", |text| lines(&STANDARD.encode(text), 76, "\n")),
    ("base64 in 76 columns with CRLF", |text| lines(&STANDARD.encode(text), 76, "\r\n")),
    ("base64 in 64 columns, indented", |text| lines(&STANDARD.encode(text), 64, "\n    ")),
    ("base64 in 64 columns, coloured", |text| lines(&STANDARD.encode(text), 64, "\x1b[0m\n\x1b[32m")),
    ("base64 in 64 columns in JSON", |text| json(&lines(&STANDARD.encode(text), 64, "\n"))),
    ("base64 in percent", |text| percent(&STANDARD.encode(text))),
    ("base64 in JSON with escaped slashes", |text| STANDARD.encode(text).replace('/', "\\/")),
];

/// The lengths of the text before a value. They cover each alignment at the beginning of a line, in the middle of a
/// line, and near its end.
const BEFORE: [usize; 12] = [0, 1, 2, 24, 25, 26, 40, 41, 42, 45, 46, 47];

/// Calls `check` with values of each length, after text of each length, encoded in each way. The length of a whole text
/// is a multiple of three bytes, so that each base64 character contains six bits of the text.
fn for_each_text(dice: &mut Dice, check: impl Fn(&str, &Redactor, &Text)) {
    for length in 6..=40 {
        let value: String =
            (0..length).map(|_| char::from(33 + u8::try_from(dice.below(94)).expect("small"))).collect();
        let redactor = Redactor::new([&value]);
        for before in BEFORE {
            let after = 32 - (before + length + 32) % 3;
            let clear = format!("{:->before$}{value}{:->after$}", "", "");
            for (name, encode) in BASE64 {
                check(name, &redactor, &Text { encoded: encode(&clear), before, length, after });
            }
        }
    }
}

/// An encoded text, with the lengths of the value in it and of the text before and after the value.
struct Text {
    encoded: String,
    before: usize,
    length: usize,
    after: usize,
}

impl Text {
    /// Checks that `head`, the output before the mask, and `tail`, the output after it, reveal less than 8 bytes and
    /// less than half of the value.
    fn check(&self, name: &str, head: &str, tail: &str) {
        let bits = |part: &str, others: usize| (6 * characters(part)).saturating_sub(8 * others);
        let shown = bits(head, self.before) + bits(tail, self.after);
        assert!(
            shown < 64.min(4 * self.length),
            "{name}: {shown} bits of {} bytes after {} are shown: {head} ... {tail}",
            self.length,
            self.before
        );
    }
}

/// Returns the number of base64 characters. If `part` ends with an incomplete escape, the escape is not counted.
/// Neither is another mask: the end of the text is masked if it could be the beginning of the value.
fn characters(part: &str) -> usize {
    let others = ["\x1b[0m", "\x1b[32m", "\\n", "%3D", MASK];
    let part = others.iter().fold(part.to_owned(), |part, other| part.replace(other, ""));
    let part = part.replace("%2B", "+").replace("%2F", "/");
    let part = part.split(['\x1b', '%', '\\']).next().expect("there is a first part");
    part.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)).count()
}

/// Checks the output of streams that end at each position from the beginning of the value on.
pub fn cut_off(dice: &mut Dice) {
    for_each_text(dice, |name, redactor, text| {
        for end in text.before..text.encoded.len() {
            let shown = redactor.redact(&text.encoded.as_bytes()[..end]).to_string();
            let (head, tail) = shown.split_once(MASK).unwrap_or((&shown, ""));
            text.check(name, head, tail);
        }
    });
}

/// Checks the output of streams that pause after each byte.
pub fn paused(dice: &mut Dice) {
    for_each_text(dice, |name, redactor, text| {
        let (mut stream, mut shown) = (redactor.stream(), Redacted::new());
        for byte in text.encoded.bytes() {
            shown.append(&stream.push(&[byte]));
            shown.append(&stream.release());
        }
        shown.append(&stream.finish());
        let shown = shown.to_string();
        let (head, tail) = shown.split_once(MASK).expect("a mask is shown");
        text.check(name, head, tail);
    });
}
