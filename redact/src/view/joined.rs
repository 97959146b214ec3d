//! The joined view: decoded text in which the lines of wrapped base64 and hexadecimal text are joined.

use crate::decode::{Ansi, Unit};
use crate::masks::Masks;
use crate::matcher::{Matcher, View};
use crate::sets::Automata;

use super::lane::Lane;

/// A line break is dropped only after at least this many base64 characters. Encoders wrap at 60 columns or more, and
/// few lines of ordinary text end with this many letters and digits.
pub(crate) const RUN: usize = 16;

/// The joined view of a stream. If at least [`RUN`] base64 characters come before a line break, and another one comes
/// after it, the line break and the white space after it are dropped. Escape sequences and backspaces are dropped too.
#[derive(Clone)]
pub(super) struct Joined<A: Automata> {
    /// The view, or `None` while it equals the raw view.
    separate: Option<Separate<A>>,
    counted: Counted,
}

/// A position, and the number of base64 characters directly before this position in the joined view, counted up to
/// [`RUN`]. From this position on, the view equals the raw text.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counted {
    at: usize,
    run: usize,
}

impl Counted {
    pub(crate) fn new(at: usize, run: usize) -> Self {
        Self { at, run }
    }

    /// Returns the position from which on the joined view is known.
    pub(crate) fn begin(self) -> usize {
        self.at
    }

    /// Returns whether a line break at the position `at` may be within wrapped text. If `at` is before the stored
    /// position, this is not known, so the result is `true`.
    pub(crate) fn is_wrapped(self, view: View, at: usize) -> bool {
        at < self.at || self.run(view, at) == RUN
    }

    /// Returns the number of base64 characters directly before the position `at`, counted up to [`RUN`].
    pub(crate) fn run(self, view: View, at: usize) -> usize {
        let bytes = view.bytes(self.at..at);
        let since = bytes.iter().rev().take(RUN).take_while(|byte| is_wrappable(**byte)).count();
        if since == bytes.len() { RUN.min(since + self.run) } else { since }
    }
}

/// The joined view while it differs from the raw view.
#[derive(Clone)]
struct Separate<A: Automata> {
    lane: Lane<A>,
    /// The number of base64 characters directly before the current position, counted up to [`RUN`].
    run: usize,
    /// Whether the current position is within a line break, or within the white space after it.
    in_gap: bool,
}

const BACKSPACE: u8 = 0x08;

/// Returns whether `byte` may be part of base64 or hexadecimal text.
#[inline]
pub(crate) fn is_wrappable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

impl<A: Automata> Joined<A> {
    /// Creates the view of a stream whose text is only known from the position `at` on. `before` is the byte before
    /// that position, or `None` at the beginning of the stream.
    ///
    /// If `before` may be part of wrapped text, the number of base64 characters before `at` is not known. The view then
    /// assumes that there are enough of them. Otherwise, a value that begins shortly before the end of the line would
    /// be missed.
    pub(super) fn beginning_at(at: usize, before: Option<u8>) -> Self {
        let run = if before.is_some_and(is_wrappable) { RUN } else { 0 };
        Self { separate: None, counted: Counted { at, run } }
    }

    /// Returns whether the view begins to differ from the raw view at `byte`, which is at the position `at`.
    #[inline]
    pub(super) fn differs(&self, byte: u8, view: View, at: usize) -> bool {
        match byte {
            _ if self.is_separate() => false,
            // These bytes begin an escape or an escape sequence, or are dropped, so the view may differ from the raw
            // text from here on. The numbers of base64 characters before a position may then differ too.
            b'%' | b'\\' | b'&' | Ansi::ESCAPE | BACKSPACE => true,
            b'\n' | b'\r' => self.counted.is_wrapped(view, at),
            _ => false,
        }
    }

    /// Creates the view at the position `at`. `lane` is a copy of the raw view.
    pub(super) fn separate(&mut self, lane: Lane<A>, view: View, at: usize) {
        self.separate = Some(Separate { lane, run: self.counted.run(view, at), in_gap: false });
    }

    pub(super) fn counted_mut(&mut self) -> &mut Counted {
        &mut self.counted
    }

    #[inline]
    pub(super) fn is_separate(&self) -> bool {
        self.separate.is_some()
    }

    pub(super) fn lane(&self) -> Option<&Lane<A>> {
        self.separate.as_ref().map(|separate| &separate.lane)
    }

    pub(super) fn lane_mut(&mut self) -> Option<&mut Lane<A>> {
        self.separate.as_mut().map(|separate| &mut separate.lane)
    }

    #[inline]
    pub(super) fn push(&mut self, matcher: &Matcher<A>, unit: Unit, masks: &mut Masks) {
        if let Some(separate) = &mut self.separate {
            separate.push(matcher, unit, masks);
        }
    }

    /// Drops the view if it equals the raw view from here on.
    pub(super) fn merge_if_agrees(&mut self, matcher: &Matcher<A>, raw: A::State, at: usize) {
        if let Some(merged) = self.separate.take_if(|view| !view.in_gap && view.lane.agrees(matcher, raw, at)) {
            self.counted = Counted { at, run: merged.run };
        }
    }

    /// Prepares for the removal of the view's text before the position `from`.
    pub(super) fn keep(&mut self, view: View, from: usize) {
        if self.counted.at < from {
            self.counted = Counted { at: from, run: self.counted.run(view, from) };
        }
    }
}

impl<A: Automata> Separate<A> {
    fn push(&mut self, matcher: &Matcher<A>, unit: Unit, masks: &mut Masks) {
        if self.continues_gap(unit.byte) {
            self.in_gap = true;
            return;
        }
        if unit.byte == BACKSPACE {
            return;
        }
        let is_wrappable = is_wrappable(unit.byte);
        if self.in_gap && !is_wrappable {
            // The line break was not within wrapped text after all. It is pushed too, so that no match continues across
            // it.
            self.lane.push(matcher, unit.with(b'\n'), masks);
        }
        self.lane.push(matcher, unit, masks);
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
}
