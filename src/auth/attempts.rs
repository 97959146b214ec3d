//! Counts failed logins by address and account, so that one attacker cannot lock out other users.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use crate::limits::FAILED_LOGINS_WINDOW;

/// The number of failed logins from one origin within [`FAILED_LOGINS_WINDOW`] after which further logins are refused.
/// Typing errors cause fewer failures, and guessing a token of 32 characters would take far more.
pub(super) const MAX_FAILURES: u32 = 20;

/// The maximum number of stored origins, which occupy about a megabyte. When another origin is added, the oldest one is
/// removed.
const MAX_ORIGINS: usize = 10_000;

/// The origin of a login: an address, and the requested account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LoginOrigin {
    address: IpAddr,
    account: &'static str,
}

impl LoginOrigin {
    /// Returns the origin of a login. All addresses of an IPv6 /64 network count as one origin, because internet
    /// providers usually assign a whole network of this size to one customer.
    pub(super) fn new(address: IpAddr, account: &'static str) -> Self {
        let address = match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Ipv6Addr::from_bits(network).into()
            }
            address @ IpAddr::V4(_) => address,
        };
        Self { address, account }
    }
}

/// The number of failed logins from each origin.
#[derive(Debug, Default)]
pub(super) struct FailedLogins {
    of: HashMap<LoginOrigin, Count>,
}

#[derive(Debug)]
struct Count {
    since: Instant,
    failed: u32,
}

impl FailedLogins {
    /// Counts a login as failed before its token or ticket is checked. Returns `false` if the login must be refused
    /// without a check. After a success, the caller resets the count with [`Self::forget`].
    pub(super) fn begin(&mut self, origin: LoginOrigin, now: Instant) -> bool {
        let is_old = |count: &Count| now.saturating_duration_since(count.since) > FAILED_LOGINS_WINDOW;
        if self.of.get(&origin).is_some_and(is_old) {
            self.of.remove(&origin);
        }
        if !self.of.contains_key(&origin) && self.of.len() >= MAX_ORIGINS {
            self.of.retain(|_, count| !is_old(count));
            self.drop_oldest();
        }
        let count = self.of.entry(origin).or_insert(Count { since: now, failed: 0 });
        let may_try = count.failed < MAX_FAILURES;
        count.failed += u32::from(may_try);
        may_try
    }

    /// Resets the count of an origin after a successful login.
    pub(super) fn forget(&mut self, origin: LoginOrigin) {
        self.of.remove(&origin);
    }

    /// Removes the oldest origin if the maximum number of origins is stored.
    fn drop_oldest(&mut self) {
        if self.of.len() < MAX_ORIGINS {
            return;
        }
        if let Some(oldest) = self.of.iter().min_by_key(|(_, count)| count.since).map(|(origin, _)| *origin) {
            self.of.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn origin(address: &str) -> LoginOrigin {
        LoginOrigin::new(address.parse().expect("it is an address"), "admin")
    }

    #[test]
    fn too_many_failures_block_only_their_origin_for_a_time() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        let (mine, other) = (origin("10.0.0.1"), origin("10.0.0.2"));
        assert!((0..MAX_FAILURES).all(|_| logins.begin(other, now)));
        assert!(!logins.begin(other, now));
        assert!(logins.begin(mine, now));
        assert!(logins.begin(LoginOrigin { account: "somebody", ..other }, now), "another account of that address");
        assert!(!logins.begin(other, now + FAILED_LOGINS_WINDOW));
        assert!(logins.begin(other, now + FAILED_LOGINS_WINDOW + Duration::from_millis(1)));
    }

    #[test]
    fn a_successful_login_resets_the_count() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        for _ in 0..MAX_FAILURES * 3 {
            assert!(logins.begin(origin("10.0.0.1"), now));
            logins.forget(origin("10.0.0.1"));
        }
    }

    #[test]
    fn an_ipv6_network_is_one_origin_and_mapped_ipv4_addresses_are_normalised() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:10.0.0.1"), origin("10.0.0.1"));
        assert_ne!(origin("10.0.0.1"), origin("10.0.0.2"));
    }

    #[test]
    fn the_number_of_stored_origins_is_limited() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        for number in 0..30_000_u32 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(number));
            assert!(logins.begin(LoginOrigin::new(address, "admin"), now + Duration::from_micros(number.into())));
        }
        assert_eq!(logins.of.len(), MAX_ORIGINS);
    }
}
