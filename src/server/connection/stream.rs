//! The byte stream of a connection, with or without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::server::AppState;

/// The first byte of a TLS connection: the content type of a handshake record (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// The byte stream of a connection.
#[derive(Debug)]
pub(super) enum ClientStream {
    /// A connection without TLS.
    Plain(TcpStream),
    /// A connection with TLS, after the handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

/// The result of accepting a connection.
pub(super) enum Accepted {
    /// Requests can be read.
    Ready(ClientStream),
    /// The server requires TLS, but the client does not use it.
    NotTls(ClientStream),
}

/// Performs the TLS handshake, if the server uses TLS. Fails if the client does not complete it in time.
pub(super) async fn accept(stream: TcpStream, state: &AppState) -> io::Result<Accepted> {
    let Some(tls) = &state.tls else { return Ok(Accepted::Ready(ClientStream::Plain(stream))) };
    let accepting = async {
        let mut first = [HANDSHAKE];
        stream.peek(&mut first).await?;
        if first != [HANDSHAKE] {
            return Ok(Accepted::NotTls(ClientStream::Plain(stream)));
        }
        let stream = tls.acceptor().accept(stream).await?;
        Ok(Accepted::Ready(ClientStream::Tls(Box::new(stream))))
    };
    tokio::time::timeout(state.config.limits.head, accepting).await?
}

impl AsyncRead for ClientStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
