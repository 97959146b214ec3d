//! The SQL queries for leases and attempts.

use model::{AttemptStatus, FailureReason, JobId, JobStatus, Timestamp};
use redact::Redacted;
use sqlx::Row;

use super::{Abandoned, ClaimRequest, ClaimedRow, Heartbeat, Shipping};
use crate::db::{Connection, DbResult};
use crate::event_log::Lease;
use crate::queue::admission::ClaimScope;
use crate::queue::store::parse_input;
use crate::queue::{next_job, secrets};

/// The new state of a job whose lease ends.
pub(in crate::queue) struct JobEnd {
    pub(in crate::queue) status: JobStatus,
    pub(in crate::queue) next_attempt_at: Option<Timestamp>,
    pub(in crate::queue) failure_reason: Option<FailureReason>,
    pub(in crate::queue) error_message: Option<String>,
    pub(in crate::queue) result_summary: Option<String>,
    pub(in crate::queue) exit_code: Option<i32>,
    pub(in crate::queue) log_lines: i64,
    pub(in crate::queue) log_bytes: i64,
    pub(in crate::queue) log_sha256: String,
}

/// Claims the next job for a worker. Returns `None` if there is no such job.
pub(in crate::queue) async fn claim(
    connection: &mut Connection,
    request: &ClaimRequest,
    scope: &ClaimScope,
    now: Timestamp,
) -> DbResult<Option<ClaimedRow>> {
    type Claimed = (uuid::Uuid, i32, i64, String, Option<String>, Option<String>);
    let Some(next) = next_job::store::next(connection, scope, now).await? else { return Ok(None) };
    let (id, attempt, epoch, payload, input, secrets): Claimed = sqlx::query_as(
        "update jobs
         set status = 'running', claimed_by = ?1, lease_epoch = lease_epoch + 1, lease_expires_at = ?2,
             attempt = attempt + 1, started_at = ?3, next_attempt_at = null, updated_at = ?3,
             exit_code = null, failure_reason = null, error_message = null,
             log_lines = null, log_bytes = null, log_sha256 = null
         where id = ?4
         returning id, attempt, lease_epoch, payload, input, secrets",
    )
    .bind(request.worker.to_text())
    .bind(now.after(request.lease).0)
    .bind(now.0)
    .bind(next)
    .fetch_one(connection.sqlite())
    .await?;
    sqlx::query(
        "insert into attempts (job_id, attempt, worker_id, lease_epoch, status, started_at, token_id, claim_id,
                               lease_seconds, heard_at)
         values (?1, ?2, ?3, ?4, 'started', ?5, ?6, ?7, ?8, case when ?6 is null then null else ?5 end)",
    )
    .bind(id)
    .bind(attempt)
    .bind(request.worker.to_text())
    .bind(epoch)
    .bind(now.0)
    .bind(request.token.map(|token| token.0))
    .bind(&request.claim_id)
    .bind(i64::try_from(request.lease.as_secs()).unwrap_or(i64::MAX))
    .execute(connection.sqlite())
    .await?;
    let lease = Lease { job: JobId(id), attempt, epoch };
    let sent_before = if attempt > 1 { sent_before(connection, lease).await? } else { 0 };
    let input = parse_input(input.as_deref())?;
    let secrets = match secrets {
        Some(names) => secrets::store::sealed_of(connection, &names).await?,
        None => Vec::new(),
    };
    let worker = request.worker.clone();
    Ok(Some(ClaimedRow { lease, payload, worker, sent_before, input, secrets }))
}

/// Returns how many bytes of output the job's earlier attempts have sent as events.
async fn sent_before(connection: &mut Connection, lease: Lease) -> DbResult<u64> {
    let sent: i64 = sqlx::query_scalar(
        "select coalesce(sum(shipped_bytes - suppressed_bytes), 0) from attempts where job_id = ? and attempt < ?",
    )
    .bind(lease.job.0)
    .bind(lease.attempt)
    .fetch_one(connection.sqlite())
    .await?;
    Ok(unsigned(sent))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Renews a lease. Returns `None` if the lease has ended.
pub(in crate::queue) async fn renew(
    connection: &mut Connection,
    lease: Lease,
    lease_end: Timestamp,
    now: Timestamp,
) -> DbResult<Option<Heartbeat>> {
    let cancelled: Option<(Option<i64>,)> = sqlx::query_as(
        "update jobs set lease_expires_at = ?, updated_at = ? where id = ? and lease_epoch = ? and status = 'running'
         returning cancel_requested_at",
    )
    .bind(lease_end.0)
    .bind(now.0)
    .bind(lease.job.0)
    .bind(lease.epoch)
    .fetch_optional(connection.sqlite())
    .await?;
    Ok(cancelled.map(|(at,)| if at.is_some() { Heartbeat::CancelRequested } else { Heartbeat::Renewed }))
}

pub(in crate::queue) async fn end_lease(
    connection: &mut Connection,
    lease: Lease,
    end: &JobEnd,
    now: Timestamp,
) -> DbResult<()> {
    sqlx::query(
        "update jobs
         set status = ?1, lease_epoch = lease_epoch + 1, lease_expires_at = null, next_attempt_at = ?2,
             claimed_by = case when ?1 = 'queued' then null else claimed_by end,
             finished_at = case when ?1 = 'queued' then null else max(?3, started_at) end, updated_at = ?3,
             failure_reason = ?4, error_message = ?5, exit_code = ?6, log_lines = ?7, log_bytes = ?8, log_sha256 = ?9,
             result_summary = ?10
         where id = ?11",
    )
    .bind(end.status.as_str())
    .bind(end.next_attempt_at.map(|at| at.0))
    .bind(now.0)
    .bind(end.failure_reason.map(FailureReason::as_str))
    .bind(&end.error_message)
    .bind(end.exit_code)
    .bind(end.log_lines)
    .bind(end.log_bytes)
    .bind(&end.log_sha256)
    .bind(&end.result_summary)
    .bind(lease.job.0)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Returns the word for the status of an attempt in the database.
pub(in crate::queue) const fn attempt_word(status: AttemptStatus) -> &'static str {
    match status {
        AttemptStatus::Started => "started",
        AttemptStatus::Succeeded => "succeeded",
        AttemptStatus::Failed => "failed",
        AttemptStatus::Cancelled => "cancelled",
        AttemptStatus::Interrupted => "interrupted",
    }
}

pub(in crate::queue) async fn end_attempt(
    connection: &mut Connection,
    lease: Lease,
    status: AttemptStatus,
    now: Timestamp,
) -> DbResult<()> {
    sqlx::query("update attempts set status = ?, finished_at = ? where job_id = ? and attempt = ?")
        .bind(attempt_word(status))
        .bind(now.0)
        .bind(lease.job.0)
        .bind(lease.attempt)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Returns the running jobs of earlier embedded workers of this data directory. The names of these workers begin with
/// `family`.
pub(in crate::queue) async fn abandoned(
    connection: &mut Connection,
    family: &str,
    worker: &Redacted,
) -> DbResult<Vec<Abandoned<ClaimedRow>>> {
    let rows = sqlx::query(
        "select j.id, j.attempt, j.lease_epoch, j.payload, a.worker_id, a.shipped_bytes, a.suppressed_bytes, a.last_batch
         from jobs j join attempts a on a.job_id = j.id and a.attempt = j.attempt
         where j.status = 'running' and j.type = 'command' and a.token_id is null and j.claimed_by <> ?1
         -- Earlier versions used shorter worker names, without the id of the data folder.
         and (substr(j.claimed_by, 1, length(?2)) = ?2 or (j.claimed_by like 'embedded-%' and length(j.claimed_by) = 45))
         order by j.started_at",
    )
    .bind(worker.to_text())
    .bind(family)
    .fetch_all(connection.sqlite())
    .await?;
    let mut abandoned = Vec::with_capacity(rows.len());
    for row in rows {
        let job = JobId(row.try_get("id")?);
        let lease = Lease { job, attempt: row.try_get("attempt")?, epoch: row.try_get("lease_epoch")? };
        let payload = row.try_get("payload")?;
        let worker = Redacted::from_stored(row.try_get::<String, _>("worker_id")?.into_bytes());
        let sent_before = sent_before(connection, lease).await?;
        abandoned.push(Abandoned {
            // Recovery only ends the attempt and runs no more of its steps, so it needs neither the input nor the
            // secrets.
            claimed: ClaimedRow { lease, payload, worker, sent_before, input: None, secrets: Vec::new() },
            shipped: unsigned(row.try_get("shipped_bytes")?),
            suppressed: unsigned(row.try_get("suppressed_bytes")?),
            last_batch: row.try_get("last_batch")?,
        });
    }
    Ok(abandoned)
}

/// Extends the leases of workers on other machines by their full durations.
pub(in crate::queue) async fn extend_remote(connection: &mut Connection, now: Timestamp) -> DbResult<()> {
    sqlx::query(
        "update jobs
         set lease_expires_at = max(lease_expires_at, ?1 + 1000000 * (
               select lease_seconds from attempts where job_id = jobs.id and attempt = jobs.attempt))
         where status = 'running' and exists (
           select 1 from attempts where job_id = jobs.id and attempt = jobs.attempt and token_id is not null)",
    )
    .bind(now.0)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Records that all workers on other machines have just sent a request, so that none of them counts as silent.
pub(in crate::queue) async fn hear_all(connection: &mut Connection, now: Timestamp) -> DbResult<()> {
    sqlx::query("update attempts set heard_at = ? where status = 'started' and token_id is not null")
        .bind(now.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// A running attempt whose worker has sent no request for a while.
pub(in crate::queue) struct Silent {
    pub(in crate::queue) lease: Lease,
    pub(in crate::queue) worker: Redacted,
    /// The time of the worker's last request.
    pub(in crate::queue) since: Timestamp,
}

/// Returns the attempts whose workers, on other machines, have sent no request for `limit` microseconds, or for an
/// eighth of their leases if that is longer. Attempts whose event logs already report this silence are not included.
pub(in crate::queue) async fn silent(connection: &mut Connection, now: Timestamp, limit: i64) -> DbResult<Vec<Silent>> {
    let rows = sqlx::query(
        "select j.id, j.attempt, j.lease_epoch, a.worker_id, a.heard_at
         from jobs j join attempts a on a.job_id = j.id and a.attempt = j.attempt
         where j.status = 'running' and a.token_id is not null and a.is_silent = 0
           and a.heard_at <= ?1 - max(?2, a.lease_seconds * 125000)
         limit ?3",
    )
    .bind(now.0)
    .bind(limit)
    .bind(EXPIRED)
    .fetch_all(connection.sqlite())
    .await?;
    let of = |row: &sqlx::sqlite::SqliteRow| {
        let lease = Lease {
            job: JobId(row.try_get("id")?),
            attempt: row.try_get("attempt")?,
            epoch: row.try_get("lease_epoch")?,
        };
        let worker = Redacted::from_stored(row.try_get::<String, _>("worker_id")?.into_bytes());
        Ok(Silent { lease, worker, since: Timestamp(row.try_get("heard_at")?) })
    };
    rows.iter().map(of).collect()
}

/// The maximum number of expired leases that are ended, and of silent workers that are reported, in one round.
const EXPIRED: i64 = 100;

/// Returns the jobs whose workers on other machines have not renewed their leases in time.
pub(in crate::queue) async fn expired(connection: &mut Connection, now: Timestamp) -> DbResult<Vec<JobId>> {
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
        "select j.id from jobs j join attempts a on a.job_id = j.id and a.attempt = j.attempt
         where j.status = 'running' and j.lease_expires_at <= ? and a.token_id is not null
         order by j.lease_expires_at limit ?",
    )
    .bind(now.0)
    .bind(EXPIRED)
    .fetch_all(connection.sqlite())
    .await?;
    Ok(ids.into_iter().map(JobId).collect())
}

/// Returns how much of each running attempt's output has been stored as events or suppressed.
pub(in crate::queue) async fn shipping(connection: &mut Connection) -> DbResult<Vec<Shipping>> {
    let rows: Vec<(uuid::Uuid, i32, i64)> = sqlx::query_as(
        "select a.job_id, a.attempt, a.shipped_bytes
         from jobs j join attempts a on a.job_id = j.id and a.attempt = j.attempt where j.status = 'running'",
    )
    .fetch_all(connection.sqlite())
    .await?;
    Ok(rows.into_iter().map(|(job, attempt, bytes)| Shipping { job: JobId(job), attempt, bytes }).collect())
}
