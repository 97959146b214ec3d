//! Formats numbers, times and statuses consistently on all pages.
//!
//! All functions are pure and use only integers, because formatting floating-point numbers would add 20 kB to the WASM
//! module.

use model::{ConcurrencyWait, JobPhase, JobStatus, Pause, PauseTarget, StepStatus, Timestamp, WorkerStatus};

/// Formats a number with thousands separators: `12,345`.
#[must_use]
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number with its noun in the singular or plural: `1 line`, `12,345 lines`.
#[must_use]
pub fn plural(number: i64, one: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {one}{end}", count(number))
}

/// Returns an error message of the search API as the beginning of a sentence, without the name of the query parameter.
#[must_use]
pub fn sentence(message: &str) -> String {
    let message = ["q: ", "notIn: "].iter().find_map(|name| message.strip_prefix(name)).unwrap_or(message);
    let mut characters = message.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

/// Makes text that somebody else has chosen, such as a title or a name, safe to display: characters that are invisible
/// or change the direction of text are replaced by visible ones (`<U+202E>`), so that the text cannot be mistaken for
/// other text.
#[must_use]
pub fn visible(text: &str) -> String {
    model::ansi::plain_text(text).into_owned()
}

/// Returns sentences that state when the output of a job was removed, in UTC.
#[must_use]
pub fn output_removed(at: Timestamp) -> String {
    format!(
        "The output and the artifacts were removed on {} UTC, because the server keeps them for a limited time.",
        date_time(at, 0)
    )
}

/// Returns a sentence that describes a pause: its target, its beginning in UTC, the user and the reason.
#[must_use]
pub fn paused(pause: &Pause) -> String {
    let what = match &pause.target {
        PauseTarget::Queue => "The queue has".to_owned(),
        PauseTarget::Type(kind) => format!("Jobs of the type {} have", visible(kind)),
        PauseTarget::Worker(id) => {
            format!("The worker {} has", pause.worker_name.as_deref().map_or_else(|| id.to_string(), visible))
        }
    };
    let (since, by) = (date_time(pause.paused_at, 0), visible(&pause.paused_by_user_id));
    let reason = pause.reason.as_deref().map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
    format!("{what} been paused since {since} UTC by {by}{reason}")
}

/// Describes which jobs a job waits for because of its concurrency key.
#[must_use]
pub fn waits_for_key(wait: &ConcurrencyWait) -> String {
    let which = if wait.running == 1 {
        "another job".to_owned()
    } else {
        format!("one of {}", plural(wait.running, "running job"))
    };
    format!("Waiting for {which} with the concurrency key {}", visible(&wait.key))
}

/// Returns the label of a worker's status.
#[must_use]
pub const fn worker_status(status: WorkerStatus) -> &'static str {
    match status {
        WorkerStatus::Active => "Active",
        WorkerStatus::Draining => "Draining",
        WorkerStatus::Paused => "Paused",
        WorkerStatus::Offline => "Offline",
    }
}

/// Formats a size in bytes: `84 kB`, `1.2 MB`.
#[must_use]
pub fn bytes(size: i64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut whole, mut tenths, mut unit) = (size.max(0), 0, 0);
    while whole >= 1000 && unit + 1 < UNITS.len() {
        tenths = whole % 1000 / 100;
        whole /= 1000;
        unit += 1;
    }
    if unit > 0 && whole < 10 {
        format!("{whole}.{tenths} {}", UNITS[unit])
    } else {
        format!("{whole} {}", UNITS[unit])
    }
}

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

/// Formats a time of day, with milliseconds, for a time zone that is `ahead_minutes` ahead of UTC: `14:02:11.123`.
#[must_use]
pub fn time_of_day(at: Timestamp, ahead_minutes: i64) -> String {
    let text = Timestamp(at.0.saturating_add(ahead_minutes.saturating_mul(60_000_000))).to_string();
    let (_, time) = text.split_once('T').unwrap_or_default();
    time.get(..12).unwrap_or_default().to_owned()
}

/// The note for a secret whose stored value cannot be decrypted.
pub const UNREADABLE_SECRET: &str = "The stored value cannot be decrypted, so jobs that request the secret fail, and the value is not masked. Replace or remove the secret.";

/// The note for a secret whose value is masked only as a whole word.
pub const NOT_MASKED_EVERYWHERE: &str =
    "The value is so short or so common that it is masked only where it is a whole word. Use a longer value.";

/// Returns the display name of a worker. The embedded worker gets a new name on every start, but there is only one, so
/// it is displayed as `embedded worker`.
#[must_use]
pub fn worker(name: &str) -> &str {
    if name.starts_with("embedded-") { "embedded worker" } else { name }
}

/// Returns a short description of a browser, given its `User-Agent` header: `Firefox on Linux`.
#[must_use]
pub fn browser(user_agent: &str) -> String {
    /// The parts of the header by which browsers and systems are recognised. Most browsers also send the names of their
    /// predecessors, so the order matters.
    const BROWSERS: [(&str, &str); 5] =
        [("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"), ("curl", "curl")];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(part, _)| user_agent.contains(part)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

/// Returns the label of a job status.
#[must_use]
pub const fn status(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "Queued",
        JobStatus::Running => "Running",
        JobStatus::Succeeded => "Succeeded",
        JobStatus::Failed => "Failed",
        JobStatus::Cancelled => "Cancelled",
        JobStatus::DeadLetter => "Dead letter",
    }
}

/// Returns a symbol for a job status, for use where icons are not possible, such as in a window's title.
#[must_use]
pub const fn status_sign(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "\u{25cb}",
        JobStatus::Running => "\u{25b6}",
        JobStatus::Succeeded => "\u{2713}",
        JobStatus::Failed => "\u{2717}",
        JobStatus::Cancelled => "\u{2298}",
        JobStatus::DeadLetter => "\u{2620}",
    }
}

/// Returns the label of a step status, for use at the end of a sentence.
#[must_use]
pub const fn step_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Started => "running",
        StepStatus::Succeeded => "succeeded",
        StepStatus::Failed => "failed",
        StepStatus::Cancelled => "cancelled",
        StepStatus::TimedOut => "timed out",
        StepStatus::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_says_what_is_paused_by_whom_and_why() {
        let pause = Pause {
            target: PauseTarget::Queue,
            worker_name: None,
            reason: Some("new disk".to_owned()),
            paused_at: "2026-01-31T14:02:11Z".parse().expect("a time"),
            paused_by_user_id: "ada".to_owned(),
        };
        assert_eq!(paused(&pause), "The queue has been paused since 2026-01-31 14:02:11 UTC by ada: new disk");
        let kind = Pause { target: PauseTarget::Type("build".to_owned()), reason: None, ..pause };
        assert_eq!(paused(&kind), "Jobs of the type build have been paused since 2026-01-31 14:02:11 UTC by ada");
    }

    #[test]
    fn a_job_says_for_which_jobs_it_waits() {
        let wait = |running| ConcurrencyWait { key: "deploy".to_owned(), limit: 1, running };
        assert_eq!(waits_for_key(&wait(1)), "Waits for another job with the concurrency key deploy");
        assert_eq!(waits_for_key(&wait(3)), "Waits for one of 3 running jobs with the concurrency key deploy");
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

    #[test]
    fn browsers_are_described_in_a_few_words() {
        for (user_agent, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.14.1", "curl"),
            ("", "Unknown browser"),
        ] {
            assert_eq!(browser(user_agent), expected, "{user_agent}");
        }
    }

    #[test]
    fn counts_have_thousands_separators() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345")]
        {
            assert_eq!(count(number), text);
        }
        assert_eq!((plural(1, "line"), plural(0, "line")), ("1 line".to_owned(), "0 lines".to_owned()));
    }

    #[test]
    fn sizes_have_two_or_three_digits() {
        for (size, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (84_321, "84 kB"),
            (1_200_000, "1.2 MB"),
            (999_999, "999 kB"),
            (50_000_000_000, "50 GB"),
            (i64::MAX, "9223372 TB"),
        ] {
            assert_eq!(bytes(size), text, "{size}");
        }
    }

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
}
