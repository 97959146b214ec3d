//! Benchmarks of how much memory the server still uses after abuse: failed logins, dropped streams, and request bodies
//! that are too large.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::figures::{mib, row};
use crate::server::{Server, TOKEN};

/// The number of simultaneous connections.
const AT_ONCE: usize = 100;

/// The number of simultaneous logins. If the number were much higher, the server would refuse some logins without
/// hashing their passwords.
const LOGINS_AT_ONCE: usize = 50;

/// The pause before the server's memory is measured. During this pause, the server closes the remaining connections.
const SETTLING: Duration = Duration::from_secs(5);

/// Measures the memory of the server before and after each kind of abuse.
pub async fn abuse() {
    let server = Server::start_with(&[("TAILWATER_TRUSTED_PROXIES", "127.0.0.1")]);
    let client = Client::new(&server.address);
    let job = client.submit(&json!({"run": "sleep 600"})).await;
    // Each login comes from a different address, so that the limit on failed logins does not keep the server from
    // hashing the passwords.
    let login = |number: usize| {
        let form = format!("name=user-{number}&password=a-wrong-password-{number}");
        let [_, high, middle, low] = u32::try_from(number).expect("it is small").to_be_bytes();
        format!(
            "POST /login HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: 10.{high}.{middle}.{low}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            server.address,
            form.len()
        )
    };
    let stream = format!(
        "GET /api/queue/jobs/{job}/events/stream HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n",
        server.address
    );
    let body = format!(
        "POST /api/queue/jobs HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        server.address
    );
    // Warm up: the first requests allocate memory that the server keeps for later ones.
    let first_login = 1 << 20;
    repeat(200, LOGINS_AT_ONCE, |number| fail_to_log_in(&server.address, login(first_login + number))).await;
    repeat(200, AT_ONCE, |_| send_body(&server.address, body.clone())).await;
    repeat(200, AT_ONCE, |_| drop_stream(&server.address, stream.clone())).await;

    let before = settled(&server).await;
    row("  memory after the first requests", &mib(before), "");
    repeat(10_000, LOGINS_AT_ONCE, |number| fail_to_log_in(&server.address, login(number))).await;
    report("10,000 failed logins with passwords", before, settled(&server).await);
    let before = settled(&server).await;
    repeat(5_000, AT_ONCE, |_| drop_stream(&server.address, stream.clone())).await;
    report("5,000 streams opened and dropped", before, settled(&server).await);
    let before = settled(&server).await;
    repeat(1_000, AT_ONCE, |_| send_body(&server.address, body.clone())).await;
    report("1,000 bodies of 10 MB", before, settled(&server).await);
    row("  maximum memory of the server", &mib(server.memory("VmHWM")), "");
    client.cancel(&job).await;
}

fn report(what: &str, before: u64, after: u64) {
    row(&format!("{what}: memory kept"), &mib(after.saturating_sub(before)), "10 MB");
}

async fn settled(server: &Server) -> u64 {
    tokio::time::sleep(SETTLING).await;
    server.memory("VmRSS")
}

/// Calls `attempt` with the numbers from 0 to `count - 1`, and runs `at_once` of the returned futures at a time.
async fn repeat<A: Future<Output = ()> + Send + 'static>(count: usize, at_once: usize, attempt: impl Fn(usize) -> A) {
    for begin in (0..count).step_by(at_once) {
        let end = count.min(begin + at_once);
        let attempts: Vec<_> = (begin..end).map(|number| tokio::spawn(attempt(number))).collect();
        for attempt in attempts {
            attempt.await.expect("an attempt does not panic");
        }
    }
}

/// Sends a login with a wrong password. Panics unless the server hashes the password and refuses it. A busy server
/// might instead refuse the login without hashing the password.
fn fail_to_log_in(address: &str, request: String) -> impl Future<Output = ()> + use<> {
    let address = address.to_owned();
    async move {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        socket.write_all(request.as_bytes()).await.expect("the server reads");
        let mut reply = String::new();
        socket.read_to_string(&mut reply).await.expect("the server answers");
        assert!(reply.starts_with("HTTP/1.1 303 ") && reply.contains("/login?error=password"), "{reply}");
    }
}

/// Sends a request, followed by a chunked body of 10 MB, and reads the reply. The server refuses the body and may close
/// the connection before all of it has been sent.
fn send_body(address: &str, head: String) -> impl Future<Output = ()> + use<> {
    let address = address.to_owned();
    async move {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        socket.write_all(head.as_bytes()).await.expect("the server reads");
        let chunk = [&b"100000\r\n"[..], &vec![b'x'; 1 << 20], b"\r\n"].concat();
        for _ in 0..10 {
            if socket.write_all(&chunk).await.is_err() {
                break;
            }
        }
        let mut reply = Vec::new();
        // If the server has closed the connection, the reply may be lost.
        socket.read_to_end(&mut reply).await.ok();
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 413 "), "{reply}");
    }
}

/// Opens a stream, reads the beginning of the reply, and closes the connection.
fn drop_stream(address: &str, head: String) -> impl Future<Output = ()> + use<> {
    let address = address.to_owned();
    async move {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        socket.write_all(head.as_bytes()).await.expect("the server reads");
        let mut reply = [0; 1024];
        let count = socket.read(&mut reply).await.expect("the server answers");
        let reply = String::from_utf8_lossy(&reply[..count]);
        assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    }
}
