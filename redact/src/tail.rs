//! For each state of the automaton, the lengths of the values and prefixes of values that the stream ends with.
//!
//! Each state represents the longest suffix of the stream that is a prefix of a value. The automaton itself reports
//! only the complete values that end at the current byte. This table also contains the lengths of the prefixes that end
//! there. For values of 6 bytes or more, the longest length is sufficient. A shorter value is masked only after a check
//! of the bytes around it, so the lengths for all short values are stored.

use std::iter;

use crate::matcher::State;

/// Values shorter than this are masked only as whole tokens. If they were masked everywhere, most output would be
/// unreadable.
pub(crate) const SHORT: usize = 6;

/// A prefix of a value with at least this many bytes is held back, however long the value is.
const TELLING: usize = 8;

/// Lengths of suffixes of the stream, each of which is a value or a prefix of a value.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lengths {
    /// The length of the longest suffix that is a prefix of a value of [`SHORT`] bytes or more, or 0 if there is none.
    pub(crate) value: usize,
    /// The lengths of the suffixes that are prefixes of shorter values, as a bit set.
    tokens: u8,
}

impl Lengths {
    /// Returns the lengths for short values, longest first.
    pub(crate) fn tokens(self) -> impl Iterator<Item = usize> {
        let mut left = self.tokens;
        iter::from_fn(move || {
            let longest = left.checked_ilog2()?;
            left ^= 1 << longest;
            Some(longest as usize)
        })
    }

    /// Adds the length of a suffix that is a prefix of a value of `value` bytes. The suffix must not be shorter than
    /// the suffixes added before.
    fn add(&mut self, length: usize, value: usize) {
        if value < SHORT {
            self.tokens |= 1 << length;
        } else {
            self.value = length;
        }
    }
}

/// The lengths of the values and prefixes that the stream ends with in one state of the automaton.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tail {
    /// The complete values.
    pub(crate) ended: Lengths,
    /// The prefixes of values, including the complete values.
    pub(crate) begun: Lengths,
    /// The prefixes that are long enough to reveal their value. They are held back until further input rules the value
    /// out.
    pub(crate) telling: Lengths,
}

impl Tail {
    /// Records that the last `length` bytes are a prefix of a value of `value` bytes.
    fn add(&mut self, length: usize, value: usize) {
        self.begun.add(length, value);
        if length >= TELLING || 2 * length >= value {
            self.telling.add(length, value);
        }
        if length == value {
            self.ended.add(length, value);
        }
    }
}

/// The [`Tail`] of each automaton state.
pub(crate) struct Tails {
    /// Maps a state to an index in `tails`. The indirection is needed because the automaton's state numbers have gaps.
    indices: Vec<u32>,
    tails: Vec<Tail>,
}

/// The entry in [`Tails::indices`] for a number that is not a state of the automaton.
const NO_INDEX: u32 = u32::MAX;

impl Tails {
    /// Builds the table by walking the automaton along all values in parallel, byte by byte. Therefore, the entry of a
    /// shorter suffix is complete before the entries of longer suffixes are created as copies of it.
    pub(crate) fn new(values: &[Vec<u8>], start: State, next: impl Fn(State, u8) -> State) -> Self {
        let mut tails = Self { indices: Vec::new(), tails: Vec::new() };
        tails.entry(start, Tail::default());
        let mut walks: Vec<Walk> = values.iter().map(|value| Walk { value, whole: start, rest: start }).collect();
        for length in 1.. {
            walks.retain(|walk| walk.value.len() >= length);
            if walks.is_empty() {
                break;
            }
            for walk in &mut walks {
                walk.step(length, &next);
                let inherited = *tails.at(walk.rest);
                tails.entry(walk.whole, inherited).add(length, walk.value.len());
            }
        }
        tails
    }

    /// Returns the entry of `state`.
    pub(crate) fn at(&self, state: State) -> &Tail {
        &self.tails[self.indices[state.as_usize()] as usize]
    }

    /// Returns the entry of `state`. If there is none, creates it as a copy of `inherited`.
    fn entry(&mut self, state: State, inherited: Tail) -> &mut Tail {
        let state = state.as_usize();
        if self.indices.len() <= state {
            self.indices.resize(state + 1, NO_INDEX);
        }
        let index = &mut self.indices[state];
        if *index == NO_INDEX {
            *index = u32::try_from(self.tails.len()).expect("an automaton has fewer than 2^31 states");
            self.tails.push(inherited);
        }
        &mut self.tails[*index as usize]
    }
}

/// The progress of walking the automaton along one value.
struct Walk<'v> {
    value: &'v [u8],
    /// The state after the current prefix of the value.
    whole: State,
    /// The state that the failure link of `whole` leads to. It represents the longest proper suffix of the current
    /// prefix that is also a prefix of a value, and it is reached by the current prefix without its first byte.
    rest: State,
}

impl Walk<'_> {
    /// Extends the walk to the prefix of `length` bytes.
    fn step(&mut self, length: usize, next: impl Fn(State, u8) -> State) {
        let byte = self.value[length - 1];
        self.whole = next(self.whole, byte);
        if length > 1 {
            self.rest = next(self.rest, byte);
        }
    }
}
