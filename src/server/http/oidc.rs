//! Logs people in with an OpenID Connect provider: one route redirects the browser to the provider, and the other
//! handles the browser's return.
//!
//! Browsers request both routes by following links and redirects, so logins work without scripts. Until the provider's
//! answer has been verified, the routes change only the list of started logins.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::error::ApiError;
use super::refused_page;
use super::session::{HOME, cookie_header, is_local, login_client, new_session_cookie};
use crate::auth::{BegunSession, ExternalError};
use crate::limits::{SESSION, STARTED_LOGIN};
use crate::oidc::{FinishedLogin, LoginStart, Oidc, OidcError, ProviderAnswer};
use crate::page_data::RefusedPerson;
use crate::server::AppState;
use crate::server::audit::{AuditNote, OIDC_LOGIN};
use crate::server::client::RequestClient;
use crate::server::gate::{RequestHost, cookie_value, session_cookie};

/// The path at which a login starts.
pub(super) const START: &str = "/login/oidc";

/// The path to which the provider sends the browser back. Operators register it at the provider.
pub(super) const CALLBACK: &str = "/login/oidc/callback";

/// The properties of a request that both routes use.
struct LoginRequest {
    client: RequestClient,
    host: RequestHost,
    note: AuditNote,
}

impl LoginRequest {
    fn of(parts: &Parts) -> Option<Self> {
        let extensions = &parts.extensions;
        Some(Self {
            client: *extensions.get()?,
            host: extensions.get::<RequestHost>()?.clone(),
            note: extensions.get::<AuditNote>()?.clone(),
        })
    }
}

/// Sends the browser to the provider.
pub(super) async fn start(State(state): State<AppState>, parts: Parts) -> Response {
    let (Some(oidc), Some(about)) = (&state.oidc, LoginRequest::of(&parts)) else {
        return ApiError::RouteNotFound.into_response();
    };
    let next = parameter(&parts, "next").filter(|next| is_local(next));
    let redirect = format!("{}{CALLBACK}", about.host.origin(about.client.https));
    let name = state.auth.login_cookie_name(about.client.https);
    let browser = cookie_value(&parts.headers, &name);
    match oidc.start(redirect, next, about.client.address, browser).await {
        Ok(LoginStart { url, cookie }) => {
            let mut reply = Redirect::to(&url).into_response();
            set_cookie(&mut reply, about.client, &name, &cookie, STARTED_LOGIN);
            reply
        }
        Err(error) => failed(&state, parts, &about.note, LoginFailure::of(&error)).await,
    }
}

/// Handles the browser's return from the provider, and begins a session if the provider's answer is valid.
pub(super) async fn finish(State(state): State<AppState>, parts: Parts) -> Response {
    let (Some(oidc), Some(about)) = (&state.oidc, LoginRequest::of(&parts)) else {
        return ApiError::RouteNotFound.into_response();
    };
    let https = about.client.https;
    let name = state.auth.login_cookie_name(https);
    let browser = cookie_value(&parts.headers, &name).map(str::to_owned);
    let (mut reply, is_logged_in) = match log_in(&state, oidc, &about, &parts, browser.as_deref()).await {
        Ok(reply) => (reply, true),
        Err(failure) => (failed(&state, parts, &about.note, failure).await, false),
    };
    // Logins that were started in other tabs of the browser may not be finished yet, and need the cookie.
    if !browser.is_some_and(|browser| oidc.has_started(&browser)) {
        set_cookie(&mut reply, about.client, &name, "", Duration::ZERO);
    }
    // After a failure, the next request for a page is redirected to the login page again, so that the person can log in
    // another way.
    let (mark, lifetime) = if is_logged_in { ("1", SESSION) } else { ("", Duration::ZERO) };
    set_cookie(&mut reply, about.client, &state.auth.provider_cookie_name(https), mark, lifetime);
    reply
}

/// Returns the path to which a browser without a valid session is redirected. If the browser's last login was with the
/// provider, this path leads to the provider again. A person who is still logged in there then sees no login page.
pub(in crate::server) fn login_path(
    state: &AppState,
    client: Option<RequestClient>,
    headers: &HeaderMap,
) -> &'static str {
    let is_marked =
        |client: RequestClient| cookie_value(headers, &state.auth.provider_cookie_name(client.https)).is_some();
    if state.oidc.is_some() && client.is_some_and(is_marked) { START } else { "/login" }
}

async fn log_in(
    state: &AppState,
    oidc: &Oidc,
    about: &LoginRequest,
    parts: &Parts,
    browser: Option<&str>,
) -> Result<Response, LoginFailure> {
    let answer = ProviderAnswer {
        code: parameter(parts, "code"),
        state: parameter(parts, "state"),
        issuer: parameter(parts, "iss"),
        error: parameter(parts, "error"),
        description: parameter(parts, "error_description"),
    };
    let headers = &parts.headers;
    let finished = oidc.finish(answer, browser).await;
    let FinishedLogin { person, next } = finished.map_err(|error| LoginFailure::of(&error))?;
    let browser = login_client(about.client, parts.extensions.get(), headers);
    let begun = state.auth.login_by_provider(&person, &browser).await;
    let BegunSession { cookie, user } = begun.map_err(LoginFailure::of_person)?;
    about.note.login();
    about.note.logged_in(user, OIDC_LOGIN);
    // The browser's former session is ended, because a login always begins a new session with a new id.
    if let Some(former) = session_cookie(state, about.client, headers)
        && let Err(error) = state.auth.logout(former).await
    {
        tracing::warn!(%error, "a browser's former session was not ended");
    }
    let mut reply = Redirect::to(next.as_deref().unwrap_or(HOME)).into_response();
    if let Some(cookie) = new_session_cookie(state, about.client, &cookie) {
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(reply)
}

/// A failed login: the status and the text of the page, and the reason and the person for the audit log.
struct LoginFailure {
    status: StatusCode,
    sentence: String,
    /// The reason, a fixed text for the audit log and the server's log.
    word: &'static str,
    /// The person whom the provider has authenticated, or `None` if it has not authenticated anybody.
    person: Option<RefusedUser>,
}

/// A person whom the provider has authenticated, but whom this server refuses. Contains the name of the user, or `None`
/// if the error does not name one.
struct RefusedUser(Option<String>);

impl LoginFailure {
    fn of(error: &OidcError) -> Self {
        let status = match error {
            OidcError::Unreachable(_) | OidcError::Busy | OidcError::NotBuilt | OidcError::Setting(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            OidcError::NotStarted | OidcError::Refused(_) | OidcError::Untrusted(_) | OidcError::NoName(_) => {
                StatusCode::UNAUTHORIZED
            }
        };
        Self { status, sentence: sentence(&error.to_string()), word: error.word(), person: None }
    }

    fn of_person(error: ExternalError) -> Self {
        let person = Some(RefusedUser(error.user().map(str::to_owned)));
        match error {
            ExternalError::Db(error) => {
                let sentence = ApiError::from(error).to_string();
                Self { status: StatusCode::SERVICE_UNAVAILABLE, sentence, word: "database unavailable", person }
            }
            error => {
                let text = error.to_string();
                // A user's name at the beginning of the text is not capitalised.
                let begins_with_user = error.user().is_some_and(|user| text.starts_with(user));
                let sentence = if begins_with_user { text } else { sentence(&text) };
                Self { status: StatusCode::FORBIDDEN, sentence, word: "no access", person }
            }
        }
    }
}

/// Returns the text of an error with a capital letter at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Returns the page that shows why a login has failed, and records the failure.
async fn failed(state: &AppState, parts: Parts, note: &AuditNote, failure: LoginFailure) -> Response {
    let LoginFailure { status, sentence, word, person } = failure;
    tracing::info!(reason = word, "a login with the OpenID Connect provider failed");
    note.login();
    note.login_attempt();
    note.object(format!("{OIDC_LOGIN}: {word}"));
    note.outcome(status);
    if let Some(RefusedUser(user)) = person {
        note.refused_person(user, OIDC_LOGIN);
    }
    let refused = RefusedPerson { status: status.as_u16(), title: "The login failed", sentence };
    refused_page(state, Request::from_parts(parts, Body::empty()), Some(refused)).await
}

/// Adds a cookie to a response.
fn set_cookie(reply: &mut Response, client: RequestClient, name: &str, value: &str, lifetime: Duration) {
    if let Some(cookie) = cookie_header(client, name, value, lifetime.as_secs()) {
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Returns a query parameter, or `None` if it does not occur exactly once. Other parameters, which providers may add,
/// are ignored.
fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(parts.uri.query()?).ok()?;
    let mut values = pairs.into_iter().filter(|(key, _)| key == name).map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}
