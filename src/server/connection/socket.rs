//! The socket of a connection as hyper sees it. It ends a connection whose client takes a reply too slowly, and it keeps
//! back the replies that hyper writes of its own accord.
//!
//! hyper answers what it cannot parse with a bare status line, and offers no way to change that. To read each head before
//! hyper does would need a second parser that knows where bodies end, and two parsers that disagree are how requests are
//! smuggled. So hyper stays the only one that reads, and what it writes while no request is being answered is kept back:
//! that is its own reply and nothing else. [`super::refusal`] writes the real one.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::limits::PaceLimit;
use crate::server::pace::Pace;

/// How far a connection is with its latest request. Shared by its socket and its service.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange(Arc<AtomicU8>);

/// No request is being answered: all that was said of the last one has left.
const IDLE: u8 = 0;
/// A request has been parsed, and its reply is not yet complete.
const ANSWERING: u8 = 1;
/// The reply is complete in hyper's buffer.
const WRITTEN: u8 = 2;

impl Exchange {
    /// Notes that a request has been parsed.
    pub(super) fn begin(&self) -> ReplyEnd {
        self.0.store(ANSWERING, Ordering::Relaxed);
        ReplyEnd(self.clone())
    }

    /// Returns whether no request is being answered.
    pub(super) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == IDLE
    }

    /// hyper flushes its socket only after it has written all of its buffer.
    fn flushed(&self) {
        let swapped = self.0.compare_exchange(WRITTEN, IDLE, Ordering::Relaxed, Ordering::Relaxed);
        // Anything else is a reply that goes on, or none.
        swapped.ok();
    }
}

/// Lives as long as the body of a reply.
#[derive(Debug)]
pub(super) struct ReplyEnd(Exchange);

impl Drop for ReplyEnd {
    fn drop(&mut self) {
        self.0.0.store(WRITTEN, Ordering::Relaxed);
    }
}

/// A client's socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    exchange: Exchange,
    pace: Pace,
}

impl Socket {
    pub(super) const fn new(stream: TcpStream, exchange: Exchange, limit: PaceLimit) -> Self {
        Self { stream, exchange, pace: Pace::new(limit) }
    }

    /// Returns the socket itself, once hyper is done with it.
    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Accounts for a write; one that waits for too long fails.
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
