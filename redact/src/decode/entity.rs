//! Decodes the character references of XML and HTML: `&quot;`, `&#34;`, `&#x22;`, and `&amp;quot;` if they were encoded
//! twice.

use super::unit::{Unit, Units, number};

/// Decodes numeric references, and the names that encoders use for characters that must be escaped. HTML has 2,000 more
/// names, but encoders do not use them for ASCII characters.
#[derive(Clone, Default)]
pub(super) struct Entity {
    /// The beginning of a reference, from the ampersand on.
    held: Units,
}

impl Entity {
    #[inline]
    pub(super) fn pending(&self) -> Option<usize> {
        self.held.as_slice().first().map(|unit| unit.start)
    }

    /// Returns whether the last unit is an ampersand, which begins an escape.
    pub(super) fn is_begun(&self) -> bool {
        self.held.as_slice().len() == 1
    }

    pub(super) fn push(&mut self, unit: Unit, out: &mut impl FnMut(Unit)) {
        if self.held.is_empty() {
            if unit.byte == b'&' {
                self.held.push(unit);
            } else {
                out(unit);
            }
        } else if unit.byte == b';' {
            self.decode(unit, out);
        } else if !self.held.is_full() && matches!(unit.byte, b'#' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') {
            self.held.push(unit);
        } else {
            self.finish(out);
            self.push(unit, out);
        }
    }

    pub(super) fn finish(&mut self, out: &mut impl FnMut(Unit)) {
        self.held.drain(out);
    }

    fn decode(&mut self, semicolon: Unit, out: &mut impl FnMut(Unit)) {
        let whole = Unit { byte: b'&', start: self.held.as_slice()[0].start, end: semicolon.end };
        match character(&self.held) {
            Some('&') => {
                self.held.clear();
                self.held.push(whole.bounded());
            }
            Some(char) => {
                self.held.clear();
                for &byte in char.encode_utf8(&mut [0; 4]).as_bytes() {
                    out(whole.with(byte));
                }
            }
            None => {
                self.held.drain(out);
                out(semicolon);
            }
        }
    }
}

/// Returns the character that a reference stands for. `held` begins with the ampersand.
fn character(held: &Units) -> Option<char> {
    let mut name = [0; Units::CAPACITY];
    let len = held.bytes(1).zip(&mut name).map(|(byte, slot)| *slot = byte).count();
    match &name[..len] {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        b"nbsp" => Some('\u{a0}'),
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits.iter().copied(), 16)?),
        [b'#', digits @ ..] => char::from_u32(number(digits.iter().copied(), 10)?),
        _ => None,
    }
}
