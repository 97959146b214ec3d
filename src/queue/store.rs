//! All SQL of the queue.

use redact::{Redacted, Redactor};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::Heartbeat;
use super::ending::NewArtifact;
use super::masking;
use super::submission::Submission;
use crate::event_log::Lease;
use crate::model::{Artifact, ArtifactId, AttemptStatus, FailureReason, Job, JobId, JobStatus, Seq, Timestamp};

/// Which jobs a list holds.
#[derive(Clone, Debug, Default)]
pub struct JobsFilter {
    /// Of these states; of all if empty.
    pub statuses: Vec<JobStatus>,
    /// Of this type.
    pub kind: Option<String>,
    /// With this text in their title, commands or id.
    pub text: Option<String>,
    /// How many at the most.
    pub limit: i64,
    /// How many to leave out before them.
    pub offset: i64,
    /// Whether to leave the payloads out.
    pub summary: bool,
}

/// A claimed job: what a worker needs to run it, real values included.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The right to it.
    pub lease: Lease,
    /// What to run.
    pub payload: Value,
    /// Who holds it.
    pub worker: Redacted,
    /// Text of log events of the job's earlier attempts.
    pub sent_before: u64,
}

/// A job that a worker left running when it died.
#[derive(Clone, Debug)]
pub struct Abandoned {
    /// The job and the lease it runs under.
    pub claimed: Claimed,
    /// Up to where its output is stored or left out.
    pub shipped: u64,
    /// How many bytes of that were left out.
    pub suppressed: u64,
    /// The number of the last stored batch.
    pub last_batch: i64,
}

/// How far a running attempt's output has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipping {
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: i32,
    /// How many bytes of its output are stored.
    pub bytes: i64,
}

/// A kept file and where it lies.
#[derive(Clone, Debug)]
pub struct ArtifactFile {
    /// What replies say of it.
    pub artifact: Artifact,
    /// Where it lies below the data folder.
    pub path: String,
}

/// What there is to say of an attempt's output as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptOutput {
    /// The attempt; 0 if the job has had none.
    pub attempt: i32,
    /// The job's last attempt so far.
    pub last_attempt: i32,
    /// Whether the job is over.
    pub job_is_over: bool,
    /// Whether the attempt is over, or there never was one: nothing will be added.
    pub is_complete: bool,
    /// SHA-256 of the whole output in hexadecimal, of an attempt that is over and has printed into a spool.
    pub sha256: Option<String>,
}

/// A job as the database holds it, real values included.
#[derive(Clone, Debug)]
pub(super) struct JobRow {
    pub(super) id: JobId,
    pub(super) kind: String,
    pub(super) status: JobStatus,
    pub(super) priority: i32,
    pub(super) payload: Value,
    pub(super) title: String,
    pub(super) commands: String,
    pub(super) affinity_key: Option<String>,
    pub(super) attempt: i32,
    pub(super) max_attempts: i32,
    pub(super) lease_epoch: i64,
    pub(super) cancel_requested_at: Option<Timestamp>,
    pub(super) log_lines: Option<i64>,
    pub(super) log_bytes: Option<i64>,
    pub(super) log_sha256: Option<String>,
    pub(super) idempotency_digest: Option<Vec<u8>>,
    /// The number of the last change of its state, among those of all jobs.
    pub(super) change: i64,
    shown: Job,
}

impl JobRow {
    /// Returns the job as replies show it.
    pub(super) fn to_job(&self, redactor: &Redactor) -> Job {
        let values = masking::secret_values(&self.payload);
        let own = if values.is_empty() { Redactor::none() } else { Redactor::new(values) };
        let payload = masking::masked(&self.payload, &own);
        let payload = if redactor.is_empty() { payload } else { masking::masked(&payload, redactor) };
        Job { payload: Some(payload), ..self.shown.clone() }
    }

    /// Returns the job as lists show it.
    pub(super) fn to_summary(&self) -> Job {
        self.shown.clone()
    }

    /// Returns when its last attempt began.
    pub(super) const fn started_at(&self) -> Option<Timestamp> {
        self.shown.started_at
    }

    /// Masks a text that belongs to the job, with its own secrets and the server's.
    pub(super) fn mask(&self, redactor: &Redactor, text: &str) -> Redacted {
        let own = Redactor::new(masking::secret_values(&self.payload)).redact(text.as_bytes());
        redactor.redact(own.as_bytes())
    }
}

impl<'r> FromRow<'r, SqliteRow> for JobRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let time = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(Timestamp));
        let status: &str = row.try_get("status")?;
        let status = JobStatus::from_word(status).ok_or_else(|| damaged("status"))?;
        let reason: Option<&str> = row.try_get("failure_reason")?;
        let payload: &str = row.try_get("payload")?;
        let shown = Job {
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
            resubmitted_from: row.try_get::<Option<uuid::Uuid>, _>("resubmitted_from")?.map(JobId),
            queue_position: None,
        };
        Ok(Self {
            id: shown.id,
            kind: shown.kind.clone(),
            status,
            priority: shown.priority,
            payload: serde_json::from_str(payload).map_err(|_| damaged("payload"))?,
            title: shown.title.clone(),
            commands: row.try_get("commands")?,
            affinity_key: shown.affinity_key.clone(),
            attempt: shown.attempt,
            max_attempts: shown.max_attempts,
            lease_epoch: shown.lease_epoch,
            cancel_requested_at: shown.cancel_requested_at,
            log_lines: shown.log_lines,
            log_bytes: shown.log_bytes,
            log_sha256: shown.log_sha256.clone(),
            idempotency_digest: row.try_get("idempotency_digest")?,
            change: row.try_get("change")?,
            shown,
        })
    }
}

/// A column holds what this program never writes.
fn damaged(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored job's {column} is damaged").into())
}

pub(super) async fn job(connection: &mut SqliteConnection, id: JobId) -> sqlx::Result<Option<JobRow>> {
    sqlx::query_as("select * from jobs where id = ?").bind(id.0).fetch_optional(connection).await
}

pub(super) async fn job_of_key(connection: &mut SqliteConnection, key: &str) -> sqlx::Result<Option<JobRow>> {
    sqlx::query_as("select * from jobs where idempotency_key = ?").bind(key).fetch_optional(connection).await
}

/// Returns how many jobs wait, counting no further than `limit`.
pub(super) async fn queued(connection: &mut SqliteConnection, limit: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar("select count(*) from (select 1 from jobs where status = 'queued' limit ?)")
        .bind(limit)
        .fetch_one(connection)
        .await
}

/// Returns how many jobs wait and how many run.
pub(super) async fn depths(connection: &mut SqliteConnection) -> sqlx::Result<(i64, i64)> {
    sqlx::query_as(
        "select (select count(*) from jobs where status = 'queued'), (select count(*) from jobs where status = 'running')",
    )
    .fetch_one(connection)
    .await
}

/// Returns the attempts that run, and how much of each one's output is stored.
pub(super) async fn shipping(connection: &mut SqliteConnection) -> sqlx::Result<Vec<Shipping>> {
    let rows: Vec<(uuid::Uuid, i32, i64)> = sqlx::query_as(
        "select a.job_id, a.attempt, a.shipped_bytes
         from jobs j join attempts a on a.job_id = j.id and a.attempt = j.attempt where j.status = 'running'",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(job, attempt, bytes)| Shipping { job: JobId(job), attempt, bytes }).collect())
}

pub(super) async fn insert(connection: &mut SqliteConnection, new: &Submission, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query(
        "insert into jobs (id, type, status, priority, payload, title, commands, created_by, affinity_key,
                           max_attempts, created_at, updated_at, resubmitted_from, idempotency_key, idempotency_digest)
         values (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.id.0)
    .bind(&new.kind)
    .bind(new.priority)
    .bind(new.payload.to_string())
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
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns how many jobs of the same type are claimed before it, plus 1.
pub(super) async fn queue_position(connection: &mut SqliteConnection, row: &JobRow) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select count(*) + 1 from jobs
         where status = 'queued' and type = ?1
           and (priority > ?2 or (priority = ?2 and (created_at, id) < (?3, ?4)))",
    )
    .bind(&row.kind)
    .bind(row.priority)
    .bind(row.shown.created_at.0)
    .bind(row.id.0)
    .fetch_one(connection)
    .await
}

/// Returns the jobs asked for, newest first, and one more if there is one.
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

/// Returns the number of the last change of any job's state.
pub(super) async fn last_change(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select last from changes").fetch_one(connection).await
}

/// Returns the jobs that have changed after that change, in the order of their last changes.
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

pub(super) async fn claim(
    connection: &mut SqliteConnection,
    kind: &str,
    worker: &Redacted,
    lease_end: Timestamp,
    now: Timestamp,
) -> sqlx::Result<Option<Claimed>> {
    let row: Option<(uuid::Uuid, i32, i64, String)> = sqlx::query_as(
        "update jobs
         set status = 'running', claimed_by = ?1, lease_epoch = lease_epoch + 1, lease_expires_at = ?2,
             attempt = attempt + 1, started_at = ?3, next_attempt_at = null, updated_at = ?3,
             exit_code = null, failure_reason = null, error_message = null,
             log_lines = null, log_bytes = null, log_sha256 = null
         where id = (select id from jobs
                     where status = 'queued' and type = ?4 and (next_attempt_at is null or next_attempt_at <= ?3)
                     order by priority desc, created_at, id limit 1)
         returning id, attempt, lease_epoch, payload",
    )
    .bind(worker.to_text())
    .bind(lease_end.0)
    .bind(now.0)
    .bind(kind)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((id, attempt, epoch, payload)) = row else { return Ok(None) };
    sqlx::query(
        "insert into attempts (job_id, attempt, worker_id, lease_epoch, status, started_at)
         values (?, ?, ?, ?, 'started', ?)",
    )
    .bind(id)
    .bind(attempt)
    .bind(worker.to_text())
    .bind(epoch)
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    let lease = Lease { job: JobId(id), attempt, epoch };
    let sent_before = sent_before(connection, lease).await?;
    Ok(Some(Claimed { lease, payload: parse(&payload)?, worker: worker.clone(), sent_before }))
}

/// Returns how much text the log events of a job's earlier attempts have.
async fn sent_before(connection: &mut SqliteConnection, lease: Lease) -> sqlx::Result<u64> {
    let sent: i64 = sqlx::query_scalar(
        "select coalesce(sum(shipped_bytes - suppressed_bytes), 0) from attempts where job_id = ? and attempt < ?",
    )
    .bind(lease.job.0)
    .bind(lease.attempt)
    .fetch_one(connection)
    .await?;
    Ok(unsigned(sent))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn parse(payload: &str) -> sqlx::Result<Value> {
    serde_json::from_str(payload).map_err(|_| damaged("payload"))
}

/// Returns when the next job that waits for its next attempt may be claimed.
pub(super) async fn next_attempt_at(connection: &mut SqliteConnection) -> sqlx::Result<Option<Timestamp>> {
    let at: Option<i64> = sqlx::query_scalar(
        "select min(next_attempt_at) from jobs where status = 'queued' and next_attempt_at is not null",
    )
    .fetch_one(connection)
    .await?;
    Ok(at.map(Timestamp))
}

/// Renews a lease; nothing if it has ended.
pub(super) async fn renew(
    connection: &mut SqliteConnection,
    lease: Lease,
    lease_end: Timestamp,
    now: Timestamp,
) -> sqlx::Result<Option<Heartbeat>> {
    let cancelled: Option<(Option<i64>,)> = sqlx::query_as(
        "update jobs set lease_expires_at = ?, updated_at = ? where id = ? and lease_epoch = ? and status = 'running'
         returning cancel_requested_at",
    )
    .bind(lease_end.0)
    .bind(now.0)
    .bind(lease.job.0)
    .bind(lease.epoch)
    .fetch_optional(connection)
    .await?;
    Ok(cancelled.map(|(at,)| if at.is_some() { Heartbeat::CancelRequested } else { Heartbeat::Renewed }))
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

/// What a job becomes when its lease ends.
pub(super) struct JobEnd {
    pub(super) status: JobStatus,
    pub(super) next_attempt_at: Option<Timestamp>,
    pub(super) failure_reason: Option<FailureReason>,
    pub(super) error_message: Option<String>,
    pub(super) exit_code: Option<i32>,
    pub(super) log_lines: i64,
    pub(super) log_bytes: i64,
    pub(super) log_sha256: String,
}

pub(super) async fn end_lease(
    connection: &mut SqliteConnection,
    lease: Lease,
    end: &JobEnd,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "update jobs
         set status = ?1, lease_epoch = lease_epoch + 1, lease_expires_at = null, next_attempt_at = ?2,
             claimed_by = case when ?1 = 'queued' then null else claimed_by end,
             finished_at = case when ?1 = 'queued' then null else ?3 end, updated_at = ?3,
             failure_reason = ?4, error_message = ?5, exit_code = ?6, log_lines = ?7, log_bytes = ?8, log_sha256 = ?9
         where id = ?10",
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
    .bind(lease.job.0)
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

pub(super) async fn end_attempt(
    connection: &mut SqliteConnection,
    lease: Lease,
    status: AttemptStatus,
    now: Timestamp,
) -> sqlx::Result<()> {
    let word = match status {
        AttemptStatus::Started => "started",
        AttemptStatus::Succeeded => "succeeded",
        AttemptStatus::Failed => "failed",
        AttemptStatus::Cancelled => "cancelled",
        AttemptStatus::Interrupted => "interrupted",
    };
    sqlx::query("update attempts set status = ?, finished_at = ? where job_id = ? and attempt = ?")
        .bind(word)
        .bind(now.0)
        .bind(lease.job.0)
        .bind(lease.attempt)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the running jobs of embedded workers that are not `worker`.
pub(super) async fn abandoned(connection: &mut SqliteConnection, worker: &Redacted) -> sqlx::Result<Vec<Abandoned>> {
    let rows = sqlx::query(
        "select j.id, j.attempt, j.lease_epoch, j.payload, a.worker_id, a.shipped_bytes, a.suppressed_bytes, a.last_batch
         from jobs j join attempts a on a.job_id = j.id and a.attempt = j.attempt
         where j.status = 'running' and j.type = 'command' and j.claimed_by like 'embedded-%' and j.claimed_by <> ?
         order by j.started_at",
    )
    .bind(worker.to_text())
    .fetch_all(&mut *connection)
    .await?;
    let mut abandoned = Vec::with_capacity(rows.len());
    for row in rows {
        let job = JobId(row.try_get("id")?);
        let lease = Lease { job, attempt: row.try_get("attempt")?, epoch: row.try_get("lease_epoch")? };
        let payload = parse(row.try_get("payload")?)?;
        let worker = Redacted::from_stored(row.try_get::<String, _>("worker_id")?.into_bytes());
        let sent_before = sent_before(connection, lease).await?;
        abandoned.push(Abandoned {
            claimed: Claimed { lease, payload, worker, sent_before },
            shipped: unsigned(row.try_get("shipped_bytes")?),
            suppressed: unsigned(row.try_get("suppressed_bytes")?),
            last_batch: row.try_get("last_batch")?,
        });
    }
    Ok(abandoned)
}

/// Lists a kept file; a newer version takes the place of the earlier one.
pub(super) async fn keep_artifact(
    connection: &mut SqliteConnection,
    lease: Lease,
    artifact: &NewArtifact,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into artifacts (id, job_id, attempt, name, content_type, size_bytes, digest, path, stage, created_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (job_id, attempt, name) do update set
             id = excluded.id, content_type = excluded.content_type, size_bytes = excluded.size_bytes,
             digest = excluded.digest, path = excluded.path, stage = excluded.stage, created_at = excluded.created_at",
    )
    .bind(artifact.id.0)
    .bind(lease.job.0)
    .bind(lease.attempt)
    .bind(artifact.name.to_text())
    .bind(artifact.content_type)
    .bind(artifact.size_bytes)
    .bind(format!("sha256:{}", artifact.sha256))
    .bind(&artifact.path)
    .bind(artifact.stage.map(crate::model::Stage::as_str))
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn artifacts(connection: &mut SqliteConnection, job: JobId) -> sqlx::Result<Vec<Artifact>> {
    let files: Vec<ArtifactFile> = sqlx::query_as("select * from artifacts where job_id = ? order by created_at, id")
        .bind(job.0)
        .fetch_all(connection)
        .await?;
    Ok(files.into_iter().map(|file| file.artifact).collect())
}

/// Returns where the listed files of an attempt lie, below the data folder.
pub(super) async fn artifact_paths(
    connection: &mut SqliteConnection,
    job: JobId,
    attempt: i32,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("select path from artifacts where job_id = ? and attempt = ?")
        .bind(job.0)
        .bind(attempt)
        .fetch_all(connection)
        .await
}

pub(super) async fn artifact(connection: &mut SqliteConnection, id: ArtifactId) -> sqlx::Result<Option<ArtifactFile>> {
    sqlx::query_as("select * from artifacts where id = ?").bind(id.0).fetch_optional(connection).await
}

/// Returns a log of at least `size` bytes that is not compressed, the smallest first; nothing if there is none.
pub(super) async fn next_uncompressed(
    connection: &mut SqliteConnection,
    size: i64,
) -> sqlx::Result<Option<ArtifactFile>> {
    sqlx::query_as(
        "select * from artifacts where stored_bytes is null and name = 'logs/output.log' and size_bytes >= ?
         order by size_bytes limit 1",
    )
    .bind(size)
    .fetch_optional(connection)
    .await
}

/// Remembers how many bytes a log takes now that it is compressed.
pub(super) async fn set_stored_bytes(
    connection: &mut SqliteConnection,
    id: ArtifactId,
    bytes: i64,
) -> sqlx::Result<()> {
    sqlx::query("update artifacts set stored_bytes = ? where id = ?")
        .bind(bytes)
        .bind(id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns what there is to say of the output of an attempt, or of the last one; nothing if there is no such job.
pub(super) async fn attempt_output(
    connection: &mut SqliteConnection,
    job: JobId,
    attempt: Option<i32>,
) -> sqlx::Result<Option<AttemptOutput>> {
    let row: Option<SqliteRow> = sqlx::query(
        "select j.attempt as last_attempt, j.status as job_status, a.attempt, a.status, f.digest
         from jobs j
         left join attempts a on a.job_id = j.id and a.attempt = coalesce(?, j.attempt)
         left join artifacts f on f.job_id = a.job_id and f.attempt = a.attempt and f.name = 'logs/output.log'
         where j.id = ?",
    )
    .bind(attempt)
    .bind(job.0)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let job_status = JobStatus::from_word(row.try_get("job_status")?).ok_or_else(|| damaged("status"))?;
    let status: Option<&str> = row.try_get("status")?;
    let digest: Option<&str> = row.try_get("digest")?;
    Ok(Some(AttemptOutput {
        attempt: row.try_get::<Option<i32>, _>("attempt")?.unwrap_or(0),
        last_attempt: row.try_get("last_attempt")?,
        job_is_over: job_status.is_terminal(),
        is_complete: status.map_or(job_status.is_terminal(), |status| status != "started"),
        sha256: digest.and_then(|digest| digest.strip_prefix("sha256:").map(str::to_owned)),
    }))
}

impl<'r> FromRow<'r, SqliteRow> for ArtifactFile {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let artifact = Artifact {
            id: ArtifactId(row.try_get("id")?),
            job_id: JobId(row.try_get("job_id")?),
            name: row.try_get("name")?,
            content_type: row.try_get("content_type")?,
            size_bytes: row.try_get("size_bytes")?,
            digest: row.try_get("digest")?,
            storage_path: None,
            attempt: row.try_get("attempt")?,
            stage: row.try_get("stage")?,
            created_at: Timestamp(row.try_get("created_at")?),
        };
        Ok(Self { artifact, path: row.try_get("path")? })
    }
}
