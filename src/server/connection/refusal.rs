//! Sends the responses to invalid requests, which hyper could not parse or did not receive in time.

use std::time::Instant;

use axum::body::to_bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::ClientStream;
use crate::server::http::error::ApiError;
use crate::server::http::with_default_headers;
use crate::server::{AppState, HeadLimits, observe};

/// The maximum size of an error response's body, in bytes.
const ENVELOPE: usize = 16 << 10;

/// Converts an error of hyper to the error that is reported to the client. `unread` contains the bytes that hyper had
/// read but not parsed.
///
/// Returns `None` if there is nothing to report. For example, the connection may have been closed between two requests.
pub(super) fn reason(error: &hyper::Error, unread: &[u8], limits: HeadLimits) -> Option<ApiError> {
    let invalid = |what: &str| Some(ApiError::InvalidRequest(what.to_owned()));
    if error.is_parse_too_large() {
        Some(limits.exceeded(unread))
    } else if error.is_parse_version_h2() {
        invalid("the server supports only HTTP/1.1; for HTTP/2, put a proxy in front of it")
    } else if error.is_parse() {
        invalid("the request is not valid HTTP/1.1")
    } else if unread.trim_ascii().is_empty() {
        None
    } else if error.is_timeout() {
        Some(ApiError::RequestTimeout)
    } else {
        error.is_incomplete_message().then(|| invalid("the request ended early"))?
    }
}

/// Sends the error, and closes the connection.
pub(super) async fn refuse(mut stream: ClientStream, state: &AppState, error: ApiError) -> std::io::Result<()> {
    let reply = with_default_headers(state, error.into_response());
    let reply = observe::refused(state, reply, Instant::now());
    let bytes = encode(reply).await;
    tokio::time::timeout(state.config.limits.reply.stall, stream.write_all(&bytes)).await??;
    close(stream, state).await
}

/// Closes a connection in such a way that the client can still read the last response. To this end, discards what the
/// client still sends, but only for a limited time (see [`crate::limits::Limits::linger`]).
pub(super) async fn close(mut stream: ClientStream, state: &AppState) -> std::io::Result<()> {
    stream.shutdown().await?;
    // The buffer is on the heap, because an array would be part of the state of every open connection.
    let mut rest = vec![0; 4096];
    let discard = async { while let Ok(1..) = stream.read(&mut rest).await {} };
    tokio::select! {
        () = discard => {}
        () = tokio::time::sleep(state.config.limits.linger) => {}
        () = state.shutdown.cancelled() => {}
    }
    Ok(())
}

/// Encodes a response as HTTP/1.1.
async fn encode(mut reply: Response) -> Vec<u8> {
    let body = std::mem::take(reply.body_mut());
    let body = to_bytes(body, ENVELOPE).await.unwrap_or_default();
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    let mut bytes = format!("HTTP/1.1 {}\r\n", reply.status()).into_bytes();
    for (name, value) in reply.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes
}
