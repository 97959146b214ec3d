//! What all streams of Server-Sent Events have in common.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;

use super::error::ApiError;

/// After so much silence a heartbeat says that the connection lives, and how far it has looked.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long a browser waits before it connects again.
pub(super) const RETRY: &[u8] = b"retry: 1000\n\n";

/// Sends frames as they come, past every proxy that would hold them back.
pub(super) fn reply(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures_util::StreamExt;
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(frames.map(Ok::<_, Infallible>))).into_response()
}

/// Returns the cursor that a browser sends when it connects again, if it has one.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    match text.trim().parse::<i64>() {
        Ok(id @ 0..) => Ok(Some(id)),
        _ if text.is_empty() => Ok(None),
        _ => Err(ApiError::InvalidCursor(text.chars().take(100).collect())),
    }
}
