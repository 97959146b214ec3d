//! The page for people whose role does not permit the requested page, or who have no role.

use leptos::prelude::*;

use crate::host;
use crate::page_data::RefusedPerson;
use crate::ui::{CurrentUser, PageTitle};

/// Shows the reason for refusing the person, for example that the person's role does not permit the page. Also sets the
/// HTTP status.
#[component]
pub fn NotAllowedPage() -> impl IntoView {
    if let Some(refused) = use_context() {
        return view! { <Refused refused /> }.into_any();
    }
    host::status(403);
    let role = CurrentUser::get().map(|user| format!("Your role is {}. ", user.role));
    view! {
        <PageTitle text="Not allowed \u{b7} Tailwater" />
        <main class="notice" data-testid="not-allowed">
            <h1>"Not allowed"</h1>
            <p>{role} "This role does not permit this page. Ask an administrator to change it."</p>
            <p>
                <a href="/tasks/queue">"Go to the queue"</a>
            </p>
        </main>
    }
    .into_any()
}

#[component]
fn Refused(refused: RefusedPerson) -> impl IntoView {
    let RefusedPerson { status, title, sentence } = refused;
    host::status(status);
    view! {
        <PageTitle text=format!("{title} \u{b7} Tailwater") />
        <main class="notice" data-testid="not-allowed">
            <h1>{title}</h1>
            <p>{sentence} "."</p>
            <p>
                <a href="/login">"Go to the login page"</a>
            </p>
        </main>
    }
    .into_any()
}
