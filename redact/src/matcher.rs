//! The automaton over all values, and the rule for short values.
//!
//! This module hides the `aho-corasick` crate. A matcher is shared by streams, so it stores neither a stream's state
//! nor its text. They are passed in as a [`State`] and a [`View`].

use std::ops::Range;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use crate::skip::Skip;
use crate::tail::{Lengths, SHORT, Tail, Tails};

/// A state of the automaton.
pub(crate) type State = StateID;

/// The automaton over all values, with a [`Tail`] for each of its states.
pub(crate) struct Matcher {
    /// A DFA would be a third faster, but it would need many times the memory, and most bytes are skipped anyway.
    automaton: NFA,
    start: State,
    tails: Tails,
    skip: Skip,
    values: usize,
    short_values: usize,
}

impl Matcher {
    /// Compiles `values`, each of which must be non-empty and different from the others.
    pub(crate) fn new(values: &[Vec<u8>]) -> Self {
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(values)
            .expect("the number of states fits into 31 bits");
        let start = automaton.start_state(Anchored::No).expect("an NFA supports unanchored searches");
        let tails = Tails::new(values, start, |state, byte| automaton.next_state(Anchored::No, state, byte));
        let short_values = values.iter().filter(|value| value.len() < SHORT).count();
        Self { automaton, start, tails, skip: Skip::new(values), values: values.len(), short_values }
    }

    /// Returns the number of values.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// Returns the number of values that are masked only as whole tokens.
    pub(crate) fn short_values(&self) -> usize {
        self.short_values
    }

    /// Returns the state at the beginning of a stream.
    pub(crate) fn start(&self) -> State {
        self.start
    }

    /// Returns the lengths of the values and prefixes that the stream ends with if the automaton is in `state`.
    pub(crate) fn tail(&self, state: State) -> &Tail {
        self.tails.at(state)
    }

    /// Processes the view's text from `from` on, reports the longest match at each position where one ends, and returns
    /// the final state.
    pub(crate) fn run(&self, mut state: State, view: View, from: usize, mut report: impl FnMut(Range<usize>)) -> State {
        let mut at = from;
        loop {
            if state == self.start {
                at += self.skip.clean(&view.text[at..]);
            }
            let Some(&byte) = view.text.get(at) else { return state };
            state = self.automaton.next_state(Anchored::No, state, byte);
            at += 1;
            if self.automaton.is_match(state) {
                report(self.found(state, view, at));
            }
        }
    }

    /// Returns the longest match that ends at `end`, where the automaton is in `state`. The range is empty if no match
    /// ends there.
    ///
    /// A short value is not reported at the end of the text, because it is not known yet whether the token ends there.
    pub(crate) fn found(&self, state: State, view: View, end: usize) -> Range<usize> {
        let ended = self.tail(state).ended;
        let length = match view.text.get(end) {
            Some(&next) if !is_word(next) => view.longest(ended, end),
            _ => ended.value,
        };
        end - length..end
    }
}

/// A section of the stream, and the byte before it.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    /// The byte before the section; `None` at the beginning of the stream.
    pub(crate) before: Option<u8>,
    pub(crate) text: &'t [u8],
}

impl View<'_> {
    /// Returns the longest of `lengths`, each of which is the length of a piece of text that ends at `end`. The length
    /// of a short value counts only if the piece begins at a token boundary.
    pub(crate) fn longest(self, lengths: Lengths, end: usize) -> usize {
        let token = lengths.tokens().find(|&length| self.token_begins(end, length));
        lengths.value.max(token.unwrap_or(0))
    }

    fn token_begins(self, end: usize, length: usize) -> bool {
        match end.checked_sub(length) {
            Some(0) => !self.before.is_some_and(is_word),
            Some(start) => !is_word(self.text[start - 1]),
            // This token would begin before the text. It cannot be a match, because the text contains all bytes that
            // may still become part of a match.
            None => false,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
