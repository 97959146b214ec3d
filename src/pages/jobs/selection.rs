//! The jobs that the user has selected in the list, to view them side by side.

use leptos::prelude::*;
use leptos_router::components::A;
use model::JobId;

use crate::live_output::logs::MAX_LOGS;
use crate::pages::several;
use crate::words;

/// The selected jobs, in the order of their selection. Copies of a `Selection` share the same state.
#[derive(Clone, Copy)]
pub(super) struct Selection(RwSignal<Vec<JobId>>);

impl Selection {
    /// Creates an empty selection.
    pub fn new() -> Self {
        Self(RwSignal::default())
    }

    /// Returns whether a job is selected.
    pub fn holds(self, job: JobId) -> bool {
        self.0.with(|jobs| jobs.contains(&job))
    }

    /// Returns whether no further job can be selected.
    pub fn is_full(self) -> bool {
        self.0.with(|jobs| jobs.len() >= MAX_LOGS)
    }

    /// Returns whether there are several jobs to view side by side.
    pub fn is_viewable(self) -> bool {
        self.0.with(|jobs| jobs.len() > 1)
    }

    /// Selects a job, or removes it from the selection.
    pub fn toggle(self, job: JobId) {
        self.0.update(|jobs| {
            let count = jobs.len();
            jobs.retain(|selected| *selected != job);
            if jobs.len() == count {
                jobs.push(job);
            }
        });
    }
}

/// The bar that appears while jobs are selected.
#[component]
pub(super) fn SelectionBar(selection: Selection) -> impl IntoView {
    let jobs = selection.0;
    let text = move || {
        let count = jobs.with(Vec::len);
        let hint = match count {
            1 => ". Select another one to view them side by side.",
            MAX_LOGS => ", the maximum",
            _ => "",
        };
        format!("{} selected{hint}", words::plural(i64::try_from(count).unwrap_or(i64::MAX), "job"))
    };
    view! {
        <Show when=move || jobs.with(|jobs| !jobs.is_empty())>
            <div class="selection" role="group" aria-label="Selected jobs" data-testid="selection">
                <span role="status">{text}</span>
                <span class="push"></span>
                <Show when=move || selection.is_viewable()>
                    <A
                        href=move || jobs.with(|jobs| several::address(jobs))
                        attr:class="button primary"
                        attr:data-testid="view-selected"
                    >
                        "View side by side"
                    </A>
                </Show>
                <button type="button" class="button" on:click=move |_| jobs.set(Vec::new())>
                    "Clear"
                </button>
            </div>
        </Show>
    }
    .into_any()
}
