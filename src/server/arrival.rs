//! Checks every request before its route is called, and limits how slowly its body may arrive. The server must support
//! the body's encoding and the request's `Expect` header.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, EXPECT, HeaderName};
use axum::http::{HeaderMap, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};

use super::AppState;
use super::http::error::ApiError;
use super::pace::Pace;

/// Passes on a request if the server can read its body. Responds with 408 if the body arrives too slowly.
pub(super) async fn arrival(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if let Err(error) = check(&request) {
        return error.into_response();
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let pace = Pace::new(state.config.limits.body);
    let request = request.map(|body| Body::new(PacedBody { body, pace, is_late: is_late.clone() }));
    let reply = next.run(request).await;
    // If the client was too slow, the route's response is replaced, because the route knows only that reading the body
    // failed.
    if is_late.load(Ordering::Relaxed) { ApiError::RequestTimeout.into_response() } else { reply }
}

fn check(request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    // RFC 9110, 10.1.1: HTTP/1.0 does not define expectations, so an `Expect` header is ignored.
    if request.version() != Version::HTTP_10 && tokens(headers, &EXPECT).any(|token| token != "100-continue") {
        return Err(ApiError::ExpectationFailed);
    }
    // The header is ignored if there is no body, because some clients send it with every request.
    if !request.body().is_end_stream() && tokens(headers, &CONTENT_ENCODING).any(|token| token != "identity") {
        return Err(ApiError::UnsupportedEncoding);
    }
    Ok(())
}

/// Returns the items of a header that contains a comma-separated list, in lower case.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> + use<'a> {
    let values =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    let items = values.flat_map(|value| value.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>());
    items.filter(|item| !item.is_empty())
}

/// A request body. Reading it fails if the client sends it too slowly.
struct PacedBody {
    body: Body,
    pace: Pace,
    is_late: Arc<AtomicBool>,
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.pace.moved(frame.iter().flatten().filter_map(Frame::data_ref).map(Bytes::len).sum());
            return Poll::Ready(frame);
        }
        ready!(this.pace.poll_used_up(context));
        this.is_late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
