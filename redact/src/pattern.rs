//! A sequence of bytes that the automaton searches for: one form of one value.

/// Values shorter than this are masked only as whole tokens, and only in their literal form. If they were masked
/// everywhere, most output would be unreadable.
pub(crate) const SHORT: usize = 6;

/// A prefix of a pattern that contains at least this many bytes of the value is held back, however long the value is.
const TELLING: usize = 8;

/// One form of one value, as it appears in a [view](crate::view).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern {
    pub(crate) bytes: Vec<u8>,
    /// The length of the value, or of the part of the value that this is a form of if that is shorter than [`SHORT`].
    pub(crate) value: usize,
    pub(crate) form: Form,
}

/// How the bytes of a pattern represent the bytes of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// Each byte is a byte of the value.
    Text,
    /// Two digits are a byte of the value.
    Hex,
    /// Two digits and a space are a byte of the value.
    SpacedHex,
    /// Four characters are three bytes of the value.
    Base64,
}

impl Pattern {
    /// Returns whether the pattern is masked only as a whole token.
    pub(crate) fn is_token(&self) -> bool {
        self.value < SHORT
    }

    /// Returns whether the first `length` bytes reveal so much of the value that they must not be shown.
    pub(crate) fn is_telling(&self, length: usize) -> bool {
        let revealed = match self.form {
            Form::Text => length,
            Form::Hex => length / 2,
            Form::SpacedHex => (length + 1) / 3,
            Form::Base64 => length * 3 / 4,
        };
        revealed >= TELLING || 2 * revealed >= self.value || length == self.bytes.len()
    }
}
