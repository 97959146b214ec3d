//! The event log: append, page, watch.
//!
//! Each job has one append-only log; [`Seq`] numbers its events from 1 without holes. Two doors write to it:
//! [`EventLog::append_as`] for who holds the job's lease, [`append_by_server`] for a state change that tells of itself in
//! its own transaction. There is one way to read, [`EventLog::page`]; polling, the stream and the first paint all use it.
//!
//! [`EventLog::watch`] only ever says "look again". Nobody is sent contents, so nobody can lag behind or miss one.

mod append;
mod new_event;
mod page;
mod places;
mod store;
mod stored;
mod tail;

use std::sync::Arc;
use std::time::Instant;

use crate::db::{Db, DbError};
use crate::model::{JobId, Seq, Timestamp};

pub use append::{AppendError, Batch, Lease, append_by_server, append_under_lease};
pub use new_event::{AttemptTotals, Chunk, GapRange, JobDetails, NewEvent, Origin, StepEnd, StepNames};
pub use page::{Cursor, Direction, Filter, Kinds, Page, PageRequest};
pub use stored::StoredEvent;
pub use tail::{Tails, Watch};

/// Why a page could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such job.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

/// All jobs' logs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventLog {
    db: Db,
    tails: Tails,
}

impl EventLog {
    /// Opens the log over `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, tails: Tails::default() }
    }

    /// Appends a batch for who holds the lease; a batch that was stored before stores nothing and is answered as before.
    ///
    /// Returns the `seq` of the batch's last event, once it is committed.
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

    /// Returns the readers' shared recent pages, into which appends publish.
    #[must_use]
    pub const fn tails(&self) -> &Tails {
        &self.tails
    }

    /// Returns what wakes a reader when the job's log has grown. Take it before looking.
    #[must_use]
    pub fn watch(&self, job: JobId) -> Watch {
        self.tails.watch(job)
    }

    /// Reads one page of the job's log.
    pub async fn page(&self, job: JobId, request: &PageRequest) -> Result<Page, ReadError> {
        if let Some(page) = self.tails.page(job, request) {
            return Ok(page);
        }
        let mut connection = self.db.readers().acquire().await?;
        store::page(&mut connection, job, request).await
    }

    /// Returns the place in the log that `cursor` stands for.
    pub async fn resolve(&self, job: JobId, cursor: Cursor) -> Result<Seq, ReadError> {
        let mut connection = self.db.readers().acquire().await?;
        store::resolve(&mut connection, job, cursor).await
    }

    /// Returns the events of one attempt that hold output, from `after` on, as they were stored.
    pub async fn stored_output(&self, job: JobId, attempt: i32, offset: i64) -> Result<Vec<StoredOutput>, ReadError> {
        let mut connection = self.db.readers().acquire().await?;
        Ok(store::output_from(&mut connection, job, attempt, offset).await?)
    }

    /// Returns for each offset of an attempt's `output.log`, in ascending order, the event in which the byte there was sent.
    pub async fn places(&self, job: JobId, attempt: i32, offsets: &[i64]) -> Result<Vec<Option<Seq>>, ReadError> {
        let mut connection = self.db.readers().acquire().await?;
        places::places(&mut connection, job, attempt, offsets).await
    }
}

/// A stored chunk, raw: what recovery completes a spool from.
#[derive(Clone, Debug)]
pub struct StoredOutput {
    /// Its payload.
    pub payload: crate::model::LogPayload,
    /// Its bytes.
    pub text: redact::Redacted,
}

/// An event as all readers share it.
pub type SharedEvent = Arc<StoredEvent>;
