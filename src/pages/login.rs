//! The login page, which is a plain form that works without scripts.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::ui::PageTitle;

/// Shows a field for the token or, if a one-time link was opened, a button for logging in.
///
/// Loading this page does not invalidate the link's ticket, because programs that preview links also load it. Only the
/// form's POST request invalidates the ticket.
#[component]
pub fn LoginPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let next = query.get("next").unwrap_or_else(|| "/tasks/queue".to_owned());
    let error = query.get("error").map(|word| match word.as_str() {
        "expired" | "used" => {
            "This link has expired or was already used. Log in with the token, or restart the server to get a new link."
        }
        "limited" => "Too many failed logins. Try again in a minute.",
        _ => "This token is not valid.",
    });
    let ticket = query.get("ticket").filter(|_| error.is_none());
    view! {
        <PageTitle text="Log in \u{b7} Tailwater" />
        <main class="login">
            <img src="/favicon.svg" alt="" width="40" height="40" />
            <h1>"Tailwater"</h1>
            <form method="post" action="/login">
                <input type="hidden" name="next" value=next />
                {match ticket {
                    Some(ticket) => {
                        view! {
                            <p>"This link logs you in once."</p>
                            <input type="hidden" name="ticket" value=ticket />
                        }
                            .into_any()
                    }
                    None => {
                        view! {
                            <label for="token">"Token"</label>
                            <input
                                id="token"
                                class="field"
                                name="token"
                                type="password"
                                autocomplete="current-password"
                                required
                                autofocus
                                aria-describedby="token-hint"
                            />
                            <p id="token-hint" class="hint">
                                "The admin token. It is in the file "
                                <code>"admin-token"</code>
                                " in the server's data directory, unless the server was started with a different token."
                            </p>
                        }
                            .into_any()
                    }
                }}
                {error.map(|error| view! { <p class="error" role="alert">{error}</p> })}
                <button class="button primary" data-testid="login-submit">"Log in"</button>
            </form>
        </main>
    }
    .into_any()
}
