//! Authenticates users by the admin token, browser sessions and one-time login links.
//!
//! Only the hashes of tokens and cookie values are stored, and hashes are compared in constant time.

mod attempts;
mod files;
mod previews;
mod store;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::clock;
use engine::db::{Db, DbError};
use model::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::limits::{LOGIN_LINK, SESSION};
use attempts::{FailedLogins, LoginOrigin};
pub use files::{TokenError, admin_token, instance_id, secrets_key};
use previews::PreviewKey;
pub use previews::PreviewScope;

/// The prefix of the session cookie's name under HTTPS. Browsers accept a cookie with this prefix only over HTTPS, only
/// from the host itself, and for all paths (RFC 6265bis, 4.1.3.2), so no sibling host can set it.
const HTTPS_ONLY: &str = "__Host-";

/// The name of the only account.
const ADMIN: &str = "admin";

/// The reasons why a login can be refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The token is not the admin token.
    #[error("the token is not valid")]
    Invalid,
    /// The link was already used, has expired, or was issued by an earlier run of the server.
    #[error("the link was already used, has expired, or was issued before the server restarted")]
    TicketSpent,
    /// There were too many failed logins.
    #[error("too many failed logins; try again in a minute")]
    TooMany,
    /// A database query failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// An authenticated user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name, which is shown with the jobs that the user submits.
    pub user: String,
    /// The credential that authenticated the user.
    pub by: Credential,
}

/// The kind of credential in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A bearer token, which programs use.
    Token,
    /// A session cookie. Browsers may send it even with requests from another site's page.
    Session,
}

/// A secret that the server sends only once and never stores: the value of a session cookie, or the ticket of a login
/// link.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system provides random numbers");
        Self(hex::encode(bytes))
    }

    /// Returns the secret value. The caller must send it only once and must not store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

type Hash = [u8; 32];

/// Authenticates users. Clones are cheap and share the same state.
#[derive(Clone, Debug)]
pub struct Auth {
    db: Db,
    admin: Hash,
    cookie_name: Arc<str>,
    ticket: Arc<Mutex<Option<(Hash, Instant)>>>,
    failed_logins: Arc<Mutex<FailedLogins>>,
    previews: PreviewKey,
}

impl Auth {
    /// Creates an authenticator from the admin token and the id of the data directory.
    #[must_use]
    pub fn new(db: Db, admin_token: &str, instance_id: &str) -> Self {
        Self {
            db,
            admin: hash(admin_token),
            cookie_name: format!("{HTTPS_ONLY}tailwater_session_{instance_id}").into(),
            ticket: Arc::default(),
            failed_logins: Arc::default(),
            previews: PreviewKey::random(),
        }
    }

    /// Returns the name of the session cookie, which depends on whether the client uses HTTPS.
    ///
    /// The name contains the id of the data directory, because browsers send a host's cookies to all of its ports, so
    /// two servers on one host need different names. The port would not be sufficient: behind a proxy or a container's
    /// port mapping, two servers can listen on the same port.
    #[must_use]
    pub fn cookie_name(&self, https: bool) -> &str {
        if https { &self.cookie_name } else { self.cookie_name.trim_start_matches(HTTPS_ONLY) }
    }

    /// Returns the user that a bearer token belongs to, or `None` if the token is not valid.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Option<Identity> {
        let is_admin: bool = hash(token).ct_eq(&self.admin).into();
        is_admin.then(|| Identity { user: ADMIN.into(), by: Credential::Token })
    }

    /// Returns the user that a session cookie belongs to, or `None` if the session has ended or never existed.
    pub async fn session(&self, cookie: &str) -> Result<Option<Identity>, DbError> {
        let mut connection = self.db.reader().await?;
        let alive = store::session_is_alive(&mut connection, &hash(cookie), clock::now()).await?;
        Ok(alive.then(|| Identity { user: ADMIN.into(), by: Credential::Session }))
    }

    /// Starts a session if the token is correct, and returns the value of the session's cookie.
    pub async fn login(&self, token: &str, from: IpAddr) -> Result<Secret, LoginError> {
        let origin = self.count_attempt(from)?;
        if self.bearer(token).is_none() {
            return Err(LoginError::Invalid);
        }
        self.forget_failures(origin);
        self.begin_session().await
    }

    /// Starts a session if the ticket of the login link is valid, and invalidates the ticket. Returns the value of the
    /// session's cookie.
    pub async fn login_by_ticket(&self, ticket: &str, from: IpAddr) -> Result<Secret, LoginError> {
        let origin = self.count_attempt(from)?;
        let spent = {
            let mut open = self.ticket.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = open.is_some_and(|(expected, made)| {
                bool::from(hash(ticket).ct_eq(&expected)) && made.elapsed() < LOGIN_LINK
            });
            if fits {
                *open = None;
            }
            !fits
        };
        if spent {
            return Err(LoginError::TicketSpent);
        }
        self.forget_failures(origin);
        self.begin_session().await
    }

    /// Creates the ticket of a login link, and invalidates the previous one.
    #[must_use]
    pub fn new_ticket(&self) -> Secret {
        let ticket = Secret::random();
        *self.ticket.lock().unwrap_or_else(PoisonError::into_inner) = Some((hash(ticket.expose()), Instant::now()));
        ticket
    }

    /// Ends the session that a cookie belongs to.
    pub async fn logout(&self, cookie: &str) -> Result<(), DbError> {
        let digest = hash(cookie);
        self.db
            .writer()
            .write(move |tx| Box::pin(async move { store::end_session(tx.connection(), &digest).await }))
            .await
    }

    /// Returns a signed token, for use in a URL, that grants access to the artifacts of an attempt.
    #[must_use]
    pub fn permit_preview(&self, scope: PreviewScope) -> String {
        self.previews.permit(scope, clock::now())
    }

    /// Returns the scope of a signed token that [`Self::permit_preview`] issued, or `None` if the token is invalid or
    /// has expired.
    #[must_use]
    pub fn preview(&self, permission: &str) -> Option<PreviewScope> {
        self.previews.scope(permission, clock::now())
    }

    async fn begin_session(&self) -> Result<Secret, LoginError> {
        let cookie = Secret::random();
        let (digest, now) = (hash(cookie.expose()), clock::now());
        let end = Timestamp(now.0.saturating_add(i64::try_from(SESSION.as_micros()).unwrap_or(i64::MAX)));
        let begun: Result<(), DbError> = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { store::begin_session(tx.connection(), &digest, now, end).await }))
            .await;
        begun?;
        Ok(cookie)
    }

    /// Counts a login as failed before its token or ticket is checked. [`Self::forget_failures`] resets the count after
    /// a success. Returns an error if too many logins from the same origin have failed.
    fn count_attempt(&self, from: IpAddr) -> Result<LoginOrigin, LoginError> {
        let origin = LoginOrigin::new(from, ADMIN);
        let mut failed = self.failed_logins.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.begin(origin, Instant::now()) { Ok(origin) } else { Err(LoginError::TooMany) }
    }

    fn forget_failures(&self, origin: LoginOrigin) {
        self.failed_logins.lock().unwrap_or_else(PoisonError::into_inner).forget(origin);
    }
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_login_link_works_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let auth = Auth::new(db, &"x".repeat(32), "1");
        let ticket = auth.new_ticket();
        let cookie = auth.login_by_ticket(ticket.expose(), HERE).await.expect("the ticket is new");
        assert!(auth.session(cookie.expose()).await.expect("the table exists").is_some());
        assert!(matches!(auth.login_by_ticket(ticket.expose(), HERE).await, Err(LoginError::TicketSpent)));
        auth.logout(cookie.expose()).await.expect("the table exists");
        assert!(auth.session(cookie.expose()).await.expect("the table exists").is_none());
    }

    #[tokio::test]
    async fn failed_logins_are_limited_by_address() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let auth = Auth::new(db, &"x".repeat(32), "1");
        for _ in 0..attempts::MAX_FAILURES {
            assert!(matches!(auth.login("guess", HERE).await, Err(LoginError::Invalid)));
        }
        assert!(matches!(auth.login(&"x".repeat(32), HERE).await, Err(LoginError::TooMany)));
        let elsewhere = IpAddr::from([10, 0, 0, 1]);
        assert!(auth.login(&"x".repeat(32), elsewhere).await.is_ok());
        assert!(auth.login_by_ticket(auth.new_ticket().expose(), elsewhere).await.is_ok());
    }
}
