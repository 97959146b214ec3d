//! Counts the open streams, and limits their total number and the number per user.
//!
//! A stream is any response that can stay open while nothing is sent: Server-Sent Events, logs that are followed, and
//! searches whose results are streamed. The sessions and tokens of a user count together, so that nobody can open more
//! streams by logging in more often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::http::error::ApiError;
use crate::auth::{Account, Identity};

/// The maximum numbers of open streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamLimits {
    /// The maximum total number.
    pub(super) in_all: usize,
    /// The maximum number per user.
    pub(super) per_user: usize,
}

/// The open streams. Clones share the same counts.
#[derive(Clone, Debug)]
pub struct OpenStreams {
    limits: StreamLimits,
    of: Arc<Mutex<HashMap<Account, usize>>>,
}

/// The permission for one open stream. Dropping it frees the capacity, however the stream has ended.
#[derive(Debug)]
pub(super) struct StreamPermit {
    streams: OpenStreams,
    account: Account,
}

impl OpenStreams {
    pub(super) fn new(limits: StreamLimits) -> Self {
        Self { limits, of: Arc::default() }
    }

    /// Permits another stream of a user, or returns an error if too many are open.
    pub(super) fn permit(&self, identity: &Identity) -> Result<StreamPermit, ApiError> {
        let account = identity.account;
        let mut of = self.counts();
        // The user's own limit is checked first, because the user can resolve that error by closing other streams.
        if of.get(&account).is_some_and(|open| *open >= self.limits.per_user) {
            return Err(ApiError::TooManyStreamsOfUser(self.limits.per_user));
        }
        if of.values().sum::<usize>() >= self.limits.in_all {
            return Err(ApiError::TooManyStreams(self.limits.in_all));
        }
        *of.entry(account).or_default() += 1;
        Ok(StreamPermit { streams: self.clone(), account })
    }

    /// Returns the number of open streams of all users.
    pub(super) fn count(&self) -> usize {
        self.counts().values().sum()
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Account, usize>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut of = self.streams.counts();
        if let Some(open) = of.get_mut(&self.account) {
            *open -= 1;
            if *open == 0 {
                of.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Role, SessionId, TokenId};

    use super::*;
    use crate::auth::Credential;

    fn identity(account: Account, by: Credential) -> Identity {
        Identity { user: "ada".into(), role: Role::Viewer, account, by, expires_at: None }
    }

    fn of_user(id: i64) -> Identity {
        identity(Account::User(id), Credential::Session(SessionId(uuid::Uuid::nil())))
    }

    #[test]
    fn sessions_and_tokens_of_a_user_count_together_and_those_of_others_do_not() {
        let streams = OpenStreams::new(StreamLimits { in_all: 10, per_user: 2 });
        let by_token = identity(Account::User(1), Credential::ApiToken(TokenId(uuid::Uuid::nil())));
        let (first, _second) = (streams.permit(&of_user(1)), streams.permit(&by_token).expect("the second of two"));
        for refused in [&of_user(1), &by_token] {
            assert!(matches!(streams.permit(refused), Err(ApiError::TooManyStreamsOfUser(2))));
        }
        let _other = streams.permit(&of_user(2)).expect("another user");
        let _admin = streams.permit(&identity(Account::AdminToken, Credential::AdminToken)).expect("the admin token");
        drop(first.expect("the first of two"));
        assert_eq!(streams.count(), 3);
        let _third = streams.permit(&by_token).expect("one was given back");
    }

    #[test]
    fn the_limit_in_all_applies_to_everybody_and_nothing_is_stored_for_users_without_streams() {
        let streams = OpenStreams::new(StreamLimits { in_all: 3, per_user: 2 });
        let open: Vec<_> = (1..=3).map(|id| streams.permit(&of_user(id)).expect("fewer than the limit")).collect();
        assert!(matches!(streams.permit(&of_user(4)), Err(ApiError::TooManyStreams(3))));
        drop(open);
        assert_eq!((streams.count(), streams.counts().len()), (0, 0));
    }
}
