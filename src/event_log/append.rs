//! Appending: the two doors to the log.
//!
//! Both allot `seq` and time under the job's row, inside the transaction that stores the events, and tell the readers
//! only after its commit.

use std::sync::Arc;

use sqlx::SqliteConnection;

use super::new_event::{NewEvent, size_of_text};
use super::store::{self, NewRow};
use super::stored::{Facets, Parts, StoredEvent};
use super::tail::{Published, Tails};
use crate::db::{DbError, Tx};
use crate::fail_point::FailPoint;
use crate::model::{EventId, JobId, JobStatus, Payload, Seq, Timestamp};

/// A worker's right to a job. What it appends is refused once the epoch has grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The attempt that the lease is for, from 1.
    pub attempt: i32,
    /// Grows whenever a lease of the job begins or ends.
    pub epoch: i64,
}

/// Events that a worker appends together: they cover one unbroken range of `output.log`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The batch's number within the lease, from 1; a repeated one stores nothing.
    pub number: i64,
    /// Where the range begins: where the batch before ended.
    pub from: i64,
    /// Where the range ends.
    pub to: i64,
    /// How much of the range is in none of its events.
    pub suppressed: i64,
    /// The events, at least one.
    pub events: Vec<NewEvent>,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The lease has ended: the job is over, requeued, or another worker's.
    #[error("the lease on job {0} has ended")]
    LeaseLost(JobId),
    /// The batch does not begin where the last one ended, or its number is not the next.
    #[error("batch {number} of job {job} does not follow the one before")]
    OutOfOrder {
        /// The job.
        job: JobId,
        /// The batch's number.
        number: i64,
    },
    /// The database failed; the same batch may be tried again.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for AppendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Who is writing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Door {
    /// Who holds the lease, with the batch that follows the last one stored.
    Lease {
        /// The lease.
        lease: Lease,
        /// The batch's number.
        number: i64,
        /// Where its range begins.
        from: i64,
    },
    /// The server, in the transaction of a state change.
    Server,
}

/// Appends a batch under a lease, within a transaction.
pub async fn append_under_lease(
    tx: &mut Tx,
    tails: &Tails,
    lease: Lease,
    batch: Batch,
    now: Timestamp,
) -> Result<Seq, AppendError> {
    let Batch { number, from, to, suppressed, events } = batch;
    match append(tx, tails, lease.job, Door::Lease { lease, number, from }, events, now).await? {
        Some(last) => {
            let progress = store::Progress { number, shipped: to, suppressed };
            store::set_batch_progress(tx.connection(), lease, progress, last).await?;
            FailPoint::BatchStored.reached();
            Ok(last)
        }
        None => refused(tx.connection(), lease, number).await,
    }
}

/// Returns why the log did not take a batch; one that was stored before is answered as it was then.
async fn refused(connection: &mut SqliteConnection, lease: Lease, number: i64) -> Result<Seq, AppendError> {
    match store::batch_progress(connection, lease).await? {
        None => Err(AppendError::LeaseLost(lease.job)),
        Some((stored, last)) if stored == number => Ok(last),
        Some(_) => Err(AppendError::OutOfOrder { job: lease.job, number }),
    }
}

/// Appends events of the server itself, inside the transaction of the state change that they tell of.
pub async fn append_by_server(
    tx: &mut Tx,
    tails: &Tails,
    job: JobId,
    events: Vec<NewEvent>,
    now: Timestamp,
) -> Result<(), DbError> {
    append(tx, tails, job, Door::Server, events, now).await?;
    Ok(())
}

/// Appends events; returns the last one's place, or nothing if the door is shut.
async fn append(
    tx: &mut Tx,
    tails: &Tails,
    job: JobId,
    door: Door,
    events: Vec<NewEvent>,
    now: Timestamp,
) -> Result<Option<Seq>, DbError> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let Some(allotted) = store::allot(tx.connection(), job, count, now, door).await? else { return Ok(None) };
    FailPoint::SeqAllotted.reached();
    let (mut stored, mut rows) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
    let mut terminal = None;
    let (mut bytes, mut redactions) = (0, 0);
    for (i, event) in (0..).zip(events) {
        let place = Place { job, seq: allotted.first.plus(i), at: Timestamp(allotted.first_at.0 + i) };
        terminal = terminal.or(terminal_status(&event.payload));
        bytes += event.message.len() as u64;
        redactions += masked(&event.payload);
        let (event, row) = put(place, event);
        stored.push(event);
        rows.push(row);
    }
    store::insert(tx.connection(), job, rows).await?;
    FailPoint::EventsStored.reached();
    tx.wrote(bytes);
    let published = Published { events: stored, terminal, by_worker: matches!(door, Door::Lease { .. }) };
    let tails = tails.clone();
    let appended = published.events.len();
    tx.after_commit(move || tails.publish(job, published));
    tx.count(move |metrics| {
        metrics.appended(appended, bytes);
        metrics.redacted(redactions);
    });
    Ok(Some(allotted.first.plus(count - 1)))
}

/// Where an event is put.
#[derive(Clone, Copy)]
struct Place {
    job: JobId,
    seq: Seq,
    at: Timestamp,
}

/// Returns an event in its place: as readers get it, and as it is stored.
fn put(place: Place, mut event: NewEvent) -> (Arc<StoredEvent>, NewRow) {
    if let Payload::End(end) = &mut event.payload {
        end.last_seq = place.seq;
    }
    let payload =
        serde_json::value::to_raw_value(&event.payload).expect("a payload has no map with other keys than strings");
    let facets = Facets::of(&event.payload);
    let size = size_of_text(event.message.len(), &event.payload);
    let parts = Parts {
        seq: place.seq,
        id: EventId(uuid::Uuid::now_v7()),
        job_id: place.job,
        level: event.level,
        message: event.message.as_bytes(),
        payload: &payload,
        created_at: place.at,
    };
    let stored = Arc::new(StoredEvent::new(&parts, facets, size));
    let row = NewRow {
        seq: place.seq,
        id: parts.id,
        level: event.level,
        kind: stored.facets.kind.clone(),
        message: event.message.into_bytes(),
        payload,
        created_at: place.at,
    };
    (stored, row)
}

/// Returns in how many places an attempt's output was masked, when this is its end.
fn masked(payload: &Payload) -> u64 {
    match payload {
        Payload::Attempt(attempt) => attempt.redactions.and_then(|places| u64::try_from(places).ok()).unwrap_or(0),
        _ => 0,
    }
}

const fn terminal_status(payload: &Payload) -> Option<JobStatus> {
    match payload {
        Payload::End(end) => Some(end.status),
        _ => None,
    }
}
