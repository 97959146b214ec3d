//! A page.

use leptos::prelude::*;

/// A page.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! { <main><h1>"NotFoundPage"</h1></main> }
}
