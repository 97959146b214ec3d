//! A sequence of bytes that the automaton searches for: one form of one value.

/// Values shorter than this are masked only as whole tokens, and only in their literal form. If they were masked
/// everywhere, most output would be unreadable.
pub(crate) const SHORT: usize = 6;

/// Values that are common words, in lower case. They are masked only as whole tokens, like short values.
const COMMON: [&str; 28] = [
    "access",
    "admin1",
    "admin123",
    "backup",
    "changeme",
    "client",
    "config",
    "default",
    "docker",
    "example",
    "google",
    "letmein",
    "localhost",
    "master",
    "nothing",
    "passwd",
    "password",
    "postgres",
    "private",
    "production",
    "public",
    "qwerty",
    "secret",
    "server",
    "staging",
    "testing",
    "username",
    "welcome",
];

/// The maximum length of a common word. It is limited because [`Lengths`](crate::tail::Lengths) stores the lengths of
/// short values as a set of 16 bits.
#[cfg(test)]
const LONGEST_COMMON: usize = 15;

/// Returns whether a value is so short or so common that it is masked only as a whole token.
pub(crate) fn is_weak(value: &[u8]) -> bool {
    value.len() < SHORT || COMMON.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(value))
}

/// If a prefix of a value has at least this many bytes, it must not be shown at a pause or at the end of a stream,
/// however long the value is.
pub(crate) const TELLING: usize = 8;

/// One form of one value, as it appears in a [view](crate::view).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern {
    pub(crate) bytes: Vec<u8>,
    /// Whether the pattern is masked only as a whole token.
    pub(crate) is_token: bool,
    /// The length of the shortest prefix that reveals so much of the value that it must not be shown.
    pub(crate) telling: usize,
}

impl Pattern {
    /// Creates the pattern of a literal value.
    pub(crate) fn literal(value: &[u8]) -> Self {
        Self { bytes: value.to_vec(), telling: telling(value.len()), is_token: is_weak(value) }
    }
}

/// Returns the length of the shortest prefix of a value of `len` bytes that must not be shown: 8 bytes or half of the
/// value, whichever is less.
pub(crate) fn telling(len: usize) -> usize {
    TELLING.min(len.div_ceil(2))
}

/// Returns the smallest number of bits of a value of `len` bytes that must not be shown together: the bits of 8 bytes
/// or of half of the value, whichever is less. If `len` is odd, this is less than the number of bits of [`telling`]
/// bytes, because half a byte is not rounded up.
pub(crate) fn telling_bits(len: usize) -> usize {
    (8 * TELLING).min(4 * len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_sorted_and_fit_into_the_set_of_lengths() {
        assert!(COMMON.is_sorted());
        for word in COMMON {
            assert!((SHORT..=LONGEST_COMMON).contains(&word.len()), "{word}");
        }
    }
}
