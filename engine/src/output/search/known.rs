//! Remembers the lines that an earlier attempt printed, so that a search can find lines that are new.
//!
//! The lines of two runs often differ only in times, sizes or ids. Therefore, all words that contain digits are treated
//! as equal. A number such as `1.5`, `1,234` or `12:34` counts as one such word.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use model::JobId;
use tokio::sync::OnceCell;

use super::{LineQuery, LogSearch, Purpose, SearchAccount, SearchFrom};
use crate::output::{OutputError, Outputs};

/// The maximum number of distinct lines, which occupy about 20 MiB.
const MAX_DIFFERENT: usize = 1 << 20;

/// The number of attempts whose lines are kept for later searches, because a page sends many searches that refer to the
/// same attempts.
const KEPT: usize = 4;

/// The distinct lines of an attempt.
#[derive(Debug, Default)]
pub struct KnownLines {
    hashes: HashSet<u64>,
}

impl KnownLines {
    /// Returns whether a line is new: not blank, and different from every known line.
    pub(super) fn lacks(&self, visible: &[u8]) -> bool {
        hash(visible).is_some_and(|hash| !self.hashes.contains(&hash))
    }
}

/// Returns a hash of the visible text of a line, or `None` if the line is blank. All words that contain digits are
/// hashed as if they were the same word.
pub(super) fn hash(visible: &[u8]) -> Option<u64> {
    let text = visible.trim_ascii();
    if text.is_empty() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    // Whether the previous word contains a digit, and the separator after that word. The separator may be part of a
    // number.
    let (mut is_number, mut separator) = (false, None::<&[u8]>);
    for word in text.chunk_by(|a, b| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric()) {
        if is_number && matches!(word, b"." | b"," | b":") {
            separator = Some(word);
        } else if word.iter().any(u8::is_ascii_digit) {
            if separator.take().is_none() {
                hasher.write(b"0");
            }
            is_number = true;
        } else {
            hasher.write(separator.take().unwrap_or_default());
            hasher.write(word);
            is_number = false;
        }
    }
    hasher.write(separator.unwrap_or_default());
    Some(hasher.finish())
}

/// The known lines of the attempts that searches have referred to most recently, oldest first.
#[derive(Debug, Default)]
pub(in crate::output) struct KnownCache(Mutex<Vec<(JobId, i32, KnownCell)>>);

/// The lines of one attempt. The first search that needs them fills the cell, while other searches wait. `None` means
/// that the attempt has too many distinct lines.
type KnownCell = Arc<OnceCell<Option<Arc<KnownLines>>>>;

impl KnownCache {
    fn cell(&self, job: JobId, attempt: i32) -> KnownCell {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(of, number, _)| (*of, *number) == (job, attempt));
        let entry = known.map_or_else(|| (job, attempt, KnownCell::default()), |at| kept.remove(at));
        let cell = Arc::clone(&entry.2);
        kept.push(entry);
        if kept.len() > KEPT {
            kept.remove(0);
        }
        cell
    }
}

impl Outputs {
    /// Returns the lines of a job's latest attempt. The job must have finished. If the lines are not cached yet, they
    /// are collected by a search that uses the turns of `account`.
    pub async fn known_lines(&self, account: SearchAccount, job: JobId) -> Result<Arc<KnownLines>, OutputError> {
        let output = self.find(job, None).await?;
        if !output.is_complete {
            return Err(OutputError::Unfinished);
        }
        let cell = self.searchers.known.cell(job, output.attempt);
        let read = async || {
            let all = (LineQuery::default(), SearchFrom::Line(1));
            self.begin(account, job, &output, all, Purpose::Collect).await?.collect().await
        };
        let known = cell.get_or_try_init(read).await?;
        known.clone().ok_or(OutputError::TooManyDifferent { most: MAX_DIFFERENT })
    }
}

impl LogSearch {
    /// Returns the distinct lines of the searched attempt, or `None` if there are too many.
    async fn collect(mut self) -> Result<Option<Arc<KnownLines>>, OutputError> {
        let mut known = KnownLines::default();
        while let Some(found) = self.next_found().await? {
            known.hashes.extend(found.hashes);
            if known.hashes.len() > MAX_DIFFERENT {
                return Ok(None);
            }
        }
        Ok(Some(Arc::new(known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_only_in_words_with_digits_are_equal() {
        let same = |a: &str, b: &str| hash(a.as_bytes()) == hash(b.as_bytes());
        for (a, b) in [
            ("compiled in 1.25 s", "compiled in 17.5 s"),
            ("2026-11-26T19:03:10Z start", "2025-01-02T03:04:05Z start"),
            ("id 7f3a9c01", "id 0b"),
            ("took 3 s", "took 17.25 s"),
            ("12:34 done, 1,234 files.", "3 done, 5 files."),
            ("src/main.rs:12:5: unused", "src/main.rs:120: unused"),
            ("  padded ", "padded"),
        ] {
            assert!(same(a, b), "{a:?} and {b:?}");
        }
        for (a, b) in [
            ("1 passed", "1 failed"),
            ("a 1", "a"),
            ("a b", "ab"),
            ("caf\u{e9}", "cafe"),
            ("x-1", "x 1"),
            ("main.rs:1", "lib.rs:1"),
            ("1. a", "1 a"),
            ("1.a", "1a"),
        ] {
            assert!(!same(a, b), "{a:?} and {b:?}");
        }
        assert_eq!((hash(b""), hash(b" \t")), (None, None));
    }

    #[test]
    fn only_the_latest_attempts_are_kept() {
        let cache = KnownCache::default();
        let job = JobId(uuid::Uuid::nil());
        let first = cache.cell(job, 1);
        for attempt in 2..=4 {
            cache.cell(job, attempt);
        }
        assert!(Arc::ptr_eq(&first, &cache.cell(job, 1)));
        for attempt in 5..=8 {
            cache.cell(job, attempt);
        }
        assert!(!Arc::ptr_eq(&first, &cache.cell(job, 1)));
    }
}
