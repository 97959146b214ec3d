//! A page.

use leptos::prelude::*;

/// A page.
#[component]
pub fn LoginPage() -> impl IntoView {
    view! { <main><h1>"LoginPage"</h1></main> }
}
