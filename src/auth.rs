//! Authenticates people and programs. The accepted credentials are the admin token, passwords, browser sessions,
//! one-time login links and API tokens. A reverse proxy or an OpenID Connect provider can authenticate people as well.
//!
//! Only the hashes of tokens, cookie values and passwords are stored, and hashes are compared in constant time. The
//! `apply` function in the [`changes`] module writes nearly all changes to users, sessions and tokens. The
//! documentation of `apply` lists the exceptions.

mod attempts;
mod changes;
mod external;
mod files;
mod identity;
mod links;
mod login;
mod owner;
mod passwords;
mod previews;
mod revocation;
mod sessions;
mod tokens;
mod users;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::clock;
use engine::db::{Db, DbError};
use engine::queue::Maskers;
use model::Role;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use attempts::FailedLoginLimits;
use attempts::FailedLogins;
pub use attempts::tokens::InvalidTokenCount;
use attempts::tokens::InvalidTokens;
pub use changes::PeopleError;
pub use external::{ExternalError, ExternalPerson, GroupRoles};
pub use files::{TokenError, admin_token, instance_id, secrets_key};
pub use identity::{Account, Credential, Identity};
pub use links::UserTicket;
pub use login::{BegunSession, LoginClient, LoginError};
use passwords::PasswordHashing;
use previews::PreviewKey;
pub use previews::PreviewScope;
use revocation::Revocations;
pub use users::has_administrator;

use crate::limits::SESSION;

/// The prefix of the session cookie's name under HTTPS. Browsers accept a cookie with this prefix only over HTTPS, only
/// from the host itself, and for all paths (RFC 6265bis, 4.1.3.2). No other host of the same domain can therefore set
/// this cookie.
const HTTPS_ONLY: &str = "__Host-";

/// The name of the admin token's account. No user can have this name.
pub const ADMIN: &str = "admin";

/// The part of a list that a response contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRange {
    /// The number of items to skip.
    pub offset: i64,
    /// The maximum number of items.
    pub limit: i64,
}

impl ListRange {
    /// The maximum number of items in a response. It is also the maximum number of users, and the maximum number of
    /// tokens of each user.
    pub const MAX_LIMIT: i64 = 1_000;

    /// The range that begins with the first item and has the maximum length.
    pub const FIRST: Self = Self { offset: 0, limit: Self::MAX_LIMIT };
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

/// Authenticates people and programs. Clones are cheap and share the same state.
#[derive(Clone, Debug)]
pub struct Auth {
    db: Db,
    admin: Hash,
    cookie_name: Arc<str>,
    ticket: Arc<Mutex<Option<(Hash, Instant)>>>,
    failed_logins: Arc<Mutex<FailedLogins>>,
    invalid_tokens: Arc<Mutex<InvalidTokens>>,
    passwords: PasswordHashing,
    revocations: Revocations,
    previews: PreviewKey,
    /// Mask secrets in the texts that people choose or that browsers send.
    maskers: Maskers,
    group_roles: Arc<GroupRoles>,
    /// The lifetime of the sessions of people whom a reverse proxy or an OpenID Connect provider has authenticated.
    external_session: Duration,
}

impl Auth {
    /// Creates an authenticator from the admin token and the id of the data directory. `maskers` mask secrets in names
    /// and descriptions. No group is mapped to a role yet ([`Self::with_group_roles`]).
    #[must_use]
    pub fn new(db: Db, admin_token: &str, instance_id: &str, maskers: Maskers) -> Self {
        Self {
            db,
            admin: hash(admin_token),
            cookie_name: format!("{HTTPS_ONLY}tailwater_session_{instance_id}").into(),
            ticket: Arc::default(),
            failed_logins: Arc::default(),
            invalid_tokens: Arc::new(Mutex::new(InvalidTokens::new(FailedLoginLimits::default().per_address))),
            passwords: PasswordHashing::new(),
            revocations: Revocations::new(),
            previews: PreviewKey::random(),
            maskers,
            group_roles: Arc::default(),
            external_session: SESSION,
        }
    }

    /// Sets the mapping from groups to roles for people whom a reverse proxy or an OpenID Connect provider
    /// authenticates.
    #[must_use]
    pub fn with_group_roles(self, roles: GroupRoles) -> Self {
        Self { group_roles: Arc::new(roles), ..self }
    }

    /// Sets the lifetime of the sessions of people whom a reverse proxy or an OpenID Connect provider authenticates. By
    /// default, these sessions last as long as all others.
    #[must_use]
    pub fn with_external_sessions(self, lifetime: Duration) -> Self {
        Self { external_session: lifetime, ..self }
    }

    /// Replaces the limits on failed logins and invalid tokens.
    #[must_use]
    pub fn with_failed_login_limits(self, limits: FailedLoginLimits) -> Self {
        Self {
            failed_logins: Arc::new(Mutex::new(FailedLogins::new(limits))),
            invalid_tokens: Arc::new(Mutex::new(InvalidTokens::new(limits.per_address))),
            ..self
        }
    }

    /// Returns the name of the session cookie. It depends on whether the client uses HTTPS.
    ///
    /// Browsers send a host's cookies to all of its ports, so two servers on one host need different names. The name
    /// therefore contains the id of the data directory. The port would not be sufficient: behind a proxy or a
    /// container's port mapping, two servers can listen on the same port.
    #[must_use]
    pub fn cookie_name(&self, https: bool) -> &str {
        if https { &self.cookie_name } else { self.cookie_name.trim_start_matches(HTTPS_ONLY) }
    }

    /// Returns the name of the cookie that identifies the browser in which a login with the OpenID Connect provider was
    /// started.
    #[must_use]
    pub fn login_cookie_name(&self, https: bool) -> String {
        self.cookie_name(https).replace("_session_", "_login_")
    }

    /// Returns the name of the cookie that records that a browser's last login was with the OpenID Connect provider.
    #[must_use]
    pub fn provider_cookie_name(&self, https: bool) -> String {
        self.cookie_name(https).replace("_session_", "_provider_")
    }

    /// Returns the identity that a bearer token authenticates, or `None` if the token is not valid.
    pub async fn bearer(&self, token: &str) -> Result<Option<Identity>, DbError> {
        if self.is_admin_token(token) { Ok(Some(Identity::of_admin_token())) } else { self.token_identity(token).await }
    }

    /// Returns a signed token, for use in a URL, that grants access to the artifacts of an attempt. The token is valid
    /// for a limited time, and only as long as the credential of `by` is valid.
    #[must_use]
    pub fn permit_preview(&self, scope: PreviewScope, by: &Identity) -> String {
        self.previews.permit(scope, by.by, clock::now())
    }

    /// Returns the scope of a signed token that [`Self::permit_preview`] issued, and the identity for which it was
    /// issued. Returns `None` if the token is invalid or has expired, or if the credential is no longer valid.
    pub async fn preview(&self, permission: &str) -> Result<Option<(PreviewScope, Identity)>, DbError> {
        let Some((scope, by)) = self.previews.scope(permission, clock::now()) else { return Ok(None) };
        let identity = self.current_identity(by).await?;
        Ok(identity.filter(|identity| identity.role.includes(Role::Viewer)).map(|identity| (scope, identity)))
    }

    /// If the admin token has changed since the server last started, ends all sessions of the admin token's account and
    /// revokes all of its API tokens.
    pub async fn end_those_of_former_admin_token(&self) -> Result<(), DbError> {
        let digest = self.admin;
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move {
                let connection = tx.connection();
                let former = sessions::store::replace_admin_token(connection, &digest).await?;
                let has_changed = former.is_some_and(|former| former != digest);
                if has_changed {
                    sessions::store::delete_all(connection, Account::AdminToken, None).await?;
                    tokens::store::delete_all(connection, Account::AdminToken).await?;
                }
                Ok::<_, DbError>(has_changed)
            })
        });
        if write.await? {
            tracing::warn!("the admin token has changed, so its sessions and API tokens were ended");
        }
        Ok(())
    }

    fn is_admin_token(&self, token: &str) -> bool {
        hash(token).ct_eq(&self.admin).into()
    }
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}
