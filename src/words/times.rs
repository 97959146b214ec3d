//! Formats points in time and durations.

use model::{JobPhase, Timestamp};

use super::count;

/// Formats a duration: `480 ms`, `4.1 s`, `01:38`, `2:03:05`.
#[must_use]
pub fn duration(millis: i64) -> String {
    let (seconds, rest) = (millis.max(0) / 1000, millis.max(0) % 1000);
    match seconds {
        0 => format!("{rest} ms"),
        1..=59 => format!("{seconds}.{} s", rest / 100),
        _ => clock(seconds),
    }
}

/// Formats the elapsed time of something that is still running, in whole seconds, so that the display changes at
/// regular intervals: `00:07`.
#[must_use]
pub fn running(millis: i64) -> String {
    clock(millis.max(0) / 1000)
}

/// Formats the time that a job has been running, or the duration of its last attempt. The result is empty while the job
/// is queued.
pub fn run_time(phase: JobPhase, now: impl FnOnce() -> Timestamp) -> String {
    match (phase.millis(now), phase) {
        (Some(millis), JobPhase::Running { .. }) => running(millis),
        (Some(millis), _) => duration(millis),
        (None, _) => String::new(),
    }
}

/// Formats the time between the start of an attempt or a step and one of its lines: `01:12.4`.
#[must_use]
pub fn offset(millis: i64) -> String {
    format!("{}.{}", clock(millis.max(0) / 1000), millis.max(0) % 1000 / 100)
}

fn clock(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

/// Formats the time since something happened: `just now`, `3 min ago`.
#[must_use]
pub fn ago(millis: i64) -> String {
    let minutes = millis.max(0) / 60_000;
    match minutes {
        0 => "just now".to_owned(),
        1..=59 => format!("{minutes} min ago"),
        60..=1439 => format!("{} h ago", minutes / 60),
        _ => format!("{} d ago", minutes / 1440),
    }
}

/// Formats a point in time for a time zone that is `ahead_minutes` ahead of UTC: `2026-01-31 14:02:11`.
#[must_use]
pub fn date_time(at: Timestamp, ahead_minutes: i64) -> String {
    let text = Timestamp(at.0.saturating_add(ahead_minutes.saturating_mul(60_000_000))).to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{date} {}", time.get(..8).unwrap_or_default())
}

/// Formats a time of day, with milliseconds, for a time zone that is `ahead_minutes` ahead of UTC: `14:02:11.123`.
#[must_use]
pub fn time_of_day(at: Timestamp, ahead_minutes: i64) -> String {
    let text = Timestamp(at.0.saturating_add(ahead_minutes.saturating_mul(60_000_000))).to_string();
    let (_, time) = text.split_once('T').unwrap_or_default();
    time.get(..12).unwrap_or_default().to_owned()
}

/// Compares a duration with the usual duration, both in milliseconds: `3.2 times as long as usual`. Returns `None` if
/// the difference is not noteworthy.
#[must_use]
pub fn compared(millis: i64, usual: i64) -> Option<String> {
    /// The smallest difference that is reported, in milliseconds.
    const NOTICED: i64 = 1_000;
    let usual = usual.max(1);
    if millis >= usual + NOTICED && millis * 2 >= usual * 3 {
        let tenths = millis.saturating_mul(10) / usual;
        return Some(match tenths {
            100.. => format!("{} times as long as usual", count(tenths / 10)),
            _ => format!("{}.{} times as long as usual", tenths / 10, tenths % 10),
        });
    }
    (usual >= millis + NOTICED && usual * 2 >= millis.max(1) * 3).then(|| {
        let percent = (millis.max(0) * 100 / usual).max(1);
        format!("{percent}% of the usual time")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_durations_are_more_precise() {
        for (millis, text) in [
            (0, "0 ms"),
            (480, "480 ms"),
            (4130, "4.1 s"),
            (59_999, "59.9 s"),
            (98_000, "01:38"),
            (7_385_000, "2:03:05"),
        ] {
            assert_eq!(duration(millis), text);
        }
        assert_eq!((running(7_900), offset(72_480)), ("00:07".to_owned(), "01:12.4".to_owned()));
    }

    #[test]
    fn times_are_in_the_readers_time_zone() {
        let time: Timestamp = "2026-01-31T23:30:00Z".parse().expect("it is a time");
        assert_eq!(date_time(time, 0), "2026-01-31 23:30:00");
        assert_eq!(date_time(time, 60), "2026-02-01 00:30:00");
        assert_eq!(
            (ago(59_000), ago(180_000), ago(90_000_000)),
            ("just now".into(), "3 min ago".into(), "1 d ago".into())
        );
    }

    #[test]
    fn only_a_noteworthy_difference_from_the_usual_time_is_mentioned() {
        for (millis, usual, expected) in [
            (3_200, 1_000, Some("3.2 times as long as usual")),
            (1_900, 1_000, None),
            (2_000, 1_000, Some("2.0 times as long as usual")),
            (1_001, 0, Some("1,001 times as long as usual")),
            (900, 10, None),
            (65_000, 60_000, None),
            (90_000, 60_000, Some("1.5 times as long as usual")),
            (40_000, 60_000, Some("66% of the usual time")),
            (41_000, 60_000, None),
            (0, 2_000, Some("1% of the usual time")),
            (0, 900, None),
        ] {
            assert_eq!(compared(millis, usual).as_deref(), expected, "{millis} {usual}");
        }
    }
}
