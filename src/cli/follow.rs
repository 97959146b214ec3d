//! Reads a job's log from the server, and goes on by itself: after a cut connection, or a server that was restarted, from
//! the `seq` of the last event that was handed on. Nothing is lost and nothing comes twice.
//!
//! Events are text. Where the text of one holds U+FFFD, which stands for what is not UTF-8, the bytes that it stands for are
//! fetched from the complete output ([`exact`]) before the event is handed on. So text costs no further request, and bytes
//! keep the order, the latency and the resumption of events.

mod exact;

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::client::{Client, with_query};
use super::error::CliError;
use super::output;
use super::sse::Frames;
use crate::backoff::Backoff;
use crate::model::{Event, JobId, Seq, StreamName};

/// The maximum number of events that wait to be written. With 1 MiB each, this bounds the memory that a slow terminal costs.
const WAITING: usize = 16;

/// Events of one page when the log is read as far as it goes.
const PAGE: usize = 500;

/// How long to wait before another try.
const WAITS: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// Failed tries before a message is printed: a restart takes fewer.
const TRIES_IN_SILENCE: u32 = 3;

/// What is said of a frame that is longer than any event.
const TOO_LONG: &str = "an event without an end";

/// How far to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// To the last event there is now.
    Now,
    /// To the end of the job.
    End,
}

/// What to read.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) job: JobId,
    /// The cursor to begin after: a `seq` or a time.
    pub(super) after: String,
    pub(super) step: Option<String>,
    pub(super) stream: Option<StreamName>,
    pub(super) until: Until,
    pub(super) printed: Printed,
}

/// An event: as the server sent it, and parsed.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) json: String,
    pub(super) event: Event,
    /// What was printed, where the event's text only stands for it.
    exact: Option<Vec<u8>>,
}

impl Received {
    /// Returns what a log event's step printed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.exact.as_deref().unwrap_or(self.event.message.as_bytes())
    }
}

/// How what was printed is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Printed {
    /// Byte for byte.
    Exact,
    /// As the text of the events.
    AsText,
}

impl Printed {
    /// Returns what an output needs: JSON shows the events as they are.
    pub(super) const fn of(json: bool) -> Self {
        if json { Self::AsText } else { Self::Exact }
    }
}

/// How one connection ended.
enum Ended {
    /// Everything that was wanted has been handed on, or nobody wants it any more.
    Complete,
    /// There may be more.
    Cut,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Box<RawValue>>,
    next_after: Seq,
    has_more: bool,
}

/// Hands on what is read, in order; closed when there is no more. An error is the last of it.
pub(super) fn follow(client: Client, wanted: Wanted) -> mpsc::Receiver<Result<Received, CliError>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let follower = Follower { client, wanted, sender, tries: 0, told_inexact: false };
    tokio::spawn(follower.run());
    receiver
}

struct Follower {
    client: Client,
    wanted: Wanted,
    sender: mpsc::Sender<Result<Received, CliError>>,
    /// Tries in a row that brought nothing.
    tries: u32,
    /// Whether people know that some bytes are shown as U+FFFD.
    told_inexact: bool,
}

impl Follower {
    async fn run(mut self) {
        loop {
            let ended = match self.wanted.until {
                Until::Now => self.read_pages().await,
                Until::End => self.read_stream().await,
            };
            match ended {
                Ok(Ended::Complete) => return,
                Ok(Ended::Cut) => self.wait("the connection was cut").await,
                Err(error) if error.is_transient() => self.wait(&error.to_string()).await,
                Err(error) => {
                    // The reader may have gone.
                    self.sender.send(Err(error)).await.ok();
                    return;
                }
            }
        }
    }

    async fn read_stream(&mut self) -> Result<Ended, CliError> {
        let path = format!("/jobs/{}/events/stream", self.wanted.job);
        let request = self.client.request(Method::GET, &with_query(&path, &self.query()));
        let mut reply = self.client.send(request).await?;
        if reply.status() == reqwest::StatusCode::NO_CONTENT {
            return Ok(Ended::Complete);
        }
        let mut frames = Frames::default();
        while let Some(bytes) = self.client.chunk(&mut reply).await? {
            frames.push(bytes.as_ref());
            while let Some(frame) = frames.next().map_err(|_| self.client.not_tailwater(TOO_LONG.into()))? {
                let is_event = frame.event == "queue_event";
                if is_event && !self.hand_on(frame.data).await? {
                    return Ok(Ended::Complete);
                }
                self.reached(frame.id);
                if frame.event == "terminal" {
                    return Ok(Ended::Complete);
                }
            }
        }
        Ok(Ended::Cut)
    }

    async fn read_pages(&mut self) -> Result<Ended, CliError> {
        loop {
            let mut query = self.query();
            query.push(("limit", PAGE.to_string()));
            let page: Page = self.client.read(&format!("/jobs/{}/events", self.wanted.job), &query).await?;
            for item in page.items {
                if !self.hand_on(item.get().to_owned()).await? {
                    return Ok(Ended::Complete);
                }
            }
            self.reached(Some(page.next_after));
            if !page.has_more {
                return Ok(Ended::Complete);
            }
        }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("after", self.wanted.after.clone())];
        query.extend(self.wanted.step.clone().map(|step| ("stepId", step)));
        query.extend(self.wanted.stream.map(|stream| ("stream", stream.as_str().to_owned())));
        query
    }

    /// Hands an event on. Returns whether somebody takes it.
    async fn hand_on(&mut self, json: String) -> Result<bool, CliError> {
        let event: Event = self.client.parse(&json)?;
        let seq = event.seq;
        let exact = match self.wanted.printed {
            Printed::Exact => self.exact(&event).await?,
            Printed::AsText => None,
        };
        let taken = self.sender.send(Ok(Received { json, event, exact })).await.is_ok();
        self.reached(Some(seq));
        Ok(taken)
    }

    fn reached(&mut self, seq: Option<Seq>) {
        if let Some(seq) = seq {
            self.wanted.after = seq.to_string();
        }
        if self.tries > TRIES_IN_SILENCE {
            output::note("connected again");
        }
        self.tries = 0;
    }

    async fn wait(&mut self, why: &str) {
        self.tries += 1;
        if self.tries == TRIES_IN_SILENCE + 1 {
            output::note(&format!("{why}; trying again"));
        }
        let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        tokio::time::sleep(WAITS.after_spread(self.tries, random)).await;
    }
}
