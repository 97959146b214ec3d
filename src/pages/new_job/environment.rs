//! The fields for environment variables, with a hint for those that are secrets.

use leptos::prelude::*;

use super::Problem;
use super::draft::{Draft, Variable};
use crate::ui::Icon;

/// The list of variables.
#[component]
pub fn Environment(draft: Draft, problem: Memo<Option<(String, String)>>) -> impl IntoView {
    view! {
        <fieldset class="env-form needs-scripts">
            <legend>"Environment" <small>"optional"</small></legend>
            <For each=move || draft.env.get() key=|variable| variable.id let(variable)>
                <VariableRow draft problem variable />
            </For>
            <button type="button" class="button" data-testid="add-variable" on:click=move |_| draft.add_variable()>
                <Icon name="plus" />
                "Add a variable"
            </button>
        </fieldset>
    }
    .into_any()
}

#[component]
fn VariableRow(draft: Draft, problem: Memo<Option<(String, String)>>, variable: Variable) -> impl IntoView {
    let secret = Memo::new(move |_| variable.name.with(|name| looks_secret(name.trim())));
    view! {
        <div class="variable">
            <input
                class="field code"
                data-testid="field-env-name"
                aria-label="Name"
                placeholder="NAME"
                spellcheck="false"
                autocapitalize="off"
                bind:value=variable.name
            />
            <input
                class="field code"
                data-testid="field-env-value"
                aria-label="Value"
                placeholder="value"
                spellcheck="false"
                autocomplete="off"
                type=move || if secret.get() { "password" } else { "text" }
                bind:value=variable.value
            />
            <button
                type="button"
                class="button quiet"
                aria-label="Remove this variable"
                on:click=move |_| draft.env.update(|env| env.retain(|other| other.id != variable.id))
            >
                <Icon name="remove" />
            </button>
            <Show when=move || secret.get()>
                <p class="hint">"The name marks this as a secret. Where its value is printed, [REDACTED] is shown."</p>
            </Show>
            <Problem problem field=Signal::derive(move || variable.field()) />
        </div>
    }
    .into_any()
}

/// Returns whether a name looks like that of a secret, by the rule that the server applies (`API.md`, Jobs). It only
/// decides how the form looks.
fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let ends = ["API_KEY", "ACCESS_KEY", "PRIVATE_KEY"].iter().any(|end| name.ends_with(end));
    ends || name.split('_').any(|word| {
        matches!(
            word,
            "TOKEN" | "SECRET" | "PASSWORD" | "PASSWD" | "PASSPHRASE" | "CREDENTIAL" | "CREDENTIALS" | "APIKEY"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_looks_secret_by_its_words() {
        for name in
            ["TOKEN", "deploy_token", "DB_PASSWORD", "AWS_ACCESS_KEY", "MY_API_KEY", "APIKEY", "X_CREDENTIALS_FILE"]
        {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["", "PWD", "OLDPWD", "TOKENS", "MAX_TOKENS", "KEY", "TOKENIZER", "PATH"] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
