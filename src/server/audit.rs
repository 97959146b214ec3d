//! Records requests in the audit log: requests that change something, logins, requests that the sender's role does not
//! permit, and requests with invalid tokens.
//!
//! The entry is stored after the request has been handled and before the response is sent. If the entry cannot be
//! stored, the failure is logged, but the request still succeeds, because it has already been carried out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::clock;
use redact::Redacted;
use tracing::Instrument;

use super::AppState;
use super::access::FUNCTIONS;
use super::client::RequestClient;
use super::http::error::ApiError;
use crate::audit::NewEntry;
use crate::auth::{Credential, Identity, InvalidTokenCount};

/// The maximum number of entries per minute for failed logins and requests with invalid tokens. Without this limit,
/// attackers with many addresses could fill the disk with entries.
const UNKNOWN_PER_MINUTE: u32 = 60;

/// The maximum number of characters in an entry's user, object and details.
const MAX_TEXT: usize = 200;

/// The action of a login.
const LOGIN: &str = "login";

/// The kind of credential in entries about people for whom a reverse proxy vouches.
pub(super) const PROXY: &str = "proxy";

/// The kind of credential in entries about people whom the OpenID Connect provider has authenticated.
pub(super) const OIDC_LOGIN: &str = "oidc";

/// The action of an entry for a request that the sender's role does not permit.
const REFUSED: &str = "access.refused";

/// The action of an entry for a request whose token is not valid.
const INVALID_TOKEN: &str = "token.refused";

/// What the requests to a route do. This determines whether they are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// The route changes something. The string is the name of the action in the audit log.
    Action(&'static str),
    /// The route may begin a session, although its method permits no changes. Its handler records each login in the
    /// [`AuditNote`].
    MayLogIn,
    /// The route only reads, although its method permits changes.
    Reads,
    /// The route is for workers, whose actions are recorded in the event logs of their jobs. These actions are too
    /// frequent for the audit log.
    InEventLog,
}

use Effect::{Action, InEventLog, MayLogIn, Reads};

/// The effect of every route whose method permits changes, and of the route to which the OpenID Connect provider
/// redirects browsers. Each server function has an entry for its own path.
#[rustfmt::skip]
const EFFECTS: &[(&str, &str, Effect)] = &[
    ("POST", "/login", Action(LOGIN)),
    ("GET", "/login/oidc/callback", MayLogIn),
    ("POST", "/logout", Action("logout")),

    ("POST", "/api/queue/jobs", Action("job.submit")),
    ("POST", "/rpc/submit_job", Action("job.submit")),
    ("POST", "/tasks/queue/new", Action("job.submit")),
    ("POST", "/api/queue/jobs/{id}/cancel", Action("job.cancel")),
    ("POST", "/rpc/cancel_job", Action("job.cancel")),
    ("POST", "/api/queue/jobs/{id}/resubmit", Action("job.resubmit")),
    ("POST", "/rpc/resubmit_job", Action("job.resubmit")),
    ("POST", "/rpc/resubmit_with_changes", Action("job.resubmit")),

    ("DELETE", "/api/queue/jobs/{id}", Action("job.remove")),
    // The handlers replace this action with the requested one.
    ("POST", "/api/queue/jobs/bulk", Action("job.cancel")),
    ("POST", "/tasks/queue/bulk", Action("job.cancel")),

    ("POST", "/api/queue/jobs/claim", InEventLog),
    ("POST", "/api/queue/jobs/{id}/heartbeat", InEventLog),
    ("POST", "/api/queue/jobs/{id}/events", InEventLog),
    ("POST", "/api/queue/jobs/{id}/output", InEventLog),
    ("POST", "/api/queue/jobs/{id}/artifacts/upload", InEventLog),
    ("POST", "/api/queue/jobs/{id}/complete", InEventLog),
    ("POST", "/api/queue/jobs/{id}/fail", InEventLog),
    ("POST", "/api/queue/jobs/{id}/cancel/ack", InEventLog),

    ("POST", "/api/queue/workers/tokens", Action("token.create")),
    ("POST", "/api/queue/workers/tokens/{id}/revoke", Action("token.revoke")),
    ("POST", "/api/queue/workers/{id}/drain", Action("worker.drain")),
    ("POST", "/api/queue/workers/{id}/resume", Action("worker.resume")),
    ("PUT", "/api/queue/pauses/{name}", Action("queue.pause")),
    ("DELETE", "/api/queue/pauses/{name}", Action("queue.resume")),
    ("POST", "/workers", Action("worker.drain")),
    ("PUT", "/api/queue/secrets/{name}", Action("secret.set")),
    ("DELETE", "/api/queue/secrets/{name}", Action("secret.remove")),
    ("POST", "/secrets", Action("secret.set")),
    ("POST", "/api/queue/users", Action("user.add")),
    ("PATCH", "/api/queue/users/{name}", Action("user.change")),
    ("DELETE", "/api/queue/users/{name}", Action("user.remove")),
    ("POST", "/api/queue/users/{name}/login-link", Action("link.create")),
    ("DELETE", "/api/queue/users/{name}/login-link", Action("link.revoke")),
    ("POST", "/api/queue/account/password", Action("user.password")),
    ("DELETE", "/api/queue/sessions/{id}", Action("session.end")),
    ("POST", "/api/queue/tokens", Action("token.create")),
    ("DELETE", "/api/queue/tokens/{id}", Action("token.revoke")),
    ("POST", "/people", Action("user.change")),
    ("POST", "/account", Action("user.password")),

    ("POST", "/api/queue/redact", Reads),
    ("POST", "/rpc/list_jobs", Reads),
    ("POST", "/rpc/job_page", Reads),
    ("POST", "/rpc/job", Reads),
    ("POST", "/rpc/bulk_preview", Reads),
    ("POST", "/rpc/list_secrets", Reads),
    ("POST", "/rpc/test_redaction", Reads),
    ("POST", "/rpc/redaction_rules", Reads),
    ("POST", "/rpc/workers", Reads),
    ("POST", "/rpc/pauses", Reads),
    ("POST", "/rpc/people", Reads),
    ("POST", "/rpc/account", Reads),
    ("POST", "/rpc/audit", Reads),
];

/// The facts about a request that the gate and the handlers record while the request is handled. Clones share the same
/// facts.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditNote(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    user: Option<String>,
    credential: Option<&'static str>,
    action: Option<&'static str>,
    object: Option<String>,
    details: Option<String>,
    status: Option<StatusCode>,
    invalid_token: Option<InvalidTokenCount>,
}

impl AuditNote {
    /// Records the sender of the request.
    pub(super) fn sender(&self, identity: &Identity) {
        self.change(|noted| {
            noted.user = Some(identity.user.clone());
            noted.credential = Some(match identity.by {
                Credential::AdminToken => "admin_token",
                Credential::ApiToken(_) => "api_token",
                Credential::Proxy(_) => PROXY,
                Credential::Session(_) => "session",
            });
        });
    }

    /// Records that a reverse proxy or a provider has authenticated a person, but that this server refuses the person.
    /// `user` is `None` if the error does not name a user.
    pub(super) fn refused_person(&self, user: Option<String>, credential: &'static str) {
        self.change(|noted| {
            noted.user = user;
            noted.credential = Some(credential);
        });
    }

    /// Records that the sender's token is not valid. Only the first such request in a minute from each address is
    /// stored in the audit log, because a client whose token was revoked may repeat its requests forever.
    pub(super) fn invalid_token(&self, count: InvalidTokenCount) {
        self.change(|noted| noted.invalid_token = Some(count));
    }

    /// Records that the request is a login, although the action of its route is not a login.
    pub(super) fn login(&self) {
        self.change(|noted| noted.action = Some(LOGIN));
    }

    /// Discards the sender of the request, because a login is recorded for the user who logs in.
    pub(super) fn login_attempt(&self) {
        self.change(|noted| (noted.user, noted.credential) = (None, None));
    }

    /// Records that a login has succeeded, and for which user.
    pub(super) fn logged_in(&self, user: String, credential: &'static str) {
        self.change(|noted| {
            noted.user = Some(user);
            noted.credential = Some(credential);
        });
    }

    /// Records the object of the request, if the path does not contain it.
    pub(super) fn object(&self, object: impl ToString) {
        self.change(|noted| noted.object = Some(object.to_string()));
    }

    /// Records what was changed, or how something was created. The text must contain no secret.
    pub(super) fn details(&self, details: String) {
        self.change(|noted| noted.details = Some(details).filter(|details| !details.is_empty()));
    }

    /// Records the action of the request, if the action depends on the body.
    pub(super) fn action(&self, action: &'static str) {
        self.change(|noted| noted.action = Some(action));
    }

    /// Records the status with which the API would respond. Handlers for browsers call this, because they respond with
    /// pages or redirects.
    pub(super) fn outcome(&self, status: StatusCode) {
        self.change(|noted| noted.status = Some(status));
    }

    fn change(&self, change: impl FnOnce(&mut Noted)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Counts the entries about failed logins and invalid tokens in the current minute.
#[derive(Debug, Default)]
pub(super) struct UnknownSenders(Mutex<Option<(Instant, u32)>>);

impl UnknownSenders {
    /// Returns whether another entry may be stored. If not, logs a warning once per minute.
    fn admit(&self, now: Instant) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = counted.filter(|(since, _)| now.duration_since(*since) < Duration::from_mins(1));
        let (since, count) = current.unwrap_or((now, 0));
        *counted = Some((since, count.saturating_add(1)));
        if count == UNKNOWN_PER_MINUTE {
            tracing::warn!(
                "for the rest of this minute, failed logins and invalid tokens are not recorded in the audit log"
            );
        }
        count < UNKNOWN_PER_MINUTE
    }
}

/// Handles a request, and records it if it belongs in the audit log.
///
/// A request that may change something is completed even if the client disconnects. Otherwise, it could be dropped
/// after the change and before it is recorded.
pub(super) async fn audit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let note = AuditNote::default();
    request.extensions_mut().insert(note.clone());
    let route = RequestedRoute::of(&request);
    if !matches!(route.effect(), Some(Action(_) | MayLogIn)) {
        return handle(state, note, route, request, next).await;
    }
    let changes = state.changes.clone();
    match changes.spawn(handle(state, note, route, request, next).in_current_span()).await {
        Ok(reply) => reply,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => ApiError::of_task(error).into_response(),
        },
    }
}

async fn handle(state: AppState, note: AuditNote, route: RequestedRoute, request: Request, next: Next) -> Response {
    let reply = next.run(request).await;
    let mask = |text: String| {
        let masked = state.queue.maskers().mask_name(&text);
        // A secret that is truncated first may not be recognised.
        Redacted::from_stored(shortened(&masked.to_text()).into_bytes())
    };
    if let Some(entry) = entry(route, &note, reply.status(), mask) {
        let is_known = entry.credential.is_some() || entry.status < 400;
        if (is_known || state.unknown_senders.admit(Instant::now()))
            && let Err(error) = state.audit.append(entry).await
        {
            tracing::error!(%error, "an entry of the audit log could not be stored");
        }
    }
    reply
}

/// The route and the client of a request.
struct RequestedRoute {
    method: Method,
    template: String,
    object: Option<String>,
    address: String,
}

impl RequestedRoute {
    fn of(request: &Request) -> Self {
        let path = request.uri().path();
        let template = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let template = if template == FUNCTIONS { path } else { template };
        let client = request.extensions().get::<RequestClient>();
        Self {
            method: request.method().clone(),
            template: template.to_owned(),
            object: parameter(template, path),
            address: client.map_or_else(String::new, |client| client.address.to_string()),
        }
    }

    fn effect(&self) -> Option<Effect> {
        EFFECTS.iter().find(|rule| rule.0 == self.method.as_str() && rule.1 == self.template).map(|rule| rule.2)
    }
}

/// Returns the last parameter of a path, such as the id of a job, or `None` if the path has no parameters.
fn parameter(template: &str, path: &str) -> Option<String> {
    let segments = template.split('/').zip(path.split('/'));
    let value = segments.filter(|(name, _)| name.starts_with('{')).last()?.1;
    Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// Returns the entry for a request, or `None` if the request is not recorded. `mask` masks secrets in texts that a
/// client may have chosen.
fn entry(
    route: RequestedRoute,
    note: &AuditNote,
    status: StatusCode,
    mask: impl Fn(String) -> Redacted,
) -> Option<NewEntry> {
    let noted = std::mem::take(&mut *note.0.lock().unwrap_or_else(PoisonError::into_inner));
    let effect = route.effect();
    let RequestedRoute { method, template, object, address } = route;
    let status = noted.status.unwrap_or(status);
    let is_refused = status == StatusCode::FORBIDDEN && noted.credential.is_some();
    let request = || Some(format!("{method} {template}").trim_end().to_owned());
    let (action, object) = match effect {
        _ if noted.invalid_token.is_some_and(|count| !count.is_first) => return None,
        _ if noted.invalid_token.is_some() => (INVALID_TOKEN, request()),
        // A request from an unknown sender cannot change anything, unless it is a login.
        Some(Action(action)) if noted.credential.is_some() || action == LOGIN => {
            (noted.action.unwrap_or(action), noted.object.or(object))
        }
        None | Some(MayLogIn) if noted.action == Some(LOGIN) => (LOGIN, noted.object),
        _ if is_refused => (REFUSED, request()),
        _ => return None,
    };
    Some(NewEntry {
        created_at: clock::now(),
        user: noted.user.map(&mask),
        credential: noted.credential,
        address,
        action,
        object: object.map(&mask),
        details: noted.details.map(&mask),
        status: status.as_u16(),
    })
}

/// Truncates a string, which a client may have chosen, to [`MAX_TEXT`] characters.
fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::server::all_routes;

    #[test]
    fn every_route_that_permits_changes_has_an_effect() {
        let unsafe_route = |method: &Method| !matches!(*method, Method::GET | Method::HEAD);
        let routes = all_routes().into_iter().filter(|route| unsafe_route(&route.method));
        let routes: BTreeSet<String> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
        let listed = EFFECTS.iter().filter(|rule| rule.2 != MayLogIn);
        let effects: Vec<String> = listed.map(|rule| format!("{} {}", rule.0, rule.1)).collect();
        assert_eq!(routes, effects.iter().cloned().collect());
        assert_eq!(effects.len(), routes.len(), "a route occurs twice");
    }

    #[test]
    fn the_object_is_the_last_parameter_of_the_path() {
        for (template, path, object) in [
            ("/api/queue/jobs/{id}/cancel", "/api/queue/jobs/7/cancel", Some("7")),
            ("/api/queue/users/{name}", "/api/queue/users/J%C3%BCrgen", Some("J\u{fc}rgen")),
            ("/api/queue/jobs", "/api/queue/jobs", None),
            ("", "/nothing", None),
        ] {
            assert_eq!(parameter(template, path).as_deref(), object, "{path}");
        }
    }

    #[test]
    fn entries_of_unknown_senders_are_limited() {
        let senders = UnknownSenders::default();
        let now = Instant::now();
        let admitted = (0..UNKNOWN_PER_MINUTE * 2).filter(|_| senders.admit(now)).count();
        assert_eq!(admitted, usize::try_from(UNKNOWN_PER_MINUTE).expect("it is small"));
        assert!(senders.admit(now + Duration::from_mins(1)), "in the next minute");
    }
}
