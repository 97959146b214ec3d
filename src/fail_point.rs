//! Fail points: places in the code at which a test makes the server die, as with `kill -9`.
//!
//! `TAILWATER_FAIL_POINT=batch_stored:3` kills the server when it reaches that point for the third time. Release builds
//! have no fail points.

/// A point between two steps of an operation that has to survive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// A job is claimed, and nothing of its attempt exists yet.
    Claimed,
    /// The attempt's spool and workspace exist.
    Prepared,
    /// A step's process is running.
    ProcessStarted,
    /// Output is redacted, but not yet in the spool.
    Captured,
    /// Bytes are in `output.log`, but their records are not yet in `output.idx`.
    SpoolBytes,
    /// Bytes and records are in the spool, but the shipper has not been notified.
    SpoolRecords,
    /// At the end of a step, `output.log` is synced and `output.idx` is not.
    SpoolLogSynced,
    /// A step's output is synced, but its end has not been reported.
    StepEnded,
    /// A file of a finished stage is in the artifact store, but not yet listed.
    FileKept,
    /// A batch is created, but not yet sent.
    BatchMade,
    /// In the transaction: positions in the log are assigned.
    SeqAssigned,
    /// In the transaction: a batch's events are stored.
    EventsStored,
    /// In the transaction: the attempt's cursor has moved past the batch.
    BatchStored,
    /// Before `commit`.
    Commit,
    /// After `commit`, before readers are notified.
    Committed,
    /// Readers have been notified, and the writing caller has not been answered yet.
    Notified,
    /// The writing caller has been answered.
    Answered,
    /// The shipper knows that its batch is stored.
    Shipped,
    /// Everything is stored except the attempt's end.
    Finish,
    /// In the transaction: the attempt has ended.
    AttemptEnded,
    /// In the transaction: the lease has ended, but the events that report it are missing.
    LeaseEnded,
    /// The attempt's end is stored, but nobody has been notified.
    Finished,
    /// A compressed log is in place, and the original still exists.
    Compressed,
    /// The original is removed, but the database has not recorded it.
    OriginalRemoved,
    /// In a recovery: orphaned processes are killed.
    OrphansKilled,
    /// In a recovery: incomplete data at the end of the spool is cut off.
    SpoolMended,
    /// In a recovery: the spool is completed from the stored events.
    SpoolCompleted,
    /// In a recovery: the rest of the spool is stored.
    RestShipped,
}

impl FailPoint {
    /// All fail points.
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
        Self::SeqAssigned,
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

    /// Returns the point's name in the environment variable.
    #[must_use]
    pub fn name(self) -> String {
        // The name of `SpoolBytes`, for example, is `spool_bytes`.
        let words = format!("{self:?}");
        let cuts = |(at, letter): (usize, char)| {
            let cut = (at > 0 && letter.is_uppercase()).then_some('_');
            cut.into_iter().chain(letter.to_lowercase())
        };
        words.char_indices().flat_map(cuts).collect()
    }

    /// Kills the process here if the environment variable asks for it.
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
            // If anything was reported too early, others get the time to receive it, even a task that waits for this
            // very thread.
            tokio::task::block_in_place(|| std::thread::sleep(std::time::Duration::from_millis(10)));
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
            // The signal may take a moment to arrive, and this thread must do nothing more until then.
            loop {
                std::thread::park();
            }
        }
    }

    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "builds with fail points use self")]
    pub(crate) const fn reached(self) {}
}
