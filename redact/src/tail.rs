//! A table with an entry for each state of the automaton: the lengths of the patterns, and of the prefixes of patterns,
//! that a view ends with.
//!
//! Each state represents the longest suffix of the view that is a prefix of a pattern. The automaton itself reports
//! only the complete patterns that end at the current byte. This table also contains the lengths of the prefixes that
//! end there. *Short* values, which include common words, are masked only as whole tokens. Whether one of them is
//! masked depends on the bytes around it, so all lengths for short values are stored. For *long* values, which are all
//! others, only the longest length is stored.

use std::iter;

use aho_corasick::automaton::StateID;

use crate::pattern::Pattern;

/// The lengths of those suffixes of a view that are patterns or prefixes of patterns.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lengths {
    /// The length of the longest suffix that is a prefix of a pattern of a long value, or 0 if there is none.
    value: u32,
    /// The lengths of the suffixes that are prefixes of short values, as a bit set.
    tokens: u16,
}

impl Lengths {
    /// Returns the length of the longest suffix that is a prefix of a pattern of a long value, or 0 if there is none.
    #[inline]
    pub(crate) fn value(self) -> usize {
        self.value as usize
    }

    /// Returns the lengths for short values, longest first.
    pub(crate) fn tokens(self) -> impl Iterator<Item = usize> {
        let mut left = self.tokens;
        iter::from_fn(move || {
            let longest = left.checked_ilog2()?;
            left ^= 1 << longest;
            Some(longest as usize)
        })
    }

    /// Combines these lengths with `other`.
    #[inline]
    pub(crate) fn and(self, other: Self) -> Self {
        Self { value: self.value.max(other.value), tokens: self.tokens | other.tokens }
    }

    /// Adds the length of a suffix that is a prefix of `pattern`. Suffixes must be added in ascending order of their
    /// lengths.
    fn add(&mut self, length: usize, pattern: &Pattern) {
        if pattern.is_token {
            self.tokens |= 1 << length;
        } else {
            self.value = u32::try_from(length).expect("the automaton has fewer than 2^31 states");
        }
    }
}

/// The lengths that belong to one state of the automaton. The patterns and prefixes end at the current position of the
/// view.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tail {
    /// The complete patterns.
    pub(crate) ended: Lengths,
    /// The prefixes of patterns, including the complete patterns.
    pub(crate) begun: Lengths,
    /// The incomplete patterns that are long enough to reveal their value. The bytes of such a pattern are held back
    /// until further input shows that they do not belong to the value.
    pub(crate) telling: Lengths,
}

impl Tail {
    /// Records that the last `length` bytes are a prefix of `pattern`.
    fn add(&mut self, length: usize, pattern: &Pattern) {
        self.begun.add(length, pattern);
        let is_complete = length == pattern.bytes.len();
        if is_complete {
            self.ended.add(length, pattern);
        }
        // If a long value is complete, it is masked already. If a short value is complete, it may still turn out to be
        // part of a longer word.
        if length >= pattern.telling && (!is_complete || pattern.is_token) {
            self.telling.add(length, pattern);
        }
    }
}

/// The [`Tail`] of each automaton state.
pub(crate) struct Tails {
    /// Maps a state to an index in `entries`. The indirection is needed because the automaton's state numbers have
    /// gaps.
    indices: Vec<u32>,
    /// The tails, in the order of the lengths of the prefixes that the states represent.
    entries: Vec<Tail>,
    /// The number of tails of prefixes that are not longer than [`SHALLOW`].
    shallow: u32,
}

/// The maximum length of a prefix that is likely to occur by chance.
const SHALLOW: usize = 3;

/// The entry in [`Tails::indices`] for a number that is not a state of the automaton.
const NO_INDEX: u32 = u32::MAX;

impl Tails {
    /// Builds the table by walking the automaton along all patterns in parallel, byte by byte. When the entry of a
    /// suffix is created, the entries of all shorter suffixes are therefore complete. The new entry begins as a copy of
    /// the entry of the next shorter suffix.
    pub(crate) fn new(patterns: &[Pattern], start: StateID, next: impl Fn(StateID, u8) -> StateID) -> Self {
        let mut tails = Self { indices: Vec::new(), entries: Vec::new(), shallow: 1 };
        tails.entry(start, Tail::default());
        let mut walks: Vec<Walk> = patterns.iter().map(|pattern| Walk { pattern, whole: start, rest: start }).collect();
        for length in 1.. {
            walks.retain(|walk| walk.pattern.bytes.len() >= length);
            if walks.is_empty() {
                break;
            }
            for walk in &mut walks {
                walk.step(length, &next);
                let inherited = *tails.at(walk.rest);
                tails.entry(walk.whole, inherited).add(length, walk.pattern);
            }
            if length <= SHALLOW {
                tails.shallow = tails.len();
            }
        }
        tails
    }

    /// Returns the entry of `state`.
    #[inline]
    pub(crate) fn at(&self, state: StateID) -> &Tail {
        &self.entries[self.indices[state.as_usize()] as usize]
    }

    /// Returns whether the prefix that `state` represents is not longer than [`SHALLOW`].
    #[inline]
    pub(crate) fn is_shallow(&self, state: StateID) -> bool {
        self.indices[state.as_usize()] < self.shallow
    }

    /// Returns the memory usage in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.indices.capacity() * size_of::<u32>() + self.entries.capacity() * size_of::<Tail>()
    }

    fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("an automaton has fewer than 2^31 states")
    }

    /// Returns the entry of `state`. If there is none, creates it as a copy of `inherited`.
    fn entry(&mut self, state: StateID, inherited: Tail) -> &mut Tail {
        let state = state.as_usize();
        if self.indices.len() <= state {
            self.indices.resize(state + 1, NO_INDEX);
        }
        if self.indices[state] == NO_INDEX {
            self.indices[state] = self.len();
            self.entries.push(inherited);
        }
        &mut self.entries[self.indices[state] as usize]
    }
}

/// A walk of the automaton along one pattern.
struct Walk<'p> {
    pattern: &'p Pattern,
    /// The state after the current prefix of the pattern.
    whole: StateID,
    /// The state that the failure link of `whole` leads to. It represents the longest proper suffix of the current
    /// prefix that is also a prefix of a pattern. The automaton is also in this state if it reads the current prefix
    /// without its first byte.
    rest: StateID,
}

impl Walk<'_> {
    /// Extends the walk to the prefix of `length` bytes.
    fn step(&mut self, length: usize, next: impl Fn(StateID, u8) -> StateID) {
        let byte = self.pattern.bytes[length - 1];
        self.whole = next(self.whole, byte);
        if length > 1 {
            self.rest = next(self.rest, byte);
        }
    }
}
