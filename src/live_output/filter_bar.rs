//! The bar with further filters, and the filter's parameters in the page's address.

use leptos::prelude::*;
use model::{Event, JobId, Payload, Stage, StepRef, StreamName};

use super::address;
use super::filter::{OutputFilter, RowFilter};
use super::screen::Screen;
use crate::ui::Icon;

/// A step that the list can be filtered by.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StepChoice {
    step: StepRef,
    id: String,
    name: String,
}

/// Returns the steps that have started, in the order of their first start.
fn steps_of(lifecycle_events: &[Event]) -> Vec<StepChoice> {
    let mut steps: Vec<StepChoice> = Vec::new();
    for event in lifecycle_events {
        if let Payload::Step(step) = &event.payload
            && steps.iter().all(|known| known.step != step.step())
        {
            let name = match step.stage {
                Stage::Execute => step.name.clone(),
                stage => format!("{}: {}", stage.as_str(), step.name),
            };
            steps.push(StepChoice { step: step.step(), id: step.step_id.clone(), name });
        }
    }
    steps
}

/// The names of the parameters that a filter is stored in.
const PARAMETERS: [&str; 6] = ["filter", "stage", "step", "stream", "only", "unlike"];

/// Returns the filter in the page's address.
pub fn in_address(screen: Screen) -> RowFilter {
    let Some(parameters) = address::parameters() else { return RowFilter::default() };
    let get = |name: &str| parameters.get(name).unwrap_or_default();
    let kind = OutputFilter::ALL.into_iter().find(|kind| kind.as_str() == get("filter")).unwrap_or_default();
    let stream = [StreamName::Stdout, StreamName::Stderr].into_iter().find(|stream| stream.as_str() == get("stream"));
    let (stage, id) = (get("stage"), get("step"));
    let is_named = |choice: &StepChoice| choice.id == id && choice.step.stage.as_str() == stage;
    let step = screen.lifecycle_events(|events| steps_of(events).into_iter().find(is_named)).map(|choice| choice.step);
    RowFilter { kind, step, stream, only_matches: get("only") == "true", unlike: get("unlike").parse().ok() }
}

/// Puts a filter into the page's address.
pub fn put_into_address(screen: Screen, filter: RowFilter) {
    let mut values = Vec::new();
    if filter.kind != OutputFilter::All {
        values.push(("filter", filter.kind.as_str().to_owned()));
    }
    let is_chosen = |choice: &StepChoice| Some(choice.step) == filter.step;
    if let Some(choice) = screen.lifecycle_events(|events| steps_of(events).into_iter().find(is_chosen)) {
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

/// The button that shows the bar. It appears pressed while any of these filters is active. On narrow screens, the
/// one in the menu is shown instead of the one in the toolbar.
#[component]
pub fn FilterBarButton(screen: Screen, is_open: RwSignal<bool>) -> impl IntoView {
    let is_active = move || {
        let filter = screen.filter.get();
        filter.step.is_some() || filter.stream.is_some() || filter.unlike.is_some()
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

/// Shows only the lines that a job did not print, or all lines again.
pub fn toggle_unlike(screen: Screen, last_success: Option<JobId>) {
    let filter = screen.filter.get_untracked();
    let unlike = if filter.unlike.is_some() { None } else { last_success };
    screen.set_filter(RowFilter { unlike, ..filter });
}

/// The bar in which the reader chooses a step and a stream, and whether only new lines are shown.
#[component]
pub fn FilterBar(
    screen: Screen,
    is_open: RwSignal<bool>,
    lifecycle_events: Signal<Vec<Event>>,
    /// The latest successful job that is comparable with this one.
    last_success: Signal<Option<JobId>>,
) -> impl IntoView {
    let steps = Memo::new(move |_| lifecycle_events.with(|events| steps_of(events)));
    let set_step = move |event| {
        let index = event_target_value(&event).parse::<usize>().ok();
        let step = index.and_then(|index| steps.with_untracked(|steps| steps.get(index).map(|choice| choice.step)));
        screen.set_filter(RowFilter { step, ..screen.filter.get_untracked() });
    };
    let set_stream = move |event| {
        let value = event_target_value(&event);
        let stream = [StreamName::Stdout, StreamName::Stderr].into_iter().find(|stream| stream.as_str() == value);
        screen.set_filter(RowFilter { stream, ..screen.filter.get_untracked() });
    };
    let options = move || {
        let choices = steps.get().into_iter().enumerate();
        let option = |(index, choice): (usize, StepChoice)| {
            let is_chosen = move || screen.filter.get().step == Some(choice.step);
            view! { <option value=index.to_string() selected=is_chosen>{choice.name}</option> }
        };
        choices.map(option).collect_view()
    };
    let is = move |stream: Option<StreamName>| move || screen.filter.get().stream == stream;
    let remove = move |_| {
        screen.set_filter(RowFilter { step: None, stream: None, unlike: None, ..screen.filter.get_untracked() });
        is_open.set(false);
    };
    view! {
        <Show when=move || is_open.get()>
            <div class="live-filter-bar" role="group" aria-label="More filters" data-testid="filter-bar">
                <select aria-label="Step" data-testid="filter-step" on:change=set_step>
                    <option value="" selected=move || screen.filter.get().step.is_none()>"All steps"</option>
                    {options}
                </select>
                <select aria-label="Stream" data-testid="filter-stream" on:change=set_stream>
                    <option value="" selected=is(None)>"Both streams"</option>
                    <option value="stdout" selected=is(Some(StreamName::Stdout))>"stdout"</option>
                    <option value="stderr" selected=is(Some(StreamName::Stderr))>"stderr"</option>
                </select>
                <Show when=move || last_success.get().is_some() || screen.filter.get().unlike.is_some()>
                    <button
                        class="button"
                        data-testid="filter-new"
                        aria-pressed=move || screen.filter.get().unlike.is_some().to_string()
                        title="Hide lines that the last successful run also printed, apart from numbers (d)"
                        on:click=move |_| toggle_unlike(screen, last_success.get_untracked())
                    >
                        "New lines only"
                    </button>
                </Show>
                <span class="push"></span>
                <button class="toggle" title="Remove this filter" aria-label="Remove this filter" on:click=remove>
                    <Icon name="remove" />
                </button>
            </div>
        </Show>
    }
    .into_any()
}
