//! `/jobs/{id}/lines`: returns lines of an attempt's output by number, counted from the beginning or the end.

use axum::Json;
use axum::extract::State;
use engine::output::{FirstLine, LineForm, Wanted};
use model::{LinesPage, Timestamp};

use super::error::ApiError;
use super::jobs::JobPath;
use super::query::Query;
use crate::server::AppState;

/// The default and the maximum number of lines in a response.
pub(super) const COUNT: (i64, i64) = (200, 2000);

/// The maximum number of bytes returned for each line. This is about 200 times the width of a terminal.
const KEEP: usize = 16 << 10;

/// The maximum number of bytes returned for each line with `raw=true`. It is larger, because a line that a program
/// overwrites contains much more output than remains visible.
const KEEP_RAW: usize = 1 << 20;

/// The maximum number of bytes returned for a single line with `full=true`. Browsers can still display a line of this
/// length. `/log` returns lines of any length.
const KEEP_FULL: usize = 16 << 20;

pub(super) async fn lines(
    State(state): State<AppState>,
    JobPath(job): JobPath,
    mut query: Query,
) -> Result<Json<LinesPage>, ApiError> {
    let wanted = wanted(&mut query)?;
    let attempt = attempt(&mut query)?;
    query.end()?;
    // The state of the attempt is read before its stored output. If this state says that the output is complete, the
    // output that is read is complete too.
    let output = state.outputs.find(job, attempt).await?;
    Ok(Json(state.outputs.lines(job, &output, wanted).await?))
}

fn wanted(query: &mut Query) -> Result<Wanted, ApiError> {
    let full = query.word("full", &[("true", true), ("false", false)])?.unwrap_or(false);
    // With `full=true`, lines are returned as they were printed, and not as a terminal shows them after redrawing.
    // Redrawn lines are cut at the maximum width of a terminal.
    let shown = if full { LineForm::AsPrinted } else { LineForm::Redrawn };
    let form = query.word("raw", &[("true", LineForm::Raw), ("false", shown)])?.unwrap_or(shown);
    let count = query.number("count", 1..=COUNT.1)?;
    let from = match (query.parsed::<i64>("from")?, query.parsed::<Timestamp>("at")?) {
        (Some(0), _) => {
            let message = "from: must not be 0; lines are numbered from 1, and negative numbers count from the end";
            return Err(ApiError::InvalidQuery(message.into()));
        }
        (Some(_), Some(_)) => return Err(ApiError::InvalidQuery("from cannot be combined with at".into())),
        (None, Some(at)) => FirstLine::At(at),
        (from, None) => FirstLine::Number(from.unwrap_or(1)),
    };
    if full && count.is_some_and(|count| count != 1) {
        return Err(ApiError::InvalidQuery("count: must be 1 with full=true".into()));
    }
    let count = if full { 1 } else { count.unwrap_or(COUNT.0) };
    let keep = match form {
        _ if full => KEEP_FULL,
        LineForm::Raw => KEEP_RAW,
        LineForm::Redrawn | LineForm::AsPrinted => KEEP,
    };
    Ok(Wanted { from, count: usize::try_from(count).unwrap_or(1), keep, form })
}

/// Parses the number of the attempt. Returns `None`, which means the latest attempt, if the parameter is missing.
pub(super) fn attempt(query: &mut Query) -> Result<Option<i32>, ApiError> {
    Ok(query.number("attempt", 1..=i64::from(i32::MAX))?.and_then(|attempt| i32::try_from(attempt).ok()))
}
