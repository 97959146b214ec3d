//! The visible view: the text that a terminal shows.

use crate::decode::{Ansi, Strings, Unit};
use crate::masks::Masks;
use crate::matcher::Matcher;
use crate::sets::Automata;

use super::lane::Lane;

/// The visible view of a stream, while it differs from the raw view.
///
/// - Escape sequences are dropped, and so is the content of control strings.
/// - A carriage return is dropped, together with a line feed after it, because programs that wrap lines for a terminal
///   insert both.
/// - Overstriking is dropped. In bold text (`a\ba`), the backspace and the repeated byte are dropped. In underlined
///   text (`_\ba` or `a\b_`), the backspace and the underscore are dropped. In any other sequence with a backspace,
///   only the backspace is dropped.
#[derive(Clone)]
pub(super) struct Visible<A: Automata> {
    pub(super) lane: Lane<A>,
    filter: Filter,
}

/// Selects the bytes that a terminal shows.
#[derive(Clone)]
struct Filter {
    ansi: Ansi,
    /// The byte that was shown last.
    last: u8,
    /// An underscore that is held back, because a backspace may follow it.
    underscore: Option<Unit>,
    before: Before,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    CarriageReturn,
    Backspace,
    Other,
}

const BACKSPACE: u8 = 0x08;

impl<A: Automata> Visible<A> {
    /// Returns whether the view begins to differ from the raw view at `byte`, given the next byte if it is known.
    #[inline]
    pub(super) fn differs(byte: u8, next: Option<u8>) -> bool {
        match byte {
            Ansi::ESCAPE | b'\r' | BACKSPACE => true,
            b'_' => next.is_none_or(|next| next == BACKSPACE),
            _ => false,
        }
    }

    /// Creates a view that equalled the raw view until now. `last` is the byte before the current position.
    pub(super) fn new(lane: Lane<A>, last: Option<u8>) -> Self {
        Self { lane, filter: Filter::new(last) }
    }

    pub(super) fn push(&mut self, matcher: &Matcher<A>, unit: Unit, masks: &mut Masks) {
        let Self { lane, filter } = self;
        filter.push(unit, &mut |unit| lane.push(matcher, unit, masks));
    }

    pub(super) fn finish(&mut self, matcher: &Matcher<A>, masks: &mut Masks) {
        let Self { lane, filter } = self;
        filter.finish(&mut |unit| lane.push(matcher, unit, masks));
    }

    /// Returns whether the view will find the same matches as the raw view, which is in the state `raw` at the position
    /// `at`.
    pub(super) fn agrees(&self, matcher: &Matcher<A>, raw: A::State, at: usize) -> bool {
        self.filter.is_idle() && self.lane.agrees(matcher, raw, at)
    }
}

impl Filter {
    /// Creates a filter. `last` is the byte before the first one that will be pushed.
    fn new(last: Option<u8>) -> Self {
        Self { ansi: Ansi::new(Strings::Hidden), last: last.unwrap_or(0), underscore: None, before: Before::Other }
    }

    fn push(&mut self, unit: Unit, out: &mut impl FnMut(Unit)) {
        if let Some(underscore) = self.underscore.take() {
            if unit.byte == BACKSPACE {
                return;
            }
            self.last = b'_';
            out(underscore);
        }
        if self.ansi.push(unit.byte) {
            return;
        }
        let before = std::mem::replace(&mut self.before, Before::Other);
        match unit.byte {
            b'\r' => self.before = Before::CarriageReturn,
            BACKSPACE => self.before = Before::Backspace,
            b'\n' if before == Before::CarriageReturn => {}
            byte if before == Before::Backspace && (byte == self.last || byte == b'_') => {}
            b'_' => self.underscore = Some(unit),
            byte => {
                self.last = byte;
                out(unit);
            }
        }
    }

    fn finish(&mut self, out: &mut impl FnMut(Unit)) {
        self.underscore.take().into_iter().for_each(out);
    }

    fn is_idle(&self) -> bool {
        self.ansi.is_idle() && self.underscore.is_none() && self.before == Before::Other
    }
}

/// Returns the bytes of `value` that are visible.
pub(crate) fn strip(value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut filter = Filter::new(None);
    for (at, &byte) in value.iter().enumerate() {
        filter.push(Unit::raw(byte, at), &mut |unit| bytes.push(unit.byte));
    }
    filter.finish(&mut |unit| bytes.push(unit.byte));
    bytes
}
