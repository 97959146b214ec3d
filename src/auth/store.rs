//! The SQL queries for sessions.

use engine::db::{Connection, DbResult};
use model::Timestamp;

/// Stores a session, and deletes all expired sessions.
pub(super) async fn begin_session(
    connection: &mut Connection,
    digest: &[u8],
    now: Timestamp,
    end: Timestamp,
) -> DbResult<()> {
    sqlx::query("delete from sessions where expires_at <= ?").bind(now.0).execute(connection.sqlite()).await?;
    sqlx::query("insert into sessions (digest, created_at, expires_at) values (?, ?, ?)")
        .bind(digest)
        .bind(now.0)
        .bind(end.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

pub(super) async fn session_is_alive(connection: &mut Connection, digest: &[u8], now: Timestamp) -> DbResult<bool> {
    Ok(sqlx::query_scalar("select exists (select 1 from sessions where digest = ? and expires_at > ?)")
        .bind(digest)
        .bind(now.0)
        .fetch_one(connection.sqlite())
        .await?)
}

pub(super) async fn end_session(connection: &mut Connection, digest: &[u8]) -> DbResult<()> {
    sqlx::query("delete from sessions where digest = ?").bind(digest).execute(connection.sqlite()).await?;
    Ok(())
}
