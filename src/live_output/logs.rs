//! The logs that a page shows: the log of one job, or the logs of several jobs side by side.
//!
//! The toolbar, the search and the filters apply to all logs of the page. The keys that scroll, copy or select apply to
//! the active log, which is the log that the reader has used last.

mod finding;

use leptos::prelude::*;
use model::{Event, EventsPage, Job, JobId};
use wasm_bindgen::JsCast;

use super::display;
use super::errors::{Errors, StepErrors};
use super::feed::policy::Connection;
use super::filter::RowFilter;
use super::filter_bar::{self, StepChoice};
use super::filtering::Filtering;
use super::finder::Finder;
use super::follow::Scrolls;
use super::merged::screen::MergedScreen;
use super::screen::Screen;
use super::search_bar::SEARCH_EVERY;
use crate::ui::Now;
use crate::words;

/// The maximum number of logs on a page. With more logs, each would be too narrow to read.
pub const MAX_LOGS: usize = 6;

/// The job whose log is shown, the data for its first paint, and the callbacks that receive its events.
pub struct LogSource {
    /// The job's current state. Its status determines the message that is shown while there is no output.
    pub job: RwSignal<Job>,
    /// All lifecycle events so far, oldest first.
    pub lifecycle_events: RwSignal<Vec<Event>>,
    /// The clock for the displayed durations.
    pub now: Now,
    /// The newest events, oldest first.
    pub tail: EventsPage,
    /// If set, the log is compared with the log of this job, so that lines that both jobs printed can be hidden.
    pub compared_with: Signal<Option<JobId>>,
    /// The errors of each step, which the timeline shows.
    pub step_errors: StepErrors,
    /// The callback that receives new lifecycle events, in order.
    pub on_lifecycle_events: Callback<Vec<Event>>,
    /// The callback that is called when the job may have changed while the page is hidden.
    pub on_hidden_change: Callback<()>,
}

/// The role of a log on its page, which determines what the page's URL contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRole {
    /// The only log of the page. The URL contains its filter and its chosen lines.
    Only,
    /// The first of several logs. The URL contains its filter, which all logs share.
    First,
    /// One of the other logs. The URL contains nothing about it.
    Other,
}

/// A log with its searches. Copies of a `Log` share the same state.
#[derive(Clone, Copy)]
pub struct Log {
    /// The job's current state.
    pub job: RwSignal<Job>,
    /// The state of the connection to the server.
    pub connection: RwSignal<Connection>,
    lifecycle_events: RwSignal<Vec<Event>>,
    compared_with: Signal<Option<JobId>>,
    screen: StoredValue<Screen>,
    matches: StoredValue<Finder>,
    errors: StoredValue<Errors>,
    filtering: StoredValue<Filtering>,
}

impl Log {
    fn new(source: &LogSource, role: LogRole) -> Self {
        let id = source.job.with_untracked(|job| job.id);
        let screen = Screen::new(id, role, source.lifecycle_events.get_untracked(), &source.tail);
        let over = source.tail.terminal && source.tail.next_after >= source.tail.last_seq;
        Self {
            job: source.job,
            connection: RwSignal::new(if over { Connection::Ended } else { Connection::Connecting }),
            lifecycle_events: source.lifecycle_events,
            compared_with: source.compared_with,
            screen: StoredValue::new(screen),
            matches: StoredValue::new(Finder::new(screen, SEARCH_EVERY)),
            errors: StoredValue::new(Errors::new(screen)),
            filtering: StoredValue::new(Filtering::new(screen)),
        }
    }

    /// Returns the panel that shows the log.
    pub fn screen(self) -> Screen {
        self.screen.get_value()
    }

    /// Returns the finder for the reader's search.
    pub fn matches(self) -> Finder {
        self.matches.get_value()
    }

    /// Returns the errors of the log.
    pub fn errors(self) -> Errors {
        self.errors.get_value()
    }

    /// Returns the searches for the lines that the filter selects.
    pub fn filtering(self) -> Filtering {
        self.filtering.get_value()
    }

    /// Returns the job that the log is compared with, or `None` if there is no such job.
    pub fn compared_with(self) -> Option<JobId> {
        self.compared_with.get()
    }

    /// Returns the steps that have started.
    pub fn steps(self) -> Vec<StepChoice> {
        self.lifecycle_events.with(|events| filter_bar::steps_of(events))
    }

    /// Returns the job's title, or `None` if the page shows only one job.
    pub fn name(self) -> Option<String> {
        (self.screen().role() != LogRole::Only).then(|| self.job.with(|job| words::visible(&job.title)))
    }
}

/// The logs of a page, of which there is at least one. Copies of a `Logs` share the same state.
#[derive(Clone, Copy)]
pub struct Logs {
    all: StoredValue<Vec<Log>>,
    active: RwSignal<usize>,
    /// The list that shows the rows of all logs merged by time, or `None` while each log is shown in its own list.
    merged: RwSignal<Option<MergedScreen>>,
}

impl Logs {
    /// Creates the logs from the data that the page was loaded with. There must be at least one source.
    pub fn new(sources: &[LogSource]) -> Self {
        let role = |index: usize| match index {
            0 if sources.len() == 1 => LogRole::Only,
            0 => LogRole::First,
            _ => LogRole::Other,
        };
        let all = sources.iter().enumerate().map(|(index, source)| Log::new(source, role(index))).collect();
        Self { all: StoredValue::new(all), active: RwSignal::new(0), merged: RwSignal::new(None) }
    }

    /// Returns all logs.
    pub fn all(self) -> Vec<Log> {
        self.all.get_value()
    }

    /// Returns all logs, or `None` if the reader has left the page.
    pub fn try_all(self) -> Option<Vec<Log>> {
        self.all.try_get_value()
    }

    /// Shows the rows of all logs in a merged list instead of their own lists.
    pub fn begin_merging(self, list: MergedScreen) {
        self.merged.set(Some(list));
        for log in self.all() {
            log.screen().set_merged(true);
        }
    }

    /// Shows the rows of the logs in their own lists again.
    pub fn end_merging(self) {
        // The reader may have left the page.
        for log in self.try_all().unwrap_or_default() {
            let screen = log.screen();
            screen.set_merged(false);
            display::restore(screen);
            screen.measure();
        }
        let _ = self.merged.try_set(None);
    }

    /// Returns the log if it is the only one, and `None` if there are several.
    pub fn only(self) -> Option<Log> {
        self.all.with_value(|all| if let [log] = all.as_slice() { Some(*log) } else { None })
    }

    /// Returns the log that the reader has used last.
    pub fn active(self) -> Log {
        let index = self.active.get();
        self.all.with_value(|all| all[index])
    }

    /// Returns whether a log is the active log.
    pub fn is_active(self, index: usize) -> bool {
        self.active.get() == index
    }

    /// Returns the index of the active log.
    pub fn active_index(self) -> usize {
        self.active.get_untracked()
    }

    /// Returns whether the list that the reader sees follows its end.
    pub fn follows(self) -> bool {
        match self.merged.get() {
            Some(merged) => merged.follows.get(),
            None => self.active().screen().follows.get(),
        }
    }

    /// Makes a log the active one.
    pub fn activate(self, index: usize) {
        if self.active.get_untracked() != index {
            self.active.set(index);
        }
    }

    /// Returns the filter of the active log.
    pub fn filter(self) -> RowFilter {
        self.active().screen().filter.get()
    }

    /// Changes the filter of the active log, and applies it to all logs. In each other log, the filter refers to the
    /// step with the same stage and id, and to the job with which that log is compared.
    pub fn change_filter(self, change: impl FnOnce(&mut RowFilter)) {
        let active = untrack(|| self.active());
        let mut filter = active.screen().filter.get_untracked();
        change(&mut filter);
        let step = untrack(|| active.steps()).into_iter().find(|choice| Some(choice.step) == filter.step);
        for log in self.all() {
            let is_same = |other: &StepChoice| step.as_ref().is_some_and(|step| other.is_same(step));
            let of_log = || RowFilter {
                step: log.steps().into_iter().find(is_same).map(|choice| choice.step),
                unlike: filter.unlike.and(log.compared_with()),
                ..filter
            };
            log.screen().set_filter(if log.job == active.job { filter } else { untrack(of_log) });
        }
    }

    /// Returns whether the filter was removed to show a line in its context, so that the reader can restore the filter.
    pub fn has_filter_before(self) -> bool {
        self.all().into_iter().any(|log| log.screen().filter_before().is_some())
    }

    /// Restores the filter that was removed to show a line in its context. Returns `false` if there is no such filter.
    pub fn return_to_filter(self) -> bool {
        let before = |log: &Log| untrack(|| log.screen().filter_before());
        let Some((index, filter)) = self.all().iter().enumerate().find_map(|(index, log)| Some((index, before(log)?)))
        else {
            return false;
        };
        // The filter refers to a step of this log.
        self.activate(index);
        self.change_filter(|of_log| *of_log = filter);
        true
    }

    /// Returns the steps that have started in every job.
    pub fn common_steps(self) -> Vec<StepChoice> {
        let mut steps = self.active().steps();
        for log in self.all() {
            let of_log = log.steps();
            steps.retain(|step| of_log.iter().any(|other| other.is_same(step)));
        }
        steps
    }

    /// Toggles the groups of each log: collapses all of them or, if all are already collapsed, expands them.
    pub fn toggle_all_groups(self) {
        for log in self.all() {
            log.screen().toggle_all_groups();
        }
    }

    /// Makes all logs follow their newest lines or, if the active log already does, makes all logs stop following.
    pub fn toggle_follow(self) {
        if let Some(merged) = self.merged.get_untracked() {
            return toggle(merged.follows(), merged);
        }
        let follows = untrack(|| self.active()).screen().follows();
        for log in self.all() {
            toggle(follows, log.screen());
        }
    }

    /// Scrolls to the end of the active log, and follows its newest lines.
    pub fn follow(self) {
        match self.merged.get_untracked() {
            Some(merged) => merged.follow(),
            None => untrack(|| self.active()).screen().follow(),
        }
    }

    /// Scrolls to the start of the active log.
    pub fn go_to_start(self) {
        match self.merged.get_untracked() {
            Some(merged) => merged.go_to_start(),
            None => untrack(|| self.active()).screen().go_to_start(),
        }
    }

    /// Clicks the button of the active log with the given `data-testid`.
    pub fn click(self, test_id: &str) {
        let panel = untrack(|| self.active()).screen().list.scroller.get_untracked();
        let log = panel.and_then(|panel| panel.closest(".live").ok().flatten());
        let selector = format!("[data-testid={test_id}]");
        let merged = document().query_selector(&format!(".merged {selector}")).ok().flatten();
        let button = merged.or_else(|| log.and_then(|log| log.query_selector(&selector).ok().flatten()));
        if let Some(button) = button.and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok()) {
            button.click();
        }
    }
}

fn toggle(follows: bool, list: impl Scrolls) {
    if follows { list.pause() } else { list.follow() }
}
