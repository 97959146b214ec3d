//! The ranges to mask, united, and how far the output is written.
//!
//! Positions count from the beginning of the text that is kept. A mask may be written before its end is known: where it
//! begins is what must be sure, and what later overlaps it only makes it longer.

use std::ops::Range;

use crate::Redacted;

/// What stands where a secret was.
pub const MASK: &[u8] = b"[REDACTED]";

/// The ranges found and not yet written, and how far the output is written.
#[derive(Default)]
pub(crate) struct Masks {
    /// In order, none overlapping another.
    ranges: Vec<Range<usize>>,
    /// Up to here the text is written, masked or shown.
    cursor: usize,
    /// Whether the last thing written is a mask, which ends at the cursor.
    open: bool,
    written: u64,
}

impl Masks {
    /// Up to where the text is written.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// How many masks were written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Adds a range that ends where the last one did or later, and unites it with those it overlaps; an empty one is none.
    pub(crate) fn add(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        while self.ranges.pop_if(|last| range.start <= last.start).is_some() {}
        match self.ranges.last_mut() {
            Some(last) if range.start < last.end => last.end = range.end,
            _ => self.ranges.push(range),
        }
    }

    /// Writes `text` up to `sure`, before which no range will begin any more, and every mask that begins up to there.
    pub(crate) fn write(&mut self, text: &[u8], sure: usize) -> Redacted {
        // What a pause has shown stays: no mask begins before it any more. An open mask may still grow and swallow ranges.
        let sure = if self.open { sure } else { sure.max(self.cursor) };
        let mut out = Vec::with_capacity(sure.saturating_sub(self.cursor));
        let ready = self.ranges.partition_point(|range| range.start <= sure);
        let mut ranges = std::mem::take(&mut self.ranges);
        for range in ranges.drain(..ready) {
            self.show(text, range.start, &mut out);
            self.mask(range, &mut out);
        }
        self.ranges = ranges;
        self.show(text, sure, &mut out);
        Redacted::written(out)
    }

    /// Forgets the first `count` bytes of the text, which are written.
    pub(crate) fn forget(&mut self, count: usize) {
        self.cursor -= count;
        for range in &mut self.ranges {
            *range = range.start - count..range.end - count;
        }
    }

    /// Begins a new text; only the count of masks goes on.
    pub(crate) fn restart(&mut self) {
        *self = Self { written: self.written, ..Self::default() };
    }

    fn show(&mut self, text: &[u8], to: usize, out: &mut Vec<u8>) {
        if self.cursor < to {
            out.extend_from_slice(&text[self.cursor..to]);
            self.cursor = to;
            self.open = false;
        }
    }

    /// Masks what is not yet written of `range`: after a release its beginning may be shown already.
    fn mask(&mut self, range: Range<usize>, out: &mut Vec<u8>) {
        let overlaps_the_last = self.open && range.start < self.cursor;
        if !overlaps_the_last {
            out.extend_from_slice(MASK);
            self.written += 1;
        }
        self.cursor = range.end;
        self.open = true;
    }
}
