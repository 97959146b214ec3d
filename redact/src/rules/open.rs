//! The candidates that are open at the same time, and the limit on their number.
//!
//! Without a limit, a long line such as `token=a1-token=a1-...` would have a candidate for each repetition, and each
//! candidate would examine the rest of the line. Two measures limit the work for each byte:
//!
//! 1. A candidate is dropped if an earlier candidate masks everything that the later candidate could mask.
//! 2. At most [`MOST_OF_RULE`] candidates of one rule and [`MOST`] candidates in total are open. If a limit is reached,
//!    no further candidate begins, but the open candidates continue. Therefore, a secret is missed only if a limit is
//!    reached where the secret begins, and no open candidate masks it.
//!
//! Both measures are applied only where a literal ends. At that time, all open candidates have examined the text
//! exactly up to there, so the result does not depend on how the input is split.

use super::candidate::{Candidate, Fate};
use super::names::{Name, NameCandidate};
use super::{RuleIndex, RuleSet};
use crate::masks::Masks;
use crate::matcher::View;

/// The maximum number of open candidates of one rule. Ordinary text rarely has more than two, in a name with two
/// secret-like words such as `token_secret`. If a name has more such words, all of its candidates find the same value.
const MOST_OF_RULE: u8 = 4;

/// The maximum number of open candidates in total. It is large enough for all rules for assignments, headers and keys
/// to have [`MOST_OF_RULE`] candidates each.
const MOST: usize = 96;

/// The candidates that are not decided yet, in the order in which they began.
#[derive(Clone)]
pub(super) struct OpenCandidates {
    candidates: Vec<Candidate>,
    /// The names that have begun. Each name counts as one candidate of each of its rules.
    names: Vec<NameCandidate>,
    /// The number of open candidates of each rule.
    counts: Box<[u8]>,
    /// The number of steps of each run of a candidate's automaton.
    #[cfg(test)]
    pub(super) steps: Vec<usize>,
}

impl OpenCandidates {
    /// Creates an empty set of open candidates. `rules` is the number of rules.
    pub(super) fn new(rules: usize) -> Self {
        Self {
            candidates: Vec::new(),
            names: Vec::new(),
            counts: vec![0; rules].into_boxed_slice(),
            #[cfg(test)]
            steps: Vec::new(),
        }
    }

    /// Returns whether another candidate may begin, whatever its rule is.
    pub(super) fn has_capacity(&self) -> bool {
        let named: usize = self.names.iter().map(|name| name.rules.as_slice().len()).sum();
        self.candidates.len() + named < MOST
    }

    /// Returns whether another candidate of `rule` may begin, if there [is capacity](Self::has_capacity).
    pub(super) fn has_capacity_for(&self, rule: RuleIndex) -> bool {
        self.counts[rule.get()] < MOST_OF_RULE
    }

    /// Adds a name that begins with the literal at the end of the text that was examined.
    pub(super) fn begin_name(&mut self, name: NameCandidate) {
        for rule in name.rules.as_slice() {
            self.counts[rule.get()] += 1;
        }
        self.names.push(name);
    }

    /// Runs a new candidate to the end of the view's text. If it is not decided there, adds it to the open candidates.
    pub(super) fn begin(&mut self, mut candidate: Candidate, set: &RuleSet, view: View, masks: &mut Masks) {
        let fate = candidate.run(set.shape(candidate.rule), view, masks);
        #[cfg(test)]
        self.steps.push(candidate.examined());
        if fate == Fate::Open {
            self.counts[candidate.rule.get()] += 1;
            self.candidates.push(candidate);
        }
    }

    /// Runs all candidates to the end of the view's text, and removes those that are decided.
    pub(super) fn advance(&mut self, set: &RuleSet, view: View, masks: &mut Masks) {
        self.advance_names(set, view);
        self.candidates.retain_mut(|candidate| {
            #[cfg(test)]
            let before = candidate.examined();
            let fate = candidate.run(set.shape(candidate.rule), view, masks);
            #[cfg(test)]
            self.steps.push(candidate.examined() - before);
            self.counts[candidate.rule.get()] -= u8::from(fate == Fate::Decided);
            fate == Fate::Open
        });
    }

    /// Drops each candidate that cannot mask more than an earlier candidate does. All candidates must have examined the
    /// text up to the same position.
    pub(super) fn drop_covered(&mut self) {
        let mut first = 0;
        while let Some(next) = self.candidates[first..].iter().position(Candidate::is_certain) {
            let kept = first + next + 1;
            let mut later = self.candidates.split_off(kept);
            let covering = &self.candidates[kept - 1];
            later.retain(|candidate| {
                let is_covered = covering.covers(candidate);
                self.counts[candidate.rule.get()] -= u8::from(is_covered);
                !is_covered
            });
            self.candidates.append(&mut later);
            first = kept;
        }
    }

    /// Follows all names to the end of the view's text. Where a name ends, each of its rules whose match may continue
    /// with the next byte gets a candidate.
    fn advance_names(&mut self, set: &RuleSet, view: View) {
        let Self { names, candidates, counts, .. } = self;
        names.retain_mut(|name| {
            #[cfg(test)]
            let before = name.end();
            let what = name.run(view);
            #[cfg(test)]
            self.steps.push(name.end() - before);
            if what == Name::Open {
                return true;
            }
            for &rule in name.rules.as_slice() {
                let after = match what {
                    Name::Secret(byte) => set.shape(rule).after_name(byte),
                    Name::Open | Name::Harmless => None,
                };
                match after {
                    Some(after) => candidates.push(Candidate::after_name(rule, name, after)),
                    None => counts[rule.get()] -= 1,
                }
            }
            false
        });
    }

    /// Returns the position of the first name that has not ended, or `None` if all names have ended.
    pub(super) fn first_name(&self) -> Option<usize> {
        self.names.iter().map(|name| name.start).min()
    }

    /// Makes these candidates equal to `other`, which has the same number of rules. The memory is reused.
    pub(super) fn copy(&mut self, other: &Self) {
        self.candidates.clone_from(&other.candidates);
        self.names.clone_from(&other.names);
        self.counts.copy_from_slice(&other.counts);
    }

    /// Returns whether there are neither candidates nor names.
    pub(super) fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.names.is_empty()
    }

    /// Returns the open candidates.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter()
    }

    /// Removes all candidates.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Candidate> {
        // A name that is not followed by a value is not a secret.
        self.names.clear();
        self.counts.fill(0);
        self.candidates.drain(..)
    }
}
