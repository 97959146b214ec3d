//! `/jobs/{id}/lines`: returns lines of an attempt's output by number, counted from the beginning or the end.

use axum::Json;
use axum::extract::State;

use super::error::ApiError;
use super::jobs::JobPath;
use super::query::Query;
use crate::ansi::{self, LineEnd};
use crate::level;
use crate::log::AttemptLog;
use crate::log::lines::{self, Line};
use crate::log::steps::StepIds;
use crate::model::{JobId, LinesPage, OutputLine};
use crate::queue::AttemptOutput;
use crate::server::AppState;
use crate::worker::spool;

/// The default and the maximum number of lines in a reply.
const COUNT: (i64, i64) = (200, 2000);

/// The maximum number of bytes of a line: 200 times the width of a terminal.
const KEEP: usize = 16 << 10;

/// The maximum number of bytes of a single line with `full=true`: what a browser can still show. `/log` returns lines
/// of any length.
const KEEP_FULL: usize = 16 << 20;

/// Which lines are requested.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// The number of the first line; a negative number counts from the end.
    from: i64,
    count: usize,
    keep: usize,
}

pub(super) async fn lines(
    State(state): State<AppState>,
    JobPath(job): JobPath,
    mut query: Query,
) -> Result<Json<LinesPage>, ApiError> {
    let wanted = wanted(&mut query)?;
    let attempt = attempt(&mut query)?;
    query.end()?;
    // Read the state first: if the job has finished, all of its output is in the spool.
    let output = attempt_output(&state, job, attempt).await?;
    let folder = state.config.data_dir.join(spool::folder(job, output.attempt));
    let read = tokio::task::spawn_blocking(move || match AttemptLog::open(&folder)? {
        Some(log) => read(log, wanted).map(Some),
        None => Ok(None),
    });
    let read = read.await.map_err(|error| ApiError::Internal(error.to_string()))?;
    let read = read.map_err(|error| ApiError::Internal(error.to_string()))?;
    if read.is_none() && output.sha256.is_some() {
        return Err(ApiError::ArtifactFileMissing);
    }
    let (lines, total) = read.unwrap_or_default();
    let items = describe(&state, job, output.attempt, lines).await?;
    Ok(Json(LinesPage { items, total_lines: signed(total), complete: output.is_complete }))
}

fn wanted(query: &mut Query) -> Result<Wanted, ApiError> {
    let full = query.word("full", &[("true", true), ("false", false)])?.unwrap_or(false);
    let count = query.number("count", 1..=COUNT.1)?;
    let from = query.parsed::<i64>("from")?.unwrap_or(1);
    if from == 0 {
        let message = "from: lines are numbered from 1, and a negative number counts from the end";
        return Err(ApiError::InvalidQuery(message.into()));
    }
    if full && count.is_some_and(|count| count != 1) {
        return Err(ApiError::InvalidQuery("count: must be 1 with full=true".into()));
    }
    let count = if full { 1 } else { count.unwrap_or(COUNT.0) };
    let keep = if full { KEEP_FULL } else { KEEP };
    Ok(Wanted { from, count: usize::try_from(count).unwrap_or(1), keep })
}

/// Parses the number of the attempt; `None` means the latest one.
pub(super) fn attempt(query: &mut Query) -> Result<Option<i32>, ApiError> {
    Ok(query.number("attempt", 1..=i64::from(i32::MAX))?.and_then(|attempt| i32::try_from(attempt).ok()))
}

/// Returns what is known about an attempt's output. Fails for an attempt that does not exist.
pub(super) async fn attempt_output(
    state: &AppState,
    job: JobId,
    attempt: Option<i32>,
) -> Result<AttemptOutput, ApiError> {
    let output = state.queue.attempt_output(job, attempt).await?;
    match attempt {
        Some(wanted) if wanted != output.attempt => Err(ApiError::InvalidQuery(format!(
            "attempt: there is no attempt {wanted}; the latest one is {}",
            output.last_attempt
        ))),
        _ => Ok(output),
    }
}

/// Reads the lines and the total number of lines.
fn read(mut log: AttemptLog, wanted: Wanted) -> std::io::Result<(Vec<Line>, u64)> {
    let total = log.total_lines()?;
    let from = match wanted.from {
        from @ 1.. => from.unsigned_abs(),
        back => (total + 1).saturating_sub(back.unsigned_abs()).max(1),
    };
    // Lines that have started since then are left to the next request, so that no line is beyond `totalLines`.
    let left = usize::try_from((total + 1).saturating_sub(from)).unwrap_or(usize::MAX);
    Ok((lines::read(&mut log, from, wanted.count.min(left), wanted.keep)?, total))
}

/// Adds what the spool does not know: the names of the steps, and the events in which the lines were sent.
async fn describe(state: &AppState, job: JobId, attempt: i32, lines: Vec<Line>) -> Result<Vec<OutputLine>, ApiError> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let steps = StepIds::load(&state.log, job, attempt).await?;
    let offsets: Vec<i64> = lines.iter().map(|line| signed(line.offset)).collect();
    let places = state.log.events_at_offsets(job, attempt, &offsets).await?;
    let item = |(line, seq): (Line, _)| {
        let printed = String::from_utf8_lossy(&line.text);
        let shown = ansi::fold(&printed, LineEnd::Complete);
        let truncated = line.cut || shown.cut;
        let text = shown.text.into_owned();
        OutputLine {
            line: signed(line.number),
            seq,
            stream: line.source.stream,
            stage: line.source.step.stage,
            step_id: steps.get(line.source).cloned(),
            time: line.time,
            level: level::of_printed(&text, line.source.stream),
            text,
            truncated,
        }
    };
    Ok(lines.into_iter().zip(places).map(item).collect())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
