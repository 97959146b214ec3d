//! Recognises secrets that nobody registered, by their shape.
//!
//! A [`Rule`] describes the shape of one kind of secret. [`Rules`] are compiled once and shared by all redactors. The
//! built-in rules are in two modules: [`table`] contains the tokens of known services, and [`general`] contains formats
//! that many programs share, such as private keys and assignments to secret-like names.
//!
//! # How a rule is applied
//!
//! 1. Every expression begins with one of a few literals. One automaton finds the literals of all rules (`literals`).
//!    If a match of a rule may begin at an occurrence of its literal (`boundary`), the occurrence becomes a
//!    *candidate*, a possible match (`candidate`).
//! 2. A candidate runs the rule's own automaton (`machine`) from the beginning of the literal, byte by byte, until no
//!    further byte can lead to a match. If several matches end at token boundaries, the longest one counts.
//! 3. The secret is the text of the group `secret` or, without such a group, the whole match (`shape`). Some general
//!    rules then check whether the text looks like a secret (`credential`).
//!
//! A candidate keeps its state between reads (`scan`), so the result does not depend on how the input is split. The
//! number of candidates that are open at the same time is limited (`open`), so the work grows linearly with the length
//! of the input. Only this module uses the crates for regular expressions.

mod automata;
mod boundary;
mod candidate;
mod compile;
mod credential;
mod error;
mod general;
mod line;
mod literals;
mod machine;
mod names;
mod open;
mod rewrite;
mod scan;
mod shape;
mod styled;
mod table;

use std::collections::HashSet;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, OnceLock};

pub(crate) use credential::is_random;
pub use error::RuleError;
pub(crate) use styled::StyledScan;

use crate::Redactor;
use compile::LONGEST_MATCH;
use general::GeneralRule;
use literals::Literals;
use shape::{Beginning, Shape};

/// The shape of one kind of secret, with examples of texts that the rule masks and texts that it leaves unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The name that the mask shows, such as `github-token`. It consists of at most 48 lower-case letters, digits and
    /// hyphens.
    pub id: String,
    /// What the secret gives access to, as one sentence.
    pub reason: String,
    /// The shape, in the syntax of the `regex` crate, matched against bytes.
    ///
    /// The expression must begin with a literal or with one of a few literals, match only texts of a limited length,
    /// and contain no assertions such as `\b`. If it has a group named `secret`, only that group is masked. Without
    /// such a group, the whole match is masked. The longest match counts. If the automaton of the expression would be
    /// too large, the upper bounds of its repetitions are ignored, and only the length of the whole match is limited.
    pub expression: String,
    /// Texts in each of which this rule masks exactly one secret, and no other rule masks anything.
    pub masked: Vec<String>,
    /// Similar texts in which the rule masks nothing.
    pub unmasked: Vec<String>,
}

/// A set of rules, compiled once. Clones are cheap and share the compiled form.
#[derive(Clone)]
pub struct Rules {
    set: Arc<RuleSet>,
}

/// The origin of a rule.
enum RuleKind {
    /// The rule was added by the caller.
    Added,
    /// The rule is in the table of services.
    Service,
    /// The rule is a general rule.
    General(&'static GeneralRule),
}

/// The compiled form of a set of rules.
struct RuleSet {
    rules: Vec<Rule>,
    /// The shape of each rule.
    shapes: Vec<Shape>,
    literals: Literals,
}

impl Rules {
    /// Returns an empty set of rules, so that only registered values are masked.
    pub fn none() -> Self {
        static NONE: OnceLock<Rules> = OnceLock::new();
        NONE.get_or_init(|| Self::compiled(Vec::new(), Vec::new())).clone()
    }

    /// Returns the built-in rules. The first call prepares them. Each rule is compiled when a text contains one of its
    /// literals for the first time.
    pub fn built_in() -> Self {
        static BUILT_IN: OnceLock<Rules> = OnceLock::new();
        BUILT_IN.get_or_init(|| Self::build(Vec::new(), &[]).expect("a test compiles the built-in rules")).clone()
    }

    /// Compiles the rules in `extra` and all built-in rules except those whose ids are in `without`. Checks the rules
    /// in `extra` and their examples.
    pub fn new(extra: Vec<Rule>, without: &[String]) -> Result<Self, RuleError> {
        let added: Vec<String> = extra.iter().map(|rule| rule.id.clone()).collect();
        let rules = Self::build(extra, without)?;
        for id in added {
            rules.check_examples(&id)?;
        }
        Ok(rules)
    }

    /// Returns the rules: first those that were added, then those of known services, then the general ones. If several
    /// rules match the same text, the first one counts.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.set.rules.iter()
    }

    /// Returns whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.set.rules.is_empty()
    }

    /// Returns the id of `rule`.
    pub(crate) fn id(&self, rule: RuleIndex) -> &str {
        &self.set.rules[usize::from(rule.0)].id
    }

    fn build(extra: Vec<Rule>, without: &[String]) -> Result<Self, RuleError> {
        let services = table::table_rules().map(|rule| (Rule::from(rule), RuleKind::Service));
        let general = general::rules().map(|general| (Rule::from(&general.rule), RuleKind::General(general)));
        let mut built_in: Vec<_> = services.chain(general).collect();
        if let Some(id) = without.iter().find(|id| !built_in.iter().any(|(rule, _)| rule.id == **id)) {
            return Err(RuleError::Unknown { id: id.clone() });
        }
        built_in.retain(|(rule, _)| !without.contains(&rule.id));
        if extra.len() + built_in.len() > usize::from(u16::MAX) {
            return Err(RuleError::TooMany);
        }
        let (mut ids, mut rules, mut compiled) = (HashSet::new(), Vec::new(), Vec::new());
        // If several rules match the same text, the first one counts, so the most specific rules come first.
        for (rule, kind) in extra.into_iter().map(|rule| (rule, RuleKind::Added)).chain(built_in) {
            if !ids.insert(rule.id.clone()) {
                return Err(RuleError::Duplicate { id: rule.id });
            }
            compiled.push(match kind {
                RuleKind::Added => compile::added(&rule)?,
                RuleKind::Service => compile::bounded(&rule)?,
                RuleKind::General(general) => compile::general(general)?,
            });
            rules.push(rule);
        }
        Ok(Self::compiled(rules, compiled))
    }

    fn compiled(rules: Vec<Rule>, compiled: Vec<compile::Compiled>) -> Self {
        let (shapes, literals): (Vec<Shape>, Vec<_>) =
            compiled.into_iter().map(|compiled| (compiled.shape, compiled.literals)).unzip();
        let begins_with_name = |rule: u16| shapes[usize::from(rule)].matching.beginning == Beginning::Name;
        let literals = Literals::new(&literals, begins_with_name);
        Self { set: Arc::new(RuleSet { rules, shapes, literals }) }
    }

    /// Checks that the rule masks its examples and leaves its counterexamples unchanged. Each text is checked as a
    /// complete line. Otherwise, its end would count as the end of a stream, where cut-off secrets are masked too.
    fn check_examples(&self, id: &str) -> Result<(), RuleError> {
        let redactor = Redactor::with_rules::<_, &[u8]>([], self);
        let rule = self.iter().find(|rule| rule.id == id).expect("the rule was added");
        for example in &rule.masked {
            let findings = redactor.explain(format!("{example}\n").as_bytes());
            let (id, example) = (id.to_owned(), example.clone());
            match findings.as_slice() {
                [only] if only.rule.as_ref() == Some(&id) => {}
                [] => return Err(RuleError::Unmasked { id, example }),
                findings => {
                    let other = findings.iter().filter_map(|found| found.rule.clone()).find(|other| *other != id);
                    return Err(match other {
                        Some(other) => RuleError::OtherRule { id, example, other },
                        None => RuleError::SeveralSecrets { id, example },
                    });
                }
            }
        }
        for example in &rule.unmasked {
            if redactor.explain(format!("{example}\n").as_bytes()).iter().any(|found| found.rule.as_deref() == Some(id))
            {
                return Err(RuleError::Masked { id: id.to_owned(), example: example.clone() });
            }
        }
        Ok(())
    }
}

/// Shows the number of rules.
impl Debug for Rules {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("rules", &self.set.rules.len()).finish_non_exhaustive()
    }
}

impl From<&table::TableRule> for Rule {
    fn from(rule: &table::TableRule) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Self {
            id: rule.id.to_owned(),
            reason: rule.reason.to_owned(),
            expression: rule.expression.to_owned(),
            masked: texts(rule.masked),
            unmasked: texts(rule.unmasked),
        }
    }
}

/// The position of a rule in the set of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleIndex(u16);

impl RuleIndex {
    #[cfg(test)]
    pub(crate) fn new(index: usize) -> Self {
        Self(u16::try_from(index).expect("the number of rules is limited when they are compiled"))
    }

    /// Returns the index as a number.
    pub(crate) fn get(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_rule_masks_its_examples_and_leaves_its_counterexamples() {
        let rules = Rules::built_in();
        let check = |rule: &Rule| rules.check_examples(&rule.id).err().map(|error| error.to_string());
        let errors: Vec<String> = rules.iter().filter_map(check).collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
        for rule in rules.iter() {
            assert!(!rule.masked.is_empty() && !rule.unmasked.is_empty(), "{} has examples", rule.id);
            assert!(rule.reason.ends_with('.'), "the reason of {} is a sentence", rule.id);
        }
    }
}
