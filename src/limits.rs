//! Every time limit of the HTTP server, in one table, each with its reason.
//!
//! What a client may take is a field of [`Limits`], so that a test can shorten it. What depends on nobody's patience but
//! our own is a constant.

use std::time::Duration;

/// How long clients may keep the server waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first moment at which a request may arrive to the end of its head; this also closes idle connections.
    ///
    /// A head is one or two packets, so even a slow mobile network needs a few seconds. Half a minute keeps a connection
    /// alive between two requests of a page.
    pub head: Duration,
    /// How a request's body has to arrive.
    pub body: PaceLimit,
    /// How a reply has to be taken, a stream's frames included.
    pub reply: PaceLimit,
    /// How long the server reads and discards what a refused client still sends, so that the client can read why.
    ///
    /// Closing a socket that holds unread data resets the connection, and the reset can overtake the reply.
    pub linger: Duration,
}

/// How long a peer may make no progress, and how fast it has to be on average.
///
/// [`crate::server`] waits on a peer out of a budget of `stall`, which `bytes_per_second` refills as bytes move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceLimit {
    /// The longest time without progress.
    pub stall: Duration,
    /// The lowest rate that can go on for ever.
    pub bytes_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // 500 bytes a second is what Apache's mod_reqtimeout asks for: slower than any modem, faster than an attack that
        // wants to hold thousands of connections for nothing.
        let pace = PaceLimit { stall: Duration::from_secs(30), bytes_per_second: 500 };
        Self { head: Duration::from_secs(30), body: pace, reply: pace, linger: Duration::from_secs(2) }
    }
}

/// How long open requests may continue once streams have ended: the longest ordinary request takes less.
pub const DRAIN: Duration = Duration::from_secs(1);

/// How long the server accepts nothing when the system is out of descriptors: trying at once would keep a core busy.
pub const ACCEPT_REST: Duration = Duration::from_millis(100);

/// The silence after which a stream sends a heartbeat: proxies cut a connection after a minute, some after 30 seconds.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long a browser waits before it opens a broken stream again: short for a person, long enough for a restart.
pub const STREAM_RETRY: Duration = Duration::from_secs(1);

/// How often `/log?follow=true` looks at a spool when no event says that it has grown, since output may be suppressed in
/// the events.
pub const FOLLOW_LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How often `/log?follow=true` asks the database whether the attempt has finished while output keeps coming.
pub const FOLLOW_ASK_EVERY: Duration = Duration::from_millis(100);

/// How often `/jobs/stream` queries while jobs change all the time: a busy queue must not keep the database busy.
pub const JOBS_LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long `/readyz` waits for the store: those who probe it give up after about ten seconds.
pub const READY_PATIENCE: Duration = Duration::from_secs(5);

/// How long `/metrics` waits for the store before it leaves the jobs out: the counters are worth more than the gauges.
pub const METRICS_PATIENCE: Duration = Duration::from_secs(2);

/// How long a session lasts: an operator logs in once a month.
pub const SESSION: Duration = Duration::from_hours(30 * 24);

/// How long a login link works: it is printed at the start of the server, and may stay in a terminal's history.
pub const LOGIN_LINK: Duration = Duration::from_hours(1);

/// The window in which failed logins are counted.
pub const FAILED_LOGINS_WINDOW: Duration = Duration::from_mins(1);
