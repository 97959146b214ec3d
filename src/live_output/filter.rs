//! The filters that select the rows of the log.

use model::{Event, Level, Payload};

use super::buffer::Buffer;
use super::lifecycle_event;
use super::line::LiveLine;

/// Selects the rows that the list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFilter {
    /// All output, and the lifecycle events that are not routine.
    #[default]
    All,
    /// Only lifecycle events.
    Stages,
    /// Only output, including notes about missing output.
    Logs,
    /// Only lines and lifecycle events whose level is at least a warning.
    Warnings,
}

impl OutputFilter {
    /// All filters, in the order of the toolbar.
    pub const ALL: [Self; 4] = [Self::All, Self::Stages, Self::Logs, Self::Warnings];

    /// Returns whether a line is shown.
    #[must_use]
    pub fn takes_line(self, line: &LiveLine) -> bool {
        match self {
            Self::All | Self::Logs => true,
            Self::Stages => false,
            Self::Warnings => line.level >= Level::Warn,
        }
    }

    /// Returns whether a lifecycle event or a gap is shown.
    #[must_use]
    pub fn takes_event(self, event: &Event) -> bool {
        match self {
            Self::All => !lifecycle_event::is_routine(event),
            Self::Stages => !is_gap(event),
            Self::Logs => is_gap(event),
            Self::Warnings => !is_gap(event) && event.level >= Level::Warn,
        }
    }
}

/// The number of rows that each filter shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of lifecycle events.
    pub stages: i64,
    /// The number of lifecycle events that are not routine.
    pub notable: i64,
    /// The number of lines in the whole log, plus the number of gaps.
    pub logs: i64,
    /// The number of warnings and errors among the lifecycle events and the buffered lines.
    pub warnings: i64,
    /// Whether there are lines outside the window, which may contain more warnings.
    pub more_warnings: bool,
}

impl Counts {
    /// Counts the rows in the buffer, and adds the known number of lines outside the window.
    #[must_use]
    pub fn of(buffer: &Buffer) -> Self {
        let events =
            |filter: OutputFilter| count(buffer.lifecycle_events().iter().filter(|event| filter.takes_event(event)));
        let warnings = count(buffer.lines().iter().filter(|line| OutputFilter::Warnings.takes_line(line)));
        Self {
            stages: events(OutputFilter::Stages),
            notable: events(OutputFilter::All) - events(OutputFilter::Logs),
            logs: buffer.totals().lines() + events(OutputFilter::Logs),
            warnings: warnings + events(OutputFilter::Warnings),
            more_warnings: buffer.has_earlier() || buffer.lines_after() > 0,
        }
    }

    /// Returns the number of rows that a filter shows.
    #[must_use]
    pub const fn get(self, filter: OutputFilter) -> i64 {
        match filter {
            OutputFilter::All => self.notable + self.logs,
            OutputFilter::Stages => self.stages,
            OutputFilter::Logs => self.logs,
            OutputFilter::Warnings => self.warnings,
        }
    }
}

/// Returns whether an event reports output that was not sent live.
#[must_use]
pub const fn is_gap(event: &Event) -> bool {
    matches!(event.payload, Payload::Gap(_))
}

fn count<T>(items: impl Iterator<Item = T>) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
