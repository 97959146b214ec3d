//! People whom a reverse proxy or an OpenID Connect provider has authenticated.
//!
//! The first request or login of a person adds a user. Three values identify the user: the source (proxy or provider),
//! the issuer, and the person's id at the source. The name does not identify the user. A name begins with the source
//! (`proxy:ada`), so it can never be the name of a local user. Whenever the source sends the person's groups, they
//! determine the user's role.

mod proxied;
mod roles;

use engine::clock;
use engine::db::{DbError, Tx};
use model::{Role, UserSource};

use super::changes::Change;
use super::sessions::store as sessions;
use super::users::store::{self, UserRow};
use super::users::{MAX_USERS, later_than, name_key};
use super::{Account, Auth, BegunSession, LoginClient, LoginError};
pub use roles::GroupRoles;

/// The maximum length of a name, in characters. It is enough for mail addresses, which providers often use as names.
const MAX_NAME: usize = 128;

/// The maximum length of a person's id, in bytes. OpenID Connect limits it to 255 characters.
const MAX_SUBJECT: usize = 255;

/// A person, as described by the proxy or the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalPerson {
    /// The kind of system that has authenticated the person.
    pub source: UserSource,
    /// The address of the provider. It is empty for a proxy.
    pub issuer: String,
    /// The person's id, which does not change when the name changes.
    pub subject: String,
    /// The person's name at the proxy or the provider.
    pub name: String,
    /// The person's groups. Groups that are not in the setting `group_roles` have no effect.
    pub groups: Vec<String>,
}

impl ExternalPerson {
    /// Returns a person for whom a reverse proxy vouches. The id is the name in lower case, because the proxy sends no
    /// other id.
    #[must_use]
    pub fn of_proxy(name: &str, groups: Vec<String>) -> Self {
        Self {
            source: UserSource::Proxy,
            issuer: String::new(),
            subject: name_key(name),
            name: name.to_owned(),
            groups,
        }
    }

    /// Returns the name of the user, which cannot be the name of a local user.
    fn user_name(&self) -> String {
        format!("{}:{}", self.source.as_str(), self.name)
    }

    /// Checks the name and the id. The name may contain only characters that are safe in URLs, pages and commands.
    fn check(&self) -> Result<(), ExternalError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@+|=".contains(c);
        let begins_well = self.name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_id = !self.subject.is_empty() && self.subject.len() <= MAX_SUBJECT;
        if self.name.len() > MAX_NAME || !begins_well || !self.name.chars().all(is_plain) || !is_id {
            return Err(ExternalError::Name);
        }
        Ok(())
    }
}

/// The error returned when a person whom the proxy or the provider has authenticated is refused.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// The name or the id cannot be used.
    #[error(
        "this name is not accepted: it must have 1 to {MAX_NAME} letters, digits, '.', '_', '-', '@', '+', '|' and \
         '=', and begin with a letter or a digit; ask an administrator to change the name that is sent"
    )]
    Name,
    /// None of the person's groups is mapped to a role.
    #[error(
        "{0} has no role on this server, because none of the person's groups is mapped to one; ask an administrator to \
         map a group with --group-role, or to set --default-role"
    )]
    NoRole(String),
    /// An administrator has disabled the user.
    #[error("{0} is disabled on this server; ask an administrator to enable the user")]
    Disabled(String),
    /// An administrator has disabled or removed the user during the login, or another login has changed the role.
    #[error("the account of {0} was changed on this server during the login; log in again")]
    Changed(String),
    /// Another person has the same name.
    #[error(
        "another person of the same provider is already the user {0}; ask an administrator to remove that user if the \
         name now belongs to you"
    )]
    NameTaken(String),
    /// The maximum number of users is reached.
    #[error("{MAX_USERS} users exist already; ask an administrator to remove some")]
    TooManyUsers,
    /// A database query failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ExternalError {
    /// Returns the name of the refused user, or `None` if the error does not name a user.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::NoRole(user) | Self::Disabled(user) | Self::Changed(user) | Self::NameTaken(user) => Some(user),
            Self::Name | Self::TooManyUsers | Self::Db(_) => None,
        }
    }
}

impl Auth {
    /// Begins a session of a person whom the OpenID Connect provider has authenticated. The session has a limited
    /// lifetime, so that the person has to log in again and the provider sends the current groups.
    pub async fn login_by_provider(
        &self,
        person: &ExternalPerson,
        client: &LoginClient,
    ) -> Result<BegunSession, ExternalError> {
        let row = self.admitted(person).await?;
        let user = row.name.clone();
        match self.begin_session(Account::User(row.id), &user, client, Some(row), self.external_session).await {
            Ok(cookie) => Ok(BegunSession { cookie, user }),
            Err(LoginError::Db(error)) => Err(error.into()),
            Err(_) => Err(ExternalError::Changed(user)),
        }
    }

    /// Returns the user of a person, with the role that the person's groups determine. Adds or changes the user if
    /// necessary.
    pub(super) async fn admitted(&self, person: &ExternalPerson) -> Result<UserRow, ExternalError> {
        person.check()?;
        let role = self.group_roles.role(&person.groups);
        let stored = {
            let mut connection = self.db.reader().await?;
            store::by_subject(&mut connection, person.source, &person.issuer, &person.subject).await?
        };
        let user = match stored {
            Some(user) if !is_outdated(&user, person, role) => user,
            None if role.is_none() => return Err(ExternalError::NoRole(person.user_name())),
            stored => {
                let name = person.user_name();
                let change = if stored.is_some() { Change::UserChanged(name) } else { Change::UserAdded(name) };
                self.store_person(change, person.clone(), role).await?
            }
        };
        if user.is_disabled {
            return Err(ExternalError::Disabled(user.name));
        }
        if user.without_role { Err(ExternalError::NoRole(user.name)) } else { Ok(user) }
    }

    /// Adds or changes the user of a person. Then notifies the user's open responses, because some of them may have to
    /// be closed.
    async fn store_person(
        &self,
        change: Change,
        person: ExternalPerson,
        role: Option<Role>,
    ) -> Result<UserRow, ExternalError> {
        let (revocations, by) = (self.revocations.clone(), person.source.as_str());
        self.apply(change, by, move |tx| {
            Box::pin(async move {
                let before = store::by_subject(tx.connection(), person.source, &person.issuer, &person.subject).await?;
                let Some(before) = before else { return add(tx, &person, role).await };
                let row = changed(tx, before, &person, role).await?;
                let account = Account::User(row.id);
                if row.without_role {
                    sessions::delete_all(tx.connection(), account, None).await?;
                }
                tx.after_commit(move || revocations.notify(account));
                Ok(row)
            })
        })
        .await
    }
}

/// Returns whether the stored user differs from the data that the proxy or the provider has sent.
fn is_outdated(user: &UserRow, person: &ExternalPerson, role: Option<Role>) -> bool {
    let has_role = if user.without_role { role.is_none() } else { role == Some(user.role) };
    // The proxy sends no id other than the name, so names that differ only in case are considered equal.
    let has_name = person.source == UserSource::Proxy || user.name == person.user_name();
    !has_role || !has_name
}

async fn add(tx: &mut Tx, person: &ExternalPerson, role: Option<Role>) -> Result<UserRow, ExternalError> {
    let name = person.user_name();
    let Some(role) = role else { return Err(ExternalError::NoRole(name)) };
    if store::count(tx.connection()).await? >= MAX_USERS {
        return Err(ExternalError::TooManyUsers);
    }
    let (key, now) = (name_key(&name), clock::now());
    let row = UserRow {
        id: 0,
        name,
        role,
        password: None,
        is_disabled: false,
        created_at: now,
        updated_at: now,
        source: person.source,
        issuer: person.issuer.clone(),
        subject: Some(person.subject.clone()),
        without_role: false,
        link_expires_at: None,
    };
    if !store::insert(tx.connection(), &row, &key).await? {
        return Err(ExternalError::NameTaken(row.name));
    }
    let stored = store::by_key(tx.connection(), &key).await?;
    stored.ok_or(ExternalError::NameTaken(row.name))
}

/// Stores the new name and the new role of a person. If another user already has the new name, the old name is kept.
async fn changed(
    tx: &mut Tx,
    before: UserRow,
    person: &ExternalPerson,
    role: Option<Role>,
) -> Result<UserRow, ExternalError> {
    let name = person.user_name();
    let holder = store::by_key(tx.connection(), &name_key(&name)).await?;
    let row = UserRow {
        name: if holder.is_none_or(|holder| holder.id == before.id) { name } else { before.name.clone() },
        role: role.unwrap_or(before.role),
        without_role: role.is_none(),
        updated_at: later_than(before.updated_at),
        ..before
    };
    store::update_person(tx.connection(), &row, &name_key(&row.name)).await?;
    Ok(row)
}
