//! The automaton of one expression.
//!
//! The `regex-automata` crate compiles an expression into a non-deterministic automaton, which is copied into a table
//! without empty transitions. A [`MachineState`] is the set of its states that are active. In most expressions one or
//! two states are active at a time, so that a deterministic automaton would not be much faster, but it would be very
//! large for expressions with counted repetitions.

use std::collections::HashMap;

use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::Hir;
use smallvec::SmallVec;

/// The maximum memory in bytes that compiling an expression may take.
const LARGEST: usize = 4 << 20;

/// The maximum number of states. The longest match has 8,192 bytes, each of which takes two states.
const MOST_STATES: usize = 20_000;

/// A set of states of a [`Machine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MachineState {
    /// The active states, sorted.
    active: SmallVec<[u32; 4]>,
    /// Whether a match ends here.
    accepts: bool,
}

impl MachineState {
    /// Returns whether a match ends here.
    #[inline]
    pub(super) const fn accepts(&self) -> bool {
        self.accepts
    }
}

/// An automaton that finds all ends of matches which begin at a given position.
#[derive(Debug)]
pub(super) struct Machine {
    /// For each state, its first edge. Its last edge is before the first one of the next state.
    first_edges: Vec<u32>,
    edges: Vec<Edge>,
    /// The sets of bytes that edges refer to.
    classes: Vec<ByteSet>,
    /// The sets of states that edges lead to. The first one is active at the beginning.
    targets: Vec<Target>,
}

/// A transition: if the next byte is in the class, the states of the target become active.
#[derive(Debug)]
struct Edge {
    class: u16,
    target: u32,
}

/// The states that become active together.
#[derive(Debug)]
struct Target {
    states: Box<[u32]>,
    accepts: bool,
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct ByteSet([u64; 4]);

impl ByteSet {
    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    #[inline]
    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & 1 << (byte & 63) != 0
    }
}

impl Machine {
    /// Compiles an expression without assertions. Returns `None` if it is too complex.
    pub(super) fn new(hir: &Hir) -> Option<Self> {
        let config = thompson::Config::new().utf8(false).which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new().configure(config.nfa_size_limit(Some(LARGEST))).build_from_hir(hir).ok()?;
        (nfa.states().len() <= MOST_STATES).then(|| Copied::of(&nfa))
    }

    /// Returns the state at the beginning.
    pub(super) fn start(&self) -> MachineState {
        let Target { states, accepts } = &self.targets[0];
        MachineState { active: SmallVec::from_slice(states), accepts: *accepts }
    }

    /// Returns the state after `state` and `byte`, or `None` if no continuation matches.
    #[inline]
    pub(super) fn next(&self, state: &MachineState, byte: u8) -> Option<MachineState> {
        let mut next = MachineState { active: SmallVec::new(), accepts: false };
        for state in &state.active {
            for edge in self.edges_of(*state) {
                if self.classes[usize::from(edge.class)].contains(byte) {
                    let Target { states, accepts } = &self.targets[edge.target as usize];
                    next.active.extend_from_slice(states);
                    next.accepts |= accepts;
                }
            }
        }
        if next.active.len() > 1 {
            next.active.sort_unstable();
            next.active.dedup();
        }
        (next.accepts || !next.active.is_empty()).then_some(next)
    }

    /// Returns whether the whole text matches.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let state = text.iter().try_fold(self.start(), |state, &byte| self.next(&state, byte));
        state.is_some_and(|state| state.accepts())
    }

    /// Returns for each byte whether a match may begin with it.
    pub(super) fn first_bytes(&self) -> Box<[bool; 256]> {
        let edges = self.targets[0].states.iter().flat_map(|state| self.edges_of(*state));
        self.bytes_of(edges)
    }

    /// Returns for each byte whether a match may end with it.
    pub(super) fn last_bytes(&self) -> Box<[bool; 256]> {
        self.bytes_of(self.edges.iter().filter(|edge| self.targets[edge.target as usize].accepts))
    }

    fn edges_of(&self, state: u32) -> &[Edge] {
        let state = state as usize;
        &self.edges[self.first_edges[state] as usize..self.first_edges[state + 1] as usize]
    }

    fn bytes_of<'e>(&self, edges: impl Iterator<Item = &'e Edge>) -> Box<[bool; 256]> {
        let mut bytes = Box::new([false; 256]);
        for edge in edges {
            for byte in 0..=u8::MAX {
                bytes[usize::from(byte)] |= self.classes[usize::from(edge.class)].contains(byte);
            }
        }
        bytes
    }
}

/// Copies an automaton, and numbers its states, classes and targets in the order in which they are reached.
struct Copied<'n> {
    nfa: &'n NFA,
    machine: Machine,
    /// The states that read a byte, by their new numbers.
    states: Vec<StateID>,
    numbers: HashMap<StateID, u32>,
    classes: HashMap<ByteSet, u16>,
    targets: HashMap<StateID, u32>,
}

impl<'n> Copied<'n> {
    fn of(nfa: &'n NFA) -> Machine {
        let machine = Machine { first_edges: Vec::new(), edges: Vec::new(), classes: Vec::new(), targets: Vec::new() };
        let (numbers, classes, targets) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut copied = Self { nfa, machine, states: Vec::new(), numbers, classes, targets };
        copied.target(nfa.start_anchored());
        let mut done = 0;
        while let Some(&state) = copied.states.get(done) {
            done += 1;
            copied.machine.first_edges.push(number(copied.machine.edges.len()));
            copied.add_edges(state);
        }
        copied.machine.first_edges.push(number(copied.machine.edges.len()));
        copied.machine
    }

    /// Adds the edges of a state, one for each state that they lead to.
    fn add_edges(&mut self, state: StateID) {
        let mut sets: Vec<(StateID, ByteSet)> = Vec::new();
        for byte in 0..=u8::MAX {
            let next = match self.nfa.state(state) {
                thompson::State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
                thompson::State::Sparse(sparse) => sparse.matches_byte(byte),
                thompson::State::Dense(dense) => dense.matches_byte(byte),
                _ => None,
            };
            let Some(next) = next else { continue };
            match sets.iter_mut().find(|(known, _)| *known == next) {
                Some((_, set)) => set.insert(byte),
                None => {
                    let mut set = ByteSet::default();
                    set.insert(byte);
                    sets.push((next, set));
                }
            }
        }
        for (next, set) in sets {
            let class = *self.classes.entry(set).or_insert_with(|| {
                self.machine.classes.push(set);
                u16::try_from(self.machine.classes.len() - 1).expect("the size of an automaton is limited")
            });
            let target = self.target(next);
            self.machine.edges.push(Edge { class, target });
        }
    }

    /// Returns the number of the target for the states that can be reached from `from` without reading a byte.
    fn target(&mut self, from: StateID) -> u32 {
        if let Some(known) = self.targets.get(&from) {
            return *known;
        }
        let (mut states, mut accepts) = (Vec::new(), false);
        let (mut open, mut seen) = (vec![from], vec![from]);
        while let Some(state) = open.pop() {
            let nexts: SmallVec<[StateID; 2]> = match self.nfa.state(state) {
                thompson::State::Union { alternates } => alternates.iter().copied().collect(),
                thompson::State::BinaryUnion { alt1, alt2 } => [*alt1, *alt2].into_iter().collect(),
                thompson::State::Capture { next, .. } | thompson::State::Look { next, .. } => {
                    [*next].into_iter().collect()
                }
                thompson::State::Match { .. } => {
                    accepts = true;
                    SmallVec::new()
                }
                thompson::State::Fail => SmallVec::new(),
                thompson::State::ByteRange { .. } | thompson::State::Sparse(_) | thompson::State::Dense(_) => {
                    states.push(self.number(state));
                    SmallVec::new()
                }
            };
            for next in nexts {
                if !seen.contains(&next) {
                    seen.push(next);
                    open.push(next);
                }
            }
        }
        states.sort_unstable();
        let target = number(self.machine.targets.len());
        self.machine.targets.push(Target { states: states.into(), accepts });
        self.targets.insert(from, target);
        target
    }

    fn number(&mut self, state: StateID) -> u32 {
        *self.numbers.entry(state).or_insert_with(|| {
            self.states.push(state);
            number(self.states.len() - 1)
        })
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("the size of an automaton is limited")
}

#[cfg(test)]
mod tests {
    use regex_syntax::ParserBuilder;

    use super::*;

    #[track_caller]
    fn check(expression: &str, text: &str, expected: &[usize]) {
        let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(expression).expect("it is valid");
        let machine = Machine::new(&hir).expect("it is small");
        let mut state = Some(machine.start());
        let mut ends = Vec::new();
        for (at, byte) in text.bytes().enumerate() {
            state = state.and_then(|state| machine.next(&state, byte));
            if state.as_ref().is_some_and(MachineState::accepts) {
                ends.push(at + 1);
            }
        }
        assert_eq!(ends, expected, "{expression} in {text}");
    }

    #[test]
    fn all_ends_of_matches_are_found() {
        check("ab", "abab", &[2]);
        check("a{2,4}", "aaaaaa", &[2, 3, 4]);
        check("a(b|bc)c?", "abcc", &[2, 3, 4]);
        check("a[b-d]{0,2}d", "abdd", &[3, 4]);
        check("(?:ab|a)b", "abb", &[2, 3]);
        check("a", "b", &[]);
    }

    #[test]
    fn a_long_counted_repetition_stays_small() {
        let expression = "sk-[A-Za-z0-9_-]{20,200}T3BlbkFJ[A-Za-z0-9_-]{20,200}";
        let text = format!("sk-{}T3BlbkFJ{}", "T3BlbkF".repeat(10), "a".repeat(25));
        let end = text.len();
        check(expression, &text, &(end - 5..=end).collect::<Vec<_>>());
    }
}
