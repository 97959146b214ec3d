//! The SQL queries for jobs.

use std::ops::RangeInclusive;

use model::{FailureReason, Job, JobCounts, JobId, JobInput, JobStatus, Resubmission, Seq, Timestamp};
use redact::Redacted;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, Sqlite};
use uuid::Uuid;

use super::concurrency::StoredConcurrency;
use super::job_row::JobRow;
use super::removal::RemovedEvents;
use super::retention::Expired;
use super::submission::Submission;
use crate::db::{Connection, DbResult};

/// The filter and range of a list of jobs.
#[derive(Clone, Debug, Default)]
pub struct JobsFilter {
    /// The statuses of the jobs to return. If empty, jobs with any status are returned.
    pub statuses: Vec<JobStatus>,
    /// If set, only jobs of this type are returned.
    pub kind: Option<String>,
    /// If set, only jobs whose title, commands or id contain this text are returned.
    pub text: Option<String>,
    /// If set, only jobs that this user submitted are returned.
    pub user: Option<String>,
    /// If set, only jobs submitted at or after this time are returned.
    pub created_after: Option<Timestamp>,
    /// If set, only jobs submitted before this time are returned.
    pub created_before: Option<Timestamp>,
    /// The maximum number of jobs to return.
    pub limit: i64,
    /// The number of matching jobs to skip at the beginning of the list.
    pub offset: i64,
    /// Whether to omit the payloads.
    pub summary: bool,
    /// Whether to also count the jobs of each status. The counts ignore `statuses`, but not the other conditions.
    pub counts: bool,
}

pub(super) async fn job(connection: &mut Connection, id: JobId) -> DbResult<Option<JobRow>> {
    Ok(sqlx::query_as("select * from jobs where id = ?").bind(id.0).fetch_optional(connection.sqlite()).await?)
}

pub(super) async fn job_of_key(connection: &mut Connection, key: &str) -> DbResult<Option<JobRow>> {
    Ok(sqlx::query_as("select * from jobs where idempotency_key = ?")
        .bind(key)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Returns how many jobs are queued and how many are running.
pub(super) async fn depths(connection: &mut Connection) -> DbResult<(i64, i64)> {
    Ok(sqlx::query_as(
        "select (select count(*) from jobs where status = 'queued'), (select count(*) from jobs where status = 'running')",
    )
    .fetch_one(connection.sqlite())
    .await?)
}

/// Stores a job, with its encrypted `payload`, unless `limit` jobs are already queued. Returns whether the job was
/// stored.
pub(super) async fn insert(
    connection: &mut Connection,
    new: &Submission,
    payload: &str,
    limit: i64,
    now: Timestamp,
) -> DbResult<bool> {
    let stored = sqlx::query(
        "insert into jobs (id, type, status, priority, payload, title, commands, created_by, affinity_key,
                           max_attempts, created_at, updated_at, resubmitted_from, idempotency_key, idempotency_digest, input, secrets,
                           required_capabilities, repository,
                           concurrency_key, concurrency_limit, concurrency_group, claim_line)
         select ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
         where (select count(*) from (select 1 from jobs where status = 'queued' limit ?)) < ?",
    )
    .bind(new.id.0)
    .bind(&new.kind)
    .bind(new.priority)
    .bind(payload)
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
    .bind((!new.secrets.is_empty()).then(|| serde_json::json!(new.secrets).to_string()))
    .bind((!new.capabilities.is_empty()).then(|| serde_json::json!(new.capabilities).to_string()))
    .bind(&new.repository)
    .bind(new.concurrency.as_ref().map(|concurrency| &concurrency.key))
    .bind(new.concurrency.as_ref().map(|concurrency| concurrency.limit))
    .bind(new.concurrency.as_ref().map(|concurrency| &concurrency.group))
    .bind(&new.claim_line)
    .bind(limit)
    .bind(limit)
    .execute(connection.sqlite())
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Returns the stored descriptions of all jobs' inputs.
pub(super) async fn inputs(connection: &mut Connection) -> DbResult<Vec<JobInput>> {
    let texts: Vec<String> =
        sqlx::query_scalar("select input from jobs where input is not null").fetch_all(connection.sqlite()).await?;
    Ok(texts.iter().filter_map(|text| parse_input(Some(text)).transpose()).collect::<sqlx::Result<_>>()?)
}

/// Returns the job's position in the queue: 1 plus the number of queued jobs of the same type that precede it in the
/// order in which jobs are claimed.
pub(super) async fn queue_position(connection: &mut Connection, row: &JobRow) -> DbResult<i64> {
    Ok(sqlx::query_scalar(QUEUE_POSITION)
        .bind(&row.job.kind)
        .bind(row.job.priority)
        .bind(row.job.created_at.0)
        .bind(row.job.id.0)
        .fetch_one(connection.sqlite())
        .await?)
}

/// Counts each range of the index separately. With a single condition that contains `or`, SQLite would read all queued
/// jobs of the type.
const QUEUE_POSITION: &str = "
    select 1
      + (select count(*) from jobs where status = 'queued' and type = ?1 and priority > ?2)
      + (select count(*) from jobs
         where status = 'queued' and type = ?1 and priority = ?2 and (created_at, id) < (?3, ?4))";

/// Returns the steps of SQLite's plan for the query for the position in the queue.
#[cfg(test)]
pub(super) async fn queue_position_plan(connection: &mut Connection) -> DbResult<Vec<String>> {
    let explain = sqlx::AssertSqlSafe(format!("explain query plan {QUEUE_POSITION}"));
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(connection.sqlite()).await?;
    Ok(rows.into_iter().map(|(.., step)| step).collect())
}

/// Returns the requested jobs, newest first. If more than `filter.limit` jobs match, one additional job is returned,
/// which tells the caller that there are more.
pub(super) async fn list(connection: &mut Connection, filter: &JobsFilter) -> DbResult<Vec<JobRow>> {
    let mut query = QueryBuilder::new("select * from jobs where true");
    match filter.statuses.as_slice() {
        [] => {}
        // The index by status contains the jobs of a single status in the order of the list.
        [status] => {
            query.push(" and status = ").push_bind(status.as_str());
        }
        // For several statuses, the plus sign prevents SQLite from using the index by status. With that index, SQLite
        // would sort all jobs with these statuses, which may be most jobs. Without it, SQLite reads the newest jobs
        // until it has enough.
        _ => {
            query.push(" and +status in (");
            push_statuses(&mut query, filter);
            query.push(")");
        }
    }
    push_conditions(&mut query, filter);
    query.push(" order by created_at desc, id desc limit ").push_bind(filter.limit + 1);
    query.push(" offset ").push_bind(filter.offset);
    Ok(query.build_query_as().fetch_all(connection.sqlite()).await?)
}

/// Whether jobs are selected that have been resubmitted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resubmitted {
    Included,
    Excluded,
}

/// Returns the ids of the requested jobs, oldest first. If more than `filter.limit` jobs match, one additional id is
/// returned.
pub(super) async fn matching(
    connection: &mut Connection,
    filter: &JobsFilter,
    resubmitted: Resubmitted,
) -> DbResult<Vec<JobId>> {
    let mut query = QueryBuilder::new("select id from jobs where status in (");
    push_statuses(&mut query, filter);
    query.push(")");
    push_conditions(&mut query, filter);
    if resubmitted == Resubmitted::Excluded {
        query.push(" and not exists (select 1 from jobs as copy where copy.resubmitted_from = jobs.id)");
    }
    query.push(" order by created_at, id limit ").push_bind(filter.limit + 1);
    let ids: Vec<Uuid> = query.build_query_scalar().fetch_all(connection.sqlite()).await?;
    Ok(ids.into_iter().map(JobId).collect())
}

/// Returns the requested jobs that have been resubmitted, oldest first, each with its latest copy. At most
/// `filter.limit` jobs are returned.
pub(super) async fn resubmissions(connection: &mut Connection, filter: &JobsFilter) -> DbResult<Vec<Resubmission>> {
    // The plus sign prevents SQLite from reading all jobs with these statuses. It reads the copies, which are fewer.
    let mut query = QueryBuilder::new(
        "select id, (select copy.id from jobs as copy where copy.resubmitted_from = jobs.id
                     order by copy.created_at desc, copy.id desc limit 1)
         from jobs where id in (select resubmitted_from from jobs where resubmitted_from is not null) and +status in (",
    );
    push_statuses(&mut query, filter);
    query.push(")");
    push_conditions(&mut query, filter);
    query.push(" order by created_at, id limit ").push_bind(filter.limit);
    let rows: Vec<(Uuid, Uuid)> = query.build_query_as().fetch_all(connection.sqlite()).await?;
    Ok(rows.into_iter().map(|(id, copy)| Resubmission { id: JobId(id), resubmitted_as: JobId(copy) }).collect())
}

/// Returns the latest copy of a job, or `None` if the job has not been resubmitted.
pub(super) async fn latest_copy(connection: &mut Connection, job: JobId) -> DbResult<Option<JobId>> {
    let id: Option<Uuid> =
        sqlx::query_scalar("select id from jobs where resubmitted_from = ? order by created_at desc, id desc limit 1")
            .bind(job.0)
            .fetch_optional(connection.sqlite())
            .await?;
    Ok(id.map(JobId))
}

/// Returns the latest successful jobs that have the same type, title and commands as `job` and were submitted before
/// it, newest first.
pub(super) async fn earlier_successes(connection: &mut Connection, job: JobId, limit: i64) -> DbResult<Vec<JobId>> {
    // Without `indexed by`, SQLite would read successful jobs until it has found enough jobs with the same title. It
    // might read all of them.
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select earlier.id from jobs as this join jobs as earlier indexed by jobs_succeeded
           on earlier.title = this.title and earlier.commands = this.commands and earlier.type = this.type
         where this.id = ? and earlier.status = 'succeeded'
           and (earlier.created_at, earlier.id) < (this.created_at, this.id)
         order by earlier.created_at desc, earlier.id desc limit ?",
    )
    .bind(job.0)
    .bind(limit)
    .fetch_all(connection.sqlite())
    .await?;
    Ok(ids.into_iter().map(JobId).collect())
}

/// Counts the jobs of each status that meet all conditions of the filter except the status.
pub(super) async fn counts(connection: &mut Connection, filter: &JobsFilter) -> DbResult<JobCounts> {
    let mut query = QueryBuilder::new("select status, count(*) from jobs where true");
    push_conditions(&mut query, filter);
    query.push(" group by status");
    let rows: Vec<(String, i64)> = query.build_query_as().fetch_all(connection.sqlite()).await?;
    let of = |status: JobStatus| rows.iter().find(|(word, _)| word == status.as_str()).map_or(0, |(_, count)| *count);
    Ok(JobCounts::new(of))
}

/// Adds a query for the statuses of a filter.
fn push_statuses(query: &mut QueryBuilder<Sqlite>, filter: &JobsFilter) {
    let statuses: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    query.push("select value from json_each(").push_bind(serde_json::json!(statuses).to_string()).push(")");
}

/// Adds the conditions of a filter, except the status.
fn push_conditions(query: &mut QueryBuilder<Sqlite>, filter: &JobsFilter) {
    if let Some(kind) = &filter.kind {
        query.push(" and type = ").push_bind(kind.clone());
    }
    if let Some(user) = &filter.user {
        query.push(" and created_by = ").push_bind(user.clone());
    }
    if let Some(after) = filter.created_after {
        query.push(" and created_at >= ").push_bind(after.0);
    }
    if let Some(before) = filter.created_before {
        query.push(" and created_at < ").push_bind(before.0);
    }
    if let Some(text) = &filter.text {
        let pattern = like_pattern(text);
        let id_pattern = pattern.replace('-', "").to_ascii_lowercase();
        query.push(" and (title like ").push_bind(pattern.clone());
        query.push(" escape '\\' or commands like ").push_bind(pattern);
        query.push(" escape '\\' or lower(hex(id)) like ").push_bind(id_pattern).push(" escape '\\')");
    }
}

/// Returns the number of the latest change to any job's state.
pub(super) async fn last_change(connection: &mut Connection) -> DbResult<i64> {
    Ok(sqlx::query_scalar("select coalesce(max(change), 0) from jobs").fetch_one(connection.sqlite()).await?)
}

/// Returns the jobs that have changed after change number `after`, sorted by the numbers of their latest changes.
pub(super) async fn changed_after(connection: &mut Connection, after: i64, limit: i64) -> DbResult<Vec<JobRow>> {
    Ok(sqlx::query_as("select * from jobs where change > ? order by change limit ?")
        .bind(after)
        .bind(limit)
        .fetch_all(connection.sqlite())
        .await?)
}

fn like_pattern(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

pub(super) async fn request_cancel(
    connection: &mut Connection,
    job: JobId,
    by: &str,
    reason: Option<&Redacted>,
    now: Timestamp,
) -> DbResult<()> {
    sqlx::query(
        "update jobs set cancel_requested_by = ?, cancel_requested_at = ?, cancel_reason = ?, updated_at = ? where id = ?",
    )
    .bind(by)
    .bind(now.0)
    .bind(reason.map(|reason| reason.to_text().into_owned()))
    .bind(now.0)
    .bind(job.0)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Removes the events of a job that are at positions in `range` and that `which` selects.
pub(super) async fn remove_events(
    connection: &mut Connection,
    job: JobId,
    range: RangeInclusive<Seq>,
    which: RemovedEvents,
) -> DbResult<()> {
    let query = match which {
        RemovedEvents::All => "delete from events where job_id = ? and seq between ? and ?",
        RemovedEvents::Output => {
            "delete from events where job_id = ? and seq between ? and ? and kind in ('log', 'gap')"
        }
    };
    sqlx::query(query).bind(job.0).bind(range.start().0).bind(range.end().0).execute(connection.sqlite()).await?;
    Ok(())
}

/// Removes the artifacts of a job, and records the time at which its output was removed.
pub(super) async fn note_output_removed(connection: &mut Connection, job: JobId, now: Timestamp) -> DbResult<()> {
    sqlx::query("delete from artifacts where job_id = ?").bind(job.0).execute(connection.sqlite()).await?;
    sqlx::query("update jobs set output_removed_at = ?1, updated_at = ?1 where id = ?2")
        .bind(now.0)
        .bind(job.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Returns up to `limit` of the jobs that `expired` selects, in the order in which they finished. The first `skipped`
/// jobs are omitted.
pub(super) async fn expired(
    connection: &mut Connection,
    expired: Expired,
    limit: i64,
    skipped: i64,
) -> DbResult<Vec<JobId>> {
    let (query, before) = match expired {
        Expired::Output { before } => (
            "select id from jobs where finished_at is not null and output_removed_at is null and finished_at < ?
             order by finished_at limit ? offset ?",
            before,
        ),
        Expired::Jobs { before } => (
            "select id from jobs where output_removed_at is not null and finished_at < ?
             order by finished_at limit ? offset ?",
            before,
        ),
    };
    let ids: Vec<Uuid> =
        sqlx::query_scalar(query).bind(before.0).bind(limit).bind(skipped).fetch_all(connection.sqlite()).await?;
    Ok(ids.into_iter().map(JobId).collect())
}

/// Returns the job that finished first among the jobs with outputs or artifacts on disk, and the size of these files in
/// bytes. The first `skipped` jobs are not considered.
pub(super) async fn first_with_files(connection: &mut Connection, skipped: i64) -> DbResult<Option<(JobId, i64)>> {
    let row: Option<(Uuid, i64)> = sqlx::query_as(
        "select id, (select sum(coalesce(stored_bytes, size_bytes)) from artifacts where job_id = jobs.id) as bytes
         from jobs where finished_at is not null and output_removed_at is null and bytes > 0
         order by finished_at limit 1 offset ?",
    )
    .bind(skipped)
    .fetch_optional(connection.sqlite())
    .await?;
    Ok(row.map(|(id, bytes)| (JobId(id), bytes)))
}

/// Returns the size of all outputs and artifacts on disk, in bytes.
pub(super) async fn stored_bytes(connection: &mut Connection) -> DbResult<i64> {
    Ok(sqlx::query_scalar("select coalesce(sum(coalesce(stored_bytes, size_bytes)), 0) from artifacts")
        .fetch_one(connection.sqlite())
        .await?)
}

/// Removes a job with everything that refers to it. The largest change number is recorded first, so that later changes
/// of other jobs still get larger numbers.
pub(super) async fn remove(connection: &mut Connection, job: JobId) -> DbResult<()> {
    sqlx::query("update removed_changes set largest = max(largest, (select coalesce(max(change), 0) from jobs))")
        .execute(connection.sqlite())
        .await?;
    sqlx::query("delete from jobs where id = ?").bind(job.0).execute(connection.sqlite()).await?;
    Ok(())
}

pub(super) async fn end_queued(connection: &mut Connection, job: JobId, now: Timestamp) -> DbResult<()> {
    sqlx::query(
        "update jobs set status = 'cancelled', next_attempt_at = null, finished_at = ?1, updated_at = ?1 where id = ?2",
    )
    .bind(now.0)
    .bind(job.0)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

impl<'r> FromRow<'r, SqliteRow> for JobRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let time = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(Timestamp));
        let status: &str = row.try_get("status")?;
        let status = JobStatus::from_word(status).ok_or_else(|| damaged("status"))?;
        let reason: Option<&str> = row.try_get("failure_reason")?;
        let job = Job {
            id: JobId(row.try_get("id")?),
            kind: row.try_get("type")?,
            status,
            priority: row.try_get("priority")?,
            payload: None,
            title: row.try_get("title")?,
            created_by_user_id: row.try_get("created_by")?,
            requested_by_user_id: row.try_get("created_by")?,
            cancel_requested_by_user_id: row.try_get("cancel_requested_by")?,
            cancel_requested_at: time("cancel_requested_at")?,
            cancel_reason: row.try_get("cancel_reason")?,
            affinity_key: row.try_get("affinity_key")?,
            claimed_by: row.try_get("claimed_by")?,
            lease_expires_at: time("lease_expires_at")?,
            next_attempt_at: time("next_attempt_at")?,
            attempt: row.try_get("attempt")?,
            max_attempts: row.try_get("max_attempts")?,
            result_summary: row.try_get("result_summary")?,
            error_message: row.try_get("error_message")?,
            artifacts_path: None,
            started_at: time("started_at")?,
            finished_at: time("finished_at")?,
            created_at: Timestamp(row.try_get("created_at")?),
            updated_at: Timestamp(row.try_get("updated_at")?),
            lease_epoch: row.try_get("lease_epoch")?,
            last_seq: Seq(row.try_get("last_seq")?),
            exit_code: row.try_get("exit_code")?,
            failure_reason: reason.and_then(FailureReason::from_word),
            log_lines: row.try_get("log_lines")?,
            log_bytes: row.try_get("log_bytes")?,
            log_sha256: row.try_get("log_sha256")?,
            output_removed_at: time("output_removed_at")?,
            resubmitted_from: row.try_get::<Option<Uuid>, _>("resubmitted_from")?.map(JobId),
            input: parse_input(row.try_get("input")?)?,
            queue_position: None,
            pause: None,
            concurrency_wait: None,
        };
        let concurrency = match row.try_get("concurrency_key")? {
            Some(key) => Some(StoredConcurrency {
                key,
                limit: row.try_get("concurrency_limit")?,
                group: row.try_get("concurrency_group")?,
            }),
            None => None,
        };
        Ok(Self {
            job,
            payload: row.try_get("payload")?,
            commands: row.try_get("commands")?,
            concurrency,
            idempotency_digest: row.try_get("idempotency_digest")?,
            change: row.try_get("change")?,
        })
    }
}

/// Parses the description of a job's input.
pub(super) fn parse_input(text: Option<&str>) -> sqlx::Result<Option<JobInput>> {
    text.map(serde_json::from_str).transpose().map_err(|_| damaged("input"))
}

/// Returns the error for a column that contains a value that this program never writes.
pub(super) fn damaged(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored job's {column} is damaged").into())
}
