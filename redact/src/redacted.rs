//! The type of bytes that have passed through the redactor.
//!
//! Arbitrary bytes can become a [`Redacted`] only through the redactor. There are three exceptions, which have their
//! own constructors: literals in the source code, numbers, and bytes that were redacted before they were stored.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// Bytes that have passed through the redactor.
///
/// The content is bytes rather than text, because a program may print anything and a read may end within a character.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted(Vec<u8>);

impl Redacted {
    /// Creates an empty value.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Wraps a literal from the source code, which contains no secret.
    pub fn literal(text: &'static str) -> Self {
        Self(text.into())
    }

    /// Wraps a number as decimal digits, which contain no secret.
    pub fn number(number: i64) -> Self {
        Self(number.to_string().into_bytes())
    }

    /// Wraps bytes that had passed through the redactor before they were stored.
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Wraps the redactor's output.
    pub(crate) fn written(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Converts the value into its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the bytes as text, with invalid UTF-8 replaced by U+FFFD.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Appends the bytes of `other`.
    pub fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Splits at the byte `at`, keeps the bytes before it and returns the rest. Panics if `at` is beyond the end, as
    /// `Vec` does.
    #[must_use = "the bytes that are split off are lost otherwise; use `truncate` to drop them"]
    pub fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }

    /// Drops all but the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }
}

impl Display for Redacted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.to_text().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_utf_8_is_kept_as_bytes_and_displayed_as_replacement_characters() {
        let redacted = Redacted::from_stored(b"caf\xc3".to_vec());
        assert_eq!(redacted.as_bytes(), b"caf\xc3");
        assert_eq!(format!("{redacted:>6}"), "  caf\u{fffd}");
    }

    #[test]
    fn rejoined_parts_equal_the_whole() {
        let mut head = Redacted::literal("one two");
        let tail = head.split_off(3);
        assert_eq!((head.as_bytes(), tail.as_bytes()), (&b"one"[..], &b" two"[..]));
        head.append(&tail);
        assert_eq!(head, Redacted::literal("one two"));
        head.truncate(0);
        assert!(head.is_empty());
        assert_eq!(head, Redacted::new());
    }
}
