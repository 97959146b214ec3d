//! The compiled values of a redactor, and the rule for short values.
//!
//! A matcher is shared by streams, so it stores neither a stream's state nor its text. They are passed in as a [`State`]
//! and a [`View`].
//!
//! # Two sets of values
//!
//! The values of a server are the same for all jobs, and there may be many of them. A job has a few more. Therefore, a
//! matcher consists of two sets of [`Values`], each of which is compiled by itself: the shared ones and the added ones.
//! Their automata run side by side over the same views.
//!
//! Together they are equivalent to one automaton over the union of both sets. The state of an automaton represents the
//! longest suffix of the text that is a prefix of one of its patterns. The longer one of two such suffixes is the longest
//! suffix that is a prefix of any pattern, so a pair of states determines the state of the one automaton, and the other
//! way round. Everything else is derived from the state: the pair has the lengths of both tails.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::automaton::StateID;

use crate::skip::Skip;
use crate::tail::{Lengths, Tail};
use crate::values::Values;

/// The number of raw bytes that each byte of a pattern may take. An escape within an escape takes 9 bytes or so.
const SPAN_OF_BYTE: usize = 16;

/// The number of raw bytes that a match may span in addition, for the escape sequences of terminals within it.
const SPAN_OF_STYLES: usize = 16 << 10;

/// The state of the automata.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    shared: StateID,
    /// The state of the automaton for the added values. If there are none, it is always the same.
    added: StateID,
}

/// The compiled values of a redactor.
pub(crate) struct Matcher {
    shared: Arc<Values>,
    added: Option<Arc<Values>>,
    start: State,
    /// The table for all values.
    skip: Skip,
}

impl Matcher {
    /// Combines two sets of values.
    pub(crate) fn new(shared: Arc<Values>, added: Option<Arc<Values>>) -> Self {
        let start = State {
            shared: shared.start(),
            added: added.as_ref().map_or(StateID::default(), |added| added.start()),
        };
        let skip = Skip::new([&shared].into_iter().chain(&added).flat_map(|values| values.heads()));
        Self { shared, added, start, skip }
    }

    /// Returns the shared values.
    pub(crate) fn shared(&self) -> &Arc<Values> {
        &self.shared
    }

    /// Returns the added values, if there are any.
    pub(crate) fn added(&self) -> Option<&Arc<Values>> {
        self.added.as_ref()
    }

    /// Returns both sets of values.
    pub(crate) fn sets(&self) -> impl Iterator<Item = &Arc<Values>> {
        [&self.shared].into_iter().chain(&self.added)
    }

    /// Returns whether there are values that are masked in all their forms.
    #[inline]
    pub(crate) fn has_long_values(&self) -> bool {
        self.shared.has_long() || self.added.as_ref().is_some_and(|added| added.has_long())
    }

    /// Returns the maximum number of raw bytes that a match may span, and therefore the maximum that is held back.
    pub(crate) fn longest_span(&self) -> usize {
        let longest = self.sets().map(|values| values.longest()).max().unwrap_or(0);
        SPAN_OF_BYTE * longest + SPAN_OF_STYLES
    }

    /// Returns the memory usage in bytes, without that of the values.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.skip.memory()
    }

    /// Returns the state at the beginning of a stream.
    #[inline]
    pub(crate) fn start(&self) -> State {
        self.start
    }

    /// Returns the table that finds where a pattern may begin.
    #[inline]
    pub(crate) fn skip(&self) -> &Skip {
        &self.skip
    }

    /// Returns the state after `state` and `byte`.
    #[inline]
    pub(crate) fn next(&self, state: State, byte: u8) -> State {
        let shared = self.shared.next(state.shared, byte);
        match &self.added {
            None => State { shared, ..state },
            Some(added) => State { shared, added: added.next(state.added, byte) },
        }
    }

    /// Returns whether a pattern ends in `state`.
    #[inline]
    pub(crate) fn is_match(&self, state: State) -> bool {
        self.shared.is_match(state.shared) || self.added.as_ref().is_some_and(|added| added.is_match(state.added))
    }

    /// Returns the lengths of the patterns that a view ends with if the automata are in `state`.
    #[inline]
    pub(crate) fn ended(&self, state: State) -> Lengths {
        self.lengths(state, |tail| tail.ended)
    }

    /// Returns the lengths of the prefixes of patterns that a view ends with in `state`, including complete patterns.
    #[inline]
    pub(crate) fn begun(&self, state: State) -> Lengths {
        self.lengths(state, |tail| tail.begun)
    }

    /// Returns the lengths of the incomplete patterns that a view ends with in `state` and that reveal their value.
    #[inline]
    pub(crate) fn telling(&self, state: State) -> Lengths {
        self.lengths(state, |tail| tail.telling)
    }

    #[inline]
    fn lengths(&self, state: State, of: impl Fn(&Tail) -> Lengths) -> Lengths {
        let shared = of(self.shared.tail(state.shared));
        match &self.added {
            None => shared,
            Some(added) => shared.and(of(added.tail(state.added))),
        }
    }

    /// Returns whether no more than a few bytes of a pattern have been seen in `state`.
    #[inline]
    pub(crate) fn is_shallow(&self, state: State) -> bool {
        self.shared.is_shallow(state.shared) && self.added.as_ref().is_none_or(|added| added.is_shallow(state.added))
    }

    /// Returns the longest match in the raw text that ends at the position `end`, where the automata are in `state`.
    /// The range is empty if no match ends there.
    ///
    /// A short value is not reported at the end of the text, because it is not known yet whether the token ends there.
    pub(crate) fn found(&self, state: State, view: View, end: usize) -> Range<usize> {
        let ended = self.ended(state);
        let length = match view.get(end) {
            Some(next) if !is_word(next) => view.longest(ended, end),
            _ => ended.value(),
        };
        end - length..end
    }
}

/// A section of the stream, and the byte before it. Positions count from the beginning of the stream.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    /// The byte before the section; `None` at the beginning of the stream.
    pub(crate) before: Option<u8>,
    /// The position of the section.
    pub(crate) base: usize,
    pub(crate) text: &'t [u8],
}

impl<'t> View<'t> {
    /// Returns the position of the end of the section.
    #[inline]
    pub(crate) fn end(self) -> usize {
        self.base + self.text.len()
    }

    /// Returns the byte at the position `at`, which is within the section.
    #[inline]
    pub(crate) fn byte(self, at: usize) -> u8 {
        self.text[at - self.base]
    }

    /// Returns the byte at the position `at`, unless the section ends before it.
    #[inline]
    pub(crate) fn get(self, at: usize) -> Option<u8> {
        self.text.get(at - self.base).copied()
    }

    /// Returns the byte before the position `at`; `None` at the beginning of the stream.
    #[inline]
    pub(crate) fn byte_before(self, at: usize) -> Option<u8> {
        self.text[..at - self.base].last().copied().or(self.before)
    }

    /// Returns the bytes of a range.
    #[inline]
    pub(crate) fn bytes(self, range: Range<usize>) -> &'t [u8] {
        &self.text[range.start - self.base..range.end - self.base]
    }

    /// Returns the longest of `lengths`, each of which is the length of a piece of text that ends at `end`. The length
    /// of a short value counts only if the piece begins at a token boundary.
    #[inline]
    pub(crate) fn longest(self, lengths: Lengths, end: usize) -> usize {
        let token = lengths.tokens().find(|&length| self.token_begins(end, length));
        lengths.value().max(token.unwrap_or(0))
    }

    fn token_begins(self, end: usize, length: usize) -> bool {
        // A token that would begin before the text cannot be a match, because the text contains all bytes that may
        // still become part of a match.
        end - length >= self.base && !self.byte_before(end - length).is_some_and(is_word)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
