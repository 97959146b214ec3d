//! The forms of the people page and of the account page, which work without scripts.
//!
//! Each form is posted to the path of its page, and names its action. The response redirects to the page with a URL
//! that contains the result. New API tokens and login links are an exception: they are shown in the response itself, so
//! that the browser's history does not contain them.

use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use leptos::prelude::provide_context;
use model::{NewApiToken, NewLoginLink, NewUser, PasswordChange, Role, SessionId, TokenId, UserChanges};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::app;
use crate::auth::{Identity, PeopleError};
use crate::server::AppState;
use crate::server::audit::AuditNote;
use crate::server::client::RequestClient;
use crate::server::gate::RequestHost;
use crate::server::http::error::ApiError;
use crate::server::http::people::{login_link, of_changes, of_login_link, of_new_user, of_token, revoke};
use crate::server::http::session::login_client;
use crate::server::pages::{NewLoginLinkToShow, NewTokenToShow};

/// The forms of the people page.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub(in crate::server::http) enum PeopleForm {
    /// Adds a user. If `password` is empty, a login link is created for the new user.
    AddUser {
        name: String,
        role: Role,
        #[serde(default)]
        password: String,
    },
    SetRole {
        name: String,
        role: Role,
    },
    SetPassword {
        name: String,
        password: String,
    },
    #[serde(rename_all = "camelCase")]
    CreateLoginLink {
        name: String,
        expires_in_hours: String,
    },
    RevokeLoginLink {
        name: String,
    },
    DisableUser {
        name: String,
    },
    EnableUser {
        name: String,
    },
    RemoveUser {
        name: String,
    },
    EndSession {
        id: SessionId,
    },
    RevokeToken {
        id: TokenId,
    },
}

/// The forms of the account page.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub(in crate::server::http) enum AccountForm {
    #[serde(rename_all = "camelCase")]
    ChangePassword {
        current_password: String,
        new_password: String,
    },
    EndSession {
        id: SessionId,
    },
    #[serde(rename_all = "camelCase")]
    CreateToken {
        name: String,
        role: Role,
        expires_in_days: String,
        /// Names separated by commas. This field and the next two limit what a worker can claim with the token. For
        /// tokens with other roles, they must be empty.
        #[serde(default)]
        allowed_job_types: String,
        #[serde(default)]
        allowed_repositories: String,
        #[serde(default)]
        capabilities: String,
    },
    RevokeToken {
        id: TokenId,
    },
}

impl PeopleForm {
    /// Returns the form's action and the object of the action, for the audit log.
    fn audited(&self) -> (&'static str, String) {
        match self {
            Self::AddUser { name, .. } => ("user.add", name.clone()),
            Self::SetRole { name, .. } | Self::DisableUser { name } | Self::EnableUser { name } => {
                ("user.change", name.clone())
            }
            Self::SetPassword { name, .. } => ("user.password", name.clone()),
            Self::CreateLoginLink { name, .. } => ("link.create", name.clone()),
            Self::RevokeLoginLink { name } => ("link.revoke", name.clone()),
            Self::RemoveUser { name } => ("user.remove", name.clone()),
            Self::EndSession { id } => ("session.end", id.to_string()),
            Self::RevokeToken { id } => ("token.revoke", id.to_string()),
        }
    }
}

impl AccountForm {
    /// Returns the form's action and the object of the action, for the audit log.
    fn audited(&self, identity: &Identity) -> (&'static str, String) {
        match self {
            Self::ChangePassword { .. } => ("user.password", identity.user.clone()),
            Self::EndSession { id } => ("session.end", id.to_string()),
            Self::RevokeToken { id } => ("token.revoke", id.to_string()),
            Self::CreateToken { name, .. } => ("token.create", name.clone()),
        }
    }
}

/// Handles the forms of the people page.
pub(in crate::server::http) async fn people(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(client): Extension<RequestClient>,
    Extension(host): Extension<RequestHost>,
    Extension(note): Extension<AuditNote>,
    request: Request,
) -> Result<Response, ApiError> {
    let (form, parts): (PeopleForm, Parts) = received(&state, request).await?;
    let (action, object) = form.audited();
    note.action(action);
    note.object(object);
    let auth = &state.auth;
    let change = async |name: &str, changes: UserChanges| {
        note.details(of_changes(&changes));
        auth.change_user(name, changes, &identity).await.map(drop)
    };
    let mut created = None;
    let mut create_link = async |name: &str, expires_in_hours: Option<u32>| {
        let ticket = auth.create_login_link(name, NewLoginLink { expires_in_hours }, &identity).await?;
        created = Some(login_link(ticket, client, &host));
        Ok(())
    };
    let (word, done) = match form {
        PeopleForm::AddUser { name, role, password } => {
            note.details(of_new_user(role));
            let password = Some(password).filter(|password| !password.is_empty());
            let is_invited = password.is_none();
            let new = NewUser { name: name.trim().to_owned(), role, password };
            let added = match auth.add_user(new, &identity).await {
                Ok(user) if is_invited => create_link(&user.name, None).await,
                added => added.map(drop),
            };
            ("added", added)
        }
        PeopleForm::CreateLoginLink { name, expires_in_hours } => {
            let hours = expires_in_hours.trim().parse();
            let hours = hours.map_err(|_| PeopleError::Invalid { field: "expiresInHours", problem: String::new() });
            let done = match hours {
                Ok(hours) => create_link(&name, Some(hours)).await,
                Err(error) => Err(error),
            };
            ("linked", done)
        }
        PeopleForm::RevokeLoginLink { name } => ("unlinked", auth.revoke_login_link(&name, &identity).await),
        PeopleForm::SetRole { name, role } => {
            ("changed", change(&name, UserChanges { role: Some(role), ..UserChanges::default() }).await)
        }
        PeopleForm::SetPassword { name, password } => {
            ("changed", change(&name, UserChanges { password: Some(password), ..UserChanges::default() }).await)
        }
        PeopleForm::DisableUser { name } => {
            ("disabled", change(&name, UserChanges { disabled: Some(true), ..UserChanges::default() }).await)
        }
        PeopleForm::EnableUser { name } => {
            ("enabled", change(&name, UserChanges { disabled: Some(false), ..UserChanges::default() }).await)
        }
        PeopleForm::RemoveUser { name } => ("removed", auth.remove_user(&name, &identity).await),
        PeopleForm::EndSession { id } => ("ended", auth.end_session(id, &identity).await),
        PeopleForm::RevokeToken { id } => ("revoked", revoke(&state, id, &identity).await),
    };
    match created {
        Some(link) => {
            if action == "link.create" {
                note.details(of_login_link(&link));
            }
            Ok(show(&state, parts, NewLoginLinkToShow(link)).await)
        }
        None => Ok(back_to("/people", word, done, &note)?.into_response()),
    }
}

/// Returns the form in a request, and the rest of the request.
async fn received<T: DeserializeOwned>(state: &AppState, request: Request) -> Result<(T, Parts), ApiError> {
    let (parts, body) = request.into_parts();
    let form = Form::from_request(Request::from_parts(parts.clone(), body), state).await;
    let Form(form) = form.map_err(|_: FormRejection| unknown())?;
    Ok((form, parts))
}

/// Handles the forms of the account page.
pub(in crate::server::http) async fn account(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(client): Extension<RequestClient>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let (form, parts): (AccountForm, Parts) = received(&state, request).await?;
    let (action, object) = form.audited(&identity);
    note.action(action);
    note.object(object);
    let auth = &state.auth;
    let (word, done) = match form {
        AccountForm::ChangePassword { current_password, new_password } => {
            let change = PasswordChange { current_password, new_password };
            ("password", auth.change_own_password(change, &identity, &login_client(client, None, &headers)).await)
        }
        AccountForm::EndSession { id } => ("ended", auth.end_session(id, &identity).await),
        AccountForm::RevokeToken { id } => ("revoked", revoke(&state, id, &identity).await),
        AccountForm::CreateToken {
            name,
            role,
            expires_in_days,
            allowed_job_types,
            allowed_repositories,
            capabilities,
        } => {
            let days = expires_in_days.trim().parse();
            let days = days.map_err(|_| PeopleError::Invalid { field: "expiresInDays", problem: String::new() });
            let created = match days {
                Ok(days) => {
                    let new = NewApiToken {
                        name,
                        role: Some(role),
                        expires_in_days: Some(days),
                        description: None,
                        allowed_job_types: Some(names(&allowed_job_types)),
                        allowed_repositories: Some(names(&allowed_repositories)),
                        capabilities: Some(names(&capabilities)),
                    };
                    auth.create_token(new, &identity).await
                }
                Err(error) => Err(error),
            };
            match created {
                Ok(token) => {
                    note.details(of_token(&token.about));
                    return Ok(show(&state, parts, NewTokenToShow(token)).await);
                }
                Err(error) => ("created", Err(error)),
            }
        }
    };
    Ok(back_to("/account", word, done, &note)?.into_response())
}

/// Returns the names in a field with names separated by commas.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Renders the page of a form with a new token or a new login link.
async fn show<T: Clone + Send + Sync + 'static>(state: &AppState, parts: Parts, created: T) -> Response {
    let (state, options) = (state.clone(), state.leptos.clone());
    let context = move || {
        provide_context(state.clone());
        provide_context(created.clone());
    };
    let render = leptos_axum::render_app_async_with_context(context, move || app::shell(options.clone()));
    render(Request::from_parts(parts, Body::empty())).await.into_response()
}

/// Redirects to a page with a URL that contains the result or a word for the error. A database error is returned
/// instead.
fn back_to(page: &str, word: &str, done: Result<(), PeopleError>, note: &AuditNote) -> Result<Redirect, ApiError> {
    if done.is_err() {
        note.outcome(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let query = match done {
        Ok(()) => [("done", word)],
        Err(PeopleError::Invalid { field, .. }) => [("error", field)],
        Err(PeopleError::NoSuchUser) => [("error", "user")],
        Err(PeopleError::NoSuchSession) => [("error", "session")],
        Err(PeopleError::NoSuchToken) => [("error", "token")],
        Err(PeopleError::NotAuthorized(_)) => [("error", "role")],
        Err(PeopleError::TooMany | PeopleError::Busy) => [("error", "limited")],
        Err(error @ PeopleError::Db(_)) => return Err(error.into()),
    };
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    Ok(Redirect::to(&format!("{page}?{query}")))
}

fn unknown() -> ApiError {
    ApiError::InvalidPayload("the form has missing or unknown fields; reload the page".into())
}
