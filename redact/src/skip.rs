//! Skips text in which no value begins.
//!
//! The search uses the shift table of Wu and Manber ("A fast algorithm for multi-pattern searching", 1994). A window
//! moves over the text. Its last bytes, its *gram*, determine how far the window can move without passing the beginning
//! of a pattern. The prefilters of the `aho-corasick` crate would be faster on some texts. However, they do not support
//! a pattern that is cut off at the end of the input, and some of them take quadratic time if candidates are frequent.
//!
//! The table is built from the patterns as they appear in text without escapes. It is therefore used only between
//! *stops*, the bytes at which a view may begin to differ from the raw text (see `stop`). Shortly before a stop, the
//! window no longer fits. There, the beginning of a pattern is recognised by its first gram, which rarely occurs in
//! other text.

use std::ops::Range;

use crate::matcher::View;
use crate::pass::pass;
use crate::stop::Stops;
use crate::view::{Counted, fold};

/// The maximum width of the window, in bytes.
const WIDEST: usize = 16;

/// The bit that is set in an entry of the table if a pattern begins with the gram.
const BEGINS: u8 = 0x80;

/// An entry for the hash of each gram: the number of bytes by which the window can move, combined with [`BEGINS`].
type Table = [u8; 1 << 16];

/// The first bytes of a pattern, from which the table is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    bytes: [u8; WIDEST],
    len: usize,
}

impl Head {
    /// Returns the beginning of a pattern, which must be non-empty.
    pub(crate) fn of(pattern: &[u8]) -> Self {
        let len = pattern.len().min(WIDEST);
        let mut bytes = [0; WIDEST];
        bytes[..len].copy_from_slice(&pattern[..len]);
        Self { bytes, len }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A table that finds where a pattern may begin.
pub(crate) struct Skip {
    /// The width of the window in bytes: the length of the shortest pattern, but at least 2 and at most [`WIDEST`].
    window: usize,
    /// The number of bytes in a gram: 4, or 2 if there are short patterns.
    gram: usize,
    /// The table; `None` if there are no patterns.
    table: Option<Box<Table>>,
}

impl Skip {
    /// Builds the table for the patterns that begin with `heads`.
    pub(crate) fn new<'h>(heads: impl Iterator<Item = &'h Head> + Clone) -> Self {
        let shortest = heads.clone().map(|head| head.len).min();
        let window = shortest.unwrap_or(0).clamp(2, WIDEST);
        let gram = if window < 6 { 2 } else { 4 };
        let table = shortest.map(|_| table(heads, window, gram));
        Self { window, gram, table }
    }

    /// Returns the memory usage in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.table.as_ref().map_or(0, |table| size_of_val(&**table))
    }

    /// Returns the first position at or after `from` where a pattern may begin or a view may begin to differ from the
    /// raw text. The pattern may be cut off at the end of the text.
    ///
    /// The caller keeps `clear` between calls. It is the last range that was found to contain no stop. `counted` is
    /// updated each time a stop is passed.
    pub(crate) fn next(&self, view: View, counted: &mut Counted, from: usize, clear: &mut Clear) -> usize {
        let Some(table) = &self.table else { return view.end() };
        let (text, base) = (view.text, view.base);
        let mut stops = Stops { view, counted: *counted };
        let mut from = from - base;
        if !clear.contains(from) {
            *clear = Clear { range: from..stops.next(from), is_closed: false };
        }
        loop {
            let stop = clear.range.end;
            from = self.begin(table, &text[..stop], from);
            if from + self.gram <= stop || clear.is_closed {
                return base + from;
            }
            let Some(passed) = pass(self, stops, from, stop) else {
                clear.is_closed = true;
                return base + from;
            };
            (from, *counted) = (passed.end, passed.counted);
            stops.counted = passed.counted;
            *clear = Clear { range: from..stops.next(from), is_closed: false };
        }
    }

    /// Returns the number of bytes in a gram.
    #[inline]
    pub(crate) fn gram(&self) -> usize {
        self.gram
    }

    /// Returns whether a pattern may begin with the gram in `word`. The bytes of the gram are folded, and are the most
    /// significant bytes of `word`: the last byte of the gram is the most significant one.
    #[inline]
    pub(crate) fn begins(&self, word: u32) -> bool {
        let hash = if self.gram == 4 { hash_of_four(word) } else { (word >> 16) as usize };
        self.table.as_ref().is_some_and(|table| table[hash] & BEGINS != 0)
    }

    /// Returns the first position from `from` on where a pattern may begin in `text`, which contains no stop.
    fn begin(&self, table: &Table, text: &[u8], from: usize) -> usize {
        let Self { window, gram, .. } = *self;
        let entry = |at: usize| table[hash(&text[at..at + gram])];
        let mut at = from;
        while at + window <= text.len() {
            let shift = entry(at + window - gram) & !BEGINS;
            if shift == 0 && entry(at) & BEGINS != 0 {
                return at;
            }
            at += usize::from(shift.max(1));
        }
        while at + gram <= text.len() && entry(at) & BEGINS == 0 {
            at += 1;
        }
        at
    }
}

/// A range without stops, which ends at a stop or at the end of the text.
#[derive(Default)]
pub(crate) struct Clear {
    range: Range<usize>,
    /// Whether an attempt to pass the stop at the end has failed (see `pass`).
    is_closed: bool,
}

impl Clear {
    fn contains(&self, at: usize) -> bool {
        self.range.start <= at && at <= self.range.end && self.range.end > 0
    }
}

fn table<'h>(heads: impl Iterator<Item = &'h Head>, window: usize, gram: usize) -> Box<Table> {
    let far = u8::try_from(window - gram + 1).expect("the window is at most `WIDEST`");
    let mut table: Box<Table> = vec![far; 1 << 16].try_into().expect("the vector has the length of the array");
    for pattern in heads.map(Head::bytes) {
        if let &[only] = pattern {
            // If a value has only one byte, the window is 2 bytes wide, and its second byte may be any byte.
            for second in 0..=u8::MAX {
                table[hash(&[only, second])] = BEGINS;
            }
        }
        for (shift, bytes) in (0..far).rev().zip(pattern.windows(gram)) {
            let known = &mut table[hash(bytes)];
            *known = shift.min(*known & !BEGINS) | (*known & BEGINS);
        }
        if let Some(first) = pattern.get(..gram) {
            table[hash(first)] |= BEGINS;
        }
    }
    table
}

/// Returns the index of a gram in the table. The bytes of the gram are folded as in the plain view.
fn hash(gram: &[u8]) -> usize {
    match *gram {
        [a, b, c, d] => hash_of_four(u32::from_le_bytes([a, b, c, d].map(|byte| FOLDED[usize::from(byte)]))),
        [a, b, ..] => usize::from(u16::from_le_bytes([a, b].map(|byte| FOLDED[usize::from(byte)]))),
        _ => unreachable!("a gram has 2 or 4 bytes"),
    }
}

/// Returns the index of a gram of four bytes in the table. The bytes are folded already.
#[inline]
fn hash_of_four(gram: u32) -> usize {
    (gram.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// The result of [`fold`] for each byte.
const FOLDED: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "`try_from` cannot be used in a constant")]
        let folded = fold(byte as u8);
        table[byte] = folded;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], text: &str, clean: usize) {
        let heads: Vec<Head> = values.iter().map(|value| Head::of(value.as_bytes())).collect();
        let view = View { before: None, base: 0, text: text.as_bytes() };
        let next = Skip::new(heads.iter()).next(view, &mut Counted::default(), 0, &mut Clear::default());
        assert_eq!(next, clean, "{values:?} in {text:?}");
    }

    #[test]
    fn skipping_stops_where_a_pattern_begins() {
        check(&["secret"], "a long text and then a secret", 23);
        check(&["secret"], "secret", 0);
        check(&["secret", "then a"], "a long text and then a secret", 16);
        check(&["a value wider than the window"], "not here, but a value wider than that", 14);
    }

    #[test]
    fn skipping_stops_where_the_end_may_cut_a_pattern_off() {
        check(&["secret"], "a long text and the sec", 20);
        check(&["secret"], "a long text and the secr", 20);
        check(&["secret"], "a long text and the section", 24);
        check(&["secret"], "sec", 0);
        check(&["secret"], "", 0);
    }

    #[test]
    fn a_pattern_of_one_byte_is_never_skipped() {
        check(&["x"], "0123x\n", 4);
        check(&["x"], "0123\x00\u{7f}x", 6);
        check(&["x", "12"], "0123", 1);
    }

    #[test]
    fn without_patterns_everything_is_skipped() {
        check(&[], "anything \\ \x1b", 12);
    }

    #[test]
    fn skipping_stops_shortly_before_text_that_may_be_decoded() {
        for stop in ["%0a", "&amp;", "\\x41", "\x08", "_\x08", "\x1b]0;"] {
            check(&["secret"], &format!("a long text and.{stop}, then more"), 13);
        }
    }

    #[test]
    fn common_stops_are_passed_unless_a_pattern_may_begin_there() {
        for stop in
            ["\x1b[0m\x1b[1;31m", "\r\n", "\n      ", "\\\"", "%41", "++", "\"'", "\\\"\"", "&quot;", "?a=1&b=2&c"]
        {
            check(&["secret"], &format!("a long text and{stop}then more, a secret"), 28 + stop.len());
        }
        check(&["secret"], "a long text an\\\"secret", 16);
        check(&["secret"], "a long text se\x1b[0mcret", 11);
        check(&["secret"], "a long text se\r\ncret", 11);
        check(&["se cret"], "a long text se \n cret", 11);
        check(&["se'cret"], "a long text se\\\"cret", 11);
        check(&["se cret"], "a long text se%20cret", 11);
        check(&["s%cret"], "a long text s%cret", 10);
        check(&["20cret"], "a long text s%20cret", 10);
        check(&["secret"], "a long text \\\"s%65cret", 9);
        check(&["ncrets"], "a long text s\\ncrets", 10);
    }
}
