//! The function that writes changes to users, sessions and tokens, and the errors of such changes.

use engine::db::{DbError, Tx};
use futures_util::future::BoxFuture;
use model::Role;

use super::Auth;
use super::passwords::HashingBusy;

/// The error returned when users, sessions or tokens cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// A value is not accepted.
    #[error("{field}: {problem}")]
    Invalid {
        /// The name of the request's field, or of the resource, that the problem concerns.
        field: &'static str,
        /// The requirement that the value does not meet.
        problem: String,
    },
    /// The role does not permit the change.
    #[error("the role {0} does not permit this")]
    NotAuthorized(Role),
    /// There is no user with the given name.
    #[error("there is no such user")]
    NoSuchUser,
    /// There is no such session, or it belongs to somebody else.
    #[error("there is no such session")]
    NoSuchSession,
    /// There is no such API token, or it belongs to somebody else.
    #[error("there is no such token")]
    NoSuchToken,
    /// The current password was wrong too often.
    #[error("too many failed attempts; try again in a minute")]
    TooMany,
    /// Too many passwords are being hashed.
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    /// A database query failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<HashingBusy> for PeopleError {
    fn from(_: HashingBusy) -> Self {
        Self::Busy
    }
}

/// Returns the error for a value that is not accepted.
pub(super) fn invalid(field: &'static str, problem: impl Into<String>) -> PeopleError {
    PeopleError::Invalid { field, problem: problem.into() }
}

/// A change to a user, a login link, a session or a token. A variant contains the user's name, or the id of the session
/// or token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    UserAdded(String),
    UserChanged(String),
    UserRemoved(String),
    PasswordChanged(String),
    LoginLinkCreated(String),
    LoginLinkRevoked(String),
    SessionBegun(String),
    SessionEnded(String),
    TokenCreated(String),
    TokenRevoked(String),
}

impl Change {
    /// Records the change in the server's log.
    fn log(&self, by: &str) {
        match self {
            Self::UserAdded(user) => tracing::info!(user, by, "a user was added"),
            Self::UserChanged(user) => tracing::info!(user, by, "a user was changed"),
            Self::UserRemoved(user) => tracing::info!(user, by, "a user was removed"),
            Self::PasswordChanged(user) => tracing::info!(user, by, "a user changed the password"),
            Self::LoginLinkCreated(user) => tracing::info!(user, by, "a login link was created"),
            Self::LoginLinkRevoked(user) => tracing::info!(user, by, "a login link was revoked"),
            Self::SessionBegun(session) => tracing::info!(session, by, "somebody logged in"),
            Self::SessionEnded(session) => tracing::info!(session, by, "a session was ended"),
            Self::TokenCreated(token) => tracing::info!(token, by, "an API token was created"),
            Self::TokenRevoked(token) => tracing::info!(token, by, "an API token was revoked"),
        }
    }
}

impl Auth {
    /// Writes a change in one transaction, and logs it. Every change to users, sessions and tokens passes through this
    /// function, with three exceptions: storing when a session or a token was last used, changing the expiry of
    /// sessions of people whom a proxy or a provider has authenticated, and the removals after the admin token has
    /// changed.
    pub(super) async fn apply<T, E, F>(&self, change: Change, by: &str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        let done = self.db.writer().write(work).await?;
        change.log(by);
        Ok(done)
    }
}
