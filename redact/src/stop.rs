//! Finds *stops*: the bytes at which a [view](crate::view) may begin to differ from the raw text.

use crate::matcher::View;
use crate::view::{Counted, fold, is_special};

/// The number of bytes that are examined at once.
const CHUNK: usize = 32;

/// A section of the stream in which stops are searched for. At its beginning, all views are equal. Positions count from
/// the beginning of the section.
#[derive(Clone, Copy)]
pub(crate) struct Stops<'t> {
    pub(crate) view: View<'t>,
    pub(crate) counted: Counted,
}

impl Stops<'_> {
    /// Returns the position of the first stop at or after `from`, or the end of the text.
    pub(crate) fn next(self, from: usize) -> usize {
        let text = self.view.text;
        let mut at = from;
        while at < text.len() {
            let chunk = text[at..].first_chunk::<CHUNK>();
            let next = text[at + 1..].first_chunk::<CHUNK>();
            let may_stop = chunk.zip(next).is_none_or(|(chunk, next)| may_stop(chunk, next));
            let end = text.len().min(at + CHUNK);
            if may_stop && let Some(stop) = (at..end).find(|&at| self.is_stop(at)) {
                return stop;
            }
            at = end;
        }
        at
    }

    /// Returns whether a view may begin to differ from the raw text at the position `at`. A single byte that [`fold`]
    /// replaces does not count.
    #[inline]
    fn is_stop(self, at: usize) -> bool {
        let text = self.view.text;
        let byte = text[at];
        if !is_special(byte) {
            return false;
        }
        let next = text.get(at + 1).copied();
        match byte {
            b'_' => next.is_none_or(|next| next == 0x08),
            b'\n' if self.is_wrapped(at) => true,
            b'\r' => true,
            byte if matches!(fold(byte), b' ' | b'\'') => next.is_some_and(|next| fold(byte) == fold(next)),
            _ => true,
        }
    }

    fn is_wrapped(self, at: usize) -> bool {
        self.counted.is_wrapped(self.view, self.view.base + at)
    }
}

/// Returns whether `chunk` may contain a byte at which a view begins to differ from the raw text. `next` is the chunk
/// that begins one byte later than `chunk`. The loop is written so that it compiles to vector instructions.
fn may_stop(chunk: &[u8; CHUNK], next: &[u8; CHUNK]) -> bool {
    let mut found = 0;
    for at in 0..CHUNK {
        let (byte, next) = (chunk[at], next[at]);
        for stop in [b'%', b'\\', b'&', b'\n', b'\r', 0x1b, 0x08] {
            found |= u8::from(byte == stop);
        }
        found |= u8::from(next == 0x08) | (class(byte) & class(next));
    }
    found != 0
}

/// Returns 1 for white space, 2 for quotation marks and 0 for all other bytes.
#[inline]
fn class(byte: u8) -> u8 {
    let space = u8::from(byte == b' ') | u8::from(byte == b'+') | u8::from(byte.wrapping_sub(b'\t') < 5);
    let quote = u8::from(byte == b'"') | u8::from(byte == b'\'');
    space | quote << 1
}
