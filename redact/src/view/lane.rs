//! The automaton's progress along one view of the stream.

use crate::decode::Unit;
use crate::masks::{Label, Masks};
use crate::matcher::Matcher;
use crate::sets::Automata;

use super::map::Map;

/// The state of the automaton after the bytes of a view, and the positions of these bytes in the stream.
#[derive(Clone)]
pub(crate) struct Lane<A: Automata> {
    state: A::State,
    map: Map,
}

impl<A: Automata> Lane<A> {
    /// Creates a lane at the beginning of a stream.
    pub(super) fn new(start: A::State) -> Self {
        Self { state: start, map: Map::default() }
    }

    /// Creates a lane that equals the raw view up to the position `at`, where the raw view is in `state`.
    pub(super) fn fork(matcher: &Matcher<A>, state: A::State, at: usize) -> Self {
        Self { state, map: Map::consecutive(matcher.begun(state).value(), at) }
    }

    /// Processes a unit, and reports the longest match that ends with it.
    #[inline]
    pub(super) fn push(&mut self, matcher: &Matcher<A>, unit: Unit, masks: &mut Masks) {
        self.state = matcher.next(self.state, unit.byte);
        if self.state == matcher.start() {
            self.map.clear();
            return;
        }
        self.map.push(unit.start);
        if matcher.is_match(self.state) {
            let length = matcher.ended(self.state).value();
            if length > 0 {
                masks.add(self.map.start(length)..unit.end, Label::Value);
            }
        }
    }

    /// Returns whether a match ends with the last unit.
    pub(super) fn ends_match(&self, matcher: &Matcher<A>) -> bool {
        matcher.ended(self.state).value() > 0
    }

    /// Abandons the partial match if it spans too many raw bytes, because all of these bytes are held back. `at` is the
    /// current position.
    pub(super) fn bound(&mut self, matcher: &Matcher<A>, at: usize) {
        let length = self.length(matcher);
        if self.start(length).is_some_and(|begun| at - begun > matcher.longest_span()) {
            self.jump(matcher);
        } else {
            self.map.keep(length);
        }
    }

    /// Returns to the start state and forgets any partial match.
    pub(super) fn jump(&mut self, matcher: &Matcher<A>) {
        self.state = matcher.start();
        self.map.clear();
    }

    #[inline]
    pub(super) fn is_at_start(&self, matcher: &Matcher<A>) -> bool {
        self.state == matcher.start()
    }

    /// Returns whether this lane will find the same matches as the raw view, which is in the state `raw` at the
    /// position `at`.
    #[inline]
    pub(super) fn agrees(&self, matcher: &Matcher<A>, raw: A::State, at: usize) -> bool {
        self.state == raw && self.begun(matcher).is_none_or(|begun| begun == at - matcher.begun(raw).value())
    }

    /// Returns whether this lane will find the same matches as `other` from here on.
    pub(super) fn equals(&self, matcher: &Matcher<A>, other: &Self) -> bool {
        self.state == other.state && self.begun(matcher) == other.begun(matcher)
    }

    /// Returns the length of the longest partial match.
    pub(super) fn length(&self, matcher: &Matcher<A>) -> usize {
        matcher.begun(self.state).value()
    }

    /// Returns the position at which the longest partial match begins, or `None` if there is none.
    pub(super) fn begun(&self, matcher: &Matcher<A>) -> Option<usize> {
        self.start(self.length(matcher))
    }

    /// Returns the position at which the longest partial match that reveals a value begins, or `None` if there is none.
    pub(super) fn telling(&self, matcher: &Matcher<A>) -> Option<usize> {
        self.start(matcher.telling(self.state).value())
    }

    fn start(&self, length: usize) -> Option<usize> {
        (length > 0).then(|| self.map.start(length))
    }
}
