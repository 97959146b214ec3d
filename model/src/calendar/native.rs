//! Formats and parses timestamps with a calendar library.

use jiff::fmt::temporal::DateTimePrinter;

/// Formats a time, given in microseconds since 1970, as RFC 3339 in UTC with six fractional digits. Returns `None` if
/// the time is out of range.
pub fn write(micros: i64) -> Option<String> {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    let time = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(PRINTER.timestamp_to_string(&time))
}

/// Parses an RFC 3339 time into microseconds since 1970, or returns `None` if the text is not such a time. A time
/// without a time zone is interpreted as UTC.
pub fn read(text: &str) -> Option<i64> {
    let utc = || {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    let time = text.parse::<jiff::Timestamp>().ok().or_else(utc)?;
    Some(time.as_microsecond())
}
