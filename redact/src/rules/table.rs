//! The built-in rules, one file for each kind of service.

/// A built-in rule: one shape of secrets, with texts that it masks and texts that it leaves unchanged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableRule {
    /// The name that the mask shows, such as `github-token`: lower-case letters, digits and hyphens.
    pub(crate) id: &'static str,
    /// What the secret gives access to, and the source of the shape, as one sentence.
    pub(crate) reason: &'static str,
    /// The shape, in the syntax of the `regex` crate. It begins with a literal, or with one of a few literals. A group
    /// named `secret` limits what is masked; without one, the whole match is masked.
    pub(crate) expression: &'static str,
    /// Texts in which the rule masks exactly one secret.
    pub(crate) masked: &'static [&'static str],
    /// Similar texts that the rule leaves unchanged.
    pub(crate) unmasked: &'static [&'static str],
}

/// The rules of each category.
const CATEGORIES: &[&[TableRule]] = &[];

/// Returns all rules of the table.
pub(crate) fn table_rules() -> impl Iterator<Item = &'static TableRule> {
    CATEGORIES.iter().copied().flatten()
}
