//! The socket that hyper uses for a connection. It closes a connection whose client reads a response too slowly. It
//! also discards the responses that hyper generates by itself.
//!
//! hyper responds to an invalid request with only a status line, and this cannot be configured. The server could parse
//! each head before hyper does. But this would require a second parser that finds the ends of bodies, and two parsers
//! that disagree make request smuggling possible. Therefore, hyper remains the only parser. If hyper writes data while
//! no request is being answered, the data can only be a response that hyper has generated. This data is discarded, and
//! [`super::refusal`] sends the actual response.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::slots::IdleMark;
use super::stream::ClientStream;
use crate::limits::PaceLimit;
use crate::server::pace::Pace;

/// The state of a connection's latest request, shared by its socket and its service.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    state: Arc<AtomicU8>,
    /// Records when the connection is idle, for the limit on connections.
    mark: IdleMark,
}

/// The state in which no request is being answered, and the last response has been sent completely.
const IDLE: u8 = 0;
/// The state in which a request has been parsed, and its response is incomplete.
const ANSWERING: u8 = 1;
/// The state in which the complete response is in hyper's buffer.
const WRITTEN: u8 = 2;

impl Exchange {
    /// Creates the state of a new connection.
    pub(super) fn new(mark: IdleMark) -> Self {
        Self { state: Arc::default(), mark }
    }

    /// Records that a request was parsed.
    pub(super) fn begin(&self) -> ReplyEnd {
        self.state.store(ANSWERING, Ordering::Relaxed);
        self.mark.set_busy();
        ReplyEnd(self.clone())
    }

    /// Returns whether no request is being answered.
    pub(super) fn is_idle(&self) -> bool {
        self.state.load(Ordering::Relaxed) == IDLE
    }

    /// Records that hyper has flushed its socket. hyper does so only after it has written its whole buffer.
    fn flushed(&self) {
        let swapped = self.state.compare_exchange(WRITTEN, IDLE, Ordering::Relaxed, Ordering::Relaxed);
        // In the other two states, `compare_exchange` fails and there is nothing to record: the response is incomplete,
        // or no request is being answered.
        if swapped.is_ok() {
            self.mark.set_idle();
        }
    }
}

/// A guard in the body of a response. Dropping the guard records that the body is complete.
#[derive(Debug)]
pub(super) struct ReplyEnd(Exchange);

impl Drop for ReplyEnd {
    fn drop(&mut self) {
        self.0.state.store(WRITTEN, Ordering::Relaxed);
    }
}

/// The socket of a client.
#[derive(Debug)]
pub(super) struct Socket {
    stream: ClientStream,
    exchange: Exchange,
    pace: Pace,
}

impl Socket {
    pub(super) const fn new(stream: ClientStream, exchange: Exchange, limit: PaceLimit) -> Self {
        Self { stream, exchange, pace: Pace::new(limit) }
    }

    /// Returns the underlying socket after hyper has finished using it.
    pub(super) fn into_stream(self) -> ClientStream {
        self.stream
    }

    /// Records the result of a write. The write fails if the client has kept the server waiting for too long.
    fn paced(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            self.pace.moved(*written.as_ref().unwrap_or(&0));
            return Poll::Ready(written);
        }
        ready!(self.pace.poll_used_up(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.exchange.is_idle() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.paced(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.exchange.is_idle() {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.paced(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.exchange.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
