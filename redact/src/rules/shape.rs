//! The compiled form of one rule.

use std::ops::{Range, RangeInclusive};
use std::sync::OnceLock;

use regex_syntax::hir::Hir;

use super::automata::Automata;
use super::boundary::is_within_mask;
use super::names::{AfterName, StatesAfterName};
use crate::masks::MASK_BEGIN;

/// A function that decides whether a match contains a secret. Its second argument is the text that would be masked, and
/// its first argument is the part of the match before that text.
pub(super) type Accepts = fn(&[u8], &[u8]) -> bool;

/// Where a match may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boundary {
    /// At the beginning of a token: not directly after a letter, a digit or an underscore.
    Token,
    /// At the beginning of a word within a name: in addition to the beginning of a token, after an underscore, or at a
    /// capital letter after a lower-case letter or a digit.
    Word,
    /// Anywhere within a name, even after a letter or a digit, as in `PGPASSWORD`.
    Name,
    /// At the beginning of a word within the name of a command-line option, such as `--db-password`.
    Option,
    /// At the beginning of an argument: after white space or a quotation mark.
    Argument,
    /// Anywhere.
    None,
}

/// What a match begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// A literal.
    Literal,
    /// A name whose first word is the literal. The name decides whether the match contains a secret. The part of the
    /// expression after the name must not begin with a byte that a name may contain.
    Name,
}

/// How much of a match is masked. The variable part is the group `secret` or `variable` of the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The variable part.
    Variable,
    /// The whole match.
    Whole,
}

/// The compiled form of one rule.
#[derive(Debug)]
pub(super) struct Shape {
    expression: Hir,
    /// The automata of the expression, which are compiled when they are first needed. Compiling those of all built-in
    /// rules would take half a second.
    automata: OnceLock<Automata>,
    /// The states of the automata after a name, if the expression begins with one.
    after_name: OnceLock<StatesAfterName>,
    /// How much of a match is masked. `None` if no group is the variable part: the whole match is then the variable
    /// part, and is masked.
    pub(super) scope: Option<Scope>,
    /// The minimum length of the variable part.
    pub(super) shortest: usize,
    /// The maximum length of a match, and therefore the maximum number of bytes that a candidate holds back.
    pub(super) longest: usize,
    pub(super) matching: Matching,
}

/// How the matches of an expression are found and used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matching {
    pub(super) boundary: Boundary,
    pub(super) beginning: Beginning,
    /// The length in bytes from which on a match is masked immediately, whatever follows. `None` if a match is masked
    /// only when its end is known, as for bounded rules.
    pub(super) certain: Option<usize>,
    /// Decides whether a match contains a secret. `None` means that every match does.
    pub(super) accepts: Option<Accepts>,
}

impl Shape {
    /// Creates a shape for an expression. Its automata are compiled when they are first needed.
    pub(super) fn new(
        expression: Hir,
        lengths: RangeInclusive<usize>,
        scope: Option<Scope>,
        matching: Matching,
    ) -> Self {
        let (shortest, longest) = lengths.into_inner();
        let (automata, after_name) = (OnceLock::new(), OnceLock::new());
        Self { expression, automata, after_name, scope, shortest, longest, matching }
    }

    /// Returns the states of the automata after a name and the next byte `byte`, or `None` if no match continues with
    /// `byte`. The expression must begin with a name.
    pub(super) fn after_name(&self, byte: u8) -> Option<AfterName> {
        self.after_name.get_or_init(|| StatesAfterName::new(self.automata())).get(byte)
    }

    /// Returns the automata of the expression.
    pub(super) fn automata(&self) -> &Automata {
        self.automata.get_or_init(|| {
            Automata::new(&self.expression)
                .expect("the expression of every rule was compiled by `Rules::new` or a test")
        })
    }

    /// Compiles the automata of the expression, and returns whether they are small enough.
    pub(super) fn compile(&self) -> bool {
        Automata::new(&self.expression).is_some_and(|automata| self.automata.set(automata).is_ok())
    }

    /// Returns the range of the secret in the text of a match, or `None` if it contains none.
    pub(super) fn secret(&self, text: &[u8]) -> Option<Range<usize>> {
        let range = match &self.automata().split {
            Some(split) if self.scope == Some(Scope::Variable) => split.find(text)?,
            _ => 0..text.len(),
        };
        self.accepts_secret(&text[..range.end], range.start).then_some(range)
    }

    /// Returns whether the bytes of `text` from the index `from` on are a secret. Text that is already masked is not a
    /// secret.
    pub(super) fn accepts_secret(&self, text: &[u8], from: usize) -> bool {
        let (before, secret) = text.split_at(from);
        let is_masked =
            secret.contains(&MASK_BEGIN[0]) && secret.windows(MASK_BEGIN.len()).any(|window| window == MASK_BEGIN);
        !is_masked && !is_within_mask(before) && self.matching.accepts.is_none_or(|accepts| accepts(before, secret))
    }

    /// Returns whether the whole match is masked, rather than only its variable part.
    pub(super) fn masks_whole(&self) -> bool {
        self.scope != Some(Scope::Variable)
    }
}

/// Returns whether `byte` is a letter, a digit or an underscore.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
