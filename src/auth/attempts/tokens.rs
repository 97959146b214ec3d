//! Counts requests with invalid tokens by address.
//!
//! Unlike a failed login, such a request never affects others from its address: a valid token is always accepted.
//! Tokens have at least 30 random characters, so that they cannot be guessed however often somebody tries, while a
//! worker whose token was revoked tries again and again and may share its address with other workers. The limit tells
//! such a client to slow down, and the count decides which requests are in the audit log.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::Instant;

use super::counts::FailureCounts;
use super::network;
use crate::auth::Auth;

/// The numbers of requests with invalid tokens. They are counted separately from failed logins, so that they neither
/// prevent anybody from logging in nor displace the counts of logins.
#[derive(Debug)]
pub(in crate::auth) struct InvalidTokens {
    /// The maximum number from one address.
    limit: u32,
    of: FailureCounts<IpAddr>,
}

/// What follows from the number of requests with invalid tokens from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTokenCount {
    /// Whether this request is the first one within [`FAILED_LOGINS_WINDOW`](crate::limits::FAILED_LOGINS_WINDOW).
    pub is_first: bool,
    /// Whether there were more requests than the limit permits.
    pub is_beyond_limit: bool,
}

impl InvalidTokens {
    pub(in crate::auth) fn new(limit: u32) -> Self {
        Self { limit, of: FailureCounts::default() }
    }

    fn count(&mut self, address: IpAddr, now: Instant) -> InvalidTokenCount {
        let count = self.of.add(network(address), now);
        InvalidTokenCount { is_first: count == 1, is_beyond_limit: count > self.limit }
    }
}

impl Auth {
    /// Counts a request whose token is not valid.
    #[must_use]
    pub fn count_invalid_token(&self, address: IpAddr) -> InvalidTokenCount {
        self.invalid_tokens.lock().unwrap_or_else(PoisonError::into_inner).count(address, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::limits::FAILED_LOGINS_WINDOW;

    #[test]
    fn invalid_tokens_are_counted_by_address_and_minute() {
        let (mut tokens, now) = (InvalidTokens::new(2), Instant::now());
        let mut count = |address: &str, now| {
            let count = tokens.count(address.parse().expect("it is an address"), now);
            (count.is_first, count.is_beyond_limit)
        };
        assert_eq!(count("10.0.0.1", now), (true, false));
        assert_eq!(count("10.0.0.1", now), (false, false));
        assert_eq!(count("10.0.0.1", now), (false, true));
        assert_eq!(count("10.0.0.2", now), (true, false), "another address");
        assert_eq!(count("10.0.0.1", now + FAILED_LOGINS_WINDOW), (false, true));
        let later = now + FAILED_LOGINS_WINDOW + Duration::from_millis(1);
        assert_eq!(count("10.0.0.1", later), (true, false));
        assert_eq!(count("2001:db8::1", now), (true, false));
        assert_eq!(count("2001:db8::ffff:1", now), (false, false), "the same network");
    }
}
