//! Fuzzes registered values that are interrupted by bytes that a terminal does not show.

use std::ops::Range;

use redact::Redactor;

use super::input::Input;
use super::streams::{Cuts, check_any, check_masked, held, in_reads};

/// Fuzzes escape sequences, carriage returns and overstriking between the bytes of values.
pub fn terminal(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = Cuts::read(&mut input);
    let values: Vec<Vec<u8>> = (0..=input.below(2)).map(|_| value(&mut input)).collect();
    let (mut text, mut styled) = (Vec::new(), Vec::new());
    while !input.is_empty() && text.len() < LONGEST_TEXT {
        if input.below(4) == 0 {
            add_noise(&mut input, &values, &mut text);
        } else {
            let value = &values[input.below(values.len())];
            styled.push(add_styled(&mut input, value, &mut text));
        }
    }
    let redactor = Redactor::new(&values);
    let (_, findings) = check_any(&redactor, &text, &cuts);
    for range in styled {
        check_masked(&text, &findings, range);
    }
    let longest = values.iter().map(Vec::len).max().unwrap_or(0);
    let limit = limit(longest);
    in_reads(&redactor, &text, &cuts, |stream, at| {
        assert!(held(stream) <= limit, "{} bytes are held after {at}", held(stream));
    });
}

/// The maximum number of bytes in a text. A match may span at least 16 KiB, so texts may be longer than that.
const LONGEST_TEXT: usize = 24_000;

/// Returns the maximum number of bytes that may be held back if the longest value has `longest` bytes: 16 times the
/// length of the longest form of this value, plus 16 KiB. 1,024 bytes are added, because the length of a match is
/// checked only at multiples of this number.
fn limit(longest: usize) -> usize {
    let longest_form = 4 * longest;
    16 * longest_form + (16 << 10) + (1 << 10)
}

/// Returns a value of printable characters in which no two adjacent characters are equal, because a backspace between
/// them would be overstriking.
fn value(input: &mut Input) -> Vec<u8> {
    let mut value = b"v".to_vec();
    let len = 7 + input.below(24);
    for byte in input.bytes(len) {
        let byte = b'!' + byte % 94;
        if value.last() != Some(&byte) {
            value.push(byte);
        }
    }
    for byte in b"xkcd7q" {
        if value.last() != Some(byte) {
            value.push(*byte);
        }
    }
    value
}

/// Adds arbitrary bytes, a style or a part of a value, often many times. Then adds a line end, which ends any escape
/// sequence that these bytes may have begun.
fn add_noise(input: &mut Input, values: &[Vec<u8>], text: &mut Vec<u8>) {
    let mut noise = Vec::new();
    let len = input.below(32);
    match input.below(4) {
        0 => {
            let value = &values[input.below(values.len())];
            noise.extend_from_slice(&value[..len.min(value.len())]);
        }
        1 => noise.extend(style(input, b'v')),
        _ => noise.extend_from_slice(input.bytes(len)),
    }
    let count = [1, 1, 1, 1 + input.below(1 << 10)][input.below(4)];
    for _ in 0..count {
        text.extend_from_slice(&noise);
    }
    text.push(b'\n');
}

/// Adds a value with styles between its bytes. Returns the range from its first to its last byte.
fn add_styled(input: &mut Input, value: &[u8], text: &mut Vec<u8>) -> Range<usize> {
    let begin = text.len();
    let last = value.len() - 1;
    for &byte in &value[..last] {
        if input.below(8) == 0 && text.len() > begin {
            text.extend_from_slice(b"_\x08");
        }
        text.push(byte);
        for _ in 0..input.below(4) {
            text.extend(style(input, byte));
        }
    }
    text.push(value[last]);
    let end = text.len();
    text.push(b'\n');
    begin..end
}

/// Returns bytes that a program may print after the byte `last` without changing the visible text.
fn style(input: &mut Input, last: u8) -> Vec<u8> {
    match input.below(8) {
        0 => b"\r".to_vec(),
        1 => b"\r\n".to_vec(),
        2 => vec![0x08, last],
        3 => b"\x08_".to_vec(),
        4 => control_string(input),
        5 => [b"\x1b".to_vec(), within(input, 0x20..0x30, 2), vec![input.choose(b"078=>DEHMZcno")]].concat(),
        _ => {
            let (parameters, others) = (within(input, 0x30..0x40, 8), within(input, 0x20..0x30, 2));
            [b"\x1b[".to_vec(), parameters, others, within(input, 0x40..0x7f, 1)].concat()
        }
    }
}

/// Returns a window title, the address of a link, or another control string.
fn control_string(input: &mut Input) -> Vec<u8> {
    let kind = input.choose(b"]PX^_");
    let content = within(input, 0x20..0x7f, 24);
    let end = input.choose(&[&b"\x07"[..], b"\x1b\\"]);
    [&[0x1b, kind], &content[..], end].concat()
}

/// Returns at most `most` bytes from `range`. If `most` is 1, returns exactly one byte.
fn within(input: &mut Input, range: Range<u8>, most: usize) -> Vec<u8> {
    let len = if most == 1 { 1 } else { input.below(most + 1) };
    (0..len).map(|_| range.start + input.byte() % (range.end - range.start)).collect()
}
