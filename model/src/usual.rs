//! The usual durations of the steps of a job.

use serde::{Deserialize, Serialize};

use super::{JobId, Stage};

/// The usual durations of the steps of a job, according to earlier successful jobs with the same title and commands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsualTimes {
    /// The latest of the earlier jobs, or null if there is none.
    pub last_success: Option<JobId>,
    /// The number of earlier jobs that were compared.
    pub jobs: i64,
    /// The steps of these earlier jobs.
    pub steps: Vec<UsualStep>,
}

/// The usual duration of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsualStep {
    /// The stage of the step.
    pub stage: Stage,
    /// The step's id.
    pub step_id: String,
    /// The median of the step's durations, in milliseconds.
    pub duration_ms: i64,
}

impl UsualTimes {
    /// Returns the usual duration of a step in milliseconds, or `None` if it is unknown.
    #[must_use]
    pub fn of(&self, stage: Stage, step_id: &str) -> Option<i64> {
        self.steps.iter().find(|step| step.stage == stage && step.step_id == step_id).map(|step| step.duration_ms)
    }
}
