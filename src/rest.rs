//! Sends GET requests for data that the pages load repeatedly from the REST API.

use gloo_net::http::{Request, Response};
use js_sys::{Reflect, Uint8Array};
use model::ErrorBody;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStreamDefaultReader};

/// The timeout of requests by [`get`] and [`get_start`], in milliseconds.
const TIMEOUT_MS: u32 = 10_000;

/// The reasons why a request can fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestError {
    /// The server refused the request, and a retry would not help.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error message from the server.
        message: String,
    },
    /// There was no response, or the server was temporarily unable to respond. A retry may succeed.
    Unreachable,
}

/// Percent-encodes a value for the query of a URL.
pub fn encoded(value: &str) -> String {
    js_sys::encode_uri_component(value).into()
}

/// Fetches a resource of the API as JSON. `path` is relative to the server's root.
pub async fn get<T: DeserializeOwned>(path: &str) -> Result<T, RestError> {
    let text = get_text(path).await?;
    serde_json::from_str(&text).map_err(|_| RestError::Unreachable)
}

/// Whether to read more of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepReading {
    /// Read the next object.
    Continue,
    /// Close the connection.
    Stop,
}

/// Fetches a response that consists of one JSON object per line, and passes each object to `on_item` when it arrives.
/// `path` is relative to the server's root.
pub async fn get_each<T: DeserializeOwned>(
    path: &str,
    mut on_item: impl FnMut(T) -> KeepReading,
) -> Result<(), RestError> {
    let request = Request::get(path).header("accept", "application/x-ndjson");
    let reply = request.send().await.map_err(|_| RestError::Unreachable)?;
    if reply.status() != 200 {
        return checked(&reply, reply.text().await).map(drop);
    }
    let body = reply.body().ok_or(RestError::Unreachable)?;
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut rest = Vec::new();
    while let Some(chunk) = next_chunk(&reader).await? {
        rest.extend_from_slice(&chunk);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(&rest[..end]).map_err(|_| RestError::Unreachable)?;
            let item = serde_json::from_str(line).map_err(|_| RestError::Unreachable)?;
            rest.drain(..=end);
            if on_item(item) == KeepReading::Stop {
                // The returned promise is dropped, because it reports only whether the stream had already failed.
                drop(reader.cancel());
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Returns the next bytes of a body, or `None` at its end.
async fn next_chunk(reader: &ReadableStreamDefaultReader) -> Result<Option<Vec<u8>>, RestError> {
    let read = JsFuture::from(reader.read()).await.map_err(|_| RestError::Unreachable)?;
    let value = Reflect::get(&read, &"value".into()).map_err(|_| RestError::Unreachable)?;
    Ok((!value.is_undefined()).then(|| Uint8Array::new(&value).to_vec()))
}

/// Fetches the first `bytes` bytes of a file as text. A character that is cut at the end is omitted.
pub async fn get_start(path: &str, bytes: i64) -> Result<String, RestError> {
    let timeout = AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let request = Request::get(path).header("range", &format!("bytes=0-{}", bytes - 1)).abort_signal(Some(&timeout));
    let reply = request.send().await.map_err(|_| RestError::Unreachable)?;
    let mut text = checked(&reply, reply.text().await)?;
    text.truncate(text.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
    Ok(text)
}

async fn get_text(path: &str) -> Result<String, RestError> {
    let timeout = AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let reply = Request::get(path).abort_signal(Some(&timeout)).send().await.map_err(|_| RestError::Unreachable)?;
    checked(&reply, reply.text().await)
}

/// Returns the body of a response, or the error that it reports.
fn checked(reply: &Response, body: Result<String, gloo_net::Error>) -> Result<String, RestError> {
    let text = body.map_err(|_| RestError::Unreachable)?;
    match reply.status() {
        200..=299 => Ok(text),
        status @ (400..=407 | 409..=428) => {
            let message = serde_json::from_str::<ErrorBody>(&text).map(|body| body.detail.message);
            Err(RestError::Refused { status, message: message.unwrap_or_else(|_| reply.status_text()) })
        }
        _ => Err(RestError::Unreachable),
    }
}
