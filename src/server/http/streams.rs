//! `/events/stream`: sends the events of several jobs through one connection.
//!
//! Browsers open at most six connections to a server that does not support HTTP/2. If each page had its own stream, a
//! seventh page would not even load. All pages of a browser therefore share one stream (`public/shared-stream.js`).

use std::collections::HashSet;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::clock;
use engine::event_log::{Filter, Kinds, Page};
use futures_util::future::select_all;
use model::{JobId, Seq};
use tokio::time::Instant;

use super::error::ApiError;
use super::query::Query;
use super::sse::{self, FrameBuffer};
use super::stream::Reader;
use crate::limits::HEARTBEAT;
use crate::server::AppState;
use crate::server::open_streams::{StreamPermit, StreamRequest};

/// The maximum number of jobs in a stream.
const MOST_JOBS: usize = 50;

pub(super) async fn stream(
    State(state): State<AppState>,
    request: Option<Extension<StreamRequest>>,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, ApiError> {
    let mut wanted = positions(&mut query, "jobs", &Kinds::Any)?;
    wanted.extend(positions(&mut query, "lifecycle", &Kinds::NotOutput)?);
    query.end()?;
    if wanted.is_empty() || wanted.len() > MOST_JOBS {
        return Err(ApiError::InvalidQuery(format!(
            "specify 1 to {MOST_JOBS} jobs as jobs=ID:SEQ,\u{2026} or lifecycle=ID:SEQ,\u{2026}, not {}",
            wanted.len()
        )));
    }
    let mut given = HashSet::new();
    for (job, ..) in &wanted {
        if !given.insert(*job) {
            return Err(ApiError::InvalidQuery(format!("job {job} is given more than once")));
        }
    }
    let last = last_event(&headers)?;
    let permit = state.streams.permit(request.as_deref())?;
    let mut stream = JobsEvents {
        state: state.clone(),
        jobs: Vec::new(),
        frames: FrameBuffer::new(),
        next: 0,
        heartbeat_at: Instant::now() + HEARTBEAT,
        _permit: permit,
    };
    let mut is_over = true;
    for (job, after, kinds) in wanted {
        let after = last.filter(|(last, _)| *last == job).map_or(after, |(_, seq)| after.max(seq));
        let filter = Filter { kinds, ..Filter::default() };
        match Reader::begin(state.clone(), job, filter, after).await {
            Ok((reader, first)) => {
                is_over &= reader.is_over(&first);
                stream.jobs.push(StreamedJob { reader, fresh: Some(first), may_have_more: true });
            }
            Err(error @ ApiError::JobNotFound) => {
                is_over = false;
                stream.refuse(job, &error);
            }
            Err(error) => return Err(error),
        }
    }
    if is_over {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(sse::reply(futures_util::stream::unfold(stream, async |mut stream| {
        let frame = stream.next().await?;
        Some((frame, stream))
    })))
}

/// Parses a list of jobs, each with the `seq` after which its events are requested: `ID:SEQ,ID:SEQ`.
fn positions(query: &mut Query, name: &str, kinds: &Kinds) -> Result<Vec<(JobId, Seq, Kinds)>, ApiError> {
    let Some(text) = query.text(name) else { return Ok(Vec::new()) };
    let invalid =
        |item: &str| ApiError::InvalidQuery(format!("{name}: {item:?} is not the id of a job, a colon and a seq"));
    text.split(',')
        .map(|item| position(item).map(|(job, seq)| (job, seq, kinds.clone())).ok_or_else(|| invalid(item)))
        .collect()
}

fn position(text: &str) -> Option<(JobId, Seq)> {
    let (job, seq) = text.split_once(':')?;
    let seq = seq.parse::<i64>().ok().filter(|seq| *seq >= 0)?;
    Some((job.parse().ok()?, Seq(seq)))
}

/// Parses the `Last-Event-ID` header, which contains the id of one of the jobs and the `seq` of its last event. Returns
/// `None` if the header is missing or empty.
fn last_event(headers: &HeaderMap) -> Result<Option<(JobId, Seq)>, ApiError> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    position(text.trim()).map(Some).ok_or_else(|| ApiError::InvalidCursor(text.chars().take(100).collect()))
}

/// A job whose events are sent.
struct StreamedJob {
    reader: Reader,
    /// The first page, or `None` after it has been sent.
    fresh: Option<Page>,
    /// Whether events may have been appended since the last page was read.
    may_have_more: bool,
}

/// The state of one stream.
struct JobsEvents {
    state: AppState,
    /// The jobs that have not been sent completely.
    jobs: Vec<StreamedJob>,
    frames: FrameBuffer,
    /// The index of the job to read next, so that a job that prints a lot does not delay the others.
    next: usize,
    /// The time at which the next heartbeat is due. Sending events does not postpone it, because a page whose job
    /// prints nothing needs heartbeats even while other jobs print.
    heartbeat_at: Instant,
    _permit: StreamPermit,
}

impl JobsEvents {
    /// Returns the next bytes to send, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop() {
                return Some(frame);
            }
            if Instant::now() >= self.heartbeat_at {
                self.heartbeat_at = Instant::now() + HEARTBEAT;
                // Another server process may have stored events, which causes no notification in this one. The events
                // of all jobs are therefore read again.
                self.jobs.iter_mut().for_each(|job| job.may_have_more = true);
                self.frames.push_without_id("heartbeat", format_args!("{{\"serverTime\":\"{}\"}}", clock::now()));
                continue;
            }
            if self.jobs.is_empty() {
                return None;
            }
            let order = (self.next..self.jobs.len()).chain(0..self.next.min(self.jobs.len()));
            let ready = order.into_iter().find(|index| self.jobs[*index].may_have_more);
            match ready {
                Some(index) => self.read(index).await?,
                None => self.wait().await?,
            }
        }
    }

    /// Creates frames from the next page of a job. Returns `None` if the stream must be closed.
    async fn read(&mut self, index: usize) -> Option<()> {
        self.next = index + 1;
        let job = &mut self.jobs[index];
        let id = job.reader.job;
        let page = match job.fresh.take() {
            Some(page) => page,
            None => match job.reader.read().await {
                Ok(page) => page,
                Err(error @ ApiError::JobNotFound) => {
                    self.jobs.remove(index);
                    self.refuse(id, &error);
                    return Some(());
                }
                Err(error) => {
                    tracing::warn!(job = %id, %error, "reading events failed, so their stream was closed");
                    return None;
                }
            },
        };
        job.reader.cursor = job.reader.cursor.max(page.next_after);
        job.may_have_more = page.has_more || !page.events.is_empty();
        for event in &page.events {
            self.frames.extend([format!("id: {id}:{}\n", event.seq).into(), event.frame_without_id()]);
        }
        if let Some(status) = page.terminal.filter(|_| page.is_last()) {
            let (status, last) = (status.as_str(), page.last_seq);
            let data = format_args!("{{\"jobId\":\"{id}\",\"status\":\"{status}\",\"lastSeq\":{last}}}");
            self.frames.push(format_args!("{id}:{last}"), "terminal", data);
            self.jobs.remove(index);
        }
        Some(())
    }

    /// Waits until a job may have more events, or until a heartbeat is due. Returns `None` when the server is stopping.
    async fn wait(&mut self) -> Option<()> {
        let grown = select_all(self.jobs.iter_mut().map(|job| Box::pin(job.reader.watch.grown())));
        let grown = tokio::select! {
            ((), index, _) = grown => Some(index),
            () = tokio::time::sleep_until(self.heartbeat_at) => None,
            () = self.state.shutdown.cancelled() => return None,
        };
        if let Some(index) = grown {
            self.jobs[index].may_have_more = true;
        }
        Some(())
    }

    /// Reports that the events of a job cannot be sent.
    fn refuse(&mut self, job: JobId, error: &ApiError) {
        let status = error.status_and_code().0.as_u16();
        self.frames.push(
            format_args!("{job}:0"),
            "refused",
            format_args!("{{\"jobId\":\"{job}\",\"status\":{status}}}"),
        );
    }
}
