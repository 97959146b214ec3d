//! The compiled values of a redactor, and the token boundaries of short values.
//!
//! Several streams share a matcher, so it stores neither the state nor the text of a stream. Its methods receive the
//! state of the automata and the text, a [`View`], as arguments.

use std::ops::Range;
use std::sync::Arc;

use crate::sets::Automata;
use crate::skip::Skip;
use crate::tail::Lengths;
use crate::values::Values;

/// The maximum number of raw bytes that a match may span, for each byte of the pattern. An escape within an escape has
/// about 9 bytes.
const SPAN_OF_BYTE: usize = 16;

/// The number of further raw bytes that a match may span, because of terminal escape sequences within it.
const SPAN_OF_STYLES: usize = 16 << 10;

/// The compiled values of a redactor: one or two sets of values, and the data that is derived from all of them.
pub(crate) struct Matcher<A: Automata> {
    automata: A,
    start: A::State,
    /// The table that finds where a pattern of any value may begin.
    skip: Skip,
    /// Whether there are values that are masked in all their forms.
    has_long_values: bool,
}

impl<A: Automata> Matcher<A> {
    /// Creates the matcher for compiled sets of values.
    pub(crate) fn new(automata: A) -> Self {
        let start = automata.start();
        let skip = Skip::new(automata.sets().iter().flat_map(|values| values.heads()));
        let has_long_values = automata.sets().iter().any(|values| values.has_long());
        Self { automata, start, skip, has_long_values }
    }

    /// Returns the sets of values.
    pub(crate) fn sets(&self) -> &[Arc<Values>] {
        self.automata.sets()
    }

    /// Returns whether there are values that are masked in all their forms.
    #[inline]
    pub(crate) fn has_long_values(&self) -> bool {
        self.has_long_values
    }

    /// Returns the maximum number of raw bytes that a match may span, and therefore the maximum that is held back.
    pub(crate) fn longest_span(&self) -> usize {
        let longest = self.automata.sets().iter().map(|values| values.longest()).max().unwrap_or(0);
        SPAN_OF_BYTE * longest + SPAN_OF_STYLES
    }

    /// Returns the memory usage in bytes, without that of the values.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.skip.memory()
    }

    /// Returns the state at the beginning of a stream.
    #[inline]
    pub(crate) fn start(&self) -> A::State {
        self.start
    }

    /// Returns the table that finds where a pattern may begin.
    #[inline]
    pub(crate) fn skip(&self) -> &Skip {
        &self.skip
    }

    /// Returns the state after `state` and `byte`.
    #[inline]
    pub(crate) fn next(&self, state: A::State, byte: u8) -> A::State {
        self.automata.next(state, byte)
    }

    /// Returns whether a pattern ends in `state`.
    #[inline]
    pub(crate) fn is_match(&self, state: A::State) -> bool {
        self.automata.is_match(state)
    }

    /// Returns the lengths of the patterns that end at the current position of a view whose automaton is in `state`.
    #[inline]
    pub(crate) fn ended(&self, state: A::State) -> Lengths {
        self.automata.lengths(state, |tail| tail.ended)
    }

    /// Returns the lengths of the prefixes of patterns that end at the current position of a view whose automaton is in
    /// `state`. These include complete patterns.
    #[inline]
    pub(crate) fn begun(&self, state: A::State) -> Lengths {
        self.automata.lengths(state, |tail| tail.begun)
    }

    /// Returns the lengths of the incomplete patterns that end at the current position of a view whose automaton is in
    /// `state`, and that are long enough to reveal their value.
    #[inline]
    pub(crate) fn telling(&self, state: A::State) -> Lengths {
        self.automata.lengths(state, |tail| tail.telling)
    }

    /// Returns whether `state` represents only the first few bytes of a pattern.
    #[inline]
    pub(crate) fn is_shallow(&self, state: A::State) -> bool {
        self.automata.is_shallow(state)
    }

    /// Returns the longest match in the raw text that ends at the position `end`, where the automata are in `state`.
    /// The range is empty if no match ends there.
    ///
    /// A short value is not reported at the end of the text, because it is not known yet whether the token ends there.
    pub(crate) fn found(&self, state: A::State, view: View, end: usize) -> Range<usize> {
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

    /// Returns the section up to the position `end`.
    #[inline]
    pub(crate) fn until(self, end: usize) -> Self {
        Self { text: &self.text[..end - self.base], ..self }
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

    /// Returns the longest of `lengths` that counts. Each of them is the length of a piece of text that ends at `end`.
    /// The length of a short value counts only if the piece begins at a token boundary.
    #[inline]
    pub(crate) fn longest(self, lengths: Lengths, end: usize) -> usize {
        let token = lengths.tokens().find(|&length| self.token_begins(end, length));
        lengths.value().max(token.unwrap_or(0))
    }

    fn token_begins(self, end: usize, length: usize) -> bool {
        // If a token would begin before the text, it cannot be a match, because the text contains all bytes that may
        // still become part of a match.
        end - length >= self.base && !self.byte_before(end - length).is_some_and(is_word)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
