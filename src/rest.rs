//! Reads of the REST API from the browser: what the pages ask for again and again.

use gloo_net::http::Request;
use serde::de::DeserializeOwned;
use web_sys::AbortSignal;

use crate::model::ErrorBody;

/// A reply that takes longer than this does not come any more.
const TIMEOUT_MS: u32 = 10_000;

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestError {
    /// The server refused it, and asking again changes nothing: the status, and a sentence.
    Refused {
        /// The HTTP status.
        status: u16,
        /// One sentence that says what to do.
        message: String,
    },
    /// No reply came, or the server could not answer now; asking again may help.
    Unreachable,
}

/// Reads a resource of the API as JSON; `path` begins at the server's root.
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
