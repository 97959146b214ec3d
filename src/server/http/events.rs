//! `/jobs/{id}/events`: returns one page of a job's event log. This module also parses the query parameters that this
//! route and the stream have in common.

mod format;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use engine::event_log::{Cursor, Direction, Filter, Kinds, PageRequest};
use model::{EventId, JobId, Level, Seq, StreamName, Timestamp};

use super::error::ApiError;
use super::jobs::JobPath;
use super::query::Query;
use crate::server::AppState;
pub(in crate::server) use format::Format;
pub(super) use format::NDJSON;

/// The default and the maximum number of events in a page.
pub(super) const LIMIT: (i64, i64) = (200, 500);

/// The order of the events in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    OldestFirst,
    NewestFirst,
}

pub(super) async fn page(
    State(state): State<AppState>,
    JobPath(job): JobPath,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, ApiError> {
    let after = cursor(&mut query, "after", "afterEventId", Cursor::After)?;
    let before = cursor(&mut query, "before", "beforeEventId", Cursor::Before)?;
    let sort = query.word("sort", &[("asc", Sort::OldestFirst), ("desc", Sort::NewestFirst)])?;
    let limit = query.number("limit", 1..=LIMIT.1)?.unwrap_or(LIMIT.0);
    let filter = filter(&mut query)?;
    let format = Format::requested(&mut query, &headers)?;
    query.end()?;
    let direction = direction(&state, job, (after, before), sort.unwrap_or(Sort::OldestFirst)).await?;
    let request = PageRequest { direction, filter, limit: usize::try_from(limit).unwrap_or(1) };
    let page = state.events.page(job, &request).await?;
    Ok(format.reply(&page))
}

async fn direction(
    state: &AppState,
    job: JobId,
    (after, before): (Option<Cursor>, Option<Cursor>),
    sort: Sort,
) -> Result<Direction, ApiError> {
    let one_end = |what: &str| ApiError::InvalidQuery(what.into());
    Ok(match (after, before, sort) {
        (Some(_), Some(_), _) => return Err(one_end("specify after or before, not both")),
        (Some(_), None, Sort::NewestFirst) => {
            return Err(one_end("after cannot be combined with sort=desc"));
        }
        (Some(after), None, Sort::OldestFirst) => Direction::After(resolve(state, job, after).await?),
        (None, Some(before), Sort::OldestFirst) => Direction::UpTo(resolve(state, job, before).await?),
        (None, Some(before), Sort::NewestFirst) => Direction::Before(Some(resolve(state, job, before).await?)),
        (None, None, Sort::OldestFirst) => Direction::After(Seq::START),
        (None, None, Sort::NewestFirst) => Direction::Before(None),
    })
}

/// Converts a cursor to a `seq`. The event log is read only if the cursor is a time.
pub(super) async fn resolve(state: &AppState, job: JobId, cursor: Cursor) -> Result<Seq, ApiError> {
    match cursor {
        Cursor::Seq(seq) => Ok(seq),
        time => Ok(state.events.resolve(job, time).await?),
    }
}

/// Parses a cursor, which is either a `seq` or a time. A time may be combined with an event's id (see [`Cursor`]).
/// Returns `None` if the parameter is missing.
pub(super) fn cursor(
    query: &mut Query,
    name: &str,
    id_name: &str,
    of_time: impl FnOnce(Timestamp, Option<EventId>) -> Cursor,
) -> Result<Option<Cursor>, ApiError> {
    let (text, id) = (query.text(name), query.parsed::<EventId>(id_name)?);
    let without_time = || ApiError::InvalidQuery(format!("{id_name} requires `{name}` to be a time"));
    let Some(text) = text else {
        return if id.is_some() { Err(without_time()) } else { Ok(None) };
    };
    if let Ok(seq) = text.parse::<i64>() {
        return match (seq, id) {
            (_, Some(_)) => Err(without_time()),
            (0.., None) => Ok(Some(Cursor::Seq(Seq(seq)))),
            _ => Err(ApiError::InvalidQuery(format!("{name}: must be a seq of 0 or more, not {seq}"))),
        };
    }
    let time = text.parse::<Timestamp>();
    let time =
        time.map_err(|error| ApiError::InvalidQuery(format!("{name}: {text:?} is neither a seq nor a time: {error}")))?;
    Ok(Some(of_time(time, id)))
}

/// Parses the query parameters that filter events.
pub(super) fn filter(query: &mut Query) -> Result<Filter, ApiError> {
    let kinds =
        query.text("kind").map_or(Kinds::Any, |kinds| Kinds::Only(kinds.split(',').map(str::to_owned).collect()));
    Ok(Filter {
        kinds,
        level: query.word("level", &[Level::Info, Level::Warn, Level::Error].map(|level| (level.as_str(), level)))?,
        stream: query
            .word("stream", &[StreamName::Stdout, StreamName::Stderr].map(|stream| (stream.as_str(), stream)))?,
        step_id: query.text("stepId"),
        attempt: query.number("attempt", 0..=i64::from(i32::MAX))?.and_then(|attempt| i32::try_from(attempt).ok()),
    })
}
