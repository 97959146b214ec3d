//! The page for named secrets. It consists of plain forms, which work without scripts and are posted to
//! `server::http::secrets`.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use model::{NamedSecret, Role};

use super::frame::{BackTo, framed, loaded};
use crate::rpc;
use crate::ui::may;
use crate::words;

/// Lists the secrets, with forms that set and remove them.
#[component]
pub fn SecretsPage() -> impl IntoView {
    let secrets = Resource::new(|| (), |()| rpc::list_secrets());
    framed("Secrets", BackTo::Queue, loaded(secrets, |page| view! { <Secrets secrets=page.items /> }.into_any()))
}

#[component]
fn Secrets(secrets: Vec<NamedSecret>) -> impl IntoView {
    let list = if secrets.is_empty() {
        view! { <p class="hint" data-testid="no-secrets">"No secrets yet."</p> }.into_any()
    } else {
        let rows = secrets.into_iter().map(|secret| view! { <Row secret /> }).collect_view();
        view! { <ul class="secret-list" data-testid="secret-list">{rows}</ul> }.into_any()
    };
    view! {
        <main class="secrets">
            <p class="hint">
                "Jobs request secrets by name and receive them as environment variables or as files. Values are stored encrypted, masked in the output of all jobs, and never shown again. "
                <A href="/redaction">"Test redaction"</A>
            </p>
            <Outcome />
            {list}
            {if may(Role::Admin) {
                view! { <NewValue /> }.into_any()
            } else {
                view! { <p class="hint">"Only administrators can add, replace and remove secrets."</p> }.into_any()
            }}
        </main>
    }
    .into_any()
}

/// Shows the result of the last submitted form, which the page's URL contains.
#[component]
fn Outcome() -> impl IntoView {
    let query = use_query_map().get_untracked();
    // Anyone can create a link with these parameters. The page therefore shows only fixed sentences, and the name only
    // if it is valid.
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let said = |word: &str, done: &str| query.get(word).filter(is_name).map(|name| format!("{name} was {done}."));
    let done = said("set", "set").or_else(|| said("removed", "removed"));
    let error = query.get("error").map(|word| match word.as_str() {
        "missing" => "There is no such secret. It may have been removed in the meantime.",
        "name" => "The name is not valid. Use up to 100 letters, digits and _, and do not start with a digit.",
        "full" => "The server already stores 1,000 secrets, which is the maximum. Remove one first.",
        _ => "The value was not accepted. It must not be empty or larger than 16 KiB. All values together must not exceed 32 KiB.",
    });
    view! {
        {done.map(|text| view! { <p role="status" data-testid="secret-done">{text}</p> })}
        {error.map(|text| view! { <p class="error" role="alert" data-testid="secret-error">{text}</p> })}
    }
    .into_any()
}

/// A row with a secret's name and the time at which it was set. Administrators also see the forms that replace and
/// remove it.
#[component]
fn Row(secret: NamedSecret) -> impl IntoView {
    let NamedSecret { name, updated_at, updated_by_user_id, masked_everywhere, readable, .. } = secret;
    let note = match (readable, masked_everywhere) {
        (false, _) => Some(words::UNREADABLE_SECRET),
        (true, false) => Some(words::NOT_MASKED_EVERYWHERE),
        (true, true) => None,
    };
    let set = format!("set {} UTC by {updated_by_user_id}", words::date_time(updated_at, 0));
    view! {
        <li class="secret-row" data-testid="secret-row">
            <div class="secret-head">
                <code>{name.clone()}</code>
                <small>{set}</small>
            </div>
            {note.map(|note| view! { <p class="hint warning" data-testid="secret-note">{note}</p> })}
            {may(Role::Admin).then(|| view! { <Changes name /> })}
        </li>
    }
    .into_any()
}

/// The forms that replace and remove a secret.
#[component]
fn Changes(name: String) -> impl IntoView {
    let value = format!("value-{name}");
    view! {
        <details>
            <summary>"Replace or remove"</summary>
            <form method="post" action="/secrets" class="secret-form">
                <input type="hidden" name="name" value=name.clone() />
                <label for=value.clone()>"New value"</label>
                <ValueField id=value />
                <button class="button" data-testid="replace-secret">"Replace"</button>
            </form>
            <form method="post" action="/secrets" class="secret-form">
                <input type="hidden" name="name" value=name />
                <button class="button danger" data-testid="remove-secret">"Remove"</button>
                <span class="hint">"Jobs that request this secret will fail. Its value is still masked in later output. The server keeps the latest 16 KiB of replaced and removed values for this; older values are no longer masked."</span>
            </form>
        </details>
    }
    .into_any()
}

/// The form for a new secret.
#[component]
fn NewValue() -> impl IntoView {
    view! {
        <form method="post" action="/secrets" class="secret-form" aria-label="Add a secret">
            <h2>"Add a secret"</h2>
            <label for="secret-name">"Name"</label>
            <input
                id="secret-name"
                class="field code"
                name="name"
                required
                maxlength="100"
                pattern="[A-Za-z_][A-Za-z0-9_]*"
                title="Letters, digits and _, not starting with a digit"
                placeholder="DEPLOY_TOKEN"
                spellcheck="false"
                autocapitalize="off"
                autocomplete="off"
                data-testid="secret-name"
            />
            <label for="secret-value">"Value"</label>
            <ValueField id="secret-value".to_owned() />
            <button class="button primary" data-testid="add-secret">"Add secret"</button>
        </form>
    }
    .into_any()
}

/// The field for a value, which may have several lines.
#[component]
fn ValueField(id: String) -> impl IntoView {
    view! {
        <textarea
            id=id
            class="field code"
            name="value"
            rows="2"
            required
            spellcheck="false"
            autocapitalize="off"
            autocomplete="off"
            data-testid="secret-value"
        ></textarea>
    }
    .into_any()
}
