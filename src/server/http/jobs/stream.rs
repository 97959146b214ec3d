//! `/jobs/stream`: sends jobs as Server-Sent Events when they change, for pages and clients that display a list of
//! jobs.
//!
//! A frame contains the current state of a job, and not the change itself, so changes in quick succession are combined
//! into one frame. The first frame is a heartbeat. Its `id` is the number of the change after which the stream starts.
//! A client that loads its list after this heartbeat does not miss any changes.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use engine::clock;
use engine::queue::QueueError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::JOBS_LOOK_EVERY;
use crate::server::AppState;
use crate::server::http::error::ApiError;
use crate::server::http::query::Query;
use crate::server::http::sse::{self, FrameBuffer, last_event_id};
use crate::server::open_streams::{StreamPermit, StreamRequest};

/// The maximum number of jobs read at once.
const LIMIT: i64 = 100;

pub(in crate::server::http) async fn stream(
    State(state): State<AppState>,
    request: Option<Extension<StreamRequest>>,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, ApiError> {
    let after = query.number("after", 0..=i64::MAX)?;
    query.end()?;
    let last_id = last_event_id(&headers)?;
    let permit = state.streams.permit(request.as_deref())?;
    // The subscription is created before the first read, so that no change in between is missed.
    let changes = state.queue.changes();
    let last = state.queue.last_change().await?;
    // A cursor beyond the last change is treated as the number of the last change. A stream without a cursor starts
    // there too. 0 is a valid cursor, because it is the `id` of the heartbeat while there are no jobs.
    let cursor = after.max(last_id).map_or(last, |cursor| cursor.min(last));
    let mut sending = JobsStream { state, cursor, changes, frames: FrameBuffer::new(), looked: None, _permit: permit };
    sending.heartbeat();
    Ok(sse::reply(futures_util::stream::unfold(sending, async |mut sending| {
        let frame = sending.next().await?;
        Some((frame, sending))
    })))
}

/// The state of one stream.
struct JobsStream {
    state: AppState,
    /// The number of the last change that was sent.
    cursor: i64,
    changes: watch::Receiver<()>,
    frames: FrameBuffer,
    looked: Option<Instant>,
    _permit: StreamPermit,
}

impl JobsStream {
    /// Returns the next bytes to send, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop() {
                return Some(frame);
            }
            match self.look().await {
                Ok(0) => self.wait().await?,
                Ok(_) => {}
                Err(error) => {
                    // The client reconnects and then receives the error as an HTTP status.
                    tracing::warn!(%error, "reading jobs failed, so their stream was closed");
                    return None;
                }
            }
        }
    }

    /// Reads the jobs that have changed since the last call, creates a frame for each, and returns their number, at
    /// most [`LIMIT`].
    async fn look(&mut self) -> Result<usize, QueueError> {
        self.changes.mark_unchanged();
        self.looked = Some(Instant::now());
        let changed = self.state.queue.changed_after(self.cursor, LIMIT).await?;
        for (change, job) in &changed {
            let job = serde_json::to_string(job).expect("all maps in a job have string keys");
            self.frames.push(change, "job", job);
            self.cursor = *change;
        }
        Ok(changed.len())
    }

    /// Waits for a change, or until a heartbeat is due. Returns `None` when the server is stopping.
    async fn wait(&mut self) -> Option<()> {
        let rested = self.looked.map_or_else(Instant::now, |looked| looked + JOBS_LOOK_EVERY);
        tokio::select! {
            changed = self.changes.changed() => {
                changed.ok()?;
                tokio::select! {
                    () = tokio::time::sleep_until(rested) => {}
                    () = self.state.shutdown.cancelled() => return None,
                }
            }
            () = tokio::time::sleep_until(self.frames.heartbeat_at()) => self.heartbeat(),
            () = self.state.shutdown.cancelled() => return None,
        }
        Some(())
    }

    fn heartbeat(&mut self) {
        self.frames.push(self.cursor, "heartbeat", format_args!("{{\"serverTime\":\"{}\"}}", clock::now()));
    }
}
