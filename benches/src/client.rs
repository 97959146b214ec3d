//! The HTTP client of the benchmarks. The client reads event streams directly from sockets, so that a thousand readers
//! use little CPU time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::now_nanos;
use crate::server::TOKEN;

#[derive(Clone)]
pub struct Client {
    pub address: String,
}

impl Client {
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned() }
    }

    pub async fn get(&self, path: &str) -> Value {
        self.request("GET", path, "").await
    }

    /// Submits a command and returns the job's id.
    pub async fn submit(&self, payload: &Value) -> String {
        self.submit_typed("command", payload).await
    }

    /// Submits a job of the given type and returns its id.
    pub async fn submit_typed(&self, kind: &str, payload: &Value) -> String {
        let body = json!({"type": kind, "payload": payload}).to_string();
        let job = self.request("POST", "/jobs", &body).await;
        job["id"].as_str().expect("a job has an id").to_owned()
    }

    /// Creates an API token for a worker.
    pub async fn worker_token(&self) -> String {
        let created = self.create_token("worker").await;
        created["token"].as_str().expect("a token was created").to_owned()
    }

    /// Creates an API token with the given role, and returns the response.
    pub async fn create_token(&self, role: &str) -> Value {
        self.request("POST", "/tokens", &json!({"name": "bench", "role": role}).to_string()).await
    }

    /// Claims a job of the given type and returns the response.
    pub async fn claim(&self, kind: &str, token: &str) -> Value {
        let body = json!({"workerId": "bench", "leaseSeconds": 600, "allowedTypes": [kind]}).to_string();
        self.request_as(token, "POST", "/jobs/claim", &body).await
    }

    /// Requests a job's cancellation.
    pub async fn cancel(&self, job: &str) {
        self.request("POST", &format!("/jobs/{job}/cancel"), "{}").await;
    }

    /// Waits until a job has finished, and returns the job.
    pub async fn ended(&self, job: &str) -> Value {
        loop {
            let now = self.get(&format!("/jobs/{job}")).await;
            if now["finishedAt"].is_string() {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends a request on a new connection and returns the JSON body of the reply.
    async fn request(&self, method: &str, path: &str, body: &str) -> Value {
        self.request_as(TOKEN, method, path, body).await
    }

    async fn request_as(&self, token: &str, method: &str, path: &str, body: &str) -> Value {
        let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        let reply = self.exchange(method, &format!("/api/queue{path}"), &headers, body).await;
        let (_, body) = reply.split_once("\r\n\r\n").expect("a reply has a head");
        serde_json::from_str(body).expect("the body is JSON")
    }

    /// Sends a request with the admin token and returns the whole reply. `path` is relative to `/api/queue`.
    pub async fn reply(&self, method: &str, path: &str, body: &str) -> String {
        let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
        self.exchange(method, &format!("/api/queue{path}"), &headers, body).await
    }

    /// Logs in with the fields of a form and returns the whole reply.
    pub async fn log_in(&self, form: &str) -> String {
        self.exchange("POST", "/login", "Content-Type: application/x-www-form-urlencoded\r\n", form).await
    }

    /// Sends a request on a new connection and returns the whole reply. Each line of `headers` ends with CRLF.
    async fn exchange(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut socket = TcpStream::connect(&self.address).await.expect("the server listens");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        socket.write_all(request.as_bytes()).await.expect("the server reads");
        let mut reply = String::new();
        socket.read_to_string(&mut reply).await.expect("the server answers");
        reply
    }

    /// Searches a log, reads all results, and measures how long this takes.
    pub async fn search(&self, path: &str) -> Searched {
        let mut socket = TcpStream::connect(&self.address).await.expect("the server listens");
        let request = format!(
            "GET /api/queue{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
             Accept: application/x-ndjson\r\n\r\n",
            self.address
        );
        let start = Instant::now();
        let nanos = || start.elapsed().as_secs_f64() * 1e9;
        socket.write_all(request.as_bytes()).await.expect("the server reads");
        let (mut reply, mut first) = (Vec::new(), None);
        while socket.read_buf(&mut reply).await.expect("the connection holds") > 0 {
            if first.is_none() && memchr::memmem::find(&reply, b"\"text\":").is_some() {
                first = Some(nanos());
            }
        }
        let count = memchr::memmem::rfind(&reply, b"\"matches\":").expect("the results are counted");
        let digits = reply[count + 10..].iter().take_while(|byte| byte.is_ascii_digit()).copied().collect();
        let matches = String::from_utf8(digits).expect("digits are ASCII").parse().expect("it is a number");
        Searched { first: first.unwrap_or(f64::NAN), all: nanos(), matches }
    }

    /// Opens a stream of a job's `log` and `end` events.
    pub async fn stream(&self, job: &str) -> Stream {
        let mut socket = TcpStream::connect(&self.address).await.expect("the server listens");
        let request = format!(
            "GET /api/queue/jobs/{job}/events/stream?kind=log,end HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n",
            self.address
        );
        socket.write_all(request.as_bytes()).await.expect("the server reads");
        Stream { socket, line: Vec::new() }
    }
}

/// The duration of a search, in nanoseconds, and the number of matches.
pub struct Searched {
    /// The time until the first line arrived.
    pub first: f64,
    /// The time until the search was complete.
    pub all: f64,
    /// The number of matching lines.
    pub matches: u64,
}

/// An open event stream.
pub struct Stream {
    socket: TcpStream,
    line: Vec<u8>,
}

/// Statistics about the output that a stream has delivered.
#[derive(Default)]
pub struct Seen {
    /// For each line, the time between printing and arrival, in nanoseconds.
    pub delays: Vec<u64>,
    /// The number of lines of output.
    pub lines: usize,
    /// The time at which the last output arrived, or `None` if there was no output.
    pub last: Option<Instant>,
}

impl Stream {
    /// Waits until the first bytes of the response arrive, and discards them.
    pub async fn opened(&mut self) {
        let read = self.socket.read(&mut [0; 1024]).await.expect("the connection holds");
        assert!(read > 0, "the server accepts this many streams");
    }

    /// Reads the stream up to its `terminal` event, and returns statistics about the output.
    pub async fn read_to_end(mut self) -> Seen {
        let mut seen = Seen::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = self.socket.read(&mut buffer).await.expect("the connection holds");
            let (at, clock) = (Instant::now(), now_nanos());
            for byte_line in buffer[..read].split_inclusive(|byte| *byte == b'\n') {
                self.line.extend_from_slice(byte_line);
                if byte_line.last() == Some(&b'\n') {
                    let line = std::mem::take(&mut self.line);
                    if line.starts_with(b"event: terminal") {
                        return seen;
                    }
                    seen.take(&line, at, clock);
                }
            }
            assert!(read > 0, "a stream ends with its job");
        }
    }
}

impl Seen {
    fn take(&mut self, line: &[u8], at: Instant, clock: u64) {
        if !line.starts_with(b"data: ") || memchr::memmem::find(line, b"\"kind\":\"log\"").is_none() {
            return;
        }
        self.last = Some(at);
        self.lines += memchr::memmem::find_iter(line, b"\\n").count();
        for found in memchr::memmem::find_iter(line, b" written at ") {
            let digits = line[found + 12..].iter().take_while(|byte| byte.is_ascii_digit());
            let written = digits.fold(0, |number: u64, byte| number * 10 + u64::from(byte - b'0'));
            self.delays.push(clock.saturating_sub(written));
        }
    }
}
