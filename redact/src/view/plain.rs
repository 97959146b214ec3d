//! The plain view: decoded text in which white space and quotation marks are unified.

use crate::decode::Unit;
use crate::masks::Masks;
use crate::matcher::Matcher;

use super::lane::Lane;

/// The plain view of a stream.
///
/// - A run of white space is one space, so that a value of several lines is found however the lines are separated. A
///   plus sign counts as white space, because it is a space in forms.
/// - A run of quotation marks is one apostrophe, because shells quote an apostrophe as `'\''` or `'"'"'`.
/// - Backspaces are dropped.
pub(crate) struct Plain {
    pub(super) lane: Lane,
    last: Unifier,
}

/// Unifies bytes, given the byte before.
#[derive(Default)]
pub(crate) struct Unifier {
    last: u8,
}

impl Unifier {
    /// Returns the unified byte, or `None` if the byte continues a run or is dropped.
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
pub(crate) const fn fold(byte: u8) -> u8 {
    match byte {
        b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b'+' => b' ',
        b'"' | b'\'' => b'\'',
        _ => byte,
    }
}

impl Plain {
    pub(super) fn new(lane: Lane) -> Self {
        Self { lane, last: Unifier::default() }
    }

    pub(super) fn push(&mut self, matcher: &Matcher, unit: Unit, masks: &mut Masks) {
        match self.last.push(unit.byte) {
            Some(byte) => self.lane.push(matcher, unit.with(byte), masks),
            None if self.lane.is_at_start(matcher) => {}
            None => self.lane.bound(matcher, unit.end),
        }
    }

    /// Continues after `skipped`, in which no match begins.
    pub(super) fn jump(&mut self, matcher: &Matcher, skipped: &[u8]) {
        self.lane.jump(matcher);
        if let Some(&byte) = skipped.last() {
            self.last.last = fold(byte);
        }
    }
}
