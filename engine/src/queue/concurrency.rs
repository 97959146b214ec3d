//! Concurrency keys, which limit how many jobs with the same key run at the same time.
//!
//! A job may start if fewer jobs with its key are running than its own limit permits. The transaction of the claim
//! checks this condition ([`super::next_job`]). All transactions are executed one after another, so two simultaneous
//! claims never exceed a limit. The check uses only the status of jobs. A limit therefore holds across workers,
//! restarts of the server, and leases that expire.
//!
//! A key may contain a secret. It is therefore stored as a digest, and as masked text for display.

pub(super) mod store;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::payload::ConcurrencyKey;

/// The length of the digests, in bytes. Nobody gains from keys whose digests collide, so half of a SHA-256 is enough.
const DIGEST: usize = 16;

/// A job's concurrency key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredConcurrency {
    /// The key, masked.
    pub(super) key: String,
    /// The number of jobs with the key that may run at the same time, this job included.
    pub(super) limit: i64,
    /// The digest of the key.
    pub(super) group: Vec<u8>,
}

/// The properties of a job, besides its concurrency key, that decide whether a claim may receive it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClaimCriteria<'a> {
    pub(super) kind: &'a str,
    pub(super) capabilities: &'a [String],
    pub(super) repository: Option<&'a str>,
    pub(super) affinity_key: Option<&'a str>,
    pub(super) priority: i32,
}

impl StoredConcurrency {
    /// Returns the stored form of a key. `masked` is the key with its secrets masked.
    pub(super) fn new(concurrency: &ConcurrencyKey, masked: String) -> Self {
        Self { key: masked, limit: concurrency.limit, group: digest(&concurrency.key) }
    }
}

/// Returns the digest of all properties that decide whether a claim may receive a job, except the times of the job's
/// submission and next attempt. Returns `None` for a job without a concurrency key and without an affinity key, because
/// such a job never waits for others.
///
/// A job with an affinity key is reserved for one worker for some time after it has become claimable. Its digest
/// includes its priority, so all jobs with the same digest have the same priority. The first of them was therefore
/// queued first, and its reservation ends first.
pub(super) fn claim_line(concurrency: Option<&ConcurrencyKey>, criteria: ClaimCriteria<'_>) -> Option<Vec<u8>> {
    let ClaimCriteria { kind, capabilities, repository, affinity_key, priority } = criteria;
    if concurrency.is_none() && affinity_key.is_none() {
        return None;
    }
    let key = concurrency.map(|concurrency| (&concurrency.key, concurrency.limit));
    let affinity = affinity_key.map(|key| (key, priority));
    Some(digest(&json!([key, kind, capabilities, repository, affinity]).to_string()))
}

fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text)[..DIGEST].to_vec()
}
