//! Accepting connections and ending them.
//!
//! hyper itself, without axum's `serve`, for three bounds: the memory of a connection's buffers, the time in which a request
//! has to arrive, and the time for which a reader may take nothing.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

/// The time in which a request's head has to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// A reader that takes nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a connection's buffer: as small as hyper lets it be. A head that is larger is refused.
const BUFFER: usize = 16 << 10;

/// How long requests may go on once streams have been told to end.
const DRAIN: Duration = Duration::from_secs(1);

/// How long accepting rests when the system is out of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves `router` until `shutdown`, then lets open requests end.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => spawn(stream, router.clone(), &connections),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::info!("some connections did not end in time and are cut");
    }
}

fn spawn(stream: TcpStream, router: Router, connections: &GracefulShutdown) {
    // A line is to leave when it is there, not when it fills a packet.
    stream.set_nodelay(true).ok();
    let mut stream = Box::pin(TimeoutStream::new(stream));
    stream.as_mut().set_write_timeout_pinned(Some(WRITE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // A browser that goes away is no failure of ours.
            tracing::debug!(%error, "a connection ended early");
        }
    });
}
