//! Fail points: places at which a test has the server die, as `kill -9` would have it die there.
//!
//! `TAILWATER_FAIL_POINT=batch_stored:3` kills the server when it reaches that place for the third time. Release builds have
//! no fail points.

/// A place between two steps of what has to survive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// A job is claimed; nothing of its attempt exists yet.
    Claimed,
    /// The attempt's spool and workspace exist.
    Prepared,
    /// A step's process runs.
    ProcessStarted,
    /// Output is redacted and not yet in the spool.
    Captured,
    /// Bytes are in `output.log`, and their records not in `output.idx`.
    SpoolBytes,
    /// Both are there; the shipper has not heard of it.
    SpoolRecords,
    /// At the end of a step, `output.log` is synced and `output.idx` is not.
    SpoolLogSynced,
    /// A step's output is synced, and its end not told.
    StepEnded,
    /// A file that a stage left is in the store and not listed.
    FileKept,
    /// A batch is made and not handed on.
    BatchMade,
    /// In the transaction: places in the log are allotted.
    SeqAllotted,
    /// In the transaction: a batch's events are stored.
    EventsStored,
    /// In the transaction: the cursor has moved past the batch.
    BatchStored,
    /// Before `commit`.
    Commit,
    /// After `commit`; no reader has heard of it.
    Committed,
    /// Readers have heard of it, and who wrote it has not.
    Notified,
    /// Who wrote it was answered.
    Answered,
    /// The shipper knows that its batch is stored.
    Shipped,
    /// Everything is stored but the attempt's end.
    Finish,
    /// In the transaction: the attempt has ended.
    AttemptEnded,
    /// In the transaction: the lease has ended; the events that tell of it are missing.
    LeaseEnded,
    /// The end is stored, and signalled to nobody.
    Finished,
    /// A compressed log is in its place, and the original still there.
    Compressed,
    /// The original is gone too, and the database does not know.
    OriginalRemoved,
    /// Of a recovery: the orphans are dead.
    OrphansKilled,
    /// Of a recovery: the spool's end is cut.
    SpoolMended,
    /// Of a recovery: the spool is completed from the stored events.
    SpoolCompleted,
    /// Of a recovery: the rest of the spool is stored.
    RestShipped,
}

impl FailPoint {
    /// Every one.
    pub const ALL: [Self; 28] = [
        Self::Claimed,
        Self::Prepared,
        Self::ProcessStarted,
        Self::Captured,
        Self::SpoolBytes,
        Self::SpoolRecords,
        Self::SpoolLogSynced,
        Self::StepEnded,
        Self::FileKept,
        Self::BatchMade,
        Self::SeqAllotted,
        Self::EventsStored,
        Self::BatchStored,
        Self::Commit,
        Self::Committed,
        Self::Notified,
        Self::Answered,
        Self::Shipped,
        Self::Finish,
        Self::AttemptEnded,
        Self::LeaseEnded,
        Self::Finished,
        Self::Compressed,
        Self::OriginalRemoved,
        Self::OrphansKilled,
        Self::SpoolMended,
        Self::SpoolCompleted,
        Self::RestShipped,
    ];

    /// Returns its name in the variable.
    #[must_use]
    pub fn name(self) -> String {
        // `SpoolBytes` is `spool_bytes` there.
        let words = format!("{self:?}");
        let cuts = |(at, letter): (usize, char)| {
            let cut = (at > 0 && letter.is_uppercase()).then_some('_');
            cut.into_iter().chain(letter.to_lowercase())
        };
        words.char_indices().flat_map(cuts).collect()
    }

    /// Dies here, if that is wanted.
    #[cfg(debug_assertions)]
    pub(crate) fn reached(self) {
        use std::sync::LazyLock;
        use std::sync::atomic::{AtomicI64, Ordering};

        static WANTED: LazyLock<Option<(String, AtomicI64)>> = LazyLock::new(|| {
            let wanted = std::env::var("TAILWATER_FAIL_POINT").ok()?;
            let (name, time) = wanted.split_once(':').unwrap_or((&wanted, "1"));
            Some((name.to_owned(), AtomicI64::new(time.parse().ok()?)))
        });
        let Some((name, left)) = &*WANTED else { return };
        if *name == self.name() && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // What was told too early is heard before, also by a task that waits for this very thread.
            tokio::task::block_in_place(|| std::thread::sleep(std::time::Duration::from_millis(10)));
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
            // The signal may need a moment to reach this thread, which is to do nothing any more.
            loop {
                std::thread::park();
            }
        }
    }

    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "it is what does something where there are fail points")]
    pub(crate) const fn reached(self) {}
}
