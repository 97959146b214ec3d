//! Types and functions shared by all streams of Server-Sent Events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Display;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use tokio::time::Instant;

use super::error::ApiError;
use crate::limits::{HEARTBEAT, STREAM_RETRY};

/// Frames that are waiting to be sent.
pub(super) struct FrameBuffer {
    waiting: VecDeque<Bytes>,
    /// The time at which the last frame was sent.
    sent: Instant,
}

impl FrameBuffer {
    /// Creates a buffer with the first frame of a stream, which sets the browser's reconnection delay.
    pub(super) fn new() -> Self {
        let retry = format!("retry: {}\n\n", STREAM_RETRY.as_millis());
        Self { waiting: VecDeque::from([retry.into()]), sent: Instant::now() }
    }

    /// Adds an event. `data` must consist of one line.
    pub(super) fn push(&mut self, id: impl Display, event: &str, data: impl Display) {
        self.waiting.push_back(format!("id: {id}\nevent: {event}\ndata: {data}\n\n").into());
    }

    /// Adds an event without an `id`. `data` must consist of one line.
    pub(super) fn push_without_id(&mut self, event: &str, data: impl Display) {
        self.waiting.push_back(format!("event: {event}\ndata: {data}\n\n").into());
    }

    /// Adds complete frames, or consecutive parts of frames.
    pub(super) fn extend(&mut self, frames: impl IntoIterator<Item = Bytes>) {
        self.waiting.extend(frames);
    }

    /// Returns whether no frames are waiting.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Removes and returns the next frame, or returns `None` if no frames are waiting. Also stores the current time as
    /// the time at which the last frame was sent.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let frame = self.waiting.pop_front()?;
        self.sent = Instant::now();
        Some(frame)
    }

    /// Returns the time at which a heartbeat is due. Events that a filter rejects do not delay the heartbeat.
    pub(super) fn heartbeat_at(&self) -> Instant {
        self.sent + HEARTBEAT
    }
}

/// Returns a response that sends frames as they are created, with headers that prevent proxies from buffering them.
pub(super) fn reply(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures_util::StreamExt;
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(frames.map(Ok::<_, Infallible>))).into_response()
}

/// Parses the `Last-Event-ID` header, in which a browser sends its cursor when it reconnects. Returns `None` if the
/// header is missing or empty.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    match text.trim().parse::<i64>() {
        Ok(id @ 0..) => Ok(Some(id)),
        _ if text.is_empty() => Ok(None),
        _ => Err(ApiError::InvalidCursor(text.chars().take(100).collect())),
    }
}
