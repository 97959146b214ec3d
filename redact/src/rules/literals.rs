//! Finds the literals that candidates begin with.

use std::collections::BTreeMap;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};

/// The automaton over the literals of all rules. It ignores the case of letters, because the automata of the rules
/// decide.
pub(super) struct Literals {
    automaton: DFA,
    start: StateID,
    /// The literals in lower case, sorted.
    sorted: Vec<Literal>,
    /// The maximum length of a literal.
    longest: usize,
}

/// A literal, and the rules whose matches may begin with it.
pub(super) struct Literal {
    pub(super) bytes: Vec<u8>,
    pub(super) rules: Vec<u16>,
}

impl Literals {
    /// Builds the automaton for the literals of each rule.
    pub(super) fn new(literals: &[Vec<Vec<u8>>]) -> Self {
        let mut rules: BTreeMap<&[u8], Vec<u16>> = BTreeMap::new();
        for (rule, literals) in (0..).zip(literals) {
            for literal in literals {
                rules.entry(literal).or_default().push(rule);
            }
        }
        let sorted: Vec<Literal> =
            rules.into_iter().map(|(bytes, rules)| Literal { bytes: bytes.to_vec(), rules }).collect();
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(sorted.iter().map(|literal| &literal.bytes))
            .expect("the number of states fits into 31 bits");
        let start = automaton.start_state(Anchored::No).expect("the automaton supports unanchored searches");
        let longest = sorted.iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
        Self { automaton, start, sorted, longest }
    }

    /// Returns the state at the beginning of a stream, which is also the state after a text that ends with no beginning
    /// of a literal.
    #[inline]
    pub(super) fn start(&self) -> StateID {
        self.start
    }

    /// Continues from `state` with the bytes of `text` from the index `from` on, up to the end of the next literal.
    /// Returns the state, and the index after the literal or the end of the text.
    #[inline]
    pub(super) fn next(&self, mut state: StateID, text: &[u8], from: usize) -> (StateID, usize) {
        for (at, &byte) in text.iter().enumerate().skip(from) {
            state = self.automaton.next_state(Anchored::No, state, byte);
            if self.automaton.is_special(state) {
                return (state, at + 1);
            }
        }
        (state, text.len())
    }

    /// Returns the literals that end in `state`.
    pub(super) fn ended(&self, state: StateID) -> impl Iterator<Item = &Literal> {
        let count = if self.automaton.is_match(state) { self.automaton.match_len(state) } else { 0 };
        (0..count).map(move |index| &self.sorted[self.automaton.match_pattern(state, index).as_usize()])
    }

    /// Returns the literals that begin with `text` and are longer.
    pub(super) fn begun<'l>(&'l self, text: &[u8]) -> impl Iterator<Item = &'l Literal> {
        let text = text.to_ascii_lowercase();
        let first = self.sorted.partition_point(|literal| literal.bytes <= text);
        self.sorted[first..].iter().take_while(move |literal| literal.bytes.starts_with(&text))
    }

    /// Returns the maximum length of a literal.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }
}
