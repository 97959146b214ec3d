//! Logs users in and out, with plain forms that work without scripts.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::error::ApiError;
use crate::auth::{BegunSession, ExternalPerson, LoginClient, LoginError, Secret};
use crate::limits::SESSION;
use crate::server::AppState;
use crate::server::audit::AuditNote;
use crate::server::client::RequestClient;
use crate::server::gate::{cookie_value, session_cookie};

/// The page to which a login redirects the browser if no other page was requested.
pub(super) const HOME: &str = "/tasks/queue";

/// The page to which a login redirects the browser as long as there are no users, so that the first user can be added.
const PEOPLE: &str = "/people";

/// The kind of credential in the audit log for a login with a one-time link.
const LOGIN_LINK: &str = "login_link";

/// The fields of the login form. A login requires one of these: a name and a password, the admin token, the ticket of
/// the link that the server printed, or the ticket of a user's login link. In the last case, the user can also enter a
/// new password.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoginForm {
    name: Option<String>,
    password: Option<String>,
    token: Option<String>,
    ticket: Option<String>,
    user_ticket: Option<String>,
    new_password: Option<String>,
    next: Option<String>,
}

/// Describes the browser that has sent a request. `person` is the person for whom a reverse proxy vouches, or `None` if
/// no proxy vouches for anybody.
pub(in crate::server) fn login_client(
    client: RequestClient,
    person: Option<&ExternalPerson>,
    headers: &HeaderMap,
) -> LoginClient {
    let browser = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    LoginClient { address: client.address, browser, proxy_user: person.map(|person| person.subject.clone()) }
}

pub(super) async fn login(
    State(state): State<AppState>,
    Extension(client): Extension<RequestClient>,
    Extension(note): Extension<AuditNote>,
    person: Option<Extension<ExternalPerson>>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let LoginForm { name, password, token, ticket, user_ticket, new_password, next } = match form {
        Ok(Form(login)) => login,
        Err(rejection) => return refuse(&state, &rejection).into_response(),
    };
    let (auth, browser) = (&state.auth, login_client(client, person.as_deref(), &headers));
    let next = next.map(|next| if is_local(&next) { next } else { HOME.to_owned() });
    note.login_attempt();
    let has_new_password = new_password.as_ref().is_some_and(|password| !password.is_empty());
    let (result, way) = match (&user_ticket, &ticket, &name) {
        (Some(ticket), ..) => (auth.login_by_user_ticket(ticket, new_password, &browser).await, LOGIN_LINK),
        (None, Some(ticket), _) => (auth.login_by_ticket(ticket, &browser).await, LOGIN_LINK),
        (None, None, Some(name)) => {
            (auth.login_by_password(name, password.unwrap_or_default(), &browser).await, "password")
        }
        (None, None, None) => (auth.login(token.unwrap_or_default().trim(), &browser).await, "admin_token"),
    };
    match result {
        Ok(BegunSession { cookie, user }) => {
            note.logged_in(user, way);
            if user_ticket.is_some() && has_new_password {
                note.details("new password".to_owned());
            }
            // The browser's former session is ended, because a login always begins a new session with a new id.
            if let Some(former) = session_cookie(&state, client, &headers)
                && let Err(error) = auth.logout(former).await
            {
                tracing::warn!(%error, "a browser's former session was not ended");
            }
            let next = match next {
                Some(next) => next,
                None => home(&state).await.to_owned(),
            };
            with_cookie(&state, client, &headers, Redirect::to(&next), cookie.expose(), SESSION.as_secs())
        }
        Err(LoginError::Db(error)) => ApiError::from(error).into_response(),
        Err(error) => {
            note.outcome(match error {
                LoginError::NewPassword => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::UNAUTHORIZED,
            });
            // A name is recorded only if a user has this name, because somebody may have typed a password into the
            // field for the name.
            if let Some(name) = name.as_deref().filter(|_| way == "password")
                && let Ok(Some(user)) = auth.stored_name(name).await
            {
                note.object(user);
            }
            let word = match error {
                LoginError::TicketSpent => "expired",
                LoginError::LinkEnded => "link",
                LoginError::NewPassword => "newPassword",
                LoginError::TooMany => "limited",
                LoginError::Busy => "busy",
                _ if way == "password" => "password",
                _ => "invalid",
            };
            let next = next.as_deref().unwrap_or(HOME);
            let mut query = vec![("error", word), ("next", next)];
            // If the new password was not accepted, the link still works, so the form for the new password is shown
            // again.
            query.extend(user_ticket.as_deref().filter(|_| word == "newPassword").map(|ticket| ("userTicket", ticket)));
            let query = serde_urlencoded::to_string(query).unwrap_or_default();
            Redirect::to(&format!("/login?{query}")).into_response()
        }
    }
}

/// Returns the page to which a login redirects the browser. As long as there are no users, this is the page on which
/// the first user can be added.
async fn home(state: &AppState) -> &'static str {
    match state.auth.has_users().await {
        Ok(false) => PEOPLE,
        Ok(true) | Err(_) => HOME,
    }
}

fn refuse(state: &AppState, rejection: &FormRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::PayloadTooLarge(state.config.body_bytes),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType("application/x-www-form-urlencoded"),
        _ => ApiError::InvalidPayload(
            "the login form requires name and password, token, ticket, or userTicket; next is optional, and so is newPassword with userTicket; no field may be repeated"
                .into(),
        ),
    }
}

pub(super) async fn logout(
    State(state): State<AppState>,
    Extension(client): Extension<RequestClient>,
    person: Option<Extension<ExternalPerson>>,
    headers: HeaderMap,
) -> Response {
    if let Some(cookie) = session_cookie(&state, client, &headers)
        && let Err(error) = state.auth.logout(cookie).await
    {
        return ApiError::from(error).into_response();
    }
    // The proxy still vouches for the person. The login page therefore warns that opening another page begins a new
    // session.
    let page = if person.is_some() { "/login?signed-out=proxy" } else { "/login" };
    with_cookie(&state, client, &headers, Redirect::to(page), "", 0)
}

/// Returns the header that sets the cookie of a new session, or `None` if the cookie cannot be sent in a header.
///
/// If a proxy or a provider has authenticated the person, browsers keep the cookie for longer than the session lasts,
/// because the server may postpone the session's end.
pub(in crate::server) fn new_session_cookie(
    state: &AppState,
    client: RequestClient,
    cookie: &Secret,
) -> Option<HeaderValue> {
    cookie_header(client, state.auth.cookie_name(client.https), cookie.expose(), SESSION.as_secs())
}

/// Returns the redirect that completes a login with a form, or a logout. If the browser's previous login was with the
/// OpenID Connect provider, the response also deletes the cookie that records this. The browser is then no longer
/// redirected to the provider automatically.
fn with_cookie(
    state: &AppState,
    client: RequestClient,
    headers: &HeaderMap,
    redirect: Redirect,
    value: &str,
    seconds: u64,
) -> Response {
    let mut reply = redirect.into_response();
    if let Some(cookie) = cookie_header(client, state.auth.cookie_name(client.https), value, seconds) {
        reply.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    let provider = state.auth.provider_cookie_name(client.https);
    if cookie_value(headers, &provider).is_some()
        && let Some(cookie) = cookie_header(client, &provider, "", 0)
    {
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
    reply
}

/// Returns the header that sets a cookie, which expires after the given number of seconds. Returns `None` if `value`
/// cannot be sent in a header. Scripts cannot read the cookie. Browsers do not send it with POST requests from other
/// sites, but they do send it when the OpenID Connect provider redirects them.
pub(super) fn cookie_header(client: RequestClient, name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
    let secure = if client.https { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&cookie).ok()
}

/// Returns whether `next` is a path on this server. It must start with a single slash, and must not contain anything
/// that browsers would interpret as another host.
pub(super) fn is_local(next: &str) -> bool {
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
