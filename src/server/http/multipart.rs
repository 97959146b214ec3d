//! Reads forms (`multipart/form-data`) that contain files.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;

use super::error::ApiError;

/// The longest pause during an upload. Even over a slow connection, some bytes arrive within this time.
const SILENCE: Duration = Duration::from_mins(1);

/// The maximum time and the maximum number of bytes for receiving the rest of a refused form. If the rest were not
/// received, the client might get a connection error instead of the response.
const DRAIN: (Duration, usize) = (Duration::from_secs(5), 256 << 20);

/// Returns the next bytes of a part, or `None` at its end.
pub(super) async fn chunk(field: &mut Field<'_>) -> Result<Option<Bytes>, ApiError> {
    let chunk = tokio::time::timeout(SILENCE, field.chunk()).await;
    let silent =
        |_| ApiError::InvalidPayload(format!("the body ended early: nothing arrived for {} s", SILENCE.as_secs()));
    chunk.map_err(silent)?.map_err(|error| broken(&error))
}

/// Returns the error for a form that could not be read.
pub(super) fn broken(error: &MultipartError) -> ApiError {
    match error.status() {
        StatusCode::BAD_REQUEST => ApiError::InvalidPayload("the body ended early, or is not a form".into()),
        _ => ApiError::InvalidPayload(format!("the form cannot be read: {error}")),
    }
}

/// Receives the rest of a refused form, within limits.
pub(super) async fn drain(form: &mut Multipart) {
    tokio::time::timeout(DRAIN.0, drain_bytes(form)).await.ok();
}

async fn drain_bytes(form: &mut Multipart) {
    let mut drained = 0;
    while let Ok(Some(mut field)) = form.next_field().await {
        while let Ok(Some(bytes)) = field.chunk().await {
            drained += bytes.len();
            if drained > DRAIN.1 {
                return;
            }
        }
    }
}
