//! People for whom a reverse proxy vouches by adding a header to their requests.
//!
//! If a request has the header, the header determines the person and the role. Some proxies add the header only to some
//! requests, for example not to requests for streams. A request without the header is authenticated by a session, which
//! ends a limited time after the last request with the header.

use engine::clock;
use engine::db::DbError;
use model::{Timestamp, UserSource};

use super::{ExternalError, ExternalPerson};
use crate::auth::changes::Change;
use crate::auth::owner::CredentialOwner;
use crate::auth::sessions::store::{self as sessions, SessionRow};
use crate::auth::users::store;
use crate::auth::{Account, Auth, Credential, Identity, LoginClient, LoginError, Secret};
use crate::limits::LAST_USED_EVERY;

impl Auth {
    /// Returns the identity of a person for whom a reverse proxy vouches. `cookie` is the session cookie, or `None` if
    /// the request has none.
    ///
    /// A session is used only if it began while the proxy vouched for the same person. Such a session may belong to a
    /// local user, because the person may have logged in with the login form.
    pub async fn proxied(&self, person: &ExternalPerson, cookie: Option<&str>) -> Result<Identity, ExternalError> {
        let session = match cookie {
            Some(cookie) => self.session_row(cookie).await?,
            None => None,
        };
        let session = match session {
            Some(row) if row.proxy_user.as_ref() == Some(&person.subject) => Some(row),
            Some(row) => {
                self.end_session_of_another(&row, person).await?;
                None
            }
            None => None,
        };
        let of_proxy = |user: &CredentialOwner| user.source == UserSource::Proxy;
        if let Some(row) = session.as_ref().filter(|row| !row.user.as_ref().is_some_and(of_proxy))
            && let Some(identity) = row.identity()
        {
            return Ok(identity);
        }
        let user = self.admitted(person).await?;
        let account = Account::User(user.id);
        let session = session.filter(|row| row.account == account);
        let expires_at = clock::now().after(self.external_session);
        let by = match session {
            Some(row) => {
                self.extend_session(&row, expires_at);
                Credential::Session(row.id)
            }
            None => Credential::Proxy(user.id),
        };
        Ok(Identity { user: user.name, role: user.role, account, by, expires_at: Some(expires_at) })
    }

    /// Begins a session of a person for whom a reverse proxy vouches.
    pub async fn begin_proxied_session(&self, identity: &Identity, client: &LoginClient) -> Result<Secret, LoginError> {
        self.begin_session(identity.account, &identity.user, client, None, self.external_session).await
    }

    /// Postpones the end of a session, because the proxy still vouches for the session's person.
    fn extend_session(&self, row: &SessionRow, expires_at: Timestamp) {
        let before = expires_at.before(LAST_USED_EVERY);
        if row.expires_at > before {
            return;
        }
        let (db, id) = (self.db.clone(), row.id);
        // The request does not wait for this write. If the write fails, a later request repeats it.
        tokio::spawn(async move {
            let write = db.writer().write(move |tx| Box::pin(sessions::extend(tx.connection(), id, expires_at)));
            if let Err(error) = write.await {
                tracing::warn!(%error, "the later end of a session was not stored");
            }
        });
    }

    /// Ends a session that began while the proxy vouched for another person or for nobody.
    async fn end_session_of_another(&self, row: &SessionRow, person: &ExternalPerson) -> Result<(), DbError> {
        let (id, account, revocations) = (row.id, row.account, self.revocations.clone());
        self.apply(Change::SessionEnded(id.to_string()), person.source.as_str(), move |tx| {
            Box::pin(async move {
                if sessions::delete(tx.connection(), id).await? {
                    tx.after_commit(move || revocations.notify(account));
                }
                Ok::<_, DbError>(())
            })
        })
        .await
    }

    /// Returns the identity of a user whom a proxy has authenticated, or `None` if the user is refused or was removed.
    /// This identity has no expiry. Only [`Self::proxied`] sets one, which applies to the request that had the header.
    pub(in crate::auth) async fn proxied_identity(&self, id: i64) -> Result<Option<Identity>, DbError> {
        let mut connection = self.db.reader().await?;
        let user = store::by_id(&mut connection, id).await?.filter(|user| !user.is_refused());
        Ok(user.map(|user| Identity {
            user: user.name,
            role: user.role,
            account: Account::User(id),
            by: Credential::Proxy(id),
            expires_at: None,
        }))
    }
}
