//! The automata of one expression.

use std::ops::Range;

use regex_syntax::hir::{Hir, HirKind};

use super::machine::{Machine, MachineState};
use super::rewrite::without_upper_bounds;
use super::shape::{Scope, is_word};

/// The automaton of a whole expression, and the automata of its parts.
#[derive(Debug)]
pub(super) struct Automata {
    pub(super) machine: Machine,
    /// The bytes that a match may end with.
    last_bytes: Box<[bool; 256]>,
    /// The automata of the parts before, within and after the variable part. `None` if no group of the expression is
    /// the variable part.
    pub(super) split: Option<Split>,
}

impl Automata {
    /// Compiles an expression. If its automaton would be too large, the upper bounds of its repetitions are removed.
    /// Returns `None` if the expression is too complex even without them.
    pub(super) fn new(expression: &Hir) -> Option<Self> {
        Self::exact(expression).or_else(|| Self::exact(&without_upper_bounds(expression)))
    }

    fn exact(expression: &Hir) -> Option<Self> {
        let machine = Machine::new(expression)?;
        let split = match Parts::find(expression) {
            Some(parts) => Some(parts.compile()?),
            None => None,
        };
        Some(Self { last_bytes: machine.last_bytes(), machine, split })
    }

    /// Returns whether a match may end between `last` and `next`.
    ///
    /// If both bytes are letters, digits or underscores, a match must not end between them. It must not end there
    /// either if `next` belongs to the token. This is the case if a match can end with the byte `next`, unless `next`
    /// is a common delimiter.
    pub(super) fn may_end(&self, last: u8, next: u8) -> bool {
        let continues_word = is_word(last) && is_word(next);
        let is_delimiter = next.is_ascii_whitespace() || b"\"'`,;&|<>()[]{}\\".contains(&next);
        let continues_token = self.last_bytes[usize::from(next)] && !is_delimiter;
        !continues_word && !continues_token
    }
}

/// The automata of the variable part of an expression, and of the parts before and after it.
#[derive(Debug)]
pub(super) struct Split {
    /// The automaton of the part before the variable part.
    pub(super) before: Machine,
    /// The automaton of the variable part.
    variable: Machine,
    /// The bytes that the variable part may begin with.
    pub(super) first_bytes: Box<[bool; 256]>,
    /// The automaton of the part after the variable part, or `None` if there is none.
    after: Option<Machine>,
}

impl Split {
    /// Returns the longest range of the variable part in the text of a match.
    pub(super) fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        let mut state = MachineState::START;
        for (at, &byte) in text.iter().enumerate() {
            if self.before.accepts(state)
                && self.first_bytes[usize::from(byte)]
                && let Some(end) = self.end(text, at)
            {
                return Some(at..end);
            }
            state = self.before.next(state, byte)?;
        }
        None
    }

    /// Returns the last index at which a variable part that begins at the index `from` may end. Returns `None` if there
    /// is no such index.
    fn end(&self, text: &[u8], from: usize) -> Option<usize> {
        let Some(after) = &self.after else { return self.variable.matches(&text[from..]).then_some(text.len()) };
        let (mut state, mut end) = (MachineState::START, None);
        for (at, &byte) in text.iter().enumerate().skip(from) {
            if self.variable.accepts(state) && after.matches(&text[at..]) {
                end = Some(at);
            }
            let Some(next) = self.variable.next(state, byte) else { break };
            state = next;
        }
        end
    }
}

/// The name of a group that is the variable part of an expression. If an expression has this group, only the group is
/// masked.
const SECRET: &str = "secret";

/// The name of a group that is the variable part of a general rule. If an expression has this group, the whole match is
/// masked.
const VARIABLE: &str = "variable";

/// An expression that is divided into its variable part, which is a group, and the parts before and after it.
pub(super) struct Parts<'h> {
    before: &'h [Hir],
    pub(super) variable: &'h Hir,
    after: &'h [Hir],
    pub(super) scope: Scope,
}

impl<'h> Parts<'h> {
    /// Finds the group that is the variable part. Returns `None` if there is none, or if it is nested in another
    /// expression.
    pub(super) fn find(hir: &'h Hir) -> Option<Self> {
        let HirKind::Concat(parts) = hir.kind() else { return None };
        let scope = |part: &Hir| match part.kind() {
            HirKind::Capture(capture) if capture.name.as_deref() == Some(SECRET) => Some(Scope::Variable),
            HirKind::Capture(capture) if capture.name.as_deref() == Some(VARIABLE) => Some(Scope::Whole),
            _ => None,
        };
        let (at, scope) = parts.iter().enumerate().find_map(|(at, part)| Some((at, scope(part)?)))?;
        Some(Self { before: &parts[..at], variable: &parts[at], after: &parts[at + 1..], scope })
    }

    /// Compiles the parts. Returns `None` if one of them is too complex.
    fn compile(&self) -> Option<Split> {
        let variable = Machine::new(self.variable)?;
        let after = match self.after {
            [] => None,
            parts => Some(Machine::new(&Hir::concat(parts.to_vec()))?),
        };
        let before = Machine::new(&Hir::concat(self.before.to_vec()))?;
        Some(Split { before, first_bytes: variable.first_bytes(), variable, after })
    }
}

/// Returns whether an expression contains the group `secret`.
pub(super) fn contains_secret(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => contains_secret(&repetition.sub),
        HirKind::Capture(capture) => capture.name.as_deref() == Some(SECRET) || contains_secret(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(contains_secret),
    }
}
