//! The login page, which is a plain form that works without scripts.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::location::Url;

use crate::host;
use crate::ui::PageTitle;

/// Shows fields for the name and the password, and a field for the admin token. If a one-time link was opened, the page
/// shows a button for logging in instead. If the one-time link belongs to a user, the page also shows a field for a new
/// password.
///
/// Loading this page does not invalidate the link's ticket, because programs that preview links also load it. Only the
/// form's POST request invalidates the ticket.
#[component]
pub fn LoginPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let next = query.get("next");
    let error = query.get("error");
    let is_proxied = query.get("signed-out").is_some_and(|way| way == "proxy");
    let ticket = query.get("ticket").filter(|_| error.is_none());
    let is_refused_password = error.as_deref() == Some("newPassword");
    let user_ticket = query.get("userTicket").filter(|_| error.is_none() || is_refused_password);
    let forms = if let Some(ticket) = user_ticket {
        view! { <UserLink ticket next /> }.into_any()
    } else if let Some(ticket) = ticket {
        view! { <Link ticket next /> }.into_any()
    } else {
        let by_token = error.as_deref().is_some_and(|word| matches!(word, "invalid" | "expired" | "used"));
        view! {
            <Provider next=next.clone() />
            <Password next=next.clone() />
            <Token next is_open=by_token />
        }
        .into_any()
    };
    view! {
        <PageTitle text="Log in \u{b7} Tailwater" />
        <main class="login">
            <img src="/favicon.svg" alt="" width="40" height="40" />
            <h1>"Tailwater"</h1>
            {is_proxied.then(|| view! { <SignedOut /> })}
            {error.map(|word| view! { <p class="error" role="alert">{explain(&word)}</p> })}
            {forms}
        </main>
    }
    .into_any()
}

/// Explains why a login was refused. The explanation does not reveal whether the user exists.
fn explain(word: &str) -> &'static str {
    match word {
        "expired" | "used" => {
            "This link has expired or was already used. Log in with the admin token, or restart the server to get a new link."
        }
        "link" => {
            "This link has expired, was already used, or was replaced by another one. Ask an administrator for a new link."
        }
        "newPassword" => {
            "Choose a new password with at least 10 characters and at most 1,024 bytes. The link still works."
        }
        "limited" => "Too many failed logins. Try again in a minute.",
        "busy" => "Too many people are logging in. Try again in a moment.",
        "password" => "The name or the password is not correct.",
        _ => "This token is not valid.",
    }
}

/// Explains, after a logout, that the reverse proxy will log the person in again.
#[component]
fn SignedOut() -> impl IntoView {
    view! {
        <p role="status" data-testid="signed-out">
            "You are logged out here, but the reverse proxy logs you in again when you open a page. Log out of the proxy as well, or log in below as a user of this server. "
            <a href="/tasks/queue">"Go to the queue"</a>
        </p>
    }
    .into_any()
}

/// The hidden field with the page to show after the login, if the person has requested a page.
#[component]
fn Next(next: Option<String>) -> impl IntoView {
    next.map(|next| view! { <input type="hidden" name="next" value=next /> })
}

#[component]
fn Link(ticket: String, next: Option<String>) -> impl IntoView {
    view! {
        <form method="post" action="/login">
            <Next next />
            <p>"This link logs you in once."</p>
            <input type="hidden" name="ticket" value=ticket />
            <button class="button primary" data-testid="login-submit">"Log in"</button>
        </form>
    }
    .into_any()
}

/// The form of a user's login link.
#[component]
fn UserLink(ticket: String, next: Option<String>) -> impl IntoView {
    view! {
        <form method="post" action="/login">
            <Next next />
            <input type="hidden" name="userTicket" value=ticket />
            <label for="new-password">"New password"</label>
            <input
                id="new-password"
                class="field"
                name="newPassword"
                type="password"
                minlength="10"
                autocomplete="new-password"
                aria-describedby="link-hint"
            />
            <p id="link-hint" class="hint">
                "This link logs you in once. Choose a password with at least 10 characters. If you already have one and want to keep it, leave the field empty."
            </p>
            <button class="button primary" data-testid="login-submit">"Log in"</button>
        </form>
    }
    .into_any()
}

/// The link that starts a login with the OpenID Connect provider, if there is one.
#[component]
fn Provider(next: Option<String>) -> impl IntoView {
    let next = next.map(|next| format!("?next={}", Url::escape(&next))).unwrap_or_default();
    host::provider_name().map(|name| {
        view! {
            <div class="login-provider">
                <a class="button primary" href=format!("/login/oidc{next}") rel="external" data-testid="login-provider">
                    {format!("Log in with {name}")}
                </a>
                <p class="hint">"Or log in as a user of this server:"</p>
            </div>
        }
    })
}

#[component]
fn Password(next: Option<String>) -> impl IntoView {
    view! {
        <form method="post" action="/login">
            <Next next />
            <label for="name">"Name"</label>
            <input
                id="name"
                class="field"
                name="name"
                autocomplete="username"
                autocapitalize="off"
                spellcheck="false"
                required
                autofocus
            />
            <label for="password">"Password"</label>
            <input id="password" class="field" name="password" type="password" autocomplete="current-password" required />
            <button class="button primary" data-testid="login-password">"Log in"</button>
        </form>
    }
    .into_any()
}

#[component]
fn Token(next: Option<String>, is_open: bool) -> impl IntoView {
    view! {
        <details class="login-token" open=is_open>
            <summary>"Log in with the admin token"</summary>
            <form method="post" action="/login">
                <Next next />
                <label for="token">"Token"</label>
                <input
                    id="token"
                    class="field"
                    name="token"
                    type="password"
                    autocomplete="off"
                    required
                    aria-describedby="token-hint"
                />
                <p id="token-hint" class="hint">
                    "The admin token. It is in the file "
                    <code>"admin-token"</code>
                    " in the server's data directory, unless the server was started with a different token."
                </p>
                <button class="button" data-testid="login-submit">"Log in"</button>
            </form>
        </details>
    }
    .into_any()
}
