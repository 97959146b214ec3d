//! The jobs that a worker on another machine receives.
//!
//! This module runs in the worker: it converts the server's replies into the form in which jobs are run. The redactor
//! of such a job masks the secrets that the job has received, and the worker's own values. The redactor does not
//! contain the server's values or the secrets of other jobs. The server masks these when the output arrives.

use std::collections::BTreeMap;

use model::{JobId, JobInput, OutputProgress};
use redact::{Redacted, Rules};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::leases::COMMAND;
use super::{Abandoned, Claimed, JobPayload, Maskers};
use crate::event_log::Lease;
use crate::seal::SealKey;

/// Parses the jobs that a worker receives. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReceivedJobs {
    worker: Redacted,
    maskers: Maskers,
}

/// The response to a claim.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    job: Option<&'a RawValue>,
}

/// The members of a claimed job that a worker needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceivedJob<'a> {
    id: JobId,
    attempt: i32,
    lease_epoch: i64,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(default)]
    input: Option<JobInput>,
    secrets: BTreeMap<String, String>,
    progress: OutputProgress,
}

impl ReceivedJobs {
    /// Creates the parser for a worker with the given name. `values` are the secret values of the worker itself, and
    /// `rules` recognise other secrets.
    #[must_use]
    pub fn new(worker: &str, values: Vec<String>, rules: Rules) -> Self {
        // The key is not used, because nothing is encrypted or decrypted.
        let maskers = Maskers::new(values, rules, SealKey::random().0);
        let worker = maskers.shared().redact(worker.as_bytes());
        Self { worker, maskers }
    }

    /// Parses the response to a claim. Returns `None` if it contains no job.
    pub fn read(&self, reply: &str) -> Result<Option<Abandoned>, serde_json::Error> {
        let Some(job) = serde_json::from_str::<Reply<'_>>(reply)?.job else { return Ok(None) };
        let job: ReceivedJob<'_> = serde_json::from_str(job.get())?;
        // A worker can run jobs of any type whose payload is a command.
        let payload = JobPayload::stored(COMMAND, job.payload.get());
        // Subscribe to changes before creating the redactor, so that no change is missed.
        let shared_values = self.maskers.shared_values();
        let received = job.secrets.values().map(|value| value.trim().to_owned());
        let redactor = self.maskers.of_payload(&payload).with_values(received);
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let claimed = Claimed {
            lease: Lease { job: job.id, attempt: job.attempt, epoch: job.lease_epoch },
            payload,
            redactor,
            shared_values,
            worker: self.worker.clone(),
            sent_before: count(job.progress.earlier_bytes),
            input: job.input,
            secrets: job.secrets,
        };
        Ok(Some(Abandoned {
            claimed,
            shipped: count(job.progress.to),
            suppressed: count(job.progress.suppressed_bytes),
            last_batch: job.progress.batch,
        }))
    }
}
