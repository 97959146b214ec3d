//! The lists of sessions and of API tokens, on the people page and on the account page.

use leptos::prelude::*;
use model::{ApiToken, ApiTokensPage, Session, SessionsPage, TokenLimits};

use crate::words;

/// Lists sessions, each with a button that ends it.
#[component]
pub fn SessionList(
    /// The sessions.
    page: SessionsPage,
    /// The path to which the forms are posted.
    action: &'static str,
    /// Whether the names of the users are shown.
    with_user: bool,
) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <p class="hint">"Nobody is logged in with a browser."</p> }.into_any();
    }
    let rows = page.items.into_iter().map(|session| view! { <SessionRow session action with_user /> }).collect_view();
    view! {
        <ul class="secret-list" data-testid="session-list">{rows}</ul>
        {page.has_more.then(|| view! { <p class="hint">"Only the newest 1,000 are shown. Use the API to list all of them."</p> })}
    }
    .into_any()
}

#[component]
fn SessionRow(session: Session, action: &'static str, with_user: bool) -> impl IntoView {
    let Session { id, user_id, created_at, last_used_at, address, browser, current, .. } = session;
    let place = if address.is_empty() { String::new() } else { format!(" from {address}") };
    let login = format!("logged in {} UTC{place}", words::date_time(created_at, 0));
    let used = format!("last used {} UTC", words::date_time(last_used_at, 0));
    view! {
        <li class="secret-row with-action" data-testid="session-row">
            <div class="secret-head">
                {with_user.then(|| view! { <strong>{user_id}</strong> })}
                <span title=browser.clone()>{words::browser(&browser)}</span>
                {current.then(|| view! { <span data-testid="this-browser">"this browser"</span> })}
                <small>{login}</small>
                <small>{used}</small>
            </div>
            <form method="post" action=action>
                <input type="hidden" name="action" value="end-session" />
                <input type="hidden" name="id" value=id.to_string() />
                <button class="button" data-testid="end-session">"End session"</button>
            </form>
        </li>
    }
    .into_any()
}

/// Lists API tokens, each with a button that revokes it.
#[component]
pub fn TokenList(
    /// The tokens.
    page: ApiTokensPage,
    /// The path to which the forms are posted.
    action: &'static str,
    /// Whether the names of the users are shown.
    with_user: bool,
) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <p class="hint" data-testid="no-tokens">"No tokens yet."</p> }.into_any();
    }
    let rows = page.items.into_iter().map(|token| view! { <TokenRow token action with_user /> }).collect_view();
    view! {
        <ul class="secret-list" data-testid="token-list">{rows}</ul>
        {page.has_more.then(|| view! { <p class="hint">"Only the newest 1,000 are shown. Use the API to list all of them."</p> })}
    }
    .into_any()
}

#[component]
fn TokenRow(token: ApiToken, action: &'static str, with_user: bool) -> impl IntoView {
    let ApiToken { id, user_id, name, role, hint, last_used_at, expires_at, limits, .. } = token;
    let limits = words_for(limits).into_iter().map(|limit| view! { <small>{limit}</small> }).collect_view();
    let used = last_used_at
        .map_or_else(|| "never used".to_owned(), |used| format!("last used {} UTC", words::date_time(used, 0)));
    let expires = format!("expires {} UTC", words::date_time(expires_at, 0));
    view! {
        <li class="secret-row with-action" data-testid="token-row">
            <div class="secret-head">
                {with_user.then(|| view! { <strong>{user_id}</strong> })}
                <span>{words::visible(&name)}</span>
                <code>{format!("{hint}\u{2026}")}</code>
                <span>{role.to_string()}</span>
                <small>{expires}</small>
                <small>{used}</small>
                {limits}
            </div>
            <form method="post" action=action>
                <input type="hidden" name="action" value="revoke-token" />
                <input type="hidden" name="id" value=id.to_string() />
                <button class="button danger" data-testid="revoke-token">"Revoke"</button>
            </form>
        </li>
    }
    .into_any()
}

/// Describes the limits on what a worker can claim with a token.
fn words_for(limits: TokenLimits) -> Vec<String> {
    let TokenLimits { allowed_job_types, allowed_repositories, capabilities } = limits;
    let list = |what: &str, names: Option<Vec<String>>| {
        names.map(|names| format!("only {what} {}", words::visible(&names.join(", "))))
    };
    let limits = [
        list("types", allowed_job_types),
        list("repositories", allowed_repositories),
        list("capabilities", capabilities),
    ];
    limits.into_iter().flatten().collect()
}
