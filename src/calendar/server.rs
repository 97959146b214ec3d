//! Times as text, as the server writes and reads them: by a library that knows the calendar.

use jiff::fmt::temporal::DateTimePrinter;

/// Returns a time in microseconds since 1970 as the wire has it; `None` for one that no calendar has.
pub fn write(micros: i64) -> Option<String> {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    let time = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(PRINTER.timestamp_to_string(&time))
}

/// Reads a time of RFC 3339 in microseconds since 1970; one without a zone is UTC.
pub fn read(text: &str) -> Option<i64> {
    let utc = || {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    let time = text.parse::<jiff::Timestamp>().ok().or_else(utc)?;
    Some(time.as_microsecond())
}
