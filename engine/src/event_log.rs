//! The event log: appends events, reads them in pages, and notifies readers.
//!
//! Each job has one append-only log, and [`Seq`] numbers its events from 1 without gaps. Events are appended under the
//! lease of the worker that holds the job ([`append_under_lease`], [`append_reported`]), or by the server, inside the
//! transaction of the state change that they describe ([`append_by_server`]). There is one way to read,
//! [`EventLog::page`], which serves polling, the stream and the first paint of a page.
//!
//! [`EventLog::watch`] only signals that the log has grown. The signal carries no events: a reader that is woken reads
//! a page, so even a slow reader cannot miss an event. Events that another server appends cause no signal. A reader
//! that waits for events therefore also reads at intervals.

mod append;
mod new_event;
mod offsets;
mod page;
pub(crate) mod redacted_text;
mod store;
mod stored;
mod tail;

use std::sync::Arc;

use model::{JobId, LogPayload, Segment, Seq, Timestamp};
use redact::Redacted;
use tokio::time::Instant;

use crate::db::{Db, DbError};
use crate::spool::{Source, SpoolPiece};

pub use append::{AppendError, Batch, Lease, append_by_server, append_reported, append_under_lease};
pub use new_event::{
    AttemptTotals, Chunk, GapRange, JobDetails, NewEvent, Origin, RedactionCounts, StepEnd, StepNames,
};
pub use page::{Cursor, Direction, Filter, Kinds, Page, PageRequest};
pub use stored::StoredEvent;
pub use tail::{Tails, Watch};

use page::Head;
use tail::Recalled;

/// The error returned when a page cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such job.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The event logs of all jobs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventLog {
    db: Db,
    tails: Tails,
}

impl EventLog {
    /// Creates a handle to the event logs that are stored in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, tails: Tails::default() }
    }

    /// Appends a batch under a lease, and returns the `seq` of the batch's last event once the batch has been
    /// committed. A batch that is already stored is not stored again, and the call returns the same result as before.
    pub async fn append_as(&self, lease: Lease, batch: Batch, now: Timestamp) -> Result<Seq, AppendError> {
        let (tails, began) = (self.tails.clone(), Instant::now());
        let appended = self
            .db
            .writer()
            .write(move |tx| Box::pin(async move { append_under_lease(tx, &tails, lease, batch, now).await }))
            .await;
        self.db.metrics().append_took(began.elapsed());
        appended
    }

    /// Returns the cache of recent events. All readers share the cache, and each append adds its events to the cache.
    #[must_use]
    pub const fn tails(&self) -> &Tails {
        &self.tails
    }

    /// Returns a handle that wakes a reader when the job's log has grown. Create the handle before reading, so that no
    /// append is missed.
    #[must_use]
    pub fn watch(&self, job: JobId) -> Watch {
        self.tails.watch(job)
    }

    /// Reads one page of the job's log.
    pub async fn page(&self, job: JobId, request: &PageRequest) -> Result<Page, ReadError> {
        let mut recalled = self.tails.page(job, request, Instant::now());
        if let Recalled::Outdated { end } = recalled {
            // There may be thousands of waiting readers. The future of the query is boxed, so that a reader needs
            // memory for it only while the query runs.
            Box::pin(self.check(job, end)).await?;
            recalled = self.tails.page(job, request, Instant::now());
        }
        if let Recalled::Page(page) = recalled {
            return Ok(page);
        }
        Box::pin(self.stored_page(job, request)).await
    }

    async fn stored_page(&self, job: JobId, request: &PageRequest) -> Result<Page, ReadError> {
        let mut connection = self.db.reader().await?;
        store::page(&mut connection, job, request).await
    }

    /// Compares the cache with the database. `end` is the position of the last event that the cache knows.
    async fn check(&self, job: JobId, end: Option<Seq>) -> Result<(), ReadError> {
        let mut connection = self.db.reader().await?;
        let mut head = store::head(&mut connection, job).await?.ok_or(ReadError::NoSuchJob(job))?;
        let mut missed = Vec::new();
        if let Some(end) = end.filter(|end| *end < head.last_seq) {
            let page = store::page(&mut connection, job, &PageRequest::all_after(end)).await?;
            head = Head { last_seq: page.last_seq, terminal: page.terminal };
            missed = page.events;
        }
        self.tails.catch_up(job, head, missed);
        Ok(())
    }

    /// Returns the position in the log that `cursor` refers to.
    pub async fn resolve(&self, job: JobId, cursor: Cursor) -> Result<Seq, ReadError> {
        let mut connection = self.db.reader().await?;
        store::resolve(&mut connection, job, cursor).await
    }

    /// Returns a page of an attempt's stored chunks, oldest first.
    pub async fn stored_output(
        &self,
        job: JobId,
        attempt: i32,
        from: OutputCursor,
    ) -> Result<StoredOutputPage, ReadError> {
        let mut connection = self.db.reader().await?;
        Ok(store::output_page(&mut connection, job, attempt, from).await?)
    }

    /// Returns, for each of `offsets` in the attempt's `output.log`, the `seq` of the event that contains the byte at
    /// this offset, or `None` if no event contains it.
    pub async fn events_at_offsets(
        &self,
        job: JobId,
        attempt: i32,
        offsets: &[i64],
    ) -> Result<Vec<Option<Seq>>, ReadError> {
        let mut connection = self.db.reader().await?;
        offsets::events_at(&mut connection, job, attempt, offsets).await
    }
}

/// Where a page of stored output begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputCursor {
    /// The position of the last event before the page.
    pub after: Seq,
    /// The offset in the attempt's `output.log`. Chunks that end at or before it are omitted.
    pub offset: i64,
}

/// A page of an attempt's stored output. Its size is limited, because a worker may have reported any amount of output.
#[derive(Debug)]
pub struct StoredOutputPage {
    /// The chunks, oldest first.
    pub chunks: Vec<StoredOutput>,
    /// Whether there may be more chunks after these.
    pub has_more: bool,
}

/// A stored chunk of output. If a spool lacks output, the output is added from the stored chunks.
#[derive(Clone, Debug)]
pub struct StoredOutput {
    /// The position of the chunk's event.
    pub seq: Seq,
    /// The payload of the chunk's event.
    pub payload: LogPayload,
    /// The chunk's redacted bytes.
    pub text: Redacted,
}

impl StoredOutput {
    /// Divides each chunk into its segments, which are contiguous in `output.log`. Each segment can be appended to a
    /// spool.
    #[must_use]
    pub fn pieces(stored: Vec<Self>) -> Vec<SpoolPiece> {
        stored.into_iter().flat_map(|chunk| pieces(&chunk.payload, &chunk.text)).collect()
    }
}

/// Divides a chunk of output into its segments. Each segment can be appended to a spool.
pub(crate) fn pieces(payload: &LogPayload, text: &Redacted) -> Vec<SpoolPiece> {
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    let source = Source { step: payload.step(), stream: payload.stream };
    let mut rest = text.as_bytes();
    let piece = |segment: &Segment| {
        let (taken, after) = rest.split_at(usize::try_from(segment.1).unwrap_or(0).min(rest.len()));
        rest = after;
        // Copy the bytes, because a slice of the text would keep the whole text in memory.
        let text = Redacted::from_stored(taken.to_vec());
        SpoolPiece { offset: number(segment.0), line: number(segment.2), source, time: payload.time, text }
    };
    payload.segments().iter().map(piece).collect()
}

/// A stored event that is shared by all readers.
pub type SharedEvent = Arc<StoredEvent>;
