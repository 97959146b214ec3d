//! Browser sessions. A random value in a cookie identifies a session, and only the hash of this value is stored.

pub(super) mod store;

use std::time::Duration;

use engine::clock;
use engine::db::{DbError, DbResult, Tx};
use model::{Role, Session, SessionId, SessionsPage};
use redact::Redacted;
use uuid::Uuid;

use super::changes::Change;
use super::login::{LoginClient, LoginError};
use super::owner::admitted_owner;
use super::revocation::Revocations;
use super::users::store as users;
use super::users::store::UserRow;
use super::{ADMIN, Account, Auth, Credential, Hash, Identity, ListRange, PeopleError, Secret, hash};
use crate::limits::LAST_USED_EVERY;
use store::SessionRow;

/// The maximum number of sessions of an account. When another one begins, the oldest one ends.
const MAX_SESSIONS: i64 = 100;

/// The maximum length of a stored description of a browser, in characters. Common browsers send up to about 250
/// characters.
const MAX_BROWSER: usize = 300;

impl SessionRow {
    /// Returns the identity of the session's user, or `None` if the user is refused.
    pub(super) fn identity(&self) -> Option<Identity> {
        let (user, role) = admitted_owner(self.account, self.user.as_ref())?;
        let (by, expires_at) = (Credential::Session(self.id), Some(self.expires_at));
        Some(Identity { user, role, account: self.account, by, expires_at })
    }

    /// Returns whether `by` may see and end the session.
    fn is_managed_by(&self, by: &Identity) -> bool {
        let role = self.user.as_ref().map_or(Role::Admin, |user| user.role);
        by.manages_session(self.account, role)
    }

    fn to_model(&self, current: Option<SessionId>) -> Session {
        Session {
            id: self.id,
            user_id: self.user.as_ref().map_or(ADMIN, |user| &user.name).to_owned(),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
            address: self.address.clone(),
            browser: self.browser.to_text().into_owned(),
            current: current == Some(self.id),
        }
    }
}

impl Auth {
    /// Returns the identity that a session cookie authenticates, or `None` if the session is not valid.
    pub async fn session(&self, cookie: &str) -> Result<Option<Identity>, DbError> {
        Ok(self.session_row(cookie).await?.and_then(|row| row.identity()))
    }

    /// Returns the session that a cookie belongs to, or `None` if there is none or it has expired.
    pub(super) async fn session_row(&self, cookie: &str) -> Result<Option<SessionRow>, DbError> {
        let now = clock::now();
        let mut connection = self.db.reader().await?;
        let Some(row) = store::by_digest(&mut connection, &hash(cookie), now).await? else { return Ok(None) };
        drop(connection);
        let before = now.before(LAST_USED_EVERY);
        if row.last_used_at <= before {
            let (db, id) = (self.db.clone(), row.id);
            // The request does not wait for this write.
            tokio::spawn(async move {
                let write = db.writer().write(move |tx| Box::pin(store::touch(tx.connection(), id, now, before)));
                if let Err(error) = write.await {
                    tracing::warn!(%error, "the time of a session's last use was not stored");
                }
            });
        }
        Ok(Some(row))
    }

    pub(super) async fn session_identity_by_id(&self, id: SessionId) -> Result<Option<Identity>, DbError> {
        let mut connection = self.db.reader().await?;
        let row = store::by_id(&mut connection, id, clock::now()).await?;
        Ok(row.and_then(|row| row.identity()))
    }

    /// Returns the sessions of an account or, if `account` is `None`, all sessions. Sessions that `by` may not end are
    /// omitted.
    pub async fn sessions(
        &self,
        account: Option<Account>,
        range: ListRange,
        by: &Identity,
    ) -> Result<SessionsPage, PeopleError> {
        let mut connection = self.db.reader().await?;
        let mut rows = store::list(&mut connection, account, range, clock::now()).await?;
        let limit = usize::try_from(range.limit).unwrap_or(0);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        rows.retain(|row| row.is_managed_by(by));
        Ok(SessionsPage { items: rows.iter().map(|row| row.to_model(by.session())).collect(), has_more })
    }

    /// Ends a session. Only administrators can end the sessions of others.
    pub async fn end_session(&self, id: SessionId, by: &Identity) -> Result<(), PeopleError> {
        let (allowed, revocations) = (by.clone(), self.revocations.clone());
        self.apply(Change::SessionEnded(id.to_string()), &by.user, move |tx| {
            Box::pin(async move {
                let row = store::by_id(tx.connection(), id, clock::now()).await?;
                let row = row.filter(|row| row.is_managed_by(&allowed)).ok_or(PeopleError::NoSuchSession)?;
                store::delete(tx.connection(), id).await?;
                tx.after_commit(move || revocations.notify(row.account));
                Ok(())
            })
        })
        .await
    }

    /// Applies a shorter lifetime to sessions that began when a longer one was set. Affects only sessions of people
    /// whom a proxy or a provider has authenticated.
    pub async fn shorten_external_sessions(&self) -> Result<(), DbError> {
        let latest = clock::now().after(self.external_session);
        let write = self.db.writer();
        write.write(move |tx| Box::pin(store::shorten_external(tx.connection(), latest))).await
    }

    /// Ends the session that a cookie belongs to, if there is one.
    pub async fn logout(&self, cookie: &str) -> Result<(), PeopleError> {
        let Some(identity) = self.session(cookie).await? else { return Ok(()) };
        let Some(id) = identity.session() else { return Ok(()) };
        match self.end_session(id, &identity).await {
            // The session has expired or was ended in the meantime.
            Ok(()) | Err(PeopleError::NoSuchSession) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Begins a session that ends after `lifetime`. If a password was checked, `user` is the row that contained its
    /// hash, and no session begins if this user was changed, disabled or removed in the meantime. For other
    /// credentials, `user` is `None`.
    pub(super) async fn begin_session(
        &self,
        account: Account,
        by: &str,
        client: &LoginClient,
        user: Option<UserRow>,
        lifetime: Duration,
    ) -> Result<Secret, LoginError> {
        let (row, cookie) = self.new_session(account, client, lifetime);
        let (digest, revocations) = (hash(cookie.expose()), self.revocations.clone());
        self.apply(Change::SessionBegun(row.id.to_string()), by, move |tx| {
            Box::pin(async move {
                let connection = tx.connection();
                if let Some(user) = user {
                    let current = users::by_key(connection, &super::users::name_key(&user.name)).await?;
                    let is_same = |current: &UserRow| current.id == user.id && current.updated_at == user.updated_at;
                    current.filter(is_same).ok_or(LoginError::Invalid)?;
                }
                store_session(tx, &row, &digest, revocations).await?;
                Ok::<_, LoginError>(())
            })
        })
        .await?;
        Ok(cookie)
    }

    /// Returns a session that ends after `lifetime`, and the value of its cookie.
    pub(super) fn new_session(
        &self,
        account: Account,
        client: &LoginClient,
        lifetime: Duration,
    ) -> (SessionRow, Secret) {
        let now = clock::now();
        let browser: String = client.browser.chars().filter(|c| !c.is_control()).collect();
        // A secret that is truncated first may not be recognised.
        let browser: String = self.maskers.mask_name(&browser).to_text().chars().take(MAX_BROWSER).collect();
        let row = SessionRow {
            id: SessionId(Uuid::now_v7()),
            account,
            user: None,
            created_at: now,
            last_used_at: now,
            expires_at: now.after(lifetime),
            address: client.address.to_canonical().to_string(),
            browser: Redacted::from_stored(browser.into_bytes()),
            proxy_user: client.proxy_user.clone(),
        };
        (row, Secret::random())
    }
}

/// Stores a new session, given the hash of its cookie. If the account has too many sessions, the oldest one ends.
pub(super) async fn store_session(
    tx: &mut Tx,
    row: &SessionRow,
    digest: &Hash,
    revocations: Revocations,
) -> DbResult<()> {
    store::insert(tx.connection(), row, digest).await?;
    let account = row.account;
    if store::delete_oldest(tx.connection(), account, MAX_SESSIONS).await? {
        tx.after_commit(move || revocations.notify(account));
    }
    Ok(())
}
