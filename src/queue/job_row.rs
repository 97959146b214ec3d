//! A job's database row, and its conversion to the form that responses show.

use redact::Redacted;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::JobPayload;
use super::maskers::Maskers;
use crate::model::{FailureReason, Job, JobId, JobInput, JobStatus, Seq, Timestamp};

/// A job as the database stores it, with real secret values.
#[derive(Clone, Debug)]
pub(super) struct JobRow {
    pub(super) id: JobId,
    pub(super) kind: String,
    pub(super) status: JobStatus,
    pub(super) priority: i32,
    /// The stored payload. It is parsed only where it is needed, because lists do not need it.
    pub(super) payload: String,
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
    pub(super) input: Option<JobInput>,
    pub(super) idempotency_digest: Option<Vec<u8>>,
    /// The number of the latest change of its state, in a sequence shared by all jobs.
    pub(super) change: i64,
    shown: Job,
}

impl JobRow {
    /// Returns the job as responses show it.
    pub(super) fn to_job(&self, maskers: &Maskers) -> Job {
        let payload = self.payload();
        let redactor = maskers.of(self.id, || payload.clone());
        Job { payload: Some(payload.masked(&redactor)), ..self.to_summary(maskers) }
    }

    /// Returns the job as lists show it. Its other texts were masked before they were stored.
    pub(super) fn to_summary(&self, maskers: &Maskers) -> Job {
        let affinity_key = self.shown.affinity_key.as_ref().map(|key| self.mask(maskers, key).to_text().into_owned());
        Job { affinity_key, ..self.shown.clone() }
    }

    fn payload(&self) -> JobPayload {
        JobPayload::stored(&self.kind, &self.payload)
    }

    /// Returns when the job was submitted.
    pub(super) const fn created_at(&self) -> Timestamp {
        self.shown.created_at
    }

    /// Returns when its latest attempt began.
    pub(super) const fn started_at(&self) -> Option<Timestamp> {
        self.shown.started_at
    }

    /// Masks a text that belongs to the job, with its own secrets and the server's.
    pub(super) fn mask(&self, maskers: &Maskers, text: &str) -> Redacted {
        maskers.of(self.id, || self.payload()).redact(text.as_bytes())
    }
}

impl<'r> FromRow<'r, SqliteRow> for JobRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let time = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(Timestamp));
        let status: &str = row.try_get("status")?;
        let status = JobStatus::from_word(status).ok_or_else(|| damaged("status"))?;
        let reason: Option<&str> = row.try_get("failure_reason")?;
        let input = parse_input(row.try_get("input")?)?;
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
            input: input.clone(),
            queue_position: None,
        };
        Ok(Self {
            id: shown.id,
            kind: shown.kind.clone(),
            status,
            priority: shown.priority,
            payload: row.try_get("payload")?,
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
            input,
            idempotency_digest: row.try_get("idempotency_digest")?,
            change: row.try_get("change")?,
            shown,
        })
    }
}

/// Parses the description of a job's input.
pub(super) fn parse_input(text: Option<&str>) -> sqlx::Result<Option<JobInput>> {
    text.map(serde_json::from_str).transpose().map_err(|_| damaged("input"))
}

/// Returns the error for a column that contains something this program never writes.
pub(super) fn damaged(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored job's {column} is damaged").into())
}
