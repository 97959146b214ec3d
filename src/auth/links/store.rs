//! The SQL queries for one-time login links.

use engine::db::{Connection, DbResult};
use model::Timestamp;

/// A login link, without its ticket.
pub(in crate::auth) struct LoginLinkRow {
    pub(in crate::auth) user_id: i64,
    /// The hash of the ticket.
    pub(in crate::auth) digest: [u8; 32],
    pub(in crate::auth) created_at: Timestamp,
    pub(in crate::auth) expires_at: Timestamp,
}

/// Stores a link, and deletes the previous one of the same user.
pub(in crate::auth) async fn replace(connection: &mut Connection, row: &LoginLinkRow) -> DbResult<()> {
    sqlx::query("insert or replace into login_links (user_id, digest, created_at, expires_at) values (?, ?, ?, ?)")
        .bind(row.user_id)
        .bind(row.digest.as_slice())
        .bind(row.created_at.0)
        .bind(row.expires_at.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Returns the id of the user to whom the link with this digest belongs, or `None` if there is no such link or it has
/// expired.
pub(in crate::auth) async fn user_of(
    connection: &mut Connection,
    digest: &[u8],
    now: Timestamp,
) -> DbResult<Option<i64>> {
    Ok(sqlx::query_scalar("select user_id from login_links where digest = ? and expires_at > ?")
        .bind(digest)
        .bind(now.0)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Deletes the link with this digest, and returns the id of its user. Returns `None` if there is no such link or it has
/// expired.
pub(in crate::auth) async fn take(connection: &mut Connection, digest: &[u8], now: Timestamp) -> DbResult<Option<i64>> {
    Ok(sqlx::query_scalar("delete from login_links where digest = ? and expires_at > ? returning user_id")
        .bind(digest)
        .bind(now.0)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Deletes the link of a user, if there is one.
pub(in crate::auth) async fn delete(connection: &mut Connection, user_id: i64) -> DbResult<()> {
    sqlx::query("delete from login_links where user_id = ?").bind(user_id).execute(connection.sqlite()).await?;
    Ok(())
}
