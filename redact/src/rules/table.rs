//! The built-in rules, one file for each kind of service.
//!
//! A rule is one row: an id, a reason, an expression, texts that it masks and similar texts that it leaves unchanged.
//! To add a rule, add a row to the file for its kind of service. The tests check the format of every row, and its
//! examples against all rules.
//!
//! An expression must not match ordinary text, however much text is searched. Therefore, it begins with a literal that
//! occurs only in these secrets. The alphabet and the length of the rest are those that the service documents, with
//! some margin where secrets may become longer. The expression contains no word boundaries, because the search itself
//! checks that the match is not part of a longer token. Secrets without such a shape, for example 32 hexadecimal
//! digits, are masked only if a name in front of them identifies the service.
//!
//! The examples are made up. Their prefixes are split by `concat!`, so that the secret scanners of code hosts do not
//! report this repository. The rules do not verify checksums. Except in the examples of Tailwater's own tokens, the
//! checksums are wrong.

mod agents;
mod amazon;
mod analytics;
mod azure;
mod business;
mod chat;
mod cloud;
mod clusters;
mod code_hosts;
mod code_tools;
mod commerce;
mod databases;
mod documents;
mod email;
mod google;
mod hosting;
mod identity;
mod integration;
mod models;
mod monitoring;
mod notifications;
mod payments;
mod registries;
mod social;
mod vaults;

#[cfg(test)]
mod tests;

/// A built-in rule: the shape of one kind of secret, with texts that it masks and texts that it leaves unchanged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableRule {
    /// The name that the mask shows, such as `github-token`: lower-case letters, digits and hyphens.
    pub(crate) id: &'static str,
    /// What the secret gives access to, and the source of the shape, as one sentence.
    pub(crate) reason: &'static str,
    /// The shape, in the syntax of the `regex` crate. It begins with a literal, or with one of a few literals. If it
    /// has a group named `secret`, only that group is masked. Otherwise, the whole match is masked.
    pub(crate) expression: &'static str,
    /// Texts in which the rule masks exactly one secret.
    pub(crate) masked: &'static [&'static str],
    /// Similar texts that the rule leaves unchanged.
    pub(crate) unmasked: &'static [&'static str],
}

/// Returns all rules of the table, grouped by kind of service.
pub(super) fn table_rules() -> impl Iterator<Item = &'static TableRule> {
    [
        agents::RULES,
        amazon::RULES,
        analytics::RULES,
        azure::RULES,
        business::RULES,
        chat::RULES,
        cloud::RULES,
        clusters::RULES,
        code_hosts::RULES,
        code_tools::RULES,
        commerce::RULES,
        databases::RULES,
        documents::RULES,
        email::RULES,
        google::RULES,
        hosting::RULES,
        identity::RULES,
        integration::RULES,
        models::RULES,
        monitoring::RULES,
        notifications::RULES,
        payments::RULES,
        registries::RULES,
        social::RULES,
        vaults::RULES,
    ]
    .into_iter()
    .flatten()
}
