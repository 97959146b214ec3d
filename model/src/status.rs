//! The overview of a server that `tailwater status` shows.

use serde::{Deserialize, Serialize};

use super::{JobCounts, ListedWorker, Pause, Timestamp, WorkerStatus};

/// The state of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// The version of the server.
    pub version: String,
    /// The time at which the server started.
    pub started_at: Timestamp,
    /// The number of jobs of each status.
    pub jobs: JobCounts,
    /// The number of workers of each status.
    pub workers: WorkerCounts,
    /// All pauses, oldest first.
    pub pauses: Vec<Pause>,
    /// The disk that contains the data directory.
    pub disk: DiskStatus,
}

/// The number of workers of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkerCounts {
    /// The number of workers that receive jobs.
    pub active: i64,
    /// The number of workers that are draining: they finish the jobs that they run, and receive no others.
    pub draining: i64,
    /// The number of workers that receive no jobs because they or the queue are paused.
    pub paused: i64,
    /// The number of workers that run no job and have sent no request for a minute.
    pub offline: i64,
}

impl WorkerCounts {
    /// Counts the workers of a list.
    #[must_use]
    pub fn of(workers: &[ListedWorker]) -> Self {
        let count = |status: WorkerStatus| {
            i64::try_from(workers.iter().filter(|worker| worker.status == status).count()).unwrap_or(i64::MAX)
        };
        Self {
            active: count(WorkerStatus::Active),
            draining: count(WorkerStatus::Draining),
            paused: count(WorkerStatus::Paused),
            offline: count(WorkerStatus::Offline),
        }
    }
}

/// The disk that contains a server's data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiskStatus {
    /// The free space in bytes.
    pub free_bytes: i64,
    /// Whether the free space is below the limit at which no new jobs are started.
    pub is_low: bool,
}
