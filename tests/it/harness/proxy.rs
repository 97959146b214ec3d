//! A proxy between a client and a server. It can cut connections, and its address stays the same if the server's
//! address changes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A proxy that forwards TCP connections.
pub struct Proxy {
    pub base: String,
    target: Arc<Mutex<SocketAddr>>,
    running: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy for a server with a base URL such as `http://127.0.0.1:1`. `cut` is called once for each
    /// connection. It returns how many bytes of replies the proxy forwards before it closes the connection.
    pub async fn before(server: &str, mut cut: impl FnMut() -> usize + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let base = format!("http://{}", listener.local_addr().expect("the listener has an address"));
        let target = Arc::new(Mutex::new(address(server)));
        let to = Arc::clone(&target);
        let running = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = *to.lock().unwrap_or_else(PoisonError::into_inner);
                tokio::spawn(forward(client, server, cut()));
            }
        });
        Self { base, target, running }
    }

    /// Forwards new connections to another server.
    pub fn move_to(&self, server: &str) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = address(server);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn address(server: &str) -> SocketAddr {
    server.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("the base contains an address")
}

async fn forward(client: TcpStream, server: SocketAddr, cut: usize) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    copy(&mut from_server.take(cut as u64), &mut to_client).await.ok();
    requests.abort();
    to_client.shutdown().await.ok();
}
