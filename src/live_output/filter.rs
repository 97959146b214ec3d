//! The filters that select the rows of the log.

use model::{Event, JobId, Level, Payload, Seq, StepRef, StreamName};

use super::buffer::Buffer;
use super::lifecycle_event;
use super::line::LiveLine;
use super::search::Findings;

/// Selects the rows that the list shows. A row has to satisfy all conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// The kind of rows.
    pub kind: OutputFilter,
    /// The attempt that the rows belong to, or `None` for all attempts.
    pub attempt: Option<i32>,
    /// The step that the rows belong to, or `None` for all steps.
    pub step: Option<StepRef>,
    /// The stream that the lines belong to, or `None` for both streams.
    pub stream: Option<StreamName>,
    /// Whether to show only lines that match the search.
    pub only_matches: bool,
    /// If set, only lines that this other job did not print are shown.
    pub unlike: Option<JobId>,
}

impl RowFilter {
    /// Returns whether the filter shows lines but may hide some of them. The server then finds the lines to show.
    #[must_use]
    pub fn selects_lines(self) -> bool {
        self.kind != OutputFilter::Stages && (self.kind == OutputFilter::Warnings || self.is_narrowed())
    }

    /// Returns whether the filter has conditions besides the kind of rows.
    #[must_use]
    pub const fn is_narrowed(self) -> bool {
        self.attempt.is_some() || self.step.is_some() || self.stream.is_some() || self.is_by_text()
    }

    /// Returns whether the filter can show lines of the given attempt.
    #[must_use]
    pub fn takes_attempt(self, attempt: i32) -> bool {
        self.attempt.is_none_or(|chosen| chosen == attempt)
    }

    /// Returns whether the filter depends on the text of lines, which only the server evaluates.
    #[must_use]
    pub const fn is_by_text(self) -> bool {
        self.only_matches || self.unlike.is_some()
    }

    /// Returns whether the selected lines are shown as they were printed, even if other lines have redrawn their rows.
    /// The redrawn rows might not contain the text for which a line was selected.
    #[must_use]
    pub fn shows_lines_as_printed(self) -> bool {
        self.is_by_text() || self.kind == OutputFilter::Warnings
    }

    /// Returns the query with which the server finds the selected lines in an attempt. Returns `None` if the filter
    /// does not select lines, or if its step has not started. `step_id` is the percent-encoded id of the filter's step,
    /// and `search` is the query of the reader's search.
    #[must_use]
    pub fn query(self, step_id: Option<&str>, search: Option<&str>) -> Option<String> {
        if !self.selects_lines() {
            return None;
        }
        let mut parameters = Vec::new();
        if self.kind == OutputFilter::Warnings {
            parameters.push("level=warn,error".to_owned());
        }
        if let Some(step) = self.step {
            parameters.push(format!("stage={}&stepId={}", step.stage.as_str(), step_id?));
        }
        if let Some(stream) = self.stream {
            parameters.push(format!("stream={}", stream.as_str()));
        }
        if self.only_matches {
            parameters.push(search?.to_owned());
        }
        if let Some(job) = self.unlike {
            parameters.push(format!("notIn={job}"));
        }
        if parameters.is_empty() {
            // This parameter is the default. It selects all lines of the attempt, so that the query is not empty.
            parameters.push("continuations=true".to_owned());
        }
        Some(parameters.join("&"))
    }

    /// Returns whether a line meets all conditions except the conditions on its text.
    #[must_use]
    pub fn takes_line(self, line: &LiveLine) -> bool {
        self.kind.takes_line(line)
            && self.takes_attempt(line.key.attempt)
            && self.step.is_none_or(|step| step == line.step)
            && self.stream.is_none_or(|stream| stream == line.stream)
    }

    /// Returns whether the filter shows a lifecycle event or a gap (an event in place of output that was not sent
    /// live). `all` contains all lifecycle events and gaps, including `event`. A filter by stream or by text shows
    /// neither kind, because only lines belong to a stream and have text to match. Gaps are not shown among selected
    /// lines, because the selected lines include those that were not sent live.
    #[must_use]
    pub fn takes_event(self, event: &Event, all: &[Event]) -> bool {
        if !self.is_narrowed() {
            return self.kind.takes_event(event, all);
        }
        let is_of_step = match (&event.payload, self.step) {
            (Payload::Step(step), Some(chosen)) => chosen == step.step(),
            (_, chosen) => chosen.is_none(),
        };
        let is_of_attempt = self.attempt.is_none_or(|chosen| attempt_of(event) == Some(chosen));
        let is_by_line = self.stream.is_some() || self.is_by_text();
        is_of_step && is_of_attempt && !is_by_line && !is_gap(event) && self.kind.takes_event(event, all)
    }
}

/// The kinds of rows that the list can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFilter {
    /// All output, and the lifecycle events that are not routine ([`lifecycle_event::is_routine`]).
    #[default]
    All,
    /// Only lifecycle events.
    Stages,
    /// Only output, including notes about missing output.
    Logs,
    /// Only the lines and lifecycle events that are warnings or errors.
    Warnings,
}

impl OutputFilter {
    /// All filters, in the order of the toolbar.
    pub const ALL: [Self; 4] = [Self::All, Self::Stages, Self::Logs, Self::Warnings];

    /// Returns the name of the filter in the page's URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Stages => "stages",
            Self::Logs => "logs",
            Self::Warnings => "warnings",
        }
    }

    /// Returns whether a line is shown.
    #[must_use]
    pub fn takes_line(self, line: &LiveLine) -> bool {
        match self {
            Self::All | Self::Logs => true,
            Self::Stages => false,
            Self::Warnings => line.level >= Level::Warn,
        }
    }

    /// Returns whether a lifecycle event or a gap is shown. `all` contains all lifecycle events and gaps, including
    /// `event`.
    #[must_use]
    pub fn takes_event(self, event: &Event, all: &[Event]) -> bool {
        match self {
            Self::All => !lifecycle_event::is_routine(event, all),
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
    /// The number of known warnings and errors, among both the lifecycle events and the lines.
    pub warnings: i64,
    /// Whether there may be more warnings, because some lines are not in the buffer and have not been searched.
    pub more_warnings: bool,
    /// The number of rows under the current filter, or `None` if the filter has no conditions besides the kind of rows.
    pub narrowed: Option<i64>,
}

impl Counts {
    /// Counts the rows in the buffer, and adds the known number of lines outside the window. `warnings` are the
    /// warnings and errors that the server has found.
    #[must_use]
    pub fn of(buffer: &Buffer, warnings: &Findings) -> Self {
        let all = buffer.lifecycle_events();
        let events = |filter: OutputFilter| count(all.iter().filter(|event| filter.takes_event(event, all)));
        let is_new = |line: &&LiveLine| line.key >= warnings.end() && OutputFilter::Warnings.takes_line(line);
        let new_warnings = count(buffer.lines().iter().filter(is_new));
        let index_of_end = buffer.totals().index(warnings.end());
        let is_front_known = !buffer.has_earlier() || index_of_end > buffer.lines_before();
        let is_back_known = buffer.lines_after() == 0 || index_of_end >= buffer.totals().lines();
        Self {
            stages: events(OutputFilter::Stages),
            notable: events(OutputFilter::All) - events(OutputFilter::Logs),
            logs: buffer.totals().lines() + events(OutputFilter::Logs),
            warnings: warnings.total() + new_warnings + events(OutputFilter::Warnings),
            more_warnings: !is_front_known || !is_back_known,
            narrowed: None,
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

/// Returns the number of the attempt that a lifecycle event belongs to, or `None` if it belongs to the whole job.
const fn attempt_of(event: &Event) -> Option<i32> {
    match &event.payload {
        Payload::Log(log) => Some(log.attempt),
        Payload::Gap(gap) => Some(gap.attempt),
        Payload::Attempt(attempt) => Some(attempt.attempt),
        Payload::Stage(stage) => Some(stage.attempt),
        Payload::Step(step) => Some(step.attempt),
        Payload::Job(_) | Payload::Artifact(_) | Payload::End(_) | Payload::Other(_) => None,
    }
}

/// Returns whether an event reports output that was not sent live.
#[must_use]
pub const fn is_gap(event: &Event) -> bool {
    matches!(event.payload, Payload::Gap(_))
}

/// Returns the number of lifecycle events that a filter shows and whose `seq` is greater than `after`.
#[must_use]
pub fn count_events(buffer: &Buffer, filter: RowFilter, after: Seq) -> i64 {
    let all = buffer.lifecycle_events();
    count(all.iter().filter(|event| event.seq > after && filter.takes_event(event, all)))
}

fn count<T>(items: impl Iterator<Item = T>) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
