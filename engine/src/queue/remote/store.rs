//! The SQL queries for the leases of workers on other machines.

use model::{AttemptStatus, JobId, OutputProgress, Timestamp, TokenId};
use redact::Redacted;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::db::{Connection, DbResult};
use crate::event_log::Lease;
use crate::queue::leases::store::attempt_word;
use crate::queue::secrets;

/// The columns of an attempt that identify the worker that runs it.
#[derive(Clone, Debug)]
pub(in crate::queue) struct AttemptRow {
    pub(in crate::queue) worker: Redacted,
    /// The API token with which the job was claimed, or `None` for the embedded worker.
    pub(in crate::queue) token: Option<TokenId>,
    pub(in crate::queue) epoch: i64,
    status: String,
}

impl AttemptRow {
    /// Returns whether the attempt has the given status.
    pub(in crate::queue) fn has_status(&self, status: AttemptStatus) -> bool {
        self.status == attempt_word(status)
    }
}

/// Returns an attempt, or `None` if there is no such attempt.
pub(in crate::queue) async fn attempt(
    connection: &mut Connection,
    job: JobId,
    attempt: i32,
) -> DbResult<Option<AttemptRow>> {
    let row: Option<SqliteRow> =
        sqlx::query("select worker_id, token_id, lease_epoch, status from attempts where job_id = ? and attempt = ?")
            .bind(job.0)
            .bind(attempt)
            .fetch_optional(connection.sqlite())
            .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(AttemptRow {
        worker: Redacted::from_stored(row.try_get::<String, _>("worker_id")?.into_bytes()),
        token: row.try_get::<Option<uuid::Uuid>, _>("token_id")?.map(TokenId),
        epoch: row.try_get("lease_epoch")?,
        status: row.try_get("status")?,
    }))
}

/// Returns the job and the lease epoch of the claim that a worker has made with the given identifier, or `None` if
/// there was no such claim.
pub(in crate::queue) async fn claimed(
    connection: &mut Connection,
    token: TokenId,
    claim_id: &str,
) -> DbResult<Option<(JobId, i64)>> {
    let row: Option<(uuid::Uuid, i64)> =
        sqlx::query_as("select job_id, lease_epoch from attempts where token_id = ? and claim_id = ?")
            .bind(token.0)
            .bind(claim_id)
            .fetch_optional(connection.sqlite())
            .await?;
    Ok(row.map(|(job, epoch)| (JobId(job), epoch)))
}

/// Returns how much of an attempt's output is stored.
pub(in crate::queue) async fn progress(
    connection: &mut Connection,
    job: JobId,
    attempt: i32,
) -> DbResult<OutputProgress> {
    let (batch, to, suppressed_bytes, earlier_bytes): (i64, i64, i64, i64) = sqlx::query_as(
        "select last_batch, shipped_bytes, suppressed_bytes, (
           select coalesce(sum(shipped_bytes - suppressed_bytes), 0) from attempts where job_id = ?1 and attempt < ?2)
         from attempts where job_id = ?1 and attempt = ?2",
    )
    .bind(job.0)
    .bind(attempt)
    .fetch_one(connection.sqlite())
    .await?;
    Ok(OutputProgress { batch, to, suppressed_bytes, earlier_bytes })
}

/// Records that the worker of a lease has sent a request.
pub(in crate::queue) async fn heard(connection: &mut Connection, lease: Lease, now: Timestamp) -> DbResult<()> {
    sqlx::query("update attempts set heard_at = ?, is_silent = 0 where job_id = ? and attempt = ?")
        .bind(now.0)
        .bind(lease.job.0)
        .bind(lease.attempt)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Records that the event log reports the worker of a lease as silent. Returns `false` if the lease has ended, or if
/// the worker has sent a request after `since`.
pub(in crate::queue) async fn set_silent(
    connection: &mut Connection,
    lease: Lease,
    since: Timestamp,
) -> DbResult<bool> {
    let changed = sqlx::query(
        "update attempts set is_silent = 1
         where job_id = ?1 and attempt = ?2 and lease_epoch = ?3 and status = 'started' and is_silent = 0
           and heard_at <= ?4",
    )
    .bind(lease.job.0)
    .bind(lease.attempt)
    .bind(lease.epoch)
    .bind(since.0)
    .execute(connection.sqlite())
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Returns the names and encrypted values of the named secrets that a job receives.
pub(in crate::queue) async fn secrets_of(connection: &mut Connection, job: JobId) -> DbResult<Vec<(String, String)>> {
    let names: Option<String> =
        sqlx::query_scalar("select secrets from jobs where id = ?").bind(job.0).fetch_one(connection.sqlite()).await?;
    match names {
        Some(names) => secrets::store::sealed_of(connection, &names).await,
        None => Ok(Vec::new()),
    }
}
