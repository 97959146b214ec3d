//! Rewrites expressions, so that their automata are small.

use regex_syntax::hir::{Capture, Class, ClassBytes, ClassBytesRange, Hir, HirKind, Repetition};

/// Returns an expression that matches the lower-case forms of the texts that `hir` matches. The literals of a rule are
/// extracted from this expression. A case-insensitive expression would begin with too many literals.
pub(super) fn lower_case(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Bytes(class)) => {
            let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let bytes = bytes.map(|byte| byte.to_ascii_lowercase());
            Hir::class(Class::Bytes(ClassBytes::new(bytes.map(|byte| ClassBytesRange::new(byte, byte)))))
        }
        HirKind::Class(class) => Hir::class(class.clone()),
        HirKind::Repetition(repetition) => {
            let sub = Box::new(lower_case(&repetition.sub));
            Hir::repetition(Repetition { sub, ..*repetition })
        }
        HirKind::Capture(capture) => lower_case(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(lower_case).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(lower_case).collect()),
    }
}

/// Returns an equivalent expression in which adjacent repetitions of the same class are merged. Without merging, the
/// automaton would have to follow every way to divide a text between these repetitions.
pub(super) fn with_merged_repetitions(hir: &Hir) -> Hir {
    let HirKind::Concat(parts) = hir.kind() else { return map(hir, with_merged_repetitions) };
    let mut merged: Vec<Hir> = Vec::new();
    for part in parts.iter().map(with_merged_repetitions) {
        match merged.last().and_then(|last| joined(last, &part)) {
            Some(joined) => *merged.last_mut().expect("there is a last part") = joined,
            None => merged.push(part),
        }
    }
    Hir::concat(merged)
}

/// Merges two adjacent repetitions into one, if they repeat the same class.
fn joined(first: &Hir, second: &Hir) -> Option<Hir> {
    let (HirKind::Repetition(first), HirKind::Repetition(second)) = (first.kind(), second.kind()) else { return None };
    if first.sub != second.sub || !matches!(first.sub.kind(), HirKind::Class(_)) {
        return None;
    }
    let max = first.max.zip(second.max).map(|(first, second)| first.saturating_add(second));
    let min = first.min.saturating_add(second.min);
    Some(Hir::repetition(Repetition { min, max, ..first.clone() }))
}

/// Returns an expression in which repetitions of varying length have no upper bound.
///
/// This expression is used if the original automaton would be too large, because it would have to count several
/// repetitions at once. The total length of a match is still limited.
pub(super) fn without_upper_bounds(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Repetition(repetition) if repetition.max.is_some_and(|max| max > repetition.min + 1) => {
            let sub = Box::new(without_upper_bounds(&repetition.sub));
            Hir::repetition(Repetition { max: None, sub, ..*repetition })
        }
        _ => map(hir, without_upper_bounds),
    }
}

/// Applies `rewrite` to each direct part of an expression.
fn map(hir: &Hir, rewrite: fn(&Hir) -> Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(rewrite(&repetition.sub)), ..*repetition })
        }
        HirKind::Capture(capture) => Hir::capture(Capture { sub: Box::new(rewrite(&capture.sub)), ..capture.clone() }),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(rewrite).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(rewrite).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rewrite: fn(&Hir) -> Hir, expression: &str, expected: &str) {
        let parse = |expression| {
            let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
            parser.parse(expression).expect("the expression is valid")
        };
        assert_eq!(rewrite(&parse(expression)), parse(expected), "{expression}");
    }

    #[test]
    fn letters_in_literals_and_classes_become_lower_case() {
        check(lower_case, "Ab[C-Ex](?i:Fg)", "ab[c-ex]fg");
    }

    #[test]
    fn repetitions_of_the_same_class_are_merged() {
        check(with_merged_repetitions, "a[0-9]{3,5}[0-9]{0,2}[0-9a]{1,2}", "a[0-9]{3,7}[0-9a]{1,2}");
        check(with_merged_repetitions, "a(?P<secret>[0-9]{3}[0-9]{1,})", "a(?P<secret>[0-9]{4,})");
    }

    #[test]
    fn upper_bounds_of_varying_repetitions_are_dropped() {
        check(without_upper_bounds, "a[0-9]{3,5}[a-f]{4}(?:x|y{0,9})z?", "a[0-9]{3,}[a-f]{4}(?:x|y*)z?");
    }
}
