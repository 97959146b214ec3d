//! The API tokens of workers, as the routes below `/workers/tokens` create and list them.

use serde::{Deserialize, Serialize};

use super::{ApiToken, Timestamp, TokenId};

/// The limits on the jobs that a worker can claim with its token. `None` sets no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenLimits {
    /// The types of the jobs that the worker can claim.
    #[serde(default)]
    pub allowed_job_types: Option<Vec<String>>,
    /// The repositories of the jobs that the worker can claim. They are compared with the `repository` member of the
    /// job's payload.
    #[serde(default)]
    pub allowed_repositories: Option<Vec<String>>,
    /// The capabilities that the worker may have.
    #[serde(default)]
    pub capabilities: Option<Vec<String>>,
}

/// The body of a request that creates a worker's token. Unknown members are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewWorkerToken {
    /// A name that identifies the worker that uses the token.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub worker_id: String,
    /// A description of the token.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 2_000))]
    pub description: Option<String>,
    /// The types of the jobs that the worker can claim.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub allowed_job_types: Option<Vec<String>>,
    /// The repositories of the jobs that the worker can claim.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub allowed_repositories: Option<Vec<String>>,
    /// The capabilities that the worker may have.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub capabilities: Option<Vec<String>>,
    /// The number of days after which the token expires.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_650))]
    pub expires_in_days: Option<u32>,
}

/// A worker's token, without its secret value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListedWorkerToken {
    /// The id.
    pub id: TokenId,
    /// A name that identifies the worker that uses the token.
    pub worker_id: String,
    /// A description of the token, if there is one.
    pub description: Option<String>,
    /// The limits on the jobs that the worker can claim.
    #[serde(flatten)]
    pub limits: TokenLimits,
    /// Whether the token is still accepted, that is, whether it has not expired.
    pub is_active: bool,
    /// The name of the user to whom the token belongs.
    pub user_id: String,
    /// The first characters of the token, so that people can recognise it.
    pub hint: String,
    /// The time at which the token was created.
    pub created_at: Timestamp,
    /// The time of the last request with the token, accurate to one minute, or `None` if there was none.
    pub last_used_at: Option<Timestamp>,
    /// The time at which the token expires.
    pub expires_at: Timestamp,
}

impl ListedWorkerToken {
    /// Converts an API token to this form. `now` is the current time, which determines whether the token is still
    /// accepted.
    #[must_use]
    pub fn of(token: ApiToken, now: Timestamp) -> Self {
        let ApiToken { id, user_id, name, description, limits, hint, created_at, last_used_at, expires_at, .. } = token;
        let is_active = expires_at > now;
        Self {
            id,
            worker_id: name,
            description,
            limits,
            is_active,
            user_id,
            hint,
            created_at,
            last_used_at,
            expires_at,
        }
    }
}

/// A worker's new token with its secret value, which is sent only in the response to the request that creates the
/// token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedWorkerToken {
    /// The secret value of the token.
    pub token: String,
    /// The token, without its secret value.
    pub worker_token: ListedWorkerToken,
}

/// The tokens of workers, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkerTokensPage {
    /// The tokens.
    pub items: Vec<ListedWorkerToken>,
    /// Whether there are more tokens after these.
    pub has_more: bool,
}
