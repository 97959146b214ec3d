//! The compiled form of one rule.

use std::ops::Range;

use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::{Anchored, Input};

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
    /// Anywhere.
    None,
}

/// How much of a match is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The group `secret`.
    Secret,
    /// The whole match.
    Whole,
}

/// Where the variable part of a match begins.
#[derive(Debug)]
pub(super) struct Split {
    /// The automaton of what comes before the variable part.
    pub(super) before: Machine,
    pub(super) scope: Scope,
}

/// The compiled form of one rule.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) machine: Machine,
    /// Where the variable part begins. If it is not known, everything from the beginning of a candidate counts.
    pub(super) split: Option<Split>,
    /// Finds the group `secret`, if there is one.
    pub(super) group: Option<PikeVM>,
    /// The minimum length of the variable part.
    pub(super) shortest: usize,
    /// The bytes that a match may end with.
    pub(super) last_bytes: Box<[bool; 256]>,
    pub(super) boundary: Boundary,
    /// The number of bytes after which a match is masked at once, however it continues. The matches of bounded rules are
    /// never masked before their end is known.
    pub(super) certain: Option<usize>,
    pub(super) accepts: Option<Accepts>,
}

impl Shape {
    /// Returns whether a match may end between `last` and `next`: the token must not continue.
    pub(super) fn may_end(&self, last: u8, next: u8) -> bool {
        let continues_word = is_word(last) && is_word(next);
        let continues_token = self.last_bytes[usize::from(next)] && (is_word(next) || b"-+/=.~".contains(&next));
        !continues_word && !continues_token
    }

    /// Returns the range of the secret in the text of a match, or `None` if it contains none.
    pub(super) fn secret(&self, text: &[u8]) -> Option<Range<usize>> {
        let range = match &self.group {
            Some(group) => {
                let (mut cache, mut captures) = (group.create_cache(), group.create_captures());
                group.search(&mut cache, &Input::new(text).anchored(Anchored::Yes), &mut captures);
                captures.get_group_by_name("secret")?.range()
            }
            None => 0..text.len(),
        };
        self.accepts_secret(&text[..range.end], range.start).then_some(range)
    }

    /// Returns whether the bytes of `text` from the index `from` on are a secret. What was masked before is none.
    pub(super) fn accepts_secret(&self, text: &[u8], from: usize) -> bool {
        !text[from..].starts_with(MASK_BEGIN)
            && self.accepts.is_none_or(|accepts| accepts(&text[..from], &text[from..]))
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
