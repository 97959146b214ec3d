//! Refuses requests whose `Expect` header or body encoding is not supported, and bodies that arrive too slowly. Also
//! passes bodies on in large pieces, so that collecting a body takes little more memory than the body's size.

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

/// Passes a request on if the server supports its `Expect` header and the encoding of its body. Responds with 408 if
/// the body arrives too slowly.
pub(super) async fn arrival(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if let Err(error) = check(&request) {
        return error.into_response();
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let pace = Pace::new(state.config.limits.body);
    let request = request.map(|body| Body::new(PacedBody::new(body, pace, is_late.clone())));
    let reply = next.run(request).await;
    // If the client was too slow, the route's response is replaced, because the route knows only that the body could
    // not be read.
    if is_late.load(Ordering::Relaxed) { ApiError::RequestTimeout.into_response() } else { reply }
}

fn check(request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    // RFC 9110, 10.1.1: a server ignores expectations in an HTTP/1.0 request.
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

/// The minimum size of the pieces in which a body is passed on, in bytes. Only the last piece may be smaller.
const PIECE: usize = 16 << 10;

/// A request body. Reading it fails if the client sends it too slowly.
///
/// The body is copied into pieces of at least [`PIECE`] bytes. This saves memory if a client sends the body byte by
/// byte. After each read, hyper passes on the received bytes as a slice of its read buffer. The buffer has at least 8
/// KiB, and exists as long as the slice. A route that collects these slices would need thousands of times the body's
/// size.
struct PacedBody {
    body: Body,
    pace: Pace,
    is_late: Arc<AtomicBool>,
    /// The received bytes that have not been passed on yet.
    piece: Vec<u8>,
}

impl PacedBody {
    fn new(body: Body, pace: Pace, is_late: Arc<AtomicBool>) -> Self {
        Self { body, pace, is_late, piece: Vec::new() }
    }

    /// Removes and returns the bytes that have not been passed on yet.
    fn take_piece(&mut self) -> Frame<Bytes> {
        Frame::data(std::mem::take(&mut self.piece).into())
    }
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        while let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            match frame {
                // No route reads trailers, so they are dropped.
                Some(Ok(frame)) => {
                    let bytes = frame.into_data().unwrap_or_default();
                    this.pace.moved(bytes.len());
                    this.piece.extend_from_slice(&bytes);
                    if this.piece.len() >= PIECE {
                        return Poll::Ready(Some(Ok(this.take_piece())));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None if this.piece.is_empty() => return Poll::Ready(None),
                None => return Poll::Ready(Some(Ok(this.take_piece()))),
            }
        }
        ready!(this.pace.poll_used_up(context));
        this.is_late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, held) = (self.body.size_hint(), self.piece.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(held));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};

    use super::*;
    use crate::limits::Limits;

    /// Returns the pieces that a [`PacedBody`] yields if the body arrives in the given frames.
    async fn pieces(frames: Vec<Bytes>) -> Vec<Bytes> {
        let body = Body::from_stream(stream::iter(frames.into_iter().map(Ok::<_, Infallible>)));
        let paced = PacedBody::new(body, Pace::new(Limits::default().body), Arc::default());
        Body::new(paced).into_data_stream().map(|piece| piece.expect("the body is complete")).collect().await
    }

    #[tokio::test]
    async fn a_body_is_passed_on_unchanged_in_pieces_that_do_not_depend_on_how_it_arrives() {
        let text: Vec<u8> = (0..PIECE * 2 + 100).map(|index| u8::try_from(index % 251).expect("it is small")).collect();
        for size in [1, 7, 8_000, PIECE - 1, PIECE, PIECE * 3] {
            let pieces = pieces(text.chunks(size).map(Bytes::copy_from_slice).collect()).await;
            assert_eq!(pieces.concat(), text);
            assert!(pieces.len() <= 3, "{size}: {}", pieces.len());
        }
        assert!(pieces(vec![Bytes::new(), Bytes::new()]).await.is_empty());
    }

    #[tokio::test]
    async fn a_piece_does_not_keep_the_buffer_in_which_it_was_received() {
        let buffer = Bytes::from(vec![b'x'; PIECE]);
        let kept = pieces(vec![buffer.slice(..1), buffer.slice(1..2)]).await;
        assert_eq!(kept.concat(), b"xx");
        assert!(buffer.is_unique(), "the buffer can be reused");
    }
}
