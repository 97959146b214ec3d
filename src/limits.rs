//! The time limits of the HTTP server, each with its reason.
//!
//! Limits on clients are fields of [`Limits`], so that tests can shorten them. Limits that do not depend on clients are
//! constants.

use std::time::Duration;

/// Limits on the time that clients may keep the server waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum time that the server waits for a complete request head, including the time before its first byte.
    /// Connections that are idle for longer are therefore closed.
    ///
    /// A head consists of one or two packets, which arrive within a few seconds even on a slow mobile network. A limit
    /// of half a minute also lets a connection stay open between two requests of a page.
    pub head: Duration,
    /// The required pace of a request's body.
    pub body: PaceLimit,
    /// The required pace at which a client receives a response, including the frames of a stream.
    pub reply: PaceLimit,
    /// If the maximum number of connections is reached, a connection that has had no request for this long may be
    /// closed to make way for a new connection.
    ///
    /// Clients send their first request much sooner.
    pub idle: Duration,
    /// The time for which the server reads and discards further data from a refused client, so that the client can read
    /// the response.
    ///
    /// Closing a socket that has unread data resets the connection, and the client may receive the reset before the
    /// response.
    pub linger: Duration,
}

/// The maximum time without progress, and the minimum average rate, of a transfer from or to a client.
///
/// Time spent waiting for the client is deducted from a budget, which is initially `stall`. For every
/// `bytes_per_second` bytes that are transferred, the budget grows by one second, up to its initial size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceLimit {
    /// The maximum time without progress.
    pub stall: Duration,
    /// The lowest average rate at which a transfer can continue indefinitely.
    pub bytes_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // 500 bytes per second is the default of Apache's mod_reqtimeout. Every modem is faster, but attackers would
        // need considerable bandwidth to occupy thousands of connections.
        let pace = PaceLimit { stall: Duration::from_secs(30), bytes_per_second: 500 };
        let second = Duration::from_secs(1);
        Self { head: 30 * second, body: pace, reply: pace, idle: 5 * second, linger: 2 * second }
    }
}

/// When the server stops and has closed all streams, this is the time that requests in progress have to finish.
/// Ordinary requests take less time.
pub const DRAIN: Duration = Duration::from_secs(1);

/// The maximum time for receiving the rest of a refused upload. If the rest were not received, the client might get a
/// connection error instead of the response. Clients that send a large file usually notice a response within a second.
pub const REFUSED_UPLOAD: Duration = Duration::from_secs(5);

/// The time for which the server stops accepting connections when no file descriptor is free. Retrying immediately
/// would keep a core busy.
pub const ACCEPT_REST: Duration = Duration::from_millis(100);

/// If a stream has sent no event for this time, it reads the events again and, if there are none, sends a heartbeat.
/// The interval is short enough to keep connections open: most proxies close idle connections after a minute, and some
/// after 30 seconds.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// The pause before a browser reopens a broken stream. The pause hardly delays readers, and most restarts of the server
/// take less time.
pub const STREAM_RETRY: Duration = Duration::from_secs(1);

/// The interval at which `/log?follow=true` checks an attempt's stored output (the spool) for new bytes if no event
/// reports any. Suppressed output, for example, is stored there but causes no log events.
pub const FOLLOW_LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The minimum interval at which `/log?follow=true` checks whether the attempt has finished, while output keeps
/// arriving.
pub const FOLLOW_ASK_EVERY: Duration = Duration::from_millis(100);

/// The minimum interval between the database queries for `/jobs/stream` while jobs change continuously. It limits the
/// load on the database.
pub const JOBS_LOOK_EVERY: Duration = Duration::from_millis(200);

/// The maximum time that `/readyz` waits for the database. Typical health checks time out after about ten seconds.
pub const READY_PATIENCE: Duration = Duration::from_secs(5);

/// The maximum time that `/metrics` waits for the database. After that, the response omits the metrics of jobs but
/// still contains the counters.
pub const METRICS_PATIENCE: Duration = Duration::from_secs(2);

/// The interval at which the server checks whether the files of its certificate have changed. A short delay does no
/// harm, because tools replace a certificate days before it expires.
pub const CERTIFICATE_CHECK: Duration = Duration::from_secs(5);

/// The lifetime of a session, after which users have to log in again.
pub const SESSION: Duration = Duration::from_hours(30 * 24);

/// The minimum interval between two updates of the time at which a session or a token was last used, because each
/// update is a write to the database.
pub const LAST_USED_EVERY: Duration = Duration::from_mins(1);

/// The time for which an expired API token is still listed, so that its owner can see why a program is refused.
pub const EXPIRED_TOKEN_KEPT: Duration = Duration::from_hours(30 * 24);

/// While a response is being sent, the server checks at least this often whether its recipient may still receive it.
/// The server notices expiry and its own changes immediately. Changes by another server with the same database are
/// noticed only by such a check, which is one short query.
pub const RECHECK_IDENTITY: Duration = Duration::from_mins(1);

/// The lifetime of a login link. The link is printed when the server starts, and may remain in a terminal's history.
pub const LOGIN_LINK: Duration = Duration::from_hours(1);

/// The time within which a login with the OpenID Connect provider has to be finished. People may have to fetch their
/// second factor first.
pub const STARTED_LOGIN: Duration = Duration::from_mins(10);

/// The time after which the description and the keys of the OpenID Connect provider are fetched again. If a token is
/// signed with an unknown key, the keys are fetched immediately.
pub const PROVIDER_CACHE: Duration = Duration::from_hours(1);

/// The maximum time for establishing a connection to the OpenID Connect provider.
pub const PROVIDER_CONNECT: Duration = Duration::from_secs(5);

/// The maximum time of a whole request to the OpenID Connect provider. A person is waiting for a page during this time.
pub const PROVIDER_REPLY: Duration = Duration::from_secs(10);

/// The time for which the files of a preview can be loaded. Some reports load files only when the reader opens a
/// section.
pub const PREVIEW: Duration = Duration::from_hours(1);

/// The period over which failed logins and requests with invalid tokens are counted.
pub const FAILED_LOGINS_WINDOW: Duration = Duration::from_mins(1);
