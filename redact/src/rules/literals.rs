//! Finds the literals that candidates begin with.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};

use crate::decode::Ansi;

/// The automaton over the literals of all rules. It ignores the case of letters, because the automata of the rules
/// check it later.
pub(super) struct Literals {
    automaton: DFA,
    start: StateID,
    /// The set of the hashes of all grams (the first [`GRAM`] bytes of a literal), one bit for each possible hash.
    grams: Box<Grams>,
    /// The literals in lower case, sorted.
    sorted: Vec<Literal>,
    /// The maximum length of a literal.
    longest: usize,
    /// Whether a literal contains the ESC character.
    contain_escape: bool,
}

/// A bit set of hashes.
type Grams = [u64; 1 << 10];

/// The number of bytes in a gram, which is the beginning of a literal.
const GRAM: usize = 3;

/// A literal, and the rules whose matches may begin with it.
pub(super) struct Literal {
    pub(super) bytes: Vec<u8>,
    /// The rules whose matches do not begin with a name (see `names`).
    pub(super) rules: Vec<u16>,
    /// The rules whose matches begin with a name. The literal is the first word of this name.
    pub(super) named: Vec<u16>,
}

impl Literals {
    /// Builds the automaton for the literals of each rule.
    pub(super) fn new(literals: &[Vec<Vec<u8>>], begins_with_name: impl Fn(u16) -> bool) -> Self {
        let mut rules: BTreeMap<&[u8], Vec<u16>> = BTreeMap::new();
        for (rule, literals) in (0..).zip(literals) {
            for literal in literals {
                rules.entry(literal).or_default().push(rule);
            }
        }
        let literal = |(bytes, rules): (&[u8], Vec<u16>)| {
            let (named, rules) = rules.into_iter().partition(|rule| begins_with_name(*rule));
            Literal { bytes: bytes.to_vec(), rules, named }
        };
        let sorted: Vec<Literal> = rules.into_iter().map(literal).collect();
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(sorted.iter().map(|literal| &literal.bytes))
            .expect("the number of states fits into 31 bits");
        let start = automaton.start_state(Anchored::No).expect("the automaton supports unanchored searches");
        let longest = sorted.iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
        let contain_escape = sorted.iter().any(|literal| literal.bytes.contains(&Ansi::ESCAPE));
        Self { automaton, start, grams: grams(&sorted), sorted, longest, contain_escape }
    }

    /// Returns the state at the beginning of a stream. The automaton is also in this state whenever the text does not
    /// end with the beginning of a literal.
    #[inline]
    pub(super) fn start(&self) -> StateID {
        self.start
    }

    /// Reads the bytes of `text` from the index `from` on, beginning in `state`, and stops at the end of the next
    /// literal. Returns the new state, and the index at which it stopped: the one after the literal, or the end of the
    /// text if no literal ends.
    pub(super) fn next(&self, mut state: StateID, text: &[u8], from: usize) -> (StateID, usize) {
        let mut at = from;
        loop {
            if state == self.start {
                at += self.skip(&text[at..]);
            }
            let Some(&byte) = text.get(at) else { return (state, at) };
            state = self.automaton.next_state(Anchored::No, state, byte);
            at += 1;
            if self.automaton.is_special(state) {
                return (state, at);
            }
        }
    }

    /// Returns the first index at which a literal may begin. The end of the text may cut this literal off.
    #[inline]
    fn skip(&self, text: &[u8]) -> usize {
        text.windows(GRAM).position(|gram| self.begins(gram)).unwrap_or(text.len().saturating_sub(GRAM - 1))
    }

    /// Returns whether a literal may begin with `gram`, which has [`GRAM`] bytes.
    #[inline]
    fn begins(&self, gram: &[u8]) -> bool {
        let hash = hash([gram[0], gram[1], gram[2]]);
        self.grams[hash >> 6] >> (hash & 63) & 1 != 0
    }

    /// Returns whether a literal may begin at one of the indices of `range`. Near the end of the text, this is not
    /// known, so the result is `true`.
    #[inline]
    pub(super) fn may_begin_in(&self, text: &[u8], range: Range<usize>) -> bool {
        let last = range.end + GRAM - 1;
        !range.is_empty() && (last > text.len() || text[range.start..last].windows(GRAM).any(|gram| self.begins(gram)))
    }

    /// Returns whether `text` contains no literal and does not end with the beginning of one.
    pub(super) fn are_absent(&self, text: &[u8]) -> bool {
        self.next(self.start, text, 0).0 == self.start
    }

    /// Returns whether a literal contains the ESC character.
    pub(super) fn contain_escape(&self) -> bool {
        self.contain_escape
    }

    /// Returns whether a literal ends in `state`.
    #[inline]
    pub(super) fn ends_literal(&self, state: StateID) -> bool {
        self.automaton.is_match(state)
    }

    /// Returns the literals that end in `state`.
    pub(super) fn ended(&self, state: StateID) -> impl Iterator<Item = &Literal> {
        let count = if self.ends_literal(state) { self.automaton.match_len(state) } else { 0 };
        (0..count).map(move |index| &self.sorted[self.automaton.match_pattern(state, index).as_usize()])
    }

    /// Returns the literals that begin with `text` and are longer than it.
    pub(super) fn begun<'l>(&'l self, text: &[u8]) -> impl Iterator<Item = &'l Literal> {
        let text = text.to_ascii_lowercase();
        let first = self.sorted.partition_point(|literal| literal.bytes <= text);
        self.sorted[first..].iter().take_while(move |literal| literal.bytes.starts_with(&text))
    }

    /// Returns all literals.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Literal> {
        self.sorted.iter()
    }

    /// Returns the maximum length of a literal.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }
}

fn grams(literals: &[Literal]) -> Box<Grams> {
    let mut grams = Box::new([0; 1 << 10]);
    let mut add = |gram| {
        let hash = hash(gram);
        grams[hash >> 6] |= 1 << (hash & 63);
    };
    for literal in literals {
        match *literal.bytes {
            [first, second, third, ..] => add([first, second, third]),
            [first, second] => (0..=u8::MAX).for_each(|third| add([first, second, third])),
            _ => unreachable!("a literal has at least two bytes"),
        }
    }
    grams
}

/// Returns the hash of a gram, in 16 bits. It ignores the case of letters.
#[inline]
fn hash([first, second, third]: [u8; GRAM]) -> usize {
    let gram = u32::from_le_bytes([first, second, third, 0]) | 0x0020_2020;
    (gram.wrapping_mul(0x9e37_79b1) >> 16) as usize
}
