//! Finds *stops*: the bytes at which a [view](crate::view) may begin to differ from the raw text.

use crate::matcher::View;
use crate::view::{Counted, fold, is_special, is_wrappable};

/// The number of bytes that are examined at once.
const CHUNK: usize = 32;

/// A section of the stream in which stops are searched for. All views are equal at its beginning. Positions count from
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

    /// Returns whether a view may begin to differ from the raw text at the position `at`, apart from the bytes that
    /// [`fold`] replaces.
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

    /// Returns the position after the stop at `at`, if each view contains the whole stop, only its first byte, or none
    /// of it. This is the case for the most common stops: colours, line ends, indentation, and escaped quotation marks.
    pub(crate) fn passable(self, at: usize) -> Option<usize> {
        let text = self.view.text;
        let rest = &text[at..text.len().min(at + LONGEST_PASSABLE)];
        let len = match *rest.first()? {
            0x1b => colours(rest),
            b'\\' => rest.iter().position(|byte| *byte != b'\\')?,
            byte if fold(byte) == b' ' && !self.is_wrapped(at) => blanks(rest)?,
            _ => 0,
        };
        let (last, next) = (*text[..at].last()?, *rest.get(len)?);
        let is_escape = rest[0] == b'\\' && (is_wrappable(next) || matches!(next, b'\n' | b'\r'));
        let is_run = fold(last) == fold(next) && matches!(fold(next), b' ' | b'\'');
        (len > 0 && !is_escape && !is_run).then_some(at + len)
    }

    fn is_wrapped(self, at: usize) -> bool {
        self.counted.is_wrapped(self.view, self.view.base + at)
    }
}

/// Returns whether `chunk` may contain a byte at which a view begins to differ from the raw text. `next` is the chunk
/// that begins one byte later. The loop is written so that it compiles to vector instructions.
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

/// Returns the total length of the escape sequences for colours and similar styles at the beginning of `text`.
fn colours(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(parameters) = text[len..].strip_prefix(b"\x1b[") {
        let Some(end) = parameters.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';')) else { break };
        if !parameters[end].is_ascii_alphabetic() || end > LONGEST_COLOUR {
            break;
        }
        len += 2 + end + 1;
    }
    len
}

/// The maximum number of bytes in a stop that can be passed, including the byte after it. Without a limit, long runs of
/// white space would be examined again and again.
const LONGEST_PASSABLE: usize = 128;

/// The maximum number of parameter bytes in a sequence that sets a colour.
const LONGEST_COLOUR: usize = 32;

/// Returns the length of the white space at the beginning of `text`, or `None` if it contains a plus sign, or a
/// carriage return that is not part of a single line end.
fn blanks(text: &[u8]) -> Option<usize> {
    let len = text.iter().position(|byte| fold(*byte) != b' ')?;
    let blanks = &text[..len];
    let is_line_end = matches!(blanks, b"\r" | b"\r\n");
    (is_line_end || !blanks.iter().any(|byte| matches!(byte, b'+' | b'\r'))).then_some(len)
}
