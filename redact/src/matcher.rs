//! The automaton that searches for all patterns, and the token boundaries of short values.
//!
//! This module hides the `aho-corasick` crate. A matcher is shared by streams, so it stores neither a stream's state
//! nor its text. They are passed in as a [`State`] and a [`View`].

use std::ops::Range;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use crate::pattern::is_weak;
use crate::skip::Skip;
use crate::tail::{Lengths, Tail, Tails};
use crate::variants;

/// A state of the automaton.
pub(crate) type State = StateID;

/// The maximum number of raw bytes for each byte of a pattern. An escape within an escape has about 9 bytes.
const SPAN_OF_BYTE: usize = 16;

/// The additional number of raw bytes that a match may span because of terminal escape sequences within it.
const SPAN_OF_STYLES: usize = 16 << 10;

/// The automaton over all patterns, with a [`Tail`] for each of its states.
pub(crate) struct Matcher {
    /// A DFA would be a third faster, but it would need many times the memory, and most bytes are skipped anyway.
    automaton: NFA,
    start: State,
    tails: Tails,
    skip: Skip,
    /// The length of the longest pattern.
    longest: usize,
    values: usize,
    weak_values: usize,
}

impl Matcher {
    /// Compiles `values`, each of which must be non-empty and different from the others.
    pub(crate) fn new(values: &[Vec<u8>]) -> Self {
        let patterns = variants::patterns(values);
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(patterns.iter().map(|pattern| &pattern.bytes))
            .expect("the number of states fits into 31 bits");
        let start = automaton.start_state(Anchored::No).expect("an NFA supports unanchored searches");
        let tails = Tails::new(&patterns, start, |state, byte| automaton.next_state(Anchored::No, state, byte));
        let weak_values = values.iter().filter(|value| is_weak(value)).count();
        let longest = patterns.iter().map(|pattern| pattern.bytes.len()).max().unwrap_or(0);
        Self { automaton, start, tails, skip: Skip::new(&patterns), longest, values: values.len(), weak_values }
    }

    /// Returns the number of values.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// Returns whether there are values that are masked in all their forms.
    #[inline]
    pub(crate) fn has_long_values(&self) -> bool {
        self.values > self.weak_values
    }

    /// Returns the maximum number of raw bytes that a match may span, and therefore the maximum that is held back.
    pub(crate) fn longest_span(&self) -> usize {
        SPAN_OF_BYTE * self.longest + SPAN_OF_STYLES
    }

    /// Returns the memory usage in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.automaton.memory_usage() + self.tails.memory() + self.skip.memory()
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
        self.automaton.next_state(Anchored::No, state, byte)
    }

    /// Returns whether a pattern ends in `state`.
    #[inline]
    pub(crate) fn is_match(&self, state: State) -> bool {
        self.automaton.is_match(state)
    }

    /// Returns the lengths of the patterns and prefixes that a view ends with if the automaton is in `state`.
    #[inline]
    pub(crate) fn tail(&self, state: State) -> &Tail {
        self.tails.at(state)
    }

    /// Returns whether `state` represents only the first few bytes of a pattern.
    #[inline]
    pub(crate) fn is_shallow(&self, state: State) -> bool {
        self.tails.is_shallow(state)
    }

    /// Returns the longest match in the raw text that ends at the position `end`, where the automaton is in `state`.
    /// The range is empty if no match ends there.
    ///
    /// A short value is not reported at the end of the text, because it is not known yet whether the token ends there.
    pub(crate) fn found(&self, state: State, view: View, end: usize) -> Range<usize> {
        let ended = self.tail(state).ended;
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

    /// Returns the byte at the position `at`, which must be within the section.
    #[inline]
    pub(crate) fn byte(self, at: usize) -> u8 {
        self.text[at - self.base]
    }

    /// Returns the byte at the position `at`, or `None` if the section ends before it.
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
