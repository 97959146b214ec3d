//! Describes why a queued job waits for other jobs.

use serde::{Deserialize, Serialize};

/// The jobs with the same concurrency key that have to finish before a queued job can start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConcurrencyWait {
    /// The concurrency key.
    pub key: String,
    /// The number of jobs with the key that may run at the same time. The waiting job specifies it.
    pub limit: i64,
    /// The number of running jobs with the key.
    pub running: i64,
}
