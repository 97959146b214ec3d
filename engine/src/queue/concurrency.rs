//! Concurrency keys, which limit how many jobs with the same key run at the same time.
//!
//! A job may start if fewer jobs with its key are running than its own limit permits. The transaction of the claim
//! checks this ([`super::next_job`]), and all transactions are executed one after another, so that two claims never
//! exceed a limit together. Only the status of jobs counts, so a limit holds across workers, restarts of the server and
//! leases that expire.
//!
//! A key may contain a secret. The database contains a digest of it, and the masked key for display.

pub(super) mod store;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::payload::ConcurrencyKey;

/// The length of the digests, in bytes. Keys are not chosen to collide, so half a SHA-256 is enough.
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

/// Returns the digest of everything that decides whether a claim may receive a job, except the times. Returns `None` for
/// a job without a concurrency key and without an affinity key, because no such job waits for others.
///
/// For some time after it was queued, a job with an affinity key is reserved for one worker. Its priority is therefore
/// part of the digest. All jobs with the same digest then have the same priority, so the first of them is the one that
/// was queued first, and its reservation ends first.
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
