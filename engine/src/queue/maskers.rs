//! Creates the redactors of jobs. The secret values of the server and those of the job are compiled into one automaton,
//! so that the longer of two values is masked completely even if the other is a prefix of it.

use std::convert::Infallible;
use std::sync::Arc;

use model::JobId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use redact::Redactor;

use super::JobPayload;

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
    values: Arc<[String]>,
    /// The redactor of jobs that have no secret values of their own.
    server: Redactor,
    kept: Arc<Cache<JobId, CachedMasker, Weight>>,
}

#[derive(Clone)]
struct CachedMasker {
    redactor: Redactor,
    weight: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<JobId, CachedMasker> for Weight {
    fn weight(&self, _job: &JobId, kept: &CachedMasker) -> u64 {
        kept.weight
    }
}

impl Maskers {
    /// Creates an empty cache of redactors. `values` are the server's secret values, which are masked in every job.
    #[must_use]
    pub fn new(values: Vec<String>) -> Self {
        let server = Redactor::new(&values);
        Self { values: values.into(), server, kept: Arc::new(Cache::with_weighter(JOBS, CAPACITY, Weight)) }
    }

    /// Returns the redactor of a job. A job's payload never changes, so the redactor is cached under the job's id.
    pub(super) fn of(&self, job: JobId, payload: impl FnOnce() -> JobPayload) -> Redactor {
        let Ok(kept) = self.kept.get_or_insert_with(&job, || Ok::<_, Infallible>(self.make(&payload())));
        kept.redactor
    }

    /// Returns the redactor of a payload that does not belong to a job yet.
    pub(super) fn of_payload(&self, payload: &JobPayload) -> Redactor {
        self.make(payload).redactor
    }

    fn make(&self, payload: &JobPayload) -> CachedMasker {
        let own = payload.secret_values();
        if own.is_empty() {
            return CachedMasker { redactor: self.server.clone(), weight: SHARED };
        }
        let redactor = Redactor::new(own.iter().chain(self.values.iter()));
        let weight = redactor.memory() as u64;
        CachedMasker { redactor, weight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(token: &str) -> JobPayload {
        let text = format!("{{\"run\":\"true\",\"env\":{{\"MY_TOKEN\":\"{token}\"}}}}");
        JobPayload::parse("command", &text).expect("it is a payload")
    }

    #[test]
    fn overlapping_values_of_the_server_and_the_job_become_one_mask() {
        let maskers = Maskers::new(vec!["hunter2hunter2-prod".into(), "ab-hunter2".into()]);
        let redactor = maskers.of(JobId(uuid::Uuid::now_v7()), || payload("hunter2hunter2"));
        let shown = redactor.redact(b"hunter2hunter2-prod, ab-hunter2hunter2, hunter2hunter2");
        assert_eq!(shown.to_text(), "[REDACTED], [REDACTED], [REDACTED]");
    }

    #[test]
    fn a_jobs_redactor_is_created_once_and_the_cache_is_bounded() {
        let maskers = Maskers::new(Vec::new());
        let job = JobId(uuid::Uuid::now_v7());
        maskers.of(job, || payload("hunter2hunter2"));
        let again = maskers.of(job, || panic!("the redactor is cached"));
        assert_eq!(again.redact(b"hunter2hunter2").to_text(), "[REDACTED]");
        for _ in 0..100 {
            maskers.of(JobId(uuid::Uuid::now_v7()), || payload(&"x".repeat(2_000)));
        }
        assert!(maskers.kept.weight() <= CAPACITY);
        // A redactor that is too large for the cache is still created.
        let large = maskers.of(JobId(uuid::Uuid::now_v7()), || payload(&"y".repeat(1 << 20)));
        assert_eq!(large.redact("y".repeat(1 << 20).as_bytes()).to_text(), "[REDACTED]");
        assert!(maskers.kept.weight() <= CAPACITY);
    }
}
