//! Appends events, either for a worker under a lease or for the server itself.
//!
//! In both cases, updating the job's row assigns the `seq` and the time of the events. This happens in the transaction
//! that stores the events. Readers are notified only after the commit.

use std::sync::Arc;

use model::{EventId, JobId, JobStatus, Payload, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use super::SharedEvent;
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
    /// The batch's number within the lease, from 1. If a batch with this number is already stored, the batch is not
    /// stored again.
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

/// The error returned when a batch cannot be appended.
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
    /// A worker appends events under a lease.
    Lease {
        /// The lease under which events are appended.
        lease: Lease,
        /// The batch's number, which must be the last batch's number plus 1. It is `None` if the events are not
        /// numbered.
        number: Option<i64>,
        /// The offset at which the batch's range begins, which must be the end of the last batch's range. It is `None`
        /// if the batch covers no range of a spool.
        from: Option<i64>,
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
    let authority = Authority::Lease { lease, number: Some(number), from: Some(from) };
    match append(tx, tails, lease.job, authority, events, now).await? {
        Some(stored) => {
            let progress = store::BatchProgress {
                number,
                shipped: Some(to),
                suppressed,
                last: last_of(&stored),
                events: count(stored.len()),
            };
            store::set_batch_progress(tx.connection(), lease, progress).await?;
            FailPoint::BatchStored.reached();
            Ok(progress.last)
        }
        None => Ok(repeated(tx.connection(), lease, number).await?.last),
    }
}

/// Appends, within a transaction, events that a worker without a spool reports. If events are already stored under
/// `number`, nothing is stored again. Returns the stored events.
pub async fn append_reported(
    tx: &mut Tx,
    tails: &Tails,
    lease: Lease,
    number: Option<i64>,
    events: Vec<NewEvent>,
    now: Timestamp,
) -> Result<Vec<SharedEvent>, AppendError> {
    let appended = append(tx, tails, lease.job, Authority::Lease { lease, number, from: None }, events, now).await?;
    match (appended, number) {
        (Some(stored), Some(number)) => {
            let (last, events) = (last_of(&stored), count(stored.len()));
            let progress = store::BatchProgress { number, shipped: None, suppressed: 0, last, events };
            store::set_batch_progress(tx.connection(), lease, progress).await?;
            FailPoint::BatchStored.reached();
            Ok(stored)
        }
        (Some(stored), None) => Ok(stored),
        (None, None) => Err(AppendError::LeaseLost(lease.job)),
        (None, Some(number)) => {
            let StoredBatch { last, events, .. } = repeated(tx.connection(), lease, number).await?;
            Ok(store::last_events(tx.connection(), lease.job, last, events).await?)
        }
    }
}

/// The last batch of a lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredBatch {
    /// The batch's number.
    pub(super) number: i64,
    /// The position of the batch's last event.
    pub(super) last: Seq,
    /// The number of events in the batch.
    pub(super) events: i64,
}

/// Returns the lease's last batch if it has this number. Otherwise, returns the reason for refusing the batch.
async fn repeated(connection: &mut Connection, lease: Lease, number: i64) -> Result<StoredBatch, AppendError> {
    match store::last_batch(connection, lease).await? {
        None => Err(AppendError::LeaseLost(lease.job)),
        Some(stored) if stored.number == number => Ok(stored),
        Some(_) => Err(AppendError::OutOfOrder { job: lease.job, number }),
    }
}

fn last_of(stored: &[SharedEvent]) -> Seq {
    stored.last().map_or(Seq::START, |event| event.seq)
}

fn count(events: usize) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
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

/// Appends events and returns them as they are stored, or `None` if the lease has ended or the batch is out of order.
async fn append(
    tx: &mut Tx,
    tails: &Tails,
    job: JobId,
    authority: Authority,
    events: Vec<NewEvent>,
    now: Timestamp,
) -> Result<Option<Vec<SharedEvent>>, DbError> {
    let count = count(events.len());
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
    let published =
        Published { events: stored.clone(), terminal, by_worker: matches!(authority, Authority::Lease { .. }) };
    let tails = tails.clone();
    let appended = published.events.len();
    tx.after_commit(move || tails.publish(job, published));
    tx.count(move |metrics| {
        metrics.appended(appended, bytes);
        metrics.redacted(redactions);
    });
    Ok(Some(stored))
}

/// The position and time of an event.
#[derive(Clone, Copy)]
struct Position {
    job: JobId,
    seq: Seq,
    at: Timestamp,
}

/// Assigns the position to the event. Returns the event in two forms: one for readers and one for the database.
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
        kind: kind_column(&event.payload, &stored.facets),
        message: event.message.into_bytes(),
        payload,
        created_at: position.at,
    };
    (stored, row)
}

/// Returns the value of the `kind` column, which is the payload's kind with one exception. Workers on other machines
/// may report events of the kind `log` that lack some fields of a chunk of output. For these events, the value is
/// `text`.
fn kind_column(payload: &Payload, facets: &Facets) -> String {
    match payload {
        Payload::Other(_) if facets.kind == "log" => "text".to_owned(),
        _ => facets.kind.clone(),
    }
}

/// Returns the number of values that were masked in an attempt's output if `payload` reports the end of the attempt.
/// Otherwise, returns 0.
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
