//! Counts the errors in the log, and moves between them.
//!
//! The server recognises the level of each line. An error of several lines, such as a stack trace, is counted once, and
//! the reader moves to its first line. When a failed job is opened, the first error of its failed step is shown,
//! because the cause of a failure is rarely in the last lines.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{Event, Payload, SearchPage, Stage, StepPayload, StepStatus};

use super::finder::{FindDirection, Finder};
use super::line::LineKey;
use super::logs::{Log, Logs};
use super::screen::{Screen, search_path};
use super::search::Findings;
use super::totals::Totals;
use crate::rest;
use crate::ui::Icon;
use crate::words;

/// The search parameters that select each error once, without the lines that continue it.
const FIRST_LINES: &str = "level=error&continuations=false";

/// The size of a log, in bytes, up to which errors and warnings are counted when the page is opened. Counting them in a
/// larger log takes noticeable CPU time on the server. In such a log, the count begins only when the reader moves to an
/// error or uses a filter.
pub(super) const COUNTED_BYTES: i64 = 50_000_000;

/// The interval at which new output of a running job is searched. Every open page of the job sends these requests.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// The errors of each step, which are shown beside Live Output. Copies share the same state.
#[derive(Clone, Copy)]
pub struct StepErrors {
    found: RwSignal<Findings>,
    /// The attempt and the step whose first error the reader wants to see, or `None` if the reader has not requested
    /// any.
    wanted: RwSignal<Option<(i32, Stage, String)>>,
}

impl StepErrors {
    /// Creates the initial state, in which no errors have been counted.
    #[must_use]
    pub fn new() -> Self {
        Self { found: RwSignal::default(), wanted: RwSignal::new(None) }
    }

    /// Returns the number of errors of a step.
    #[must_use]
    pub fn count(self, attempt: i32, stage: Stage, step_id: &str) -> i64 {
        self.found.with(|found| found.of_step(attempt, stage, step_id))
    }

    /// Shows the first error of a step.
    pub fn show_first(self, attempt: i32, stage: Stage, step_id: String) {
        self.wanted.set(Some((attempt, stage, step_id)));
    }
}

/// The errors of a log as signals. Copies of an `Errors` share the same state.
#[derive(Clone, Copy)]
pub struct Errors {
    finder: Finder,
    has_begun: RwSignal<bool>,
}

impl Errors {
    /// Creates the initial state, in which no errors have been counted.
    pub fn new(screen: Screen) -> Self {
        Self { finder: Finder::new(screen, COUNT_EVERY), has_begun: RwSignal::new(false) }
    }

    /// Begins to count the errors, unless the log is large. Keeps the counts in `step_errors` up to date, and shows an
    /// error when `step_errors` requests it.
    pub fn begin(self, step_errors: StepErrors) {
        Effect::new(move || step_errors.found.set(self.finder.findings.get()));
        Effect::new(move || {
            if let Some((attempt, stage, step_id)) = step_errors.wanted.get() {
                self.show_first_of(attempt, stage, step_id);
            }
        });
        if self.finder.screen().totals.with_untracked(Totals::bytes) <= COUNTED_BYTES {
            self.search(None);
        }
    }

    /// Returns the finder that searches the log for errors.
    pub const fn finder(self) -> Finder {
        self.finder
    }

    /// Shows the first error of the step that made the job fail. Has no effect if the step printed no errors, or if the
    /// reader has scrolled in the meantime.
    pub fn show_first_of_failed_step(self) {
        let screen = self.finder.screen();
        let Some((attempt, stage, step_id)) = screen.lifecycle_events(failed_step) else { return };
        spawn_local(async move {
            let found = self.first_of(attempt, stage, &step_id).await;
            let is_at_end = screen.follows.try_get_untracked() == Some(true) && !screen.is_merged();
            if let Some(line) = found.filter(|_| is_at_end) {
                screen.show_line(line);
            }
        });
    }

    fn show_first_of(self, attempt: i32, stage: Stage, step_id: String) {
        spawn_local(async move {
            if let Some(line) = self.first_of(attempt, stage, &step_id).await {
                self.finder.screen().show_line(line);
            }
        });
    }

    /// Returns the first error of a step, or `None` if the step has no errors or the request fails.
    async fn first_of(self, attempt: i32, stage: Stage, step_id: &str) -> Option<LineKey> {
        let query = format!("{FIRST_LINES}&stage={}&stepId={}&limit=1", stage.as_str(), rest::encoded(step_id));
        let page = rest::get::<SearchPage>(&search_path(self.finder.screen().job(), attempt, &query)).await.ok()?;
        Some(LineKey { attempt, number: *page.lines.first()? })
    }

    fn search(self, from: Option<LineKey>) {
        self.has_begun.set(true);
        self.finder.search(Some(FIRST_LINES.to_owned()), from, Duration::ZERO);
    }

    /// Returns whether the log is so large that its errors are counted only on request, and whether the count has not
    /// begun yet.
    fn is_uncounted(self) -> bool {
        !self.has_begun.get() && self.finder.screen().totals.with(Totals::bytes) > COUNTED_BYTES
    }
}

/// Moves to the next error in a direction. If the errors of a large log have not been counted yet, counts them first.
pub fn go(logs: Logs, direction: FindDirection) {
    for (index, log) in logs.all().into_iter().enumerate() {
        let errors = log.errors();
        if untrack(|| errors.is_uncounted()) {
            // In the active log, the first error at or after the current line is shown as soon as it has been found.
            let from = errors.finder.screen().current().filter(|_| logs.active_index() == index);
            errors.search(from);
            if logs.active_index() == index {
                return;
            }
        }
    }
    logs.go(finder_of, direction);
}

fn uncounted(logs: Logs) -> Vec<Errors> {
    logs.all().into_iter().map(Log::errors).filter(|errors| errors.is_uncounted()).collect()
}

fn finder_of(log: Log) -> Finder {
    log.errors().finder()
}

/// Returns the attempt, the stage and the id of the last failed step, or `None` if no step has failed.
fn failed_step(lifecycle_events: &[Event]) -> Option<(i32, Stage, String)> {
    let failed = |event: &Event| match &event.payload {
        Payload::Step(StepPayload {
            status: StepStatus::Failed | StepStatus::TimedOut,
            attempt,
            stage,
            step_id,
            ..
        }) => Some((*attempt, *stage, step_id.clone())),
        _ => None,
    };
    lifecycle_events.iter().rev().find_map(failed)
}

/// Shows the number of errors, with buttons that move between them. Shows nothing if there are no errors. In a large
/// log, clicking a button begins the count.
#[component]
pub fn ErrorButtons(logs: Logs) -> impl IntoView {
    let is_uncounted = move || !uncounted(logs).is_empty();
    let label = move || match logs.rank(finder_of) {
        _ if is_uncounted() => "Errors".to_owned(),
        Some(rank) => format!("{} of {}", words::count(rank), words::plural(logs.total(finder_of), "error")),
        None => words::plural(logs.total(finder_of), "error"),
    };
    view! {
        <Show when=move || { logs.total(finder_of) > 0 || is_uncounted() }>
            <div class="segments live-errors" role="group" aria-label="Errors">
                <button
                    aria-label="Previous error"
                    title="Previous error (E)"
                    data-testid="error-previous"
                    on:click=move |_| go(logs, FindDirection::Previous)
                >
                    <Icon name="up" />
                </button>
                <span data-testid="error-count" role="status">
                    {label}
                </span>
                <button
                    aria-label="Next error"
                    title="Next error (e)"
                    data-testid="error-next"
                    on:click=move |_| go(logs, FindDirection::Next)
                >
                    <Icon name="chevron" />
                </button>
            </div>
        </Show>
    }
    .into_any()
}
