//! Sends a stored file as a whole or in part, or responds with 304 if the client already has it (RFC 9110, sections 13
//! and 14).

use std::io;
use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::files::KeptFile;
use engine::task::task_error;

use super::error::ApiError;
use super::range::Part;

/// The number of bytes read at once, which is also the memory that a slow client occupies.
const BLOCK: u64 = 128 << 10;

/// A file to send.
pub(super) struct StoredFile {
    pub(super) file: KeptFile,
    /// The entity tag of the content, which never changes.
    pub(super) etag: String,
    pub(super) content_type: String,
}

/// Returns the entity tag for a checksum.
pub(super) fn etag(sha256: &str) -> String {
    format!("\"{sha256}\"")
}

impl StoredFile {
    /// Returns the response to a request with these headers.
    pub(super) fn reply(self, request: &HeaderMap) -> Result<Response, ApiError> {
        let size = self.file.size().map_err(|error| ApiError::Internal(error.to_string()))?;
        let names = [(ETAG, self.etag.clone()), (ACCEPT_RANGES, "bytes".to_owned())];
        if is_known(request, &self.etag) {
            return Ok((StatusCode::NOT_MODIFIED, names).into_response());
        }
        let (status, range) = match part(request, &self.etag, size) {
            Part::Whole => (StatusCode::OK, 0..size),
            Part::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
            Part::Nowhere => return Err(ApiError::RangeNotSatisfiable(size)),
        };
        let about = [(CONTENT_TYPE, self.content_type), (CONTENT_LENGTH, (range.end - range.start).to_string())];
        let where_from = (status == StatusCode::PARTIAL_CONTENT)
            .then(|| [(CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start, range.end - 1))]);
        let body = body(self.file, range);
        let mut reply = (status, names, about, body).into_response();
        if let Some(headers) = where_from {
            reply = (headers, reply).into_response();
        }
        Ok(reply)
    }
}

/// Returns whether the client already has the current content.
pub(super) fn is_known(request: &HeaderMap, etag: &str) -> bool {
    let weak = |name: &str| name.trim().trim_start_matches("W/") == etag || name.trim() == "*";
    text(request, IF_NONE_MATCH).is_some_and(|names| names.split(',').any(weak))
}

/// Returns the part of the file to send. If `If-Range` does not match, the range is ignored, and the whole file is
/// sent.
fn part(request: &HeaderMap, etag: &str, size: u64) -> Part {
    match (text(request, RANGE), text(request, IF_RANGE)) {
        (Some(range), None) => Part::parse(range, size),
        (Some(range), Some(name)) if name == etag => Part::parse(range, size),
        _ => Part::Whole,
    }
}

/// Returns the value of a header, or `None` if the header is missing or contains bytes other than visible ASCII.
pub(super) fn text(request: &HeaderMap, name: HeaderName) -> Option<&str> {
    request.get(name).and_then(|value| value.to_str().ok())
}

/// Returns a body with a range of a file. The file is read block by block while the body is being sent.
pub(super) fn body(file: KeptFile, range: Range<u64>) -> Body {
    UnsentBlocks { file, at: range.start, end: range.end }.into_body()
}

/// The part of a file that has not been sent yet.
struct UnsentBlocks {
    file: KeptFile,
    at: u64,
    end: u64,
}

impl UnsentBlocks {
    fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::try_unfold(self, async |blocks| {
            if blocks.at == blocks.end {
                return Ok(None);
            }
            let read = tokio::task::spawn_blocking(move || blocks.next());
            read.await.map_err(task_error)?.map(Some)
        }))
    }

    fn next(mut self) -> io::Result<(Bytes, Self)> {
        let length = usize::try_from((self.end - self.at).min(BLOCK)).expect("a block is small");
        let block = self.file.read(self.at, length)?;
        self.at += block.len() as u64;
        Ok((block.into(), self))
    }
}
