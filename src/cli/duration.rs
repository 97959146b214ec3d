//! Parses durations on the command line, such as `90` (seconds), `10m` and `1h 30m`, and times, which can be timestamps
//! or ages.

use std::time::Duration;

use engine::clock;
use jiff::SignedDuration;
use model::Timestamp;

/// Parses a duration. A number without a unit means seconds.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    let friendly = || text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    seconds.or_else(friendly).ok_or_else(|| "expected a duration such as 90s, 10m or 1h30m".to_owned())
}

/// Parses a time: a timestamp, or how long ago it was.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago = parse(text)
        .map_err(|_| "expected a timestamp such as 2026-01-31T12:00:00Z, or an age such as 10m".to_owned())?;
    Ok(clock::now().before(ago))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_are_in_seconds() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h 30m", 5400), ("2d", 0)] {
            match seconds {
                0 => assert!(parse(text).is_err(), "{text}"),
                _ => assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}"),
            }
        }
        for text in ["", "m", "-5m", "yesterday", "10 apples"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
