//! The SQL queries for the list of workers, and for the limits of their tokens.

use model::{JobId, Timestamp, TokenId, WorkerId, WorkerJob};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use crate::db::{Connection, DbResult};
use crate::queue::admission::WorkerLimits;

/// A worker's description of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::queue) struct DescribedWorker {
    /// The API token, or `None` for the embedded worker.
    pub(in crate::queue) token: Option<TokenId>,
    pub(in crate::queue) name: String,
    pub(in crate::queue) version: Option<String>,
    pub(in crate::queue) hostname: Option<String>,
    pub(in crate::queue) kinds: Vec<String>,
    pub(in crate::queue) capabilities: Vec<String>,
    pub(in crate::queue) concurrency: Option<i64>,
}

/// A worker in the list.
#[derive(Clone, Debug)]
pub(in crate::queue) struct WorkerRow {
    pub(in crate::queue) id: WorkerId,
    pub(in crate::queue) described: DescribedWorker,
    pub(in crate::queue) drained_at: Option<Timestamp>,
    pub(in crate::queue) drained_by: Option<String>,
    pub(in crate::queue) first_seen_at: Timestamp,
    pub(in crate::queue) last_seen_at: Timestamp,
}

impl<'r> FromRow<'r, SqliteRow> for WorkerRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: WorkerId(row.try_get("id")?),
            described: DescribedWorker {
                token: row.try_get::<Option<uuid::Uuid>, _>("token_id")?.map(TokenId),
                name: row.try_get("name")?,
                version: row.try_get("version")?,
                hostname: row.try_get("hostname")?,
                kinds: names(row.try_get("types")?)?,
                capabilities: names(row.try_get("capabilities")?)?,
                concurrency: row.try_get("concurrency")?,
            },
            drained_at: row.try_get::<Option<i64>, _>("drained_at")?.map(Timestamp),
            drained_by: row.try_get("drained_by")?,
            first_seen_at: Timestamp(row.try_get("first_seen_at")?),
            last_seen_at: Timestamp(row.try_get("last_seen_at")?),
        })
    }
}

/// Parses a list of names.
fn names(text: &str) -> sqlx::Result<Vec<String>> {
    serde_json::from_str(text).map_err(|_| sqlx::Error::Decode("a stored list of names is damaged".into()))
}

fn list(names: &[String]) -> String {
    serde_json::json!(names).to_string()
}

/// Returns the embedded worker, or `None` if the server has not described it yet.
pub(in crate::queue) async fn embedded(connection: &mut Connection) -> DbResult<Option<WorkerRow>> {
    Ok(sqlx::query_as("select * from workers where token_id is null").fetch_optional(connection.sqlite()).await?)
}

/// Returns the worker with this token and name, or `None` if there is no such worker.
pub(in crate::queue) async fn of_token(
    connection: &mut Connection,
    token: Option<TokenId>,
    name: &str,
) -> DbResult<Option<WorkerRow>> {
    Ok(sqlx::query_as("select * from workers where token_id = ? and name = ?")
        .bind(token.map(|token| token.0))
        .bind(name)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Returns the workers that were seen after a time: the embedded one first, and then sorted by name.
pub(in crate::queue) async fn seen_after(connection: &mut Connection, after: Timestamp) -> DbResult<Vec<WorkerRow>> {
    Ok(sqlx::query_as(
        "select * from workers where token_id is null or last_seen_at > ? order by token_id is not null, name, id",
    )
    .bind(after.0)
    .fetch_all(connection.sqlite())
    .await?)
}

/// Returns the number of workers in the list.
pub(in crate::queue) async fn count(connection: &mut Connection) -> DbResult<i64> {
    Ok(sqlx::query_scalar("select count(*) from workers").fetch_one(connection.sqlite()).await?)
}

/// Adds a worker to the list. If there already is a worker with this id, updates its description and records that it
/// was seen. The token and the name of a worker never change.
pub(in crate::queue) async fn put(
    connection: &mut Connection,
    id: WorkerId,
    described: &DescribedWorker,
    now: Timestamp,
) -> DbResult<()> {
    sqlx::query(
        "insert into workers (id, token_id, name, version, hostname, types, capabilities, concurrency,
                              first_seen_at, last_seen_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (id) do update
         set (version, hostname, types, capabilities, concurrency, last_seen_at)
           = (excluded.version, excluded.hostname, excluded.types, excluded.capabilities, excluded.concurrency,
              excluded.last_seen_at)",
    )
    .bind(id.0)
    .bind(described.token.map(|token| token.0))
    .bind(&described.name)
    .bind(&described.version)
    .bind(&described.hostname)
    .bind(list(&described.kinds))
    .bind(list(&described.capabilities))
    .bind(described.concurrency)
    .bind(now.0)
    .bind(now.0)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Records that a worker was seen, unless it was seen after `before`.
pub(in crate::queue) async fn touch(
    connection: &mut Connection,
    token: TokenId,
    name: &str,
    now: Timestamp,
    before: Timestamp,
) -> DbResult<()> {
    sqlx::query("update workers set last_seen_at = ? where token_id = ? and name = ? and last_seen_at <= ?")
        .bind(now.0)
        .bind(token.0)
        .bind(name)
        .bind(before.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Removes the workers on other machines that were last seen before a time, and their pauses.
pub(in crate::queue) async fn remove_unseen(connection: &mut Connection, before: Timestamp) -> DbResult<()> {
    let removed: Vec<uuid::Uuid> =
        sqlx::query_scalar("delete from workers where token_id is not null and last_seen_at < ? returning id")
            .bind(before.0)
            .fetch_all(connection.sqlite())
            .await?;
    for id in removed {
        sqlx::query("delete from pauses where target = ?")
            .bind(format!("worker:{id}"))
            .execute(connection.sqlite())
            .await?;
    }
    Ok(())
}

/// Returns the name of a worker, or `None` if there is no such worker.
pub(in crate::queue) async fn name(connection: &mut Connection, worker: WorkerId) -> DbResult<Option<String>> {
    Ok(sqlx::query_scalar("select name from workers where id = ?")
        .bind(worker.0)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Drains a worker. If it is already drained, keeps the recorded time and user. Returns whether there is such a worker.
pub(in crate::queue) async fn drain(
    connection: &mut Connection,
    worker: WorkerId,
    by: &str,
    now: Timestamp,
) -> DbResult<bool> {
    let done = sqlx::query(
        "update workers set drained_at = coalesce(drained_at, ?), drained_by = coalesce(drained_by, ?) where id = ?",
    )
    .bind(now.0)
    .bind(by)
    .bind(worker.0)
    .execute(connection.sqlite())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends the draining of a worker. Returns whether there is such a worker.
pub(in crate::queue) async fn end_drain(connection: &mut Connection, worker: WorkerId) -> DbResult<bool> {
    let done = sqlx::query("update workers set drained_at = null, drained_by = null where id = ?")
        .bind(worker.0)
        .execute(connection.sqlite())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns all running jobs with the tokens and the names of their workers, in the order in which the jobs started.
pub(in crate::queue) async fn running(
    connection: &mut Connection,
) -> DbResult<Vec<(Option<TokenId>, String, WorkerJob)>> {
    let rows: Vec<(Option<uuid::Uuid>, String, uuid::Uuid, String, i64)> = sqlx::query_as(
        "select a.token_id, a.worker_id, j.id, j.title, a.started_at
         from jobs j join attempts a on a.job_id = j.id and a.attempt = j.attempt
         where j.status = 'running' order by a.started_at",
    )
    .fetch_all(connection.sqlite())
    .await?;
    let job = |(token, worker, id, title, since): (Option<uuid::Uuid>, String, uuid::Uuid, String, i64)| {
        (token.map(TokenId), worker, WorkerJob { id: JobId(id), title, since: Timestamp(since) })
    };
    Ok(rows.into_iter().map(job).collect())
}

/// The condition that the token `t` with the given id is valid at a time: it has not expired, and if it belongs to a
/// user (`u`), that user may still have a worker's token.
macro_rules! valid_token {
    ($id:literal, $now:literal) => {
        concat!(
            "t.id = ",
            $id,
            " and t.expires_at > ",
            $now,
            " and (t.user_id is null or (not u.disabled and not u.without_role and u.role = 'admin'))"
        )
    };
}
pub(in crate::queue) use valid_token;

/// Returns the limits of a token, or `None` if the token is no longer valid.
pub(in crate::queue) async fn limits_of(
    connection: &mut Connection,
    token: TokenId,
    now: Timestamp,
) -> DbResult<Option<WorkerLimits>> {
    type Limits = (Option<String>, Option<String>, Option<String>);
    let row: Option<Limits> = sqlx::query_as(concat!(
        "select t.allowed_types, t.allowed_repositories, t.capabilities
         from tokens t left join users u on u.id = t.user_id where ",
        valid_token!("?2", "?1")
    ))
    .bind(now.0)
    .bind(token.0)
    .fetch_optional(connection.sqlite())
    .await?;
    let Some((kinds, repositories, capabilities)) = row else { return Ok(None) };
    let parse = |text: Option<String>| text.map_or_else(|| Ok(Vec::new()), |text| names(&text));
    let limits =
        WorkerLimits { kinds: parse(kinds)?, repositories: parse(repositories)?, capabilities: parse(capabilities)? };
    Ok(Some(limits))
}

/// Returns the running jobs whose workers' tokens are no longer valid.
pub(in crate::queue) async fn without_token(connection: &mut Connection, now: Timestamp) -> DbResult<Vec<JobId>> {
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar(concat!(
        "select j.id from jobs j join attempts a on a.job_id = j.id and a.attempt = j.attempt
         where j.status = 'running' and a.token_id is not null and not exists (
           select 1 from tokens t left join users u on u.id = t.user_id where ",
        valid_token!("a.token_id", "?1"),
        ")"
    ))
    .bind(now.0)
    .fetch_all(connection.sqlite())
    .await?;
    Ok(ids.into_iter().map(JobId).collect())
}
