//! The automaton of one expression.
//!
//! The `regex-automata` crate builds the automaton, which is then copied into a small table. The table has two
//! advantages: a match is known after its last byte rather than one byte later, and a single state stands for all texts
//! that cannot lead to a match. Matching uses only this table.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;

/// The maximum memory in bytes that compiling an expression may take.
const LARGEST: usize = 4 << 20;

/// A state of a [`Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MachineState(u32);

impl MachineState {
    /// The state from which no match can be reached.
    const DEAD: Self = Self(0);
    /// The state at the beginning.
    pub(super) const START: Self = Self(1);
}

/// A deterministic automaton that finds the ends of all matches that begin at a given position.
#[derive(Debug)]
pub(super) struct Machine {
    /// The class of each byte. Bytes of the same class have the same transitions.
    classes: Box<[u8; 256]>,
    /// The number of classes.
    width: usize,
    /// The next state for each state and class.
    next: Vec<u32>,
    /// Whether a match ends in a state.
    accepts: Vec<bool>,
}

impl Machine {
    /// Compiles an expression without assertions. Returns `None` if it is too complex.
    pub(super) fn new(hir: &Hir) -> Option<Self> {
        let config =
            thompson::Config::new().utf8(false).which_captures(WhichCaptures::None).nfa_size_limit(Some(LARGEST));
        let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir).ok()?;
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .accelerate(false)
            .dfa_size_limit(Some(LARGEST))
            .determinize_size_limit(Some(LARGEST));
        let dfa = dense::Builder::new().configure(config).build_from_nfa(&nfa).ok()?;
        Some(Self::copy(&dfa))
    }

    /// Returns the state after `state` and `byte`, or `None` if no continuation matches.
    #[inline]
    pub(super) fn next(&self, state: MachineState, byte: u8) -> Option<MachineState> {
        let class = usize::from(self.classes[usize::from(byte)]);
        let next = MachineState(self.next[state.0 as usize * self.width + class]);
        (next != MachineState::DEAD).then_some(next)
    }

    /// Returns whether a match ends in `state`.
    #[inline]
    pub(super) fn accepts(&self, state: MachineState) -> bool {
        self.accepts[state.0 as usize]
    }

    /// Returns whether the whole text matches.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let state = text.iter().try_fold(MachineState::START, |state, &byte| self.next(state, byte));
        state.is_some_and(|state| self.accepts(state))
    }

    /// Returns for each byte whether a match may begin with it.
    pub(super) fn first_bytes(&self) -> Box<[bool; 256]> {
        let begins = |class: u8| self.next[self.width + usize::from(class)] != MachineState::DEAD.0;
        Box::new(self.classes.map(begins))
    }

    /// Returns for each byte whether a match may end with it.
    pub(super) fn last_bytes(&self) -> Box<[bool; 256]> {
        let ends = |class: u8| {
            self.next.iter().skip(usize::from(class)).step_by(self.width).any(|&next| self.accepts[next as usize])
        };
        Box::new(self.classes.map(ends))
    }

    fn copy(dfa: &dense::DFA<Vec<u32>>) -> Self {
        let representatives: Vec<u8> = dfa
            .byte_classes()
            .representatives(0..=255)
            .filter_map(regex_automata::util::alphabet::Unit::as_u8)
            .collect();
        let mut classes = Box::new([0; 256]);
        for byte in 0..=u8::MAX {
            classes[usize::from(byte)] = dfa.byte_classes().get(byte);
        }
        let start = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).expect("there are no assertions");
        let mut table =
            Self { classes, width: representatives.len(), next: vec![0; representatives.len()], accepts: vec![false] };
        let mut numbers: HashMap<StateID, u32> = HashMap::from([(start, MachineState::START.0)]);
        let mut states = vec![start];
        let mut done = 0;
        while let Some(&state) = states.get(done) {
            done += 1;
            table.accepts.push(dfa.is_match_state(dfa.next_eoi_state(state)));
            for &byte in &representatives {
                let next = dfa.next_state(state, byte);
                // The crate's automaton reports a match one byte late. After the last byte of a match that cannot
                // continue, it is therefore not in its own dead state yet.
                if !is_alive(dfa, next, &representatives) {
                    table.next.push(MachineState::DEAD.0);
                    continue;
                }
                let number = *numbers.entry(next).or_insert_with(|| {
                    states.push(next);
                    u32::try_from(states.len()).expect("the size of an automaton is limited")
                });
                table.next.push(number);
            }
        }
        table
    }
}

fn is_alive(dfa: &dense::DFA<Vec<u32>>, state: StateID, representatives: &[u8]) -> bool {
    !dfa.is_dead_state(state)
        && (dfa.is_match_state(dfa.next_eoi_state(state))
            || representatives.iter().any(|&byte| !dfa.is_dead_state(dfa.next_state(state, byte))))
}
