//! Merges the ranges to mask, and writes the output.
//!
//! Positions count from the beginning of the stream. A mask may be written before its end is known. Only its beginning
//! must be certain, because ranges that are found later can only move its end.

use std::ops::Range;

use crate::Redacted;
use crate::matcher::View;

/// The replacement for a masked value.
pub const MASK: &[u8] = b"[REDACTED]";

/// The ranges that were found but not yet written, and the position up to which the output is written.
#[derive(Default)]
pub(crate) struct Masks {
    /// The ranges, sorted and without overlaps.
    ranges: Vec<Range<usize>>,
    /// The position up to which the text has been written, either masked or shown.
    cursor: usize,
    /// Whether the output written last is a mask. If so, the masked range ends at the cursor.
    open: bool,
    written: u64,
}

impl Masks {
    /// Returns the position up to which the text has been written.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Returns the number of masks that have been written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Adds a range, and merges it with ranges that it overlaps. Ignores an empty range.
    pub(crate) fn add(&mut self, mut range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|other| other.end <= range.start);
        let end = self.ranges.partition_point(|other| other.start < range.end);
        for other in self.ranges.drain(first..end) {
            range.start = range.start.min(other.start);
            range.end = range.end.max(other.end);
        }
        self.ranges.insert(first, range);
    }

    /// Writes the view's text up to the position `sure`, and every mask that begins at or before `sure`. The caller
    /// guarantees that no further range begins before `sure`.
    pub(crate) fn write(&mut self, view: View, sure: usize) -> Redacted {
        // After a release, the cursor may be beyond `sure`. The text before the cursor has already been written, so a
        // range that begins before the cursor masks only the bytes after it. A range that is found later cannot change
        // where that mask begins, so the mask can be written now. If the output written last is a mask, ranges that
        // begin after `sure` are not written yet, because a range that is found later may still include them.
        let sure = if self.open { sure } else { sure.max(self.cursor) };
        let mut out = Vec::with_capacity(sure.saturating_sub(self.cursor));
        let ready = self.ranges.partition_point(|range| range.start <= sure);
        let mut ranges = std::mem::take(&mut self.ranges);
        for range in ranges.drain(..ready) {
            self.show(view, range.start, &mut out);
            self.mask(range, &mut out);
        }
        self.ranges = ranges;
        self.show(view, sure, &mut out);
        Redacted::written(out)
    }

    /// Resets the state for a new stream. Only the number of written masks is preserved.
    pub(crate) fn restart(&mut self) {
        *self = Self { written: self.written, ..Self::default() };
    }

    fn show(&mut self, view: View, to: usize, out: &mut Vec<u8>) {
        if self.cursor < to {
            out.extend_from_slice(view.bytes(self.cursor..to));
            self.cursor = to;
            self.open = false;
        }
    }

    /// Masks the unwritten part of `range`. Its first bytes may already have been written unmasked, by
    /// [`RedactStream::release`](crate::RedactStream::release).
    fn mask(&mut self, range: Range<usize>, out: &mut Vec<u8>) {
        if range.end <= self.cursor {
            return;
        }
        let overlaps_the_last = self.open && range.start < self.cursor;
        if !overlaps_the_last {
            out.extend_from_slice(MASK);
            self.written += 1;
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
        let mut masks = Masks::default();
        masks.add(0..5);
        assert_eq!(masks.write(view, 5).as_bytes(), MASK);
        masks.add(1..3);
        assert_eq!(masks.write(view, 6).as_bytes(), b"f");
        masks.add(6..7);
        masks.add(5..7);
        assert_eq!(masks.write(view, 8).as_bytes(), b"[REDACTED]h");
        assert_eq!(masks.written(), 2);
    }
}
