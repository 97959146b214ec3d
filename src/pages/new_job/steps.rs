//! The fields for the job's commands. If there are several, each can have a name.

use leptos::prelude::*;

use super::draft::{Draft, Step};
use super::field::{Problem, Problems, TextArea};
use crate::job_form::{EACH_ITS_OWN, Original, kept_of_step};
use crate::ui::Icon;

/// The fields of all commands, with a button for adding one.
#[component]
pub fn Steps(draft: Draft, original: StoredValue<Option<Original>>, problems: Problems) -> impl IntoView {
    let several = move || draft.steps.read().len() > 1;
    view! {
        <fieldset class="steps-form">
            <legend>{move || if several() { "Steps" } else { "Command" }}</legend>
            <For each=move || draft.steps.get() key=|step| step.id let(step)>
                <StepView draft original problems step />
            </For>
            <button type="button" class="button needs-scripts" data-testid="add-step" on:click=move |_| draft.add_step()>
                <Icon name="plus" />
                "Add a step"
            </button>
        </fieldset>
    }
    .into_any()
}

#[component]
fn StepView(draft: Draft, original: StoredValue<Option<Original>>, problems: Problems, step: Step) -> impl IntoView {
    let several = move || draft.steps.read().len() > 1;
    let position = move || draft.steps.read().iter().position(|other| other.id == step.id).unwrap_or(0);
    let label = move || if several() { format!("Command of step {}", position() + 1) } else { "Command".to_owned() };
    let problem = problems.of(Signal::derive(move || format!("payload.steps[{}].run", position())));
    let error = format!("step-{}-error", step.id);
    view! {
        <div class="step-form" data-testid="step-form">
            <Show when=move || several() || step.has_name()>
                <StepHead draft problems step position=Signal::derive(position) />
            </Show>
            <TextArea
                value=step.run
                attr:class="field code"
                attr:name="run"
                attr:data-testid="field-command"
                attr:aria-label=label
                attr:aria-describedby=error.clone()
                attr:aria-invalid=move || problem.is_invalid()
                attr:placeholder="cargo build --release"
            />
            <Problem of=problem id=error />
            {move || kept(draft, original, step).map(|kept| view! { <p class="hint" data-testid="kept-of-step">{kept}</p> })}
        </div>
    }
    .into_any()
}

#[component]
fn StepHead(draft: Draft, problems: Problems, step: Step, position: Signal<usize>) -> impl IntoView {
    let problem = problems.of(Signal::derive(move || format!("payload.steps[{}].name", position.get())));
    let error = format!("step-{}-name-error", step.id);
    let number = move || position.get() + 1;
    view! {
        <div class="step-head">
            <input
                class="field"
                name="name"
                data-testid="field-name"
                placeholder=move || format!("Step {}", number())
                aria-label=move || format!("Name of step {}", number())
                aria-describedby=error.clone()
                aria-invalid=move || problem.is_invalid()
                maxlength="200"
                value=step.name.get_untracked()
                bind:value=step.name
            />
            <Show when=move || { draft.steps.read().len() > 1 }>
                <button
                    type="button"
                    class="button quiet needs-scripts"
                    aria-label=move || format!("Remove step {}", number())
                    on:click=move |_| draft.remove_step(step.id)
                >
                    <Icon name="remove" />
                </button>
            </Show>
        </div>
        <Problem of=problem id=error />
    }
    .into_any()
}

/// Returns a description of the step's settings that are kept from the original job but not shown in the form, or
/// `None` if there are none.
fn kept(draft: Draft, original: StoredValue<Option<Original>>, step: Step) -> Option<String> {
    let shell = draft.shell.get();
    let shown_shell = (shell != EACH_ITS_OWN).then_some(shell.as_str());
    let kept = original
        .with_value(|original| original.as_ref()?.step(step.origin?).map(|step| kept_of_step(step, shown_shell)))?;
    (!kept.is_empty()).then(|| format!("Unchanged from the original: {}", kept.join(" \u{b7} ")))
}
