//! Searches one stream for secrets, which are recognised by their shape.

use aho_corasick::automaton::StateID;

use super::boundary::Context;
use super::candidate::Candidate;
use super::literals::{Literal, Literals};
use super::names::{NameBeginning, NameCandidate, NamedRules};
use super::open::OpenCandidates;
use super::shape::{Boundary, Shape};
use super::{RuleIndex, RuleSet, Rules};
use crate::masks::Masks;
use crate::matcher::View;
use crate::pattern::TELLING;

/// The state of the search for secrets that rules recognise, preserved between reads. Positions count from the
/// beginning of the stream.
#[derive(Clone)]
pub(crate) struct RuleScan {
    rules: Rules,
    /// The state of the automaton over the literals.
    state: StateID,
    /// The candidates that are not decided yet.
    open: OpenCandidates,
    /// The last bytes before the available section of the stream. They decide whether a match may begin there.
    context: Context,
}

/// Three positions in the stream. From `keep` on, the text is still needed. From `possible` on, the text may still be
/// masked. From `telling` on, the text would reveal too much of a secret, so it must not be shown even after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undecided {
    pub(crate) keep: usize,
    pub(crate) possible: usize,
    pub(crate) telling: usize,
}

impl RuleScan {
    pub(crate) fn new(rules: Rules) -> Self {
        let state = rules.set.literals.start();
        let open = OpenCandidates::new(rules.set.shapes.len());
        Self { rules, state, open, context: Context::default() }
    }

    /// Returns the rules that are applied.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Makes this search equal to `other`, which has the same rules. The memory is reused.
    pub(super) fn copy(&mut self, other: &Self) {
        self.state = other.state;
        self.open.copy(&other.open);
        self.context.copy(&other.context);
    }

    /// Returns the literals that the rules begin with.
    pub(super) fn literals(&self) -> &Literals {
        &self.rules.set.literals
    }

    /// Processes the view's text from the position `from` on, and adds the secrets that it finds to `masks`.
    pub(crate) fn run(&mut self, view: View, from: usize, masks: &mut Masks) {
        if self.rules.is_empty() {
            return;
        }
        let set = &*self.rules.set;
        let mut at = from - view.base;
        while at < view.text.len() {
            (self.state, at) = set.literals.next(self.state, view.text, at);
            if !set.literals.ends_literal(self.state) {
                continue;
            }
            let examined = View { text: &view.text[..at], ..view };
            self.open.advance(set, examined, masks);
            self.open.drop_covered();
            for literal in set.literals.ended(self.state) {
                begin(set, literal, &self.context, &mut self.open, examined, masks);
            }
        }
        self.open.advance(set, view, masks);
    }

    /// Returns which bytes at the end of the view's text are not decided yet.
    pub(crate) fn undecided(&self, view: View) -> Undecided {
        let end = view.end();
        let mut undecided = Undecided { keep: end, possible: end, telling: end };
        let set = &*self.rules.set;
        for candidate in self.open.iter() {
            let shape = set.shape(candidate.rule);
            undecided.keep = undecided.keep.min(candidate.keep());
            undecided.possible = undecided.possible.min(candidate.possible(shape).unwrap_or(end));
            undecided.telling = undecided.telling.min(candidate.telling(shape, view).unwrap_or(end));
        }
        undecided.keep = undecided.keep.min(self.open.first_name().unwrap_or(end));
        if self.state != set.literals.start() {
            self.add_begun_literals(view, &mut undecided);
        }
        undecided
    }

    /// Updates `undecided` for literals that the end of the text cuts off.
    fn add_begun_literals(&self, view: View, undecided: &mut Undecided) {
        let set = &*self.rules.set;
        let longest = set.literals.longest().min(view.text.len());
        for start in view.end() - longest..view.end() {
            let begun = set.literals.begun(view.bytes(start..view.end()));
            for rule in begun.flat_map(|literal| literal.rules.iter().chain(&literal.named)) {
                let shape = set.shape(RuleIndex(*rule));
                if !self.context.allows(shape.matching.boundary, view, start) {
                    continue;
                }
                undecided.keep = undecided.keep.min(start);
                if shape.masks_whole() {
                    undecided.possible = undecided.possible.min(start);
                }
                if shape.scope.is_none() && view.end() - start >= TELLING {
                    undecided.telling = undecided.telling.min(start);
                }
            }
        }
    }

    /// Returns whether no match has begun at the end of the text that was examined.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty() && self.state == self.rules.set.literals.start()
    }

    /// Returns whether there is a match that is masked already and may continue.
    pub(super) fn is_masking(&self) -> bool {
        self.open.iter().any(Candidate::is_certain)
    }

    /// Prepares for the removal of the view's text before the position `from`.
    pub(crate) fn keep(&mut self, view: View, from: usize) {
        if !self.rules.is_empty() {
            self.context.advance(view, from);
        }
    }

    /// Ends the stream. Afterwards, `self` can be used for a new stream.
    pub(crate) fn finish(&mut self, view: View, masks: &mut Masks) {
        let set = &*self.rules.set;
        for mut candidate in self.open.drain() {
            candidate.finish(set.shape(candidate.rule), view, masks);
        }
        self.context.clear();
        self.state = set.literals.start();
    }
}

impl RuleSet {
    pub(super) fn shape(&self, rule: RuleIndex) -> &Shape {
        &self.shapes[rule.get()]
    }
}

/// Begins a [`NameCandidate`] at a literal, if there are rules for names that begin with this literal.
fn begin_name(set: &RuleSet, literal: &Literal, context: &Context, open: &mut OpenCandidates, view: View) {
    if literal.named.is_empty() || !open.has_capacity() {
        return;
    }
    let start = view.end() - literal.bytes.len();
    let beginning = context.before(view, start, |before| NameBeginning::after(before, view.byte(start)));
    if !beginning.allows(&literal.bytes) {
        return;
    }
    let mut rules = NamedRules::default();
    let mut known: Option<(Boundary, bool)> = None;
    for &rule in &literal.named {
        let rule = RuleIndex(rule);
        let boundary = set.shape(rule).matching.boundary;
        // Most rules for names have the same boundary, so the result for the previous rule can usually be reused.
        let is_allowed = match known {
            Some((same, is_allowed)) if same == boundary => is_allowed,
            _ => context.allows(boundary, view, start),
        };
        known = Some((boundary, is_allowed));
        if is_allowed && open.has_capacity_for(rule) {
            rules.push(rule);
        }
    }
    if !rules.as_slice().is_empty() {
        open.begin_name(NameCandidate::new(start, literal.bytes.len(), rules, beginning));
    }
}

/// Creates and runs the candidates that begin with a literal. The literal ends at the end of the view's text.
fn begin(
    set: &RuleSet,
    literal: &Literal,
    context: &Context,
    open: &mut OpenCandidates,
    view: View,
    masks: &mut Masks,
) {
    let start = view.end() - literal.bytes.len();
    if start < view.base {
        // The beginning of the literal has been removed, because no match may begin there.
        return;
    }
    begin_name(set, literal, context, open, view);
    for &rule in &literal.rules {
        let rule = RuleIndex(rule);
        let shape = set.shape(rule);
        if open.has_capacity() && open.has_capacity_for(rule) && context.allows(shape.matching.boundary, view, start) {
            open.begin(Candidate::new(rule, shape, start, literal.bytes.len()), set, view, masks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches `length` bytes of text that repeats `piece`, and returns how many steps the automata of all candidates
    /// take.
    fn steps(piece: &str, length: usize) -> usize {
        let mut text = piece.repeat(length / piece.len() + 1);
        text.truncate(length);
        let mut scan = RuleScan::new(Rules::built_in());
        scan.run(View { before: None, base: 0, text: text.as_bytes() }, 0, &mut Masks::default());
        scan.open.steps.iter().sum()
    }

    #[test]
    fn the_work_grows_linearly_with_the_length_of_a_line() {
        for piece in [
            "token=a1b2c3-",
            "Authorization:x9",
            "token_",
            "--token_",
            "password=",
            "password=$",
            "eyJa-",
            "-----BEGIN PRIVATE KEY-----\nName: ",
        ] {
            let [short, long] = [64 << 10, 256 << 10].map(|length| steps(piece, length));
            assert!(long <= 4 * short + short / 8, "{piece:?}: {short} steps for 64 KiB, {long} for 256 KiB");
            assert!(long <= 64 * (256 << 10), "{piece:?}: {long} steps for 256 KiB");
        }
    }
}
