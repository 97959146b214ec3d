//! Bytes that have passed the redactor, as a type.
//!
//! The type is the promise: there is no way from arbitrary bytes to a [`Redacted`] but through the redactor. Text of our
//! own source code and what was stored before are the two named exceptions.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// Bytes that have passed the redactor.
///
/// They are bytes, not text: a program prints what it likes, and a read may end within a character.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted(Vec<u8>);

impl Redacted {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes a text of the source code, which holds no secret.
    pub fn literal(text: &'static str) -> Self {
        Self(text.into())
    }

    /// Takes a number, as decimal digits: it holds no secret.
    pub fn number(number: i64) -> Self {
        Self(number.to_string().into_bytes())
    }

    /// Takes back what was stored: it passed the redactor before it was.
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Takes what the redactor writes; for the redactor alone.
    pub(crate) fn written(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Adds the bytes of `other` at the end.
    pub fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Splits at the byte `at`, keeps what is before it and returns the rest; panics beyond the end, as `Vec` does.
    #[must_use = "what is split off is gone otherwise; `truncate` says that"]
    pub fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }

    /// Drops everything after the first `len` bytes.
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
    fn what_is_not_utf_8_is_kept_as_bytes_and_shown_as_a_replacement() {
        let redacted = Redacted::from_stored(b"caf\xc3".to_vec());
        assert_eq!(redacted.as_bytes(), b"caf\xc3");
        assert_eq!(format!("{redacted:>6}"), "  caf\u{fffd}");
    }

    #[test]
    fn parts_put_together_again_are_the_whole() {
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
