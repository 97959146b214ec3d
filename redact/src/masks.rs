//! Merges the ranges to mask, and writes the output.
//!
//! Positions count from the beginning of the stream. A mask may be written before its end is known. Only its beginning
//! and its label must be certain, because ranges that are found later can only move the end.

use std::cmp::Reverse;
use std::ops::Range;

use crate::matcher::View;
use crate::rules::{RuleIndex, Rules};
use crate::{MaskCounts, Redacted};

/// The replacement for a registered value. The replacement for a secret that a rule found contains the rule's id:
/// `[REDACTED:github-token]`.
pub const MASK: &[u8] = b"[REDACTED]";

/// The bytes that all masks begin with.
pub(crate) const MASK_BEGIN: &[u8] = b"[REDACTED";

/// The reason why a range is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// The range contains a registered value.
    Value,
    /// The range matches this rule.
    Rule(RuleIndex),
}

/// A range to mask: the union of overlapping matches.
///
/// The range is replaced by one mask, with the label of the match that begins first. If several matches begin at the
/// same position, the longest one counts. Among equally long matches, the one whose rule is first in the order of
/// [`Rules::iter`] counts. If a registered value overlaps that match, the label is [`Label::Value`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MaskedRange {
    pub(crate) range: Range<usize>,
    /// The rule whose match begins first, or `None` if that match is a value.
    rule: Option<RuleIndex>,
    /// The end of the match that begins first. If this match was masked before its end was known, `first_end` is the
    /// position at which the match became certain.
    first_end: usize,
    /// The position at which the first registered value begins, or `usize::MAX` if there is none.
    first_value: usize,
}

impl MaskedRange {
    fn new(range: Range<usize>, label: Label, first_end: usize) -> Self {
        match label {
            Label::Value => Self { rule: None, first_end, first_value: range.start, range },
            Label::Rule(rule) => Self { rule: Some(rule), first_end, first_value: usize::MAX, range },
        }
    }

    /// Returns why the range is masked.
    pub(crate) fn label(&self) -> Label {
        match self.rule {
            Some(rule) if self.first_value >= self.first_end => Label::Rule(rule),
            _ => Label::Value,
        }
    }

    /// Merges the range with one that overlaps it. The result does not depend on the order in which ranges are merged.
    fn merge(self, other: Self) -> Self {
        let order = |range: &Self| (range.range.start, range.rule.is_some(), Reverse(range.first_end), range.rule);
        let (first, second) = if order(&self) <= order(&other) { (self, other) } else { (other, self) };
        Self {
            range: first.range.start..first.range.end.max(second.range.end),
            first_value: first.first_value.min(second.first_value),
            ..first
        }
    }

    /// Returns whether the mask may be written. The caller guarantees that no range that is found later begins before
    /// `sure`.
    fn is_certain(&self, sure: usize) -> bool {
        match self.label() {
            Label::Value => self.range.start <= sure,
            Label::Rule(_) => self.first_end <= sure && self.range.start < sure,
        }
    }
}

/// The ranges that were found but not yet written, and the position up to which the output is written.
#[derive(Default)]
pub(crate) struct Masks {
    /// The ranges, sorted and without overlaps.
    ranges: Vec<MaskedRange>,
    /// The position up to which the text has been written, either masked or shown.
    cursor: usize,
    /// Whether the output written last is a mask. If so, the masked range ends at the cursor.
    open: bool,
    counts: MaskCounts,
}

impl Masks {
    /// Returns the position up to which the text has been written.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Returns the numbers of masks that have been written.
    pub(crate) fn counts(&self) -> &MaskCounts {
        &self.counts
    }

    /// Removes and returns the ranges that have not been written.
    pub(crate) fn take_ranges(&mut self) -> Vec<MaskedRange> {
        std::mem::take(&mut self.ranges)
    }

    /// Adds a range that is masked for the reason `label`. Ignores an empty range.
    pub(crate) fn add(&mut self, range: Range<usize>, label: Label) {
        let first_end = range.end;
        self.insert(MaskedRange::new(range, label, first_end));
    }

    /// Adds the current range of a match that became certain, was [added](Self::add) then, and may have grown since.
    pub(crate) fn extend(&mut self, range: Range<usize>, rule: RuleIndex) {
        let first_end = range.start;
        self.insert(MaskedRange::new(range, Label::Rule(rule), first_end));
    }

    /// Adds the ranges that were found in another text, such as the visible text. `position` converts the position of a
    /// byte of that text to a position in the stream.
    pub(crate) fn add_all(&mut self, found: Self, position: impl Fn(usize) -> usize) {
        let end = |end: usize| position(end - 1) + 1;
        for MaskedRange { range, rule, first_end, first_value } in found.ranges {
            let start = position(range.start);
            let first_end = if first_end > range.start { end(first_end) } else { start };
            self.insert(MaskedRange { range: start..end(range.end), rule, first_end, first_value });
        }
    }

    fn insert(&mut self, mut added: MaskedRange) {
        if added.range.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|other| other.range.end <= added.range.start);
        let end = self.ranges.partition_point(|other| other.range.start < added.range.end);
        for other in self.ranges.drain(first..end) {
            added = added.merge(other);
        }
        self.ranges.insert(first, added);
    }

    /// Writes the view's text up to the position `sure`, and every mask that is certain. The caller guarantees that no
    /// further range begins before `sure`.
    pub(crate) fn write(&mut self, view: View, sure: usize, rules: &Rules) -> Redacted {
        // After a release, the cursor may be beyond `sure`. If a range begins before the cursor, only its bytes after
        // the cursor are masked, because the others have already been written. Ranges that are found later cannot
        // change where this mask begins, so it is written now. However, if the last output was a mask, ranges that
        // begin after `sure` are not written yet, because a range that is found later may join them with that mask.
        let sure = if self.open { sure } else { sure.max(self.cursor) };
        let mut out = Vec::with_capacity(sure.saturating_sub(self.cursor));
        let ready = self.ranges.iter().position(|range| !range.is_certain(sure)).unwrap_or(self.ranges.len());
        let mut ranges = std::mem::take(&mut self.ranges);
        for range in ranges.drain(..ready) {
            self.show(view, range.range.start, &mut out);
            self.mask(range, rules, &mut out);
        }
        // If the label of a mask is not certain yet, neither the mask nor the text after it is written.
        let shown = ranges.first().map_or(sure, |range| sure.min(range.range.start));
        self.ranges = ranges;
        self.show(view, shown, &mut out);
        Redacted::written(out)
    }

    /// Resets the state for a new stream. Only the numbers of written masks are preserved.
    pub(crate) fn restart(&mut self) {
        *self = Self { counts: std::mem::take(&mut self.counts), ..Self::default() };
    }

    fn show(&mut self, view: View, to: usize, out: &mut Vec<u8>) {
        if self.cursor < to {
            out.extend_from_slice(view.bytes(self.cursor..to));
            self.cursor = to;
            self.open = false;
        }
    }

    /// Masks the unwritten part of the range. Its first bytes may already have been written unmasked, by
    /// [`RedactStream::release`](crate::RedactStream::release).
    fn mask(&mut self, masked: MaskedRange, rules: &Rules, out: &mut Vec<u8>) {
        let label = masked.label();
        let range = masked.range;
        if range.end <= self.cursor {
            return;
        }
        let overlaps_the_last = self.open && range.start < self.cursor;
        if !overlaps_the_last {
            match label {
                Label::Value => {
                    out.extend_from_slice(MASK);
                    self.counts.add_value();
                }
                Label::Rule(rule) => {
                    let id = rules.id(rule);
                    out.extend_from_slice(MASK_BEGIN);
                    out.push(b':');
                    out.extend_from_slice(id.as_bytes());
                    out.push(b']');
                    self.counts.add_rule(id);
                }
            }
        }
        self.cursor = range.end;
        self.open = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_within_a_mask_that_is_written_changes_nothing() {
        let view = View { before: None, base: 0, text: b"abcdefgh" };
        let (mut masks, rules) = (Masks::default(), Rules::none());
        masks.add(0..5, Label::Value);
        assert_eq!(masks.write(view, 5, &rules).as_bytes(), MASK);
        masks.add(1..3, Label::Value);
        assert_eq!(masks.write(view, 6, &rules).as_bytes(), b"f");
        masks.add(6..7, Label::Value);
        masks.add(5..7, Label::Value);
        assert_eq!(masks.write(view, 8, &rules).as_bytes(), b"[REDACTED]h");
        assert_eq!(masks.counts().total(), 2);
    }

    #[test]
    fn a_range_that_continues_a_written_mask_gets_no_mask_of_its_own() {
        let view = View { before: None, base: 0, text: b"abcdefgh" };
        let (mut masks, rules) = (Masks::default(), Rules::none());
        masks.add(0..5, Label::Value);
        assert_eq!(masks.write(view, 5, &rules).as_bytes(), MASK);
        assert_eq!(masks.write(view, 5, &rules).as_bytes(), b"", "nothing was found in the meantime");
        masks.add(3..7, Label::Value);
        assert_eq!(masks.write(view, 8, &rules).as_bytes(), b"h");
        assert_eq!(masks.counts().total(), 1);
    }

    /// Checks the label of the union of ranges, which are added in several orders.
    fn check(ranges: &[(Range<usize>, Option<usize>)], expected: Option<usize>) {
        let label = |rule: Option<usize>| rule.map_or(Label::Value, |rule| Label::Rule(RuleIndex::new(rule)));
        for rotation in 0..ranges.len() {
            for reverse in [false, true] {
                let mut ranges = ranges.to_vec();
                ranges.rotate_left(rotation);
                if reverse {
                    ranges.reverse();
                }
                let mut masks = Masks::default();
                for (range, rule) in &ranges {
                    masks.add(range.clone(), label(*rule));
                }
                let labels: Vec<_> = masks.take_ranges().into_iter().map(|range| range.label()).collect();
                assert_eq!(labels, [label(expected)], "{ranges:?}");
            }
        }
    }

    #[test]
    fn a_registered_value_gives_the_union_its_label() {
        check(&[(0..8, Some(0)), (4..12, None)], None);
        check(&[(2..8, None), (2..9, Some(1)), (0..3, Some(0))], None);
    }

    #[test]
    fn the_first_and_longest_match_of_several_rules_gives_the_union_its_label() {
        check(&[(0..8, Some(1)), (4..12, Some(0))], Some(1));
        check(&[(0..8, Some(1)), (0..12, Some(2)), (3..20, Some(0))], Some(2));
        check(&[(0..8, Some(2)), (0..8, Some(1))], Some(1));
        check(&[(4..8, None), (2..9, Some(1)), (0..3, Some(0))], Some(0));
    }
}
