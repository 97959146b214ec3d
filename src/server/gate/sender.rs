//! Identifies the sender of a request by a bearer token, the token of a worker, a reverse proxy that vouches for a
//! person, or a session.

use axum::extract::Request;
use axum::http::header::{ACCEPT, AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use model::Role;

use super::is_page;
use crate::auth::{Credential, ExternalError, ExternalPerson, Identity};
use crate::server::AppState;
use crate::server::audit::AuditNote;
use crate::server::client::RequestClient;
use crate::server::http::error::ApiError;
use crate::server::http::session::{login_client, new_session_cookie};

/// The `Set-Cookie` header for a session that begins with this request.
#[derive(Clone)]
pub(super) struct NewSessionCookie(pub(super) HeaderValue);

/// The sender of a request.
pub(super) enum RequestSender {
    /// Nobody is logged in.
    Nobody,
    /// A person or a program.
    Known(Identity),
    /// A person whom a reverse proxy has authenticated, but who has no access to this server.
    Refused(ExternalError),
    /// A program whose token is not valid, with the error to return.
    InvalidToken(ApiError),
}

/// The header in which workers may send their token instead of in `Authorization`. Workers that were written for older
/// servers use it.
const WORKER_TOKEN: HeaderName = HeaderName::from_static("x-moonmind-worker-token");

/// Returns the sender of the request. The header for workers accepts only the token of a worker.
///
/// An `Authorization` header with a scheme other than `Bearer` is ignored. It may be meant for a proxy in front of the
/// server that also passes it on. If the proxy vouches for a person, the session in the request is used only if it
/// began while the proxy vouched for the same person. Any other session is ended.
pub(super) async fn identify(
    state: &AppState,
    client: Option<RequestClient>,
    person: Option<&ExternalPerson>,
    headers: &HeaderMap,
) -> Result<RequestSender, ApiError> {
    if let Some(token) = headers.get_all(AUTHORIZATION).iter().find_map(bearer) {
        let identity = match std::str::from_utf8(token) {
            Ok(token) => state.auth.bearer(token).await?,
            Err(_) => None,
        };
        return Ok(identity.map_or(RequestSender::InvalidToken(ApiError::AuthRequired), RequestSender::Known));
    }
    if let Some(token) = headers.get(&WORKER_TOKEN) {
        let identity = match token.to_str() {
            Ok(token) => state.auth.bearer(token.trim()).await?,
            Err(_) => None,
        };
        return match identity {
            Some(identity) if identity.role == Role::Worker => Ok(RequestSender::Known(identity)),
            Some(_) => Err(ApiError::WorkerAuthFailed),
            None => Ok(RequestSender::InvalidToken(ApiError::WorkerAuthFailed)),
        };
    }
    let cookie = client.and_then(|client| session_cookie(state, client, headers));
    let identity = match (person, cookie) {
        (Some(person), cookie) => match state.auth.proxied(person, cookie).await {
            Ok(identity) => Some(identity),
            Err(ExternalError::Db(error)) => return Err(error.into()),
            Err(refusal) => return Ok(RequestSender::Refused(refusal)),
        },
        (None, Some(cookie)) => state.auth.session(cookie).await?,
        (None, None) => None,
    };
    Ok(identity.map_or(RequestSender::Nobody, RequestSender::Known))
}

/// Returns the person for whom a trusted proxy vouches, or `None` if there is none. Adds the person to the request's
/// extensions.
pub(super) fn proxied_person(
    state: &AppState,
    client: Option<RequestClient>,
    request: &mut Request,
) -> Result<Option<ExternalPerson>, ApiError> {
    let (Some(client), Some(names)) = (client, &state.proxy_headers) else { return Ok(None) };
    let person = names.person(client, request.headers())?;
    if let Some(person) = &person {
        request.extensions_mut().insert(person.clone());
    }
    Ok(person)
}

/// Begins a session when a person for whom a proxy vouches loads a page. The session's cookie authenticates requests
/// for streams, because many proxies do not authenticate them.
///
/// No session begins for programs, which do not ask for HTML. They do not store cookies, so each of their requests
/// would begin another session.
pub(super) async fn begin_proxied_session(
    state: &AppState,
    client: RequestClient,
    person: &ExternalPerson,
    identity: &Identity,
    request: &mut Request,
) -> Result<(), ApiError> {
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !matches!(identity.by, Credential::Proxy(_)) || !is_page(request) || !accepts.contains("text/html") {
        return Ok(());
    }
    let browser = login_client(client, Some(person), request.headers());
    let cookie = state.auth.begin_proxied_session(identity, &browser).await?;
    if let Some(cookie) = new_session_cookie(state, client, &cookie) {
        request.extensions_mut().insert(NewSessionCookie(cookie));
    }
    if let Some(note) = request.extensions().get::<AuditNote>() {
        note.login();
    }
    Ok(())
}

/// Returns the bearer token, which may be empty, or `None` if the credentials have another scheme.
fn bearer(credentials: &HeaderValue) -> Option<&[u8]> {
    let credentials = credentials.as_bytes();
    let (scheme, token) = credentials.split_at_checked("bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer") && matches!(token.first(), None | Some(b' ' | b'\t'));
    is_bearer.then(|| token.trim_ascii())
}

/// Returns the value of the session cookie, or `None` if the request has none.
pub(in crate::server) fn session_cookie<'a>(
    state: &AppState,
    client: RequestClient,
    headers: &'a HeaderMap,
) -> Option<&'a str> {
    cookie_value(headers, state.auth.cookie_name(client.https))
}

/// Returns the value of the cookie with this name, or `None` if the request has none.
///
/// The header is parsed here, because a cookie crate would save only these five lines and add a date library.
pub(in crate::server) fn cookie_value<'a>(headers: &'a HeaderMap, expected: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == expected).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_credentials_are_used() {
        let table: [(&[u8], Option<&[u8]>); 9] = [
            (b"Bearer abc", Some(b"abc")),
            (b"bEARER   abc ", Some(b"abc")),
            (b"Bearer", Some(b"")),
            (b"Bearer ", Some(b"")),
            (b"Bearer \xe9", Some(b"\xe9")),
            (b"Basic YWRtaW46YWRtaW4=", None),
            (b"Bearers abc", None),
            (b"Negotiate", None),
            (b"", None),
        ];
        for (credentials, token) in table {
            let value = HeaderValue::from_bytes(credentials).expect("it is a header value");
            assert_eq!(bearer(&value), token, "{value:?}");
        }
    }
}
