//! A response body that ends with an error as soon as its recipient's credential becomes invalid.
//!
//! The gate wraps every response whose length is not known in advance: streams, logs that are followed, and downloads.
//! The error aborts the connection, so that clients detect that the response is incomplete.

use std::future::Future;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// A body that is sent until a future completes.
struct RevocableBody {
    body: Body,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Returns a body that fails when `ended` completes. A body whose length is known is returned unchanged, because it is
/// already complete.
pub(in crate::server) fn until(ended: impl Future<Output = ()> + Send + 'static, body: Body) -> Body {
    if body.size_hint().exact().is_some() {
        return body;
    }
    Body::new(RevocableBody { body, ended: Box::pin(ended) })
}

impl HttpBody for RevocableBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.ended.as_mut().poll(context).is_ready() {
            let error = Error::new(ErrorKind::PermissionDenied, "the recipient may no longer receive this response");
            return Poll::Ready(Some(Err(axum::Error::new(error))));
        }
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
