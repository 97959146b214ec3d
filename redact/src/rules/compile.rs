//! Checks and compiles an expression.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, HirKind};

use super::general::GeneralRule;
use super::machine::Machine;
use super::rewrite::{lower_case, with_merged_repetitions};
use super::shape::{Accepts, Boundary, Scope, Shape, Split};
use super::{Rule, RuleError};

/// The maximum number of bytes in an id.
pub(super) const LONGEST_ID: usize = 48;

/// The maximum number of bytes in a match of a rule. A candidate that holds back more, which only a general rule can
/// do, is given up.
pub(super) const LONGEST_MATCH: usize = 8 << 10;

/// The minimum number of bytes in a literal that an expression begins with. Shorter ones occur everywhere.
pub(super) const SHORTEST_LITERAL: usize = 2;

/// The maximum number of different bytes at one position of a literal. A class of more bytes ends the literal.
const LARGEST_CLASS: usize = 8;

/// The name of the group that limits what is masked.
const SECRET: &str = "secret";

/// The name of the group of general rules that marks where the variable part begins. The whole match is masked.
const VARIABLE: &str = "variable";

/// A compiled rule, and the literals that a match begins with, in lower case.
pub(super) struct Compiled {
    pub(super) shape: Shape,
    pub(super) literals: Vec<Vec<u8>>,
}

/// Compiles a rule whose matches are bounded.
pub(super) fn bounded(rule: &Rule) -> Result<Compiled, RuleError> {
    let id = || rule.id.clone();
    let hir = parse(&rule.id, &rule.expression)?;
    match hir.properties().maximum_len() {
        None => Err(RuleError::Unbounded { id: id() }),
        Some(length) if length > LONGEST_MATCH => Err(RuleError::TooLong { id: id(), length }),
        Some(longest) => {
            let matching = Matching { boundary: Boundary::Token, longest, certain: None, accepts: None };
            compile(&rule.id, &hir, matching)
        }
    }
}

/// Compiles a general rule, whose matches may be unbounded.
pub(super) fn general(general: &GeneralRule) -> Result<Compiled, RuleError> {
    let id = general.rule.id;
    let hir = parse(id, general.rule.expression)?;
    let GeneralRule { boundary, certain, accepts, .. } = *general;
    compile(id, &hir, Matching { boundary, longest: LONGEST_MATCH, certain, accepts })
}

/// How the matches of an expression are found and used.
#[derive(Clone, Copy)]
struct Matching {
    boundary: Boundary,
    longest: usize,
    certain: Option<usize>,
    accepts: Option<Accepts>,
}

fn parse(id: &str, expression: &str) -> Result<Hir, RuleError> {
    let is_valid = id.len() <= LONGEST_ID
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let id = id.to_owned();
    if !is_valid {
        return Err(RuleError::Id { id });
    }
    let parsed = ParserBuilder::new().unicode(false).utf8(false).build().parse(expression);
    let hir = match parsed {
        Ok(hir) => hir,
        Err(error) => return Err(RuleError::Syntax { id, reason: error.to_string() }),
    };
    if !hir.properties().look_set().is_empty() {
        return Err(RuleError::Assertion { id });
    }
    if hir.properties().minimum_len().is_none_or(|length| length == 0) {
        return Err(RuleError::Empty { id });
    }
    Ok(with_merged_repetitions(&hir))
}

fn compile(id: &str, hir: &Hir, matching: Matching) -> Result<Compiled, RuleError> {
    let too_complex = || RuleError::TooComplex { id: id.to_owned() };
    let literals = literals(hir).ok_or_else(|| RuleError::Literal { id: id.to_owned() })?;
    let machine = Machine::new(hir).ok_or_else(too_complex)?;
    let parts = parts(hir);
    if parts.is_none() && contains_group(hir, SECRET) {
        return Err(RuleError::Nested { id: id.to_owned() });
    }
    let shortest = parts.as_ref().map_or(hir, |parts| parts.variable).properties().minimum_len().unwrap_or(0);
    if shortest == 0 {
        return Err(RuleError::Empty { id: id.to_owned() });
    }
    let split = parts.map(|parts| parts.compile().ok_or_else(too_complex)).transpose()?;
    let last_bytes = machine.last_bytes();
    let Matching { boundary, longest, certain, accepts } = matching;
    let shape = Shape { machine, split, shortest, longest, last_bytes, boundary, certain, accepts };
    Ok(Compiled { shape, literals })
}

/// The parts of an expression with a group that is the variable part.
struct Parts<'h> {
    before: &'h [Hir],
    variable: &'h Hir,
    after: &'h [Hir],
    scope: Scope,
}

/// Finds the group that is the variable part, if it is not nested in another expression.
fn parts(hir: &Hir) -> Option<Parts<'_>> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let scope = |part: &Hir| match part.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some(SECRET) => Some(Scope::Variable),
        HirKind::Capture(capture) if capture.name.as_deref() == Some(VARIABLE) => Some(Scope::Whole),
        _ => None,
    };
    let (at, scope) = parts.iter().enumerate().find_map(|(at, part)| Some((at, scope(part)?)))?;
    Some(Parts { before: &parts[..at], variable: &parts[at], after: &parts[at + 1..], scope })
}

impl Parts<'_> {
    /// Compiles the parts. Returns `None` if one of them is too complex.
    fn compile(self) -> Option<Split> {
        let variable = Machine::new(self.variable)?;
        let after = match self.after {
            [] => None,
            parts => Some(Machine::new(&Hir::concat(parts.to_vec()))?),
        };
        Some(Split {
            before: Machine::new(&Hir::concat(self.before.to_vec()))?,
            first_bytes: variable.first_bytes(),
            variable,
            after,
            scope: self.scope,
        })
    }
}

fn contains_group(hir: &Hir, name: &str) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => contains_group(&repetition.sub, name),
        HirKind::Capture(capture) => capture.name.as_deref() == Some(name) || contains_group(&capture.sub, name),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(|part| contains_group(part, name)),
    }
}

/// Returns the literals that a match begins with, in lower case, or `None` if they are too many or too short.
fn literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let found = Extractor::new().kind(ExtractKind::Prefix).limit_class(LARGEST_CLASS).extract(&lower_case(hir));
    let mut literals: Vec<Vec<u8>> = found.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    literals.sort_unstable();
    // A literal that begins with another one is found by it.
    literals.dedup_by(|longer, kept| longer.starts_with(kept));
    let are_long = literals.iter().all(|literal| literal.len() >= SHORTEST_LITERAL);
    (are_long && !literals.is_empty()).then_some(literals)
}
