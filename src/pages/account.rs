//! The page on which people manage their own account: the password, the sessions (browsers in which they are logged
//! in), and API tokens. It consists of plain forms, which work without scripts and are posted to
//! `server::http::people::forms`.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{CreatedApiToken, NewApiToken, Role};

use super::frame::{BackTo, framed, loaded};
use super::people::{Outcome, SessionList, TokenList};
use crate::page_data::AccountPageData;
use crate::rpc;
use crate::ui::CurrentUser;
use crate::words;

/// The path to which the forms are posted.
const ACTION: &str = "/account";

/// Shows the account of the person who is viewing the page.
#[component]
pub fn AccountPage() -> impl IntoView {
    let query = use_query_map();
    let account = Resource::new(move || query.read().get("done"), |_| rpc::account());
    framed("Account", BackTo::Queue, loaded(account, |account| view! { <Account account /> }.into_any()))
}

#[component]
fn Account(account: AccountPageData) -> impl IntoView {
    let AccountPageData { has_password, sessions, tokens, created } = account;
    let user = CurrentUser::get();
    let who = user.map(|user| format!("You are logged in as {} with the role {}.", user.name, user.role));
    view! {
        <main class="secrets people">
            <p class="hint" data-testid="who">{who}</p>
            <Outcome />
            {created.map(|created| view! { <Created created /> })}
            {has_password.then(|| view! { <Password /> })}
            <section aria-labelledby="sessions">
                <h2 id="sessions">"Sessions"</h2>
                <SessionList page=sessions action=ACTION with_user=false />
            </section>
            <section aria-labelledby="tokens">
                <h2 id="tokens">"API tokens"</h2>
                <p class="hint">
                    "Programs send a token instead of a password: " <code>"Authorization: Bearer twt_\u{2026}"</code>
                    ". To store a token for the command-line client, run " <code>"tailwater login"</code> "."
                </p>
                <TokenList page=tokens action=ACTION with_user=false />
                <NewToken />
            </section>
        </main>
    }
    .into_any()
}

/// Shows the text of a new token.
#[component]
fn Created(created: CreatedApiToken) -> impl IntoView {
    let CreatedApiToken { token, about } = created;
    let expires = format!("It expires on {} UTC.", words::date_time(about.expires_at, 0));
    view! {
        <div class="created-token" role="status">
            <p>
                "The token " <strong>{about.name}</strong>
                " was created. Copy it now. It will not be shown again. "
                {expires}
            </p>
            <pre class="command" tabindex="0">
                <code data-testid="new-token">{token}</code>
            </pre>
        </div>
    }
    .into_any()
}

/// The form for a new password.
#[component]
fn Password() -> impl IntoView {
    view! {
        <section aria-labelledby="password">
            <h2 id="password">"Password"</h2>
            <form method="post" action=ACTION class="secret-form" data-testid="password-form">
                <input type="hidden" name="action" value="change-password" />
                <label for="current-password">"Current password"</label>
                <input
                    id="current-password"
                    class="field"
                    type="password"
                    name="currentPassword"
                    required
                    autocomplete="current-password"
                />
                <label for="new-password">"New password"</label>
                <input
                    id="new-password"
                    class="field"
                    type="password"
                    name="newPassword"
                    required
                    minlength="10"
                    autocomplete="new-password"
                    aria-describedby="password-hint"
                />
                <p id="password-hint" class="hint">
                    "Use at least 10 characters. Changing the password logs you out of all other browsers. API tokens remain valid."
                </p>
                <button class="button" data-testid="change-password">"Change password"</button>
            </form>
        </section>
    }
    .into_any()
}

/// The form for a new token. It offers only the roles that the person may grant.
#[component]
fn NewToken() -> impl IntoView {
    let own = CurrentUser::get().map_or(Role::Viewer, |user| user.role);
    let roles = Role::ALL.into_iter().filter(|role| own.may_grant(*role));
    let roles = roles.map(|role| view! { <option value=role.as_str() selected=role == own>{role.as_str()}</option> });
    view! {
        <form method="post" action=ACTION class="secret-form" aria-label="Create a token">
            <h3>"Create a token"</h3>
            <input type="hidden" name="action" value="create-token" />
            <label for="token-name">"Name"</label>
            <input
                id="token-name"
                class="field"
                name="name"
                required
                maxlength="100"
                placeholder="Website CI"
                autocomplete="off"
                data-testid="token-name"
            />
            <label for="token-role">"Role"</label>
            <select id="token-role" class="field" name="role" data-testid="token-role">
                {roles.collect_view()}
            </select>
            <label for="token-days">"Days until expiry"</label>
            <input
                id="token-days"
                class="field"
                type="number"
                name="expiresInDays"
                min="1"
                max=NewApiToken::MAX_DAYS.to_string()
                value=NewApiToken::DEFAULT_DAYS.to_string()
                required
            />
            {own.may_grant(Role::Worker).then(|| view! { <WorkerLimitFields /> })}
            <button class="button primary" data-testid="create-token">"Create token"</button>
        </form>
    }
    .into_any()
}

/// The form fields for the limits on what a worker can claim with the token.
#[component]
fn WorkerLimitFields() -> impl IntoView {
    let field = |name: &'static str, label: &'static str, placeholder: &'static str| {
        view! {
            <label for=name>{label}</label>
            <input
                id=name
                class="field code"
                name=name
                placeholder=placeholder
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                data-testid=name
            />
        }
    };
    view! {
        <details class="worker-limits">
            <summary>"Limits of a worker"</summary>
            <p class="hint">"Only for the role worker. Separate names with commas. An empty field sets no limit."</p>
            <div class="secret-form">
                {field("allowedJobTypes", "Types of jobs", "command, build")}
                {field("allowedRepositories", "Repositories", "acme/web")}
                {field("capabilities", "Capabilities", "docker, gpu")}
            </div>
        </details>
    }
    .into_any()
}
