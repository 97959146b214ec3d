//! The row of a user, and the form for a new user.

use leptos::prelude::*;
use model::{NewLoginLink, Role, Timestamp, User, UserSource};

use super::ACTION;
use crate::words;

/// A row with a user's name and role, and with the forms that change and remove the user.
#[component]
pub(super) fn UserRow(user: User) -> impl IntoView {
    let User { name, role, disabled, updated_at, source, without_role, login_link_expires_at: link, .. } = user;
    let role_now = if without_role { "no role".to_owned() } else { role.to_string() };
    let about = if disabled { format!("{role_now}, disabled") } else { role_now };
    let is_local = source == UserSource::Local;
    let changed = format!("changed {} UTC", words::date_time(updated_at, 0));
    view! {
        <li class="secret-row" data-testid="user-row">
            <div class="secret-head">
                <strong>{name.clone()}</strong>
                <span>{about}</span>
                <small>{changed}</small>
                {link.map(|end| view! { <small data-testid="login-link">{pending(end)}</small> })}
            </div>
            <details>
                <summary>"Change or remove"</summary>
                {if is_local {
                    view! { <LocalForms name=name.clone() role /> }.into_any()
                } else {
                    view! { <p class="hint" data-testid="user-source">{explain(source)}</p> }.into_any()
                }}
                {(is_local && !disabled).then(|| view! { <LinkForm name=name.clone() /> })}
                <div class="actions">
                    {link
                        .is_some()
                        .then(|| {
                            view! {
                                <NamedAction
                                    action="revoke-login-link"
                                    label="Revoke login link"
                                    class="button"
                                    name=name.clone()
                                />
                            }
                        })}
                    <NamedAction
                        action=if disabled { "enable-user" } else { "disable-user" }
                        label=if disabled { "Enable" } else { "Disable" }
                        class="button"
                        name=name.clone()
                    />
                    <NamedAction action="remove-user" label="Remove" class="button danger" name=name />
                </div>
                <p class="hint">
                    "A new role or password, disabling and removing log the user out everywhere and end the login link. The tokens of a disabled user are refused, and those of a removed user are deleted."
                </p>
            </details>
        </li>
    }
    .into_any()
}

/// The forms for the role and the password of a local user.
#[component]
fn LocalForms(name: String, role: Role) -> impl IntoView {
    view! {
        <form method="post" action=ACTION class="secret-form">
            <input type="hidden" name="action" value="set-role" />
            <input type="hidden" name="name" value=name.clone() />
            <RoleField id=format!("role-{name}") role />
            <button class="button" data-testid="set-role">"Change role"</button>
        </form>
        <form method="post" action=ACTION class="secret-form">
            <input type="hidden" name="action" value="set-password" />
            <input type="hidden" name="name" value=name.clone() />
            <PasswordField id=format!("password-{name}") label="New password" required=true />
            <button class="button" data-testid="set-password">"Set password"</button>
        </form>
    }
    .into_any()
}

/// The form that creates a one-time login link for a user.
#[component]
fn LinkForm(name: String) -> impl IntoView {
    let id = format!("hours-{name}");
    view! {
        <form method="post" action=ACTION class="secret-form">
            <input type="hidden" name="action" value="create-login-link" />
            <input type="hidden" name="name" value=name />
            <label for=id.clone()>"Hours until the login link expires"</label>
            <input
                id=id
                class="field"
                type="number"
                name="expiresInHours"
                min="1"
                max=NewLoginLink::MAX_HOURS.to_string()
                value=NewLoginLink::DEFAULT_HOURS.to_string()
                required
            />
            <p class="hint">
                "The link logs the person in once, without a password, and lets the person choose a new one. It replaces the previous link."
            </p>
            <button class="button" data-testid="create-login-link">"Create login link"</button>
        </form>
    }
    .into_any()
}

/// Describes the login link of a user.
fn pending(end: Timestamp) -> String {
    format!("login link until {} UTC", words::date_time(end, 0))
}

/// Explains how a user without a password is authenticated.
const fn explain(source: UserSource) -> &'static str {
    match source {
        UserSource::Proxy => {
            "The reverse proxy authenticates this user, and the user's groups there determine the role. A removed user is added again with the next request; disable the user instead."
        }
        UserSource::Oidc | UserSource::Local => {
            "The OpenID Connect provider authenticates this user, and the user's groups there determine the role. A removed user is added again with the next login; disable the user instead."
        }
    }
}

/// A button that applies an action to a user.
#[component]
fn NamedAction(action: &'static str, label: &'static str, class: &'static str, name: String) -> impl IntoView {
    view! {
        <form method="post" action=ACTION>
            <input type="hidden" name="action" value=action />
            <input type="hidden" name="name" value=name />
            <button class=class data-testid=action>{label}</button>
        </form>
    }
    .into_any()
}

/// The form for a new user.
#[component]
pub(super) fn NewUser() -> impl IntoView {
    view! {
        <form method="post" action=ACTION class="secret-form" aria-label="Add a user">
            <h2>"Add a user"</h2>
            <input type="hidden" name="action" value="add-user" />
            <label for="user-name">"Name"</label>
            <input
                id="user-name"
                class="field"
                name="name"
                required
                maxlength="64"
                pattern="[A-Za-z0-9][A-Za-z0-9._@\\-]*"
                title="Letters, digits, '.', '_', '-' and '@', beginning with a letter or a digit"
                spellcheck="false"
                autocapitalize="off"
                autocomplete="off"
                data-testid="user-name"
            />
            <RoleField id="user-role".to_owned() role=Role::Operator />
            <PasswordField id="user-password".to_owned() label="Password" required=false />
            <p class="hint">
                "The password must have at least 10 characters, and the user can change it after logging in. If you leave the field empty, you get a one-time link with which the person logs in and chooses a password."
            </p>
            <button class="button primary" data-testid="add-user">"Add user"</button>
        </form>
    }
    .into_any()
}

/// The field for a role.
#[component]
fn RoleField(id: String, role: Role) -> impl IntoView {
    let options = Role::OF_PEOPLE.map(|option| {
        view! { <option value=option.as_str() selected=option == role>{option.as_str()}</option> }
    });
    view! {
        <label for=id.clone()>"Role"</label>
        <select id=id class="field" name="role">
            {options}
        </select>
    }
    .into_any()
}

/// The field for a user's password.
#[component]
fn PasswordField(id: String, label: &'static str, required: bool) -> impl IntoView {
    view! {
        <label for=id.clone()>{label}</label>
        <input
            id=id
            class="field"
            type="password"
            name="password"
            required=required
            minlength="10"
            autocomplete="new-password"
        />
    }
    .into_any()
}
