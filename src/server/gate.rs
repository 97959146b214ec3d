//! Checks the host, the origin, the credentials and the role of every request before its route is called.
//!
//! The access table (`server::access`) contains the requirement of each route. A path without a route requires a login,
//! unless it is one of the paths in `OPEN` or a file in one of the `OPEN_FOLDERS`. Paths that merely start or end like
//! one of these require a login too.

mod host;
pub(super) mod revocable;
mod sender;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ALLOW, ORIGIN, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use model::Role;

use super::AppState;
use super::access::{self, Requirement};
use super::audit::{AuditNote, PROXY};
use super::client::RequestClient;
use super::http::error::ApiError;
use super::http::oidc::login_path;
use super::http::refused_page;
use super::open_streams::{StreamRequest, is_stream};
use crate::auth::{Credential, ExternalError, Identity};
use crate::page_data::RefusedPerson;
pub(super) use host::RequestHost;
use sender::{NewSessionCookie, RequestSender, begin_proxied_session, identify, proxied_person};
pub(super) use sender::{cookie_value, session_cookie};

/// The paths without a route that do not require a login.
const OPEN: [&str; 2] = ["/favicon.svg", "/favicon.ico"];

/// The directories that do not require a login: the scripts, styles and fonts of the pages.
const OPEN_FOLDERS: [&str; 2] = ["/pkg/", "/fonts/"];

/// The directory of previews, whose paths contain a signed token.
const PREVIEWS: &str = "/previews/";

/// The paths used by programs. `/api` and `/rpc` include all paths below them. Unauthenticated requests to these paths
/// are refused with 401 instead of being redirected to the login page.
const FOR_PROGRAMS: [&str; 4] = ["/api", "/rpc", "/metrics", "/readyz"];

/// The only path below `/api` that is a page for people.
const API_PAGE: &str = "/api/docs";

/// Passes the request on, or responds with an error. If the sender is logged in, the request's extensions contain the
/// sender's [`Identity`]. If the sender's credential becomes invalid while a response is being sent, the response is
/// aborted.
pub(super) async fn gate(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut request = match check(&state, request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let identity = request.extensions().get::<Identity>().cloned();
    let cookie = request.extensions_mut().remove::<NewSessionCookie>();
    let mut reply = next.run(request).await;
    if let Some(NewSessionCookie(cookie)) = cookie {
        reply.headers_mut().append(SET_COOKIE, cookie);
    }
    match identity {
        Some(identity) if identity.by != Credential::AdminToken => {
            reply.map(|body| revocable::until(state.auth.clone().ended(identity), body))
        }
        _ => reply,
    }
}

/// Returns the request, or the error response if a check fails.
async fn check(state: &AppState, mut request: Request) -> Result<Request, Response> {
    let target = RequestHost::of(request.uri(), request.headers(), request.version());
    let target = target.map_err(IntoResponse::into_response)?;
    target.check(state, request.uri().path()).map_err(IntoResponse::into_response)?;
    request.extensions_mut().insert(target.clone());
    let client = request.extensions().get::<RequestClient>().copied();
    let person = proxied_person(state, client, &mut request).map_err(IntoResponse::into_response)?;
    let sender = identify(state, client, person.as_ref(), request.headers()).await;
    let sender = sender.map_err(IntoResponse::into_response)?;
    let (identity, refusal) = match sender {
        RequestSender::Known(identity) => (Some(identity), None),
        RequestSender::Refused(error) => (None, Some(error)),
        RequestSender::Nobody => (None, None),
        RequestSender::InvalidToken(error) => return Err(refuse_token(state, client, &request, error).into_response()),
    };
    if let (Some(note), Some(identity)) = (request.extensions().get::<AuditNote>(), &identity) {
        note.sender(identity);
    }
    let kind = RequestKind::of(&request);
    check_origin(kind, &request, &target, identity.as_ref()).map_err(IntoResponse::into_response)?;
    let requirement = requirement(&request);
    if let Some(error) = refusal.filter(|_| requirement != Some(Requirement::Open)) {
        return Err(refuse_person(state, request, &error).await);
    }
    match (requirement, identity) {
        (Some(Requirement::Open), identity) => {
            if let Some(identity) = identity {
                request.extensions_mut().insert(identity);
            }
            Ok(request)
        }
        (Some(Requirement::AtLeast(required)), Some(identity)) if identity.role.includes(required) => {
            if let (Some(client), Some(person)) = (client, &person) {
                let begun = begin_proxied_session(state, client, person, &identity, &mut request).await;
                begun.map_err(IntoResponse::into_response)?;
            }
            if kind == RequestKind::Stream {
                request.extensions_mut().insert(StreamRequest::checked(&identity));
            }
            request.extensions_mut().insert(identity);
            Ok(request)
        }
        (Some(Requirement::AtLeast(_)), Some(identity)) if is_page(&request) => {
            request.extensions_mut().insert(identity);
            Err(refused_page(state, request, None).await)
        }
        (Some(Requirement::AtLeast(Role::Worker)), Some(identity)) => {
            Err(ApiError::WorkerNotAuthorized(identity.role).into_response())
        }
        (Some(Requirement::AtLeast(_)), Some(identity)) => Err(ApiError::NotAuthorized(identity.role).into_response()),
        (None, Some(_)) => Err(no_such_route(&request)),
        (_, None) if request.uri().path().starts_with(PREVIEWS) => Err(ApiError::ArtifactNotFound.into_response()),
        (_, None) if is_page(&request) => Err(to_login(state, client, &request).into_response()),
        (_, None) => Err(ApiError::AuthRequired.into_response()),
    }
}

/// Returns what the route requires of the sender of a request, or `None` if the route is not in the access table.
fn requirement(request: &Request) -> Option<Requirement> {
    let path = request.uri().path();
    match request.extensions().get::<MatchedPath>() {
        Some(route) => access::requirement(request.method(), route.as_str(), path),
        None if is_open(path) => Some(Requirement::Open),
        None => Some(access::WITHOUT_ROUTE),
    }
}

/// Returns the response to a request whose route is not in the access table. In most cases, the path exists, but does
/// not support the method.
fn no_such_route(request: &Request) -> Response {
    let template = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    match HeaderValue::from_str(&access::methods(template)) {
        Ok(methods) if !methods.is_empty() => {
            let mut reply = ApiError::MethodNotAllowed.into_response();
            reply.headers_mut().insert(ALLOW, methods);
            reply
        }
        _ => ApiError::RouteNotFound.into_response(),
    }
}

fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || OPEN_FOLDERS.iter().any(|folder| path.strip_prefix(folder).is_some_and(is_plain))
}

/// Returns whether a path consists of plain names only, so that it cannot lead out of its directory. Percent-encoded
/// names are not plain: the code that renders pages resolves `..` even if it is percent-encoded.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain))
}

fn is_page(request: &Request) -> bool {
    let path = request.uri().path();
    let for_programs = FOR_PROGRAMS.contains(&path) || ["/api/", "/rpc/"].iter().any(|folder| path.starts_with(folder));
    request.method() == Method::GET && (!for_programs || path == API_PAGE)
}

fn to_login(state: &AppState, client: Option<RequestClient>, request: &Request) -> Redirect {
    let wanted = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let next = serde_urlencoded::to_string([("next", wanted)]).unwrap_or_default();
    Redirect::to(&format!("{}?{next}", login_path(state, client, request.headers())))
}

/// Counts a request whose token is not valid. Returns `error` or, if the client has sent too many such requests,
/// another error.
fn refuse_token(state: &AppState, client: Option<RequestClient>, request: &Request, error: ApiError) -> ApiError {
    let Some(client) = client else { return error };
    let count = state.auth.count_invalid_token(client.address);
    if let Some(note) = request.extensions().get::<AuditNote>() {
        note.invalid_token(count);
    }
    if count.is_beyond_limit { ApiError::TooManyRequests } else { error }
}

/// Returns the response to a person for whom a proxy vouches, but who has no access to this server.
async fn refuse_person(state: &AppState, request: Request, error: &ExternalError) -> Response {
    if let Some(note) = request.extensions().get::<AuditNote>() {
        note.refused_person(error.user().map(str::to_owned), PROXY);
    }
    let sentence = error.to_string();
    if is_page(&request) {
        let refused = RefusedPerson { status: StatusCode::FORBIDDEN.as_u16(), title: "Not allowed", sentence };
        refused_page(state, request, Some(refused)).await
    } else {
        ApiError::PersonRefused(sentence).into_response()
    }
}

/// Classifies requests by what another site could achieve if its page made a browser send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestKind {
    /// The request may change something.
    Unsafe,
    /// The request changes nothing, but opens a stream.
    Stream,
    /// The request changes nothing, and its response ends by itself.
    Plain,
}

impl RequestKind {
    fn of(request: &Request) -> Self {
        let template = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            Self::Unsafe
        } else if is_stream(template, request.uri(), request.headers()) {
            Self::Stream
        } else {
            Self::Plain
        }
    }
}

/// Checks the origin of a request. A page of another site can make a browser send requests with the session cookie.
/// Therefore, requests that change something or open a stream must come from the server's own pages, or from a program
/// other than a browser.
fn check_origin(
    kind: RequestKind,
    request: &Request,
    target: &RequestHost,
    identity: Option<&Identity>,
) -> Result<(), ApiError> {
    if kind == RequestKind::Plain {
        return Ok(());
    }
    let headers = request.headers();
    let https = request.extensions().get::<RequestClient>().is_some_and(|client| client.https);
    let by_session = identity.is_some_and(Identity::is_sent_by_browsers);
    let mut origins = headers.get_all(ORIGIN).iter();
    let mut sites = headers.get_all("sec-fetch-site").iter();
    // A browser sends each of `Origin` and `Sec-Fetch-Site` at most once, and the two agree. Requests in which they are
    // repeated or contradict each other are refused.
    let origin = origins.next().map(|origin| origin.to_str().is_ok_and(|origin| target.is_origin(origin, https)));
    let site = sites.next().map(|site| site == "same-origin" || site == "none");
    let is_repeated = origins.next().is_some() || sites.next().is_some();
    let ours = !is_repeated
        && match (origin, site) {
            // Browsers send `Origin` with every request that may change something. If both headers are missing from
            // such a request, it is from another program. It is allowed if it has no credential that browsers send
            // automatically.
            (None, None) => kind == RequestKind::Stream || !by_session,
            (origin, site) => origin.unwrap_or(true) && site.unwrap_or(true),
        };
    if ours { Ok(()) } else { Err(ApiError::OriginNotAllowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_an_open_folder_require_a_login() {
        for path in ["/favicon.ico", "/pkg/tailwater.js", "/pkg/snippets/a-1/b_2.js", "/fonts/inter.woff2"] {
            assert!(is_open(path), "{path}");
        }
        for path in
            ["/pkg/../tasks/queue", "/pkg/%2e%2e/tasks/queue", "/pkg/a/..", "/pkg//x", "/pkg/", "/pkg", "/favicon.ico/"]
        {
            assert!(!is_open(path), "{path}");
        }
    }
}
