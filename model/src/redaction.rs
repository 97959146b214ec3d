//! The rules that recognise secrets by their format, and requests for testing which parts of a text would be masked.

use serde::{Deserialize, Serialize};

/// The body of a request that tests which parts of the given text would be masked.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RedactionTest {
    /// The text, which is not stored.
    pub text: String,
}

/// The result of testing which parts of the given text would be masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RedactionResult {
    /// The masked text.
    pub text: String,
    /// The masked parts, in their order in the original text.
    pub findings: Vec<RedactionFinding>,
}

/// A part of the given text that would be masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RedactionFinding {
    /// The line in which the part begins, from 1.
    pub line: i64,
    /// The position of the part's first byte in its line, in bytes, from 1.
    pub column: i64,
    /// The length of the part, in bytes.
    pub bytes: i64,
    /// The id of the rule that recognised the part, or null if it is a value that is known to be secret.
    pub rule: Option<String>,
}

/// A rule that recognises secrets by their format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RedactionRule {
    /// The id, which appears in masks such as `[REDACTED:github-token]`.
    pub id: String,
    /// A description of the secret and of what it gives access to.
    pub reason: String,
    /// The format of the secrets, as a regular expression.
    pub expression: String,
}

/// All rules that are in use, sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RedactionRules {
    /// The rules.
    pub items: Vec<RedactionRule>,
}
