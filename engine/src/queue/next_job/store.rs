//! The SQL queries for the job that a claim receives.

use std::time::Duration;

use model::Timestamp;

use crate::db::{Connection, DbResult};
use crate::queue::admission::ClaimScope;
use crate::queue::workers::store::valid_token;
use crate::queue::{ending, workers};

/// The conditions for a job that a claim may receive. Lists are JSON. The parameters are:
///
/// - `?1`: a list of types, which only the queries below use;
/// - `?2`: the current time;
/// - `?3`: the latest time at which a next attempt can be due;
/// - `?4`: the worker's capabilities;
/// - `?5`: the permitted repositories, or null if all are permitted;
/// - `?6`: a cut-off time: jobs that became claimable at or before this time are no longer reserved for a worker;
/// - `?7`: the id of the worker;
/// - `?8`: a cut-off time: workers that were last seen at or before this time count as offline.
macro_rules! is_claimable {
    () => {
        concat!(
            "status = 'queued' and is_behind = 0
             and (next_attempt_at is null or next_attempt_at <= ?2 or next_attempt_at > ?3)
             and (required_capabilities is null or not exists (
               select 1 from json_each(required_capabilities) as required
               where required.value not in (select value from json_each(?4))))
             and (?5 is null or repository in (select value from json_each(?5)))
             and (concurrency_group is null or concurrency_limit > (
               select count(*) from jobs as holder indexed by jobs_running_with_key
               where holder.status = 'running' and holder.concurrency_group = jobs.concurrency_group))
             and (affinity_key is null or coalesce(next_attempt_at, created_at) not between ?6 + 1 and ?2 or not exists (
               select 1 from (
                 select a.token_id, a.worker_id
                 from jobs as earlier indexed by jobs_by_affinity
                 join attempts as a on a.job_id = earlier.id and a.attempt = earlier.attempt
                 where earlier.affinity_key = jobs.affinity_key and earlier.started_at is not null
                 order by earlier.started_at desc limit 1) as latest
               join workers as preferred on preferred.token_id is latest.token_id
                 and (latest.token_id is null or preferred.name = latest.worker_id)
               where preferred.id is not ?7 and ",
            may_claim!(),
            "))"
        )
    };
}

/// The condition that the worker `preferred` may claim the job of the outer query. It must agree with
/// [`admission`](crate::queue::admission), which decides what a worker may claim.
macro_rules! may_claim {
    () => {
        concat!(
            "preferred.drained_at is null
             and coalesce(preferred.concurrency, 1) > 0
             and (preferred.token_id is null or preferred.last_seen_at > ?8)
             and (preferred.types = '[]' or jobs.type in (select value from json_each(preferred.types)))
             and (jobs.required_capabilities is null or not exists (
               select 1 from json_each(jobs.required_capabilities) as needed
               where needed.value not in (select value from json_each(preferred.capabilities))))
             and not exists (
               select 1 from pauses where target = 'worker:' || lower(
                 substr(hex(preferred.id), 1, 8) || '-' || substr(hex(preferred.id), 9, 4) || '-' ||
                 substr(hex(preferred.id), 13, 4) || '-' || substr(hex(preferred.id), 17, 4) || '-' ||
                 substr(hex(preferred.id), 21)))
             and (preferred.token_id is null or exists (
               select 1 from tokens as t left join users as u on u.id = t.user_id
               where ",
            valid_token!("preferred.token_id", "?2"),
            "    and (coalesce(t.allowed_types, '[]') = '[]'
                   or jobs.type in (select value from json_each(t.allowed_types)))
                 and (coalesce(t.allowed_repositories, '[]') = '[]'
                   or jobs.repository in (select value from json_each(t.allowed_repositories)))
                 and (jobs.required_capabilities is null or coalesce(t.capabilities, '[]') = '[]' or not exists (
                   select 1 from json_each(jobs.required_capabilities) as needed
                   where needed.value not in (select value from json_each(t.capabilities))))))"
        )
    };
}

/// The order in which jobs are claimed.
macro_rules! in_order {
    () => {
        " order by priority desc, created_at, id limit 1"
    };
}

/// Selects the next job among several types, whose names are in the column `name` of the table `kinds`. The first job
/// of each type is looked up, and the first of these jobs is the result.
macro_rules! next_of_kinds {
    () => {
        concat!(
            "select id from jobs where id in (
               select (select id from jobs indexed by jobs_claimable where type = kinds.name and ",
            is_claimable!(),
            in_order!(),
            ") from kinds)",
            in_order!()
        )
    };
}

/// The next job of the types in the list `?1`.
const NEXT_OF_LISTED_TYPES: &str = concat!("with kinds(name) as (select value from json_each(?1)) ", next_of_kinds!());

/// The next job of all types except those in the list `?1`. Each type is found with one search of the index, regardless
/// of the number of queued jobs of that type.
const NEXT_OF_OTHER_TYPES: &str = concat!(
    "with recursive types(name) as (
       select min(type) from jobs indexed by jobs_claimable where status = 'queued' and is_behind = 0
       union all
       select (select min(type) from jobs indexed by jobs_claimable
               where status = 'queued' and is_behind = 0 and type > types.name)
       from types where types.name is not null),
     kinds(name) as (
       select name from types where name is not null and name not in (select value from json_each(?1))) ",
    next_of_kinds!()
);

/// The next job of any type. `?1` is not used.
const NEXT_OF_ANY_TYPE: &str = concat!(
    "select id from jobs indexed by jobs_claimable_of_any_type where ?1 is null and ",
    is_claimable!(),
    in_order!()
);

/// Returns the job that comes next for a worker, or `None` if there is no such job.
pub(in crate::queue) async fn next(
    connection: &mut Connection,
    scope: &ClaimScope,
    now: Timestamp,
) -> DbResult<Option<uuid::Uuid>> {
    let list = |names: &[String]| serde_json::json!(names).to_string();
    let (sql, kinds) = match (scope.kinds.as_slice(), scope.paused_kinds.as_slice()) {
        ([], []) => (NEXT_OF_ANY_TYPE, None),
        ([], paused) => (NEXT_OF_OTHER_TYPES, Some(list(paused))),
        (kinds, _) => (NEXT_OF_LISTED_TYPES, Some(list(kinds))),
    };
    Ok(sqlx::query_scalar(sql)
        .bind(kinds)
        .bind(now.0)
        // If a job's next attempt is due later than this time, the attempt was scheduled before the system clock was
        // set back. Such a job is claimed immediately.
        .bind(now.after(ending::LONGEST_WAIT).0)
        .bind(list(&scope.capabilities))
        .bind(scope.repositories.as_deref().map(list))
        .bind(now.before(scope.affinity_wait).0)
        .bind(scope.worker.map(|worker| worker.0))
        .bind(now.before(workers::OFFLINE_AFTER).0)
        .fetch_optional(connection.sqlite())
        .await?)
}

/// Returns the earliest time after `since` at which a queued job becomes claimable only because time passes: because
/// its next attempt is due, or because it is no longer reserved for the worker that it prefers. Returns `None` if there
/// is no such job. `affinity_wait` is the time for which jobs are reserved.
pub(in crate::queue) async fn claimable_at(
    connection: &mut Connection,
    since: Timestamp,
    affinity_wait: Duration,
) -> DbResult<Option<Timestamp>> {
    let at: Option<i64> = sqlx::query_scalar(
        "select min(at) from (
           select min(next_attempt_at) as at from jobs indexed by jobs_by_next_attempt
           where status = 'queued' and next_attempt_at > ?1
           union all
           select min(created_at) + ?1 - ?2 from jobs indexed by jobs_queued_with_affinity
           where ?2 < ?1 and status = 'queued' and affinity_key is not null and created_at > ?2
           union all
           select min(next_attempt_at) + ?1 - ?2 from jobs indexed by jobs_by_next_attempt
           where ?2 < ?1 and status = 'queued' and affinity_key is not null and next_attempt_at > ?2)",
    )
    .bind(since.0)
    .bind(since.before(affinity_wait).0)
    .fetch_one(connection.sqlite())
    .await?;
    Ok(at.map(Timestamp))
}

/// Returns the steps of SQLite's plans for all queries for the next job.
#[cfg(test)]
pub(super) async fn plans(connection: &mut Connection) -> DbResult<Vec<String>> {
    let mut steps = Vec::new();
    for query in [NEXT_OF_ANY_TYPE, NEXT_OF_OTHER_TYPES, NEXT_OF_LISTED_TYPES] {
        let explain = sqlx::AssertSqlSafe(format!("explain query plan {query}"));
        let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(connection.sqlite()).await?;
        steps.extend(rows.into_iter().map(|(.., step)| step));
    }
    Ok(steps)
}
