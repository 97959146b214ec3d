//! A job's database row, and its conversion to the form used in responses.

use model::Job;
use redact::{Redacted, Redactor};

use super::concurrency::StoredConcurrency;
use super::maskers::Maskers;
use super::{JobPayload, affinity};

/// A job as the database stores it, with real secret values.
#[derive(Clone, Debug)]
pub(super) struct JobRow {
    /// The job in the form used in responses, but without its payload, and with its affinity key as it is stored.
    pub(super) job: Job,
    /// The stored payload. It is decrypted and parsed only when it is needed, because lists of jobs contain no
    /// payloads.
    pub(super) payload: String,
    pub(super) commands: String,
    /// The job's concurrency key, if it has one.
    pub(super) concurrency: Option<StoredConcurrency>,
    pub(super) idempotency_digest: Option<Vec<u8>>,
    /// The number of the latest change to the job's state. All jobs share one sequence of these numbers.
    pub(super) change: i64,
}

impl JobRow {
    /// Returns the job in the form used in responses.
    pub(super) fn to_job(&self, maskers: &Maskers) -> Job {
        let payload = self.payload(maskers);
        let redactor = maskers.of(self.job.id, || payload.clone());
        Job { payload: Some(payload.masked(&redactor)), ..self.to_summary(maskers) }
    }

    /// Returns the job in the form used in lists of jobs, without its payload. All of its text was masked before it was
    /// stored, except for affinity keys that an earlier version has stored.
    pub(super) fn to_summary(&self, maskers: &Maskers) -> Job {
        let key = self.job.affinity_key.as_deref().map(affinity::shown);
        let affinity_key = key.map(|key| self.mask(maskers, key).to_text().into_owned());
        Job { affinity_key, ..self.job.clone() }
    }

    /// Returns the job's payload, with real secret values.
    pub(super) fn payload(&self, maskers: &Maskers) -> JobPayload {
        maskers.open_payload(self.job.id, &self.job.kind, &self.payload)
    }

    /// Masks the secrets of the job and of the server in `text`, which must belong to the job.
    pub(super) fn mask(&self, maskers: &Maskers, text: &str) -> Redacted {
        self.redactor(maskers).redact(text.as_bytes())
    }

    /// Returns the redactor that masks the secrets of the job and of the server.
    pub(super) fn redactor(&self, maskers: &Maskers) -> Redactor {
        maskers.of(self.job.id, || self.payload(maskers))
    }
}
