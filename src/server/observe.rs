//! Records every request in the server's log and in its metrics.
//!
//! The path, the query, the headers and the body are not logged, because each of them may contain a secret. A log entry
//! identifies a request by the route's template, the id in the response, and the id of the job.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use model::JobId;
use tracing::{Instrument, field};
use uuid::Uuid;

use super::AppState;

/// The header that contains the id of a response. With this id, people can find the response in the server's log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The label of all paths that match no route. Examples are the paths of static files, and the paths that vulnerability
/// scanners try.
const NO_ROUTE: &str = "other";

/// The label of all unknown methods.
const OTHER_METHOD: &str = "other";

/// Handles a request, and records it in the log and the metrics.
pub(super) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = Uuid::now_v7();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", %id, method, route, job = field::Empty);
    if let Some(job) = job(request.uri().path()) {
        span.record("job", field::display(job));
    }
    let reply = next.run(request).instrument(span.clone()).await;
    let (status, took) = (reply.status(), began.elapsed());
    state.db.metrics().request(method, &route, status.as_u16(), took);
    span.in_scope(|| tell(method, &route, status.as_u16(), took));
    with_id(reply, id)
}

/// Records the response to an invalid request, whose method and route are unknown.
pub(super) fn refused(state: &AppState, reply: Response, began: Instant) -> Response {
    let id = Uuid::now_v7();
    state.db.metrics().request(OTHER_METHOD, NO_ROUTE, reply.status().as_u16(), began.elapsed());
    tracing::debug!(%id, status = reply.status().as_u16(), "rejected an invalid request");
    with_id(reply, id)
}

fn with_id(mut reply: Response, id: Uuid) -> Response {
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        reply.headers_mut().insert(REQUEST_ID, value);
    }
    reply
}

/// The routes to which each worker sends requests every few seconds.
const FREQUENT: [&str; 3] = ["/api/queue/jobs/claim", "/api/queue/jobs/{id}/heartbeat", "/api/queue/jobs/{id}/events"];

/// Logs the result of a request. Requests that only read, and the frequent requests of workers, are logged at debug
/// level, unless the status is 500 or higher.
fn tell(method: &str, route: &str, status: u16, took: Duration) {
    let ms = took.as_secs_f64() * 1_000.0;
    match (method, status) {
        (_, 500..) => tracing::warn!(status, ms, "answered"),
        _ if FREQUENT.contains(&route) => tracing::debug!(status, ms, "answered"),
        ("GET" | "HEAD" | "OPTIONS", _) => tracing::debug!(status, ms, "answered"),
        _ => tracing::info!(status, ms, "answered"),
    }
}

/// Returns the label of a method. Unknown methods share one label, because clients can invent any number of them.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => OTHER_METHOD,
    }
}

/// Returns the id of the job that a path refers to, or `None` if the path refers to no job.
fn job(path: &str) -> Option<JobId> {
    ["/api/queue/jobs/", "/tasks/queue/"].iter().find_map(|prefix| {
        let rest = path.strip_prefix(prefix)?;
        rest.split('/').next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_job_id_in_a_path_is_logged() {
        let id = "01890000-0000-7000-8000-000000000000";
        for path in [
            format!("/api/queue/jobs/{id}"),
            format!("/api/queue/jobs/{id}/events/stream"),
            format!("/tasks/queue/{id}"),
        ] {
            assert_eq!(job(&path).map(|job| job.to_string()).as_deref(), Some(id), "{path}");
        }
        for path in ["/api/queue/jobs/secret", "/tasks/queue/new", "/", &format!("/{id}")] {
            assert_eq!(job(path), None, "{path}");
        }
    }
}
