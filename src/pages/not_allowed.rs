//! The page for people whose role does not permit the requested page.

use leptos::prelude::*;

use crate::host;
use crate::ui::{CurrentUser, PageTitle};

/// Shows that the person's role does not permit the page, and sets the HTTP status to 403.
#[component]
pub fn NotAllowedPage() -> impl IntoView {
    host::status(403);
    let role = CurrentUser::get().map(|user| format!("Your role is {}. ", user.role));
    view! {
        <PageTitle text="Not allowed \u{b7} Tailwater" />
        <main class="notice" data-testid="not-allowed">
            <h1>"Not allowed"</h1>
            <p>{role} "This page requires another role. An administrator can change yours."</p>
            <p>
                <a href="/tasks/queue">"Go to the queue"</a>
            </p>
        </main>
    }
    .into_any()
}
