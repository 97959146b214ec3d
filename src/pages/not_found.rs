//! The page for unknown URLs.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::host;
use crate::ui::PageTitle;

/// Shows that there is no page at this URL, and sets the HTTP status to 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    host::status(404);
    view! {
        <PageTitle text="Not found \u{b7} Tailwater" />
        <main class="notice">
            <h1>"Page not found"</h1>
            <p>"There is no page at this address."</p>
            <p>
                <A href="/tasks/queue">"Go to the queue"</A>
            </p>
        </main>
    }
    .into_any()
}
