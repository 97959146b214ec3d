//! The server's own log, written to standard error as one line of text or JSON per event.
//!
//! The log never contains a token, a secret, a request body, a query string or a requested path. Code that writes to
//! the log must therefore log only ids, route templates and this program's own errors. This module limits the log level
//! of libraries, and omits panic messages that were formatted at run time.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The environment variable that selects the events to log. It contains a level, or directives such as
/// `tailwater_engine::worker=debug`.
const VARIABLE: &str = "TAILWATER_LOG";

/// The text that replaces a panic message that was formatted at run time and may therefore contain secrets.
const OMITTED: &str = "message omitted, because it may contain a secret";

/// The format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable text.
    #[default]
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// Starts the log, which also records panics. A program must call this function exactly once. A library must not call
/// it.
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
    std::panic::set_hook(Box::new(log_panic));
    if let Some(error) = wrong {
        tracing::warn!(error, "{VARIABLE} is invalid; logging at level info");
    }
}

/// Returns the filter directives for `wanted`, the value of [`VARIABLE`]. A level without a target applies to this
/// program. Libraries log at most warnings and errors, because their more detailed levels include network data and SQL
/// statements. However, a directive whose target is a library sets the level of that library.
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

/// Logs a panic in the span in which it occurred.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    // A message of the type `&'static str` is a literal in the source code, so it contains no secrets.
    let text = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or(OMITTED);
    tracing::error!(location, thread = thread.name().unwrap_or_default(), text, "panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_log_only_warnings_unless_a_directive_names_them() {
        let table = [
            ("", "warn,tailwater=info"),
            ("debug", "warn,tailwater=debug"),
            ("trace", "warn,tailwater=trace"),
            ("off", "off,tailwater=off"),
            ("error", "error,tailwater=error"),
            ("debug, hyper=trace", "warn,tailwater=debug,hyper=trace"),
            ("tailwater_engine::worker=debug", "warn,tailwater=info,tailwater_engine::worker=debug"),
        ];
        for (wanted, expected) in table {
            assert_eq!(directives(wanted), expected, "{wanted}");
            assert!(EnvFilter::try_new(expected).is_ok(), "{expected}");
        }
    }
}
