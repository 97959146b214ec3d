//! Counts failures by a key, such as an address. The period of each count begins with its first failure.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use crate::limits::FAILED_LOGINS_WINDOW;

/// The maximum number of stored counts, which occupy about a megabyte. When this number is reached, the oldest tenth of
/// the counts is removed at once. Removing only the oldest count would be too slow: under an attack with many names or
/// addresses, each failure would search all counts for the oldest one.
pub(super) const MAX_COUNTS: usize = 10_000;

/// The number of failures of each key. A count expires [`FAILED_LOGINS_WINDOW`] after its first failure.
#[derive(Debug)]
pub(super) struct FailureCounts<K>(HashMap<K, Count>);

#[derive(Debug)]
struct Count {
    since: Instant,
    failed: u32,
}

impl Count {
    fn is_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > FAILED_LOGINS_WINDOW
    }
}

impl<K> Default for FailureCounts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> FailureCounts<K> {
    /// Returns the number of failures of a key, or 0 if the count has expired.
    pub(super) fn get(&self, key: K, now: Instant) -> u32 {
        self.0.get(&key).filter(|count| !count.is_old(now)).map_or(0, |count| count.failed)
    }

    /// Adds a failure, and returns the new number of failures.
    pub(super) fn add(&mut self, key: K, now: Instant) -> u32 {
        if self.0.get(&key).is_some_and(|count| count.is_old(now)) {
            self.0.remove(&key);
        }
        if !self.0.contains_key(&key) && self.0.len() >= MAX_COUNTS {
            self.0.retain(|_, count| !count.is_old(now));
            self.drop_oldest();
        }
        let count = self.0.entry(key).or_insert(Count { since: now, failed: 0 });
        count.failed = count.failed.saturating_add(1);
        count.failed
    }

    /// Subtracts a failure.
    pub(super) fn subtract(&mut self, key: K) {
        if let Some(count) = self.0.get_mut(&key) {
            count.failed = count.failed.saturating_sub(1);
            if count.failed == 0 {
                self.0.remove(&key);
            }
        }
    }

    /// Removes a count.
    pub(super) fn reset(&mut self, key: K) {
        self.0.remove(&key);
    }

    /// Removes the oldest tenth of the counts if the maximum number of counts is stored.
    fn drop_oldest(&mut self) {
        if self.0.len() < MAX_COUNTS {
            return;
        }
        let mut times: Vec<Instant> = self.0.values().map(|count| count.since).collect();
        let (_, last_removed, _) = times.select_nth_unstable(MAX_COUNTS / 10);
        let last_removed = *last_removed;
        self.0.retain(|_, count| count.since > last_removed);
    }

    /// Returns the number of stored counts.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
