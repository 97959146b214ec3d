//! The forms in which a value may be printed.
//!
//! Escapes that may or may not be applied to each character are not enumerated here. They are decoded in the stream
//! (see `decode` and `view`), and a pattern is what the decoder makes of the value.

use crate::decode::{Decoder, Stages, Unit};
use crate::pattern::{Form, Pattern, SHORT};
use crate::view::{Unifier, strip};

/// Lines of a value that are shorter than this are not masked by themselves: `{` is a line of many values.
const SHORTEST_LINE: usize = 8;

/// Values longer than this are not searched for in base64 and hexadecimal text, whose patterns take twenty times the
/// value's length. Private keys have up to about 3,500 bytes.
const LONGEST_ENCODED: usize = 16 << 10;

/// An incomplete escape at the end of a value is dropped if it is not longer than this. `&abc` is unlikely to become one.
const LONGEST_OPEN: usize = 2;

/// Returns the patterns of all `values`, sorted and without duplicates.
pub(crate) fn patterns(values: &[Vec<u8>]) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for value in values {
        let trimmed = value.trim_ascii();
        patterns.push(Pattern { bytes: value.clone(), value: value.len(), form: Form::Text });
        if trimmed.len() < SHORT && !trimmed.is_empty() {
            patterns.push(Pattern { bytes: trimmed.to_vec(), value: trimmed.len(), form: Form::Text });
        }
        if value.len() < SHORT {
            continue;
        }
        let mut add = |form, bytes: Vec<u8>| {
            if bytes.len() >= SHORT {
                patterns.push(Pattern { bytes, value: value.len(), form });
            }
        };
        let lines = trimmed.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
        let lines = lines.filter(|line| line.len() >= SHORTEST_LINE);
        add(Form::Text, strip(value));
        for text in [trimmed].into_iter().chain(lines) {
            texts(text, |bytes| add(Form::Text, bytes));
        }
        if (SHORT..=LONGEST_ENCODED).contains(&trimmed.len()) {
            hex(trimmed, &mut add);
            base64(trimmed, |bytes| add(Form::Base64, bytes));
        }
    }
    patterns.sort_unstable();
    patterns.dedup_by(|next, kept| next.bytes == kept.bytes);
    patterns
}

/// Passes on the literal text, what is visible of it, and what the decoder makes of it.
///
/// In the stream, the decoder undoes the last encoding and decodes whatever else looks like an escape. If the text
/// itself contains what looks like an escape, some encodings protect it from the decoder and others do not. Therefore,
/// the text passes every subset of the decoder's stages.
fn texts(text: &[u8], mut add: impl FnMut(Vec<u8>)) {
    add(text.to_vec());
    add(strip(text));
    for is_escaped in
        [|char| matches!(char, '\u{80}'..='\u{a0}' | '\u{ad}'), |char| matches!(char, '\u{80}'..='\u{ff}')]
    {
        if let Some(latin) = latin(text, is_escaped) {
            decoded(&latin, Stages::ALL, &mut add);
        }
    }
    if text.iter().all(|byte| Decoder::is_plain(*byte)) {
        let mut unifier = Unifier::default();
        return add(text.iter().filter_map(|byte| unifier.push(*byte)).collect());
    }
    for stages in Stages::subsets() {
        decoded(text, stages, &mut add);
    }
}

/// Returns the text with some characters of Latin-1 as single bytes, or `None` if it contains none of them.
///
/// To Python, `\xa0` is a character in a string and a byte in bytes. The decoder takes it for a byte. Python's `repr`
/// escapes some characters of Latin-1 that way, and its `ascii` all of them.
fn latin(text: &[u8], is_escaped: fn(char) -> bool) -> Option<Vec<u8>> {
    let text = str::from_utf8(text).ok()?;
    let encode = |char: char| match u8::try_from(char) {
        Ok(byte) if is_escaped(char) => vec![byte],
        _ => char.to_string().into_bytes(),
    };
    text.contains(is_escaped).then(|| text.chars().flat_map(encode).collect())
}

/// Passes on what the given stages of the decoder make of the text.
///
/// If the text ends with an incomplete escape, what follows it in the stream may complete the escape, so the text
/// without its end is passed on too.
fn decoded(text: &[u8], stages: Stages, mut add: impl FnMut(Vec<u8>)) {
    let (mut bytes, mut unifier) = (Vec::new(), Unifier::default());
    let mut decoder = Decoder::new();
    for (at, &byte) in text.iter().enumerate() {
        decoder.push(stages, Unit::raw(byte, at), &mut |unit| bytes.extend(unifier.push(unit.byte)));
    }
    if decoder.pending().is_some_and(|begun| text.len() - begun <= LONGEST_OPEN) {
        add(bytes.clone());
    }
    decoder.finish(stages, &mut |unit| bytes.extend(unifier.push(unit.byte)));
    add(bytes);
}

/// Passes on the hexadecimal forms: two cases, without and with spaces. Colons are common in fingerprints only, and
/// `\x41` is decoded as an escape.
fn hex(text: &[u8], add: &mut impl FnMut(Form, Vec<u8>)) {
    for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
        let byte = |byte: &u8| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]];
        let pairs: Vec<_> = text.iter().map(byte).collect();
        add(Form::Hex, pairs.concat());
        add(Form::SpacedHex, pairs.join(&b' '));
    }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Passes on the alignment cores of the base64 forms: for each number of bytes (modulo 3) that may come before the text
/// in the encoder's input, the characters that depend on the text alone. Whatever surrounds the text, its encoding
/// contains one of them. The characters at both ends contain at most 4 bits of the text each.
fn base64(text: &[u8], mut add: impl FnMut(Vec<u8>)) {
    for before in 0..3 {
        let padded = [&[0; 2][..before], text].concat();
        let first = (8 * before).div_ceil(6);
        let end = 8 * padded.len() / 6;
        let sextets: Vec<usize> = (first..end).map(|index| sextet(&padded, index)).collect();
        for alphabet in [STANDARD, URL_SAFE] {
            add(sextets.iter().map(|&sextet| alphabet[sextet]).collect());
        }
    }
}

/// Returns the six bits of `bytes` that a base64 character at `index` represents, all of which exist.
fn sextet(bytes: &[u8], index: usize) -> usize {
    let at = index * 6 / 8;
    let pair = u16::from_be_bytes([bytes[at], bytes.get(at + 1).copied().unwrap_or(0)]);
    usize::from(pair >> (10 - index * 6 % 8) & 63)
}
