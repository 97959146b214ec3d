//! `/jobs/{id}/events/stream`: sends the same events that polling returns, as Server-Sent Events.
//!
//! Each page is read only after the connection has accepted the previous one, so a slow client occupies little memory.
//! An interrupted stream can be resumed after its last `id`, so that no event is lost or repeated.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::clock;
use engine::event_log::{Cursor, Direction, Filter, Page, PageRequest, Watch};
use model::{JobId, Seq};
use tokio::time::Instant;

use super::error::ApiError;
use super::events::{cursor, filter, resolve};
use super::jobs::JobPath;
use super::query::Query;
use super::sse::{self, FrameBuffer, last_event_id};
use crate::server::AppState;
use crate::server::open_streams::{StreamPermit, StreamRequest};

/// The maximum number of events read at once.
const LIMIT: usize = 500;

pub(super) async fn stream(
    State(state): State<AppState>,
    request: Option<Extension<StreamRequest>>,
    JobPath(job): JobPath,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, ApiError> {
    let after = cursor(&mut query, "after", "afterEventId", Cursor::After)?;
    let filter = filter(&mut query)?;
    refuse_backwards(&mut query)?;
    query.end()?;
    let last_id = Seq(last_event_id(&headers)?.unwrap_or(0));
    let permit = state.streams.permit(request.as_deref())?;
    let after = match after {
        Some(after) => resolve(&state, job, after).await?,
        None => Seq::START,
    };
    let (reader, first) = Reader::begin(state, job, filter, after.max(last_id)).await?;
    if reader.is_over(&first) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let sending = EventStream { reader, frames: FrameBuffer::new(), phase: Phase::Fresh(first), _permit: permit };
    Ok(sse::reply(futures_util::stream::unfold(sending, async |mut sending| {
        let frame = sending.next().await?;
        Some((frame, sending))
    })))
}

fn refuse_backwards(query: &mut Query) -> Result<(), ApiError> {
    let forwards = |what: &str| {
        ApiError::InvalidQuery(format!(
            "{what}: is not supported by streams, which always send the oldest events first"
        ))
    };
    for name in ["before", "beforeEventId"] {
        if query.text(name).is_some() {
            return Err(forwards(name));
        }
    }
    if query.word("sort", &[("asc", true), ("desc", false)])? == Some(false) {
        return Err(forwards("sort=desc"));
    }
    // `limit` and `pollIntervalMs` are accepted and ignored, because older clients send them.
    query.text("limit");
    query.text("pollIntervalMs");
    Ok(())
}

/// Reads a job's events, page by page.
pub(super) struct Reader {
    pub(super) state: AppState,
    pub(super) job: JobId,
    filter: Filter,
    pub(super) watch: Watch,
    pub(super) cursor: Seq,
}

impl Reader {
    /// Reads the first page after `cursor`.
    pub(super) async fn begin(
        state: AppState,
        job: JobId,
        filter: Filter,
        cursor: Seq,
    ) -> Result<(Self, Page), ApiError> {
        // The subscription is created before the first read, so that no event in between is missed.
        let watch = state.events.watch(job);
        let mut reader = Self { state, job, filter, watch, cursor };
        let mut first = reader.read().await?;
        if reader.cursor > first.last_seq {
            // If the cursor is beyond the last event, it is replaced by the `seq` of the last event. That `seq` is read
            // from the database, because the state shared by readers may be slightly outdated.
            reader.cursor = reader.state.events.resolve(job, Cursor::Seq(reader.cursor)).await?;
            first = reader.read().await?;
        }
        Ok((reader, first))
    }

    /// Returns whether the job has finished and the client already has everything in the page.
    pub(super) fn is_over(&self, page: &Page) -> bool {
        page.terminal.is_some() && self.cursor >= page.last_seq
    }

    pub(super) async fn read(&self) -> Result<Page, ApiError> {
        let request =
            PageRequest { direction: Direction::After(self.cursor), filter: self.filter.clone(), limit: LIMIT };
        Ok(self.state.events.page(self.job, &request).await?)
    }
}

/// The state of one stream.
struct EventStream {
    reader: Reader,
    frames: FrameBuffer,
    phase: Phase,
    _permit: StreamPermit,
}

enum Phase {
    /// A page has been read, but no frames have been created from it yet.
    Fresh(Page),
    /// There may be more events.
    Reading,
    /// The stream ends when all frames have been sent.
    Over,
}

impl EventStream {
    /// Returns the next bytes to send, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop() {
                return Some(frame);
            }
            let page = match std::mem::replace(&mut self.phase, Phase::Reading) {
                Phase::Over => return None,
                Phase::Fresh(page) => page,
                Phase::Reading => match self.reader.read().await {
                    Ok(page) => page,
                    Err(error) => {
                        // The client reconnects, and then receives the error as an HTTP status.
                        tracing::warn!(job = %self.reader.job, %error, "reading events failed, so their stream was closed");
                        return None;
                    }
                },
            };
            self.take(page).await?;
        }
    }

    /// Creates frames from a page. If the page is empty, creates a heartbeat if one is due, and otherwise waits for new
    /// events or for the next heartbeat. Returns `None` when the server is stopping.
    ///
    /// Another server process may have stored events, which causes no notification in this one. The events are
    /// therefore read once more before each heartbeat.
    async fn take(&mut self, page: Page) -> Option<()> {
        self.reader.cursor = self.reader.cursor.max(page.next_after);
        self.frames.extend(page.events.iter().map(|event| event.frame()));
        match page.terminal {
            Some(status) if page.is_last() => {
                let (status, last) = (status.as_str(), page.last_seq);
                self.frames.push(last, "terminal", format_args!("{{\"status\":\"{status}\",\"lastSeq\":{last}}}"));
                self.phase = Phase::Over;
            }
            _ if page.has_more || !self.frames.is_empty() => {}
            _ if Instant::now() >= self.frames.heartbeat_at() => {
                let (last, now) = (page.last_seq, clock::now());
                let data = format_args!("{{\"lastSeq\":{last},\"serverTime\":\"{now}\"}}");
                self.frames.push(self.reader.cursor, "heartbeat", data);
            }
            _ => {
                tokio::select! {
                    () = self.reader.watch.grown() => {}
                    () = tokio::time::sleep_until(self.frames.heartbeat_at()) => {}
                    () = self.reader.state.shutdown.cancelled() => return None,
                }
            }
        }
        Some(())
    }
}
