//! Counts requests with invalid tokens by address.
//!
//! Unlike failed logins, requests with invalid tokens do not affect other clients at the same address: a valid token is
//! always accepted. This is safe, because tokens have at least 30 random characters and cannot be guessed. It is
//! necessary, because a worker whose token was revoked keeps repeating its requests, and may share its address with
//! other workers. If an address exceeds the limit, the responses to its invalid tokens tell the client to slow down.
//! The count also determines which of these requests are recorded in the audit log.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::Instant;

use super::counts::FailureCounts;
use super::network;
use crate::auth::Auth;

/// The number of requests with invalid tokens from each address. They are counted separately from failed logins, for
/// two reasons: they must not prevent people from logging in, and they must not displace the counts of failed logins.
#[derive(Debug)]
pub(in crate::auth) struct InvalidTokens {
    /// The maximum number of requests from one address.
    limit: u32,
    of: FailureCounts<IpAddr>,
}

/// The result of counting a request with an invalid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTokenCount {
    /// Whether this request is the first one from its address within
    /// [`FAILED_LOGINS_WINDOW`](crate::limits::FAILED_LOGINS_WINDOW).
    pub is_first: bool,
    /// Whether the address has sent more requests than the limit permits.
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
