//! Named secrets, as the API describes them. Their values are never sent.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A named secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NamedSecret {
    /// The name. Unless a job specifies otherwise, this is also the name of the environment variable through which
    /// steps receive the value.
    pub name: String,
    /// The time at which the secret was created.
    pub created_at: Timestamp,
    /// The time at which the current value was set.
    pub updated_at: Timestamp,
    /// The user who set the current value.
    pub updated_by_user_id: String,
    /// Whether the value is masked wherever it occurs. A short value or a common word is masked only where it is a
    /// whole word.
    pub masked_everywhere: bool,
    /// Whether the stored value can be decrypted. If it cannot, no job receives it, and it is not masked.
    pub readable: bool,
}

/// All named secrets, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretsPage {
    /// The secrets.
    pub items: Vec<NamedSecret>,
}

/// The body of a request that sets the value of a secret.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSecretValue {
    /// The value.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 16_384))]
    pub value: String,
}
