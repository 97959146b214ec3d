//! The list of workers, as the API describes it.

use serde::{Deserialize, Serialize};

use super::{JobId, Pause, Timestamp, TokenId, WorkerId};

/// Whether a worker receives jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WorkerStatus {
    /// The worker receives jobs.
    Active,
    /// An administrator has drained the worker: it finishes the jobs that it runs, and receives no others.
    Draining,
    /// The worker or the whole queue is paused, so the worker receives no jobs.
    Paused,
    /// The worker has sent no request for a minute, and runs no job.
    Offline,
}

impl WorkerStatus {
    /// Returns the word that represents this value in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Paused => "paused",
            Self::Offline => "offline",
        }
    }
}

/// A worker, as it described itself in its latest claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListedWorker {
    /// The id.
    pub id: WorkerId,
    /// The name under which the worker claims jobs. The embedded worker is always called `embedded`.
    pub name: String,
    /// Whether the worker receives jobs.
    pub status: WorkerStatus,
    /// Whether this is the worker inside the server.
    pub embedded: bool,
    /// The version of the worker's program, if it is known.
    pub version: Option<String>,
    /// The name of the worker's machine, if it is known.
    pub hostname: Option<String>,
    /// The worker's capabilities.
    pub capabilities: Vec<String>,
    /// The types of the jobs that the worker runs. If empty, the worker runs jobs of any type.
    pub allowed_types: Vec<String>,
    /// The number of jobs that the worker runs at the same time, if it is known.
    pub concurrency: Option<i64>,
    /// The jobs that the worker runs now, in the order in which they started.
    pub jobs: Vec<WorkerJob>,
    /// The id of the API token with which the worker claims jobs; null for the embedded worker.
    pub token_id: Option<TokenId>,
    /// The time at which the worker was drained; null if it is not drained.
    pub drained_at: Option<Timestamp>,
    /// The user who has drained the worker; null if it is not drained.
    pub drained_by_user_id: Option<String>,
    /// The pause of this worker; null if the worker itself is not paused.
    pub pause: Option<Pause>,
    /// The time of the worker's first claim.
    pub first_seen_at: Timestamp,
    /// The time of the worker's latest claim or heartbeat, accurate to about 10 seconds.
    pub last_seen_at: Timestamp,
}

/// A job that a worker runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkerJob {
    /// The job's id.
    pub id: JobId,
    /// The job's title.
    pub title: String,
    /// The time at which the attempt began.
    pub since: Timestamp,
}

/// All workers that were seen during the last week: first the embedded worker, and then the others, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkersPage {
    /// The workers.
    pub items: Vec<ListedWorker>,
}
