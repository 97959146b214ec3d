//! The SQL queries for sessions.

use engine::db::{Connection, DbResult};
use model::{SessionId, Timestamp};
use redact::Redacted;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use crate::auth::owner::CredentialOwner;
use crate::auth::owner::store::owner_columns;
use crate::auth::{Account, ListRange};

/// A session, with the user to whom it belongs.
#[derive(Clone, Debug)]
pub(in crate::auth) struct SessionRow {
    pub(in crate::auth) id: SessionId,
    pub(in crate::auth) account: Account,
    /// The user, or `None` if the session belongs to the admin token.
    pub(in crate::auth) user: Option<CredentialOwner>,
    pub(in crate::auth) created_at: Timestamp,
    pub(in crate::auth) last_used_at: Timestamp,
    pub(in crate::auth) expires_at: Timestamp,
    pub(in crate::auth) address: String,
    pub(in crate::auth) browser: Redacted,
    /// The id of the person for whom a reverse proxy vouched when the session began, or `None` if no proxy vouched for
    /// anybody.
    pub(in crate::auth) proxy_user: Option<String>,
}

/// Returns an SQL query for sessions, to which the given clauses are appended.
macro_rules! select {
    ($clauses:literal) => {
        concat!("select s.*, ", owner_columns!(), " from sessions s left join users u on u.id = s.user_id ", $clauses)
    };
}

impl<'r> FromRow<'r, SqliteRow> for SessionRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: SessionId(row.try_get("id")?),
            account: Account::of_user_id(row.try_get("user_id")?),
            user: CredentialOwner::of_row(row)?,
            created_at: Timestamp(row.try_get("created_at")?),
            last_used_at: Timestamp(row.try_get("last_used_at")?),
            expires_at: Timestamp(row.try_get("expires_at")?),
            address: row.try_get("address")?,
            browser: Redacted::from_stored(row.try_get::<String, _>("browser")?.into_bytes()),
            proxy_user: row.try_get("proxy_user")?,
        })
    }
}

/// Returns the session with this digest, or `None` if there is none or it has expired.
pub(in crate::auth) async fn by_digest(
    connection: &mut Connection,
    digest: &[u8],
    now: Timestamp,
) -> DbResult<Option<SessionRow>> {
    Ok(sqlx::query_as(select!("where s.digest = ? and s.expires_at > ?"))
        .bind(digest)
        .bind(now.0)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Returns the session with this id, or `None` if there is none or it has expired.
pub(in crate::auth) async fn by_id(
    connection: &mut Connection,
    id: SessionId,
    now: Timestamp,
) -> DbResult<Option<SessionRow>> {
    Ok(sqlx::query_as(select!("where s.id = ? and s.expires_at > ?"))
        .bind(id.0)
        .bind(now.0)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Returns sessions that have not expired, newest first: those of one account or, if `account` is `None`, those of all
/// accounts. Returns up to one session more than requested. This additional session tells the caller that there are
/// more.
pub(in crate::auth) async fn list(
    connection: &mut Connection,
    account: Option<Account>,
    range: ListRange,
    now: Timestamp,
) -> DbResult<Vec<SessionRow>> {
    Ok(sqlx::query_as(select!(
        "where (? or s.user_id is ?) and s.expires_at > ? order by s.created_at desc, s.id limit ? offset ?"
    ))
    .bind(account.is_none())
    .bind(account.and_then(Account::user_id))
    .bind(now.0)
    .bind(range.limit + 1)
    .bind(range.offset)
    .fetch_all(connection.sqlite())
    .await?)
}

/// Stores a session, and deletes all expired sessions.
pub(in crate::auth) async fn insert(connection: &mut Connection, row: &SessionRow, digest: &[u8]) -> DbResult<()> {
    sqlx::query("delete from sessions where expires_at <= ?")
        .bind(row.created_at.0)
        .execute(connection.sqlite())
        .await?;
    sqlx::query(
        "insert into sessions (id, digest, user_id, created_at, last_used_at, expires_at, address, browser, proxy_user)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id.0)
    .bind(digest)
    .bind(row.account.user_id())
    .bind(row.created_at.0)
    .bind(row.last_used_at.0)
    .bind(row.expires_at.0)
    .bind(&row.address)
    .bind(row.browser.to_text().into_owned())
    .bind(&row.proxy_user)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Stores the time at which a session was last used, unless the stored time is later than `before`.
pub(in crate::auth) async fn touch(
    connection: &mut Connection,
    id: SessionId,
    now: Timestamp,
    before: Timestamp,
) -> DbResult<()> {
    sqlx::query("update sessions set last_used_at = ? where id = ? and last_used_at <= ?")
        .bind(now.0)
        .bind(id.0)
        .bind(before.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Postpones the end of a session to `expires_at`, unless the session already ends later.
pub(in crate::auth) async fn extend(connection: &mut Connection, id: SessionId, expires_at: Timestamp) -> DbResult<()> {
    sqlx::query("update sessions set expires_at = max(expires_at, ?) where id = ?")
        .bind(expires_at.0)
        .bind(id.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Shortens the sessions of users who are not local, so that each of them ends at `latest` or earlier.
pub(in crate::auth) async fn shorten_external(connection: &mut Connection, latest: Timestamp) -> DbResult<()> {
    sqlx::query(
        "update sessions set expires_at = ?1
         where expires_at > ?1 and user_id in (select id from users where source <> 'local')",
    )
    .bind(latest.0)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Deletes the session with this id. Returns whether it existed.
pub(in crate::auth) async fn delete(connection: &mut Connection, id: SessionId) -> DbResult<bool> {
    let deleted = sqlx::query("delete from sessions where id = ?").bind(id.0).execute(connection.sqlite()).await?;
    Ok(deleted.rows_affected() > 0)
}

/// Deletes the sessions of an account, except `kept`.
pub(in crate::auth) async fn delete_all(
    connection: &mut Connection,
    account: Account,
    kept: Option<SessionId>,
) -> DbResult<()> {
    sqlx::query("delete from sessions where user_id is ? and id is not ?")
        .bind(account.user_id())
        .bind(kept.map(|id| id.0))
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Deletes all sessions of an account except the newest `max`. Returns whether any were deleted.
pub(in crate::auth) async fn delete_oldest(connection: &mut Connection, account: Account, max: i64) -> DbResult<bool> {
    let deleted = sqlx::query(
        "delete from sessions where id in
         (select id from sessions where user_id is ? order by created_at desc, id desc limit -1 offset ?)",
    )
    .bind(account.user_id())
    .bind(max)
    .execute(connection.sqlite())
    .await?;
    Ok(deleted.rows_affected() > 0)
}

/// Stores the hash of the admin token, and returns the former hash, or `None` if none was stored.
pub(in crate::auth) async fn replace_admin_token(
    connection: &mut Connection,
    hash: &[u8],
) -> DbResult<Option<Vec<u8>>> {
    let former = sqlx::query_scalar("select digest from admin_token").fetch_optional(connection.sqlite()).await?;
    sqlx::query("delete from admin_token").execute(connection.sqlite()).await?;
    sqlx::query("insert into admin_token (digest) values (?)").bind(hash).execute(connection.sqlite()).await?;
    Ok(former)
}
