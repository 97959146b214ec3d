//! A decoded byte and the raw bytes that it was decoded from.

use super::LONGEST_ESCAPE;

/// A decoded byte, with the range of raw bytes that it was decoded from. If one escape stands for a whole character,
/// all bytes of that character have the range of the escape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) byte: u8,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Unit {
    /// Returns the raw byte at the position `at`.
    #[inline]
    pub(crate) fn raw(byte: u8, at: usize) -> Self {
        Self { byte, start: at, end: at + 1 }
    }

    /// Returns whether the byte was escaped.
    #[inline]
    pub(super) fn is_escaped(self) -> bool {
        self.end - self.start > 1
    }

    /// Returns the unit with at most the last [`LONGEST_ESCAPE`] bytes of its range.
    pub(super) fn bounded(self) -> Self {
        Self { start: self.start.max(self.end.saturating_sub(LONGEST_ESCAPE)), ..self }
    }

    /// Returns a unit with the same range and a different byte.
    pub(crate) fn with(self, byte: u8) -> Self {
        Self { byte, ..self }
    }
}

/// The units of an incomplete escape, which a decoder stores.
#[derive(Clone, Default)]
pub(crate) struct Units {
    units: [Unit; Self::CAPACITY],
    len: usize,
}

impl Units {
    /// The maximum number of units in an escape. The longest escapes are `\U0001F600`, without its backslash, and
    /// `&#1114111;`.
    pub(crate) const CAPACITY: usize = 10;

    #[inline]
    pub(crate) fn as_slice(&self) -> &[Unit] {
        &self.units[..self.len]
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == Self::CAPACITY
    }

    /// Appends `unit`. The caller makes sure that there is capacity.
    pub(crate) fn push(&mut self, unit: Unit) {
        self.units[self.len] = unit;
        self.len += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Removes all units and passes them on.
    pub(crate) fn drain(&mut self, out: &mut impl FnMut(Unit)) {
        for index in 0..self.len {
            out(self.units[index]);
        }
        self.len = 0;
    }

    /// Returns the bytes from the index `from` on.
    pub(crate) fn bytes(&self, from: usize) -> impl Iterator<Item = u8> {
        self.as_slice()[from.min(self.len)..].iter().map(|unit| unit.byte)
    }
}

/// Returns the number that `digits` represent in base `radix`. Returns `None` if there are no digits, if a digit is not
/// valid in that base, or if the number does not fit into a `u32`.
pub(crate) fn number(digits: impl Iterator<Item = u8>, radix: u32) -> Option<u32> {
    let mut digits = digits.peekable();
    digits.peek()?;
    digits.try_fold(0_u32, |number, digit| number.checked_mul(radix)?.checked_add(char::from(digit).to_digit(radix)?))
}
