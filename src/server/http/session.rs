//! Logs users in and out, with plain forms that work without scripts.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::error::ApiError;
use crate::auth::LoginError;
use crate::limits::SESSION;
use crate::server::AppState;
use crate::server::client::Client;
use crate::server::gate::session_cookie;

/// The page to which a login redirects the browser if no other page was requested.
const HOME: &str = "/tasks/queue";

/// The fields of the login form, which contains a token or the ticket of a login link.
#[derive(Deserialize)]
pub(super) struct LoginForm {
    token: Option<String>,
    ticket: Option<String>,
    next: Option<String>,
}

pub(super) async fn login(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let login = match form {
        Ok(Form(login)) => login,
        Err(rejection) => return refuse(&state, &rejection).into_response(),
    };
    let result = match (&login.ticket, &login.token) {
        (Some(ticket), _) => state.auth.login_by_ticket(ticket, client.address).await,
        (None, token) => state.auth.login(token.as_deref().unwrap_or_default().trim(), client.address).await,
    };
    let next = login.next.as_deref().filter(|next| is_local(next)).unwrap_or(HOME);
    match result {
        Ok(cookie) => with_cookie(&state, client, Redirect::to(next), cookie.expose(), SESSION.as_secs()),
        Err(LoginError::Db(error)) => ApiError::from(error).into_response(),
        Err(error) => {
            let word = match error {
                LoginError::TicketSpent => "expired",
                LoginError::TooMany => "limited",
                _ => "invalid",
            };
            let query = serde_urlencoded::to_string([("error", word), ("next", next)]).unwrap_or_default();
            Redirect::to(&format!("/login?{query}")).into_response()
        }
    }
}

fn refuse(state: &AppState, rejection: &FormRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::PayloadTooLarge(state.config.body_bytes),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType("application/x-www-form-urlencoded"),
        _ => ApiError::InvalidPayload(
            "the login form requires token or ticket; next is optional; no field may be repeated".into(),
        ),
    }
}

pub(super) async fn logout(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Response {
    if let Some(cookie) = session_cookie(&state, client, &headers)
        && let Err(error) = state.auth.logout(cookie).await
    {
        return ApiError::from(error).into_response();
    }
    with_cookie(&state, client, Redirect::to("/login"), "", 0)
}

/// Sets the session cookie, which expires after the given number of seconds. Scripts cannot read the cookie, and
/// browsers do not send it with POST requests from other sites.
fn with_cookie(state: &AppState, client: Client, redirect: Redirect, value: &str, seconds: u64) -> Response {
    let name = state.auth.cookie_name(client.https);
    let secure = if client.https { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    let mut reply = redirect.into_response();
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        reply.headers_mut().insert(header::SET_COOKIE, value);
    }
    reply
}

/// Returns whether `next` is a path on this server: it must start with a single slash, and must not contain anything
/// that browsers would interpret as another host.
fn is_local(next: &str) -> bool {
    next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_never_redirects_to_another_server() {
        for next in ["/tasks/queue", "/tasks/queue/1?x=2#L3"] {
            assert!(is_local(next), "{next}");
        }
        for next in ["", "tasks", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/\t/evil"] {
            assert!(!is_local(next), "{next}");
        }
    }
}
