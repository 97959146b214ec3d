//! The compiled form of one rule.

use std::ops::Range;

use super::boundary::is_within_mask;
use super::machine::{Machine, MachineState};
use crate::masks::MASK_BEGIN;

/// Decides whether a match contains a secret, given the text before it within the match, and what would be masked.
pub(super) type Accepts = fn(&[u8], &[u8]) -> bool;

/// Where a match may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boundary {
    /// At the beginning of a token: not after a letter, a digit or an underscore.
    Token,
    /// At the beginning of a word within a name: also after an underscore, or with a capital after a small letter.
    Word,
    /// At the beginning of a word within the name of a command-line option, such as `--db-password`.
    Option,
    /// Anywhere.
    None,
}

/// How much of a match is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The variable part.
    Variable,
    /// The whole match.
    Whole,
}

/// The parts of an expression of which one is variable.
#[derive(Debug)]
pub(super) struct Split {
    /// The automaton of what comes before the variable part.
    pub(super) before: Machine,
    /// The automaton of the variable part.
    pub(super) variable: Machine,
    /// The bytes that the variable part may begin with.
    pub(super) first_bytes: Box<[bool; 256]>,
    /// The automaton of what comes after the variable part; `None` if nothing does.
    pub(super) after: Option<Machine>,
    pub(super) scope: Scope,
}

impl Split {
    /// Returns the longest range of the variable part in the text of a match.
    fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        let mut state = self.before.start();
        for (at, &byte) in text.iter().enumerate() {
            if state.accepts()
                && self.first_bytes[usize::from(byte)]
                && let Some(end) = self.end(text, at)
            {
                return Some(at..end);
            }
            state = self.before.next(&state, byte)?;
        }
        None
    }

    /// Returns where the variable part ends at the latest if it begins at the index `from`.
    fn end(&self, text: &[u8], from: usize) -> Option<usize> {
        let Some(after) = &self.after else { return self.variable.matches(&text[from..]).then_some(text.len()) };
        let (mut state, mut end) = (self.variable.start(), None);
        for (at, &byte) in text.iter().enumerate().skip(from) {
            if state.accepts() && after.matches(&text[at..]) {
                end = Some(at);
            }
            let Some(next) = self.variable.next(&state, byte) else { break };
            state = next;
        }
        end
    }
}

/// The compiled form of one rule.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) machine: Machine,
    /// Where the variable part begins. If it is not known, everything from the beginning of a candidate counts.
    pub(super) split: Option<Split>,
    /// The minimum length of the variable part.
    pub(super) shortest: usize,
    /// The maximum length of a match, and therefore of what a candidate holds back.
    pub(super) longest: usize,
    /// The bytes that a match may end with.
    pub(super) last_bytes: Box<[bool; 256]>,
    pub(super) boundary: Boundary,
    /// The number of bytes after which a match is masked at once, however it continues. The matches of bounded rules are
    /// never masked before their end is known.
    pub(super) certain: Option<usize>,
    pub(super) accepts: Option<Accepts>,
}

impl Shape {
    /// Returns whether a match may end between `last` and `next`. It may not if both are letters, digits or underscores,
    /// or if another match might end with `next`, which is then a part of the token, unless it is a usual delimiter.
    pub(super) fn may_end(&self, last: u8, next: u8) -> bool {
        let continues_word = is_word(last) && is_word(next);
        let is_delimiter = next.is_ascii_whitespace() || b"\"'`,;&|<>()[]{}\\".contains(&next);
        let continues_token = self.last_bytes[usize::from(next)] && !is_delimiter;
        !continues_word && !continues_token
    }

    /// Returns the range of the secret in the text of a match, or `None` if it contains none.
    pub(super) fn secret(&self, text: &[u8]) -> Option<Range<usize>> {
        let range = match &self.split {
            Some(split) if split.scope == Scope::Variable => split.find(text)?,
            _ => 0..text.len(),
        };
        self.accepts_secret(&text[..range.end], range.start).then_some(range)
    }

    /// Returns whether the bytes of `text` from the index `from` on are a secret. What was masked before is none.
    pub(super) fn accepts_secret(&self, text: &[u8], from: usize) -> bool {
        let (before, secret) = text.split_at(from);
        let is_masked = secret.windows(MASK_BEGIN.len()).any(|window| window == MASK_BEGIN);
        !is_masked && !is_within_mask(before) && self.accepts.is_none_or(|accepts| accepts(before, secret))
    }

    /// Returns whether the whole match is masked, rather than a part that begins later.
    pub(super) fn masks_whole(&self) -> bool {
        self.split.as_ref().is_none_or(|split| split.scope == Scope::Whole)
    }

    /// Returns the state before the variable part, for a new candidate.
    pub(super) fn before(&self) -> Option<MachineState> {
        self.split.as_ref().map(|split| split.before.start())
    }
}

/// Returns whether `byte` is a letter, a digit or an underscore.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
