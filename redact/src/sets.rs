//! The automata of one or two sets of values.
//!
//! In Tailwater, all jobs share the values of the server, and there may be many of these. A job adds a few values of
//! its own. Therefore, the shared and the added values are compiled separately, and their automata run side by side.
//!
//! Together, the two automata are equivalent to one automaton over the union of both sets. The state of an automaton
//! represents the longest suffix of the text that is a prefix of one of its patterns. In a pair of states, the longer
//! one of the two suffixes is the longest suffix that is a prefix of any pattern. Therefore, a pair of states
//! determines the state of the automaton over the union, and vice versa. The lengths that belong to this state are the
//! maximum, or the union, of the lengths in the tails (`tail`) of both states.
//!
//! Most streams have only one set. The views are generic, so that these streams spend no time on a second one.

use std::sync::Arc;

use aho_corasick::automaton::StateID;

use crate::tail::{Lengths, Tail};
use crate::values::Values;

/// Automata that run side by side.
pub(crate) trait Automata: Clone + Send + Sync + 'static {
    /// The states of all automata.
    type State: Copy + Eq + Send + Sync;

    /// Returns the sets of values.
    fn sets(&self) -> &[Arc<Values>];

    /// Returns the state at the beginning of a stream.
    fn start(&self) -> Self::State;

    /// Returns the state after `state` and `byte`.
    fn next(&self, state: Self::State, byte: u8) -> Self::State;

    /// Returns whether a pattern ends in `state`.
    fn is_match(&self, state: Self::State) -> bool;

    /// Returns whether `state` represents only the first few bytes of a pattern.
    fn is_shallow(&self, state: Self::State) -> bool;

    /// Returns the lengths that `of` selects from the tails of `state`.
    fn lengths(&self, state: Self::State, of: impl Fn(&Tail) -> Lengths) -> Lengths;
}

/// The automaton of a single set.
#[derive(Clone)]
pub(crate) struct OneSet(pub(crate) Arc<Values>);

impl Automata for OneSet {
    type State = StateID;

    fn sets(&self) -> &[Arc<Values>] {
        std::slice::from_ref(&self.0)
    }

    fn start(&self) -> StateID {
        self.0.start()
    }

    #[inline]
    fn next(&self, state: StateID, byte: u8) -> StateID {
        self.0.next(state, byte)
    }

    #[inline]
    fn is_match(&self, state: StateID) -> bool {
        self.0.is_match(state)
    }

    #[inline]
    fn is_shallow(&self, state: StateID) -> bool {
        self.0.is_shallow(state)
    }

    #[inline]
    fn lengths(&self, state: StateID, of: impl Fn(&Tail) -> Lengths) -> Lengths {
        of(self.0.tail(state))
    }
}

/// The automata of two sets.
#[derive(Clone)]
pub(crate) struct TwoSets(pub(crate) [Arc<Values>; 2]);

impl Automata for TwoSets {
    type State = [StateID; 2];

    fn sets(&self) -> &[Arc<Values>] {
        &self.0
    }

    fn start(&self) -> [StateID; 2] {
        self.0.each_ref().map(|values| values.start())
    }

    #[inline]
    fn next(&self, [first, second]: [StateID; 2], byte: u8) -> [StateID; 2] {
        [self.0[0].next(first, byte), self.0[1].next(second, byte)]
    }

    #[inline]
    fn is_match(&self, [first, second]: [StateID; 2]) -> bool {
        self.0[0].is_match(first) || self.0[1].is_match(second)
    }

    #[inline]
    fn is_shallow(&self, [first, second]: [StateID; 2]) -> bool {
        self.0[0].is_shallow(first) && self.0[1].is_shallow(second)
    }

    #[inline]
    fn lengths(&self, [first, second]: [StateID; 2], of: impl Fn(&Tail) -> Lengths) -> Lengths {
        of(self.0[0].tail(first)).and(of(self.0[1].tail(second)))
    }
}
