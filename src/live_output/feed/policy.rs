//! When to open the stream, when to poll, when to wait: decided here, done by [`super::Feed`].
//!
//! Pure: what happened comes in with the time and a random number, what to do comes out. The rules:
//!
//! - The stream first. When it breaks, one poll comes before all else: it fetches what is missing, and it says what an
//!   `EventSource` hides (401, 404, over).
//! - A stream that breaks twice without bringing anything, or does not open in time, gives way to polling, which
//!   goes on until a stream, tried now and then, works again.
//! - Silence is a broken stream: the server speaks every 10 s.
//! - When nothing answers, wait ever longer, at random, so that a thousand tabs do not come back at the same moment.

use std::time::Duration;

use crate::backoff::Backoff;

/// A stream that has not opened after this long does not open.
const OPEN_WITHIN_MS: f64 = 5_000.0;
/// Two and a half heartbeats.
const SILENT_AFTER_MS: f64 = 25_000.0;
/// How often to poll.
const POLL_EVERY_MS: f64 = 1_000.0;
/// How often to try the stream while polling.
const TRY_STREAM_EVERY_MS: f64 = 15_000.0;
/// Breaks in a row that make a stream unusable.
const BREAKS_BEFORE_POLLING: u32 = 2;
/// How long to wait when nothing answers.
const WAITS: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));

/// What the connection is doing, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// The first stream is being opened.
    #[default]
    Connecting,
    /// A stream is open.
    Live,
    /// The log is asked for every second.
    Polling,
    /// Nothing answers; the next try is in so many seconds.
    Reconnecting {
        /// Seconds, from when this began.
        seconds: u32,
    },
    /// Nobody looks.
    Paused,
    /// The log is complete.
    Ended,
    /// The server refused, with this status: asking again changes nothing.
    Refused(u16),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Happened {
    /// The page is looked at: begin, or go on.
    Shown,
    /// The page is not looked at any more.
    Hidden,
    /// The stream opened.
    Opened,
    /// The stream brought something.
    Heard,
    /// The stream broke, or what it brought was not what follows.
    Broke,
    /// The log is complete up to its end.
    Ended,
    /// A poll brought everything there is, or a full page, after which there is more.
    Polled {
        /// Whether there is more.
        more: bool,
    },
    /// No answer to a poll.
    Unreachable,
    /// The server refused a poll.
    Refused(u16),
    /// The time set by [`Action::WakeAfter`] has come.
    Woke,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Open a stream from the cursor.
    Open,
    /// Close it.
    Close,
    /// Ask for what follows the cursor.
    Poll,
    /// Wake up after so many milliseconds; only the last one counts.
    WakeAfter(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum StreamState {
    Closed,
    Opening { since: f64 },
    Open { heard: f64 },
}

/// Decides.
#[derive(Clone, Debug)]
pub struct FeedPolicy {
    connection: Connection,
    stream: StreamState,
    /// A poll is under way.
    asking: bool,
    breaks: u32,
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
            unanswered: 0,
            tried_stream: f64::NEG_INFINITY,
        }
    }
}

impl FeedPolicy {
    /// Returns what the connection is doing.
    #[must_use]
    pub const fn connection(&self) -> Connection {
        self.connection
    }

    /// Takes what happened at `now`, in milliseconds; `random` is between 0 and 1. Returns what to do, in order.
    pub fn on(&mut self, happened: Happened, now: f64, random: f64) -> Vec<Action> {
        if matches!(self.connection, Connection::Ended | Connection::Refused(_)) {
            return Vec::new();
        }
        if self.connection == Connection::Paused && happened != Happened::Shown {
            // What was under way when the page was hidden comes too late, but its end is noted.
            self.asking &= !matches!(happened, Happened::Polled { .. } | Happened::Unreachable);
            return Vec::new();
        }
        match happened {
            Happened::Shown => {
                self.breaks = 0;
                self.unanswered = 0;
                self.connection = Connection::Connecting;
                self.open(now)
            }
            Happened::Hidden => self.stop(Connection::Paused),
            Happened::Ended => self.stop(Connection::Ended),
            Happened::Refused(status) => self.stop(Connection::Refused(status)),
            Happened::Opened => {
                self.stream = StreamState::Open { heard: now };
                self.unanswered = 0;
                self.connection = Connection::Live;
                vec![Action::WakeAfter(SILENT_AFTER_MS)]
            }
            Happened::Heard => {
                self.breaks = 0;
                self.stream = StreamState::Open { heard: now };
                Vec::new()
            }
            Happened::Broke => self.broke(),
            Happened::Polled { more } => self.polled(more, random),
            Happened::Unreachable => self.unreachable(random),
            Happened::Woke => self.woke(now),
        }
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
            // A stream that is being tried has its own time.
            StreamState::Open { .. } | StreamState::Opening { .. } if self.connection != Connection::Polling => {
                Vec::new()
            }
            StreamState::Closed if self.breaks < BREAKS_BEFORE_POLLING => {
                vec![Action::WakeAfter(pause(self.breaks, random))]
            }
            _ => {
                self.connection = Connection::Polling;
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
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 15")]
        let seconds = (wait / 1000.0).ceil() as u32;
        self.connection = Connection::Reconnecting { seconds };
        vec![Action::Close, Action::WakeAfter(wait)]
    }

    fn woke(&mut self, now: f64) -> Vec<Action> {
        match (self.stream, self.connection) {
            (StreamState::Open { heard }, _) if now - heard >= SILENT_AFTER_MS => self.broke(),
            (StreamState::Open { heard }, _) => vec![Action::WakeAfter(SILENT_AFTER_MS - (now - heard))],
            (StreamState::Opening { since }, Connection::Polling) => {
                let mut actions = Vec::new();
                if now - since >= OPEN_WITHIN_MS {
                    self.stream = StreamState::Closed;
                    actions.push(Action::Close);
                }
                actions.extend(self.ask());
                actions.push(Action::WakeAfter(POLL_EVERY_MS));
                actions
            }
            (StreamState::Opening { .. }, _) => {
                // One that hangs is worse than one that breaks: poll at once.
                self.breaks = BREAKS_BEFORE_POLLING;
                self.broke()
            }
            (StreamState::Closed, Connection::Polling) => {
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

/// Returns how many milliseconds to wait before try `number`.
fn pause(number: u32, random: f64) -> f64 {
    WAITS.after_spread(number, random).as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests;
