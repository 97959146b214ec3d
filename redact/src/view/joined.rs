//! The joined view: decoded text in which the lines of wrapped base64 and hexadecimal text are joined.

use crate::decode::Unit;
use crate::masks::Masks;
use crate::matcher::{Matcher, State};

use super::lane::Lane;

/// The minimum number of base64 characters before a line break that is dropped. Encoders wrap at 60 columns or more,
/// and few lines of ordinary text end in this many letters and digits.
pub(crate) const RUN: usize = 16;

/// The joined view of a stream: a line break between two base64 characters, at least [`RUN`] of them before it, is
/// dropped together with the white space around it.
#[derive(Default)]
pub(super) struct Joined {
    /// The progress in this view, or `None` while it equals the raw view.
    lane: Option<Lane>,
    /// The number of base64 characters directly before the current position, but at most [`RUN`].
    run: usize,
    /// Whether the text is between two lines.
    in_gap: bool,
}

/// Returns whether `byte` may be part of base64 or hexadecimal text.
pub(crate) fn is_wrappable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

impl Joined {
    /// Returns whether the view begins to differ from the raw view at a raw byte.
    pub(super) fn differs(&self, byte: u8) -> bool {
        match byte {
            b'%' | b'\\' | b'&' | 0x1b | 0x08 => true,
            b'\n' | b'\r' => self.run == RUN,
            _ => false,
        }
    }

    /// Begins to follow the view separately, if it is not followed yet. It equals the raw view up to the position `at`.
    pub(super) fn fork(&mut self, matcher: &Matcher, raw: State, at: usize) {
        self.lane.get_or_insert_with(|| Lane::fork(matcher, raw, at));
    }

    pub(super) fn is_forked(&self) -> bool {
        self.lane.is_some()
    }

    pub(super) fn lane(&self) -> Option<&Lane> {
        self.lane.as_ref()
    }

    /// Stops following the view separately if it continues exactly as the raw view.
    pub(super) fn merge_if_agrees(&mut self, matcher: &Matcher, raw: State, at: usize) {
        if !self.in_gap {
            self.lane.take_if(|lane| lane.agrees(matcher, raw, at));
        }
    }

    pub(super) fn push(&mut self, matcher: &Matcher, unit: Unit, masks: &mut Masks) {
        if self.continues_gap(unit.byte) {
            self.in_gap = true;
            if let Some(lane) = self.lane.as_mut().filter(|lane| !lane.is_at_start(matcher)) {
                lane.bound(matcher, unit.end);
            }
            return;
        }
        if unit.byte == 0x08 {
            return;
        }
        let is_wrappable = is_wrappable(unit.byte);
        if let Some(lane) = &mut self.lane {
            if self.in_gap && !is_wrappable {
                // The line break was not within wrapped text after all, so a match cannot continue across it.
                lane.push(matcher, unit.with(b'\n'), masks);
            }
            lane.push(matcher, unit, masks);
        }
        self.in_gap = false;
        self.run = if is_wrappable { RUN.min(self.run + 1) } else { 0 };
    }

    fn continues_gap(&self, byte: u8) -> bool {
        match byte {
            b'\n' | b'\r' => self.run == RUN,
            b' ' | b'\t' => self.in_gap,
            _ => false,
        }
    }

    /// Continues after `skipped`, in which no match begins and no line break is dropped.
    pub(super) fn jump(&mut self, skipped: &[u8]) {
        let run = skipped.iter().rev().take(RUN).take_while(|byte| is_wrappable(**byte)).count();
        self.run = if run == skipped.len() { RUN.min(self.run + run) } else { run };
    }
}
