//! Who may use the server: the admin token, sessions of browsers, and one-time login links.
//!
//! Nothing here keeps a token or a cookie's value: only their checksums are stored and compared, in constant time.

mod store;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock;
use crate::db::{Db, DbError};
use crate::model::Timestamp;

/// How long a session lasts.
pub const SESSION_SECONDS: i64 = 30 * 24 * 3600;

/// Characters of an admin token at the least.
const TOKEN_MIN: usize = 32;

/// How long a login link can be used.
const TICKET_LIFE: Duration = Duration::from_hours(1);

/// Failed logins in a minute before further ones have to wait.
const FAILURES_PER_MINUTE: u32 = 20;

/// The file of a token that the server made, below the data folder.
const TOKEN_FILE: &str = "admin-token";

/// Why there is no admin token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is too short or not printable.
    #[error("the admin token from {0} must be 32 or more printable ASCII characters without spaces")]
    Unfit(String),
    /// The file of it cannot be read or made.
    #[error("failed to read or make {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The token is not the admin token.
    #[error("the token is not right")]
    Invalid,
    /// The link was used, is too old, or belongs to an earlier start of the server.
    #[error("the link was used already, is too old, or belongs to an earlier start of the server")]
    TicketSpent,
    /// Too many have failed.
    #[error("too many failed logins; try again in a minute")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Whoever was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Their name, as jobs show it.
    pub user: String,
    /// What they showed.
    pub by: Credential,
}

/// What a request showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A token: a program.
    Token,
    /// A session's cookie: a browser, whose other pages could send requests as well.
    Session,
}

/// A secret that was shown once: the value of a session's cookie, or a login link's ticket.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system has random numbers");
        Self(hex::encode(bytes))
    }

    /// Returns the value, to be sent once and kept nowhere.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

type Hash = [u8; 32];

/// Decides who may use the server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth {
    db: Db,
    admin: Hash,
    ticket: Arc<Mutex<Option<(Hash, Instant)>>>,
    failures: Arc<Mutex<Failures>>,
}

#[derive(Debug)]
struct Failures {
    minute: Instant,
    count: u32,
}

impl Auth {
    /// Makes the gate for that admin token.
    #[must_use]
    pub fn new(db: Db, admin_token: &str) -> Self {
        let failures = Failures { minute: Instant::now(), count: 0 };
        Self { db, admin: hash(admin_token), ticket: Arc::default(), failures: Arc::new(Mutex::new(failures)) }
    }

    /// Returns who shows that bearer token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Option<Identity> {
        let is_admin: bool = hash(token).ct_eq(&self.admin).into();
        is_admin.then(|| Identity { user: "admin".into(), by: Credential::Token })
    }

    /// Returns whose session has that cookie.
    pub async fn session(&self, cookie: &str) -> Result<Option<Identity>, DbError> {
        let mut connection = self.db.readers().acquire().await?;
        let alive = store::session_is_alive(&mut connection, &hash(cookie), clock::now()).await?;
        Ok(alive.then(|| Identity { user: "admin".into(), by: Credential::Session }))
    }

    /// Begins a session for who knows the token.
    pub async fn login(&self, token: &str) -> Result<Secret, LoginError> {
        self.count_attempt()?;
        if self.bearer(token).is_none() {
            return Err(LoginError::Invalid);
        }
        self.forget_failures();
        self.begin_session().await
    }

    /// Begins a session for who has the login link, which ends with that.
    pub async fn login_by_ticket(&self, ticket: &str) -> Result<Secret, LoginError> {
        self.count_attempt()?;
        let spent = {
            let mut open = self.ticket.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = open.is_some_and(|(expected, made)| {
                bool::from(hash(ticket).ct_eq(&expected)) && made.elapsed() < TICKET_LIFE
            });
            if fits {
                *open = None;
            }
            !fits
        };
        if spent {
            return Err(LoginError::TicketSpent);
        }
        self.forget_failures();
        self.begin_session().await
    }

    /// Makes the ticket of a login link; an earlier one ends.
    #[must_use]
    pub fn new_ticket(&self) -> Secret {
        let ticket = Secret::random();
        *self.ticket.lock().unwrap_or_else(PoisonError::into_inner) = Some((hash(ticket.expose()), Instant::now()));
        ticket
    }

    /// Ends the session of that cookie.
    pub async fn logout(&self, cookie: &str) -> Result<(), DbError> {
        let digest = hash(cookie);
        self.db
            .writer()
            .write(move |tx| Box::pin(async move { Ok(store::end_session(tx.connection(), &digest).await?) }))
            .await
    }

    async fn begin_session(&self) -> Result<Secret, LoginError> {
        let cookie = Secret::random();
        let (digest, now) = (hash(cookie.expose()), clock::now());
        let end = Timestamp(now.0 + SESSION_SECONDS * 1_000_000);
        let begun: Result<(), DbError> = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move { Ok(store::begin_session(tx.connection(), &digest, now, end).await?) })
            })
            .await;
        begun?;
        Ok(cookie)
    }

    /// Counts a login as failed until it has succeeded; refuses it if too many have failed.
    fn count_attempt(&self) -> Result<(), LoginError> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.minute.elapsed() > Duration::from_mins(1) {
            *failures = Failures { minute: Instant::now(), count: 0 };
        }
        if failures.count >= FAILURES_PER_MINUTE {
            return Err(LoginError::TooMany);
        }
        failures.count += 1;
        Ok(())
    }

    fn forget_failures(&self) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).count = 0;
    }
}

/// Returns the admin token: the operator's, or the one kept in the data folder, made at first start.
pub fn admin_token(from_operator: Option<String>, data_dir: &Path) -> Result<String, TokenError> {
    if let Some(token) = from_operator {
        return if is_fit(&token) { Ok(token) } else { Err(TokenError::Unfit("TAILWATER_ADMIN_TOKEN".into())) };
    }
    let path = data_dir.join(TOKEN_FILE);
    let failed = |source| TokenError::File { path: path.display().to_string(), source };
    match fs::read_to_string(&path) {
        Ok(token) if is_fit(token.trim()) => Ok(token.trim().to_owned()),
        Ok(_) => Err(TokenError::Unfit(path.display().to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let token = Secret::random();
            let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            made.and_then(|mut file| writeln!(file, "{}", token.expose())).map_err(failed)?;
            Ok(token.0)
        }
        Err(error) => Err(failed(error)),
    }
}

fn is_fit(token: &str) -> bool {
    token.len() >= TOKEN_MIN && token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_admin_token_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let token = admin_token(None, folder.path()).expect("the folder can be written");
        assert_eq!(admin_token(None, folder.path()).expect("it is there"), token);
        let mode = fs::metadata(folder.path().join(TOKEN_FILE)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_token_that_can_be_guessed_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for token in ["", "short", &"x".repeat(31), &format!("{} {}", "x".repeat(20), "y".repeat(20))] {
            assert!(matches!(admin_token(Some(token.into()), folder.path()), Err(TokenError::Unfit(_))), "{token}");
        }
        assert!(admin_token(Some("x".repeat(32)), folder.path()).is_ok());
    }

    #[tokio::test]
    async fn a_login_link_works_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let auth = Auth::new(db, &"x".repeat(32));
        let ticket = auth.new_ticket();
        let cookie = auth.login_by_ticket(ticket.expose()).await.expect("the ticket is new");
        assert!(auth.session(cookie.expose()).await.expect("the table is there").is_some());
        assert!(matches!(auth.login_by_ticket(ticket.expose()).await, Err(LoginError::TicketSpent)));
        auth.logout(cookie.expose()).await.expect("the table is there");
        assert!(auth.session(cookie.expose()).await.expect("the table is there").is_none());
    }

    #[tokio::test]
    async fn guessing_has_to_wait() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let auth = Auth::new(db, &"x".repeat(32));
        for _ in 0..FAILURES_PER_MINUTE {
            assert!(matches!(auth.login("guess").await, Err(LoginError::Invalid)));
        }
        assert!(matches!(auth.login("guess").await, Err(LoginError::TooMany)));
    }
}
