//! A set of values, compiled into one automaton over all their patterns.
//!
//! This module hides the `aho-corasick` crate.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use crate::pattern::is_weak;
use crate::skip::Head;
use crate::tail::{Tail, Tails};
use crate::variants;

/// A set of values, with the automaton over all their patterns and a [`Tail`] for each of its states.
pub(crate) struct Values {
    /// The values, sorted and without duplicates.
    list: Box<[Vec<u8>]>,
    /// The automaton over all patterns, an NFA. A DFA would be a third faster, but it would need many times the memory,
    /// and most bytes are skipped anyway.
    automaton: NFA,
    start: StateID,
    tails: Tails,
    /// The beginnings of the patterns, without duplicates.
    heads: Box<[Head]>,
    /// The length of the longest pattern.
    longest: usize,
    /// Whether the set contains values that are masked in all their forms, rather than only as whole tokens.
    has_long: bool,
}

impl Values {
    /// Compiles the values of `list`. Empty values are ignored, and duplicates count once.
    pub(crate) fn new(mut list: Vec<Vec<u8>>) -> Self {
        list.retain(|value| !value.is_empty());
        list.sort_unstable();
        list.dedup();
        let patterns = variants::patterns(&list);
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(patterns.iter().map(|pattern| &pattern.bytes))
            .expect("the number of states fits into 31 bits");
        let start = automaton.start_state(Anchored::No).expect("an NFA supports unanchored searches");
        let tails = Tails::new(&patterns, start, |state, byte| automaton.next_state(Anchored::No, state, byte));
        // The patterns are sorted, so equal beginnings are adjacent.
        let mut heads: Vec<Head> = patterns.iter().map(|pattern| Head::of(&pattern.bytes)).collect();
        heads.dedup();
        let longest = patterns.iter().map(|pattern| pattern.bytes.len()).max().unwrap_or(0);
        let has_long = list.iter().any(|value| !is_weak(value));
        Self { list: list.into(), automaton, start, tails, heads: heads.into(), longest, has_long }
    }

    /// Returns the values, sorted and without duplicates.
    pub(crate) fn list(&self) -> &[Vec<u8>] {
        &self.list
    }

    /// Returns whether `value` is one of the values.
    pub(crate) fn contains(&self, value: &[u8]) -> bool {
        self.list.binary_search_by(|known| known.as_slice().cmp(value)).is_ok()
    }

    /// Returns whether there are values that are masked in all their forms.
    #[inline]
    pub(crate) fn has_long(&self) -> bool {
        self.has_long
    }

    /// Returns the length of the longest pattern.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Returns the beginnings of the patterns.
    pub(crate) fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Returns the memory usage in bytes.
    pub(crate) fn memory(&self) -> usize {
        let list: usize = self.list.iter().map(|value| size_of_val(value) + value.capacity()).sum();
        size_of::<Self>() + list + self.automaton.memory_usage() + self.tails.memory() + size_of_val(&*self.heads)
    }

    /// Returns the state at the beginning of a stream.
    #[inline]
    pub(crate) fn start(&self) -> StateID {
        self.start
    }

    /// Returns the state after `state` and `byte`.
    #[inline]
    pub(crate) fn next(&self, state: StateID, byte: u8) -> StateID {
        self.automaton.next_state(Anchored::No, state, byte)
    }

    /// Returns whether a pattern ends in `state`.
    #[inline]
    pub(crate) fn is_match(&self, state: StateID) -> bool {
        self.automaton.is_match(state)
    }

    /// Returns the lengths of the patterns and prefixes that end at the current position of a view whose automaton is
    /// in `state`.
    #[inline]
    pub(crate) fn tail(&self, state: StateID) -> &Tail {
        self.tails.at(state)
    }

    /// Returns whether `state` represents only the first few bytes of a pattern.
    #[inline]
    pub(crate) fn is_shallow(&self, state: StateID) -> bool {
        self.tails.is_shallow(state)
    }
}
