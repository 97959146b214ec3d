//! Names that begin with a secret-like word, such as `token_for_ci` in `token_for_ci=1234`.
//!
//! The expressions of all rules for assignments begin with such a name. If the automaton of each rule read every name,
//! texts with many names would be slow to search, although most names are not followed by a value. Therefore, one
//! [`NameCandidate`] replaces the candidates of all these rules up to the end of the name. Each rule whose match may
//! continue with the byte after the name then gets a candidate of its own, which begins in the state after that byte.

use super::RuleIndex;
use super::automata::Automata;
use super::boundary::is_hump;
use super::machine::{Machine, MachineState};
use crate::matcher::View;
use crate::name::{Secrecy, ends_with_owner, secrecy};

/// The maximum length of a name after its secret-like word.
const LONGEST_REST: usize = 64;

/// The word with which the states after a name are computed. Any secret-like word would do, because the states do not
/// depend on it.
const WORD: &[u8] = b"secret";

/// A name that has begun with a secret-like word, and that may continue.
#[derive(Clone, Debug)]
pub(super) struct NameCandidate {
    pub(super) start: usize,
    /// The length of the secret-like word.
    pub(super) word: usize,
    /// The position up to which the text was examined.
    at: usize,
    /// The rules whose matches may begin with the name.
    pub(super) rules: NamedRules,
    beginning: NameBeginning,
}

/// What comes directly before the secret-like word of a [`NameCandidate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameBeginning {
    /// Letters or digits of the same word, as in `PGPASSWORD`.
    Within,
    /// Nothing that belongs to the name, so the name begins with the word.
    Name,
    /// Another word of the name, as in `DB_PASS`.
    Word,
    /// A word that says what a secret key is for, as in `STRIPE_KEY`.
    Owner,
}

impl NameBeginning {
    /// Returns what comes before a word, given the text up to there and the first byte of the word.
    pub(super) fn after(before: &[u8], first: u8) -> Self {
        match before.last() {
            Some(&last) if matches!(last, b'_' | b'-') || is_hump(last, first) => {
                if ends_with_owner(before) {
                    Self::Owner
                } else {
                    Self::Word
                }
            }
            Some(last) if last.is_ascii_alphanumeric() => Self::Within,
            _ => Self::Name,
        }
    }

    /// Returns whether a name with this beginning and the secret-like word `word`, which is in lower case, may indicate
    /// a secret.
    pub(super) fn allows(self, word: &[u8]) -> bool {
        match word {
            b"key" => self == Self::Owner,
            b"pwd" | b"auth" => self != Self::Within,
            _ => true,
        }
    }

    /// Returns whether a name with this beginning and the short word `word`, such as `pass` or `key`, indicates a
    /// secret.
    fn allows_short(self, word: &[u8]) -> bool {
        match self {
            Self::Within => false,
            Self::Name => word.eq_ignore_ascii_case(b"pass"),
            Self::Word => !word.eq_ignore_ascii_case(b"key"),
            Self::Owner => true,
        }
    }
}

/// A few rules that begin with a name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NamedRules {
    rules: [RuleIndex; Self::MOST],
    len: usize,
}

impl NamedRules {
    /// The maximum number of rules that begin with a name.
    pub(super) const MOST: usize = 16;

    /// Adds a rule. A test checks that [`Self::MOST`] is enough for all rules that begin with a name.
    pub(super) fn push(&mut self, rule: RuleIndex) {
        self.rules[self.len] = rule;
        self.len += 1;
    }

    pub(super) fn as_slice(&self) -> &[RuleIndex] {
        &self.rules[..self.len]
    }
}

/// The result of examining a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The name may continue after the available text.
    Open,
    /// The name is too long, or does not indicate a secret.
    Harmless,
    /// The name indicates a secret, and this byte follows it.
    Secret(u8),
}

impl NameCandidate {
    /// Creates a candidate for a name whose secret-like word begins at the position `start` and has `word` bytes.
    /// `rules` are the rules whose matches may begin with the name, and `beginning` is what comes before the word.
    pub(super) fn new(start: usize, word: usize, rules: NamedRules, beginning: NameBeginning) -> Self {
        Self { start, word, at: start + word, rules, beginning }
    }

    /// Examines the rest of the available text.
    pub(super) fn run(&mut self, view: View) -> Name {
        let longest = self.start + self.word + LONGEST_REST;
        while let Some(byte) = view.get(self.at) {
            if !is_name(byte) {
                let name = view.bytes(self.start..self.at);
                return match secrecy(name) {
                    Secrecy::Password | Secrecy::Token => Name::Secret(byte),
                    Secrecy::Short if self.beginning.allows_short(name) => Name::Secret(byte),
                    Secrecy::Short | Secrecy::None => Name::Harmless,
                };
            }
            if self.at == longest {
                return Name::Harmless;
            }
            self.at += 1;
        }
        Name::Open
    }

    /// Returns the end of the name, or the position up to which it was examined if it is still open.
    pub(super) fn end(&self) -> usize {
        self.at
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The states of the automata of a rule after a name and one more byte.
#[derive(Debug)]
pub(super) struct StatesAfterName(Box<[Option<AfterName>; 256]>);

/// The state of a rule's automaton after a name and the next byte. If the rule has an automaton for the part before its
/// variable part, `before` is the state of that automaton.
#[derive(Clone, Copy, Debug)]
pub(super) struct AfterName {
    pub(super) state: MachineState,
    pub(super) before: Option<MachineState>,
}

impl StatesAfterName {
    /// Runs the automata of an expression that begins with a name, and stores their states.
    pub(super) fn new(automata: &Automata) -> Self {
        let states = |byte: usize| {
            let byte = u8::try_from(byte).expect("it is an index of an array with 256 elements");
            Some(AfterName {
                state: after(&automata.machine, WORD, byte)?,
                before: automata.split.as_ref().and_then(|split| after(&split.before, WORD, byte)),
            })
        };
        Self(Box::new(std::array::from_fn(states)))
    }

    /// Returns the states after a name and `byte`, or `None` if no match continues with `byte`.
    #[inline]
    pub(super) fn get(&self, byte: u8) -> Option<AfterName> {
        self.0[usize::from(byte)]
    }
}

/// Returns the state after a name and `byte`.
fn after(machine: &Machine, name: &[u8], byte: u8) -> Option<MachineState> {
    let after_name = name.iter().try_fold(MachineState::START, |state, &byte| machine.next(state, byte))?;
    machine.next(after_name, byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;

    #[test]
    fn the_states_after_a_name_do_not_depend_on_the_name() {
        let rules = Rules::built_in();
        let literals: Vec<_> = rules.set.literals.iter().filter(|literal| !literal.named.is_empty()).collect();
        assert!(literals.iter().any(|literal| literal.bytes == WORD) && literals.len() > 10);
        for literal in literals {
            assert!(literal.named.len() <= NamedRules::MOST);
            let long = [literal.bytes.as_slice(), &[b'x'; LONGEST_REST]].concat();
            for &rule in &literal.named {
                let automata = rules.set.shape(RuleIndex(rule)).automata();
                for byte in (0..=u8::MAX).filter(|byte| !is_name(*byte)) {
                    let expected = after(&automata.machine, WORD, byte);
                    let states = [&literal.bytes, &long].map(|name| after(&automata.machine, name, byte));
                    assert_eq!(states, [expected; 2], "{:?} and {byte}", literal.bytes.escape_ascii().to_string());
                }
                assert!(
                    long.iter()
                        .chain([&b'x'])
                        .try_fold(MachineState::START, |state, &byte| automata.machine.next(state, byte))
                        .is_none()
                );
            }
        }
    }
}
