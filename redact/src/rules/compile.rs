//! Checks and compiles an expression.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;
use regex_syntax::hir::literal::{ExtractKind, Extractor};

use super::automata::{Parts, contains_secret};
use super::general::GeneralRule;
use super::rewrite::{lower_case, with_merged_repetitions};
use super::shape::{Beginning, Boundary, Matching, Shape};
use super::{Rule, RuleError};

/// The maximum number of bytes in an id.
pub(super) const LONGEST_ID: usize = 48;

/// The maximum number of bytes in a match of a rule. A match of a general rule may be longer, but a candidate that
/// exceeds this length ends with the longest match so far.
pub(super) const LONGEST_MATCH: usize = 8 << 10;

/// The minimum number of bytes in a literal that an expression begins with. A shorter literal would occur everywhere.
pub(super) const SHORTEST_LITERAL: usize = 2;

/// The maximum number of different bytes that may be at one position of a literal. If a character class contains more
/// bytes, the literal ends before it.
const LARGEST_CLASS: usize = 8;

/// A compiled rule, and the literals that a match begins with, in lower case.
pub(super) struct Compiled {
    pub(super) shape: Shape,
    pub(super) literals: Vec<Vec<u8>>,
}

/// Compiles a rule that the caller added.
pub(super) fn added(rule: &Rule) -> Result<Compiled, RuleError> {
    let compiled = bounded(rule)?;
    if !compiled.shape.compile() {
        return Err(RuleError::TooComplex { id: rule.id.clone() });
    }
    Ok(compiled)
}

/// Compiles a rule whose matches are bounded. Its automata are compiled later.
pub(super) fn bounded(rule: &Rule) -> Result<Compiled, RuleError> {
    let id = || rule.id.clone();
    let hir = parse(&rule.id, &rule.expression)?;
    match hir.properties().maximum_len() {
        None => Err(RuleError::Unbounded { id: id() }),
        Some(length) if length > LONGEST_MATCH => Err(RuleError::TooLong { id: id(), length }),
        Some(longest) => {
            let matching =
                Matching { boundary: Boundary::Token, beginning: Beginning::Literal, certain: None, accepts: None };
            compile(&rule.id, hir, longest, matching)
        }
    }
}

/// Compiles a general rule, whose matches may be unbounded. Its automata are compiled later.
pub(super) fn general(general: &GeneralRule) -> Result<Compiled, RuleError> {
    let id = general.rule.id;
    compile(id, parse(id, general.rule.expression)?, LONGEST_MATCH, general.matching)
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

fn compile(id: &str, hir: Hir, longest: usize, matching: Matching) -> Result<Compiled, RuleError> {
    let literals = literals(&hir).ok_or_else(|| RuleError::Literal { id: id.to_owned() })?;
    let parts = Parts::find(&hir);
    if parts.is_none() && contains_secret(&hir) {
        return Err(RuleError::Nested { id: id.to_owned() });
    }
    let scope = parts.as_ref().map(|parts| parts.scope);
    let shortest = parts.map_or(&hir, |parts| parts.variable).properties().minimum_len().unwrap_or(0);
    if shortest == 0 {
        return Err(RuleError::Empty { id: id.to_owned() });
    }
    Ok(Compiled { shape: Shape::new(hir, shortest..=longest, scope, matching), literals })
}

/// Returns the literals that a match begins with, in lower case, or `None` if there are too many literals or one of
/// them is too short.
fn literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let found = Extractor::new().kind(ExtractKind::Prefix).limit_class(LARGEST_CLASS).extract(&lower_case(hir));
    let mut literals: Vec<Vec<u8>> = found.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    literals.sort_unstable();
    // If one literal begins with another, only the shorter one is needed, because it occurs wherever the longer one
    // does.
    literals.dedup_by(|longer, kept| longer.starts_with(kept));
    let are_long = literals.iter().all(|literal| literal.len() >= SHORTEST_LITERAL);
    (are_long && !literals.is_empty()).then_some(literals)
}
