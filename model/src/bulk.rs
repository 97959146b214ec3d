//! Actions that are applied to all jobs that match a filter.

use serde::{Deserialize, Serialize};

use super::{JobId, JobStatus, Timestamp};

/// An action on jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Cancel the jobs that have not finished.
    Cancel,
    /// Run the finished jobs again, as new jobs.
    Resubmit,
    /// Remove the finished jobs, with their logs and artifacts.
    Remove,
}

impl BulkAction {
    /// All actions.
    pub const ALL: [Self; 3] = [Self::Cancel, Self::Resubmit, Self::Remove];

    /// Returns the word that represents this value in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Resubmit => "resubmit",
            Self::Remove => "remove",
        }
    }

    /// Returns the action that this word represents, or `None` if it represents no action.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }

    /// Returns whether the action can be applied to jobs with this status.
    #[must_use]
    pub const fn applies_to(self, status: JobStatus) -> bool {
        match self {
            Self::Cancel => !status.is_terminal(),
            Self::Resubmit | Self::Remove => status.is_terminal(),
        }
    }
}

/// The conditions that a job must meet. The filters of the list of jobs are the same. A missing condition is met by all
/// jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BulkFilter {
    /// If set, only jobs with one of these statuses match. Jobs to which the action does not apply are ignored.
    pub status: Option<Vec<JobStatus>>,
    /// If set, only jobs of this type match.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// If set, only jobs whose title, id or commands contain this text match.
    pub q: Option<String>,
    /// If set, only jobs that this user submitted match.
    pub user: Option<String>,
    /// If set, only jobs submitted at or after this time match.
    pub created_after: Option<Timestamp>,
    /// If set, only jobs submitted before this time match.
    pub created_before: Option<Timestamp>,
}

/// The body of a request that applies an action to all matching jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkRequest {
    /// The action to apply.
    pub action: BulkAction,
    /// The conditions. The member is required, so that a client cannot change all jobs by omitting it.
    pub filter: BulkFilter,
    /// The reason for cancelling the jobs.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 2_000))]
    pub reason: Option<String>,
    /// Whether to also resubmit jobs that have been resubmitted already. By default, they are ignored.
    #[serde(default)]
    pub include_resubmitted: bool,
    /// Whether to count the jobs without changing them.
    #[serde(default)]
    pub dry_run: bool,
}

/// The result of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BulkReply {
    /// The number of matching jobs to which the action can be applied. It never exceeds the maximum number of jobs for
    /// one request.
    pub matched: i64,
    /// The number of jobs to which the action was applied.
    pub done: i64,
    /// The number of jobs to which the action no longer applied, because their state had changed in the meantime.
    pub skipped: i64,
    /// The number of jobs for which the action failed.
    pub failed: i64,
    /// The error of the first job for which the action failed.
    pub error: Option<String>,
    /// The first jobs that were skipped or for which the action failed, at most 100.
    #[serde(default)]
    pub unchanged: Vec<UnchangedJob>,
    /// The number of jobs that match the filter but are not counted in `matched`, because they have been resubmitted
    /// already. It never exceeds the maximum number of jobs for one request.
    #[serde(default)]
    pub resubmitted: i64,
    /// The oldest of the jobs that `resubmitted` counts, at most 100, each with its latest copy.
    #[serde(default)]
    pub resubmissions: Vec<Resubmission>,
    /// Whether more jobs match than one request can change.
    pub has_more: bool,
    /// The time of the request. Jobs that were submitted later are not affected.
    pub before: Timestamp,
}

/// A job that has been resubmitted, and its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Resubmission {
    /// The job's id.
    pub id: JobId,
    /// The id of the latest job that is a copy of this one.
    pub resubmitted_as: JobId,
}

/// A job to which an action was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnchangedJob {
    /// The job's id.
    pub id: JobId,
    /// The reason why the action was not applied.
    pub reason: String,
}
