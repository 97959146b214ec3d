//! Users, sessions and API tokens, as the API describes them. The server never sends a password. It sends a token only
//! once, in the response to the request that creates it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Role, SessionId, Timestamp, TokenId, TokenLimits};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The name. Names that differ only in their case are the same.
    pub name: String,
    /// The role, which determines what the user may do.
    pub role: Role,
    /// Whether the user is disabled. A disabled user cannot log in, and the user's tokens are refused.
    pub disabled: bool,
    /// The time at which the user was created.
    pub created_at: Timestamp,
    /// The time at which the role or the password was last changed, or the user was last disabled or enabled.
    pub updated_at: Timestamp,
    /// Who authenticates the user.
    #[serde(default)]
    pub source: UserSource,
    /// Whether the user is refused because none of the user's groups gives a role. The groups are those that the proxy
    /// or the provider sent last.
    #[serde(default)]
    pub without_role: bool,
    /// The time at which the user's one-time login link expires, or `None` if there is no valid link.
    #[serde(default)]
    pub login_link_expires_at: Option<Timestamp>,
}

/// Who authenticates a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UserSource {
    /// This server, by a password.
    #[default]
    Local,
    /// A reverse proxy, which sends the user's name in a header.
    Proxy,
    /// An OpenID Connect provider.
    Oidc,
}

impl UserSource {
    /// All sources.
    pub const ALL: [Self; 3] = [Self::Local, Self::Proxy, Self::Oidc];

    /// Returns the word for this source in the API and in the database. The names of users that are not local begin
    /// with the word for their source.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Proxy => "proxy",
            Self::Oidc => "oidc",
        }
    }

    /// Returns the source for which [`Self::as_str`] returns this word, or `None` if there is none.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// All users, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsersPage {
    /// The users.
    pub items: Vec<User>,
}

/// The body of a request that creates a user.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub name: String,
    /// The role, which determines what the user may do.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::role_of_user))]
    pub role: Role,
    /// The password, or `None` if the user is to choose it with a login link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1_024))]
    pub password: Option<String>,
}

/// The body of a request that changes a user. Members that are missing or null change nothing.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UserChanges {
    /// The new role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::new_role_of_user))]
    pub role: Option<Role>,
    /// The new password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1_024))]
    pub password: Option<String>,
    /// Whether to disable the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// The body of a request with which users change their own password.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    /// The current password.
    pub current_password: String,
    /// The new password.
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1_024))]
    pub new_password: String,
}

/// The body of a request that creates a one-time login link for a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewLoginLink {
    /// The number of hours after which the link expires, or `None` for [`Self::DEFAULT_HOURS`].
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 168))]
    pub expires_in_hours: Option<u32>,
}

impl NewLoginLink {
    /// The number of hours after which a link expires if the request does not specify a number. Most people read a
    /// message within a day.
    pub const DEFAULT_HOURS: u32 = 24;

    /// The maximum number of hours, a week. A link remains in the message with which it was sent, where others may find
    /// it.
    pub const MAX_HOURS: u32 = 168;
}

/// A new one-time login link. It is sent only in the response to the request that creates it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedLoginLink {
    /// The name of the user whom the link logs in.
    pub user_id: String,
    /// The address to open in a browser. It begins with the address to which the request was sent.
    pub link: String,
    /// The time at which the link expires.
    pub expires_at: Timestamp,
}

impl fmt::Debug for CreatedLoginLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedLoginLink").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// A browser in which somebody is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// The name of the user, or `admin` if the session began with the admin token or with a one-time link.
    pub user_id: String,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time of the last request, accurate to one minute.
    pub last_used_at: Timestamp,
    /// The time at which the session ends.
    pub expires_at: Timestamp,
    /// The address from which the login came. It is empty for sessions that began before the server stored addresses.
    pub address: String,
    /// The browser, as it described itself at the login.
    pub browser: String,
    /// Whether the request for this list belongs to this session.
    pub current: bool,
}

/// Sessions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionsPage {
    /// The sessions.
    pub items: Vec<Session>,
    /// Whether there are more sessions after these.
    pub has_more: bool,
}

/// An API token, without its secret value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// The id.
    pub id: TokenId,
    /// The name of the user to whom the token belongs, or `admin` if the token was created with the admin token.
    pub user_id: String,
    /// The name, which describes the token's purpose.
    pub name: String,
    /// The role of the token. The token permits no more than the current role of its user permits.
    pub role: Role,
    /// A description of the token, if there is one.
    #[serde(default)]
    pub description: Option<String>,
    /// The limits on the jobs that a worker can claim with the token. Tokens with other roles have no limits.
    #[serde(flatten)]
    pub limits: TokenLimits,
    /// The first characters of the token, so that people can recognise it.
    pub hint: String,
    /// The time at which the token was created.
    pub created_at: Timestamp,
    /// The time of the last request with the token, accurate to one minute, or `None` if there was none.
    pub last_used_at: Option<Timestamp>,
    /// The time at which the token expires.
    pub expires_at: Timestamp,
}

/// API tokens, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiTokensPage {
    /// The tokens.
    pub items: Vec<ApiToken>,
    /// Whether there are more tokens after these.
    pub has_more: bool,
}

/// The body of a request that creates an API token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewApiToken {
    /// The name, which describes the token's purpose.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// The role of the token, or `None` for the role of the user who creates it.
    #[serde(default)]
    pub role: Option<Role>,
    /// The number of days after which the token expires, or `None` for [`Self::DEFAULT_DAYS`].
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_650))]
    pub expires_in_days: Option<u32>,
    /// A description of the token.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 2_000))]
    pub description: Option<String>,
    /// The types of the jobs that a worker can claim with the token. `None` and an empty list set no limit.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub allowed_job_types: Option<Vec<String>>,
    /// The repositories of the jobs that a worker can claim with the token. `None` and an empty list set no limit.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub allowed_repositories: Option<Vec<String>>,
    /// The capabilities that a worker with the token may have. `None` and an empty list set no limit.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub capabilities: Option<Vec<String>>,
}

impl NewApiToken {
    /// The number of days after which a token expires if the request does not specify a number.
    pub const DEFAULT_DAYS: u32 = 90;

    /// The maximum number of days.
    pub const MAX_DAYS: u32 = 3_650;
}

/// A new API token with its secret value, which is sent only in the response to the request that creates the token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedApiToken {
    /// The secret value of the token.
    pub token: String,
    /// The token, without its secret value.
    #[serde(flatten)]
    pub about: ApiToken,
}

impl fmt::Debug for CreatedApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedApiToken").field("about", &self.about).finish_non_exhaustive()
    }
}
