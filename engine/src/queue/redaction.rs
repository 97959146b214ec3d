//! Tests which parts of some text would be masked, and lists the rules that recognise secrets by their format.

use model::{RedactionFinding, RedactionResult, RedactionRule, RedactionRules};

use super::Queue;
use crate::fail_point::panic_on;

impl Queue {
    /// Returns which parts of `text` would be masked in the output of a job that has no secret values of its own. The
    /// text is not stored.
    #[must_use]
    pub fn test_redaction(&self, text: &str) -> RedactionResult {
        panic_on(text);
        let redactor = self.maskers.shared();
        let (mut line, mut line_begin, mut read) = (1, 0, 0);
        let findings = redactor.explain(text.as_bytes()).into_iter().map(|found| {
            // The findings are sorted by position, so each line break is counted only once.
            for newline in memchr::memchr_iter(b'\n', &text.as_bytes()[read..found.range.start]) {
                (line, line_begin) = (line + 1, read + newline + 1);
            }
            read = found.range.start;
            RedactionFinding {
                line,
                column: number(found.range.start - line_begin) + 1,
                bytes: number(found.range.len()),
                rule: found.rule,
            }
        });
        let findings = findings.collect();
        RedactionResult { text: redactor.redact(text.as_bytes()).to_text().into_owned(), findings }
    }

    /// Returns the rules that recognise secrets by their format, sorted by id.
    #[must_use]
    pub fn redaction_rules(&self) -> RedactionRules {
        let rule = |rule: &redact::Rule| RedactionRule {
            id: rule.id.clone(),
            reason: rule.reason.clone(),
            expression: rule.expression.clone(),
        };
        let mut items: Vec<_> = self.maskers.rules().iter().map(rule).collect();
        items.sort_by(|one, other| one.id.cmp(&other.id));
        RedactionRules { items }
    }
}

fn number(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
