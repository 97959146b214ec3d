//! Why queued jobs wait: a pause, or other jobs with the same concurrency key. Both are determined for each response,
//! because neither changes the waiting job.

use std::collections::HashMap;
use std::slice::from_mut;

use model::{ConcurrencyWait, JobStatus};

use super::concurrency::{self, StoredConcurrency};
use super::job_row::JobRow;
use super::{pauses, store};
use crate::db::{Connection, DbResult};

/// Adds the pause and the jobs for which each queued job waits. The number of queries does not depend on the number of
/// jobs.
pub(super) async fn add(connection: &mut Connection, rows: &mut [JobRow]) -> DbResult<()> {
    let mut queued: Vec<&mut JobRow> = rows.iter_mut().filter(|row| row.job.status == JobStatus::Queued).collect();
    if queued.is_empty() {
        return Ok(());
    }
    let pauses = pauses::store::all(connection).await?;
    let running = if queued.iter().any(|row| row.concurrency.is_some()) {
        concurrency::store::running(connection).await?
    } else {
        HashMap::new()
    };
    for row in &mut queued {
        row.job.pause = pauses::of_type(&pauses, &row.job.kind).cloned();
        row.job.concurrency_wait = row.concurrency.as_ref().and_then(|key| wait(key, &running));
    }
    Ok(())
}

/// Also adds the job's position in the queue. This takes a query for each job, which reads the queue up to the job.
pub(super) async fn add_with_position(connection: &mut Connection, row: &mut JobRow) -> DbResult<()> {
    if row.job.status == JobStatus::Queued {
        row.job.queue_position = Some(store::queue_position(connection, row).await?);
    }
    add(connection, from_mut(row)).await
}

/// Returns the jobs with the same concurrency key for which a queued job waits, or `None` if it waits for none.
fn wait(concurrency: &StoredConcurrency, running: &HashMap<Vec<u8>, i64>) -> Option<ConcurrencyWait> {
    let StoredConcurrency { key, limit, group } = concurrency;
    let running = running.get(group).copied().unwrap_or(0);
    (running >= *limit).then(|| ConcurrencyWait { key: key.clone(), limit: *limit, running })
}
