//! Extractors for JSON request bodies. Each kind of failure has its own error, and bodies are read only up to the size
//! limit.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use engine::json::{self, InvalidBody};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::server::AppState;

/// A JSON body.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        check_type(request.headers())?;
        let bytes = read(request, state).await?;
        parse(&bytes, state).map(Self)
    }
}

/// A JSON body that may be larger than other bodies.
pub(super) struct LargeJsonBody<T>(pub(super) T);

/// The maximum size of a large body, in bytes, unless the setting `body_bytes` is larger.
const LARGE: usize = 16 << 20;

impl<T: DeserializeOwned> FromRequest<AppState> for LargeJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &AppState) -> Result<Self, ApiError> {
        check_type(request.headers())?;
        let limit = state.config.body_bytes.max(LARGE);
        DefaultBodyLimit::max(limit).apply(&mut request);
        let bytes = read_up_to(limit, request, state).await?;
        parse(&bytes, state).map(Self)
    }
}

/// An optional JSON body. An empty body has the default value of `T`.
pub(super) struct OptionalJsonBody<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<AppState> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let typed = check_type(request.headers());
        let bytes = read(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        typed?;
        parse(&bytes, state).map(Self)
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(ApiError::UnsupportedMediaType("application/json"))
    }
}

async fn read(request: Request, state: &AppState) -> Result<Bytes, ApiError> {
    read_up_to(state.config.body_bytes, request, state).await
}

/// Reads a body. The caller must have set the request's size limit to `limit`.
async fn read_up_to(limit: usize, request: Request, state: &AppState) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::PayloadTooLarge(limit)
        } else {
            ApiError::InvalidPayload("the body ended early".into())
        }
    })
}

/// Parses JSON with the server's limit on nesting. An error does not quote secrets in the body.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], state: &AppState) -> Result<T, ApiError> {
    json::read_bytes(bytes, state.config.json_depth).map_err(|InvalidBody { problem, json }| {
        ApiError::InvalidPayload(state.queue.maskers().mask_error(&problem, json.as_ref()))
    })
}
