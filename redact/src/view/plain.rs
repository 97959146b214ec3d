//! The plain view: decoded text in which white space and quotation marks are unified.

use crate::decode::{Decoder, Unit};
use crate::masks::Masks;
use crate::matcher::Matcher;
use crate::sets::Automata;

use super::lane::Lane;

/// The plain view of a stream.
///
/// - A run of white space becomes one space, so that a value of several lines is found however its lines are separated.
///   A plus sign counts as white space, because it represents a space in form encoding.
/// - A run of quotation marks becomes one apostrophe, because shells quote an apostrophe as `'\''` or `'"'"'`.
/// - Backspaces are dropped.
#[derive(Clone)]
pub(crate) struct Plain<A: Automata> {
    pub(super) lane: Lane<A>,
    last: Unifier,
}

/// Unifies white space and quotation marks, byte by byte.
#[derive(Clone, Copy, Default)]
pub(crate) struct Unifier {
    last: u8,
}

impl Unifier {
    /// Creates a unifier for the text after the raw byte `last`, or for the beginning of a stream if `last` is `None`.
    pub(crate) fn after(last: Option<u8>) -> Self {
        Self { last: last.map_or(0, fold) }
    }

    /// Returns the unified byte, or `None` if the byte continues a run or is dropped.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) -> Option<u8> {
        let byte = fold(byte);
        if byte == BACKSPACE || (byte == self.last && matches!(byte, b' ' | b'\'')) {
            return None;
        }
        self.last = byte;
        Some(byte)
    }
}

const BACKSPACE: u8 = 0x08;

/// Returns the byte that stands for `byte` in the plain view.
#[inline]
pub(crate) const fn fold(byte: u8) -> u8 {
    match byte {
        b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b'+' => b' ',
        b'"' | b'\'' => b'\'',
        _ => byte,
    }
}

impl<A: Automata> Plain<A> {
    /// Returns whether the view begins to differ from the raw view at a raw byte. `last` is the byte before it, if any.
    #[inline]
    pub(super) fn differs(byte: u8, last: Option<u8>) -> bool {
        let folded = fold(byte);
        let continues_run = matches!(folded, b' ' | b'\'') && last.is_some_and(|last| fold(last) == folded);
        folded != byte || continues_run || byte == BACKSPACE || !Decoder::is_plain(byte)
    }

    /// Creates a view that equalled the raw view until now. `last` is the byte before the current position.
    pub(super) fn new(lane: Lane<A>, last: Option<u8>) -> Self {
        Self { lane, last: Unifier::after(last) }
    }

    #[inline]
    pub(super) fn push(&mut self, matcher: &Matcher<A>, unit: Unit, masks: &mut Masks) {
        if let Some(byte) = self.last.push(unit.byte) {
            self.lane.push(matcher, unit.with(byte), masks);
        }
    }

    /// Resets the view to its state at the beginning of a stream.
    pub(super) fn restart(&mut self, matcher: &Matcher<A>) {
        self.lane.jump(matcher);
        self.last = Unifier::default();
    }
}
