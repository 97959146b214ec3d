//! One-time login links of users. If a user has no password yet or has forgotten the password, an administrator creates
//! a link and sends it to the person. The link permits a single login, in which the person can choose a new password.
//!
//! Only the hash of a link's ticket (its secret part) is stored, so a link remains valid when the server restarts. The
//! link that the server prints when it starts is of a different kind: it belongs to the admin token, and its ticket is
//! kept only in memory ([`Auth::new_ticket`]).

pub(super) mod store;

use std::time::Duration;

use engine::clock;
use model::{NewLoginLink, Timestamp, UserSource};

use super::attempts::CountedAccount;
use super::changes::{Change, invalid};
use super::login::{BegunSession, LoginClient, LoginError};
use super::sessions::store as sessions;
use super::sessions::store_session;
use super::users::store as users;
use super::users::store::UserRow;
use super::users::{is_acceptable_password, later_than, name_key, source_name};
use super::{Account, Auth, Identity, PeopleError, Secret, hash};
use crate::limits::SESSION;
use store::LoginLinkRow;

/// A new login link of a user.
pub struct UserTicket {
    /// The user's name as it is stored, which may differ from the requested name in upper and lower case.
    pub user: String,
    /// The secret part of the link.
    pub ticket: Secret,
    /// The time after which the link no longer works.
    pub expires_at: Timestamp,
}

impl Auth {
    /// Creates a login link for a user, and invalidates the user's previous link.
    pub async fn create_login_link(
        &self,
        name: &str,
        new: NewLoginLink,
        by: &Identity,
    ) -> Result<UserTicket, PeopleError> {
        let hours = new.expires_in_hours.unwrap_or(NewLoginLink::DEFAULT_HOURS);
        if !(1..=NewLoginLink::MAX_HOURS).contains(&hours) {
            return Err(invalid("expiresInHours", format!("must be 1 to {}", NewLoginLink::MAX_HOURS)));
        }
        let (ticket, created_at) = (Secret::random(), clock::now());
        let expires_at = created_at.after(Duration::from_hours(1) * hours);
        let (key, digest) = (name_key(name), hash(ticket.expose()));
        let user = self
            .apply(Change::LoginLinkCreated(key.clone()), &by.user, move |tx| {
                Box::pin(async move {
                    let user = users::by_key(tx.connection(), &key).await?.ok_or(PeopleError::NoSuchUser)?;
                    check_user(&user)?;
                    let row = LoginLinkRow { user_id: user.id, digest, created_at, expires_at };
                    store::replace(tx.connection(), &row).await?;
                    Ok::<_, PeopleError>(user.name)
                })
            })
            .await?;
        Ok(UserTicket { user, ticket, expires_at })
    }

    /// Invalidates the login link of a user, if there is one.
    pub async fn revoke_login_link(&self, name: &str, by: &Identity) -> Result<(), PeopleError> {
        let key = name_key(name);
        self.apply(Change::LoginLinkRevoked(key.clone()), &by.user, move |tx| {
            Box::pin(async move {
                let user = users::by_key(tx.connection(), &key).await?.ok_or(PeopleError::NoSuchUser)?;
                store::delete(tx.connection(), user.id).await?;
                Ok(())
            })
        })
        .await
    }

    /// Starts a session if the ticket belongs to a user's login link, and invalidates the link. If a new password is
    /// given, it replaces the user's password, and the user's other sessions end. A user without a password must choose
    /// one.
    ///
    /// If the new password is not acceptable, or is required but missing, the link remains valid.
    pub async fn login_by_user_ticket(
        &self,
        ticket: &str,
        new_password: Option<String>,
        client: &LoginClient,
    ) -> Result<BegunSession, LoginError> {
        let origin = self.count_attempt(client, CountedAccount::AdminToken)?;
        let digest = hash(ticket);
        let user = {
            let mut connection = self.db.reader().await?;
            match store::user_of(&mut connection, &digest, clock::now()).await? {
                Some(id) => users::by_id(&mut connection, id).await?,
                None => None,
            }
        };
        let user = user.filter(may_log_in).ok_or(LoginError::LinkEnded)?;
        self.login_succeeded(origin);
        let password = match new_password.filter(|password| !password.is_empty()) {
            Some(password) if is_acceptable_password(&password) => Some(self.passwords.hash(password).await?),
            None if user.password.is_some() => None,
            Some(_) | None => return Err(LoginError::NewPassword),
        };
        let account = Account::User(user.id);
        let (session, cookie) = self.new_session(account, client, SESSION);
        let (session_digest, revocations) = (hash(cookie.expose()), self.revocations.clone());
        self.apply(Change::SessionBegun(session.id.to_string()), &user.name, move |tx| {
            Box::pin(async move {
                let connection = tx.connection();
                // Since the link was looked up, it may have been used or invalidated, and the user may have been
                // changed.
                let id = store::take(connection, &digest, clock::now()).await?.ok_or(LoginError::LinkEnded)?;
                let user = users::by_id(connection, id).await?.filter(may_log_in).ok_or(LoginError::LinkEnded)?;
                if let Some(password) = password {
                    let row = UserRow { password: Some(password), updated_at: later_than(user.updated_at), ..user };
                    users::update(connection, &row).await?;
                    sessions::delete_all(connection, account, None).await?;
                    let revocations = revocations.clone();
                    tx.after_commit(move || revocations.notify(account));
                }
                store_session(tx, &session, &session_digest, revocations).await?;
                Ok::<_, LoginError>(())
            })
        })
        .await?;
        Ok(BegunSession { cookie, user: user.name })
    }
}

/// Returns an error if a user may not have a login link. Users whom a reverse proxy or a provider authenticates cannot
/// log in here, and disabled users must be enabled first.
fn check_user(user: &UserRow) -> Result<(), PeopleError> {
    if user.source != UserSource::Local {
        let (source, name) = (source_name(user.source), &user.name);
        return Err(invalid("loginLink", format!("{source} authenticates {name}, so the person has to log in there")));
    }
    if user.is_disabled {
        return Err(invalid("loginLink", format!("{} is disabled; enable the user first", user.name)));
    }
    Ok(())
}

/// Returns whether a user may log in with a link.
fn may_log_in(user: &UserRow) -> bool {
    user.source == UserSource::Local && !user.is_refused()
}
