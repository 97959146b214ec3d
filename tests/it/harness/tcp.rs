//! Sends requests as raw bytes, including requests that a well-behaved client would not send.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The maximum time for a response before the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A reply that was read until the connection ended.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// Returns the error code in the reply's envelope.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no envelope: {self:?}"));
        body["detail"]["code"].as_str().expect("an error has a code").to_owned()
    }
}

/// Connects to a server.
pub async fn connect(base: &str) -> TcpStream {
    let address = base.strip_prefix("http://").expect("a base is a URL");
    TcpStream::connect(address).await.expect("the server accepts")
}

/// Sends a GET request with exactly this request target. Each line in `headers` must end with CRLF.
pub async fn get(base: &str, target: &str, headers: &str) -> Reply {
    let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n");
    let bytes = exchange(base, request.as_bytes(), Sending::Goes).await;
    parse(&bytes).unwrap_or_else(|| panic!("{target:?}: no reply"))
}

/// Reads until `end` has been received or the connection ends, and returns the received text.
pub async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    let read = async {
        while !String::from_utf8_lossy(&text).contains(end)
            && let Ok(count @ 1..) = socket.read(&mut buffer).await
        {
            text.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("it arrives in time");
    String::from_utf8_lossy(&text).into_owned()
}

/// Sends bytes and returns the first line of the reply.
pub async fn first_line(base: &str, request: &[u8]) -> String {
    let mut socket = tokio::io::BufReader::new(connect(base).await);
    socket.write_all(request).await.expect("the server reads it");
    let mut line = String::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_line(&mut line)).await;
    read.expect("it arrives in time").expect("the server answers");
    line
}

/// Whether a client closes its sending side after the request. In this case, the server may leave even a complete
/// request unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// The sending side stays open.
    Goes,
    /// The sending side is closed.
    Ends,
}

/// Sends bytes and returns everything that is received until the connection is closed or reset.
pub async fn exchange(base: &str, request: &[u8], sending: Sending) -> Vec<u8> {
    exchange_until(base, request, sending, |_| false).await
}

/// Sends bytes and returns what is received. Stops when the connection ends, or when `is_enough` returns true for what
/// has been received so far.
pub async fn exchange_up_to(base: &str, request: &[u8], is_enough: impl Fn(&Reply) -> bool) -> Vec<u8> {
    exchange_until(base, request, Sending::Goes, |bytes| parse(bytes).is_some_and(|reply| is_enough(&reply))).await
}

async fn exchange_until(base: &str, request: &[u8], sending: Sending, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let (mut reader, mut writer) = connect(base).await.into_split();
    let mut reply = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            reply.extend_from_slice(&buffer[..count]);
            if is_enough(&reply) {
                break;
            }
        }
    };
    let write = async {
        if writer.write_all(request).await.is_ok() && sending == Sending::Ends {
            writer.shutdown().await.ok();
        }
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(read, write) }).await.expect("the connection ends in time");
    reply
}

/// Parses an HTTP/1.1 reply whose body is not chunked. Returns `None` if `bytes` does not contain a complete, valid
/// head.
pub fn parse(bytes: &[u8]) -> Option<Reply> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}
