//! Parses byte ranges in requests (RFC 9110, 14).
//!
//! The `http-range-header` crate is not suitable, for three reasons. It rejects a suffix that is longer than the file,
//! although the standard requires the whole file to be sent. It does not distinguish a range outside the file from an
//! invalid range. It accepts the unit only in lower case.

use std::ops::Range;

/// The part of a file that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole file, because no range was requested, or because the requested range is invalid or not supported.
    Whole,
    /// Only these bytes.
    Bytes(Range<u64>),
    /// Nothing, because the requested range is outside the file.
    Nowhere,
}

impl Part {
    /// Parses the value of a `Range` header. Invalid values and lists of ranges are ignored, as the standard permits.
    pub(super) fn parse(value: &str, size: u64) -> Self {
        let range = value.split_once('=').filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
        let Some((first, last)) = range.and_then(|(_, range)| range.trim().split_once('-')) else {
            return Self::Whole;
        };
        let range = match (number(first), number(last)) {
            (Some(first), _) if last.is_empty() => first..size,
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
            (None, Some(count)) if first.is_empty() => size.saturating_sub(count)..size,
            _ => return Self::Whole,
        };
        if range.is_empty() { Self::Nowhere } else { Self::Bytes(range) }
    }
}

/// Parses a decimal number, or returns `None` if `text` is not one. A number that is too large becomes [`u64::MAX`].
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &Part) {
        assert_eq!(Part::parse(value, 10), *expected, "{value}");
    }

    #[test]
    fn first_middle_last_and_suffix_ranges_are_parsed() {
        for (value, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-4", 0..5),
            ("bytes=3-5", 3..6),
            ("bytes=9-9", 9..10),
            ("bytes=4-", 4..10),
            ("bytes=4-99999999999999999999", 4..10),
            ("bytes=-3", 7..10),
            ("bytes=-30", 0..10),
            ("Bytes=3-5", 3..6),
            ("BYTES= 3-5 ", 3..6),
        ] {
            check(value, &Part::Bytes(range));
        }
    }

    #[test]
    fn ranges_outside_the_file_are_nowhere_and_invalid_ones_are_ignored() {
        for value in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999-"] {
            check(value, &Part::Nowhere);
        }
        for value in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-3", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=+1-2"]
        {
            check(value, &Part::Whole);
        }
        assert_eq!(Part::parse("bytes=0-", 0), Part::Nowhere);
    }
}
