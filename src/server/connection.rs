//! Accepts and closes connections.
//!
//! This module uses hyper directly instead of axum's `serve`, for three reasons: to limit the memory of a connection's
//! buffers, to limit the time that a client may take, and to send its own responses to invalid requests.

mod refusal;
mod socket;
mod stream;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use futures_util::FutureExt;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::AppState;
use super::http::error::ApiError;
use crate::limits::{ACCEPT_REST, DRAIN};
use socket::{Exchange, ReplyEnd, Socket};
use stream::Accepted;

/// Serves `router` until the shutdown token is cancelled, then waits for pending requests to finish.
pub(super) async fn serve(listener: TcpListener, router: Router, state: AppState) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = state.shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                connections.spawn(handle(stream, address, router.clone(), state.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::info!("some connections did not finish in time and are being closed");
    }
}

/// Serves one connection until it is closed.
async fn handle(stream: TcpStream, address: SocketAddr, router: Router, state: AppState) {
    // Small frames are sent immediately instead of waiting for a full packet, so that lines arrive without delay.
    stream.set_nodelay(true).ok();
    let stream = match stream::accept(stream, &state).await {
        Ok(Accepted::Ready(stream)) => stream,
        Ok(Accepted::NotTls(stream)) => {
            let reason = "this port accepts only HTTPS; use an address that begins with https://";
            refusal::refuse(stream, &state, ApiError::InvalidRequest(reason.to_owned())).await.ok();
            return;
        }
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return;
        }
    };
    let (limits, head) = (state.config.limits, state.config.head);
    let exchange = Exchange::default();
    let socket = Socket::new(stream, exchange.clone(), limits.reply);
    let answering = exchange.clone();
    let answering_state = state.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let AppState(shared) = &answering_state;
        let client = shared.proxies.client(address.ip(), shared.tls.is_some(), request.headers());
        request.extensions_mut().insert(client);
        Box::pin(answer(router.clone(), request, answering.begin()))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(head.headers)
        .max_buf_size(head.buffer())
        .serve_connection(TokioIo::new(socket), service);
    let ended = {
        let mut stopping = pin!(state.shutdown.cancelled().fuse());
        poll_fn(|context| {
            if stopping.as_mut().poll(context).is_ready() {
                Pin::new(&mut connection).graceful_shutdown();
            }
            connection.poll_without_shutdown(context)
        })
        .await
    };
    let parts = connection.into_parts();
    let stream = parts.io.into_inner().into_stream();
    let reason = ended.as_ref().err().filter(|_| exchange.is_idle());
    let reason = reason.and_then(|error| refusal::reason(error, &parts.read_buf, head));
    let closed = match (reason, &ended) {
        (Some(reason), _) => refusal::refuse(stream, &state, reason).await,
        (None, Ok(())) => refusal::close(stream, &state).await,
        (None, Err(_)) => Ok(()),
    };
    // The error is logged only at debug level, because a client that disconnects is not a failure of the server.
    if let Some(error) = ended.err().map(std::io::Error::other).or(closed.err()) {
        tracing::debug!(%error, "a connection was closed early");
    }
}

/// Passes a request to its route.
async fn answer(router: Router, request: Request<Incoming>, end: ReplyEnd) -> Result<Response<Reply>, Infallible> {
    let response = router.oneshot(request.map(Body::new)).await?;
    Ok(response.map(|body| Reply { body, _end: end }))
}

/// The body of a response. Dropping it notifies the connection's socket that the response is complete.
struct Reply {
    body: Body,
    _end: ReplyEnd,
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
