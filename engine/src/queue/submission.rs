//! A checked submission, from which a new job's row is created.

use model::{JobId, JobInput, NewJob};
use redact::{Redacted, Redactor};
use sha2::{Digest, Sha256};

use super::concurrency::{ClaimCriteria, StoredConcurrency, claim_line};
use super::job_row::JobRow;
use super::leases::COMMAND;
use super::maskers::{Maskers, check_no_secret};
use super::payload::{InvalidPayload, JobPayload, invalid};
use super::working_roots::WorkingRoots;
use super::{QueueError, affinity, store, weak};
use crate::db::Connection;
use crate::json::{self, Json};

/// The maximum length of a name that a client chooses, such as a type or an idempotency key, in characters.
const MAX_KEY: usize = 200;
/// The maximum length of the reason for a cancellation or a pause, in characters.
const MAX_REASON: usize = 2_000;
/// The maximum number of attempts of a job.
const MAX_ATTEMPTS: i32 = 100;

/// A new job that has been checked and is ready to be stored.
#[derive(Clone, Debug)]
pub struct Submission {
    pub(super) id: JobId,
    pub(super) kind: String,
    pub(super) priority: i32,
    pub(super) payload: JobPayload,
    /// The names of the secrets that the job receives.
    pub(super) secrets: Vec<String>,
    /// The capabilities that the job requires of its worker.
    pub(super) capabilities: Vec<String>,
    /// The member `repository` of the payload, masked.
    pub(super) repository: Option<String>,
    /// The job's concurrency key, if it has one.
    pub(super) concurrency: Option<StoredConcurrency>,
    /// The digest that `claim_line` returns. Jobs with the same digest form a line: as far as claims are concerned,
    /// they differ only in their order. `None` if the job has neither a concurrency key nor an affinity key.
    pub(super) claim_line: Option<Vec<u8>>,
    pub(super) title: String,
    pub(super) commands: String,
    pub(super) affinity_key: Option<String>,
    pub(super) max_attempts: i32,
    pub(super) by: String,
    pub(super) resubmitted_from: Option<JobId>,
    pub(super) input: Option<JobInput>,
    pub(super) key: Option<String>,
    pub(super) digest: Option<Vec<u8>>,
    /// The warning about members of the payload that are masked only as whole words, if there are any. The program that
    /// runs a job of the type `command` creates this warning itself.
    pub(super) weak_values: Option<Redacted>,
}

impl Submission {
    /// Checks a submission, and masks its title and commands, which are stored separately for lists and searches. An
    /// error does not quote secrets of the submission.
    pub(super) fn check(
        new: NewJob,
        by: &str,
        key: Option<String>,
        maskers: &Maskers,
        roots: &WorkingRoots,
    ) -> Result<Self, InvalidPayload> {
        let payload = new.payload.clone();
        Self::checked(new, by, key, maskers, roots).map_err(|InvalidPayload { field, problem }| {
            let payload = json::parse(payload.get()).ok();
            let mask = |text: &str| maskers.mask_error(text, payload.as_ref());
            InvalidPayload { field: mask(&field), problem: mask(&problem) }
        })
    }

    fn checked(
        new: NewJob,
        by: &str,
        key: Option<String>,
        maskers: &Maskers,
        roots: &WorkingRoots,
    ) -> Result<Self, InvalidPayload> {
        check_key("type", &new.kind)?;
        if !(-1000..=1000).contains(&new.priority) {
            return Err(invalid("priority", format!("must be -1000 to 1000, not {}", new.priority)));
        }
        if !(1..=MAX_ATTEMPTS).contains(&new.max_attempts) {
            return Err(invalid("maxAttempts", format!("must be 1 to {MAX_ATTEMPTS}, not {}", new.max_attempts)));
        }
        if let Some(affinity) = &new.affinity_key {
            check_key("affinityKey", affinity)?;
        }
        if let Some(key) = &key {
            check_key("Idempotency-Key", key)?;
        }
        let payload = JobPayload::parse(&new.kind, new.payload.get())?;
        let capabilities = payload.required_capabilities()?;
        let concurrency = payload.concurrency()?;
        let PayloadSummary { title, commands, secrets } = PayloadSummary::check(&new.kind, &payload, roots)?;
        let id = JobId(uuid::Uuid::now_v7());
        let redactor = maskers.of(id, || payload.clone());
        let mask = |text: &str| redactor.redact(text.as_bytes()).to_text().into_owned();
        check_names(&new.kind, key.as_deref(), &redactor)?;
        payload.check_capabilities_for_secrets(&redactor)?;
        let affinity_key = new.affinity_key.as_deref().map(|key| affinity::stored(key, &redactor));
        let digest = key.as_ref().map(|_| digest(&new, &payload));
        let repository = payload.repository().map(mask);
        let criteria = ClaimCriteria {
            kind: &new.kind,
            capabilities: &capabilities,
            repository: repository.as_deref(),
            affinity_key: affinity_key.as_deref(),
            priority: new.priority,
        };
        let claim_line = claim_line(concurrency.as_ref(), criteria);
        let concurrency = concurrency.map(|found| StoredConcurrency::new(&found, mask(&found.key)));
        let weak_values = weak_values(&new.kind, &payload, &redactor);
        Ok(Self {
            id,
            kind: new.kind,
            priority: new.priority,
            repository,
            concurrency,
            claim_line,
            title: mask(&title),
            commands: mask(&commands),
            payload,
            secrets,
            capabilities,
            affinity_key,
            max_attempts: new.max_attempts,
            by: by.to_owned(),
            resubmitted_from: None,
            input: None,
            key,
            digest,
            weak_values,
        })
    }

    /// Adds the input of the submission. The digest by which repeated submissions are recognised then includes the
    /// input's checksum.
    pub(super) fn with_input(mut self, input: Option<JobInput>) -> Self {
        if let (Some(input), Some(digest)) = (&input, &mut self.digest) {
            *digest = Sha256::digest([digest.as_slice(), input.sha256.as_bytes()].concat()).to_vec();
        }
        self.input = input;
        self
    }

    /// Creates the submission of a copy of the job, under a new id.
    pub(super) fn again(row: &JobRow, by: &str, maskers: &Maskers) -> Result<Self, InvalidPayload> {
        let payload = row.payload(maskers);
        let secrets = match &payload {
            JobPayload::Command(_) => payload.command()?.secret_names(),
            JobPayload::Other(_) => Vec::new(),
            JobPayload::Unreadable(error) => return Err(error.clone()),
        };
        let capabilities = payload.required_capabilities()?;
        let redactor = maskers.of_payload(&payload);
        let mask = |text: &str| redactor.redact(text.as_bytes()).to_text().into_owned();
        let repository = payload.repository().map(mask);
        let criteria = ClaimCriteria {
            kind: &row.job.kind,
            capabilities: &capabilities,
            repository: repository.as_deref(),
            affinity_key: row.job.affinity_key.as_deref(),
            priority: row.job.priority,
        };
        let concurrency = payload.concurrency()?;
        let claim_line = claim_line(concurrency.as_ref(), criteria);
        let concurrency = concurrency.map(|found| StoredConcurrency::new(&found, mask(&found.key)));
        let weak_values = weak_values(&row.job.kind, &payload, &redactor);
        Ok(Self {
            id: JobId(uuid::Uuid::now_v7()),
            kind: row.job.kind.clone(),
            priority: row.job.priority,
            repository,
            concurrency,
            claim_line,
            payload,
            secrets,
            capabilities,
            // Mask the text again, because a value in it may have become secret since the original was submitted.
            title: mask(&row.job.title),
            commands: mask(&row.commands),
            affinity_key: row.job.affinity_key.clone(),
            max_attempts: row.job.max_attempts,
            by: by.to_owned(),
            resubmitted_from: Some(row.job.id),
            // Both jobs share one archive, which never changes.
            input: row.job.input.clone(),
            key: None,
            digest: None,
            weak_values,
        })
    }

    /// Returns the job that an earlier submission with the same key created, if there was one. Fails if that submission
    /// was different.
    pub(super) async fn repeated(&self, connection: &mut Connection) -> Result<Option<JobRow>, QueueError> {
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

/// Checks the reason for a cancellation or a pause, which must be short and may contain line breaks and tabs but no
/// other control characters.
pub(super) fn check_reason(reason: &str) -> Result<(), InvalidPayload> {
    if reason.chars().count() > MAX_REASON {
        return Err(invalid("reason", format!("must have at most {MAX_REASON} characters")));
    }
    if reason.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(invalid("reason", "must not contain control characters except line breaks and tabs"));
    }
    Ok(())
}

/// Checks a name that a client chooses, such as a type, an affinity key or an idempotency key.
pub(super) fn check_key(field: &str, key: &str) -> Result<(), InvalidPayload> {
    if key.is_empty() || key.chars().count() > MAX_KEY || key.chars().any(char::is_control) {
        return Err(invalid(field, format!("must have 1 to {MAX_KEY} characters and no control characters")));
    }
    Ok(())
}

/// Checks that the names by which a job is found contain no secret. They are stored and compared as they are.
fn check_names(kind: &str, key: Option<&str>, redactor: &Redactor) -> Result<(), InvalidPayload> {
    // Whoever registers the name of this type as a secret must not keep all jobs from being submitted.
    if kind != COMMAND {
        check_no_secret("type", kind, redactor)?;
    }
    key.map_or(Ok(()), |key| check_no_secret("Idempotency-Key", key, redactor))
}

/// Returns the warning about members of a payload that are masked only as whole words, if there are any.
fn weak_values(kind: &str, payload: &JobPayload, redactor: &Redactor) -> Option<Redacted> {
    let members = payload.secret_variables().into_iter().filter(|_| kind != COMMAND);
    weak::warning(members, redactor)
}

/// The values that are derived from a payload and stored in columns of their own.
struct PayloadSummary {
    /// The title of the job.
    title: String,
    /// The commands of the job, which text searches examine.
    commands: String,
    /// The names of the secrets that the job receives.
    secrets: Vec<String>,
}

impl PayloadSummary {
    /// Checks a payload, and summarises it.
    fn check(kind: &str, payload: &JobPayload, roots: &WorkingRoots) -> Result<Self, InvalidPayload> {
        let JobPayload::Other(json) = payload else {
            let command = payload.command()?;
            command.check_roots(roots)?;
            let runs: Vec<&str> = command.steps().map(|(.., step)| step.run.as_str()).collect();
            let (title, commands) = (command.title_or_command().to_owned(), runs.join("\n"));
            return Ok(Self { title, commands, secrets: command.secret_names() });
        };
        let title = json.get("title").and_then(Json::as_str).unwrap_or(kind);
        // In a `command` job, a title with control characters is refused. The payloads of other types may contain any
        // text, so control characters are replaced here.
        let line = title.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_KEY).collect::<String>();
        let title = if line.trim().is_empty() { kind } else { line.trim() };
        Ok(Self { title: title.to_owned(), commands: String::new(), secrets: Vec::new() })
    }
}

/// Returns a checksum of all fields of a submission, which is used to recognise a repeated submission.
fn digest(new: &NewJob, payload: &JobPayload) -> Vec<u8> {
    let rest = serde_json::json!([new.kind, new.priority, new.affinity_key, new.max_attempts]);
    Sha256::digest(format!("{rest}{}", payload.to_sorted_text())).to_vec()
}
