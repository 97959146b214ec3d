//! A reader of Server-Sent Events that returns the data of every frame unmodified.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use super::Api;

/// The maximum time that a reader waits for the next bytes before the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A frame with its unmodified data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The `id`, or `None` if it is missing or not a number.
    pub id: Option<i64>,
    /// The text of the `id`, or an empty string if it is missing.
    pub key: String,
    pub event: String,
    pub data: String,
}

impl Frame {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("the data is JSON")
    }

    fn parse(text: &str) -> Self {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        Self {
            id: field("id").and_then(|id| id.parse().ok()),
            key: field("id").unwrap_or_default().to_owned(),
            event: field("event").unwrap_or_default().to_owned(),
            data: field("data").unwrap_or_default().to_owned(),
        }
    }
}

/// An open stream.
pub struct Stream {
    response: Response,
    buffer: Vec<u8>,
}

impl Stream {
    /// Opens a job's stream. `query` begins with `?` or is empty.
    pub async fn open(api: &Api, job: &str, query: &str, last_event_id: Option<i64>) -> Self {
        let response = Self::request(api, job, query, last_event_id).await;
        assert_eq!(response.status(), 200);
        Self::of(response)
    }

    /// Wraps a response whose body is a stream.
    pub fn of(response: Response) -> Self {
        Self { response, buffer: Vec::new() }
    }

    /// Requests the stream and returns the response.
    pub async fn request(api: &Api, job: &str, query: &str, last_event_id: Option<i64>) -> Response {
        let mut request = api.request(Method::GET, &format!("/jobs/{job}/events/stream{query}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id.to_string());
        }
        request.send().await.expect("the server answers")
    }

    /// Returns the next frame, or `None` when the server has closed the stream.
    pub async fn next(&mut self) -> Option<Frame> {
        self.try_next().await.expect("the connection is open")
    }

    /// Returns the next frame, `None` at the end of the stream, or an error if the connection was interrupted.
    pub async fn try_next(&mut self) -> reqwest::Result<Option<Frame>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let frame = Frame::parse(std::str::from_utf8(&frame).expect("a stream is UTF-8"));
                if frame.event.is_empty() {
                    continue;
                }
                return Ok(Some(frame));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("bytes arrive in time");
            let Some(chunk) = chunk? else { return Ok(None) };
            self.buffer.extend_from_slice(&chunk);
        }
    }

    /// Returns all frames up to the end of the stream.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}
