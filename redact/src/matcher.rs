//! The automaton over all values, and the rule for short ones.
//!
//! It hides the automaton's crate. It holds no position and no text: where a stream stands is a [`State`] and a [`View`],
//! which the stream keeps.

use std::ops::Range;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use crate::skip::Skip;
use crate::tail::{Lengths, SHORT, Tail, Tails};

/// Where the automaton stands.
pub(crate) type State = StateID;

/// The automaton over all values, with what is known about each of its states.
pub(crate) struct Matcher {
    /// Not a DFA: that walks a third faster, takes many times the memory, and most bytes are skipped anyway.
    automaton: NFA,
    start: State,
    tails: Tails,
    skip: Skip,
    values: usize,
    short_values: usize,
}

impl Matcher {
    /// Compiles `values`, of which none is empty and no two are the same.
    pub(crate) fn new(values: &[Vec<u8>]) -> Self {
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(values)
            .expect("the states of all values together fit into 31 bits");
        let start = automaton.start_state(Anchored::No).expect("this automaton has both start states");
        let tails = Tails::new(values, start, |state, byte| automaton.next_state(Anchored::No, state, byte));
        let short_values = values.iter().filter(|value| value.len() < SHORT).count();
        Self { automaton, start, tails, skip: Skip::new(values), values: values.len(), short_values }
    }

    /// How many values there are.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// How many of them are masked as whole tokens only.
    pub(crate) fn short_values(&self) -> usize {
        self.short_values
    }

    /// Where a stream begins.
    pub(crate) fn start(&self) -> State {
        self.start
    }

    /// What is known about the last bytes.
    pub(crate) fn tail(&self, state: State) -> &Tail {
        self.tails.at(state)
    }

    /// Runs over the view's text after `from`, reports the longest match at each position that has one, and returns
    /// the state at the end.
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

    /// The longest match that ends at `end`, where `state` is the automaton's; empty when there is none.
    ///
    /// At the end of the text no token is found, since its right neighbour is not known.
    pub(crate) fn found(&self, state: State, view: View, end: usize) -> Range<usize> {
        let ended = self.tail(state).ended;
        let length = match view.text.get(end) {
            Some(&next) if !is_word(next) => view.longest(ended, end),
            _ => ended.value,
        };
        end - length..end
    }
}

/// A stretch of the stream, and the byte before it.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    /// None at the beginning of the stream.
    pub(crate) before: Option<u8>,
    pub(crate) text: &'t [u8],
}

impl View<'_> {
    /// The longest of `lengths`, counted back from `end`, of which a token counts only where one can begin.
    pub(crate) fn longest(self, lengths: Lengths, end: usize) -> usize {
        let token = lengths.tokens().find(|&length| self.token_begins(end, length));
        lengths.value.max(token.unwrap_or(0))
    }

    fn token_begins(self, end: usize, length: usize) -> bool {
        match end.checked_sub(length) {
            Some(0) => !self.before.is_some_and(is_word),
            Some(start) => !is_word(self.text[start - 1]),
            // What could still become a match is in the text; this began before it, next to a letter.
            None => false,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
