//! The errors of all requests, each with its status and code. Internal causes are not sent to the client.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::db::DbError;
use engine::event_log::ReadError;
use engine::output::OutputError;
use engine::queue::{InvalidPayload, QueueError};
use engine::task::task_error;
use model::{ErrorBody, ErrorDetail, Role};
use tokio::task::JoinError;

use crate::auth::{LoginError, PeopleError};

/// An error with which the server responds to a request.
#[derive(Debug, thiserror::Error)]
pub(in crate::server) enum ApiError {
    #[error("Last-Event-ID must be the id of an event in this stream, not {0:?}")]
    InvalidCursor(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("the request did not arrive in time")]
    RequestTimeout,
    #[error("the URL is longer than {0} bytes; shorten its query, or raise --url-bytes")]
    UriTooLong(usize),
    #[error("the request has more than {0} headers; send fewer, or raise --header-count")]
    TooManyHeaders(usize),
    #[error(
        "the request's headers are larger than {0} bytes in total; send fewer or smaller ones, such as cookies, or raise --header-bytes"
    )]
    HeadersTooLarge(usize),
    #[error("the only supported value of the Expect header is 100-continue")]
    ExpectationFailed,
    #[error("log in at /login, or send Authorization: Bearer with a valid token")]
    AuthRequired,
    #[error(
        "the host {0:?} is not one of this server's names; to allow it, start the server with --allowed-host or TAILWATER_ALLOWED_HOSTS"
    )]
    HostNotAllowed(String),
    #[error("the request comes from a page on another origin")]
    OriginNotAllowed,
    #[error("the role {0} does not permit this")]
    NotAuthorized(Role),
    #[error("{0}")]
    PersonRefused(String),
    #[error("X-MoonMind-Worker-Token must be a valid API token with the role worker")]
    WorkerAuthFailed,
    #[error("only a worker can do this: send an API token with the role worker, not {0}")]
    WorkerNotAuthorized(Role),
    #[error("there is no such job")]
    JobNotFound,
    #[error("the job has no such artifact")]
    ArtifactNotFound,
    #[error("the artifact belongs to another job")]
    ArtifactJobMismatch,
    #[error("the artifact's file is missing from the data directory")]
    ArtifactFileMissing,
    #[error("{0}")]
    OutputRemoved(String),
    #[error("there is no such secret")]
    SecretNotFound,
    #[error("there is no such user")]
    UserNotFound,
    #[error("there is no such session")]
    SessionNotFound,
    #[error("there is no such token")]
    TokenNotFound,
    #[error("there is no such worker token")]
    WorkerTokenNotFound,
    #[error("there is no such worker")]
    WorkerNotFound,
    #[error("there is no such pause")]
    PauseNotFound,
    #[error("there is nothing at this path; docs/api.md describes the API")]
    RouteNotFound,
    #[error("this path does not support this method")]
    MethodNotAllowed,
    #[error("{0}")]
    JobStateConflict(String),
    #[error("{0}")]
    JobOwnershipMismatch(String),
    #[error("{0}")]
    ArtifactTooLarge(String),
    #[error("{0}")]
    DigestMismatch(String),
    #[error("the body is larger than {0} bytes")]
    PayloadTooLarge(usize),
    #[error("send the body with the header Content-Type: {0}")]
    UnsupportedMediaType(&'static str),
    #[error("send the body without Content-Encoding")]
    UnsupportedEncoding,
    #[error("the range is outside the file")]
    RangeNotSatisfiable(u64),
    #[error("{0}")]
    InvalidPayload(String),
    #[error("{0}")]
    InvalidStatusFilter(String),
    #[error("{0}")]
    InvalidQuery(String),
    #[error("too many failed logins or invalid tokens, or too many passwords are being checked; try again in a minute")]
    TooManyRequests,
    #[error("{0}")]
    QueueFull(String),
    #[error("the database is temporarily unavailable; try again")]
    StoreUnavailable(DbError),
    #[error("the database did not respond within {0} s; the server's log may say why")]
    StoreSilent(u64),
    #[error("the disk is nearly full; free some space, or lower --min-free-bytes")]
    DiskLow,
    #[error("{0} connections are already in use; try again later, or raise --connections and the limit on open files")]
    TooManyConnections(usize),
    #[error("{0} streams are already open; try again later, or raise --streams")]
    TooManyStreams(usize),
    #[error("you already have {0} open streams; close some of them, or raise --streams-per-user")]
    TooManyStreamsOfUser(usize),
    #[error("internal error; the server's log has the details")]
    Internal(String),
}

impl ApiError {
    /// Returns the error for a task that does not complete. It does not contain the message of a panic, which may
    /// contain a secret.
    pub(in crate::server) fn of_task(error: JoinError) -> Self {
        Self::Internal(task_error(error).to_string())
    }

    /// Returns the HTTP status and the error code.
    pub(in crate::server) const fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidCursor(_) => (StatusCode::BAD_REQUEST, "invalid_cursor"),
            Self::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            Self::UriTooLong(_) => (StatusCode::URI_TOO_LONG, "uri_too_long"),
            Self::TooManyHeaders(_) | Self::HeadersTooLarge(_) => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large")
            }
            Self::ExpectationFailed => (StatusCode::EXPECTATION_FAILED, "expectation_failed"),
            Self::AuthRequired => (StatusCode::UNAUTHORIZED, "auth_required"),
            Self::WorkerAuthFailed => (StatusCode::UNAUTHORIZED, "worker_auth_failed"),
            Self::WorkerNotAuthorized(_) => (StatusCode::FORBIDDEN, "worker_not_authorized"),
            Self::HostNotAllowed(_) => (StatusCode::FORBIDDEN, "host_not_allowed"),
            Self::OriginNotAllowed => (StatusCode::FORBIDDEN, "origin_not_allowed"),
            Self::NotAuthorized(_) | Self::PersonRefused(_) => (StatusCode::FORBIDDEN, "not_authorized"),
            Self::JobNotFound => (StatusCode::NOT_FOUND, "job_not_found"),
            Self::ArtifactNotFound => (StatusCode::NOT_FOUND, "artifact_not_found"),
            Self::ArtifactFileMissing | Self::OutputRemoved(_) => (StatusCode::NOT_FOUND, "artifact_file_missing"),
            Self::SecretNotFound => (StatusCode::NOT_FOUND, "secret_not_found"),
            Self::UserNotFound => (StatusCode::NOT_FOUND, "user_not_found"),
            Self::SessionNotFound => (StatusCode::NOT_FOUND, "session_not_found"),
            Self::TokenNotFound => (StatusCode::NOT_FOUND, "token_not_found"),
            Self::WorkerTokenNotFound => (StatusCode::NOT_FOUND, "worker_token_not_found"),
            Self::WorkerNotFound => (StatusCode::NOT_FOUND, "worker_not_found"),
            Self::PauseNotFound => (StatusCode::NOT_FOUND, "pause_not_found"),
            Self::RouteNotFound => (StatusCode::NOT_FOUND, "route_not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::JobStateConflict(_) => (StatusCode::CONFLICT, "job_state_conflict"),
            Self::ArtifactJobMismatch => (StatusCode::CONFLICT, "artifact_job_mismatch"),
            Self::JobOwnershipMismatch(_) => (StatusCode::CONFLICT, "job_ownership_mismatch"),
            Self::ArtifactTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "artifact_too_large"),
            Self::DigestMismatch(_) => (StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch"),
            Self::PayloadTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::UnsupportedMediaType(_) | Self::UnsupportedEncoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::RangeNotSatisfiable(_) => (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable"),
            Self::InvalidPayload(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_queue_payload"),
            Self::InvalidStatusFilter(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_status_filter"),
            Self::InvalidQuery(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_query"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Self::QueueFull(_) => (StatusCode::TOO_MANY_REQUESTS, "queue_full"),
            Self::StoreUnavailable(_) | Self::StoreSilent(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            Self::DiskLow => (StatusCode::SERVICE_UNAVAILABLE, "disk_low"),
            Self::TooManyConnections(_) => (StatusCode::SERVICE_UNAVAILABLE, "too_many_connections"),
            Self::TooManyStreams(_) | Self::TooManyStreamsOfUser(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "too_many_streams")
            }
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "queue_internal_error"),
        }
    }

    /// Returns the body of the response.
    pub(in crate::server) fn body(&self) -> ErrorBody {
        ErrorBody { detail: ErrorDetail { code: self.status_and_code().1.into(), message: self.to_string() } }
    }

    /// Returns the number of seconds after which the client should retry, or `None` if the client should not retry
    /// automatically.
    pub(in crate::server) const fn retry_after(&self) -> Option<u16> {
        match self {
            Self::TooManyRequests => Some(60),
            Self::QueueFull(_)
            | Self::TooManyConnections(_)
            | Self::TooManyStreams(_)
            | Self::TooManyStreamsOfUser(_)
            | Self::DiskLow => Some(5),
            Self::StoreUnavailable(_) | Self::StoreSilent(_) => Some(1),
            _ => None,
        }
    }

    /// Returns the header that HTTP requires or recommends for this status. Returns `None` if there is no such header,
    /// or if its value is not constant.
    const fn header(&self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::AuthRequired | Self::WorkerAuthFailed => Some((header::WWW_AUTHENTICATE, "Bearer")),
            // RFC 9110, 15.5.16: the header tells the client that the encoding, and not the media type, is unsupported.
            Self::UnsupportedEncoding => Some((header::ACCEPT_ENCODING, "identity")),
            // RFC 9110, 15.5.9, recommends `Connection: close` for status 408. If a head is too large, the connection
            // has to be closed in any case: hyper cannot read what follows a head that does not fit into its buffer.
            Self::RequestTimeout | Self::UriTooLong(_) | Self::TooManyHeaders(_) | Self::HeadersTooLarge(_) => {
                Some((header::CONNECTION, "close"))
            }
            _ => None,
        }
    }

    fn log(&self) {
        match self {
            Self::StoreUnavailable(error) => tracing::error!(%error, "a request failed"),
            Self::Internal(error) => tracing::error!(%error, "a request failed"),
            _ => {}
        }
    }
}

/// The body of an error response, which may still quote secrets of the request. It is an extension of the response,
/// which has no other body, until [`write_error`] has masked it.
#[derive(Clone)]
struct UnmaskedError(ErrorBody);

/// If a response is an error, masks its message and writes its body. All responses pass through this function, so no
/// error is sent unmasked.
pub(in crate::server) fn write_error(reply: &mut Response, mask: impl Fn(&str) -> String) {
    let Some(UnmaskedError(mut body)) = reply.extensions_mut().remove() else { return };
    body.detail.message = mask(&body.detail.message);
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(header::CONTENT_LENGTH);
    *reply.body_mut() = Body::from(serde_json::to_vec(&body).expect("all members are text"));
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let mut reply = self.status_and_code().0.into_response();
        reply.extensions_mut().insert(UnmaskedError(self.body()));
        if let Some(seconds) = self.retry_after() {
            reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some((name, value)) = self.header() {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        if let Self::RangeNotSatisfiable(size) = self
            && let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}"))
        {
            reply.headers_mut().insert(header::CONTENT_RANGE, range);
        }
        reply
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        Self::StoreUnavailable(error)
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Invalid(invalid) => Self::InvalidPayload(invalid.to_string()),
            QueueError::NoSuchJob(_) => Self::JobNotFound,
            QueueError::StateConflict { .. }
            | QueueError::NotRunning { .. }
            | QueueError::NotFinished { .. }
            | QueueError::AlreadyResubmitted(_)
            | QueueError::CancelNotRequested(_) => Self::JobStateConflict(error.to_string()),
            QueueError::NotHolder(_) | QueueError::LeaseLost(_) => Self::JobOwnershipMismatch(error.to_string()),
            QueueError::ArtifactLimit(problem) => Self::ArtifactTooLarge(problem),
            QueueError::DigestMismatch(_) => Self::DigestMismatch(error.to_string()),
            QueueError::Files(_) => Self::Internal(error.to_string()),
            QueueError::Full(_) => Self::QueueFull(error.to_string()),
            QueueError::NoSuchSecret(_) => Self::SecretNotFound,
            QueueError::Db(error) => Self::StoreUnavailable(error),
        }
    }
}

impl From<InvalidPayload> for ApiError {
    fn from(invalid: InvalidPayload) -> Self {
        Self::InvalidPayload(invalid.to_string())
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoSuchJob(_) => Self::JobNotFound,
            ReadError::Db(error) => Self::StoreUnavailable(error),
        }
    }
}

impl From<OutputError> for ApiError {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Queue(error) => error.into(),
            OutputError::Events(error) => error.into(),
            OutputError::Spool(_) => Self::Internal(error.to_string()),
            OutputError::NoSuchAttempt { .. } => Self::InvalidQuery(format!("attempt: {error}")),
            OutputError::Unfinished | OutputError::TooManyDifferent { .. } => Self::InvalidQuery(error.to_string()),
            OutputError::Removed(_) => Self::OutputRemoved(error.to_string()),
            OutputError::Missing => Self::ArtifactFileMissing,
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Invalid | LoginError::TicketSpent | LoginError::LinkEnded => Self::AuthRequired,
            LoginError::NewPassword => Self::InvalidPayload(error.to_string()),
            LoginError::TooMany | LoginError::Busy => Self::TooManyRequests,
            LoginError::Db(error) => Self::StoreUnavailable(error),
        }
    }
}

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Invalid { .. } => Self::InvalidPayload(error.to_string()),
            PeopleError::NotAuthorized(role) => Self::NotAuthorized(role),
            PeopleError::NoSuchUser => Self::UserNotFound,
            PeopleError::NoSuchSession => Self::SessionNotFound,
            PeopleError::NoSuchToken => Self::TokenNotFound,
            PeopleError::TooMany | PeopleError::Busy => Self::TooManyRequests,
            PeopleError::Db(error) => Self::StoreUnavailable(error),
        }
    }
}
