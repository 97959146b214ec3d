//! Users: people with a name and a role. Local users log in with a password.

pub(super) mod store;

use engine::clock;
use engine::db::{Db, DbError};
use model::{NewUser, PasswordChange, Role, Timestamp, User, UserChanges, UserSource, UsersPage};

use super::attempts::CountedAccount;
use super::changes::{Change, invalid};
use super::links::store as links;
use super::login::{LoginClient, LoginError};
use super::passwords::{MAX_BYTES, MIN_LENGTH};
use super::sessions::store as sessions;
use super::{ADMIN, Account, Auth, Identity, ListRange, PeopleError};
use store::UserRow;

/// The maximum length of a name, in characters.
const MAX_NAME: usize = 64;

/// The maximum number of users.
pub(super) const MAX_USERS: i64 = ListRange::MAX_LIMIT;

impl UserRow {
    /// Returns the user for a response, without the hash of the password.
    fn into_model(self) -> User {
        let Self { name, role, is_disabled: disabled, created_at, updated_at, source, without_role, .. } = self;
        let login_link_expires_at = self.link_expires_at.filter(|end| *end > clock::now());
        User { name, role, disabled, created_at, updated_at, source, without_role, login_link_expires_at }
    }
}

/// Returns whether there is a local user with the role `admin` who has a password and is not disabled.
pub async fn has_administrator(db: &Db) -> Result<bool, DbError> {
    let mut connection = db.reader().await?;
    store::has_administrator(&mut connection).await
}

impl Auth {
    /// Returns whether there are users. Without users, nobody can log in with a name and a password.
    pub async fn has_users(&self) -> Result<bool, DbError> {
        let mut connection = self.db.reader().await?;
        Ok(store::count(&mut connection).await? > 0)
    }

    /// Returns all users, sorted by name.
    pub async fn users(&self) -> Result<UsersPage, PeopleError> {
        let mut connection = self.db.reader().await?;
        let rows = store::all(&mut connection).await?;
        Ok(UsersPage { items: rows.into_iter().map(UserRow::into_model).collect() })
    }

    /// Returns the account of a user or, for the name `admin`, of the admin token.
    pub async fn account(&self, name: &str) -> Result<Account, PeopleError> {
        let key = name_key(name);
        if key == ADMIN {
            return Ok(Account::AdminToken);
        }
        let mut connection = self.db.reader().await?;
        let user = store::by_key(&mut connection, &key).await?;
        user.map(|user| Account::User(user.id)).ok_or(PeopleError::NoSuchUser)
    }

    /// Returns the name of a user as it is stored, which may differ from `name` in upper and lower case. Returns `None`
    /// if there is no such user.
    pub async fn stored_name(&self, name: &str) -> Result<Option<String>, DbError> {
        let mut connection = self.db.reader().await?;
        Ok(store::by_key(&mut connection, &name_key(name.trim())).await?.map(|user| user.name))
    }

    /// Returns whether an account has a password. The account of the admin token has none, and neither do users whom a
    /// reverse proxy or a provider authenticates.
    pub async fn has_password(&self, account: Account) -> Result<bool, PeopleError> {
        let Some(id) = account.user_id() else { return Ok(false) };
        let mut connection = self.db.reader().await?;
        Ok(store::by_id(&mut connection, id).await?.is_some_and(|user| user.password.is_some()))
    }

    /// Adds a user. Without a password, the user can log in only with a login link.
    pub async fn add_user(&self, new: NewUser, by: &Identity) -> Result<User, PeopleError> {
        let NewUser { name, role, password } = new;
        check_name(&name)?;
        if self.maskers.reveals_secret(&name) {
            return Err(invalid("name", "must not contain a secret, because it is stored and shown as it is"));
        }
        check_role(role)?;
        let password = self.hash_of_new_password(password).await?;
        let now = clock::now();
        let key = name_key(&name);
        let row = UserRow {
            id: 0,
            name,
            role,
            password,
            is_disabled: false,
            created_at: now,
            updated_at: now,
            source: UserSource::Local,
            issuer: String::new(),
            subject: None,
            without_role: false,
            link_expires_at: None,
        };
        self.apply(Change::UserAdded(row.name.clone()), &by.user, move |tx| {
            Box::pin(async move {
                if store::count(tx.connection()).await? >= MAX_USERS {
                    return Err(invalid("users", format!("{MAX_USERS} users exist already; remove one first")));
                }
                if !store::insert(tx.connection(), &row, &key).await? {
                    return Err(invalid("name", "a user with this name exists already"));
                }
                Ok(row.into_model())
            })
        })
        .await
    }

    /// Changes the role or the password of a user, or disables or enables the user. If the role or the password
    /// changes, or if the user is disabled, the user's sessions and login link end.
    pub async fn change_user(&self, name: &str, changes: UserChanges, by: &Identity) -> Result<User, PeopleError> {
        let UserChanges { role, password, disabled } = changes;
        if let Some(role) = role {
            check_role(role)?;
        }
        let password = self.hash_of_new_password(password).await?;
        let (key, revocations) = (name_key(name), self.revocations.clone());
        self.apply(Change::UserChanged(key.clone()), &by.user, move |tx| {
            Box::pin(async move {
                let before = store::by_key(tx.connection(), &key).await?.ok_or(PeopleError::NoSuchUser)?;
                if before.source != UserSource::Local && (role.is_some() || password.is_some()) {
                    return Err(of_another_source(&before, role.is_some()));
                }
                let account = Account::User(before.id);
                let mut row = UserRow {
                    role: role.unwrap_or(before.role),
                    is_disabled: disabled.unwrap_or(before.is_disabled),
                    updated_at: later_than(before.updated_at),
                    password: password.clone().or_else(|| before.password.clone()),
                    ..before.clone()
                };
                store::update(tx.connection(), &row).await?;
                let is_disabled_now = row.is_disabled && !before.is_disabled;
                if row.role != before.role || password.is_some() || is_disabled_now {
                    sessions::delete_all(tx.connection(), account, None).await?;
                    links::delete(tx.connection(), row.id).await?;
                    row.link_expires_at = None;
                }
                tx.after_commit(move || revocations.notify(account));
                Ok(row.into_model())
            })
        })
        .await
    }

    /// Checks and hashes a password that an administrator has chosen for a user. Returns `None` if no password is
    /// given.
    async fn hash_of_new_password(&self, password: Option<String>) -> Result<Option<String>, PeopleError> {
        let Some(password) = password else { return Ok(None) };
        check_password("password", &password)?;
        Ok(Some(self.passwords.hash(password).await?))
    }

    /// Removes a user, together with the user's sessions, tokens and login link.
    pub async fn remove_user(&self, name: &str, by: &Identity) -> Result<(), PeopleError> {
        let (key, revocations) = (name_key(name), self.revocations.clone());
        self.apply(Change::UserRemoved(key.clone()), &by.user, move |tx| {
            Box::pin(async move {
                let user = store::by_key(tx.connection(), &key).await?.ok_or(PeopleError::NoSuchUser)?;
                store::delete(tx.connection(), user.id).await?;
                tx.after_commit(move || revocations.notify(Account::User(user.id)));
                Ok(())
            })
        })
        .await
    }

    /// Changes the password of the user who has sent the request, and ends the user's other sessions and login link.
    /// API tokens remain valid.
    pub async fn change_own_password(
        &self,
        change: PasswordChange,
        by: &Identity,
        client: &LoginClient,
    ) -> Result<(), PeopleError> {
        let PasswordChange { current_password, new_password } = change;
        let key = name_key(&by.user);
        if by.account == Account::AdminToken {
            return Err(invalid("currentPassword", "the admin token has no password; log in as a user"));
        }
        check_password("newPassword", &new_password)?;
        // The number of guesses is limited here too, because somebody else may be using the person's unlocked computer.
        let origin = self.count_attempt(client, CountedAccount::of_user(&key)).map_err(|error| match error {
            LoginError::Db(error) => PeopleError::Db(error),
            _ => PeopleError::TooMany,
        })?;
        let user = {
            let mut connection = self.db.reader().await?;
            store::by_key(&mut connection, &key).await?.ok_or(PeopleError::NoSuchUser)?
        };
        if user.source != UserSource::Local {
            return Err(of_another_source(&user, false));
        }
        let wrong = || invalid("currentPassword", "is not correct");
        let is_short_enough = current_password.len() <= MAX_BYTES;
        if !is_short_enough || !self.passwords.verify(current_password, user.password.clone()).await? {
            return Err(wrong());
        }
        self.login_succeeded(origin);
        let password = self.passwords.hash(new_password).await?;
        let (kept, revocations) = (by.session(), self.revocations.clone());
        self.apply(Change::PasswordChanged(user.name.clone()), &by.user, move |tx| {
            Box::pin(async move {
                let current = store::by_key(tx.connection(), &key).await?;
                let is_same = |current: &UserRow| current.id == user.id && current.password == user.password;
                let current = current.filter(is_same).ok_or_else(wrong)?;
                let account = Account::User(current.id);
                let row = UserRow { password: Some(password), updated_at: later_than(current.updated_at), ..current };
                store::update(tx.connection(), &row).await?;
                sessions::delete_all(tx.connection(), account, kept).await?;
                links::delete(tx.connection(), row.id).await?;
                tx.after_commit(move || revocations.notify(account));
                Ok(())
            })
        })
        .await
    }
}

/// Returns the lower-case form of a name, by which names are compared.
pub(super) fn name_key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Returns the current time or, if `last` is not earlier than the current time, the next microsecond after `last`.
pub(super) fn later_than(last: Timestamp) -> Timestamp {
    clock::now().max(Timestamp(last.0 + 1))
}

/// Returns the error for changing the role or the password of a user whom a reverse proxy or a provider authenticates.
/// `is_role` states whether the role was to be changed.
fn of_another_source(user: &UserRow, is_role: bool) -> PeopleError {
    let source = source_name(user.source);
    if is_role {
        invalid("role", format!("the groups of {} determine the role; change them at {source}", user.name))
    } else {
        invalid("password", format!("{} has no password here, because {source} authenticates the user", user.name))
    }
}

/// Returns a description of a source other than this server.
pub(super) const fn source_name(source: UserSource) -> &'static str {
    match source {
        UserSource::Proxy => "the reverse proxy",
        UserSource::Oidc | UserSource::Local => "the provider",
    }
}

fn check_name(name: &str) -> Result<(), PeopleError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if name.len() > MAX_NAME || !begins_well || !name.chars().all(is_plain) {
        let problem = format!(
            "must have 1 to {MAX_NAME} letters, digits, '.', '_', '-' and '@', and begin with a letter or a digit"
        );
        return Err(invalid("name", problem));
    }
    if name_key(name) == ADMIN {
        return Err(invalid("name", "the name admin belongs to the admin token; choose another one"));
    }
    Ok(())
}

fn check_role(role: Role) -> Result<(), PeopleError> {
    if Role::OF_PEOPLE.contains(&role) {
        return Ok(());
    }
    Err(invalid("role", "must be viewer, operator or admin; create a token for a worker"))
}

/// Returns whether a new password has an acceptable length.
pub(super) fn is_acceptable_password(password: &str) -> bool {
    password.chars().count() >= MIN_LENGTH && password.len() <= MAX_BYTES
}

fn check_password(field: &'static str, password: &str) -> Result<(), PeopleError> {
    if !is_acceptable_password(password) {
        return Err(invalid(
            field,
            format!("must have at least {MIN_LENGTH} characters and at most {MAX_BYTES} bytes"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_the_name_of_the_admin_token_is_taken() {
        for name in ["ada", "Ada.Lovelace", "ada@example.com", "0x_-", &"a".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in
            ["", ".", "..", "-a", "a b", "a/b", "a%2fb", "\u{e4}da", "a\u{202e}b", "Admin", "admin", &"a".repeat(65)]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn passwords_are_long_enough_but_not_too_long() {
        for password in
            ["0123456789", "\u{e4}\u{f6}\u{fc}\u{e4}\u{f6}\u{fc}\u{e4}\u{f6}\u{fc}\u{df}", &"x".repeat(1024)]
        {
            assert!(check_password("password", password).is_ok(), "{password}");
        }
        for password in ["", "012345678", &"x".repeat(1025)] {
            assert!(check_password("password", password).is_err(), "{password}");
        }
    }

    #[test]
    fn a_user_cannot_be_a_worker() {
        assert!(check_role(Role::Worker).is_err());
        assert!(Role::OF_PEOPLE.into_iter().all(|role| check_role(role).is_ok()));
    }
}
