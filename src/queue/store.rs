//! The SQL of jobs.

use redact::Redacted;
use sqlx::SqliteConnection;

use super::job_row::JobRow;
use super::submission::Submission;
use crate::model::{JobId, JobStatus, Timestamp};

/// Which jobs a list contains.
#[derive(Clone, Debug, Default)]
pub struct JobsFilter {
    /// Only jobs in these states, or in any state if empty.
    pub statuses: Vec<JobStatus>,
    /// Only jobs of this type.
    pub kind: Option<String>,
    /// Only jobs with this text in their title, commands or id.
    pub text: Option<String>,
    /// The maximum number of jobs to return.
    pub limit: i64,
    /// How many jobs to skip first.
    pub offset: i64,
    /// Whether to omit the payloads.
    pub summary: bool,
}

pub(super) async fn job(connection: &mut SqliteConnection, id: JobId) -> sqlx::Result<Option<JobRow>> {
    sqlx::query_as("select * from jobs where id = ?").bind(id.0).fetch_optional(connection).await
}

pub(super) async fn job_of_key(connection: &mut SqliteConnection, key: &str) -> sqlx::Result<Option<JobRow>> {
    sqlx::query_as("select * from jobs where idempotency_key = ?").bind(key).fetch_optional(connection).await
}

/// Returns how many jobs are queued, counting up to `limit`.
pub(super) async fn queued(connection: &mut SqliteConnection, limit: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar("select count(*) from (select 1 from jobs where status = 'queued' limit ?)")
        .bind(limit)
        .fetch_one(connection)
        .await
}

/// Returns how many jobs are queued and how many are running.
pub(super) async fn depths(connection: &mut SqliteConnection) -> sqlx::Result<(i64, i64)> {
    sqlx::query_as(
        "select (select count(*) from jobs where status = 'queued'), (select count(*) from jobs where status = 'running')",
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn insert(connection: &mut SqliteConnection, new: &Submission, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query(
        "insert into jobs (id, type, status, priority, payload, title, commands, created_by, affinity_key,
                           max_attempts, created_at, updated_at, resubmitted_from, idempotency_key, idempotency_digest, input)
         values (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.id.0)
    .bind(&new.kind)
    .bind(new.priority)
    .bind(&new.payload)
    .bind(&new.title)
    .bind(&new.commands)
    .bind(&new.by)
    .bind(&new.affinity_key)
    .bind(new.max_attempts)
    .bind(now.0)
    .bind(now.0)
    .bind(new.resubmitted_from.map(|id| id.0))
    .bind(&new.key)
    .bind(&new.digest)
    .bind(new.input.as_ref().map(|input| serde_json::json!(input).to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the stored descriptions of all jobs' inputs.
pub(super) async fn inputs(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("select input from jobs where input is not null").fetch_all(connection).await
}

/// Returns the job's position in the queue: 1 plus the number of jobs of the same type that will be claimed before it.
pub(super) async fn queue_position(connection: &mut SqliteConnection, row: &JobRow) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select count(*) + 1 from jobs
         where status = 'queued' and type = ?1
           and (priority > ?2 or (priority = ?2 and (created_at, id) < (?3, ?4)))",
    )
    .bind(&row.kind)
    .bind(row.priority)
    .bind(row.created_at().0)
    .bind(row.id.0)
    .fetch_one(connection)
    .await
}

/// Returns the requested jobs, newest first, and one more if there is one.
pub(super) async fn list(connection: &mut SqliteConnection, filter: &JobsFilter) -> sqlx::Result<Vec<JobRow>> {
    let statuses: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    let pattern = filter.text.as_deref().map(like_pattern);
    sqlx::query_as(
        "select * from jobs
         where (?1 = '[]' or status in (select value from json_each(?1)))
           and (?2 is null or type = ?2)
           and (?3 is null or title like ?3 escape '\\' or commands like ?3 escape '\\' or lower(hex(id)) like ?4 escape '\\')
         order by created_at desc, id desc limit ?5 offset ?6",
    )
    .bind(serde_json::json!(statuses).to_string())
    .bind(&filter.kind)
    .bind(&pattern)
    .bind(pattern.as_ref().map(|pattern| pattern.replace('-', "").to_ascii_lowercase()))
    .bind(filter.limit + 1)
    .bind(filter.offset)
    .fetch_all(connection)
    .await
}

/// Returns the number of the latest change to any job's state.
pub(super) async fn last_change(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select last from changes").fetch_one(connection).await
}

/// Returns the jobs that have changed after change number `change`, sorted by their latest changes.
pub(super) async fn changed_after(
    connection: &mut SqliteConnection,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<JobRow>> {
    sqlx::query_as("select * from jobs where change > ? order by change limit ?")
        .bind(after)
        .bind(limit)
        .fetch_all(connection)
        .await
}

fn like_pattern(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

pub(super) async fn request_cancel(
    connection: &mut SqliteConnection,
    job: JobId,
    by: &str,
    reason: Option<&Redacted>,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "update jobs set cancel_requested_by = ?, cancel_requested_at = ?, cancel_reason = ?, updated_at = ? where id = ?",
    )
    .bind(by)
    .bind(now.0)
    .bind(reason.map(|reason| reason.to_text().into_owned()))
    .bind(now.0)
    .bind(job.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn end_queued(connection: &mut SqliteConnection, job: JobId, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query(
        "update jobs set status = 'cancelled', next_attempt_at = null, finished_at = ?1, updated_at = ?1 where id = ?2",
    )
    .bind(now.0)
    .bind(job.0)
    .execute(connection)
    .await?;
    Ok(())
}
