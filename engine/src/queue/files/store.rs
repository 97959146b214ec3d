//! The SQL queries for artifacts and the output of attempts.

use model::{Artifact, ArtifactId, JobId, JobStatus, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::{ArtifactFile, AttemptOutput};
use crate::db::{Connection, DbResult};
use crate::event_log::Lease;
use crate::queue::NewArtifact;
use crate::queue::store::damaged;

/// Records an artifact. If the attempt already has an artifact with the same name, the new one replaces it.
pub(in crate::queue) async fn keep_artifact(
    connection: &mut Connection,
    lease: Lease,
    artifact: &NewArtifact,
    now: Timestamp,
) -> DbResult<()> {
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
    .bind(artifact.content_type.as_ref())
    .bind(artifact.size_bytes)
    .bind(format!("sha256:{}", artifact.sha256))
    .bind(artifact.place.path(lease, artifact.id))
    .bind(artifact.stage.map(model::Stage::as_str))
    .bind(now.0)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

pub(in crate::queue) async fn artifacts(connection: &mut Connection, job: JobId) -> DbResult<Vec<Artifact>> {
    let files: Vec<ArtifactFile> = sqlx::query_as("select * from artifacts where job_id = ? order by created_at, id")
        .bind(job.0)
        .fetch_all(connection.sqlite())
        .await?;
    Ok(files.into_iter().map(|file| file.artifact).collect())
}

/// Returns the paths of the files that are recorded as artifacts of an attempt, relative to the data directory.
pub(in crate::queue) async fn artifact_paths(
    connection: &mut Connection,
    job: JobId,
    attempt: i32,
) -> DbResult<Vec<String>> {
    Ok(sqlx::query_scalar("select path from artifacts where job_id = ? and attempt = ?")
        .bind(job.0)
        .bind(attempt)
        .fetch_all(connection.sqlite())
        .await?)
}

pub(in crate::queue) async fn artifact(connection: &mut Connection, id: ArtifactId) -> DbResult<Option<ArtifactFile>> {
    Ok(sqlx::query_as("select * from artifacts where id = ?").bind(id.0).fetch_optional(connection.sqlite()).await?)
}

pub(in crate::queue) async fn artifact_named(
    connection: &mut Connection,
    job: JobId,
    attempt: i32,
    name: &str,
) -> DbResult<Option<ArtifactFile>> {
    Ok(sqlx::query_as("select * from artifacts where job_id = ? and attempt = ? and name = ?")
        .bind(job.0)
        .bind(attempt)
        .bind(name)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Returns the number and the total size of the artifacts of an attempt, except the one with the given name.
pub(in crate::queue) async fn totals_without(
    connection: &mut Connection,
    lease: Lease,
    name: &str,
) -> DbResult<(i64, i64)> {
    Ok(sqlx::query_as(
        "select count(*), coalesce(sum(size_bytes), 0) from artifacts where job_id = ? and attempt = ? and name <> ?",
    )
    .bind(lease.job.0)
    .bind(lease.attempt)
    .bind(name)
    .fetch_one(connection.sqlite())
    .await?)
}

/// Returns the smallest uncompressed log of at least `size` bytes, if there is one.
pub(in crate::queue) async fn next_uncompressed(
    connection: &mut Connection,
    size: i64,
) -> DbResult<Option<ArtifactFile>> {
    Ok(sqlx::query_as(
        "select * from artifacts
         where stored_bytes is null and name = 'logs/output.log' and size_bytes >= ? and path like 'spool/%'
         order by size_bytes limit 1",
    )
    .bind(size)
    .fetch_optional(connection.sqlite())
    .await?)
}

/// Records the size of a log after its compression.
pub(in crate::queue) async fn set_stored_bytes(
    connection: &mut Connection,
    id: ArtifactId,
    bytes: i64,
) -> DbResult<()> {
    sqlx::query("update artifacts set stored_bytes = ? where id = ?")
        .bind(bytes)
        .bind(id.0)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Returns the status of the output of the given attempt, or of the latest attempt if `attempt` is `None`. Returns
/// `None` if there is no such job.
pub(in crate::queue) async fn attempt_output(
    connection: &mut Connection,
    job: JobId,
    attempt: Option<i32>,
) -> DbResult<Option<AttemptOutput>> {
    let row: Option<SqliteRow> = sqlx::query(
        "select j.attempt as last_attempt, j.status as job_status, j.output_removed_at, a.attempt, a.status, f.digest
         from jobs j
         left join attempts a on a.job_id = j.id and a.attempt = coalesce(?, j.attempt)
         left join artifacts f on f.job_id = a.job_id and f.attempt = a.attempt and f.name = 'logs/output.log'
           -- A worker on another machine may upload a file with this name, which is not in a spool.
           and f.path like 'spool/%'
         where j.id = ?",
    )
    .bind(attempt)
    .bind(job.0)
    .fetch_optional(connection.sqlite())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let job_status = JobStatus::from_word(row.try_get("job_status")?).ok_or_else(|| damaged("status"))?;
    let status: Option<&str> = row.try_get("status")?;
    let digest: Option<&str> = row.try_get("digest")?;
    Ok(Some(AttemptOutput {
        attempt: row.try_get::<Option<i32>, _>("attempt")?.unwrap_or(0),
        last_attempt: row.try_get("last_attempt")?,
        job_has_finished: job_status.is_terminal(),
        is_complete: status.map_or(job_status.is_terminal(), |status| status != "started"),
        removed_at: row.try_get::<Option<i64>, _>("output_removed_at")?.map(Timestamp),
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
