//! Stores the logins that have been started but not finished yet. Their number and their lifetime are limited, and each
//! login is bound to the browser in which it was started.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::limits::STARTED_LOGIN;
use crate::oidc::OidcError;

/// The maximum number of started logins. When another login starts, the oldest one is discarded.
const MAX: usize = 1_000;

/// The maximum number of started logins from one address, so that one client cannot make the server discard the logins
/// of all others.
const MAX_OF_ADDRESS: usize = 50;

/// A login that has been started.
#[derive(Clone)]
pub(super) struct StartedLogin {
    /// The random string that the provider must include in the token.
    pub(super) nonce: String,
    /// The PKCE verifier, a secret that proves that this server has started the login.
    pub(super) verifier: String,
    /// The address to which the provider sends the browser back.
    pub(super) redirect: String,
    /// The page that was requested before the login, or `None` if no page was requested.
    pub(super) next: Option<String>,
}

/// All started logins. The keys are the hashes of their `state` parameters, which identify the logins.
#[derive(Default)]
pub(super) struct StartedLogins(HashMap<[u8; 32], StartedEntry>);

struct StartedEntry {
    login: StartedLogin,
    /// The hash of the browser's cookie.
    browser: [u8; 32],
    address: IpAddr,
    since: Instant,
}

impl StartedEntry {
    fn is_new(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < STARTED_LOGIN
    }
}

impl StartedLogins {
    /// Adds a login.
    pub(super) fn add(&mut self, state: &str, cookie: &str, address: IpAddr, login: StartedLogin, now: Instant) {
        self.0.retain(|_, entry| entry.is_new(now));
        let address = address.to_canonical();
        if self.0.values().filter(|entry| entry.address == address).count() >= MAX_OF_ADDRESS {
            self.forget_oldest(|entry| entry.address == address);
        }
        if self.0.len() >= MAX {
            self.forget_oldest(|_| true);
        }
        self.0.insert(hash(state), StartedEntry { login, browser: hash(cookie), address, since: now });
    }

    /// Returns whether a browser, given its cookie, has started logins that can still be finished.
    pub(super) fn has(&self, cookie: &str, now: Instant) -> bool {
        let browser = hash(cookie);
        self.0.values().any(|entry| entry.is_new(now) && bool::from(entry.browser.ct_eq(&browser)))
    }

    /// Removes and returns a login, given the `state` of the provider's answer and the cookie of the browser that sends
    /// the answer. A login can be finished only once, even if finishing it fails.
    pub(super) fn take(&mut self, state: &str, cookie: Option<&str>, now: Instant) -> Result<StartedLogin, OidcError> {
        let entry = self.0.remove(&hash(state)).ok_or(OidcError::NotStarted)?;
        let is_new = entry.is_new(now);
        let is_same = cookie.is_some_and(|cookie| bool::from(hash(cookie).ct_eq(&entry.browser)));
        if is_new && is_same { Ok(entry.login) } else { Err(OidcError::NotStarted) }
    }

    fn forget_oldest(&mut self, among: impl Fn(&StartedEntry) -> bool) {
        let of = self.0.iter().filter(|(_, entry)| among(entry));
        if let Some(oldest) = of.min_by_key(|(_, entry)| entry.since).map(|(state, _)| *state) {
            self.0.remove(&oldest);
        }
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    fn login() -> StartedLogin {
        StartedLogin { nonce: "n".into(), verifier: "v".into(), redirect: "r".into(), next: None }
    }

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn a_login_is_finished_once_by_the_browser_that_has_started_it() {
        let (mut logins, now) = (StartedLogins::default(), Instant::now());
        logins.add("state", "cookie", address(1), login(), now);
        assert!(logins.take("other", Some("cookie"), now).is_err());
        assert!(logins.take("state", Some("cookie"), now).is_ok());
        assert!(logins.take("state", Some("cookie"), now).is_err(), "the state was used");
        for cookie in [None, Some(""), Some("other")] {
            logins.add("state", "cookie", address(1), login(), now);
            assert!(logins.take("state", cookie, now).is_err(), "{cookie:?}");
            assert!(logins.take("state", Some("cookie"), now).is_err(), "the state was used");
        }
    }

    #[test]
    fn the_logins_of_a_browser_are_known_until_they_are_finished_or_take_too_long() {
        let (mut logins, now) = (StartedLogins::default(), Instant::now());
        logins.add("first", "cookie", address(1), login(), now);
        logins.add("second", "cookie", address(1), login(), now);
        assert!(logins.has("cookie", now) && !logins.has("other", now));
        assert!(logins.take("first", Some("cookie"), now).is_ok());
        assert!(logins.has("cookie", now) && !logins.has("cookie", now + STARTED_LOGIN));
        assert!(logins.take("second", Some("cookie"), now).is_ok());
        assert!(!logins.has("cookie", now));
    }

    #[test]
    fn a_login_that_takes_too_long_is_refused() {
        let (mut logins, now) = (StartedLogins::default(), Instant::now());
        for (waited, is_accepted) in
            [(STARTED_LOGIN.saturating_sub(Duration::from_millis(1)), true), (STARTED_LOGIN, false)]
        {
            logins.add("state", "cookie", address(1), login(), now);
            assert_eq!(logins.take("state", Some("cookie"), now + waited).is_ok(), is_accepted, "{waited:?}");
        }
    }

    #[test]
    fn the_number_of_started_logins_is_limited_in_all_and_for_each_address() {
        let (mut logins, now) = (StartedLogins::default(), Instant::now());
        logins.add("mine", "cookie", address(0), login(), now);
        let later = now + Duration::from_secs(1);
        for number in 0..500 {
            logins.add(&format!("flood-{number}"), "cookie", address(1), login(), later);
        }
        assert_eq!(logins.0.len(), MAX_OF_ADDRESS + 1);
        assert!(logins.take("mine", Some("cookie"), later).is_ok(), "another address is not affected");
        for number in 0..3_000 {
            logins.add(&format!("many-{number}"), "cookie", address(number), login(), later);
        }
        assert_eq!(logins.0.len(), MAX);
        logins.add("last", "cookie", address(1), login(), later + STARTED_LOGIN);
        assert_eq!(logins.0.len(), 1, "expired logins are removed");
    }
}
