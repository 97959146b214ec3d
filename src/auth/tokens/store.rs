//! The SQL queries for API tokens.

use engine::db::{Connection, DbResult};
use model::{Role, Timestamp, TokenId, TokenLimits};
use redact::Redacted;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use crate::auth::owner::CredentialOwner;
use crate::auth::owner::store::owner_columns;
use crate::auth::users::store::role_of;
use crate::auth::{Account, ListRange};

/// An API token, with the user to whom it belongs.
#[derive(Clone, Debug)]
pub(in crate::auth) struct TokenRow {
    pub(in crate::auth) id: TokenId,
    pub(in crate::auth) account: Account,
    /// The user, or `None` if the token was created with the admin token.
    pub(in crate::auth) user: Option<CredentialOwner>,
    pub(in crate::auth) name: Redacted,
    pub(in crate::auth) role: Role,
    pub(in crate::auth) description: Option<Redacted>,
    /// The limits on what a worker can claim with the token. They are read here only to be displayed. When a worker
    /// claims a job, the queue reads the limits itself.
    pub(in crate::auth) limits: TokenLimits,
    pub(in crate::auth) hint: String,
    pub(in crate::auth) created_at: Timestamp,
    pub(in crate::auth) last_used_at: Option<Timestamp>,
    pub(in crate::auth) expires_at: Timestamp,
}

/// Returns an SQL query for tokens, to which the given clauses are appended.
macro_rules! select {
    ($clauses:literal) => {
        concat!("select t.*, ", owner_columns!(), " from tokens t left join users u on u.id = t.user_id ", $clauses)
    };
}

impl<'r> FromRow<'r, SqliteRow> for TokenRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let list = |column: &str| {
            let text: Option<&str> = row.try_get(column)?;
            Ok::<_, sqlx::Error>(text.and_then(|text| serde_json::from_str(text).ok()))
        };
        Ok(Self {
            id: TokenId(row.try_get("id")?),
            account: Account::of_user_id(row.try_get("user_id")?),
            user: CredentialOwner::of_row(row)?,
            name: Redacted::from_stored(row.try_get::<String, _>("name")?.into_bytes()),
            role: role_of(row.try_get("role")?),
            description: row
                .try_get::<Option<String>, _>("description")?
                .map(|text| Redacted::from_stored(text.into_bytes())),
            limits: TokenLimits {
                allowed_job_types: list("allowed_types")?,
                allowed_repositories: list("allowed_repositories")?,
                capabilities: list("capabilities")?,
            },
            hint: row.try_get("hint")?,
            created_at: Timestamp(row.try_get("created_at")?),
            last_used_at: row.try_get::<Option<i64>, _>("last_used_at")?.map(Timestamp),
            expires_at: Timestamp(row.try_get("expires_at")?),
        })
    }
}

/// Returns the token with this digest, or `None` if there is none or it has expired.
pub(in crate::auth) async fn by_digest(
    connection: &mut Connection,
    digest: &[u8],
    now: Timestamp,
) -> DbResult<Option<TokenRow>> {
    Ok(sqlx::query_as(select!("where t.digest = ? and t.expires_at > ?"))
        .bind(digest)
        .bind(now.0)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Returns the token with this id, even if it has expired, or `None` if there is no such token.
pub(in crate::auth) async fn by_id(connection: &mut Connection, id: TokenId) -> DbResult<Option<TokenRow>> {
    Ok(sqlx::query_as(select!("where t.id = ?")).bind(id.0).fetch_optional(connection.sqlite()).await?)
}

/// Returns tokens, newest first, including expired ones. If `account` or `role` is set, only tokens with this account
/// or role are returned. Returns up to one token more than requested. This additional token tells the caller that there
/// are more.
pub(in crate::auth) async fn list(
    connection: &mut Connection,
    account: Option<Account>,
    role: Option<Role>,
    range: ListRange,
) -> DbResult<Vec<TokenRow>> {
    Ok(sqlx::query_as(select!(
        "where (? or t.user_id is ?) and t.role = coalesce(?, t.role) order by t.created_at desc, t.id limit ? offset ?"
    ))
    .bind(account.is_none())
    .bind(account.and_then(Account::user_id))
    .bind(role.map(Role::as_str))
    .bind(range.limit + 1)
    .bind(range.offset)
    .fetch_all(connection.sqlite())
    .await?)
}

/// Returns the number of tokens of an account.
pub(in crate::auth) async fn count(connection: &mut Connection, account: Account) -> DbResult<i64> {
    Ok(sqlx::query_scalar("select count(*) from tokens where user_id is ?")
        .bind(account.user_id())
        .fetch_one(connection.sqlite())
        .await?)
}

/// Converts a list of names into a JSON array, or returns `None` if there is no list.
fn json_of(names: Option<&Vec<String>>) -> Option<String> {
    names.map(|names| serde_json::json!(names).to_string())
}

/// Stores a new token.
pub(in crate::auth) async fn insert(connection: &mut Connection, row: &TokenRow, digest: &[u8]) -> DbResult<()> {
    sqlx::query(
        "insert into tokens (id, digest, user_id, name, role, hint, created_at, expires_at, description, allowed_types,
                             allowed_repositories, capabilities)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id.0)
    .bind(digest)
    .bind(row.account.user_id())
    .bind(row.name.to_text().into_owned())
    .bind(row.role.as_str())
    .bind(&row.hint)
    .bind(row.created_at.0)
    .bind(row.expires_at.0)
    .bind(row.description.as_ref().map(|text| text.to_text().into_owned()))
    .bind(json_of(row.limits.allowed_job_types.as_ref()))
    .bind(json_of(row.limits.allowed_repositories.as_ref()))
    .bind(json_of(row.limits.capabilities.as_ref()))
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Stores the time at which a token was last used, unless the stored time is later than `before`.
pub(in crate::auth) async fn touch(
    connection: &mut Connection,
    id: TokenId,
    now: Timestamp,
    before: Timestamp,
) -> DbResult<()> {
    sqlx::query("update tokens set last_used_at = ? where id = ? and coalesce(last_used_at, 0) <= ?")
        .bind(now.0)
        .bind(id.0)
        .bind(before.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Deletes the tokens that expired before the given time.
pub(in crate::auth) async fn delete_expired(connection: &mut Connection, before: Timestamp) -> DbResult<()> {
    sqlx::query("delete from tokens where expires_at < ?").bind(before.0).execute(connection.sqlite()).await?;
    Ok(())
}

/// Deletes all tokens of an account.
pub(in crate::auth) async fn delete_all(connection: &mut Connection, account: Account) -> DbResult<()> {
    sqlx::query("delete from tokens where user_id is ?").bind(account.user_id()).execute(connection.sqlite()).await?;
    Ok(())
}

/// Deletes a token.
pub(in crate::auth) async fn delete(connection: &mut Connection, id: TokenId) -> DbResult<()> {
    sqlx::query("delete from tokens where id = ?").bind(id.0).execute(connection.sqlite()).await?;
    Ok(())
}
