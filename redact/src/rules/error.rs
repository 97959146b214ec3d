//! The reasons why a set of rules is rejected.

use super::compile::{LONGEST_ID, LONGEST_MATCH, SHORTEST_LITERAL};

/// The reason why a set of rules was rejected. Each message names the rule and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The id cannot be shown in a mask.
    #[error(
        "rule {id:?}: the id must consist of 1 to {LONGEST_ID} lower-case letters, digits and hyphens, and begin \
         with a letter"
    )]
    Id {
        /// The id of the rule.
        id: String,
    },
    /// Two rules have the same id.
    #[error("rule {id:?}: another rule has this id; choose a different one, or disable the built-in rule")]
    Duplicate {
        /// The id of the rule.
        id: String,
    },
    /// The caller disabled a rule that does not exist.
    #[error("rule {id:?} cannot be disabled, because no built-in rule has this id")]
    Unknown {
        /// The id that was not found.
        id: String,
    },
    /// There are too many rules.
    #[error("there are more than 65,535 rules; remove some")]
    TooMany,
    /// The expression is not valid.
    #[error("rule {id:?}: the expression is not valid: {reason}")]
    Syntax {
        /// The id of the rule.
        id: String,
        /// The parser's message, which includes the location of the error.
        reason: String,
    },
    /// The automaton of the expression is too large.
    #[error("rule {id:?}: the expression is too complex; use fewer or smaller counted repetitions")]
    TooComplex {
        /// The id of the rule.
        id: String,
    },
    /// The expression contains an assertion.
    #[error(
        "rule {id:?}: the expression must not contain `^`, `$`, `\\b` or similar; token boundaries are checked for all \
         rules"
    )]
    Assertion {
        /// The id of the rule.
        id: String,
    },
    /// The expression, or its group `secret`, matches the empty string.
    #[error("rule {id:?}: the expression or its group `secret` matches the empty string; require at least one byte")]
    Empty {
        /// The id of the rule.
        id: String,
    },
    /// The group `secret` is nested.
    #[error("rule {id:?}: the group `secret` must not be within another group, an alternative or a repetition")]
    Nested {
        /// The id of the rule.
        id: String,
    },
    /// The expression does not begin with literals.
    #[error(
        "rule {id:?}: the expression must begin with a literal of at least {SHORTEST_LITERAL} bytes, or with one of a \
         few literals"
    )]
    Literal {
        /// The id of the rule.
        id: String,
    },
    /// A match may have any length.
    #[error("rule {id:?}: the expression is unbounded; replace `*` and `+` by counted repetitions such as `{{1,100}}`")]
    Unbounded {
        /// The id of the rule.
        id: String,
    },
    /// A match may be too long.
    #[error(
        "rule {id:?}: a match may have {length} bytes; reduce the repetitions so that it has at most {LONGEST_MATCH}"
    )]
    TooLong {
        /// The id of the rule.
        id: String,
        /// The maximum length of a match.
        length: usize,
    },
    /// An example is not masked.
    #[error("rule {id:?}: the example {example:?} is not masked; correct the expression or the example")]
    Unmasked {
        /// The id of the rule.
        id: String,
        /// The example.
        example: String,
    },
    /// An example is masked by another rule.
    #[error("rule {id:?}: the example {example:?} is masked by the rule {other:?}; disable one of the rules")]
    OtherRule {
        /// The id of the rule.
        id: String,
        /// The example.
        example: String,
        /// The id of the other rule.
        other: String,
    },
    /// Several secrets are found in an example.
    #[error("rule {id:?}: several secrets are masked in the example {example:?}; give each an example of its own")]
    SeveralSecrets {
        /// The id of the rule.
        id: String,
        /// The example.
        example: String,
    },
    /// A counterexample is masked.
    #[error("rule {id:?}: the counterexample {example:?} is masked; make the expression stricter")]
    Masked {
        /// The id of the rule.
        id: String,
        /// The counterexample.
        example: String,
    },
}
