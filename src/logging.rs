//! The server's own log: to standard error, a line an event, as text or as JSON.
//!
//! It never holds a token, a secret, a body, a query or a path as it was asked for. Whoever logs sees to that by logging
//! ids, templates and errors of ours; this module sees to the rest: libraries are quiet, and a panic tells no text
//! that was put together at run time.

use std::any::Any;
use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The variable that says what is logged: a level, or directives such as `tailwater::worker=debug`.
const VARIABLE: &str = "TAILWATER_LOG";

/// Stands for a panic's text when that was put together at run time, and so may hold anything.
const UNTOLD: &str = "its text is left out, because it may hold what is secret";

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line, for programs.
    Json,
}

/// Begins to log, panics included. Call it once, from the program and not from a library.
pub fn start(format: LogFormat) {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let directives = directives(&wanted);
    let filter = EnvFilter::try_new(&directives);
    let wrong = filter.as_ref().err().map(ToString::to_string);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new(self::directives(""))))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).init(),
    }
    std::panic::set_hook(Box::new(tell_panic));
    if let Some(error) = wrong {
        tracing::warn!(error, "{VARIABLE} cannot be read; info is logged");
    }
}

/// Returns the filter's directives for what was asked for: a bare level is meant for us, and libraries stay at warnings at
/// the most, because they tell of packets and statements; one that is named says as much as is asked for.
fn directives(wanted: &str) -> String {
    let mut libraries = LevelFilter::WARN;
    let mut ours = LevelFilter::INFO;
    let mut named = String::new();
    for part in wanted.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if let Ok(level) = part.parse::<LevelFilter>() {
            (ours, libraries) = (level, level.min(LevelFilter::WARN));
        } else {
            named.extend([",", part]);
        }
    }
    format!("{libraries},tailwater={ours}{named}")
}

/// Tells of a panic, in the span in which it happened.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    // What stands in the source is no secret.
    let text = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or(UNTOLD);
    tracing::error!(place, thread = thread.name().unwrap_or_default(), text, "panicked");
}

/// Returns what a caught panic said, for who can redact it.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_they_are_named() {
        let table = [
            ("", "warn,tailwater=info"),
            ("debug", "warn,tailwater=debug"),
            ("trace", "warn,tailwater=trace"),
            ("off", "off,tailwater=off"),
            ("error", "error,tailwater=error"),
            ("debug, hyper=trace", "warn,tailwater=debug,hyper=trace"),
            ("tailwater::worker=debug", "warn,tailwater=info,tailwater::worker=debug"),
        ];
        for (wanted, expected) in table {
            assert_eq!(directives(wanted), expected, "{wanted}");
            assert!(EnvFilter::try_new(expected).is_ok(), "{expected}");
        }
    }

    #[test]
    fn a_caught_panic_tells_its_text_to_who_redacts_it() {
        let check = |line: &str| assert!(line.is_empty(), "no such line: {line}");
        let made = std::panic::catch_unwind(|| check("secret-0123456789")).expect_err("it panics");
        let redacted = redact::Redactor::new(["secret-0123456789"]).redact(panic_text(&*made).as_bytes());
        assert_eq!(redacted.to_text(), "no such line: [REDACTED]");
    }
}
