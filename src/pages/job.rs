//! A page.

use leptos::prelude::*;

/// A page.
#[component]
pub fn JobPage() -> impl IntoView {
    view! { <main><h1>"JobPage"</h1></main> }
}
