//! The identity of a request's sender, and the credential that proves it.

use std::time::Duration;

use engine::clock;
use engine::db::DbError;
use model::{Role, SessionId, Timestamp, TokenId};

use super::{ADMIN, Auth};
use crate::limits::RECHECK_IDENTITY;

/// The account to which a credential belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// The account of the admin token. Sessions that began with this token or with the link that the server prints
    /// belong to it, and so do API tokens that were created by this account.
    AdminToken,
    /// A user.
    User(i64),
}

impl Account {
    /// Returns the account of the user with this id in the database. For `None`, returns the account of the admin
    /// token.
    pub(super) fn of_user_id(user: Option<i64>) -> Self {
        user.map_or(Self::AdminToken, Self::User)
    }

    /// Returns the id of the user, or `None` for the account of the admin token.
    #[must_use]
    pub const fn user_id(self) -> Option<i64> {
        match self {
            Self::AdminToken => None,
            Self::User(id) => Some(id),
        }
    }
}

/// The credential in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The admin token, as a bearer token.
    AdminToken,
    /// An API token, as a bearer token.
    ApiToken(TokenId),
    /// The header of a reverse proxy, for the user with this id. A page of another site can make a browser send a
    /// request to the proxy, with a cookie or another credential for the proxy. The proxy adds the header to this
    /// request too.
    Proxy(i64),
    /// A session cookie. A page of another site may be able to make a browser send the cookie with a request.
    Session(SessionId),
}

/// An authenticated person or program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name, which is shown with the jobs that the person submits.
    pub user: String,
    /// The role, which limits the requests that may be sent with this credential.
    pub role: Role,
    /// The account to which the credential belongs.
    pub account: Account,
    /// The credential.
    pub by: Credential,
    /// The time at which the credential expires, or `None` if it does not expire.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    pub(super) fn of_admin_token() -> Self {
        Self {
            user: ADMIN.into(),
            role: Role::Admin,
            account: Account::AdminToken,
            by: Credential::AdminToken,
            expires_at: None,
        }
    }

    /// Returns whether browsers send the credential automatically.
    #[must_use]
    pub const fn is_sent_by_browsers(&self) -> bool {
        matches!(self.by, Credential::Session(_) | Credential::Proxy(_))
    }

    /// Returns the id of the session, or `None` if the credential is not a session cookie.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self.by {
            Credential::Session(id) => Some(id),
            Credential::AdminToken | Credential::ApiToken(_) | Credential::Proxy(_) => None,
        }
    }

    /// Returns whether this identity may see and end a session of an account whose role is `role`. Administrators may
    /// end all sessions, and others only those of their own account. A token whose role is less powerful than the role
    /// of its account cannot end the account's sessions. A stolen token can therefore not log its owner out.
    pub(super) fn manages_session(&self, account: Account, role: Role) -> bool {
        self.role == Role::Admin || (self.account == account && self.role.includes(role))
    }

    /// Returns whether this identity may see and revoke an API token with this account, id and role. Administrators may
    /// revoke all tokens. Others may revoke the token with which they sent the request, and the tokens of their own
    /// account whose role they may give to new tokens.
    pub(super) fn manages_token(&self, account: Account, id: TokenId, role: Role) -> bool {
        let is_granted = self.account == account && self.role.may_grant(role);
        self.role == Role::Admin || is_granted || self.by == Credential::ApiToken(id)
    }
}

impl Auth {
    /// Waits until a credential is no longer valid, or its role has changed. The caller then closes the response that
    /// it is sending.
    pub async fn ended(self, identity: Identity) {
        // The subscription is created before the first check, so that no change in between is missed.
        let mut revocations = self.revocations.of(identity.account);
        loop {
            // Thousands of responses may be waiting here. The future of the query is boxed, so that a response needs
            // memory for it only while the query runs.
            let current = match Box::pin(self.current_identity(identity.by)).await {
                Ok(Some(current)) if current.role == identity.role => current,
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, "a response was closed, because its recipient's credential could not be checked");
                    return;
                }
            };
            // The session may have been extended, so its current expiry takes precedence. If the credential is a
            // proxy's header, the current identity has no expiry, and that of the request applies.
            let end = current.expires_at.or(identity.expires_at);
            let left = end.map_or(RECHECK_IDENTITY, |end| micros(end.0.saturating_sub(clock::now().0)));
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = revocations.notified() => {}
                () = tokio::time::sleep(left.min(RECHECK_IDENTITY)) => {}
            }
        }
    }

    /// Returns the current identity of a credential, or `None` if the credential is no longer valid.
    pub(super) async fn current_identity(&self, by: Credential) -> Result<Option<Identity>, DbError> {
        match by {
            Credential::AdminToken => Ok(Some(Identity::of_admin_token())),
            Credential::Proxy(user) => self.proxied_identity(user).await,
            Credential::ApiToken(id) => self.token_identity_by_id(id).await,
            Credential::Session(id) => self.session_identity_by_id(id).await,
        }
    }
}

/// Converts a number of microseconds to a duration, which is 0 for negative numbers.
fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
