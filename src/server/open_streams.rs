//! Decides which requests open a stream, counts the open streams, and limits their total number and the number per
//! user.
//!
//! A stream is any response that can stay open while nothing is sent: Server-Sent Events, logs that are followed, and
//! searches whose results are streamed. [`STREAM_ROUTES`] contains the routes of all streams. The gate checks the
//! origin of each request for a stream, and then adds a [`StreamRequest`] to it. Without a [`StreamRequest`], no
//! [`StreamPermit`] is granted. A route that is missing in the table can therefore not open a stream.
//!
//! Downloads end without waiting for anything to happen, so they are not streams, even if their length is not known in
//! advance. Downloads are logs that are not followed, artifacts, and the export of the audit log. If a page of another
//! site links to a download, the browser saves it for the person who is logged in, and the other site cannot read it.
//! If the recipient's credential is revoked, downloads are aborted just like streams (`gate::revocable`).
//!
//! The streams of all sessions and tokens of a user are counted together, so nobody can open more streams by logging in
//! more often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Uri};

use super::http::error::ApiError;
use super::http::events::Format;
use super::http::query::Query;
use crate::auth::{Account, Identity};

/// A route with which a client can open a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRoute {
    /// The template of the route's path.
    pub path: &'static str,
    /// The requests that open a stream.
    pub condition: StreamCondition,
}

/// The condition under which a request to a [`StreamRoute`] opens a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamCondition {
    /// Every request opens a stream.
    Always,
    /// The query contains the parameter `follow`, with any value.
    Follow,
    /// The requested format is NDJSON or plain text.
    Format,
}

/// All routes with which clients can open streams.
pub const STREAM_ROUTES: [StreamRoute; 5] = [
    StreamRoute { path: "/api/queue/events/stream", condition: StreamCondition::Always },
    StreamRoute { path: "/api/queue/jobs/stream", condition: StreamCondition::Always },
    StreamRoute { path: "/api/queue/jobs/{id}/events/stream", condition: StreamCondition::Always },
    StreamRoute { path: "/api/queue/jobs/{id}/log", condition: StreamCondition::Follow },
    StreamRoute { path: "/api/queue/jobs/{id}/log/search", condition: StreamCondition::Format },
];

/// Returns whether a request to the route with this template opens a stream.
///
/// The query is decoded in the same way as by the route, because `%66ollow` also means `follow`. If a query cannot be
/// decoded, the route refuses it.
pub(super) fn is_stream(template: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(route) = STREAM_ROUTES.iter().find(|route| route.path == template) else { return false };
    let query = Query::parse(uri.query().unwrap_or_default());
    match route.condition {
        StreamCondition::Always => true,
        StreamCondition::Follow => query.is_ok_and(|query| query.has("follow")),
        StreamCondition::Format => query
            .and_then(|mut query| Format::requested(&mut query, headers))
            .is_ok_and(|format| format != Format::Json),
    }
}

/// A request for a stream that has passed the gate. Only the gate creates it, after it has checked the request's
/// origin. Routes find it in the extensions of their request.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamRequest {
    account: Account,
}

impl StreamRequest {
    /// Creates the value for a request of `identity`. Only the gate calls this function, after it has checked the
    /// request's origin.
    pub(super) fn checked(identity: &Identity) -> Self {
        Self { account: identity.account }
    }
}

/// The maximum numbers of open streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamLimits {
    /// The maximum total number.
    pub(super) in_all: usize,
    /// The maximum number per user.
    pub(super) per_user: usize,
}

/// The open streams. Clones share the same counts.
#[derive(Clone, Debug)]
pub struct OpenStreams {
    limits: StreamLimits,
    of: Arc<Mutex<HashMap<Account, usize>>>,
}

/// The permission to keep one stream open. When it is dropped, another stream can be opened.
#[derive(Debug)]
pub(super) struct StreamPermit {
    streams: OpenStreams,
    account: Account,
}

impl OpenStreams {
    pub(super) fn new(limits: StreamLimits) -> Self {
        Self { limits, of: Arc::default() }
    }

    /// Permits another stream of a user. Returns an error if too many are open, or if the gate has not checked the
    /// request.
    pub(super) fn permit(&self, request: Option<&StreamRequest>) -> Result<StreamPermit, ApiError> {
        let account = request.ok_or(ApiError::OriginNotAllowed)?.account;
        let mut of = self.counts();
        // The user's own limit is checked first, because users can do something about this error: they can close other
        // streams.
        if of.get(&account).is_some_and(|open| *open >= self.limits.per_user) {
            return Err(ApiError::TooManyStreamsOfUser(self.limits.per_user));
        }
        if of.values().sum::<usize>() >= self.limits.in_all {
            return Err(ApiError::TooManyStreams(self.limits.in_all));
        }
        *of.entry(account).or_default() += 1;
        Ok(StreamPermit { streams: self.clone(), account })
    }

    /// Returns the number of open streams of all users.
    pub(super) fn count(&self) -> usize {
        self.counts().values().sum()
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Account, usize>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut of = self.streams.counts();
        if let Some(open) = of.get_mut(&self.account) {
            *open -= 1;
            if *open == 0 {
                of.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::ACCEPT;
    use model::{Role, SessionId, TokenId};

    use super::*;
    use crate::auth::Credential;
    use crate::server::all_routes;

    fn identity(account: Account, by: Credential) -> Identity {
        Identity { user: "ada".into(), role: Role::Viewer, account, by, expires_at: None }
    }

    fn of_user(id: i64) -> StreamRequest {
        StreamRequest::checked(&identity(Account::User(id), Credential::Session(SessionId(uuid::Uuid::nil()))))
    }

    /// Returns whether a request for this path, with this query and `Accept` header, opens a stream.
    fn opens(path: &str, query: &str, accept: Option<&str>) -> bool {
        let headers = accept.map(|accept| (ACCEPT, HeaderValue::from_str(accept).expect("it is valid")));
        let uri = format!("/x?{query}").parse().expect("it is a URI");
        is_stream(&format!("/api/queue/{path}"), &uri, &headers.into_iter().collect())
    }

    #[test]
    fn a_followed_log_is_a_stream_regardless_of_percent_encoding() {
        for query in ["follow=true", "%66ollow=true", "a=1&f%6fllow", "follow=1", "follow=false"] {
            assert!(opens("jobs/{id}/log", query, None), "{query}");
        }
        for query in ["", "afollow=true", "a=follow=true"] {
            assert!(!opens("jobs/{id}/log", query, None), "{query}");
        }
        assert!(!opens("jobs/{id}/lines", "follow=true", None));
        assert!(opens("jobs/stream", "", None));
    }

    #[test]
    fn a_search_is_a_stream_unless_its_format_is_json() {
        let path = "jobs/{id}/log/search";
        for query in ["q=x&format=ndjson", "q=x&format=text", "f%6Frmat=te%78t"] {
            for accept in [None, Some("application/json")] {
                assert!(opens(path, query, accept), "{query}");
            }
        }
        for accept in ["application/x-ndjson", "text/plain", "text/plain, */*;q=0.1"] {
            assert!(opens(path, "q=x", Some(accept)), "{accept}");
            assert!(!opens(path, "q=x&format=json", Some(accept)), "{accept}");
        }
        for (query, accept) in [("q=x", None), ("q=x", Some("*/*")), ("q=format=text", None), ("format=x", None)] {
            assert!(!opens(path, query, accept), "{query}");
        }
    }

    #[test]
    fn the_routes_of_streams_exist_and_every_route_that_ends_in_stream_is_one() {
        let routes: Vec<String> = all_routes().into_iter().map(|route| route.path).collect();
        for route in STREAM_ROUTES {
            assert!(routes.iter().any(|path| path == route.path), "{route:?}");
        }
        let uri = Uri::from_static("/x");
        for path in routes.iter().filter(|path| path.ends_with("/stream")) {
            assert!(is_stream(path, &uri, &HeaderMap::new()), "{path}");
        }
    }

    #[test]
    fn a_request_that_the_gate_has_not_checked_opens_no_stream() {
        let streams = OpenStreams::new(StreamLimits { in_all: 10, per_user: 2 });
        assert!(matches!(streams.permit(None), Err(ApiError::OriginNotAllowed)));
        assert_eq!(streams.count(), 0);
    }

    #[test]
    fn sessions_and_tokens_of_a_user_count_together_and_those_of_others_do_not() {
        let streams = OpenStreams::new(StreamLimits { in_all: 10, per_user: 2 });
        let by_token = identity(Account::User(1), Credential::ApiToken(TokenId(uuid::Uuid::nil())));
        let by_token = StreamRequest::checked(&by_token);
        let admin = StreamRequest::checked(&identity(Account::AdminToken, Credential::AdminToken));
        let (first, second) = (streams.permit(Some(&of_user(1))), streams.permit(Some(&by_token)));
        let _second = second.expect("the second of two");
        for refused in [&of_user(1), &by_token] {
            assert!(matches!(streams.permit(Some(refused)), Err(ApiError::TooManyStreamsOfUser(2))));
        }
        let _other = streams.permit(Some(&of_user(2))).expect("another user");
        let _admin = streams.permit(Some(&admin)).expect("the admin token");
        drop(first.expect("the first of two"));
        assert_eq!(streams.count(), 3);
        let _third = streams.permit(Some(&by_token)).expect("one was given back");
    }

    #[test]
    fn the_limit_in_all_applies_to_everybody_and_nothing_is_stored_for_users_without_streams() {
        let streams = OpenStreams::new(StreamLimits { in_all: 3, per_user: 2 });
        let open: Vec<_> =
            (1..=3).map(|id| streams.permit(Some(&of_user(id))).expect("fewer than the limit")).collect();
        assert!(matches!(streams.permit(Some(&of_user(4))), Err(ApiError::TooManyStreams(3))));
        drop(open);
        assert_eq!((streams.count(), streams.counts().len()), (0, 0));
    }
}
