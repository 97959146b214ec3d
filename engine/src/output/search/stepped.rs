//! Matches long lines in pieces, so that a search can be stopped between two pieces.
//!
//! The `regex` crate cannot be stopped while it searches text, and some expressions take minutes for a long line.
//! [`SteppedRegex`] therefore runs the automata of the same expression piece by piece. It uses the lazy DFA or, for the
//! few texts that the DFA does not support, the NFA. Both need a fixed amount of memory, regardless of the text.

use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::nfa::thompson::{self, NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::PatternCase;

/// The number of bytes after which a search checks whether it has been stopped. If the search uses the NFA, this is the
/// number of visited states instead. Shorter texts are searched without such checks.
pub(super) const PIECE: usize = 64 << 10;

/// The size of the lazy DFA's cache, in bytes. This is the default of the `regex` crate.
const CACHE: usize = 2 << 20;

/// An expression that is matched piece by piece.
#[derive(Clone, Debug)]
pub(super) struct SteppedRegex {
    nfa: NFA,
    /// The DFA, or `None` if no DFA can be built for the expression.
    dfa: Option<DFA>,
}

/// The reason why text was not searched to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsearched {
    /// The search was stopped.
    Stopped,
    /// The text contains characters that the DFA does not support, or the DFA would be slower than the NFA.
    Unsupported,
}

impl SteppedRegex {
    /// Compiles an expression that the `regex` crate has compiled before.
    pub(super) fn new(expression: &str, case: PatternCase) -> Self {
        let syntax = syntax::Config::new().utf8(false).case_insensitive(case == PatternCase::Ignored);
        let config = thompson::Config::new().utf8(false).which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new().syntax(syntax).configure(config).build(expression);
        let nfa = nfa.expect("the crate `regex` has compiled the expression");
        // The last two settings have the values that the `regex` crate uses.
        let config = dfa::Config::new()
            .unicode_word_boundary(true)
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(3))
            .minimum_bytes_per_state(Some(10));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa.clone()).ok();
        Self { nfa, dfa }
    }

    /// Returns whether `text` contains a match, or `None` if `is_stopped` returned true before the answer was known.
    pub(super) fn is_match(&self, text: &[u8], is_stopped: &dyn Fn() -> bool) -> Option<bool> {
        let by_dfa = self.dfa.as_ref().map_or(Err(Unsearched::Unsupported), |dfa| dfa_matches(dfa, text, is_stopped));
        match by_dfa {
            Err(Unsearched::Unsupported) => nfa_matches(&self.nfa, text, is_stopped).ok(),
            result => result.ok(),
        }
    }
}

fn dfa_matches(dfa: &DFA, text: &[u8], is_stopped: &dyn Fn() -> bool) -> Result<bool, Unsearched> {
    let unsupported = |_| Unsearched::Unsupported;
    let mut cache = dfa.create_cache();
    let start = dfa.start_state_forward(&mut cache, &Input::new(text).anchored(Anchored::No));
    let mut state = start.map_err(|_| Unsearched::Unsupported)?;
    // The cache compares its own growth with the progress reported here, and gives up if the DFA would be slower than
    // the NFA.
    cache.search_start(0);
    for (number, piece) in text.chunks(PIECE).enumerate() {
        if is_stopped() {
            return Err(Unsearched::Stopped);
        }
        cache.search_update(number * PIECE);
        for byte in piece {
            state = dfa.next_state(&mut cache, state, *byte).map_err(unsupported)?;
            if state.is_match() || state.is_dead() {
                return Ok(state.is_match());
            }
            if state.is_quit() {
                return Err(Unsearched::Unsupported);
            }
        }
    }
    // The DFA reports a match one byte late, so a match at the end of the text is reported only by this call.
    Ok(dfa.next_eoi_state(&mut cache, state).map_err(unsupported)?.is_match())
}

fn nfa_matches(nfa: &NFA, text: &[u8], is_stopped: &dyn Fn() -> bool) -> Result<bool, Unsearched> {
    let (mut now, mut next) = (StateSet::new(nfa), StateSet::new(nfa));
    let mut work = PIECE;
    for at in 0..=text.len() {
        if work >= PIECE {
            work = 0;
            if is_stopped() {
                return Err(Unsearched::Stopped);
            }
        }
        // A match can begin at any position, so add the start state at each of them.
        if now.add(nfa.start_anchored(), text, at) {
            return Ok(true);
        }
        let Some(byte) = text.get(at) else { break };
        work += now.members.len();
        for state in &now.members {
            let follows = match nfa.state(*state) {
                State::ByteRange { trans } => trans.matches_byte(*byte).then_some(trans.next),
                State::Sparse(transitions) => transitions.matches_byte(*byte),
                State::Dense(transitions) => transitions.matches_byte(*byte),
                _ => None,
            };
            if follows.is_some_and(|state| next.add(state, text, at + 1)) {
                return Ok(true);
            }
        }
        std::mem::swap(&mut now, &mut next);
        next.clear();
    }
    Ok(false)
}

/// The states of an NFA that are reached at one position of the text.
struct StateSet<'a> {
    nfa: &'a NFA,
    members: Vec<StateID>,
    /// Whether each state of the NFA is a member.
    is_member: Vec<bool>,
    /// The states that are still to be added.
    rest: Vec<StateID>,
}

impl<'a> StateSet<'a> {
    fn new(nfa: &'a NFA) -> Self {
        Self { nfa, members: Vec::new(), is_member: vec![false; nfa.states().len()], rest: Vec::new() }
    }

    /// Adds a state, and all states that can be reached from it without reading a byte. Returns whether a match has
    /// been reached.
    fn add(&mut self, state: StateID, text: &[u8], at: usize) -> bool {
        self.rest.clear();
        self.rest.push(state);
        while let Some(state) = self.rest.pop() {
            if std::mem::replace(&mut self.is_member[state], true) {
                continue;
            }
            self.members.push(state);
            match self.nfa.state(state) {
                State::Match { .. } => return true,
                State::Look { look, next } if self.nfa.look_matcher().matches(*look, text, at) => self.rest.push(*next),
                State::Union { alternates } => self.rest.extend(alternates.iter().copied()),
                State::BinaryUnion { alt1, alt2 } => self.rest.extend([*alt1, *alt2]),
                State::Capture { next, .. } => self.rest.push(*next),
                _ => {}
            }
        }
        false
    }

    fn clear(&mut self) {
        for state in self.members.drain(..) {
            self.is_member[state] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use fastrand::Rng;
    use regex::bytes::RegexBuilder;

    use super::*;

    /// Runs a search that is stopped at the check with this number. Returns the result and the number of checks.
    fn stopped_at<T>(check: u32, search: impl FnOnce(&dyn Fn() -> bool) -> T) -> (T, u32) {
        let checks = Cell::new(0);
        let result = search(&|| {
            checks.set(checks.get() + 1);
            checks.get() == check
        });
        (result, checks.get())
    }

    #[test]
    fn both_automata_find_what_the_crate_regex_finds() {
        const PARTS: [&str; 24] = [
            "a",
            "b",
            "ab",
            ".",
            "\\b",
            "\\B",
            "^",
            "$",
            "(?:a|bc)*",
            "[^a]",
            "\\w+",
            "\\s",
            "(?-u:\\xff)",
            "a{2,3}",
            "\u{e9}",
            "(?i)B",
            "|",
            "\\pL",
            "a*?",
            "(?-u:\\b)",
            "b+$",
            "^a",
            "\\d?",
            "(?s:.)",
        ];
        const TEXTS: [&[u8]; 10] =
            [b"a", b"b", b"c", b" ", b"A", b"\xff", "\u{e9}".as_bytes(), b"1", "\u{c9}".as_bytes(), b"\xc3"];
        let seed = fastrand::u64(..);
        let mut random = Rng::with_seed(seed);
        let (mut matches, mut unsupported) = (0, 0);
        for _ in 0..500 {
            let expression: String = (0..random.usize(1..6)).map(|_| PARTS[random.usize(..PARTS.len())]).collect();
            let case = if random.bool() { PatternCase::Ignored } else { PatternCase::Sensitive };
            let regex = RegexBuilder::new(&expression).case_insensitive(case == PatternCase::Ignored).build();
            let Ok(regex) = regex else { continue };
            let stepped = SteppedRegex::new(&expression, case);
            for _ in 0..10 {
                let text: Vec<u8> =
                    (0..random.usize(..8)).flat_map(|_| TEXTS[random.usize(..TEXTS.len())].to_vec()).collect();
                let expected = regex.is_match(&text);
                let case = format!("seed {seed}: {expression:?} in {text:?}");
                assert_eq!(stepped.is_match(&text, &|| false), Some(expected), "{case}");
                assert_eq!(nfa_matches(&stepped.nfa, &text, &|| false), Ok(expected), "{case}");
                let by_dfa = dfa_matches(stepped.dfa.as_ref().expect("it can be built"), &text, &|| false);
                unsupported += u32::from(by_dfa == Err(Unsearched::Unsupported));
                assert!(by_dfa == Ok(expected) || by_dfa == Err(Unsearched::Unsupported), "{case}: {by_dfa:?}");
                matches += u32::from(expected);
            }
        }
        assert!(matches > 200 && unsupported > 0, "{matches} matches, {unsupported} texts for the NFA only");
    }

    #[test]
    fn a_search_is_stopped_within_a_line() {
        let stepped = SteppedRegex::new("(?:x\\w){9}y|z$", PatternCase::Sensitive);
        let text = vec![b'x'; 10 * PIECE];
        let dfa = stepped.dfa.as_ref().expect("it can be built");
        assert_eq!(stopped_at(0, |stop| dfa_matches(dfa, &text, stop)), (Ok(false), 10), "one check for each piece");
        assert_eq!(stopped_at(4, |stop| dfa_matches(dfa, &text, stop)), (Err(Unsearched::Stopped), 4));
        let (result, checks) = stopped_at(0, |stop| nfa_matches(&stepped.nfa, &text, stop));
        assert!(result == Ok(false) && checks > 10, "the more states are visited, the more checks: {checks}");
        assert_eq!(stopped_at(4, |stop| nfa_matches(&stepped.nfa, &text, stop)), (Err(Unsearched::Stopped), 4));
        assert_eq!(stopped_at(4, |stop| stepped.is_match(&text, stop)), (None, 4));
    }

    #[test]
    fn an_expression_that_needs_too_many_states_of_the_dfa_is_searched_by_the_nfa() {
        let stepped = SteppedRegex::new("(?:a|b)*a(?:a|b){60}c", PatternCase::Sensitive);
        let mut random = Rng::with_seed(7);
        let mut text: Vec<u8> = (0..2 * PIECE).map(|_| random.choice(*b"ab").expect("there are two")).collect();
        let dfa = stepped.dfa.as_ref().expect("it can be built");
        assert_eq!(dfa_matches(dfa, &text, &|| false), Err(Unsearched::Unsupported));
        assert_eq!(stepped.is_match(&text, &|| false), Some(false));
        text.extend([[b'a'; 61].as_slice(), b"c"].concat());
        assert_eq!(stepped.is_match(&text, &|| false), Some(true));
    }
}
