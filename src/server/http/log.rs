//! `/jobs/{id}/log`: returns the complete output of an attempt as plain text, even while the attempt is running.

mod encoding;
mod sending;

use std::ops::Range;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, RANGE, VARY};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::files::KeptFile;
use engine::output::text::{Reach, Selection, TextReader, Times};
use model::{Stage, StreamName};

use super::error::ApiError;
use super::file::{StoredFile, body, etag, is_known};
use super::jobs::JobPath;
use super::lines::attempt;
use super::query::Query;
use crate::server::AppState;
use crate::server::open_streams::StreamRequest;
use encoding::{Encoder, Encoding};
use sending::{Attempts, LogResponse};

pub(super) const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// Whether the response ends at the current end of the output, or only when the requested attempt or the job has
/// finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogEnd {
    Now,
    End,
}

pub(super) async fn log(
    State(state): State<AppState>,
    request: Option<Extension<StreamRequest>>,
    JobPath(job): JobPath,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, ApiError> {
    let selection = selection(&mut query)?;
    let times = query.word("timestamps", &[("true", Times::Prefixed), ("false", Times::Omitted)])?.unwrap_or_default();
    let until = query.word("follow", &[("true", LogEnd::End), ("false", LogEnd::Now)])?.unwrap_or(LogEnd::Now);
    let attempt = attempt(&mut query)?;
    let range = range(&mut query)?;
    query.end()?;
    if range.is_some() && (until == LogEnd::End || times == Times::Prefixed || !selection.is_everything()) {
        let problem = "offset: cannot be combined with follow, timestamps, stage, stepId or stream";
        return Err(ApiError::InvalidQuery(problem.into()));
    }
    // The state of the attempt is read before its stored output. If this state says that the output is complete, the
    // output that is read is complete too.
    let output = state.outputs.find(job, attempt).await?;
    if until == LogEnd::End {
        let attempts = if attempt.is_some() { Attempts::One } else { Attempts::FromHereOn };
        let permit = state.streams.permit(request.as_deref())?;
        let sending = LogResponse::follow(&state, job, &output, attempts, (selection, times), permit);
        let live = [(header::CACHE_CONTROL, "no-cache, no-transform"), (X_ACCEL_BUFFERING, "no")];
        return Ok(([(CONTENT_TYPE, PLAIN_TEXT)], live, sending.into_body()).into_response());
    }
    let Some(spool) = state.outputs.open(job, &output).await? else {
        return Ok(([(CONTENT_TYPE, PLAIN_TEXT)], "").into_response());
    };
    if let Some(range) = range {
        return exactly(spool.into_log(), range);
    }
    let encoding = if headers.contains_key(RANGE) { Encoding::Identity } else { Encoding::accepted(&headers) };
    // Only complete output, without a filter and without times, has an entity tag and supports ranges.
    let whole = output.sha256.as_deref().filter(|_| selection.is_everything() && times == Times::Omitted).map(etag);
    let mut reply = match (whole, encoding) {
        (Some(etag), Encoding::Identity) => {
            let file = StoredFile { file: spool.into_log(), etag, content_type: PLAIN_TEXT.to_owned() };
            file.reply(&headers)?
        }
        (whole, encoding) => {
            let reading = TextReader::new(spool, selection, times, Reach::Present);
            let reading = reading.map_err(|error| ApiError::Internal(error.to_string()))?;
            encoded(&headers, whole, encoding, LogResponse::once(&state, job, &output, reading, Encoder::new(encoding)))
        }
    };
    reply.headers_mut().insert(VARY, header::HeaderValue::from_static("accept-encoding"));
    Ok(reply)
}

const X_ACCEL_BUFFERING: header::HeaderName = header::HeaderName::from_static("x-accel-buffering");

/// Parses `offset` and `bytes`, which must be used together. They specify a range of the current output and have the
/// same meaning as the members `offset` and `bytes` of a log event. Returns `None` if both are missing.
fn range(query: &mut Query) -> Result<Option<Range<u64>>, ApiError> {
    let mut number = |name| query.number(name, 0..=i64::MAX).map(|number| number.map(i64::unsigned_abs));
    match (number("offset")?, number("bytes")?) {
        (Some(offset), Some(bytes)) => Ok(Some(offset..offset.saturating_add(bytes))),
        (None, None) => Ok(None),
        _ => Err(ApiError::InvalidQuery("offset, bytes: specify both or neither".into())),
    }
}

/// Returns exactly the bytes of a range of the output. Unlike the `Range` header, this works even before the output is
/// complete.
fn exactly(text: KeptFile, range: Range<u64>) -> Result<Response, ApiError> {
    let size = text.size().map_err(|error| ApiError::Internal(error.to_string()))?;
    if range.end > size {
        return Err(ApiError::RangeNotSatisfiable(size));
    }
    let length = (range.end - range.start).to_string();
    let about = [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_LENGTH, length)];
    Ok((about, body(text, range)).into_response())
}

/// Parses the parameters that select output by stage, step and stream.
pub(super) fn selection(query: &mut Query) -> Result<Selection, ApiError> {
    let stages = [Stage::Prepare, Stage::Execute, Stage::Publish].map(|stage| (stage.as_str(), stage));
    let streams = [StreamName::Stdout, StreamName::Stderr].map(|stream| (stream.as_str(), stream));
    Ok(Selection {
        stage: query.word("stage", &stages)?,
        step_id: query.text("stepId"),
        stream: query.word("stream", &streams)?,
    })
}

/// Returns a response whose body is generated while it is being sent.
fn encoded(headers: &HeaderMap, whole: Option<String>, encoding: Encoding, sending: LogResponse) -> Response {
    // The encoded body has its own entity tag, so that clients never combine ranges of it with ranges of the unencoded
    // body.
    let etag = whole.map(|etag| encoding.name(&etag));
    let mut reply = match &etag {
        Some(etag) if is_known(headers, etag) => StatusCode::NOT_MODIFIED.into_response(),
        _ => ([(CONTENT_TYPE, PLAIN_TEXT)], sending.into_body()).into_response(),
    };
    if let Some(etag) = etag.and_then(|etag| etag.parse().ok()) {
        reply.headers_mut().insert(ETAG, etag);
    }
    if encoding == Encoding::Gzip {
        reply.headers_mut().insert(CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
    }
    reply
}
