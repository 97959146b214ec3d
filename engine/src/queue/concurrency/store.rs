//! The SQL queries for concurrency keys.

use std::collections::HashMap;

use crate::db::{Connection, DbResult};

/// Returns the number of running jobs of each concurrency key, by the key's digest. Keys without running jobs are
/// omitted.
pub(in crate::queue) async fn running(connection: &mut Connection) -> DbResult<HashMap<Vec<u8>, i64>> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "select concurrency_group, count(*) from jobs indexed by jobs_running_with_key
         where status = 'running' and concurrency_group is not null group by concurrency_group",
    )
    .fetch_all(connection.sqlite())
    .await?;
    Ok(rows.into_iter().collect())
}
