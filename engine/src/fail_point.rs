//! Fail points: places in the code at which a test can kill the server, as if by `kill -9`.
//!
//! `TAILWATER_FAIL_POINT=batch_stored:3` kills the server when it reaches that point for the third time. With
//! `TAILWATER_PANIC_ON=text`, code that handles a text which contains `text` panics ([`panic_on`]). Release builds have
//! no fail points.

/// A point in an operation at which a crash must not lose or corrupt data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// A job has been claimed, but its attempt has no spool and no workspace yet.
    Claimed,
    /// The attempt's spool and workspace exist.
    Prepared,
    /// A step's process is running.
    ProcessStarted,
    /// Output has been redacted, but is not yet in the spool.
    Captured,
    /// Bytes are in `output.log`, but their records are not yet in `output.idx`.
    SpoolBytes,
    /// Bytes and records have been written to the spool, but the shipper has not been notified.
    SpoolRecords,
    /// At the end of a step, `output.log` has been synced, but `output.idx` has not.
    SpoolLogSynced,
    /// A step's output has been synced, but the step's end has not been reported.
    StepEnded,
    /// A file of a finished stage is in the artifact store, but has not been recorded in the database.
    FileKept,
    /// A batch has been created, but not yet sent.
    BatchMade,
    /// Within the transaction of an append, positions in the log have been assigned.
    SeqAssigned,
    /// Within the transaction of an append, the events have been stored.
    EventsStored,
    /// Within the transaction of an append, the attempt's cursor has been advanced past the batch.
    BatchStored,
    /// A transaction is about to be committed.
    Commit,
    /// A transaction has been committed, but readers have not been notified.
    Committed,
    /// Readers have been notified, but the callers whose work was committed have not received their results.
    Notified,
    /// The callers whose work was committed have received their results.
    Answered,
    /// The shipper has been notified that its batch is stored.
    Shipped,
    /// Everything about an attempt has been stored except its end.
    Finish,
    /// Within the transaction that ends a lease, the attempt has been marked as ended.
    AttemptEnded,
    /// Within the transaction that ends a lease, the lease has been ended, but the events that report this have not
    /// been stored.
    LeaseEnded,
    /// The attempt's end has been stored, but the tasks that wait for changes in the queue have not been notified.
    Finished,
    /// A compressed log has been created, and the original still exists.
    Compressed,
    /// The original has been removed, but the database has not recorded this.
    OriginalRemoved,
    /// During a recovery, orphaned processes have been killed.
    OrphansKilled,
    /// During a recovery, incomplete data at the end of the spool has been truncated.
    SpoolMended,
    /// During a recovery, the spool has been completed from the stored events.
    SpoolCompleted,
    /// During a recovery, the rest of the spool has been stored as events.
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

    /// Returns the name that selects the point in `TAILWATER_FAIL_POINT`.
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

    /// Kills the process if `TAILWATER_FAIL_POINT` selects this occurrence of the fail point.
    #[cfg(debug_assertions)]
    pub fn reached(self) {
        use std::sync::LazyLock;
        use std::sync::atomic::{AtomicI64, Ordering};

        static WANTED: LazyLock<Option<(String, AtomicI64)>> = LazyLock::new(|| {
            let wanted = std::env::var("TAILWATER_FAIL_POINT").ok()?;
            let (name, time) = wanted.split_once(':').unwrap_or((&wanted, "1"));
            Some((name.to_owned(), AtomicI64::new(time.parse().ok()?)))
        });
        let Some((name, left)) = &*WANTED else { return };
        if *name == self.name() && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // If something was reported before it was stored, this pause gives other tasks time to receive the report,
            // so that a test can detect the mistake. `block_in_place` lets the tasks that are queued on this thread run
            // too.
            tokio::task::block_in_place(|| std::thread::sleep(std::time::Duration::from_millis(10)));
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
            // The signal may take a moment to arrive. Until then, this thread must not continue.
            loop {
                std::thread::park();
            }
        }
    }

    /// Does nothing, because release builds have no fail points.
    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "builds with fail points use self")]
    pub const fn reached(self) {}
}

/// Panics with a message that contains `text` if the environment variable `TAILWATER_PANIC_ON` selects the text, so
/// that a test can check what becomes of the message.
#[cfg(debug_assertions)]
pub fn panic_on(text: &str) {
    use std::sync::LazyLock;

    static WANTED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("TAILWATER_PANIC_ON").ok());
    assert!(!WANTED.as_ref().is_some_and(|wanted| text.contains(wanted)), "a test has selected this text: {text}");
}

/// Does nothing, because release builds have no fail points.
#[cfg(not(debug_assertions))]
pub const fn panic_on(_text: &str) {}
