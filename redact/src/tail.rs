//! What the automaton's state says about the last bytes of the stream.
//!
//! Each state stands for the longest end of the stream that is a beginning of a value. The automaton itself says only
//! which values end there; this table adds how long the beginnings are. A value of 6 bytes or more is told by one
//! length, the longest. Each shorter one needs a look at its neighbour, so all their lengths are kept.

use std::iter;

use crate::matcher::State;

/// Values below this length are masked as whole tokens only: anywhere, they would mask everything in sight.
pub(crate) const SHORT: usize = 6;

/// A beginning of a value of this many bytes is never shown, however long the value is.
const TELLING: usize = 8;

/// Lengths of ends of the stream.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lengths {
    /// The longest that belongs to a value of [`SHORT`] bytes or more.
    pub(crate) value: usize,
    /// Those that belong to shorter values, one bit each.
    tokens: u8,
}

impl Lengths {
    /// The lengths that belong to short values, longest first.
    pub(crate) fn tokens(self) -> impl Iterator<Item = usize> {
        let mut left = self.tokens;
        iter::from_fn(move || {
            let longest = left.checked_ilog2()?;
            left ^= 1 << longest;
            Some(longest as usize)
        })
    }

    /// Adds an end longer than all before; it belongs to a value of `value` bytes.
    fn add(&mut self, length: usize, value: usize) {
        if value < SHORT {
            self.tokens |= 1 << length;
        } else {
            self.value = length;
        }
    }
}

/// What is known about the last bytes of the stream.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tail {
    /// The values that end here.
    pub(crate) ended: Lengths,
    /// The beginnings of values, or whole ones, that reach to here.
    pub(crate) begun: Lengths,
    /// Those among them that are too long to be shown without the rest.
    pub(crate) telling: Lengths,
}

impl Tail {
    /// Adds that the last `length` bytes are the beginning of a value of `value` bytes.
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

/// The [`Tail`] of each state.
pub(crate) struct Tails {
    /// By state, where in `tails` it is. The automaton's numbers have holes, hence the detour.
    places: Vec<u32>,
    tails: Vec<Tail>,
}

/// The place of what is no state.
const NOWHERE: u32 = u32::MAX;

impl Tails {
    /// Walks the automaton over all values at once, byte by byte, so that what a state inherits is complete before it.
    pub(crate) fn new(values: &[Vec<u8>], start: State, next: impl Fn(State, u8) -> State) -> Self {
        let mut tails = Self { places: Vec::new(), tails: Vec::new() };
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

    /// What is known in `state`.
    pub(crate) fn at(&self, state: State) -> &Tail {
        &self.tails[self.places[state.as_usize()] as usize]
    }

    /// The entry of `state`, which begins as `inherited`.
    fn entry(&mut self, state: State, inherited: Tail) -> &mut Tail {
        let state = state.as_usize();
        if self.places.len() <= state {
            self.places.resize(state + 1, NOWHERE);
        }
        let place = &mut self.places[state];
        if *place == NOWHERE {
            *place = u32::try_from(self.tails.len()).expect("an automaton has fewer than 2^31 states");
            self.tails.push(inherited);
        }
        &mut self.tails[*place as usize]
    }
}

/// A walk over one value.
struct Walk<'v> {
    value: &'v [u8],
    /// The state of the value's beginning.
    whole: State,
    /// The state of the same without its first byte: the next shorter end of the stream that is a beginning, too.
    rest: State,
}

impl Walk<'_> {
    /// Goes on to the beginning of `length` bytes.
    fn step(&mut self, length: usize, next: impl Fn(State, u8) -> State) {
        let byte = self.value[length - 1];
        self.whole = next(self.whole, byte);
        if length > 1 {
            self.rest = next(self.rest, byte);
        }
    }
}
