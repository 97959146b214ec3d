//! Finds the events that contain the output at given offsets.
//!
//! Chunks are stored in the order of their first bytes. A binary search finds the chunks around the lowest offset, and
//! a scan from there finds the chunks for the other offsets.

use std::pin::pin;

use futures_util::TryStreamExt;
use model::{JobId, Seq};

use super::ReadError;
use super::store::{self, SentChunk};
use crate::db::Connection;

/// The number of chunks whose ranges of `output.log` can overlap: one for each stream.
const STREAMS: i64 = 2;

/// Returns, for each of `offsets` in the attempt's `output.log`, the `seq` of the event that contains the byte at this
/// offset, or `None` if no event contains it.
pub(super) async fn events_at(
    connection: &mut Connection,
    job: JobId,
    attempt: i32,
    offsets: &[i64],
) -> Result<Vec<Option<Seq>>, ReadError> {
    let (Some(first), Some(last)) = (offsets.iter().min(), offsets.iter().max()) else { return Ok(Vec::new()) };
    let after = first_chunk_after(connection, job, (attempt, *first)).await?;
    let from = store::chunks_back(connection, job, after, STREAMS).await?;
    let mut pieces = Vec::new();
    let mut chunks = pin!(store::chunks_from(connection, job, from));
    while let Some(SentChunk { seq, payload }) = chunks.try_next().await? {
        if (payload.attempt, payload.offset) > (attempt, *last) {
            break;
        }
        if payload.attempt == attempt {
            pieces.extend(payload.segments().iter().map(|segment| (segment.0, segment.end(), seq)));
        }
    }
    pieces.sort_unstable();
    let event_at = |offset: &i64| {
        let behind = pieces.partition_point(|(from, ..)| from <= offset);
        let (_, to, seq) = pieces.get(behind.checked_sub(1)?)?;
        (offset < to).then_some(*seq)
    };
    Ok(offsets.iter().map(event_at).collect())
}

/// Returns the position directly after the last chunk that begins at or before `at`, or 1 if there is no such chunk.
/// `at` consists of the number of an attempt and an offset in its `output.log`.
async fn first_chunk_after(connection: &mut Connection, job: JobId, at: (i32, i64)) -> Result<Seq, ReadError> {
    let last = store::last_seq(connection, job).await?.ok_or(ReadError::NoSuchJob(job))?;
    let (mut low, mut high) = (1, last.0 + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match store::chunk_from(connection, job, Seq(middle)).await? {
            Some(chunk) if (chunk.payload.attempt, chunk.payload.offset) <= at => low = chunk.seq.0 + 1,
            _ => high = middle,
        }
    }
    Ok(Seq(low))
}
