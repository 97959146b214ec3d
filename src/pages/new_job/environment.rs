//! The fields for environment variables. A hint is shown below variables with secret values.

use leptos::prelude::*;

use super::draft::{Draft, Variable};
use super::field::{FieldProblem, Problem, Problems, TextArea};
use crate::job_form::MASK;
use crate::ui::Icon;

/// The id of the `datalist` element that suggests the variable names used most recently.
const KNOWN_NAMES: &str = "known-names";

/// The fields of all environment variables, with a button for adding one.
#[component]
pub fn Environment(draft: Draft, known_names: Signal<Vec<String>>, problems: Problems) -> impl IntoView {
    // Variables can be added only with scripts, so an empty list is hidden without scripts.
    let is_empty = draft.env.with_untracked(Vec::is_empty);
    view! {
        <fieldset class="env-form" class:needs-scripts=is_empty>
            <legend>"Environment" <small>"optional"</small></legend>
            <For each=move || draft.env.get() key=|variable| variable.id let(variable)>
                <VariableRow draft problems variable />
            </For>
            <datalist id=KNOWN_NAMES>
                {move || known_names.get().into_iter().map(|name| view! { <option value=name></option> }).collect_view()}
            </datalist>
            <button type="button" class="button needs-scripts" data-testid="add-variable" on:click=move |_| draft.add_variable()>
                <Icon name="plus" />
                "Add a variable"
            </button>
        </fieldset>
    }
    .into_any()
}

#[component]
fn VariableRow(draft: Draft, problems: Problems, variable: Variable) -> impl IntoView {
    let problem = problems.of(Signal::derive(move || variable.field()));
    let error = format!("variable-{}-error", variable.id);
    let label_of = move |without_name: &str, with_name: &str| {
        let name = variable.name.get();
        if name.trim().is_empty() { without_name.to_owned() } else { format!("{with_name} {}", name.trim()) }
    };
    view! {
        <div class="variable">
            <input
                class="field code"
                name="envName"
                data-testid="field-env-name"
                aria-label="Name of the variable"
                placeholder="NAME"
                list=KNOWN_NAMES
                spellcheck="false"
                autocapitalize="off"
                aria-describedby=error.clone()
                aria-invalid=move || problem.is_invalid()
                value=variable.name.get_untracked()
                bind:value=variable.name
            />
            {value_view(variable, problem, error.clone(), move || label_of("Value of the variable", "Value of"))}
            <button
                type="button"
                class="button quiet needs-scripts"
                aria-label=move || label_of("Remove this variable", "Remove variable")
                on:click=move |_| draft.remove_variable(variable.id)
            >
                <Icon name="remove" />
            </button>
            {move || note(variable).map(|note| view! { <p class="hint">{note}</p> })}
            <Problem of=problem id=error />
        </div>
    }
    .into_any()
}

/// The input for a variable's value. A value with several lines gets a `textarea`, because an `input` would remove its
/// line breaks.
fn value_view(
    variable: Variable,
    problem: FieldProblem,
    error: String,
    label: impl Fn() -> String + Send + 'static,
) -> AnyView {
    let value = variable.value;
    if value.with_untracked(|value| value.contains(['\n', '\r'])) {
        return view! {
            <TextArea
                value
                attr:class="field code"
                attr:name="envValue"
                attr:data-testid="field-env-value"
                attr:aria-label=label
                attr:aria-describedby=error
                attr:aria-invalid=move || problem.is_invalid()
            />
        }
        .into_any();
    }
    let is_secret = Memo::new(move |_| is_secret(variable));
    view! {
        <input
            class="field code"
            name="envValue"
            data-testid="field-env-value"
            aria-label=label
            aria-describedby=error
            aria-invalid=move || problem.is_invalid()
            placeholder=if is_kept(variable) { MASK } else { "value" }
            spellcheck="false"
            autocapitalize="off"
            autocomplete=move || if is_secret.get() { "new-password" } else { "off" }
            type=move || if is_secret.get() { "password" } else { "text" }
            value=value.get_untracked()
            bind:value=value
        />
    }
    .into_any()
}

fn is_kept(variable: Variable) -> bool {
    variable.kept.with_value(Option::is_some)
}

fn is_secret(variable: Variable) -> bool {
    is_kept(variable) || variable.name.with(|name| redact::is_secret_name(name.trim()))
}

/// Returns the hint shown below a variable, or `None` if there is nothing to say. The original job's secret value is
/// kept only if the variable's name is unchanged.
fn note(variable: Variable) -> Option<&'static str> {
    let name = variable.name.get();
    let name = name.trim();
    let has_its_name = variable.kept.with_value(|kept| kept.as_deref().map(|kept| kept == name));
    match has_its_name.filter(|_| variable.value.with(String::is_empty)) {
        Some(true) => Some("The secret value stays unchanged. Type to replace it."),
        Some(false) => Some("The secret value is kept only under its former name. Enter a value."),
        None => redact::is_secret_name(name)
            .then_some("The variable's name suggests a secret, so its value appears as [REDACTED] in the output."),
    }
}
