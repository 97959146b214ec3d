//! Decides when to open the stream, when to poll and when to wait. [`super::Feed`] carries out the decisions.
//!
//! This module is pure. [`FeedPolicy::on`] receives an input, the time and a random number, and returns actions. The
//! rules are:
//!
//! - Try the stream first. When the stream breaks, poll once before opening it again. The poll fetches the missing
//!   events. It also reports conditions that an `EventSource` does not report, such as the statuses 401 and 404 and the
//!   end of the log.
//! - If the stream breaks twice without delivering anything, or does not open in time, use polling. Retry the stream
//!   from time to time, and return to the stream when it works.
//! - Treat silence as a broken stream, because the server sends at least a heartbeat every 10 s.
//! - If the server does not respond, wait longer after each attempt. The pause has a random component, so that many
//!   tabs do not reconnect at the same time.

use std::time::Duration;

use model::backoff::Backoff;

/// The maximum time for a stream to open.
const OPEN_WITHIN_MS: f64 = 5_000.0;
/// The maximum time without any data from a stream, which is two and a half heartbeat intervals.
const SILENT_AFTER_MS: f64 = 25_000.0;
/// The interval between polls.
const POLL_EVERY_MS: f64 = 1_000.0;
/// The interval between attempts to open the stream while polling.
const TRY_STREAM_EVERY_MS: f64 = 15_000.0;
/// If the stream has failed this many times in a row, the log is polled.
const BREAKS_BEFORE_POLLING: u32 = 2;
/// The pauses before a broken stream is opened again, and between attempts while the server does not respond.
const WAITS: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));

/// The state of the connection, as displayed to the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// The feed is opening a stream, because the page was opened or became visible, or because the reader requested a
    /// retry.
    #[default]
    Connecting,
    /// A stream is open.
    Live,
    /// The log is polled every second, for this reason.
    Polling(PollReason),
    /// The server does not respond. The next attempt follows after the given number of seconds.
    Reconnecting {
        /// The length of the whole pause, in seconds.
        seconds: u32,
        /// The number of attempts so far. It distinguishes this pause from the previous one, even if both are equally
        /// long.
        attempts: u32,
    },
    /// The page is hidden.
    Paused,
    /// All events of the log have been received, and no more will follow.
    Ended,
    /// The server refused the request with this HTTP status. The feed does not retry.
    Refused(u16),
}

/// The reason why the log is polled although the server responds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PollReason {
    /// The stream was refused, for example because too many streams are open, or because a proxy blocks streams.
    /// Browsers do not report the cause.
    #[default]
    Refused,
    /// The stream does not open in time, for example because a proxy waits for the end of the response.
    Hangs,
    /// The stream opens, but breaks before it delivers anything.
    Breaks,
}

/// An input to the policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Happened {
    /// The page became visible, or the reader requested a retry.
    Shown,
    /// The page was hidden.
    Hidden,
    /// The user has left the page. The browser may restore the page later.
    Left,
    /// The stream opened.
    Opened,
    /// The stream delivered an event or a heartbeat.
    Received,
    /// The stream broke, or it delivered an event that does not directly follow the previous event.
    Broke,
    /// All events of the log have been received, and no more will follow.
    Ended,
    /// A poll succeeded.
    Polled {
        /// Whether there are more events after the fetched events.
        more: bool,
    },
    /// A poll got no response.
    Unreachable,
    /// The server refused a poll with this HTTP status.
    Refused(u16),
    /// The wake-up time set by [`Action::WakeAfter`] has been reached.
    Woke,
}

/// An action that the policy requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Open a stream of the events after the cursor.
    Open,
    /// Close the stream.
    Close,
    /// Report only changes to the job, because the page is hidden.
    Watch,
    /// Fetch the events after the cursor.
    Poll,
    /// Wake up after this many milliseconds. This action replaces an earlier wake-up.
    WakeAfter(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum StreamState {
    Closed,
    Opening { since: f64 },
    Open { received: f64 },
}

/// The state of the feed, which determines the next actions.
#[derive(Clone, Debug)]
pub struct FeedPolicy {
    connection: Connection,
    stream: StreamState,
    /// Whether a poll is in progress.
    asking: bool,
    breaks: u32,
    /// The way in which the stream failed most recently.
    failure: PollReason,
    unanswered: u32,
    tried_stream: f64,
}

impl Default for FeedPolicy {
    fn default() -> Self {
        Self {
            connection: Connection::Connecting,
            stream: StreamState::Closed,
            asking: false,
            breaks: 0,
            failure: PollReason::default(),
            unanswered: 0,
            tried_stream: f64::NEG_INFINITY,
        }
    }
}

impl FeedPolicy {
    /// Returns the state of the connection.
    #[must_use]
    pub const fn connection(&self) -> Connection {
        self.connection
    }

    /// Handles an input at the time `now`, in milliseconds, and returns the actions in order. `random` is between 0 and
    /// 1.
    pub fn on(&mut self, happened: Happened, now: f64, random: f64) -> Vec<Action> {
        if matches!(self.connection, Connection::Ended | Connection::Refused(_)) {
            return Vec::new();
        }
        if happened == Happened::Left {
            return self.stop(Connection::Paused);
        }
        if self.connection == Connection::Paused && happened != Happened::Shown {
            // While the page is hidden, inputs are ignored. Only the end of a poll is recorded, so that the poll no
            // longer counts as in progress.
            let finished = matches!(
                happened,
                Happened::Polled { .. } | Happened::Unreachable | Happened::Refused(_) | Happened::Ended
            );
            self.asking &= !finished;
            return Vec::new();
        }
        match happened {
            Happened::Shown => {
                self.breaks = 0;
                self.unanswered = 0;
                self.connection = Connection::Connecting;
                self.open(now)
            }
            Happened::Left => Vec::new(),
            Happened::Hidden => {
                let mut actions = self.stop(Connection::Paused);
                actions.push(Action::Watch);
                actions
            }
            Happened::Ended => self.stop(Connection::Ended),
            Happened::Refused(status) => self.stop(Connection::Refused(status)),
            Happened::Opened => {
                self.stream = StreamState::Open { received: now };
                self.unanswered = 0;
                self.connection = Connection::Live;
                vec![Action::WakeAfter(SILENT_AFTER_MS)]
            }
            Happened::Received => {
                self.breaks = 0;
                self.stream = StreamState::Open { received: now };
                Vec::new()
            }
            Happened::Broke => self.broke(),
            Happened::Polled { more } => self.polled(more, random),
            Happened::Unreachable => self.unreachable(random),
            Happened::Woke => self.woke(now),
        }
    }

    const fn polls(&self) -> bool {
        matches!(self.connection, Connection::Polling(_))
    }

    fn open(&mut self, now: f64) -> Vec<Action> {
        self.stream = StreamState::Opening { since: now };
        self.tried_stream = now;
        vec![Action::Open, Action::WakeAfter(OPEN_WITHIN_MS)]
    }

    fn stop(&mut self, connection: Connection) -> Vec<Action> {
        self.connection = connection;
        self.stream = StreamState::Closed;
        vec![Action::Close]
    }

    fn ask(&mut self) -> Option<Action> {
        let ask = !self.asking;
        self.asking = true;
        ask.then_some(Action::Poll)
    }

    fn broke(&mut self) -> Vec<Action> {
        match self.stream {
            StreamState::Opening { .. } => self.failure = PollReason::Refused,
            StreamState::Open { .. } => self.failure = PollReason::Breaks,
            StreamState::Closed => {}
        }
        self.stream = StreamState::Closed;
        self.breaks += 1;
        let mut actions = vec![Action::Close];
        actions.extend(self.ask());
        actions
    }

    fn polled(&mut self, more: bool, random: f64) -> Vec<Action> {
        self.asking = false;
        self.unanswered = 0;
        if more {
            return self.ask().into_iter().collect();
        }
        match self.stream {
            // The wake-up for the stream has already been set, and must not be replaced. However, if the log is being
            // polled, the next poll is scheduled even while a stream is being opened.
            StreamState::Open { .. } | StreamState::Opening { .. } if !self.polls() => Vec::new(),
            StreamState::Closed if self.breaks < BREAKS_BEFORE_POLLING => {
                vec![Action::WakeAfter(pause(self.breaks, random))]
            }
            _ => {
                self.connection = Connection::Polling(self.failure);
                vec![Action::WakeAfter(POLL_EVERY_MS)]
            }
        }
    }

    fn unreachable(&mut self, random: f64) -> Vec<Action> {
        self.asking = false;
        if matches!(self.stream, StreamState::Open { .. }) {
            return Vec::new();
        }
        self.stream = StreamState::Closed;
        self.unanswered += 1;
        let wait = pause(self.unanswered, random);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 15")]
        let seconds = (wait / 1000.0).ceil() as u32;
        self.connection = Connection::Reconnecting { seconds, attempts: self.unanswered };
        vec![Action::Close, Action::WakeAfter(wait)]
    }

    fn woke(&mut self, now: f64) -> Vec<Action> {
        match (self.stream, self.connection) {
            (StreamState::Open { received }, _) if now - received >= SILENT_AFTER_MS => self.broke(),
            (StreamState::Open { received }, _) => vec![Action::WakeAfter(SILENT_AFTER_MS - (now - received))],
            (StreamState::Opening { since }, Connection::Polling(_)) => {
                let mut actions = Vec::new();
                if now - since >= OPEN_WITHIN_MS {
                    (self.stream, self.failure) = (StreamState::Closed, PollReason::Hangs);
                    actions.push(Action::Close);
                }
                actions.extend(self.ask());
                actions.push(Action::WakeAfter(POLL_EVERY_MS));
                actions
            }
            (StreamState::Opening { .. }, _) => {
                // A hanging stream delays events longer than a broken stream, so switch to polling immediately.
                self.breaks = BREAKS_BEFORE_POLLING;
                let actions = self.broke();
                self.failure = PollReason::Hangs;
                actions
            }
            (StreamState::Closed, Connection::Polling(_)) => {
                let mut actions = Vec::new();
                if now - self.tried_stream >= TRY_STREAM_EVERY_MS {
                    actions.extend(self.open(now));
                }
                actions.extend(self.ask());
                actions.push(Action::WakeAfter(POLL_EVERY_MS));
                actions
            }
            (StreamState::Closed, _) => self.open(now),
        }
    }
}

/// Returns the pause before a retry, in milliseconds. The pause doubles with each retry up to a maximum, and is
/// shortened at random by up to one half.
fn pause(number: u32, random: f64) -> f64 {
    WAITS.after_spread(number, random).as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests;
