//! The SQL queries of the event log.

use futures_util::{StreamExt, TryStreamExt};
use model::{EventId, JobId, JobStatus, Level, LogPayload, Payload, Seq, Timestamp};
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row};

use super::append::{Authority, Lease, StoredBatch};
use super::new_event::size_of_text;
use super::page::{Cursor, Direction, Filling, Head, Offered, Page, PageRequest};
use super::stored::{Facets, Parts, StoredEvent};
use super::{OutputCursor, ReadError, SharedEvent, StoredOutput, StoredOutputPage};
use crate::db::{Connection, DbError, DbResult};

/// The position and the time of an append's first event. For each further event, both increase by 1.
pub(super) struct AssignedRange {
    pub(super) first: Seq,
    pub(super) first_at: Timestamp,
}

/// Assigns `count` consecutive positions and times by updating the job's row. Returns `None` if the lease has ended or
/// the batch is out of order.
pub(super) async fn assign_positions(
    connection: &mut Connection,
    job: JobId,
    count: i64,
    now: Timestamp,
    authority: Authority,
) -> DbResult<Option<AssignedRange>> {
    let (lease, number, from) = match authority {
        Authority::Lease { lease, number, from } => (Some(lease), number, from),
        Authority::Server => (None, None, None),
    };
    let row: Option<(i64, i64)> = sqlx::query_as(
        "update jobs
         set last_seq = last_seq + ?1, last_event_at = max(?2, last_event_at + ?1), updated_at = ?2
         where id = ?3 and (?4 is null or (status = 'running' and lease_epoch = ?4 and exists (
           select 1 from attempts
           where job_id = ?3 and attempt = ?5
             and (?6 is null or last_batch + 1 = ?6) and (?7 is null or shipped_bytes = ?7))))
         returning last_seq, last_event_at",
    )
    .bind(count)
    .bind(now.0)
    .bind(job.0)
    .bind(lease.map(|lease| lease.epoch))
    .bind(lease.map(|lease| lease.attempt))
    .bind(number)
    .bind(from)
    .fetch_optional(connection.sqlite())
    .await?;
    Ok(row.map(|(last, at)| AssignedRange { first: Seq(last - count + 1), first_at: Timestamp(at - count + 1) }))
}

/// An event to store.
pub(super) struct NewRow {
    pub(super) seq: Seq,
    pub(super) id: EventId,
    pub(super) level: Level,
    pub(super) kind: String,
    pub(super) message: Vec<u8>,
    pub(super) payload: Box<RawValue>,
    pub(super) created_at: Timestamp,
}

/// The maximum number of events in one statement. A higher number would save round trips to SQLite's thread, but it
/// would also take more memory, because the connection caches a prepared statement for each number of rows.
const ROWS: usize = 8;

/// Stores events.
pub(super) async fn insert(connection: &mut Connection, job: JobId, events: Vec<NewRow>) -> DbResult<()> {
    let mut events = events.into_iter();
    while events.len() > 0 {
        let mut insert =
            QueryBuilder::new("insert into events (job_id, seq, id, level, kind, message, payload, created_at) ");
        insert.push_values(events.by_ref().take(ROWS), |mut row, event| {
            row.push_bind(job.0)
                .push_bind(event.seq.0)
                .push_bind(event.id.0)
                .push_bind(event.level.as_str())
                .push_bind(event.kind)
                .push_bind(event.message)
                .push_bind(Box::<str>::from(event.payload).into_string())
                .push_bind(event.created_at.0);
        });
        insert.build().execute(connection.sqlite()).await?;
    }
    Ok(())
}

/// Returns the lease's last batch, or `None` if the lease has ended.
pub(super) async fn last_batch(connection: &mut Connection, lease: Lease) -> DbResult<Option<StoredBatch>> {
    let row: Option<(i64, i64, i64)> = sqlx::query_as(
        "select a.last_batch, a.batch_to, a.batch_events
         from attempts a join jobs j on j.id = a.job_id
         where a.job_id = ? and a.attempt = ? and j.lease_epoch = ? and j.status = 'running'",
    )
    .bind(lease.job.0)
    .bind(lease.attempt)
    .bind(lease.epoch)
    .fetch_optional(connection.sqlite())
    .await?;
    Ok(row.map(|(number, last, events)| StoredBatch { number, last: Seq(last), events }))
}

/// Returns the `count` events up to the position `last`, in order.
pub(super) async fn last_events(
    connection: &mut Connection,
    job: JobId,
    last: Seq,
    count: i64,
) -> DbResult<Vec<SharedEvent>> {
    let rows: Vec<StoredRow> = sqlx::query_as(OLDEST_FIRST)
        .bind(job.0)
        .bind(last.0 - count)
        .bind(last.0 + 1)
        .fetch_all(connection.sqlite())
        .await?;
    rows.into_iter()
        .map(|row| {
            let payload = row.payload()?;
            let size = size_of_text(row.message.len(), &payload);
            Ok(row.share(job, Facets::of(&payload), size))
        })
        .collect()
}

/// The progress that is recorded for an attempt when a batch is stored.
#[derive(Clone, Copy)]
pub(super) struct BatchProgress {
    pub(super) number: i64,
    /// The end of the batch's range in the spool, or `None` if the batch covers no range.
    pub(super) shipped: Option<i64>,
    pub(super) suppressed: i64,
    /// The position of the batch's last event.
    pub(super) last: Seq,
    /// The number of events in the batch.
    pub(super) events: i64,
}

/// Records that a batch is stored, so that a repeated batch is recognised.
pub(super) async fn set_batch_progress(
    connection: &mut Connection,
    lease: Lease,
    progress: BatchProgress,
) -> DbResult<()> {
    sqlx::query(
        "update attempts
         set last_batch = ?, shipped_bytes = coalesce(?, shipped_bytes), suppressed_bytes = suppressed_bytes + ?,
             batch_to = ?, batch_events = ?
         where job_id = ? and attempt = ?",
    )
    .bind(progress.number)
    .bind(progress.shipped)
    .bind(progress.suppressed)
    .bind(progress.last.0)
    .bind(progress.events)
    .bind(lease.job.0)
    .bind(lease.attempt)
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

/// Returns the current end of the job's log, or `None` if there is no such job.
pub(super) async fn head(connection: &mut Connection, job: JobId) -> DbResult<Option<Head>> {
    let row: Option<(i64, String)> = sqlx::query_as("select last_seq, status from jobs where id = ?")
        .bind(job.0)
        .fetch_optional(connection.sqlite())
        .await?;
    Ok(row.map(|(last, status)| Head {
        last_seq: Seq(last),
        terminal: JobStatus::from_word(&status).filter(|status| status.is_terminal()),
    }))
}

/// Returns the position of the last event of the job's log, or `None` if there is no such job.
pub(super) async fn last_seq(connection: &mut Connection, job: JobId) -> DbResult<Option<Seq>> {
    Ok(head(connection, job).await?.map(|head| head.last_seq))
}

/// Reads one page. The current end of the log is read before the events.
pub(super) async fn page(connection: &mut Connection, job: JobId, request: &PageRequest) -> Result<Page, ReadError> {
    let head = head(connection, job).await?.ok_or(ReadError::NoSuchJob(job))?;
    let mut page = Filling::new(request, head);
    // Events appended after the head was read are not part of this page.
    let last = head.last_seq.0;
    let (after, before) = match request.direction {
        Direction::After(cursor) => (cursor.0, last + 1),
        Direction::UpTo(bound) => (0, bound.0.min(last + 1)),
        Direction::Before(bound) => (0, bound.map_or(last + 1, |bound| bound.0.min(last + 1))),
    };
    let sql = match (request.direction, request.filter.kinds.include_output()) {
        (Direction::Before(_), true) => NEWEST_FIRST,
        (Direction::Before(_), false) => NEWEST_FIRST_NOT_OUTPUT,
        (_, true) => OLDEST_FIRST,
        (_, false) => OLDEST_FIRST_NOT_OUTPUT,
    };
    let mut rows = sqlx::query_as::<_, StoredRow>(sql).bind(job.0).bind(after).bind(before).fetch(connection.sqlite());
    while let Some(row) = rows.try_next().await.map_err(DbError::from)? {
        let payload = row.payload()?;
        let facets = Facets::of(&payload);
        let matches = request.filter.matches(row.level, &facets);
        let size = size_of_text(row.message.len(), &payload);
        if page.offer(row.seq, size, matches, || row.share(job, facets, size)) == Offered::Stop {
            break;
        }
    }
    Ok(page.finish())
}

const OLDEST_FIRST: &str = "select seq, id, level, message, payload, created_at from events
    where job_id = ? and seq > ? and seq < ? order by seq";
const NEWEST_FIRST: &str = "select seq, id, level, message, payload, created_at from events
    where job_id = ? and seq > ? and seq < ? order by seq desc";
const OLDEST_FIRST_NOT_OUTPUT: &str = "select seq, id, level, message, payload, created_at from events
    where job_id = ? and seq > ? and seq < ? and kind <> 'log' order by seq";
const NEWEST_FIRST_NOT_OUTPUT: &str = "select seq, id, level, message, payload, created_at from events
    where job_id = ? and seq > ? and seq < ? and kind <> 'log' order by seq desc";

/// A row of the events table.
struct StoredRow {
    seq: Seq,
    id: EventId,
    level: Level,
    message: Vec<u8>,
    payload: Box<RawValue>,
    created_at: Timestamp,
}

impl<'r> FromRow<'r, SqliteRow> for StoredRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let level: &str = row.try_get(2)?;
        let payload: String = row.try_get(4)?;
        Ok(Self {
            seq: Seq(row.try_get(0)?),
            id: EventId(row.try_get(1)?),
            level: Level::from_word(level).ok_or_else(|| damaged("level"))?,
            message: row.try_get(3)?,
            payload: RawValue::from_string(payload).map_err(|_| damaged("payload"))?,
            created_at: Timestamp(row.try_get(5)?),
        })
    }
}

impl StoredRow {
    fn payload(&self) -> DbResult<Payload> {
        Ok(serde_json::from_str(self.payload.get()).map_err(|_| damaged("payload"))?)
    }

    fn into_output(self) -> DbResult<StoredOutput> {
        match self.payload()? {
            Payload::Log(payload) => {
                Ok(StoredOutput { seq: self.seq, payload, text: redact::Redacted::from_stored(self.message) })
            }
            _ => Err(damaged("payload").into()),
        }
    }

    fn share(&self, job_id: JobId, facets: Facets, size: usize) -> SharedEvent {
        let parts = Parts {
            seq: self.seq,
            id: self.id,
            job_id,
            level: self.level,
            message: &self.message,
            payload: &self.payload,
            created_at: self.created_at,
        };
        SharedEvent::new(StoredEvent::new(&parts, facets, size))
    }
}

/// Returns the error for a column that contains a value that this program never writes.
fn damaged(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored event's {column} is damaged").into())
}

/// Returns the position that a cursor refers to. For [`Cursor::After`], this is the last event before the requested
/// events. For [`Cursor::Before`], this is the first event after them.
pub(super) async fn resolve(connection: &mut Connection, job: JobId, cursor: Cursor) -> Result<Seq, ReadError> {
    let head = head(connection, job).await?.ok_or(ReadError::NoSuchJob(job))?;
    let (time, id) = match cursor {
        Cursor::Seq(seq) => return Ok(seq.min(head.last_seq)),
        Cursor::After(time, id) | Cursor::Before(time, id) => (time, id),
    };
    // Times strictly increase with `seq`, so a binary search finds the position.
    let (mut low, mut high) = (0, head.last_seq.0);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if time_of(connection, job, Seq(middle)).await?.0 <= time { low = middle } else { high = middle - 1 }
    }
    let at = if low > 0 { Some(time_of(connection, job, Seq(low)).await?) } else { None };
    let exact = at.filter(|(found, _)| *found == time).map(|(_, found)| found);
    Ok(match (cursor, exact, id) {
        // The event at `low` has exactly the cursor's time, and its id makes it one of the requested events.
        (Cursor::After(..), Some(found), Some(named)) if found > named => Seq(low - 1),
        (Cursor::Before(..), Some(found), Some(named)) if found < named => Seq(low + 1),
        (Cursor::Before(..), None, _) => Seq(low + 1),
        // The cursor refers to the event at `low`.
        _ => Seq(low),
    })
}

async fn time_of(connection: &mut Connection, job: JobId, seq: Seq) -> DbResult<(Timestamp, EventId)> {
    let (at, id): (i64, uuid::Uuid) = sqlx::query_as("select created_at, id from events where job_id = ? and seq = ?")
        .bind(job.0)
        .bind(seq.0)
        .fetch_one(connection.sqlite())
        .await?;
    Ok((Timestamp(at), EventId(id)))
}

/// The position and payload of an output event.
pub(super) struct SentChunk {
    pub(super) seq: Seq,
    pub(super) payload: LogPayload,
}

fn sent_chunk((seq, payload): (i64, String)) -> DbResult<SentChunk> {
    let payload = serde_json::from_str(&payload).map_err(|_| damaged("payload"))?;
    Ok(SentChunk { seq: Seq(seq), payload })
}

/// Returns the first chunk at or after a position.
pub(super) async fn chunk_from(connection: &mut Connection, job: JobId, from: Seq) -> DbResult<Option<SentChunk>> {
    let row: Option<(i64, String)> = sqlx::query_as(
        "select seq, payload from events where job_id = ? and seq >= ? and kind = 'log' order by seq limit 1",
    )
    .bind(job.0)
    .bind(from.0)
    .fetch_optional(connection.sqlite())
    .await?;
    row.map(sent_chunk).transpose()
}

/// Returns the position of the chunk that is `count` chunks before the position `before`. If there are fewer chunks,
/// returns the position of the first. If there are none, returns 0.
pub(super) async fn chunks_back(connection: &mut Connection, job: JobId, before: Seq, count: i64) -> DbResult<Seq> {
    let seq: Option<i64> = sqlx::query_scalar(
        "select min(seq) from (select seq from events where job_id = ? and seq < ? and kind = 'log'
                               order by seq desc limit ?)",
    )
    .bind(job.0)
    .bind(before.0)
    .bind(count)
    .fetch_one(connection.sqlite())
    .await?;
    Ok(Seq(seq.unwrap_or(0)))
}

/// Returns all chunks at or after a position, in order.
pub(super) fn chunks_from(
    connection: &mut Connection,
    job: JobId,
    from: Seq,
) -> impl futures_util::Stream<Item = DbResult<SentChunk>> {
    sqlx::query_as("select seq, payload from events where job_id = ? and seq >= ? and kind = 'log' order by seq")
        .bind(job.0)
        .bind(from.0)
        .fetch(connection.sqlite())
        .map(|row| sent_chunk(row?))
}

/// The number of bytes of text after which a page of stored output ends. A page has at least one chunk.
const OUTPUT_PAGE: usize = 1 << 20;

/// Returns a page of an attempt's stored chunks, oldest first.
pub(super) async fn output_page(
    connection: &mut Connection,
    job: JobId,
    attempt: i32,
    from: OutputCursor,
) -> DbResult<StoredOutputPage> {
    let mut rows = sqlx::query_as::<_, StoredRow>(
        "select seq, id, level, message, payload, created_at from events
         where job_id = ? and seq > ? and kind = 'log' and json_extract(payload, '$.attempt') = ?
         and json_extract(payload, '$.offset') + json_extract(payload, '$.bytes') > ? order by seq",
    )
    .bind(job.0)
    .bind(from.after.0)
    .bind(attempt)
    .bind(from.offset)
    .fetch(connection.sqlite());
    let (mut chunks, mut size) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        size += row.message.len() + row.payload.get().len();
        chunks.push(row.into_output()?);
        if size >= OUTPUT_PAGE {
            return Ok(StoredOutputPage { chunks, has_more: true });
        }
    }
    Ok(StoredOutputPage { chunks, has_more: false })
}
