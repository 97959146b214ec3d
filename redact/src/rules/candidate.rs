//! The beginning of a possible match.

use std::ops::Range;

use super::RuleIndex;
use super::compile::LONGEST_MATCH;
use super::machine::MachineState;
use super::shape::{Scope, Shape};
use crate::masks::{Label, Masks};
use crate::matcher::View;
use crate::pattern::{TELLING, telling};

/// The beginning of a possible match of one rule. Positions count from the beginning of the stream.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) rule: RuleIndex,
    start: usize,
    /// The length of the literal that it begins with.
    literal: usize,
    /// The position up to which the text was examined, and the state there.
    at: usize,
    state: MachineState,
    /// The state of the automaton for what comes before the variable part, while the variable part may begin later.
    before: Option<MachineState>,
    /// Where the variable part begins, as far as it is known.
    variable: Option<usize>,
    /// The end of the longest match so far.
    end: Option<usize>,
    /// What was masked because the match is certain, although it may go on.
    certain: Option<Range<usize>>,
}

/// Whether the fate of a candidate is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It depends on what follows.
    Open,
    /// It is known.
    Decided,
}

impl Candidate {
    /// Creates a candidate for a literal of `literal` bytes at the position `start`.
    pub(super) fn new(rule: RuleIndex, shape: &Shape, start: usize, literal: usize) -> Self {
        let before = shape.before();
        Self {
            rule,
            start,
            literal,
            at: start,
            state: shape.machine.start(),
            before,
            variable: None,
            end: None,
            certain: None,
        }
    }

    /// Examines the text that is available, and reports what is certain to be masked.
    pub(super) fn run(&mut self, shape: &Shape, view: View, masks: &mut Masks) -> Fate {
        loop {
            self.begin_variable(shape);
            if self.state.accepts() && self.accept(shape, view, masks) == Fate::Decided {
                return Fate::Decided;
            }
            let Some(byte) = view.get(self.at) else { break };
            let Some(next) = shape.machine.next(&self.state, byte) else {
                self.decide(shape, view, masks);
                return Fate::Decided;
            };
            self.state = next;
            if let Some((split, before)) = shape.split.as_ref().zip(self.before.as_ref()) {
                self.before = split.before.next(before, byte);
            }
            self.at += 1;
            if self.at - self.keep() > LONGEST_MATCH {
                self.decide(shape, view, masks);
                return Fate::Decided;
            }
        }
        if let Some(certain) = &self.certain {
            masks.extend(certain.clone(), self.rule);
        }
        Fate::Open
    }

    /// Ends the stream. What is cut off is masked if it is already a plausible secret.
    pub(super) fn finish(&mut self, shape: &Shape, view: View, masks: &mut Masks) {
        if let Some(certain) = &self.certain {
            masks.extend(certain.start..view.end(), self.rule);
            return;
        }
        let is_complete = self.state.accepts();
        if is_complete {
            self.end = Some(self.at);
        }
        self.decide(shape, view, masks);
        if !is_complete && let Some(cut) = self.cut_off(shape, view) {
            masks.add(cut, Label::Rule(self.rule));
        }
    }

    /// Returns the position from which on the text is needed.
    pub(super) fn keep(&self) -> usize {
        self.certain.as_ref().map_or(self.start, |certain| certain.end)
    }

    /// Returns where the first byte is that may be masked.
    pub(super) fn possible(&self, shape: &Shape) -> Option<usize> {
        match &self.certain {
            Some(certain) => Some(certain.end),
            None if shape.masks_whole() => Some(self.start),
            None => self.variable,
        }
    }

    /// Returns where the first byte is that must not be shown, even after a pause.
    pub(super) fn telling(&self, shape: &Shape, view: View) -> Option<usize> {
        if let Some(certain) = &self.certain {
            return Some(certain.end);
        }
        let from = if shape.split.is_some() { self.variable? } else { self.start };
        (view.end() - from >= telling(shape.shortest)).then_some(from)
    }

    /// Records where the variable part begins: at the earliest possible position if only a part is masked, so that none
    /// of it is shown, and else at the last one, so that what comes before a secret does not count as part of it.
    fn begin_variable(&mut self, shape: &Shape) {
        let Some((split, before)) = shape.split.as_ref().zip(self.before.as_ref()) else { return };
        if before.accepts() {
            self.variable = Some(self.at);
            if split.scope == Scope::Secret {
                self.before = None;
            }
        }
    }

    /// Records that a match ends at the current position. If it is long enough, it is masked at once.
    fn accept(&mut self, shape: &Shape, view: View, masks: &mut Masks) -> Fate {
        if let Some(certain) = &mut self.certain {
            certain.end = self.at;
            return Fate::Open;
        }
        if shape.certain.is_some_and(|certain| self.at - self.start >= certain) {
            let Some(secret) = self.secret(shape, view, self.at) else { return Fate::Decided };
            masks.add(secret.start..self.at, Label::Rule(self.rule));
            self.certain = Some(secret.start..self.at);
            return Fate::Open;
        }
        if view.get(self.at).is_some_and(|next| shape.may_end(view.byte(self.at - 1), next)) {
            self.end = Some(self.at);
        }
        Fate::Open
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

    /// Returns the range of a secret that the end of the text cuts off, if what is left is plausible: at least 8 bytes
    /// of its variable part, or half of its minimum length.
    fn cut_off(&self, shape: &Shape, view: View) -> Option<Range<usize>> {
        let variable = if shape.split.is_some() { self.variable? } else { self.start + self.literal };
        let known = view.end().saturating_sub(variable);
        let is_half = shape.split.is_none() && 2 * (view.end() - self.start) >= shape.shortest;
        let from = if shape.masks_whole() { self.start } else { variable };
        let is_secret = shape.accepts_secret(view.bytes(self.start..view.end()), from - self.start);
        ((known >= TELLING || is_half) && is_secret).then(|| from..view.end())
    }
}
