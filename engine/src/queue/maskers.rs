//! Creates the redactors of jobs, and encrypts the payloads of jobs in the database.
//!
//! The secret values of the server and the named secrets are masked in all jobs. They are compiled into one redactor,
//! from which each job's redactor is derived by adding the job's own values. If values overlap in the output, all of
//! their bytes are masked, even if one value is a prefix of another.

use std::convert::Infallible;
use std::sync::Arc;

use model::JobId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use redact::{Redacted, Redactor, Rules};
use tokio::sync::watch;

use super::JobPayload;
use super::payload::{InvalidPayload, invalid, secret_members};
use crate::json::Json;
use crate::seal::SealKey;

/// The expected number of jobs whose redactors are cached. The actual limit is the memory usage ([`CAPACITY`]).
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
    /// The rules that recognise secrets by their format.
    rules: Rules,
    /// The server's own secret values, from its settings and environment.
    of_server: Arc<[String]>,
    shared: Arc<watch::Sender<SharedMasker>>,
    /// The redactors of jobs, by the version of the shared values and by job.
    cached: Arc<Cache<(u64, JobId), CachedMasker, Weight>>,
}

/// The redactor of the values that are masked in every job: the server's own values, and those of all named secrets.
#[derive(Clone, Debug)]
struct SharedMasker {
    /// The number of times that the values have been replaced.
    version: u64,
    /// The redactor of jobs that have no secret values of their own.
    redactor: Redactor,
}

/// Notifies a running attempt when the values that are masked in every job change.
#[derive(Clone, Debug)]
pub struct SharedValues(watch::Receiver<SharedMasker>);

impl SharedValues {
    /// If the values that are masked in every job have changed since the last call, returns their redactor. Otherwise,
    /// returns `None`.
    pub fn changed(&mut self) -> Option<Redactor> {
        // An error means that there will be no further change.
        self.0.has_changed().unwrap_or(false).then(|| self.0.borrow_and_update().redactor.clone())
    }
}

#[derive(Clone)]
struct CachedMasker {
    redactor: Redactor,
    weight: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<(u64, JobId), CachedMasker> for Weight {
    fn weight(&self, _job: &(u64, JobId), cached: &CachedMasker) -> u64 {
        cached.weight
    }
}

impl Maskers {
    /// Creates an instance with an empty cache. `values` are the server's secret values, which are masked in every job.
    /// `rules` recognise other secrets by their format. `key` encrypts payloads and named secrets.
    #[must_use]
    pub fn new(values: Vec<String>, rules: Rules, key: SealKey) -> Self {
        let shared = SharedMasker { version: 0, redactor: redactor(&values, &rules) };
        Self {
            key,
            rules,
            of_server: values.into(),
            shared: Arc::new(watch::Sender::new(shared)),
            cached: Arc::new(Cache::with_weighter(JOBS, CAPACITY, Weight)),
        }
    }

    /// Replaces the values of the named secrets, which are masked in addition to the server's values. Running attempts
    /// are notified.
    pub(super) fn set_named(&self, named: impl IntoIterator<Item = String>) {
        let values: Vec<String> = self.of_server.iter().cloned().chain(named).collect();
        let redactor = redactor(&values, &self.rules);
        self.shared.send_modify(|shared| *shared = SharedMasker { version: shared.version + 1, redactor });
        self.cached.clear();
    }

    /// Returns the redactor of jobs that have no secret values of their own.
    pub(super) fn shared(&self) -> Redactor {
        self.shared.borrow().redactor.clone()
    }

    /// Masks a text that does not belong to a job.
    #[must_use]
    pub fn mask(&self, text: &str) -> Redacted {
        self.shared().redact(text.as_bytes())
    }

    /// Masks a name that does not belong to a job, unless it contains only values that are masked as whole tokens. Such
    /// values are short or common, so they may be names as well.
    #[must_use]
    pub fn mask_name(&self, name: &str) -> Redacted {
        let redactor = self.shared();
        if reveals_secret(&redactor, name) {
            redactor.redact(name.as_bytes())
        } else {
            Redacted::from_stored(name.as_bytes().to_vec())
        }
    }

    /// Returns whether a name that does not belong to a job contains a secret.
    #[must_use]
    pub fn reveals_secret(&self, name: &str) -> bool {
        reveals_secret(&self.shared(), name)
    }

    /// Masks the message of an error, which may quote the request that caused it. `body` is the body of that request,
    /// if it is JSON. The values of its members with secret-looking names are masked in the message too.
    #[must_use]
    pub fn mask_error(&self, message: &str, body: Option<&Json>) -> String {
        let own = body.map(secret_members).unwrap_or_default();
        let redactor = self.shared().with_values(own.into_iter().map(|(_, value)| value.trim().to_owned()));
        let mask = |text: &str| redactor.redact(text.as_bytes()).to_text().into_owned();
        // A message often begins with the name of a field and a colon. The rules for assignments would mistake the next
        // word for the value of the field.
        match message.split_once(": ") {
            Some((field, problem)) => format!("{}: {}", mask(field), mask(problem)),
            None => mask(message),
        }
    }

    /// Returns a receiver for future changes to the values that are masked in every job.
    pub(super) fn shared_values(&self) -> SharedValues {
        SharedValues(self.shared.subscribe())
    }

    /// Returns the rules that recognise secrets by their format.
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

    /// Returns the redactor of a job. A job's payload never changes, so the redactor is cached until the shared values
    /// change.
    pub(super) fn of(&self, job: JobId, payload: impl FnOnce() -> JobPayload) -> Redactor {
        let shared = self.shared.borrow().clone();
        let key = (shared.version, job);
        let make = || Ok::<_, Infallible>(make(&shared.redactor, &payload()));
        let Ok(cached) = self.cached.get_or_insert_with(&key, make);
        cached.redactor
    }

    /// Returns the redactor of a payload that does not belong to a job yet.
    pub(super) fn of_payload(&self, payload: &JobPayload) -> Redactor {
        make(&self.shared(), payload).redactor
    }
}

/// Returns whether a name contains a secret that has to be masked wherever it occurs. Names by which jobs and workers
/// are found cannot be masked, so such names are refused. A value that is masked only as a whole token is permitted,
/// because it is short or a common word.
fn reveals_secret(redactor: &Redactor, name: &str) -> bool {
    let found = redactor.explain(name.as_bytes());
    found.into_iter().any(|found| found.rule.is_some() || redact::is_masked_everywhere(&name.as_bytes()[found.range]))
}

/// Checks that a name contains no secret.
pub(super) fn check_no_secret(field: impl Into<String>, name: &str, redactor: &Redactor) -> Result<(), InvalidPayload> {
    if reveals_secret(redactor, name) {
        return Err(invalid(field, "must not contain a secret, because it is stored and shown as it is"));
    }
    Ok(())
}

/// Creates the redactor of a job. `shared` is the redactor of the values that are masked in every job.
fn make(shared: &Redactor, payload: &JobPayload) -> CachedMasker {
    let own = payload.secret_variables().into_iter().map(|(_, value)| value.trim().to_owned());
    let redactor = shared.with_values(own);
    let weight = SHARED + redactor.memory_beside(shared) as u64;
    CachedMasker { redactor, weight }
}

/// Creates a redactor that masks the given values. White space around a value is removed first, because a value that
/// was read from a file usually ends with a line break.
fn redactor(values: &[String], rules: &Rules) -> Redactor {
    Redactor::with_rules(values.iter().map(|value| value.trim()), rules)
}

/// Returns the `purpose` for which [`SealKey`] encrypts the payload of a job.
fn purpose(job: JobId) -> String {
    format!("payload of job {job}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

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
    fn a_job_with_few_values_takes_little_memory_beside_many_named_secrets() {
        let maskers = maskers(&[]);
        maskers.set_named((0..500).map(|number| format!("{number:030}-of-all-jobs")));
        maskers.of(JobId(uuid::Uuid::now_v7()), || payload("hunter2hunter2"));
        assert!(maskers.shared().memory() > 5 << 20);
        assert!(maskers.cached.weight() < 256 << 10, "{} bytes", maskers.cached.weight());
    }

    #[test]
    fn a_name_reveals_a_secret_unless_the_secret_is_masked_only_as_a_whole_token() {
        let maskers = Maskers::new(
            vec!["hunter2hunter2".to_owned(), "prod".to_owned(), "password".to_owned()],
            Rules::built_in(),
            SealKey::random().0,
        );
        for (name, shown) in [
            ("deploy-hunter2hunter2", "deploy-[REDACTED]"),
            ("68756e7465723268756e74657232", "[REDACTED]"),
            (&format!("ghp_{}", "aB3dE5gH7jK9".repeat(3)), "[REDACTED:github-token]"),
        ] {
            assert!(maskers.reveals_secret(name), "{name}");
            assert!(check_no_secret("type", name, &maskers.shared()).is_err(), "{name}");
            assert_eq!(maskers.mask_name(name).to_text(), shown);
        }
        for name in ["prod", "deploy-prod", "password", "command", "gpu"] {
            assert!(!maskers.reveals_secret(name), "{name}");
            assert_eq!(maskers.mask_name(name).to_text(), name);
        }
        assert_eq!(maskers.mask("deploy to prod").to_text(), "deploy to [REDACTED]");
    }

    #[test]
    fn an_error_quotes_no_secret_of_the_server_or_of_the_request() {
        let maskers = maskers(&["of-the-server"]);
        let body = "{\"env\":{\"MY_TOKEN\":\"hunter2hunter2\"},\"note\":\"plain\"}";
        let message = "payload.hunter2hunter2: must be a number, not \"hunter2hunter2 of-the-server plain\"";
        let masked = "payload.[REDACTED]: must be a number, not \"[REDACTED] [REDACTED] plain\"";
        let body = json::parse(body).expect("it is JSON");
        assert_eq!(maskers.mask_error(message, Some(&body)), masked);
        assert_eq!(
            maskers.mask_error("payload.env.DB_PASSWORD: must be text", None),
            "payload.env.DB_PASSWORD: must be text"
        );
        assert_eq!(maskers.mask_error("of-the-server", None), "[REDACTED]");
    }

    #[test]
    fn a_running_attempt_is_notified_of_each_change() {
        let maskers = maskers(&["of-the-server"]);
        let mut values = maskers.shared_values();
        assert!(values.changed().is_none());
        maskers.set_named(["hunter2hunter2".to_owned()]);
        let changed = values.changed().expect("a value was set");
        assert_eq!(changed.redact(b"of-the-server hunter2hunter2").to_text(), "[REDACTED] [REDACTED]");
        assert!(values.changed().is_none());
        drop(maskers);
        assert!(values.changed().is_none());
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
