//! The page for people whose role does not permit the requested page, or who have no role.

use leptos::prelude::*;

use crate::host;
use crate::page_data::RefusedPerson;
use crate::ui::{CurrentUser, PageTitle};

/// Shows that the person's role does not permit the page, or why the person has no role, and sets the HTTP status to
/// 403.
#[component]
pub fn NotAllowedPage() -> impl IntoView {
    host::status(403);
    if let Some(RefusedPerson { sentence }) = use_context() {
        return view! { <Refused sentence /> }.into_any();
    }
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

#[component]
fn Refused(sentence: String) -> impl IntoView {
    view! {
        <PageTitle text="Not allowed \u{b7} Tailwater" />
        <main class="notice" data-testid="not-allowed">
            <h1>"Not allowed"</h1>
            <p>{sentence} "."</p>
            <p>
                <a href="/login">"Log in with a user of this server"</a>
            </p>
        </main>
    }
    .into_any()
}
