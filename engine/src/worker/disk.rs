//! The disk guard: while the disk is nearly full, no new jobs are started.
//!
//! Running jobs continue, because the remaining space is reserved for their output. The free space is checked every few
//! seconds and before each claim, and each change between low and sufficient space is logged once.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// The interval at which the free space is checked.
const EVERY: Duration = Duration::from_secs(3);

/// A function that returns the free space of a disk, in bytes.
pub type FreeSpace = dyn Fn() -> io::Result<u64> + Send + Sync;

/// Tracks whether there is space for new jobs. Cheap to clone.
#[derive(Clone)]
pub struct DiskGuard {
    free: Arc<FreeSpace>,
    min_free: u64,
    every: Duration,
    low: watch::Sender<bool>,
}

impl DiskGuard {
    /// Creates a guard for the disk that contains `folder`. The disk is low on space if less than `min_free` bytes are
    /// free. A minimum of 0 disables the check.
    #[must_use]
    pub fn new(folder: PathBuf, min_free: u64) -> Self {
        let free = move || {
            let stat = rustix::fs::statvfs(&folder)?;
            // `f_bavail` excludes blocks that are reserved for root.
            Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
        };
        Self::of(Arc::new(free), min_free, EVERY)
    }

    /// Creates a guard that calls `free` at the interval `every` to get the free space of its disk.
    #[must_use]
    pub fn of(free: Arc<FreeSpace>, min_free: u64, every: Duration) -> Self {
        Self { free, min_free, every, low: watch::Sender::new(false) }
    }

    /// Returns whether the disk was low on space at the last check.
    #[must_use]
    pub fn is_low(&self) -> bool {
        *self.low.borrow()
    }

    /// Returns the free space of the disk in bytes, or 0 if it cannot be determined.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        (self.free)().unwrap_or(0)
    }

    /// Checks the disk at the guard's interval until the future is dropped.
    pub async fn watch(&self) {
        loop {
            self.look();
            tokio::time::sleep(self.every).await;
        }
    }

    /// Waits until there is space for a job. [`Self::watch`] must be running meanwhile, because this method itself
    /// checks the disk only once.
    pub async fn enough_space(&self) {
        self.look();
        let mut low = self.low.subscribe();
        // Waiting cannot fail, because the guard itself owns the sender.
        low.wait_for(|low| !low).await.ok();
    }

    /// Checks the disk now. If the check fails, the disk is treated as having enough space, and later writes report the
    /// error.
    fn look(&self) {
        let free = (self.free)().unwrap_or(u64::MAX);
        let low = free < self.min_free;
        if self.low.send_if_modified(|was| std::mem::replace(was, low) != low) {
            let min_free = self.min_free;
            if low {
                tracing::warn!(
                    free,
                    min_free,
                    "the disk is nearly full, so no new jobs are started; free some space, or lower --min-free-bytes"
                );
            } else {
                tracing::info!(free, min_free, "the disk has enough free space again, so new jobs are started");
            }
        }
    }
}

impl Debug for DiskGuard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskGuard")
            .field("min_free", &self.min_free)
            .field("low", &self.is_low())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A disk whose free space is set by the test.
    #[derive(Default)]
    struct Disk {
        free: AtomicU64,
    }

    impl Disk {
        fn guard(self: &Arc<Self>, min_free: u64) -> DiskGuard {
            let disk = Arc::clone(self);
            let free = move || Ok(disk.free.load(Ordering::SeqCst));
            DiskGuard::of(Arc::new(free), min_free, Duration::from_millis(5))
        }
    }

    #[test]
    fn each_change_is_reported_once_and_a_failed_check_does_not_count_as_low() {
        let disk = Arc::new(Disk::default());
        let guard = disk.guard(1);
        let mut low = guard.low.subscribe();
        for (free, changes) in [(0, true), (0, false), (1, true), (5, false)] {
            disk.free.store(free, Ordering::SeqCst);
            guard.look();
            assert_eq!(low.has_changed().expect("the guard still exists"), changes, "{free} bytes free");
            low.mark_unchanged();
        }
        let broken = DiskGuard::of(Arc::new(|| Err(io::Error::other("no such disk"))), 1, EVERY);
        broken.look();
        assert!(!broken.is_low());
    }

    #[test]
    fn the_free_space_of_a_folders_disk_is_checked() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let guard = |min_free| DiskGuard::new(data.path().to_owned(), min_free);
        for (min_free, low) in [(0, false), (1, false), (u64::MAX, true)] {
            let guard = guard(min_free);
            guard.look();
            assert_eq!(guard.is_low(), low, "the minimum is {min_free} bytes");
        }
    }
}
