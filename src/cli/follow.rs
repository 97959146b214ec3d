//! Reads a job's log from the server. After a lost connection or a restart of the server, reading resumes after the
//! last delivered event, which is identified by its `seq`. No event is lost or repeated.
//!
//! Events contain text, in which U+FFFD replaces bytes that are not UTF-8. If an event's text contains U+FFFD, the
//! original bytes are fetched from the complete output ([`exact`]) before the event is delivered. This additional
//! request affects neither the order of the events nor the position from which reading resumes.

mod exact;

use std::time::Duration;

use model::backoff::Backoff;
use model::{Event, JobId, Seq, StreamName};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::client::{ApiClient, with_query};
use super::error::CliError;
use super::output;
use super::sse::FrameSplitter;

/// The maximum number of events waiting to be written. Each event is at most 1 MiB, so the limit bounds the memory
/// usage if the terminal is slow.
const WAITING: usize = 16;

/// The number of events per page when reading up to the current end of the log.
const PAGE: usize = 500;

/// The pauses between attempts to connect.
const WAITS: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// The number of consecutive connection or read failures that are not reported. Restarting the server usually causes
/// fewer failures.
const TRIES_IN_SILENCE: u32 = 3;

/// The error for a frame that is too long to be an event.
const TOO_LONG: &str = "it sent an event that is too long";

/// Specifies the event up to which the log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Read up to the newest event.
    Now,
    /// Read until the job has finished.
    End,
}

/// Specifies the events to read.
#[derive(Clone, Debug)]
pub(super) struct WantedEvents {
    pub(super) job: JobId,
    /// The cursor after which reading starts: a `seq` or a time.
    pub(super) after: String,
    pub(super) step: Option<String>,
    pub(super) stream: Option<StreamName>,
    pub(super) until: Until,
    pub(super) printed: OutputDelivery,
}

/// An event in two forms: as sent by the server, and parsed.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) json: String,
    pub(super) event: Event,
    /// The bytes that the step printed, or `None` if the event's text is used instead.
    exact: Option<Vec<u8>>,
}

impl Received {
    /// Returns the bytes of a log event's output.
    pub(super) fn bytes(&self) -> &[u8] {
        self.exact.as_deref().unwrap_or(self.event.message.as_bytes())
    }
}

/// The mode in which a job's output is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputDelivery {
    /// Output is delivered byte for byte.
    Exact,
    /// Output is delivered as the text of the events, which may contain U+FFFD.
    AsText,
}

impl OutputDelivery {
    /// Returns the mode for an output format. JSON output contains the events unchanged, so it does not need the exact
    /// bytes.
    pub(super) const fn of(json: bool) -> Self {
        if json { Self::AsText } else { Self::Exact }
    }
}

/// The result of reading from one connection.
enum Ended {
    /// All requested events have been delivered, or the receiver was closed, so that no further connection is needed.
    Complete,
    /// The connection was lost, and there may be more events.
    Cut,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventsReply {
    items: Vec<Box<RawValue>>,
    next_after: Seq,
    has_more: bool,
}

/// Returns a channel that delivers the events in order and is closed after the last one. If an error occurs, the
/// channel delivers the error and is then closed.
pub(super) fn follow(client: ApiClient, wanted: WantedEvents) -> mpsc::Receiver<Result<Received, CliError>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let follower = Follower { client, wanted, sender, tries: 0, warned_inexact: false };
    tokio::spawn(follower.run());
    receiver
}

struct Follower {
    client: ApiClient,
    wanted: WantedEvents,
    sender: mpsc::Sender<Result<Received, CliError>>,
    /// The number of consecutive attempts to connect or to read that made no progress.
    tries: u32,
    /// Whether the user has been notified that some bytes are shown as U+FFFD.
    warned_inexact: bool,
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
                Ok(Ended::Cut) => self.wait("the connection was lost").await,
                Err(error) if error.is_transient() => self.wait(&error.to_string()).await,
                Err(error) => {
                    // The result is ignored, because the receiver may have been closed.
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
        let mut frames = FrameSplitter::default();
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
            let page: EventsReply = self.client.read(&format!("/jobs/{}/events", self.wanted.job), &query).await?;
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

    /// Delivers an event. Returns `false` if the receiver was closed.
    async fn hand_on(&mut self, json: String) -> Result<bool, CliError> {
        let event: Event = self.client.parse(&json)?;
        let seq = event.seq;
        let exact = match self.wanted.printed {
            OutputDelivery::Exact => self.exact(&event).await?,
            OutputDelivery::AsText => None,
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
            output::note("reconnected");
        }
        self.tries = 0;
    }

    async fn wait(&mut self, why: &str) {
        self.tries += 1;
        if self.tries == TRIES_IN_SILENCE + 1 {
            output::note(&format!("{why}; retrying"));
        }
        let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        tokio::time::sleep(WAITS.after_spread(self.tries, random)).await;
    }
}
