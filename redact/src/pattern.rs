//! A sequence of bytes that the automaton searches for: one form of one value.

/// Values shorter than this are masked only as whole tokens, and only in their literal form. If they were masked
/// everywhere, most output would be unreadable.
pub(crate) const SHORT: usize = 6;

/// The beginning of a value with at least this many bytes is held back, however long the value is.
pub(crate) const TELLING: usize = 8;

/// One form of one value, as it appears in a [view](crate::view).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern {
    pub(crate) bytes: Vec<u8>,
    /// The length of the shortest prefix that reveals so much of the value that it must not be shown.
    pub(crate) telling: usize,
    /// Whether the pattern is masked only as a whole token.
    pub(crate) is_token: bool,
}

impl Pattern {
    /// Creates the pattern of a literal value.
    pub(crate) fn literal(value: &[u8]) -> Self {
        Self { bytes: value.to_vec(), telling: telling(value.len()), is_token: value.len() < SHORT }
    }
}

/// Returns how many bytes of a value of `len` bytes must not be shown: 8 bytes, or half of the value.
pub(crate) fn telling(len: usize) -> usize {
    TELLING.min(len.div_ceil(2))
}
