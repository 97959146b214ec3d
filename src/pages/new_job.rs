//! A page.

use leptos::prelude::*;

/// A page.
#[component]
pub fn NewJobPage() -> impl IntoView {
    view! { <main><h1>"NewJobPage"</h1></main> }
}
