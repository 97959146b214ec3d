//! A checked submission, from which a new job's row is created.

use redact::Redactor;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use super::job_row::JobRow;
use super::payload::{Command, InvalidPayload, invalid};
use super::store;
use super::{QueueError, masking};
use crate::model::{JobId, NewJob};

/// The maximum length of a type, an affinity key and an idempotency key, in characters.
const MAX_KEY: usize = 200;
/// The maximum number of attempts of a job.
const MAX_ATTEMPTS: i32 = 100;

/// A new job that has been checked.
#[derive(Clone, Debug)]
pub struct Submission {
    pub(super) id: JobId,
    pub(super) kind: String,
    pub(super) priority: i32,
    pub(super) payload: Value,
    pub(super) title: String,
    pub(super) commands: String,
    pub(super) affinity_key: Option<String>,
    pub(super) max_attempts: i32,
    pub(super) by: String,
    pub(super) resubmitted_from: Option<JobId>,
    pub(super) key: Option<String>,
    pub(super) digest: Option<Vec<u8>>,
}

impl Submission {
    /// Checks a submission. `redactor` is the server's. The payload's own secrets are added to it for masking the texts
    /// that are shown.
    pub(super) fn check(
        mut new: NewJob,
        by: &str,
        key: Option<String>,
        redactor: &Redactor,
    ) -> Result<Self, InvalidPayload> {
        check_key("type", &new.kind)?;
        if !(-1000..=1000).contains(&new.priority) {
            return Err(invalid("priority", format!("takes -1000 to 1000, not {}", new.priority)));
        }
        if !(1..=MAX_ATTEMPTS).contains(&new.max_attempts) {
            return Err(invalid("maxAttempts", format!("takes 1 to {MAX_ATTEMPTS}, not {}", new.max_attempts)));
        }
        if let Some(affinity) = &new.affinity_key {
            check_key("affinityKey", affinity)?;
        }
        if let Some(key) = &key {
            check_key("Idempotency-Key", key)?;
        }
        let payload = match std::mem::take(&mut new.payload) {
            Value::Null => Value::Object(serde_json::Map::new()),
            payload => payload,
        };
        if !payload.is_object() {
            return Err(invalid("payload", "takes an object"));
        }
        let (title, commands) = if new.kind == "command" {
            let command = Command::parse(&payload)?;
            let runs: Vec<&str> = command.steps().map(|(.., step)| step.run.as_str()).collect();
            (command.title_or_command().to_owned(), runs.join("\n"))
        } else {
            let title = payload.get("title").and_then(Value::as_str).unwrap_or(&new.kind);
            (title.chars().take(MAX_KEY).collect(), String::new())
        };
        let own = Redactor::new(masking::secret_values(&payload));
        let mask = |text: &str| {
            let masked = own.redact(text.as_bytes());
            redactor.redact(masked.as_bytes()).to_text().into_owned()
        };
        let digest = key.as_ref().map(|_| digest(&new, &payload));
        Ok(Self {
            id: JobId(uuid::Uuid::now_v7()),
            kind: new.kind,
            priority: new.priority,
            title: mask(&title),
            commands: mask(&commands),
            payload,
            affinity_key: new.affinity_key,
            max_attempts: new.max_attempts,
            by: by.to_owned(),
            resubmitted_from: None,
            key,
            digest,
        })
    }

    /// Creates a copy of the job under a new id.
    pub(super) fn again(row: &JobRow, by: &str) -> Self {
        Self {
            id: JobId(uuid::Uuid::now_v7()),
            kind: row.kind.clone(),
            priority: row.priority,
            payload: row.payload.clone(),
            title: row.title.clone(),
            commands: row.commands.clone(),
            affinity_key: row.affinity_key.clone(),
            max_attempts: row.max_attempts,
            by: by.to_owned(),
            resubmitted_from: Some(row.id),
            key: None,
            digest: None,
        }
    }

    /// Returns the job that an earlier submission with the same key created.
    pub(super) async fn repeated(&self, connection: &mut SqliteConnection) -> Result<Option<JobRow>, QueueError> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some(row) = store::job_of_key(connection, key).await? else { return Ok(None) };
        if row.idempotency_digest != self.digest {
            return Err(
                invalid("Idempotency-Key", "was used for another submission; use a new key for a new job").into()
            );
        }
        Ok(Some(row))
    }
}

fn check_key(field: &str, key: &str) -> Result<(), InvalidPayload> {
    if key.is_empty() || key.chars().count() > MAX_KEY || key.chars().any(char::is_control) {
        return Err(invalid(field, format!("takes 1 to {MAX_KEY} characters without control characters")));
    }
    Ok(())
}

/// Returns the checksum of everything that a submission requests.
fn digest(new: &NewJob, payload: &Value) -> Vec<u8> {
    // serde_json sorts the keys of objects, so equal submissions have equal texts.
    let all = serde_json::json!([new.kind, new.priority, payload, new.affinity_key, new.max_attempts]);
    Sha256::digest(all.to_string()).to_vec()
}
