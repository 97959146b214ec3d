//! A possible match of a rule, which is followed byte by byte.

use std::ops::Range;

use super::RuleIndex;
use super::automata::Automata;
use super::machine::MachineState;
use super::names::{AfterName, NameCandidate};
use super::shape::{Scope, Shape};
use crate::masks::{Label, MASK_BEGIN, Masks};
use crate::matcher::View;
use crate::pattern::{TELLING, telling};

/// A possible match of one rule, from its beginning to the last byte that was examined. Positions count from the
/// beginning of the stream.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) rule: RuleIndex,
    start: usize,
    /// The length of the literal that the candidate begins with.
    literal: usize,
    /// The position up to which the text was examined. `state` is the state of the rule's automaton there.
    at: usize,
    state: MachineState,
    /// The state of the automaton of the part before the variable part. `None` if the variable part cannot begin from
    /// the current position on.
    before: Option<MachineState>,
    /// Where the variable part begins, if this is known.
    variable: Option<usize>,
    /// The end of the longest match so far.
    end: Option<usize>,
    /// The range that is already masked, because the match is certain even though it may become longer.
    certain: Option<Range<usize>>,
}

/// Whether a candidate is still undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The next bytes decide whether the candidate is a match, or how long the match is.
    Open,
    /// The candidate is either a match, which has been reported, or not a match.
    Decided,
}

/// Whether a match ends at the current position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It is known whether a match ends here.
    Known,
    /// The next bytes decide whether a match ends here.
    Unknown,
    /// The match is long enough to be masked immediately, but it contains no secret.
    Rejected,
}

impl Candidate {
    /// Creates a candidate for a literal of `literal` bytes at the position `start`.
    pub(super) fn new(rule: RuleIndex, shape: &Shape, start: usize, literal: usize) -> Self {
        let before = shape.scope.map(|_| MachineState::START);
        Self {
            rule,
            start,
            literal,
            at: start,
            state: MachineState::START,
            before,
            variable: None,
            end: None,
            certain: None,
        }
    }

    /// Creates a candidate that continues after a name and the byte that follows the name.
    pub(super) fn after_name(rule: RuleIndex, name: &NameCandidate, after: AfterName) -> Self {
        let AfterName { state, before } = after;
        Self {
            rule,
            start: name.start,
            literal: name.word,
            at: name.end() + 1,
            state,
            before,
            variable: None,
            end: None,
            certain: None,
        }
    }

    /// Examines the text that is available, and reports the ranges that are certain to be masked.
    pub(super) fn run(&mut self, shape: &Shape, view: View, masks: &mut Masks) -> Fate {
        let automata = shape.automata();
        loop {
            if automata.machine.accepts(self.state) {
                match self.accept(shape, view, masks) {
                    Ending::Rejected => return Fate::Decided,
                    Ending::Unknown => break,
                    Ending::Known => {}
                }
            }
            let Some(byte) = view.get(self.at) else { break };
            let Some(next) = automata.machine.next(self.state, byte) else {
                self.decide(shape, view, masks);
                return Fate::Decided;
            };
            self.step_before(shape, automata, byte);
            self.state = next;
            self.at += 1;
            if self.at - self.keep() > shape.longest {
                self.decide(shape, view, masks);
                return Fate::Decided;
            }
        }
        if let Some(certain) = &self.certain {
            masks.extend(certain.clone(), self.rule);
        }
        Fate::Open
    }

    /// Ends the stream. A secret that is cut off is masked if enough of it is present.
    pub(super) fn finish(&mut self, shape: &Shape, view: View, masks: &mut Masks) {
        if let Some(certain) = &self.certain {
            // The text after the certain range may continue the secret, so it is masked too, except for white space at
            // the end.
            let cut_off = view.bytes(certain.end..view.end()).trim_ascii_end().len();
            masks.extend(certain.start..certain.end + cut_off, self.rule);
            return;
        }
        let is_complete = shape.automata().machine.accepts(self.state);
        if is_complete {
            self.end = Some(self.at);
        }
        self.decide(shape, view, masks);
        if !is_complete && let Some(cut) = self.cut_off(shape, view) {
            masks.add(cut, Label::Rule(self.rule));
        }
    }

    /// Returns whether the match is already masked, although it may become longer.
    pub(super) fn is_certain(&self) -> bool {
        self.certain.is_some()
    }

    /// Returns whether this candidate masks at least as much as a candidate that began later and has examined the same
    /// text.
    ///
    /// This is the case if this candidate is certain and both candidates are in the same state: from now on, the
    /// matches of both end at the same positions.
    pub(super) fn covers(&self, later: &Self) -> bool {
        let begins_before = |certain: &Range<usize>| certain.start <= later.variable.unwrap_or(later.start);
        self.rule == later.rule && self.state == later.state && self.certain.as_ref().is_some_and(begins_before)
    }

    /// Returns the number of bytes that were examined, which is the number of steps of the automaton.
    #[cfg(test)]
    pub(super) fn examined(&self) -> usize {
        self.at - self.start
    }

    /// Returns the position from which the text is still needed.
    pub(super) fn keep(&self) -> usize {
        self.certain.as_ref().map_or(self.start, |certain| certain.end)
    }

    /// Returns the position of the first byte that is not masked yet, but may be masked later.
    pub(super) fn possible(&self, shape: &Shape) -> Option<usize> {
        match &self.certain {
            Some(certain) => Some(certain.end),
            None if shape.masks_whole() => Some(self.start),
            None => self.variable,
        }
    }

    /// Returns the position of the first byte that must not be shown, even after a pause.
    pub(super) fn telling(&self, shape: &Shape, view: View) -> Option<usize> {
        if let Some(certain) = &self.certain {
            return Some(certain.end);
        }
        let from = if shape.scope.is_some() { self.variable? } else { self.start };
        (view.end() - from >= telling(shape.shortest)).then_some(from)
    }

    /// Records that the variable part begins with `byte`, if it can.
    ///
    /// If only the variable part is masked, its earliest possible beginning counts, so that none of it is shown. If the
    /// whole match is masked, its latest possible beginning counts, so that no text before it is taken for a part of
    /// the secret.
    fn step_before(&mut self, shape: &Shape, automata: &Automata, byte: u8) {
        let Some((split, before)) = automata.split.as_ref().zip(self.before) else { return };
        self.before = split.before.next(before, byte);
        if split.before.accepts(before) && split.first_bytes[usize::from(byte)] {
            self.variable = Some(self.at);
            if shape.scope == Some(Scope::Variable) {
                self.before = None;
            }
        }
    }

    /// Records that a match may end at the current position. If it is long enough, it is masked immediately.
    fn accept(&mut self, shape: &Shape, view: View, masks: &mut Masks) -> Ending {
        if let Some(certain) = &mut self.certain {
            certain.end = self.at;
            return Ending::Known;
        }
        if shape.matching.certain.is_some_and(|certain| self.at - self.start >= certain) {
            let Some(secret) = self.secret(shape, view, self.at) else { return Ending::Rejected };
            masks.add(secret.start..self.at, Label::Rule(self.rule));
            self.certain = Some(secret.start..self.at);
            return Ending::Known;
        }
        let Some(next) = view.get(self.at) else { return Ending::Unknown };
        if next == MASK_BEGIN[0] {
            // A mask directly after the match counts as a part of the token, so that redacting a text again does not
            // change it.
            let after = view.bytes(self.at..view.end().min(self.at + MASK_BEGIN.len()));
            if after == MASK_BEGIN {
                return Ending::Known;
            }
            if MASK_BEGIN.starts_with(after) {
                return Ending::Unknown;
            }
        }
        if shape.automata().may_end(view.byte(self.at - 1), next) {
            self.end = Some(self.at);
        }
        Ending::Known
    }

    /// Masks the longest match.
    fn decide(&self, shape: &Shape, view: View, masks: &mut Masks) {
        if let Some(certain) = &self.certain {
            masks.extend(certain.clone(), self.rule);
        } else if let Some(secret) = self.end.and_then(|end| self.secret(shape, view, end)) {
            masks.add(secret, Label::Rule(self.rule));
        }
    }

    /// Returns the range of the secret in the match that ends at the position `end`.
    fn secret(&self, shape: &Shape, view: View, end: usize) -> Option<Range<usize>> {
        let secret = shape.secret(view.bytes(self.start..end))?;
        Some(self.start + secret.start..self.start + secret.end)
    }

    /// Returns the range of a secret that the end of the text cuts off, if enough of it is present: at least 8 bytes of
    /// its variable part or, if the whole match is variable, at least half of its minimum length.
    fn cut_off(&self, shape: &Shape, view: View) -> Option<Range<usize>> {
        let variable = if shape.scope.is_some() { self.variable? } else { self.start + self.literal };
        let known = view.end().saturating_sub(variable);
        let is_half = shape.scope.is_none() && 2 * (view.end() - self.start) >= shape.shortest;
        let from = if shape.masks_whole() { self.start } else { variable };
        let is_secret = shape.accepts_secret(view.bytes(self.start..view.end()), from - self.start);
        ((known >= TELLING || is_half) && is_secret).then(|| from..view.end())
    }
}
