//! Timestamps with microsecond precision.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::calendar;

/// A point in time in whole microseconds since 1970-01-01T00:00:00Z.
///
/// A timestamp is sent as an RFC 3339 string in UTC with six fractional digits. The browser parses only this format.
/// The server and the command line also accept other offsets from UTC, and interpret a time without an offset as UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// The error for text that is not an RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2026-01-31T12:00:00.000000Z")]
pub struct ParseTimestampError;

impl Timestamp {
    /// Returns the milliseconds from `earlier` to `self`, or 0 if `earlier` is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        let micros = self.0.saturating_sub(earlier.0);
        if micros > 0 { micros / 1000 } else { 0 }
    }

    /// Returns this time plus `later`.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns this time minus `earlier`.
    #[must_use]
    pub fn before(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(earlier.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&calendar::write(self.0).ok_or(fmt::Error)?)
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        calendar::read(text).map(Self).ok_or(ParseTimestampError)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Timestamp>().map(|time| time.to_string()).as_deref(), Ok(expected));
    }

    #[test]
    fn times_keep_their_microseconds_and_are_formatted_in_utc() {
        check("2026-01-31T12:00:00.000001Z", "2026-01-31T12:00:00.000001Z");
        check("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00.000000Z");
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        check("2026-01-31T12:00:00", "2026-01-31T12:00:00.000000Z");
    }

    #[test]
    fn text_that_is_not_a_time_is_an_error() {
        for text in ["", "12", "yesterday", "2026-13-01T00:00:00Z", "2026-01-31T12:00:00Zx"] {
            assert_eq!(text.parse::<Timestamp>(), Err(ParseTimestampError), "{text}");
        }
    }
}
