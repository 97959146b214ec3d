//! Creates the redactors of jobs, and encrypts the payloads of jobs in the database. The secret values of the server,
//! the named secrets and those of the job are compiled into one automaton, so that the longer of two values is masked
//! completely even if the other is a prefix of it.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};

use model::JobId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use redact::{Redactor, Rules};

use super::JobPayload;
use super::payload::invalid;
use crate::seal::SealKey;

/// The expected number of jobs whose redactors are cached. The actual limit is [`CAPACITY`].
const JOBS: usize = 1_000;

/// The maximum memory usage of all cached redactors, in bytes. Caching helps because pages and lists show the same few
/// jobs repeatedly.
const CAPACITY: u64 = 64 << 20;

/// The estimated memory usage of a cache entry that shares the server's redactor, in bytes.
const SHARED: u64 = 256;

/// Creates redactors, and caches those of recent jobs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Maskers {
    key: SealKey,
    /// The rules that recognise secrets by their shape.
    rules: Rules,
    /// The server's own secret values, from its settings and environment.
    of_server: Arc<[String]>,
    shared: Arc<RwLock<SharedMasker>>,
    cached: Arc<Cache<JobId, CachedMasker, Weight>>,
}

/// The values that are masked in every job: those of the server and of all named secrets.
#[derive(Debug)]
struct SharedMasker {
    values: Arc<[String]>,
    /// The redactor of jobs that have no secret values of their own.
    redactor: Redactor,
}

#[derive(Clone)]
struct CachedMasker {
    redactor: Redactor,
    weight: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<JobId, CachedMasker> for Weight {
    fn weight(&self, _job: &JobId, cached: &CachedMasker) -> u64 {
        cached.weight
    }
}

impl SharedMasker {
    fn new(values: Vec<String>, rules: &Rules) -> Self {
        let redactor = redactor(values.iter(), rules);
        Self { values: values.into(), redactor }
    }
}

impl Maskers {
    /// Creates an empty cache of redactors. `values` are the server's secret values, which are masked in every job, and
    /// `rules` recognise other secrets. `key` encrypts payloads and named secrets.
    #[must_use]
    pub fn new(values: Vec<String>, rules: Rules, key: SealKey) -> Self {
        let shared = Arc::new(RwLock::new(SharedMasker::new(values.clone(), &rules)));
        Self {
            key,
            rules,
            of_server: values.into(),
            shared,
            cached: Arc::new(Cache::with_weighter(JOBS, CAPACITY, Weight)),
        }
    }

    /// Masks the values of the named secrets from now on, in addition to the server's values.
    pub(super) fn set_named(&self, named: impl IntoIterator<Item = String>) {
        let shared = SharedMasker::new(self.of_server.iter().cloned().chain(named).collect(), &self.rules);
        *self.shared.write().unwrap_or_else(PoisonError::into_inner) = shared;
        self.cached.clear();
    }

    /// Returns the redactor of jobs that have no secret values of their own.
    pub(super) fn shared(&self) -> Redactor {
        self.shared.read().unwrap_or_else(PoisonError::into_inner).redactor.clone()
    }

    /// Returns the rules that recognise secrets by their shape.
    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Returns the key that encrypts payloads and named secrets.
    pub(super) const fn key(&self) -> &SealKey {
        &self.key
    }

    /// Returns a payload in the form that the database stores.
    pub(super) fn seal_payload(&self, job: JobId, payload: &str) -> String {
        self.key.seal(&purpose(job), payload)
    }

    /// Parses a stored payload. A payload that cannot be decrypted or parsed is [`JobPayload::Unreadable`].
    pub(super) fn open_payload(&self, job: JobId, kind: &str, stored: &str) -> JobPayload {
        // Versions without encryption stored payloads as JSON objects.
        if stored.starts_with('{') {
            return JobPayload::stored(kind, stored);
        }
        match self.key.open(&purpose(job), stored) {
            Ok(text) => JobPayload::stored(kind, &text),
            Err(error) => JobPayload::Unreadable(invalid("payload", error.to_string())),
        }
    }

    /// Returns the redactor of a job. A job's payload never changes, so the redactor is cached under the job's id.
    pub(super) fn of(&self, job: JobId, payload: impl FnOnce() -> JobPayload) -> Redactor {
        let Ok(cached) = self.cached.get_or_insert_with(&job, || Ok::<_, Infallible>(self.make(&payload())));
        cached.redactor
    }

    /// Returns the redactor of a payload that does not belong to a job yet.
    pub(super) fn of_payload(&self, payload: &JobPayload) -> Redactor {
        self.make(payload).redactor
    }

    fn make(&self, payload: &JobPayload) -> CachedMasker {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        let own: Vec<String> = payload.secret_variables().into_iter().map(|(_, value)| value).collect();
        if own.iter().all(|value| shared.values.contains(value)) {
            return CachedMasker { redactor: shared.redactor.clone(), weight: SHARED };
        }
        let values = Arc::clone(&shared.values);
        drop(shared);
        let redactor = redactor(own.iter().chain(values.iter()), &self.rules);
        let weight = redactor.memory() as u64;
        CachedMasker { redactor, weight }
    }
}

/// Creates a redactor that masks the given values without the white space around them, because a value that was read
/// from a file usually ends with a line break.
fn redactor<'v>(values: impl Iterator<Item = &'v String>, rules: &Rules) -> Redactor {
    Redactor::with_rules(values.map(|value| value.trim()), rules)
}

/// Returns the purpose for which the payload of a job is encrypted.
fn purpose(job: JobId) -> String {
    format!("payload of job {job}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(token: &str) -> JobPayload {
        let text = format!("{{\"run\":\"true\",\"env\":{{\"MY_TOKEN\":\"{token}\"}}}}");
        JobPayload::parse("command", &text).expect("it is a payload")
    }

    fn maskers(values: &[&str]) -> Maskers {
        Maskers::new(values.iter().map(|value| (*value).into()).collect(), Rules::none(), SealKey::random().0)
    }

    #[test]
    fn overlapping_values_of_the_server_and_the_job_become_one_mask() {
        let maskers = maskers(&["hunter2hunter2-prod", "ab-hunter2"]);
        let redactor = maskers.of(JobId(uuid::Uuid::now_v7()), || payload("hunter2hunter2"));
        let shown = redactor.redact(b"hunter2hunter2-prod, ab-hunter2hunter2, hunter2hunter2");
        assert_eq!(shown.to_text(), "[REDACTED], [REDACTED], [REDACTED]");
    }

    #[test]
    fn a_jobs_redactor_is_created_once_and_the_cache_is_bounded() {
        let maskers = maskers(&[]);
        let job = JobId(uuid::Uuid::now_v7());
        maskers.of(job, || payload("hunter2hunter2"));
        let again = maskers.of(job, || panic!("the redactor is cached"));
        assert_eq!(again.redact(b"hunter2hunter2").to_text(), "[REDACTED]");
        for _ in 0..100 {
            maskers.of(JobId(uuid::Uuid::now_v7()), || payload(&"x".repeat(2_000)));
        }
        assert!(maskers.cached.weight() <= CAPACITY);
        // A redactor that is too large for the cache is still created.
        let large = maskers.of(JobId(uuid::Uuid::now_v7()), || payload(&"y".repeat(1 << 20)));
        assert_eq!(large.redact("y".repeat(1 << 20).as_bytes()).to_text(), "[REDACTED]");
        assert!(maskers.cached.weight() <= CAPACITY);
    }

    #[test]
    fn the_values_of_named_secrets_are_masked_in_all_jobs_from_now_on() {
        let maskers = maskers(&["of-the-server"]);
        let (with, without) = (JobId(uuid::Uuid::now_v7()), JobId(uuid::Uuid::now_v7()));
        let shown = |job, token: &str| {
            let redactor = maskers.of(job, || payload(token));
            redactor.redact(b"of-the-server hunter2hunter2 of-the-job").to_text().into_owned()
        };
        assert_eq!(shown(with, "of-the-job"), "[REDACTED] hunter2hunter2 [REDACTED]");
        assert_eq!(shown(without, ""), "[REDACTED] hunter2hunter2 of-the-job");
        maskers.set_named(["hunter2hunter2".to_owned()]);
        assert_eq!(shown(with, "of-the-job"), "[REDACTED] [REDACTED] [REDACTED]");
        assert_eq!(shown(without, ""), "[REDACTED] [REDACTED] of-the-job");
    }

    #[test]
    fn a_stored_payload_is_encrypted_for_its_job() {
        let maskers = maskers(&[]);
        let [job, other] = [(); 2].map(|()| JobId(uuid::Uuid::now_v7()));
        let text = payload("hunter2hunter2").to_text();
        let stored = maskers.seal_payload(job, &text);
        assert!(!stored.contains("hunter2"));
        assert_eq!(maskers.open_payload(job, "command", &stored).to_text(), text);
        assert!(matches!(maskers.open_payload(other, "command", &stored), JobPayload::Unreadable(_)));
        assert_eq!(maskers.open_payload(job, "command", &text).to_text(), text, "stored by an earlier version");
    }
}
