//! Sends GET requests for data that the pages load repeatedly from the REST API.

use gloo_net::http::Request;
use model::ErrorBody;
use serde::de::DeserializeOwned;
use web_sys::AbortSignal;

/// The timeout of a request in milliseconds.
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

/// Fetches a resource of the API as JSON. `path` is relative to the server's root.
pub async fn get<T: DeserializeOwned>(path: &str) -> Result<T, RestError> {
    let text = get_text(path).await?;
    serde_json::from_str(&text).map_err(|_| RestError::Unreachable)
}

async fn get_text(path: &str) -> Result<String, RestError> {
    let timeout = AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let reply = Request::get(path).abort_signal(Some(&timeout)).send().await.map_err(|_| RestError::Unreachable)?;
    let text = reply.text().await.map_err(|_| RestError::Unreachable)?;
    match reply.status() {
        200..=299 => Ok(text),
        status @ (400..=407 | 409..=428) => {
            let message = serde_json::from_str::<ErrorBody>(&text).map(|body| body.detail.message);
            Err(RestError::Refused { status, message: message.unwrap_or_else(|_| reply.status_text()) })
        }
        _ => Err(RestError::Unreachable),
    }
}
