//! Reads forms (`multipart/form-data`) that contain files.

use axum::body::Bytes;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;

use super::error::ApiError;
use crate::limits::REFUSED_UPLOAD;

/// The maximum number of bytes that are still received of a form that has been refused.
const REFUSED_BYTES: usize = 256 << 20;

/// Returns the next bytes of a part, or `None` at its end.
pub(super) async fn chunk(field: &mut Field<'_>) -> Result<Option<Bytes>, ApiError> {
    field.chunk().await.map_err(|error| broken(&error))
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
    tokio::time::timeout(REFUSED_UPLOAD, drain_bytes(form)).await.ok();
}

async fn drain_bytes(form: &mut Multipart) {
    let mut drained = 0;
    while let Ok(Some(mut field)) = form.next_field().await {
        while let Ok(Some(bytes)) = field.chunk().await {
            drained += bytes.len();
            if drained > REFUSED_BYTES {
                return;
            }
        }
    }
}
