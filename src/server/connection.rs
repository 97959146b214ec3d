//! Accepts and closes connections.
//!
//! This module uses hyper directly instead of axum's `serve`. This makes it possible to limit the number of connections
//! ([`slots`]), the memory of a connection's buffers and the time that a client may take, and to send the server's own
//! responses to invalid requests.

mod refusal;
mod slots;
mod socket;
mod stream;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use futures_util::FutureExt;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::http::error::ApiError;
use super::{AppState, Config};
use crate::limits::{ACCEPT_REST, DRAIN};
use slots::{ConnectionSlot, ConnectionSlots, RefusalSlot, SlotDecision};
use socket::{Exchange, ReplyEnd, Socket};
use stream::Accepted;

/// Serves `router` until the shutdown token is cancelled. Then waits up to [`DRAIN`] for pending requests to finish,
/// and closes the remaining connections. If the body of a request is still incomplete at that time, the request fails.
pub(super) async fn serve(listener: TcpListener, router: Router, state: AppState) {
    let (connections, closing) = (TaskTracker::new(), CancellationToken::new());
    let slots = ConnectionSlots::new(limit(&state.config), state.config.limits.idle);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = state.shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, address)) => match slots.decide(Instant::now()) {
                // The futures are boxed, because `run_until_cancelled_owned` would reserve three times their size.
                SlotDecision::Serve(slot) => {
                    let handled = Box::pin(handle(stream, address, router.clone(), state.clone(), slot));
                    connections.spawn(closing.clone().run_until_cancelled_owned(handled));
                }
                SlotDecision::Refuse(slot) => {
                    let refused = Box::pin(refuse(stream, state.clone(), slots.limit(), slot));
                    connections.spawn(closing.clone().run_until_cancelled_owned(refused));
                }
                SlotDecision::Close => drop(stream),
            },
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
        closing.cancel();
        connections.wait().await;
    }
}

/// Returns the maximum number of connections: the configured number, but not more than the limit on open files permits.
fn limit(config: &Config) -> usize {
    let available = slots::available(getrlimit(Resource::Nofile).current, config.jobs.concurrency);
    let Some(wanted) = config.connections else { return available };
    if wanted > available {
        tracing::warn!(
            wanted,
            available,
            "the limit on open files permits fewer connections than the setting `connections`; raise the limit (ulimit -n, \
             LimitNOFILE of systemd)"
        );
    }
    wanted.min(available)
}

/// Responds with an error to a connection that exceeds the limit.
async fn refuse(stream: TcpStream, state: AppState, limit: usize, _slot: RefusalSlot) {
    if let Ok(Accepted::Ready(stream) | Accepted::NotTls(stream)) = stream::accept(stream, &state).await {
        refusal::refuse(stream, &state, ApiError::TooManyConnections(limit)).await.ok();
    }
}

/// Serves one connection until it is closed, or until it is idle and has to make way for a new connection.
async fn handle(stream: TcpStream, address: SocketAddr, router: Router, state: AppState, slot: ConnectionSlot) {
    let exchange = Exchange::new(slot.idle_mark());
    let leave = async {
        slot.leave().cancelled().await;
        // If the server has already read a request, the connection stays open until the request is answered. If a
        // request has been sent but not read, the client repeats it on another connection.
        if !exchange.is_idle() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = serve_requests((stream, address), router, state, &exchange, slot.leave()) => {}
        () = leave => tracing::debug!("an idle connection was closed to make way for another one"),
    }
}

/// Serves the requests of one connection until it is closed. If `leave` is cancelled while a request is being answered,
/// the connection is closed after this response.
async fn serve_requests(
    (stream, address): (TcpStream, SocketAddr),
    router: Router,
    state: AppState,
    exchange: &Exchange,
    leave: &CancellationToken,
) {
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
        let stopping = async {
            tokio::select! {
                () = state.shutdown.cancelled() => {}
                () = leave.cancelled() => {}
            }
        };
        let mut stopping = pin!(stopping.fuse());
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
