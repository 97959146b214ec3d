//! The SQL queries for pauses.

use model::{Pause, PauseTarget, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use crate::db::{Connection, DbResult};

/// A pause as it is stored.
struct PauseRow(Pause);

impl<'r> FromRow<'r, SqliteRow> for PauseRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self(Pause {
            target: target(row.try_get("target")?)?,
            worker_name: row.try_get("worker_name")?,
            reason: row.try_get("reason")?,
            paused_at: Timestamp(row.try_get("paused_at")?),
            paused_by_user_id: row.try_get("paused_by")?,
        }))
    }
}

fn target(text: &str) -> sqlx::Result<PauseTarget> {
    text.parse().map_err(|_| sqlx::Error::Decode("the target of a stored pause is damaged".into()))
}

/// The query for pauses, to which the given clauses are appended.
macro_rules! select {
    ($clauses:literal) => {
        concat!(
            "select target, reason, paused_at, paused_by,
                    (select name from workers where 'worker:' || lower(hex(id)) = replace(target, '-', '')) as worker_name
             from pauses ",
            $clauses
        )
    };
}

/// Returns all pauses, oldest first.
pub(in crate::queue) async fn all(connection: &mut Connection) -> DbResult<Vec<Pause>> {
    let rows: Vec<PauseRow> =
        sqlx::query_as(select!("order by paused_at, target")).fetch_all(connection.sqlite()).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Returns the targets of all pauses.
pub(in crate::queue) async fn targets(connection: &mut Connection) -> DbResult<Vec<PauseTarget>> {
    let texts: Vec<String> = sqlx::query_scalar("select target from pauses").fetch_all(connection.sqlite()).await?;
    Ok(texts.iter().map(|text| target(text)).collect::<sqlx::Result<_>>()?)
}

/// Returns the pause of a target, or `None` if it is not paused.
pub(in crate::queue) async fn of(connection: &mut Connection, target: &PauseTarget) -> DbResult<Option<Pause>> {
    let row: Option<PauseRow> = sqlx::query_as(select!("where target = ?"))
        .bind(target.to_string())
        .fetch_optional(connection.sqlite())
        .await?;
    Ok(row.map(|row| row.0))
}

/// Returns the number of pauses.
pub(in crate::queue) async fn count(connection: &mut Connection) -> DbResult<i64> {
    Ok(sqlx::query_scalar("select count(*) from pauses").fetch_one(connection.sqlite()).await?)
}

/// Stores a pause. If the target is already paused, the pause keeps its original time.
pub(in crate::queue) async fn set(
    connection: &mut Connection,
    target: &PauseTarget,
    reason: Option<&str>,
    by: &str,
    now: Timestamp,
) -> DbResult<()> {
    sqlx::query(
        "insert into pauses (target, reason, paused_at, paused_by) values (?, ?, ?, ?)
         on conflict (target) do update set reason = excluded.reason, paused_by = excluded.paused_by",
    )
    .bind(target.to_string())
    .bind(reason)
    .bind(now.0)
    .bind(by)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Ends a pause. Returns whether there was such a pause.
pub(in crate::queue) async fn remove(connection: &mut Connection, target: &PauseTarget) -> DbResult<bool> {
    let done = sqlx::query("delete from pauses where target = ?")
        .bind(target.to_string())
        .execute(connection.sqlite())
        .await?;
    Ok(done.rows_affected() == 1)
}
