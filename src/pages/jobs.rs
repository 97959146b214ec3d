//! A page.

use leptos::prelude::*;

/// A page.
#[component]
pub fn JobsPage() -> impl IntoView {
    view! { <main><h1>"JobsPage"</h1></main> }
}
