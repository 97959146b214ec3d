//! The errors in the log: counts them, and moves between them.
//!
//! The server recognises the level of each line. When a failed job is opened, the first error of its failed step is
//! shown, because the cause of a failure is rarely in the last lines.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{Event, Payload, SearchPage, StepPayload, StepStatus};

use super::finder::{FindDirection, Finder};
use super::line::LineKey;
use super::screen::{Screen, search_path};
use super::search::Findings;
use super::totals::Totals;
use crate::rest;
use crate::ui::Icon;
use crate::words;

/// The size of a log, in bytes, up to which errors are counted when the page is opened. Counting them in a larger log
/// takes noticeable CPU time on the server, so it begins when the reader moves to an error.
const COUNTED_BYTES: i64 = 50_000_000;

/// The interval at which new output of a running job is searched. Every open page of the job sends these requests.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// The errors of the log as signals. Copies of an `Errors` share the same state.
#[derive(Clone, Copy)]
pub struct Errors {
    finder: Finder,
    has_begun: RwSignal<bool>,
}

impl Errors {
    /// Creates the state before errors are counted.
    pub fn new(screen: Screen) -> Self {
        Self { finder: Finder::new(screen, COUNT_EVERY), has_begun: RwSignal::new(false) }
    }

    /// Counts the errors, unless the log is large.
    pub fn begin(self) {
        if self.finder.screen().totals.with_untracked(Totals::bytes) <= COUNTED_BYTES {
            self.search(None);
        }
    }

    /// Moves to the next error in a direction.
    pub fn go(self, direction: FindDirection) {
        if self.has_begun.get_untracked() {
            self.finder.go(direction);
        } else {
            self.search(self.finder.screen().current());
        }
    }

    /// Shows the first error of the step because of which the job has failed. If the step printed no errors, the end of
    /// the log stays in view.
    pub fn show_first_of_failed_step(self) {
        let screen = self.finder.screen();
        let Some((attempt, step)) = screen.lifecycle_events(failed_step) else { return };
        let step = String::from(js_sys::encode_uri_component(&step));
        let path = search_path(screen.job(), attempt, &format!("level=error&stepId={step}&limit=1"));
        spawn_local(async move {
            // If the request fails, the end of the log stays in view.
            let Ok(page) = rest::get::<SearchPage>(&path).await else { return };
            if let (Some(number), Some(true)) = (page.lines.first(), screen.follows.try_get_untracked()) {
                screen.show_match(LineKey { attempt, number: *number });
            }
        });
    }

    fn search(self, from: Option<LineKey>) {
        self.has_begun.set(true);
        self.finder.search(Some("level=error".to_owned()), from, Duration::ZERO);
    }

    fn total(self) -> i64 {
        self.finder.findings.with(Findings::total)
    }
}

/// Returns the attempt and the id of the last failed step.
fn failed_step(lifecycle_events: &[Event]) -> Option<(i32, String)> {
    let failed = |event: &Event| match &event.payload {
        Payload::Step(StepPayload { status: StepStatus::Failed | StepStatus::TimedOut, attempt, step_id, .. }) => {
            Some((*attempt, step_id.clone()))
        }
        _ => None,
    };
    lifecycle_events.iter().rev().find_map(failed)
}

/// The number of errors, with buttons that move between them. Nothing is shown if there are no errors. In a large log,
/// the buttons begin the count.
#[component]
pub fn ErrorButtons(errors: Errors) -> impl IntoView {
    let is_uncounted =
        move || !errors.has_begun.get() && errors.finder.screen().totals.with(|totals| totals.bytes() > COUNTED_BYTES);
    let label = move || match errors.finder.rank() {
        _ if is_uncounted() => "Errors".to_owned(),
        Some(rank) => format!("{} of {}", words::count(rank), words::plural(errors.total(), "error")),
        None => words::plural(errors.total(), "error"),
    };
    view! {
        <Show when=move || { errors.total() > 0 || is_uncounted() }>
            <div class="segments live-errors" role="group" aria-label="Errors">
                <button
                    aria-label="Previous error"
                    title="Previous error (E)"
                    data-testid="error-previous"
                    on:click=move |_| errors.go(FindDirection::Previous)
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
                    on:click=move |_| errors.go(FindDirection::Next)
                >
                    <Icon name="chevron" />
                </button>
            </div>
        </Show>
    }
    .into_any()
}
