//! The bar with further filters, and the filter's parameters in the page's URL.

use leptos::prelude::*;
use model::{Event, Payload, Stage, StepRef, StreamName};

use super::address;
use super::filter::{OutputFilter, RowFilter};
use super::logs::{Log, LogRole, Logs};
use super::totals::Totals;
use crate::ui::Icon;
use crate::words;

/// A step that the list can be filtered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepChoice {
    /// The step.
    pub step: StepRef,
    /// The id of the step in the API.
    pub id: String,
    /// The name that is shown.
    pub name: String,
}

impl StepChoice {
    /// Returns whether the steps of two jobs correspond to each other.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.step.stage, &self.id) == (other.step.stage, &other.id)
    }
}

/// Returns the steps that have started, in the order of their first start.
pub fn steps_of(lifecycle_events: &[Event]) -> Vec<StepChoice> {
    let mut steps: Vec<StepChoice> = Vec::new();
    for event in lifecycle_events {
        if let Payload::Step(step) = &event.payload
            && steps.iter().all(|known| known.step != step.step())
        {
            let name = match step.stage {
                Stage::Execute => words::visible(&step.name),
                stage => format!("{}: {}", stage.as_str(), words::visible(&step.name)),
            };
            steps.push(StepChoice { step: step.step(), id: step.step_id.clone(), name });
        }
    }
    steps
}

/// The names of the URL parameters that contain a filter.
const PARAMETERS: [&str; 7] = ["filter", "attempt", "stage", "step", "stream", "only", "unlike"];

/// Returns the filter in the page's URL.
pub fn in_address(log: Log) -> RowFilter {
    let Some(parameters) = address::parameters() else { return RowFilter::default() };
    let get = |name: &str| parameters.get(name).unwrap_or_default();
    let kind = OutputFilter::ALL.into_iter().find(|kind| kind.as_str() == get("filter")).unwrap_or_default();
    let stream = [StreamName::Stdout, StreamName::Stderr].into_iter().find(|stream| stream.as_str() == get("stream"));
    let (stage, id) = (get("stage"), get("step"));
    let is_named = |choice: &StepChoice| choice.id == id && choice.step.stage.as_str() == stage;
    let step = untrack(|| log.steps()).into_iter().find(is_named).map(|choice| choice.step);
    // Attempts of different jobs are unrelated, so the attempt is ignored if the page shows several jobs.
    let attempt = get("attempt").parse().ok().filter(|_| log.screen().role() == LogRole::Only);
    let named = get("unlike").parse().ok();
    let unlike = if log.screen().role() == LogRole::Only { named } else { named.and(untrack(|| log.compared_with())) };
    RowFilter { kind, attempt, step, stream, only_matches: get("only") == "true", unlike }
}

/// Writes the filter of a log to the page's URL. If the page shows several logs, the logs share one filter, which only
/// the first log writes to the URL.
pub fn put_into_address(log: Log, filter: RowFilter) {
    if log.screen().role() == LogRole::Other {
        return;
    }
    let mut values = Vec::new();
    if filter.kind != OutputFilter::All {
        values.push(("filter", filter.kind.as_str().to_owned()));
    }
    if let Some(attempt) = filter.attempt {
        values.push(("attempt", attempt.to_string()));
    }
    let is_chosen = |choice: &StepChoice| Some(choice.step) == filter.step;
    if let Some(choice) = untrack(|| log.steps()).into_iter().find(is_chosen) {
        values.push(("stage", choice.step.stage.as_str().to_owned()));
        values.push(("step", choice.id));
    }
    if let Some(stream) = filter.stream {
        values.push(("stream", stream.as_str().to_owned()));
    }
    if filter.only_matches {
        values.push(("only", "true".to_owned()));
    }
    if let Some(job) = filter.unlike {
        values.push(("unlike", job.to_string()));
    }
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    address::replace_parameters(&PARAMETERS, &values);
}

/// The button that opens the bar. It appears pressed while a filter of the bar is active. On narrow screens, the button
/// is in the menu instead of the toolbar.
#[component]
pub fn FilterBarButton(logs: Logs, is_open: RwSignal<bool>) -> impl IntoView {
    let is_active = move || {
        let filter = logs.filter();
        filter.attempt.is_some() || filter.step.is_some() || filter.stream.is_some() || filter.unlike.is_some()
    };
    view! {
        <button
            class="button needs-scripts"
            data-testid="filter-bar-open"
            aria-label="More filters"
            title="More filters"
            aria-expanded=move || is_open.get().to_string()
            aria-pressed=move || is_active().to_string()
            on:click=move |_| is_open.update(|open| *open = !*open)
        >
            <Icon name="filter" />
            <span class="narrow">"More filters"</span>
        </button>
    }
    .into_any()
}

/// Hides the lines that another job also printed, or shows them again.
pub fn toggle_unlike(logs: Logs) {
    let other = untrack(|| logs.active().compared_with());
    logs.change_filter(|filter| filter.unlike = if filter.unlike.is_some() { None } else { other });
}

/// The field that selects the attempt whose rows are shown. The field is hidden if the job has had only one attempt, or
/// if the page shows several jobs, whose attempts are not related to each other.
#[component]
fn AttemptChoice(logs: Logs) -> impl IntoView {
    let last =
        Memo::new(move |_| logs.only().map_or(1, |log| log.screen().totals.with(Totals::last_attempt).unwrap_or(1)));
    let set = move |event| {
        let attempt = event_target_value(&event).parse().ok();
        logs.change_filter(|filter| filter.attempt = attempt);
    };
    let options = move || {
        let option = |attempt: i32| {
            let is_chosen = move || logs.filter().attempt == Some(attempt);
            view! { <option value=attempt.to_string() selected=is_chosen>{format!("Attempt {attempt}")}</option> }
        };
        (1..=last.get()).map(option).collect_view()
    };
    view! {
        <Show when=move || { last.get() > 1 || logs.filter().attempt.is_some() }>
            <select aria-label="Attempt" data-testid="filter-attempt" on:change=set>
                <option value="" selected=move || logs.filter().attempt.is_none()>"All attempts"</option>
                {options}
            </select>
        </Show>
    }
    .into_any()
}

/// The bar in which the reader chooses an attempt, a step, a stream, and whether to hide the lines that another job
/// also printed.
#[component]
pub fn FilterBar(logs: Logs, is_open: RwSignal<bool>) -> impl IntoView {
    let steps = Memo::new(move |_| logs.common_steps());
    let set_step = move |event| {
        let index = event_target_value(&event).parse::<usize>().ok();
        let step = index.and_then(|index| steps.with_untracked(|steps| steps.get(index).map(|choice| choice.step)));
        logs.change_filter(|filter| filter.step = step);
    };
    let set_stream = move |event| {
        let value = event_target_value(&event);
        let stream = [StreamName::Stdout, StreamName::Stderr].into_iter().find(|stream| stream.as_str() == value);
        logs.change_filter(|filter| filter.stream = stream);
    };
    let options = move || {
        let choices = steps.get().into_iter().enumerate();
        let option = |(index, choice): (usize, StepChoice)| {
            let is_chosen = move || logs.filter().step == Some(choice.step);
            view! { <option value=index.to_string() selected=is_chosen>{choice.name}</option> }
        };
        choices.map(option).collect_view()
    };
    let is = move |stream: Option<StreamName>| move || logs.filter().stream == stream;
    let (new_label, new_title) = match logs.only() {
        Some(_) => (
            "New since last success",
            "Hide lines that the last successful run also printed, ignoring numbers, times and ids (d)",
        ),
        None => ("Differences only", "Hide lines that the other job also printed, ignoring numbers, times and ids (d)"),
    };
    let remove = move |_| {
        logs.change_filter(|filter| {
            *filter = RowFilter { kind: filter.kind, only_matches: filter.only_matches, ..RowFilter::default() };
        });
        is_open.set(false);
    };
    view! {
        <Show when=move || is_open.get()>
            <div class="live-filter-bar" role="group" aria-label="More filters" data-testid="filter-bar">
                <AttemptChoice logs />
                <select aria-label="Step" data-testid="filter-step" on:change=set_step>
                    <option value="" selected=move || logs.filter().step.is_none()>"All steps"</option>
                    {options}
                </select>
                <select aria-label="Stream" data-testid="filter-stream" on:change=set_stream>
                    <option value="" selected=is(None)>"Both streams"</option>
                    <option value="stdout" selected=is(Some(StreamName::Stdout))>"stdout"</option>
                    <option value="stderr" selected=is(Some(StreamName::Stderr))>"stderr"</option>
                </select>
                <Show when=move || logs.active().compared_with().is_some() || logs.filter().unlike.is_some()>
                    <button
                        class="button"
                        data-testid="filter-new"
                        aria-pressed=move || logs.filter().unlike.is_some().to_string()
                        title=new_title
                        on:click=move |_| toggle_unlike(logs)
                    >
                        {new_label}
                    </button>
                </Show>
                <span class="push"></span>
                <button class="toggle" title="Clear these filters" aria-label="Clear these filters" on:click=remove>
                    <Icon name="remove" />
                </button>
            </div>
        </Show>
    }
    .into_any()
}
