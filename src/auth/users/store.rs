//! The SQL queries for users.

use engine::db::{Connection, DbResult};
use model::{Role, Timestamp, UserSource};

/// A user, with the hash of the password.
#[derive(Clone)]
pub(in crate::auth) struct UserRow {
    pub(in crate::auth) id: i64,
    pub(in crate::auth) name: String,
    pub(in crate::auth) role: Role,
    /// The hash of the password. It is `None` if a reverse proxy or a provider authenticates the user, or if a local
    /// user has not chosen a password yet.
    pub(in crate::auth) password: Option<String>,
    /// Whether an administrator has disabled the user.
    pub(in crate::auth) is_disabled: bool,
    pub(in crate::auth) created_at: Timestamp,
    pub(in crate::auth) updated_at: Timestamp,
    pub(in crate::auth) source: UserSource,
    /// The address of the provider, which is empty for other sources.
    pub(in crate::auth) issuer: String,
    /// The id of the person at the source, or `None` for a local user.
    pub(in crate::auth) subject: Option<String>,
    /// Whether the person has no role. This is the case if no group that the source sent last is mapped to a role, and
    /// there is no default role.
    pub(in crate::auth) without_role: bool,
    /// The time at which the user's login link expires or has expired, or `None` if there is no link.
    pub(in crate::auth) link_expires_at: Option<Timestamp>,
}

impl UserRow {
    /// Returns whether the user's credentials are refused, because the user is disabled or has no role.
    pub(in crate::auth) const fn is_refused(&self) -> bool {
        self.is_disabled || self.without_role
    }
}

/// The columns of a user, in the order of [`UserRow`].
type Columns = (i64, String, String, String, bool, i64, i64, String, String, Option<String>, bool, Option<i64>);

/// Returns an SQL query for users, to which the given clauses are appended.
macro_rules! select {
    ($clauses:literal) => {
        concat!(
            "select id, name, role, password, disabled, created_at, updated_at, source, issuer, subject, without_role,
                 (select expires_at from login_links where user_id = users.id)
             from users ",
            $clauses
        )
    };
}

impl From<Columns> for UserRow {
    fn from(row: Columns) -> Self {
        let (
            id,
            name,
            role,
            password,
            is_disabled,
            created_at,
            updated_at,
            source,
            issuer,
            subject,
            without_role,
            link,
        ) = row;
        Self {
            id,
            name,
            role: role_of(&role),
            password: Some(password).filter(|hash| !hash.is_empty()),
            is_disabled,
            created_at: Timestamp(created_at),
            updated_at: Timestamp(updated_at),
            source: source_of(&source),
            issuer,
            subject,
            without_role,
            link_expires_at: link.map(Timestamp),
        }
    }
}

/// Parses a role from the database. An unknown role, which a later version may have written, is treated as the role of
/// a viewer, which permits no changes.
pub(in crate::auth) fn role_of(word: &str) -> Role {
    Role::from_word(word).unwrap_or(Role::Viewer)
}

/// Parses the source of a user from the database. An unknown source, which a later version may have written, is treated
/// as local. Users of an unknown source have no password, so they cannot log in.
pub(in crate::auth) fn source_of(word: &str) -> UserSource {
    UserSource::from_word(word).unwrap_or_default()
}

/// Returns all users, sorted by name.
pub(in crate::auth) async fn all(connection: &mut Connection) -> DbResult<Vec<UserRow>> {
    let rows: Vec<Columns> = sqlx::query_as(select!("order by name_key")).fetch_all(connection.sqlite()).await?;
    Ok(rows.into_iter().map(UserRow::from).collect())
}

/// Returns a user, given the lower-case form of the name, or `None` if there is no such user.
pub(in crate::auth) async fn by_key(connection: &mut Connection, name_key: &str) -> DbResult<Option<UserRow>> {
    let row: Option<Columns> =
        sqlx::query_as(select!("where name_key = ?")).bind(name_key).fetch_optional(connection.sqlite()).await?;
    Ok(row.map(UserRow::from))
}

/// Returns a user by id, or `None` if there is no such user.
pub(in crate::auth) async fn by_id(connection: &mut Connection, id: i64) -> DbResult<Option<UserRow>> {
    let row: Option<Columns> =
        sqlx::query_as(select!("where id = ?")).bind(id).fetch_optional(connection.sqlite()).await?;
    Ok(row.map(UserRow::from))
}

/// Returns the user of a person whom a proxy or a provider has authenticated, or `None` if there is none yet.
pub(in crate::auth) async fn by_subject(
    connection: &mut Connection,
    source: UserSource,
    issuer: &str,
    subject: &str,
) -> DbResult<Option<UserRow>> {
    let row: Option<Columns> = sqlx::query_as(select!("where source = ? and issuer = ? and subject = ?"))
        .bind(source.as_str())
        .bind(issuer)
        .bind(subject)
        .fetch_optional(connection.sqlite())
        .await?;
    Ok(row.map(UserRow::from))
}

/// Returns the number of users.
pub(in crate::auth) async fn count(connection: &mut Connection) -> DbResult<i64> {
    Ok(sqlx::query_scalar("select count(*) from users").fetch_one(connection.sqlite()).await?)
}

/// Returns whether there is a local user with the role `admin` who has a password and is not disabled.
pub(in crate::auth) async fn has_administrator(connection: &mut Connection) -> DbResult<bool> {
    let query = "select exists (
        select 1 from users where role = 'admin' and source = 'local' and password <> '' and not disabled)";
    Ok(sqlx::query_scalar(query).fetch_one(connection.sqlite()).await?)
}

/// Stores a new user. Returns `false` if there is a user with this name.
pub(in crate::auth) async fn insert(connection: &mut Connection, row: &UserRow, name_key: &str) -> DbResult<bool> {
    let inserted = sqlx::query(
        "insert into users
             (name, name_key, role, password, disabled, created_at, updated_at, source, issuer, subject, without_role)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (name_key) do nothing",
    )
    .bind(&row.name)
    .bind(name_key)
    .bind(row.role.as_str())
    .bind(row.password.as_deref().unwrap_or_default())
    .bind(row.is_disabled)
    .bind(row.created_at.0)
    .bind(row.updated_at.0)
    .bind(row.source.as_str())
    .bind(&row.issuer)
    .bind(&row.subject)
    .bind(row.without_role)
    .execute(connection.sqlite())
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Stores the role and the password of a user, and whether the user is disabled.
pub(in crate::auth) async fn update(connection: &mut Connection, row: &UserRow) -> DbResult<()> {
    sqlx::query("update users set role = ?, password = ?, disabled = ?, updated_at = ? where id = ?")
        .bind(row.role.as_str())
        .bind(row.password.as_deref().unwrap_or_default())
        .bind(row.is_disabled)
        .bind(row.updated_at.0)
        .bind(row.id)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Stores the name and the role of a user whom a proxy or a provider authenticates.
pub(in crate::auth) async fn update_person(connection: &mut Connection, row: &UserRow, name_key: &str) -> DbResult<()> {
    sqlx::query("update users set name = ?, name_key = ?, role = ?, without_role = ?, updated_at = ? where id = ?")
        .bind(&row.name)
        .bind(name_key)
        .bind(row.role.as_str())
        .bind(row.without_role)
        .bind(row.updated_at.0)
        .bind(row.id)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Deletes a user, together with the user's sessions, tokens and login link.
pub(in crate::auth) async fn delete(connection: &mut Connection, id: i64) -> DbResult<()> {
    sqlx::query("delete from users where id = ?").bind(id).execute(connection.sqlite()).await?;
    Ok(())
}
