//! The page on which administrators manage users, end sessions and revoke tokens. It consists of plain forms, which
//! work without scripts and are posted to `server::http::people::forms`.

mod credentials;
mod user;

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use model::CreatedLoginLink;

use super::frame::{BackTo, framed, loaded};
use crate::page_data::PeoplePageData;
use crate::rpc;
use crate::words;
pub(super) use credentials::{SessionList, TokenList};
use user::{NewUser, UserRow};

/// The path to which the forms are posted.
const ACTION: &str = "/people";

/// Lists users, sessions and tokens.
#[component]
pub fn PeoplePage() -> impl IntoView {
    let people = Resource::new(|| (), |()| rpc::people());
    framed("People", BackTo::Queue, loaded(people, |people| view! { <People people /> }.into_any()))
}

#[component]
fn People(people: PeoplePageData) -> impl IntoView {
    let PeoplePageData { users, sessions, tokens, created } = people;
    let list = if users.is_empty() {
        view! { <First /> }.into_any()
    } else {
        let rows = users.into_iter().map(|user| view! { <UserRow user /> }).collect_view();
        view! { <ul class="secret-list" data-testid="user-list">{rows}</ul> }.into_any()
    };
    view! {
        <main class="secrets people">
            <p class="hint">
                "A viewer reads jobs and their output. An operator also submits and cancels jobs. An admin also manages secrets and people. The admin token always works, so administrators cannot lock themselves out."
            </p>
            <Outcome />
            {created.map(|created| view! { <CreatedLink created /> })}
            {list}
            <NewUser />
            <section aria-labelledby="sessions">
                <h2 id="sessions">"Sessions"</h2>
                <SessionList page=sessions action=ACTION with_user=true />
            </section>
            <section aria-labelledby="tokens">
                <h2 id="tokens">"API tokens"</h2>
                <TokenList page=tokens action=ACTION with_user=true />
            </section>
        </main>
    }
    .into_any()
}

/// Shows a new login link.
#[component]
fn CreatedLink(created: CreatedLoginLink) -> impl IntoView {
    let CreatedLoginLink { user_id, link, expires_at } = created;
    let expires = format!("It works once, until {} UTC.", words::date_time(expires_at, 0));
    view! {
        <div class="created-token" role="status">
            <p>
                "A login link for " <strong>{user_id}</strong>
                " was created. Copy it now and send it to this person only: whoever opens it is logged in as this user. It will not be shown again. "
                {expires}
            </p>
            <pre class="command" tabindex="0">
                <code data-testid="new-login-link">{link}</code>
            </pre>
        </div>
    }
    .into_any()
}

/// Explains how to add the first user.
#[component]
fn First() -> impl IntoView {
    view! {
        <p data-testid="no-users">
            "There are no users yet. Add yourself with the role admin, log out, and log in with your name and password. Keep the admin token for emergencies. "
            <A href="/tasks/queue">"Go to the queue"</A>
        </p>
    }
    .into_any()
}

/// Shows the result of the last submitted form, which the page's URL contains.
#[component]
pub(super) fn Outcome() -> impl IntoView {
    let query = use_query_map().get_untracked();
    // Anyone can create a link to this page. The URL therefore only selects one of these sentences, and cannot contain
    // text to show.
    let done = query.get("done").and_then(|word| {
        Some(match word.as_str() {
            "added" => "The user was added.",
            "changed" => "The user was changed and logged out everywhere.",
            "disabled" => "The user was disabled and logged out everywhere.",
            "enabled" => "The user was enabled.",
            "removed" => "The user was removed.",
            "unlinked" => "The login link was revoked.",
            "ended" => "The session was ended.",
            "revoked" => "The token was revoked.",
            "password" => "Your password was changed.",
            _ => return None,
        })
    });
    let error = query.get("error").map(|word| match word.as_str() {
        "name" => "This name is not valid, or it is already in use. User names have at most 64 characters: letters, digits, '.', '_', '-' and '@'. The name admin is reserved.",
        "password" | "newPassword" => "This password is not accepted. Use at least 10 characters, and at most 1,024 bytes.",
        "currentPassword" => "The current password is not correct.",
        "role" => "This role is not accepted. Choose one from the list.",
        "loginLink" => "This user cannot have a login link. Enable the user first. If a reverse proxy or a provider authenticates the user, the person has to log in there.",
        "expiresInHours" => "The number of hours must be between 1 and 168.",
        "expiresInDays" => "The number of days must be between 1 and 3,650.",
        "users" => "The server already has 1,000 users, which is the maximum. Remove one first.",
        "allowedJobTypes" | "allowedRepositories" | "capabilities" => "These limits are not accepted. Only tokens with the role worker can have limits. A list has at most 100 names. A capability has at most 100 characters, any other name at most 200.",
        "tokens" => "You already have 1,000 tokens, which is the maximum. Revoke one first.",
        "user" => "This user does not exist, or was removed in the meantime.",
        "session" => "This session does not exist, or has ended in the meantime.",
        "token" => "This token does not exist, or was revoked in the meantime.",
        "limited" => "Too many attempts. Try again in a minute.",
        _ => "The change was not accepted. Reload the page and try again.",
    });
    view! {
        {done.map(|text| view! { <p role="status" data-testid="people-done">{text}</p> })}
        {error.map(|text| view! { <p class="error" role="alert" data-testid="people-error">{text}</p> })}
    }
    .into_any()
}
