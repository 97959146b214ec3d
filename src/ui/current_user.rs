//! The person who is viewing the page.

use leptos::prelude::*;
use leptos_router::components::A;
use model::Role;

use super::Dropdown;
use crate::host;

/// The name of the document's `meta` element that contains the name of the OpenID Connect provider.
pub const PROVIDER: &str = "provider";

/// The person who is viewing the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentUser {
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
}

impl CurrentUser {
    /// The name of the document's `meta` element that contains the person's name.
    pub const NAME: &'static str = "user";

    /// The name of the document's `meta` element that contains the person's role.
    pub const ROLE: &'static str = "role";

    /// Returns the person who is viewing the page, or `None` if nobody is logged in.
    pub fn get() -> Option<Self> {
        let (name, role) = host::current_user()?;
        Some(Self { name, role })
    }
}

/// Returns whether the person who is viewing the page has at least this role. Pages use the result only to hide actions
/// that the server would refuse; the server itself checks the role for each request.
pub fn may(role: Role) -> bool {
    CurrentUser::get().is_some_and(|user| user.role.includes(role))
}

/// A menu with the person's name. It contains links to the person's account and to the pages that are not in the
/// header, and a button for logging out.
#[component]
pub fn PersonMenu() -> impl IntoView {
    let name = CurrentUser::get().map(|user| user.name).unwrap_or_default();
    view! {
        <Dropdown
            class="person"
            label=format!("Account: {name}")
            test_id="person-menu"
            button=move || view! { <span class="person-name">{name.clone()}</span> }
        >
            <A href="/account">"Account"</A>
            <A href="/workers">"Workers"</A>
            {may(Role::Admin)
                .then(|| {
                    view! {
                        <A href="/people">"People"</A>
                        <A href="/audit">"Audit log"</A>
                    }
                })}
            // The browser has to load this page, because the router does not know it.
            <a href="/api/docs" rel="external">
                "API"
            </a>
            <form method="post" action="/logout">
                <button>"Log out"</button>
            </form>
        </Dropdown>
    }
    .into_any()
}
