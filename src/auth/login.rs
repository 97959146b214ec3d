//! Logs people in, by the admin token, by a one-time link, or by name and password.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::Instant;

use engine::db::DbError;
use subtle::ConstantTimeEq;

use super::attempts::{CountedAccount, LoginOrigin};
use super::passwords::{HashingBusy, MAX_BYTES};
use super::users::{name_key, store};
use super::{ADMIN, Account, Auth, Secret, hash};
use crate::limits::{LOGIN_LINK, SESSION};

/// The error returned when a login is refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The name, the password or the token is wrong, or the user is disabled.
    #[error("the name, the password or the token is not valid")]
    Invalid,
    /// The link was already used, has expired, or was issued by an earlier run of the server.
    #[error("the link was already used, has expired, or was issued before the server restarted")]
    TicketSpent,
    /// The link of a user was already used, has expired or was invalidated, or its user may no longer log in.
    #[error("the link was already used, has expired, or was replaced by another one")]
    LinkEnded,
    /// The new password that was entered with a user's link is too short or too long. This error is also returned if no
    /// new password was entered, but the user has no password yet.
    #[error("the new password is not accepted")]
    NewPassword,
    /// There were too many failed logins.
    #[error("too many failed logins; try again in a minute")]
    TooMany,
    /// Too many passwords are being hashed.
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    /// A database query failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<HashingBusy> for LoginError {
    fn from(_: HashingBusy) -> Self {
        Self::Busy
    }
}

/// The maximum length of a name in the login form, in bytes. Users have far shorter names.
const MAX_ENTERED_NAME: usize = 1_000;

/// A session that has begun.
#[derive(Clone)]
pub struct BegunSession {
    /// The value of the session's cookie.
    pub cookie: Secret,
    /// The name of the user as it is stored, which may differ from the entered name in upper and lower case.
    pub user: String,
}

/// The browser from which somebody logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginClient {
    /// The browser's IP address.
    pub address: IpAddr,
    /// The value of the `User-Agent` header, in which the browser describes itself.
    pub browser: String,
    /// The id of the person for whom a reverse proxy vouches, or `None` if no proxy vouches for anybody. A session is
    /// used only while the proxy vouches for the same person.
    pub proxy_user: Option<String>,
}

impl Auth {
    /// Starts a session if the token is the admin token.
    pub async fn login(&self, token: &str, client: &LoginClient) -> Result<BegunSession, LoginError> {
        let origin = self.count_attempt(client, CountedAccount::AdminToken)?;
        if !self.is_admin_token(token) {
            return Err(LoginError::Invalid);
        }
        self.login_succeeded(origin);
        let cookie = self.begin_session(Account::AdminToken, ADMIN, client, None, SESSION).await?;
        Ok(BegunSession { cookie, user: ADMIN.to_owned() })
    }

    /// Starts a session of the admin token's account if the ticket is valid, and invalidates the ticket.
    pub async fn login_by_ticket(&self, ticket: &str, client: &LoginClient) -> Result<BegunSession, LoginError> {
        let origin = self.count_attempt(client, CountedAccount::AdminToken)?;
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
        self.login_succeeded(origin);
        let cookie = self.begin_session(Account::AdminToken, ADMIN, client, None, SESSION).await?;
        Ok(BegunSession { cookie, user: ADMIN.to_owned() })
    }

    /// Starts a session if a user has this name and this password and is not disabled.
    ///
    /// The response and the response time are the same for a wrong password, an unknown name and a disabled user.
    pub async fn login_by_password(
        &self,
        name: &str,
        password: String,
        client: &LoginClient,
    ) -> Result<BegunSession, LoginError> {
        let key = name_key(name.trim());
        let origin = self.count_attempt(client, CountedAccount::of_user(&key))?;
        // No user has such a long name or password.
        if name.len() > MAX_ENTERED_NAME || password.len() > MAX_BYTES {
            return Err(LoginError::Invalid);
        }
        let user = {
            let mut connection = self.db.reader().await?;
            store::by_key(&mut connection, &key).await?
        };
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let is_right = self.passwords.verify(password, hash).await?;
        let Some(user) = user.filter(|user| is_right && !user.is_disabled) else { return Err(LoginError::Invalid) };
        let account = Account::User(user.id);
        let begun = self.begin_session(account, &user.name, client, Some(user.clone()), SESSION).await?;
        self.login_succeeded(origin);
        Ok(BegunSession { cookie: begun, user: user.name })
    }

    /// Creates the ticket of a login link for the admin token's account, and invalidates the previous ticket.
    #[must_use]
    pub fn new_ticket(&self) -> Secret {
        let ticket = Secret::random();
        *self.ticket.lock().unwrap_or_else(PoisonError::into_inner) = Some((hash(ticket.expose()), Instant::now()));
        ticket
    }

    /// Counts a login as failed before its password, token or ticket is checked. If the login succeeds,
    /// [`Self::login_succeeded`] corrects the count. Returns an error if too many logins from the same origin have
    /// failed.
    pub(super) fn count_attempt(
        &self,
        client: &LoginClient,
        account: CountedAccount,
    ) -> Result<LoginOrigin, LoginError> {
        let origin = LoginOrigin::new(client.address, account);
        let mut failed = self.failed_logins.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.begin(origin, Instant::now()) { Ok(origin) } else { Err(LoginError::TooMany) }
    }

    pub(super) fn login_succeeded(&self, origin: LoginOrigin) {
        self.failed_logins.lock().unwrap_or_else(PoisonError::into_inner).succeeded(origin);
    }
}

#[cfg(test)]
mod tests {
    use engine::db::Db;
    use engine::queue::Maskers;
    use engine::seal::SealKey;
    use redact::Rules;

    use super::*;
    use crate::auth::FailedLoginLimits;

    fn from(address: [u8; 4]) -> LoginClient {
        LoginClient { address: IpAddr::from(address), browser: String::new(), proxy_user: None }
    }

    async fn auth(folder: &tempfile::TempDir) -> Auth {
        let db = Db::open(folder.path()).await.expect("a new database opens");
        Auth::new(db, &"x".repeat(32), "1", Maskers::new(Vec::new(), Rules::none(), SealKey::random().0))
    }

    #[tokio::test]
    async fn a_login_link_works_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (auth, here) = (auth(&folder).await, from([127, 0, 0, 1]));
        let ticket = auth.new_ticket();
        let cookie = auth.login_by_ticket(ticket.expose(), &here).await.expect("the ticket is new").cookie;
        assert!(auth.session(cookie.expose()).await.expect("the table exists").is_some());
        assert!(matches!(auth.login_by_ticket(ticket.expose(), &here).await, Err(LoginError::TicketSpent)));
        auth.logout(cookie.expose()).await.expect("the table exists");
        assert!(auth.session(cookie.expose()).await.expect("the table exists").is_none());
    }

    #[tokio::test]
    async fn failed_logins_are_limited_by_address() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (auth, here) = (auth(&folder).await, from([127, 0, 0, 1]));
        for _ in 0..FailedLoginLimits::default().per_origin {
            assert!(matches!(auth.login("guess", &here).await, Err(LoginError::Invalid)));
        }
        assert!(matches!(auth.login(&"x".repeat(32), &here).await, Err(LoginError::TooMany)));
        let elsewhere = from([10, 0, 0, 1]);
        assert!(auth.login(&"x".repeat(32), &elsewhere).await.is_ok());
        assert!(auth.login_by_ticket(auth.new_ticket().expose(), &elsewhere).await.is_ok());
    }
}
