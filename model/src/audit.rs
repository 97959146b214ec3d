//! The audit log, as the API describes it.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// An entry of the audit log: who did what, when, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// The position in the log. Later entries have larger ids.
    pub id: i64,
    /// The time at which the request was answered.
    pub created_at: Timestamp,
    /// The name of the user, or `None` if nobody was logged in.
    pub user: Option<String>,
    /// How the user was authenticated: `session`, `api_token` or `admin_token`.
    pub credential: Option<String>,
    /// The address of the client.
    pub address: String,
    /// What the request was meant to do, such as `job.cancel`.
    pub action: String,
    /// What the action was applied to: the id of a job, a session or a token, or the name of a secret or a user.
    pub object: Option<String>,
    /// The HTTP status of the response. A status of 400 or more means that the request was refused or failed.
    pub status: u16,
}

/// A page of the audit log, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    /// The entries.
    pub items: Vec<AuditEntry>,
    /// The value of `before` that requests the next page, or `None` at the end of the log.
    pub next_before: Option<i64>,
}
