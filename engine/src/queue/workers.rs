//! The list of workers, with the jobs that they run. It also records which workers are drained.
//!
//! A worker on another machine is identified by its name and its API token. Its claims and heartbeats write its row in
//! the list, in their own transactions. If only the time at which the worker was seen has changed, the row is written
//! at most once per [`SEEN_EVERY`]. The row of the embedded worker is written when the server starts.

pub(super) mod store;

use std::collections::HashMap;
use std::time::Duration;

use model::{ListedWorker, Pause, PauseTarget, Timestamp, TokenId, WorkerId, WorkerJob, WorkerStatus};

use super::leases::{COMMAND, ClaimRequest};
use super::remote::RemoteClaim;
use super::{Queue, QueueError, pauses};
use crate::clock;
use crate::db::{Connection, DbResult};
use store::{DescribedWorker, WorkerRow};

/// The accuracy of the time at which a worker was last seen. A waiting claim looks for jobs every few seconds, and
/// would otherwise write to the database each time.
const SEEN_EVERY: Duration = Duration::from_secs(10);

/// The time without a request after which a worker without jobs counts as offline. A claim waits for at most half of
/// this time, so a worker whose claim waits does not count as offline.
pub(super) const OFFLINE_AFTER: Duration = Duration::from_mins(1);

/// The time without a request after which a worker is removed from the list.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// The maximum number of workers in the list. It is limited because anybody with a worker's token can choose any number
/// of names. Further workers receive jobs but are not listed.
const MAX_WORKERS: i64 = 1_000;

/// The name of the embedded worker in the list.
const EMBEDDED: &str = "embedded";

/// The description of the embedded worker.
#[derive(Clone, Debug)]
pub struct EmbeddedWorker {
    /// The version of the server.
    pub version: String,
    /// The name of the machine, if it is known.
    pub hostname: Option<String>,
    /// The number of jobs that run at the same time.
    pub concurrency: usize,
}

/// Returns the row of the worker that claims a job, and records that the worker was seen. Returns `None` if the worker
/// is not in the list, for example because the list is full.
pub(super) async fn noted(
    connection: &mut Connection,
    request: &ClaimRequest,
    now: Timestamp,
) -> DbResult<Option<WorkerRow>> {
    if request.token.is_none() {
        return store::embedded(connection).await;
    }
    let described = DescribedWorker {
        token: request.token,
        name: request.worker.to_text().into_owned(),
        version: request.version.as_ref().map(|version| version.to_text().into_owned()),
        hostname: request.hostname.as_ref().map(|name| name.to_text().into_owned()),
        kinds: request.kinds.clone(),
        capabilities: request.capabilities.clone(),
        concurrency: None,
    };
    let Some(row) = store::of_token(connection, request.token, &described.name).await? else {
        return insert(connection, described, now).await;
    };
    if row.described != described || row.last_seen_at <= now.before(SEEN_EVERY) {
        store::put(connection, row.id, &described, now).await?;
    }
    Ok(Some(row))
}

/// Records that a worker has renewed a lease.
pub(super) async fn renewed(connection: &mut Connection, token: TokenId, name: &str, now: Timestamp) -> DbResult<()> {
    store::touch(connection, token, name, now, now.before(SEEN_EVERY)).await
}

async fn insert(
    connection: &mut Connection,
    described: DescribedWorker,
    now: Timestamp,
) -> DbResult<Option<WorkerRow>> {
    store::remove_unseen(connection, now.before(KEPT)).await?;
    if store::count(connection).await? >= MAX_WORKERS {
        return Ok(None);
    }
    let id = WorkerId(uuid::Uuid::now_v7());
    store::put(connection, id, &described, now).await?;
    Ok(Some(WorkerRow { id, described, drained_at: None, drained_by: None, first_seen_at: now, last_seen_at: now }))
}

impl Queue {
    /// Adds the embedded worker to the list, or updates its description.
    pub async fn describe_embedded(&self, worker: EmbeddedWorker) -> Result<(), QueueError> {
        let now = clock::now();
        let described = DescribedWorker {
            token: None,
            name: EMBEDDED.to_owned(),
            version: Some(worker.version),
            hostname: worker.hostname,
            kinds: vec![COMMAND.to_owned()],
            capabilities: self.capabilities.clone(),
            concurrency: i64::try_from(worker.concurrency).ok(),
        };
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move {
                match store::embedded(tx.connection()).await? {
                    Some(row) => store::put(tx.connection(), row.id, &described, now).await?,
                    None => insert(tx.connection(), described, now).await.map(drop)?,
                }
                Ok::<_, QueueError>(())
            })
        });
        write.await
    }

    /// Records that a worker has asked for a job while no new jobs are started.
    pub async fn note_worker(&self, claim: &RemoteClaim) -> Result<(), QueueError> {
        let (request, now) = (claim.request().clone(), clock::now());
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move { Ok::<_, QueueError>(noted(tx.connection(), &request, now).await.map(drop)?) })
        });
        write.await
    }

    /// Returns the workers that were seen during the last week: the embedded one first, and then sorted by name.
    pub async fn workers(&self) -> Result<Vec<ListedWorker>, QueueError> {
        let mut connection = self.db.reader().await?;
        let now = clock::now();
        let rows = store::seen_after(&mut connection, now.before(KEPT)).await?;
        let pauses = pauses::store::all(&mut connection).await?;
        let mut jobs: HashMap<_, Vec<WorkerJob>> = HashMap::new();
        for (token, worker, job) in store::running(&mut connection).await? {
            // The embedded worker has one row in the list, but a different name in each run of the server.
            jobs.entry((token, token.map_or_else(|| EMBEDDED.to_owned(), |_| worker))).or_default().push(job);
        }
        let listed = |row: WorkerRow| {
            let jobs = jobs.remove(&(row.described.token, row.described.name.clone())).unwrap_or_default();
            row.into_model(jobs, &pauses, now)
        };
        Ok(rows.into_iter().map(listed).collect())
    }

    /// Drains a worker: it receives no more jobs until [`Self::resume_worker`] is called. Returns `None` if there is no
    /// such worker.
    pub async fn drain_worker(&self, worker: WorkerId, by: &str) -> Result<Option<ListedWorker>, QueueError> {
        let (by, now) = (by.to_owned(), clock::now());
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move { Ok::<_, QueueError>(store::drain(tx.connection(), worker, &by, now).await?) })
        });
        if write.await? { self.worker(worker).await } else { Ok(None) }
    }

    /// Lets a worker receive jobs again: ends its draining and its pause. Returns `None` if there is no such worker.
    pub async fn resume_worker(&self, worker: WorkerId) -> Result<Option<ListedWorker>, QueueError> {
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move {
                pauses::store::remove(tx.connection(), &PauseTarget::Worker(worker)).await?;
                Ok::<_, QueueError>(store::end_drain(tx.connection(), worker).await?)
            })
        });
        if !write.await? {
            return Ok(None);
        }
        self.signals.queued.notify_waiters();
        self.worker(worker).await
    }

    async fn worker(&self, worker: WorkerId) -> Result<Option<ListedWorker>, QueueError> {
        Ok(self.workers().await?.into_iter().find(|listed| listed.id == worker))
    }
}

impl WorkerRow {
    fn into_model(self, jobs: Vec<WorkerJob>, pauses: &[Pause], now: Timestamp) -> ListedWorker {
        let Self { id, described, drained_at, drained_by, first_seen_at, last_seen_at } = self;
        let DescribedWorker { token, name, version, hostname, kinds, capabilities, concurrency } = described;
        let pause = pauses.iter().find(|pause| pause.target == PauseTarget::Worker(id)).cloned();
        let is_queue_paused = pauses.iter().any(|pause| pause.target == PauseTarget::Queue);
        // The embedded worker runs whenever the server does.
        let last_seen_at = if token.is_none() { now } else { last_seen_at };
        let status = if jobs.is_empty() && last_seen_at < now.before(OFFLINE_AFTER) {
            WorkerStatus::Offline
        } else if drained_at.is_some() {
            WorkerStatus::Draining
        } else if pause.is_some() || is_queue_paused {
            WorkerStatus::Paused
        } else {
            WorkerStatus::Active
        };
        ListedWorker {
            id,
            name,
            status,
            embedded: token.is_none(),
            version,
            hostname,
            capabilities,
            allowed_types: kinds,
            concurrency,
            jobs,
            token_id: token,
            drained_at,
            drained_by_user_id: drained_by,
            pause,
            first_seen_at,
            last_seen_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(
        token: Option<TokenId>,
        seconds_ago: u64,
        jobs: usize,
        is_drained: bool,
        pauses: &[Pause],
    ) -> WorkerStatus {
        let now = Timestamp(1_000_000_000_000);
        let seen = now.before(Duration::from_secs(seconds_ago));
        let described = DescribedWorker {
            token,
            name: "worker".to_owned(),
            version: None,
            hostname: None,
            kinds: Vec::new(),
            capabilities: Vec::new(),
            concurrency: None,
        };
        let row = WorkerRow {
            id: WorkerId(uuid::Uuid::nil()),
            described,
            drained_at: is_drained.then_some(seen),
            drained_by: None,
            first_seen_at: seen,
            last_seen_at: seen,
        };
        let id = "01890000-0000-7000-8000-000000000001".parse().expect("it is an id");
        let jobs = (0..jobs).map(|_| WorkerJob { id, title: String::new(), since: seen }).collect();
        row.into_model(jobs, pauses, now).status
    }

    #[test]
    fn a_worker_is_offline_if_it_was_not_seen_for_a_minute_and_runs_nothing() {
        let token = Some(TokenId(uuid::Uuid::nil()));
        assert_eq!(status(token, 59, 0, false, &[]), WorkerStatus::Active);
        assert_eq!(status(token, 61, 0, false, &[]), WorkerStatus::Offline);
        assert_eq!(status(token, 61, 0, true, &[]), WorkerStatus::Offline, "also if it is drained");
        assert_eq!(status(token, 3_600, 1, false, &[]), WorkerStatus::Active, "its lease has not expired");
        assert_eq!(status(None, 3_600, 0, false, &[]), WorkerStatus::Active, "the embedded worker");
    }

    #[test]
    fn a_worker_is_draining_or_paused() {
        let pause = |target| Pause {
            target,
            worker_name: None,
            reason: None,
            paused_at: Timestamp(0),
            paused_by_user_id: "ada".to_owned(),
        };
        assert_eq!(status(None, 0, 1, true, &[]), WorkerStatus::Draining);
        assert_eq!(status(None, 0, 0, true, &[pause(PauseTarget::Queue)]), WorkerStatus::Draining);
        assert_eq!(status(None, 0, 0, false, &[pause(PauseTarget::Queue)]), WorkerStatus::Paused);
        let own = PauseTarget::Worker(WorkerId(uuid::Uuid::nil()));
        assert_eq!(status(None, 0, 0, false, &[pause(own)]), WorkerStatus::Paused);
        let other = PauseTarget::Worker(WorkerId(uuid::Uuid::max()));
        assert_eq!(status(None, 0, 0, false, &[pause(other)]), WorkerStatus::Active);
        assert_eq!(status(None, 0, 0, false, &[pause(PauseTarget::Type("a".to_owned()))]), WorkerStatus::Active);
    }
}
