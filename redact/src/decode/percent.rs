//! Decodes percent escapes (RFC 3986): `%2F`, and `%252F` if they were encoded twice.

use super::unit::{Unit, Units, number};

#[derive(Clone, Default)]
pub(super) struct Percent {
    /// The percent sign, which may itself have been encoded, and the first digit if it has been read.
    held: Units,
}

impl Percent {
    #[inline]
    pub(super) fn pending(&self) -> Option<usize> {
        self.held.as_slice().first().map(|unit| unit.start)
    }

    /// Returns whether the last unit is a percent sign, which begins an escape.
    pub(super) fn is_begun(&self) -> bool {
        self.held.as_slice().len() == 1
    }

    #[inline]
    pub(super) fn push(&mut self, unit: Unit, out: &mut impl FnMut(Unit)) {
        if self.held.is_empty() && unit.byte != b'%' {
            return out(unit);
        }
        if self.held.is_empty() || unit.byte.is_ascii_hexdigit() {
            self.held.push(unit);
            return self.decode(out);
        }
        self.finish(out);
        self.push(unit, out);
    }

    pub(super) fn finish(&mut self, out: &mut impl FnMut(Unit)) {
        self.held.drain(out);
    }

    fn decode(&mut self, out: &mut impl FnMut(Unit)) {
        let &[sign, _, last] = self.held.as_slice() else { return };
        let value = number(self.held.bytes(1), 16).and_then(|value| u8::try_from(value).ok());
        let byte = value.expect("two hexadecimal digits are a byte");
        let unit = Unit { byte, start: sign.start, end: last.end };
        self.held.clear();
        if byte == b'%' {
            self.held.push(unit.bounded());
        } else {
            out(unit);
        }
    }
}
