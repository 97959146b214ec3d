//! Fuzzes registered values in the encodings that programs use.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use redact::Redactor;

use super::encoders::BY_CHARACTER;
use super::input::Input;
use super::streams::{Cuts, check_any, check_idempotent, check_masked, occurrences, show, with_pauses};

/// A text, and the ranges of the encoded values in it.
#[derive(Default)]
struct Text {
    text: String,
    encoded: Vec<Range<usize>>,
}

/// The maximum number of bytes in a text. Longer texts would make fuzzing too slow.
const LONGEST_TEXT: usize = 2_000;

/// Checks that no encoded value is shown, and that redacting the output again does not change it.
pub fn values_are_masked(input: &mut Input, cuts: &Cuts) {
    let values: Vec<String> = (0..=input.below(3)).map(|_| value(input)).collect();
    let Text { text, encoded } = text(input, &values);
    let redactor = Redactor::new(&values);
    let (whole, findings) = check_any(&redactor, text.as_bytes(), cuts);
    for range in &encoded {
        check_masked(text.as_bytes(), &findings, range.clone());
    }
    let shown = with_pauses(&redactor, text.as_bytes(), cuts);
    for range in &encoded {
        let is_shown = occurrences(shown.as_bytes(), &text.as_bytes()[range.clone()]).next().is_some();
        assert!(!is_shown, "{:?} of {text:?} is in \"{}\" after pauses", &text[range.clone()], show(shown.as_bytes()));
    }
    let may_join_mask = |value: &String| value.lines().any(|line| line.starts_with(']') || line.ends_with('['));
    if !values.iter().any(may_join_mask) {
        check_idempotent(&redactor, &whole);
    }
}

/// Checks that a text is unchanged if it contains only the beginnings of values.
pub fn other_text_is_unchanged(input: &mut Input, cuts: &Cuts) {
    // Values of one line are used, because each line of a longer value may be masked on its own.
    let values: Vec<String> = (0..=input.below(3)).map(|_| value(input).replace('\n', " ")).collect();
    let Text { text, .. } = text(input, &values);
    // No value contains this byte. The text therefore does not end with the beginning of a value that would be masked.
    let text = text + "\u{2}";
    let redactor = Redactor::new(values.iter().map(|value| format!("{value}\u{1}and what the text does not contain")));
    let (_, findings) = check_any(&redactor, text.as_bytes(), cuts);
    assert_eq!(findings, [], "{values:?} in {text:?}");
    let shown = with_pauses(&redactor, text.as_bytes(), cuts);
    assert_eq!(shown.to_text(), text, "{values:?} with pauses");
}

/// The beginnings of values. Escapes in the text before a value may include some of them.
const BEGINNINGS: [&str; 5] = ["q", "n", "u0041", "4a", "lt;"];

/// The end of each value. It cannot be part of an escape, so every form of a value has at least 6 bytes.
const END: &str = "xkcd7q";

/// Returns a value that begins and ends with letters or digits. Other bytes at its ends might form an escape with the
/// text around the value.
fn value(input: &mut Input) -> String {
    let (begin, len) = (input.choose(&BEGINNINGS), input.below(40));
    format!("{begin}{}{END}", chars(input, len))
}

/// Non-ASCII characters that encoders treat in different ways.
const OTHER: [char; 12] =
    ['ä', 'ß', 'é', '€', '漢', '😀', '\u{80}', '\u{a0}', '\u{ad}', '\u{301}', '\u{fffd}', '\u{10ffff}'];

/// Returns printable characters, tabs and line ends.
fn chars(input: &mut Input, len: usize) -> String {
    let char = |byte: &u8| match byte {
        b'\t' | b'\n' | b' '..=b'~' => char::from(*byte),
        0x80.. => OTHER[usize::from(*byte) % OTHER.len()],
        _ => ['\\', '%', '&', '"', '\'', '+'][usize::from(*byte) % 6],
    };
    input.bytes(len).iter().map(char).collect()
}

/// Returns a text of noise and encoded values.
fn text(input: &mut Input, values: &[String]) -> Text {
    let mut text = Text::default();
    while !input.is_empty() && text.text.len() < LONGEST_TEXT {
        let (before, after) = (input.below(24), input.below(24));
        let (before, after) = (chars(input, before), chars(input, after));
        let value = input.choose(&values.iter().map(String::as_str).collect::<Vec<_>>());
        match input.below(4) {
            0 => text.text += &before,
            1 => text.add_dump(input, &before, value, &after),
            _ => text.add_by_character(input, &before, value, &after),
        }
    }
    text
}

impl Text {
    /// Adds a value, and the text around it, in an encoding that encodes each character independently.
    fn add_by_character(&mut self, input: &mut Input, before: &str, value: &str, after: &str) {
        let (_, encode) = input.choose(BY_CHARACTER);
        let encoded = encode(value);
        // The quotation marks of shells, and the space after each byte, do not have to be masked.
        let inner = encoded.trim_matches(|char| "'$ ".contains(char));
        let offset = encoded.find(inner).expect("it is a part");
        self.text += &encode(before);
        let begin = self.text.len() + offset;
        self.encoded.push(begin..begin + inner.len());
        self.text += &encoded;
        self.text += &encode(after);
    }

    /// Adds a value, and the text around it, in base64 or as hexadecimal digits, which may be wrapped into lines.
    fn add_dump(&mut self, input: &mut Input, before: &str, value: &str, after: &str) {
        let bytes = [before, value, after].concat();
        let range = before.len()..before.len() + value.len();
        let newline = input.choose(&["\n", "\r\n", "\n    ", "\r\n\t"]);
        let (characters, range) = match input.below(6) {
            0 => (STANDARD.encode(bytes), sextets(range)),
            1 => (STANDARD_NO_PAD.encode(bytes), sextets(range)),
            2 => (URL_SAFE.encode(bytes), sextets(range)),
            3 => (URL_SAFE_NO_PAD.encode(bytes), sextets(range)),
            4 => (hex::encode(bytes), 2 * range.start..2 * range.end),
            _ => (hex::encode_upper(bytes), 2 * range.start..2 * range.end),
        };
        // This byte ends any escape in the text before. Otherwise, such an escape might include the first characters of
        // the first line.
        self.text += input.choose(&["\n", " ", ",", "="]);
        let columns = input.choose(&[usize::MAX, 60, 64, 76]);
        let position = |at: usize| self.text.len() + at + at / columns * newline.len();
        // The end is computed from the last character, because the character after it may be on the next line.
        self.encoded.push(position(range.start)..position(range.end - 1) + 1);
        let lines: Vec<&str> =
            characters.as_bytes().chunks(columns).map(|line| str::from_utf8(line).expect("it is ASCII")).collect();
        self.text += &lines.join(newline);
    }
}

/// Returns the range of the base64 characters that depend only on the bytes in the given range.
fn sextets(bytes: Range<usize>) -> Range<usize> {
    (8 * bytes.start).div_ceil(6)..8 * bytes.end / 6
}
