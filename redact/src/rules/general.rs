//! The rules for secrets that many programs print in the same way: keys, headers, addresses and assignments.
//!
//! The matches of these rules may be unbounded, unlike those of the rules in the [table](super::table). For each match,
//! a function decides whether the text is a secret.

mod addresses;
mod assignments;
mod commands;
mod headers;
mod keys;

use super::shape::{Beginning, Boundary, Matching};
use super::table::TableRule;

/// A rule whose matches may be unbounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct GeneralRule {
    /// The rule as it is shown to users. If its expression has a group named `variable` instead of `secret`, that group
    /// is the variable part, but the whole match is masked.
    pub(super) rule: TableRule,
    pub(super) matching: Matching,
}

/// The number of bytes after which a value is masked even though its end is not known.
const LONG_VALUE: usize = 1024;

/// Returns all general rules. If several rules match the same text, the first one counts.
pub(super) fn rules() -> impl Iterator<Item = &'static GeneralRule> {
    [keys::RULES, headers::RULES, addresses::RULES, commands::RULES, assignments::RULES].into_iter().flatten()
}
