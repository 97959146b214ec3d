//! The field for the shell of all steps.

use leptos::prelude::*;

use super::draft::Draft;
use super::field::{Problem, Problems};
use crate::job_form::EACH_ITS_OWN;

/// The shells that the form offers, each with its label. The API also accepts any other program that supports `-c`.
const SHELLS: [(&str, &str); 3] =
    [("", "sh: sh -e -c"), ("bash", "bash: bash -eo pipefail -c"), ("python3", "python3: python3 -c")];

/// A field that selects the shell of all steps.
#[component]
pub fn Shell(draft: Draft, problems: Problems) -> impl IntoView {
    let problem = problems.of(Signal::stored("payload.shell".to_owned()));
    // If the initial shell is not in the list, it remains available as an additional option.
    let other = Memo::new(move |before: Option<&Option<String>>| {
        let shell = draft.shell.get();
        let is_offered = SHELLS.iter().any(|(offered, _)| *offered == shell);
        before.cloned().flatten().or((!is_offered).then_some(shell))
    });
    let option = move |value: String, label: String| {
        let is_chosen = {
            let value = value.clone();
            Memo::new(move |_| draft.shell.with(|shell| *shell == value))
        };
        view! {
            <option value=value selected=move || is_chosen.get() prop:selected=move || is_chosen.get()>
                {label}
            </option>
        }
    };
    let further = move || {
        other.get().map(|shell| {
            let label =
                if shell == EACH_ITS_OWN { "different for each step".to_owned() } else { format!("{shell} -c") };
            option(shell, label)
        })
    };
    view! {
        <div class="labelled">
            <label for="shell">"Shell"</label>
            <select
                id="shell"
                class="field"
                name="shell"
                data-testid="field-shell"
                aria-describedby="shell-error"
                aria-invalid=move || problem.is_invalid()
                on:change=move |event| draft.shell.set(event_target_value(&event))
            >
                {further}
                {SHELLS.map(|(value, label)| option(value.to_owned(), label.to_owned())).collect_view()}
            </select>
            <Problem of=problem id="shell-error" />
        </div>
    }
    .into_any()
}
