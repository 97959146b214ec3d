//! Counts failed logins by address and account, so that one attacker cannot lock out other users. The submodule
//! [`tokens`] counts requests with invalid tokens by address.
//!
//! Three numbers are limited: the failures from one address for one account, from one address for all accounts, and
//! from all addresses for one account. The first limit is the lowest. If one of the other two is reached, it can also
//! lock out people who share an address with an attacker, or whose account is attacked.

mod counts;
pub(super) mod tokens;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use sha2::{Digest, Sha256};

use counts::FailureCounts;

/// The numbers of failed logins within [`FAILED_LOGINS_WINDOW`](crate::limits::FAILED_LOGINS_WINDOW) after which
/// further logins are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedLoginLimits {
    /// The maximum number of failures from one address for one account.
    pub per_origin: u32,
    /// The maximum number of failures from one address for all accounts. The requests with invalid tokens from one
    /// address have the same limit, but are counted separately.
    pub per_address: u32,
    /// The maximum number of failures from all addresses for one account.
    pub per_account: u32,
}

impl Default for FailedLoginLimits {
    fn default() -> Self {
        // People who mistype their password stay below these limits. Guessing a token of 32 characters would take far
        // more attempts.
        Self { per_origin: 20, per_address: 100, per_account: 100 }
    }
}

/// An account for which logins are counted. Names are hashed, because clients can send names of any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CountedAccount {
    /// The admin token, or a one-time link. Neither can be guessed, so the limit for one account from all addresses
    /// does not apply.
    AdminToken,
    /// A user, or a name that no user has.
    User([u8; 16]),
}

impl CountedAccount {
    /// Returns the account of a user, given the lower-case form of the name.
    pub(super) fn of_user(name_key: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name_key).into();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        Self::User(short)
    }
}

/// The origin of a login: an address, and the requested account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LoginOrigin {
    address: IpAddr,
    account: CountedAccount,
}

impl LoginOrigin {
    /// Returns the origin of a login.
    pub(super) fn new(address: IpAddr, account: CountedAccount) -> Self {
        Self { address: network(address), account }
    }

    /// Returns the keys of all counts that include a login from this origin.
    fn counted(self) -> impl Iterator<Item = FailedLoginKey> {
        let account = matches!(self.account, CountedAccount::User(_)).then_some(FailedLoginKey::Account(self.account));
        [FailedLoginKey::Origin(self), FailedLoginKey::Address(self.address)].into_iter().chain(account)
    }
}

/// Returns the address for which failures from `address` are counted. All addresses of an IPv6 /64 network count as one
/// address, because internet providers usually assign a whole network of this size to one customer.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Identifies a count of failed logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum FailedLoginKey {
    Origin(LoginOrigin),
    Address(IpAddr),
    Account(CountedAccount),
}

impl FailedLoginKey {
    const fn max(self, limits: FailedLoginLimits) -> u32 {
        match self {
            Self::Origin(_) => limits.per_origin,
            Self::Address(_) => limits.per_address,
            Self::Account(_) => limits.per_account,
        }
    }
}

/// The counts of failed logins.
#[derive(Debug, Default)]
pub(super) struct FailedLogins {
    limits: FailedLoginLimits,
    of: FailureCounts<FailedLoginKey>,
}

impl FailedLogins {
    pub(super) fn new(limits: FailedLoginLimits) -> Self {
        Self { limits, of: FailureCounts::default() }
    }

    /// Counts a login as failed before its password, token or ticket is checked. If the login turns out to be valid,
    /// the caller calls [`Self::succeeded`]. Returns `false` if the login must be refused without a check.
    pub(super) fn begin(&mut self, origin: LoginOrigin, now: Instant) -> bool {
        let is_full = |counted: FailedLoginKey| self.of.get(counted, now) >= counted.max(self.limits);
        if origin.counted().any(is_full) {
            return false;
        }
        for counted in origin.counted() {
            self.of.add(counted, now);
        }
        true
    }

    /// Records that a login has succeeded. The login no longer counts as failed, and the count of its origin is reset.
    pub(super) fn succeeded(&mut self, origin: LoginOrigin) {
        for counted in origin.counted() {
            match counted {
                FailedLoginKey::Origin(_) => self.of.reset(counted),
                FailedLoginKey::Address(_) | FailedLoginKey::Account(_) => self.of.subtract(counted),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::counts::MAX_COUNTS;
    use super::*;
    use crate::limits::FAILED_LOGINS_WINDOW;

    const MAX_FAILURES: u32 = 20;
    const MAX_FAILURES_IN_ALL: u32 = 100;

    fn origin(address: &str) -> LoginOrigin {
        LoginOrigin::new(address.parse().expect("it is an address"), CountedAccount::AdminToken)
    }

    fn of_user(address: IpAddr, name: &str) -> LoginOrigin {
        LoginOrigin::new(address, CountedAccount::of_user(name))
    }

    #[test]
    fn too_many_failures_block_only_their_origin_for_a_time() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        let (mine, other) = (origin("10.0.0.1"), origin("10.0.0.2"));
        assert!((0..MAX_FAILURES).all(|_| logins.begin(other, now)));
        assert!(!logins.begin(other, now));
        assert!(logins.begin(mine, now));
        assert!(logins.begin(of_user(other.address, "somebody"), now), "another account of that address");
        assert!(!logins.begin(other, now + FAILED_LOGINS_WINDOW));
        assert!(logins.begin(other, now + FAILED_LOGINS_WINDOW + Duration::from_millis(1)));
    }

    #[test]
    fn each_limit_is_a_setting() {
        let (now, address) = (Instant::now(), origin("10.0.0.1").address);
        let count = |limits: [u32; 3], origin: &dyn Fn(u8) -> LoginOrigin| {
            let [per_origin, per_address, per_account] = limits;
            let mut logins = FailedLogins::new(FailedLoginLimits { per_origin, per_address, per_account });
            (0..=255).filter(|number| logins.begin(origin(*number), now)).count()
        };
        assert_eq!(count([3, 50, 50], &|_| of_user(address, "ada")), 3);
        assert_eq!(count([50, 4, 50], &|number| of_user(address, &number.to_string())), 4);
        assert_eq!(count([50, 50, 5], &|number| of_user(IpAddr::from([10, 0, 0, number]), "ada")), 5);
    }

    #[test]
    fn an_address_that_guesses_many_names_is_blocked() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        let address = origin("10.0.0.1").address;
        let tried = (0..1_000).filter(|number| logins.begin(of_user(address, &number.to_string()), now)).count();
        assert_eq!(u32::try_from(tried), Ok(MAX_FAILURES_IN_ALL));
        assert!(logins.begin(of_user(origin("10.0.0.2").address, "1"), now), "other addresses are not affected");
    }

    #[test]
    fn a_name_that_is_guessed_from_many_addresses_is_blocked() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        let from = |number: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(number));
        let tried = (0..1_000).filter(|number| logins.begin(of_user(from(*number), "ada"), now)).count();
        assert_eq!(u32::try_from(tried), Ok(MAX_FAILURES_IN_ALL));
        assert!(logins.begin(of_user(from(1), "grace"), now), "other names are not affected");
        assert!(logins.begin(LoginOrigin::new(from(1), CountedAccount::AdminToken), now), "nor is the admin token");
    }

    #[test]
    fn a_successful_login_resets_the_count_of_its_origin_and_does_not_count_otherwise() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        for _ in 0..MAX_FAILURES_IN_ALL * 3 {
            let origin = of_user(origin("10.0.0.1").address, "ada");
            assert!(logins.begin(origin, now));
            logins.succeeded(origin);
        }
        assert_eq!(logins.of.len(), 0);
    }

    #[test]
    fn an_own_account_does_not_reset_the_count_of_another_one() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        let address = origin("10.0.0.1").address;
        let mut tried = 0;
        for _ in 0..MAX_FAILURES * 3 {
            tried += u32::from(logins.begin(of_user(address, "ada"), now));
            let own = of_user(address, "mallory");
            if logins.begin(own, now) {
                logins.succeeded(own);
            }
        }
        assert_eq!(tried, MAX_FAILURES);
    }

    #[test]
    fn an_ipv6_network_is_one_origin_and_mapped_ipv4_addresses_are_normalised() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:10.0.0.1"), origin("10.0.0.1"));
        assert_ne!(origin("10.0.0.1"), origin("10.0.0.2"));
    }

    #[test]
    fn the_number_of_stored_counts_is_limited() {
        let (mut logins, now) = (FailedLogins::default(), Instant::now());
        for number in 0..30_000_u32 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(number));
            let origin = LoginOrigin::new(address, CountedAccount::AdminToken);
            assert!(logins.begin(origin, now + Duration::from_micros(number.into())));
            assert!(logins.of.len() <= MAX_COUNTS);
        }
        assert!(logins.of.len() > MAX_COUNTS / 2, "only the oldest counts are removed");
    }
}
