//! Appends events, either for a worker under a lease or for the server itself.
//!
//! In both cases, the `seq` and the time of the events are assigned by updating the job's row, inside the transaction
//! that stores the events, and readers are notified only after the commit.

use std::sync::Arc;

use model::{EventId, JobId, JobStatus, Payload, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use super::new_event::{NewEvent, size_of_text};
use super::store::{self, NewRow};
use super::stored::{Facets, Parts, StoredEvent};
use super::tail::{Published, Tails};
use crate::db::{Connection, DbError, Tx};
use crate::fail_point::FailPoint;

/// A worker's right to run a job. Appends under a lease are refused once the job's lease epoch has increased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// The job that the worker may run.
    #[serde(rename = "jobId")]
    pub job: JobId,
    /// The number of the attempt that the lease is for, from 1.
    pub attempt: i32,
    /// The lease epoch, which increases whenever a lease of the job begins or ends.
    #[serde(rename = "leaseEpoch")]
    pub epoch: i64,
}

/// Events that a worker appends together. They cover one contiguous range of `output.log`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The batch's number within the lease, from 1. A batch that was already stored under the same number is not stored
    /// again.
    #[serde(rename = "batch")]
    pub number: i64,
    /// The offset at which the range begins, which is where the previous batch ended.
    pub from: i64,
    /// The offset at which the range ends.
    pub to: i64,
    /// The number of suppressed bytes in the range, which no event contains.
    #[serde(rename = "suppressedBytes")]
    pub suppressed: i64,
    /// The events, at least one.
    pub events: Vec<NewEvent>,
}

/// The error for a batch that was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The lease has ended: the job has finished, was requeued, or belongs to another worker.
    #[error("the lease on job {0} is no longer valid")]
    LeaseLost(JobId),
    /// The batch does not begin where the previous batch ended, or its number is not the next number.
    #[error("batch {number} of job {job} does not follow the previous batch")]
    OutOfOrder {
        /// The job of the refused batch.
        job: JobId,
        /// The number of the refused batch.
        number: i64,
    },
    /// The database failed. The same batch may be sent again.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The authority under which events are appended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Authority {
    /// A worker appends a batch under a lease. The batch must follow the last one stored.
    Lease {
        /// The lease under which events are appended.
        lease: Lease,
        /// The batch's number.
        number: i64,
        /// The offset at which the batch's range begins.
        from: i64,
    },
    /// The server appends its own events in the transaction of a state change.
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
    match append(tx, tails, lease.job, Authority::Lease { lease, number, from }, events, now).await? {
        Some(last) => {
            let progress = store::BatchProgress { number, shipped: to, suppressed };
            store::set_batch_progress(tx.connection(), lease, progress, last).await?;
            FailPoint::BatchStored.reached();
            Ok(last)
        }
        None => refused(tx.connection(), lease, number).await,
    }
}

/// Returns the error for a batch that was refused, or the original result if that batch is already stored.
async fn refused(connection: &mut Connection, lease: Lease, number: i64) -> Result<Seq, AppendError> {
    match store::batch_progress(connection, lease).await? {
        None => Err(AppendError::LeaseLost(lease.job)),
        Some((stored, last)) if stored == number => Ok(last),
        Some(_) => Err(AppendError::OutOfOrder { job: lease.job, number }),
    }
}

/// Appends the server's own events, inside the transaction of the state change that they describe.
pub async fn append_by_server(
    tx: &mut Tx,
    tails: &Tails,
    job: JobId,
    events: Vec<NewEvent>,
    now: Timestamp,
) -> Result<(), DbError> {
    append(tx, tails, job, Authority::Server, events, now).await?;
    Ok(())
}

/// Appends events and returns the position of the last one, or `None` if the lease has ended or the batch is out of
/// order.
async fn append(
    tx: &mut Tx,
    tails: &Tails,
    job: JobId,
    authority: Authority,
    events: Vec<NewEvent>,
    now: Timestamp,
) -> Result<Option<Seq>, DbError> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let Some(assigned) = store::assign_positions(tx.connection(), job, count, now, authority).await? else {
        return Ok(None);
    };
    FailPoint::SeqAssigned.reached();
    let (mut stored, mut rows) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
    let mut terminal = None;
    let (mut bytes, mut redactions) = (0, 0);
    for (i, event) in (0..).zip(events) {
        let position = Position { job, seq: assigned.first.plus(i), at: Timestamp(assigned.first_at.0 + i) };
        terminal = terminal.or(terminal_status(&event.payload));
        bytes += event.message.len() as u64;
        redactions += masked(&event.payload);
        let (event, row) = serialise(position, event);
        stored.push(event);
        rows.push(row);
    }
    store::insert(tx.connection(), job, rows).await?;
    FailPoint::EventsStored.reached();
    tx.wrote(bytes);
    let published = Published { events: stored, terminal, by_worker: matches!(authority, Authority::Lease { .. }) };
    let tails = tails.clone();
    let appended = published.events.len();
    tx.after_commit(move || tails.publish(job, published));
    tx.count(move |metrics| {
        metrics.appended(appended, bytes);
        metrics.redacted(redactions);
    });
    Ok(Some(assigned.first.plus(count - 1)))
}

/// The position and time of an event.
#[derive(Clone, Copy)]
struct Position {
    job: JobId,
    seq: Seq,
    at: Timestamp,
}

/// Assigns the position to the event. Returns the event in two forms, one for readers and one for the database.
fn serialise(position: Position, mut event: NewEvent) -> (Arc<StoredEvent>, NewRow) {
    if let Payload::End(end) = &mut event.payload {
        end.last_seq = position.seq;
    }
    let payload = serde_json::value::to_raw_value(&event.payload).expect("every map in a payload has string keys");
    let facets = Facets::of(&event.payload);
    let size = size_of_text(event.message.len(), &event.payload);
    let parts = Parts {
        seq: position.seq,
        id: EventId(uuid::Uuid::now_v7()),
        job_id: position.job,
        level: event.level,
        message: event.message.as_bytes(),
        payload: &payload,
        created_at: position.at,
    };
    let stored = Arc::new(StoredEvent::new(&parts, facets, size));
    let row = NewRow {
        seq: position.seq,
        id: parts.id,
        level: event.level,
        kind: stored.facets.kind.clone(),
        message: event.message.into_bytes(),
        payload,
        created_at: position.at,
    };
    (stored, row)
}

/// If `payload` belongs to the last event of an attempt, returns the number of values that were masked in the attempt's
/// output. Otherwise, returns 0.
fn masked(payload: &Payload) -> u64 {
    match payload {
        Payload::Attempt(attempt) => attempt.redactions.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        _ => 0,
    }
}

const fn terminal_status(payload: &Payload) -> Option<JobStatus> {
    match payload {
        Payload::End(end) => Some(end.status),
        _ => None,
    }
}
