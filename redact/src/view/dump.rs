//! The dump view: the bytes of a hexadecimal dump with offsets and a column of text.
//!
//! `xxd` and `hexdump -C` print an offset, up to 16 bytes in hexadecimal, and the same bytes as text, on each line. A
//! value usually continues on the next line, so neither its digits nor its text are contiguous. This view contains the
//! bytes that the digits stand for. A match is masked up to the end of the line in which it ends, because the column of
//! text repeats its bytes.

use std::ops::RangeInclusive;

use memchr::{memchr, memchr_iter, memchr2};

use crate::decode::Unit;
use crate::masks::{Label, Masks};
use crate::matcher::{Matcher, View};
use crate::sets::Automata;

use super::lane::Lane;

/// The number of digits in an offset. Tools print 4 or more with a colon, and 6 or more without one.
const OFFSET: RangeInclusive<usize> = 4..=16;
const OFFSET_WITHOUT_COLON: usize = 6;

/// The maximum length of a line. The longest lines of `xxd` have 256 bytes in hexadecimal, in groups, and as text.
const LONGEST_LINE: usize = 1024;

/// The dump view of a stream. Between dumps, the view is empty.
#[derive(Clone)]
pub(super) struct Dump<A: Automata> {
    pub(super) lane: Lane<A>,
    line: Line,
    /// The position at which the line begins.
    begun: usize,
    /// The position of the last byte of a match, if the match is masked up to the end of the line.
    masked: Option<usize>,
}

/// What was read of the current line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// White space or nothing, and this number of digits of an offset.
    Offset(usize),
    Bytes(Bytes),
    /// The offset, the bytes, and a part of the column of text.
    Text,
    /// Something else than a line of a dump.
    Other,
}

/// The offset and a part of the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bytes {
    has_colon: bool,
    is_empty: bool,
    /// The number of spaces before the current position.
    spaces: usize,
    /// The value of the first digit of a byte whose second digit is missing.
    high: Option<u8>,
}

impl<A: Automata> Dump<A> {
    /// Creates the view of a stream whose text is only known from the position `at` on. `before` is the byte before
    /// that position, or `None` at the beginning of the stream.
    pub(super) fn beginning_at(start: A::State, at: usize, before: Option<u8>) -> Self {
        let is_line = before.is_none_or(|before| before == b'\n');
        let line = if is_line { Line::Offset(0) } else { Line::Other };
        Self { lane: Lane::new(start), line, begun: at, masked: None }
    }

    /// Processes the view's text from the position `at` on, and reports all matches to `masks`.
    pub(super) fn run(&mut self, matcher: &Matcher<A>, view: View, mut at: usize, masks: &mut Masks) {
        while at < view.end() {
            let rest = view.bytes(at..view.end());
            if self.line == Line::Offset(0) && at == self.begun && cannot_be_dump(rest) {
                at = self.skip_lines(matcher, rest, at);
                continue;
            }
            let skipped = match self.line {
                Line::Other => memchr(b'\n', rest).unwrap_or(rest.len()),
                Line::Text => memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()),
                Line::Offset(_) | Line::Bytes(_) => 0,
            };
            if self.line != Line::Other && at + skipped - self.begun > LONGEST_LINE {
                self.mask_until(self.begun + LONGEST_LINE, masks);
                self.leave(matcher);
                continue;
            }
            at += skipped;
            if let Some(byte) = view.get(at) {
                self.push(matcher, byte, at, masks);
                at += 1;
            }
        }
        if let Some(from) = self.masked {
            masks.add(from..at, Label::Value);
        }
    }

    /// Skips lines that do not belong to a dump. `text` begins with such a line, at the position `at`. Returns the
    /// position of the first line that may belong to a dump, or of the end of the text.
    fn skip_lines(&mut self, matcher: &Matcher<A>, text: &[u8], at: usize) -> usize {
        self.leave(matcher);
        let mut lines = memchr_iter(b'\n', text).map(|end| end + 1);
        let Some(line) = lines.find(|line| !cannot_be_dump(&text[*line..])) else { return at + text.len() };
        (self.line, self.begun) = (Line::Offset(0), at + line);
        self.begun
    }

    fn push(&mut self, matcher: &Matcher<A>, byte: u8, at: usize, masks: &mut Masks) {
        match self.line {
            _ if byte == b'\n' => self.end_line(matcher, at, masks),
            Line::Offset(digits) => match Line::after_offset(digits, byte) {
                Some(line) => self.line = line,
                None => self.leave(matcher),
            },
            Line::Bytes(bytes) => {
                match bytes.next(byte) {
                    Line::Other => self.leave(matcher),
                    line => self.line = line,
                }
                if let (Some(high), Some(low)) = (bytes.high, digit(byte)) {
                    self.lane.push(matcher, Unit { byte: 16 * high + low, start: at - 1, end: at + 1 }, masks);
                    if self.lane.ends_match(matcher) {
                        self.masked = Some(at);
                    }
                }
                if byte == b'\r' {
                    self.mask_until(at, masks);
                }
            }
            // Only a carriage return is left, because other bytes are skipped.
            Line::Text => self.mask_until(at, masks),
            Line::Other => {}
        }
    }

    /// Ends the line at the position `at`. A value may continue on the next line.
    fn end_line(&mut self, matcher: &Matcher<A>, at: usize, masks: &mut Masks) {
        self.mask_until(at, masks);
        match self.line {
            Line::Bytes(_) | Line::Text => self.lane.bound(matcher, at),
            Line::Offset(_) | Line::Other => self.leave(matcher),
        }
        (self.line, self.begun) = (Line::Offset(0), at + 1);
    }

    /// Masks the line up to the position `end`, if a match ended in it.
    fn mask_until(&mut self, end: usize, masks: &mut Masks) {
        if let Some(from) = self.masked.take() {
            masks.add(from..end, Label::Value);
        }
    }

    /// Ignores the rest of the line, because it does not belong to a dump.
    fn leave(&mut self, matcher: &Matcher<A>) {
        self.line = Line::Other;
        if !self.lane.is_at_start(matcher) {
            self.lane.jump(matcher);
        }
    }
}

impl Line {
    /// Returns what was read after `byte`, which follows `digits` digits of an offset. Returns `None` if the line does
    /// not belong to a dump.
    fn after_offset(digits: usize, byte: u8) -> Option<Self> {
        let bytes = Bytes { has_colon: byte == b':', is_empty: true, spaces: 0, high: None };
        match byte {
            _ if byte.is_ascii_hexdigit() && digits < *OFFSET.end() => Some(Self::Offset(digits + 1)),
            b' ' | b'\t' if digits == 0 => Some(Self::Offset(0)),
            // The prefix `0x`.
            b'x' if digits == 1 => Some(Self::Offset(0)),
            b':' if OFFSET.contains(&digits) => Some(Self::Bytes(bytes)),
            b' ' | b'\t' if digits >= OFFSET_WITHOUT_COLON => Some(Self::Bytes(bytes)),
            _ => None,
        }
    }
}

impl Bytes {
    /// Returns what was read after `byte`.
    fn next(self, byte: u8) -> Line {
        match (byte, self.high) {
            (b' ' | b'\t', None) => {
                // After the bytes, `xxd` prints two spaces. `hexdump -C` prints two spaces in the middle too, but its
                // column of text begins with `|`, and that of `od` with `>`.
                let spaces = self.spaces + 1;
                let is_end = self.has_colon && !self.is_empty && spaces > 1;
                if is_end { Line::Text } else { Line::Bytes(Self { spaces, ..self }) }
            }
            (b'|' | b'>' | b'\r', None) if !self.is_empty => Line::Text,
            (_, None) => digit(byte).map_or(Line::Other, |high| Line::Bytes(Self { high: Some(high), ..self })),
            (_, Some(_)) if byte.is_ascii_hexdigit() => {
                Line::Bytes(Self { is_empty: false, spaces: 0, high: None, ..self })
            }
            (_, Some(_)) => Line::Other,
        }
    }
}

/// Returns whether a line is known not to belong to a dump, because of its beginning. Most lines are skipped by this
/// function, which is faster than reading them byte by byte, with the same result.
fn cannot_be_dump(text: &[u8]) -> bool {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let text = &text[blanks..];
    let digits = text.iter().take(OFFSET.end() + 1).take_while(|byte| byte.is_ascii_hexdigit()).count();
    match text.get(digits) {
        Some(b':') => digits < *OFFSET.start(),
        Some(b' ' | b'\t') => digits < OFFSET_WITHOUT_COLON,
        Some(b'x') => digits != 1,
        Some(_) => true,
        None => false,
    }
}

/// Returns the value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
