//! The views of a stream that the automaton searches.
//!
//! A value may be printed in many forms. They cannot be enumerated, because each character may or may not be escaped,
//! and there may be invisible bytes between any two characters. Instead, the same automaton searches several views of
//! the stream:
//!
//! - the *raw* bytes;
//! - the [*visible*](visible) text: without escape sequences, carriage returns and overstriking;
//! - the [*plain*](plain) text: decoded, with white space and quotation marks unified;
//! - the [*joined*](joined) text: decoded, with the lines of wrapped base64 and hexadecimal text joined;
//! - the bytes of a hexadecimal [*dump*](dump) with offsets.
//!
//! The dump view is empty except within a dump. The other views equal the raw bytes most of the time. While they do,
//! they are not searched separately. A view is created, as a copy of the raw view, at the byte where it begins to
//! differ. It is dropped when its automaton is in the same state as that of the raw view again.

mod dump;
mod fresh;
mod joined;
mod lane;
mod map;
mod plain;
mod visible;

use crate::decode::{Decoder, Sink, Stage, Stages, Unit};
use crate::masks::{Label, Masks};
use crate::matcher::{Matcher, View};
use crate::sets::Automata;
use crate::skip::Clear;
use dump::Dump;
use fresh::FreshReadings;
use joined::Joined;
pub(crate) use joined::{Counted, RUN, is_wrappable};
use lane::Lane;
use plain::Plain;
pub(crate) use plain::{Unifier, fold};
use visible::Visible;
pub(crate) use visible::strip;

/// The lengths of partial matches are checked only at positions that are multiples of this number. The result therefore
/// does not depend on how the input is split.
const CHECK: usize = 1024;

/// The number of bytes that are examined one by one after an attempt to skip bytes has failed. The first value applies
/// to the first failure. Each further failure doubles the number, up to the second value.
const PATIENCE: (usize, usize) = (3, 48);

/// The sets of stages whose incomplete escapes are treated as ordinary text at the end of the text, in addition to the
/// set of all stages: the last stage, and the last two.
///
/// An incomplete escape may be ordinary text, or the beginning of an escape that stands for the next byte of a value.
/// Which of the two is the case may differ between the stages. For example, the first two escapes in
/// `\u0026\u006c\u007` stand for `&l`. In the last stage, `&l` may be ordinary text, even if `\u007` is the beginning
/// of an escape in the stage before.
const PARTIAL_ENDS: [Stages; 2] = [Stages::from(Stage::Entity), Stages::from(Stage::Backslash)];

/// The state of all views of one stream. Positions count from the beginning of the stream.
#[derive(Clone)]
pub(crate) struct Views<A: Automata> {
    /// The state of the raw view.
    raw: A::State,
    visible: Option<Visible<A>>,
    /// The decoder of the plain and the joined view.
    decoder: Decoder,
    plain: Option<Plain<A>>,
    fresh: FreshReadings<A>,
    joined: Joined<A>,
    dump: Dump<A>,
}

impl<A: Automata> Views<A> {
    pub(crate) fn new(start: A::State) -> Self {
        Self {
            raw: start,
            visible: None,
            decoder: Decoder::new(),
            plain: None,
            fresh: FreshReadings::new(start),
            joined: Joined::beginning_at(0, None),
            dump: Dump::beginning_at(start, 0, None),
        }
    }

    /// Resets all views to the position `at` and to the automaton's start state `start`. `before` is the byte before
    /// that position, if there is one.
    pub(crate) fn begin_again(&mut self, start: A::State, at: usize, before: Option<u8>) {
        let (joined, dump) = (Joined::beginning_at(at, before), Dump::beginning_at(start, at, before));
        *self = Self { joined, dump, ..Self::new(start) };
    }

    /// Returns the state of the raw view.
    pub(crate) fn raw(&self) -> A::State {
        self.raw
    }

    /// Processes the view's text from the position `at` on, and reports all matches to `masks`.
    pub(crate) fn run(&mut self, matcher: &Matcher<A>, view: View, mut at: usize, masks: &mut Masks) {
        if matcher.has_long_values() {
            self.dump.run(matcher, view, at, masks);
        }
        let (mut clear, mut retry, mut patience) = (Clear::default(), at, PATIENCE.0);
        while at < view.end() {
            if self.are_alike() {
                if at >= retry {
                    let next = self.skip(matcher, view, at, &mut clear);
                    if next > at {
                        self.raw = matcher.start();
                        at = next;
                        patience = PATIENCE.0;
                        continue;
                    }
                    retry = at + patience;
                    patience = PATIENCE.1.min(2 * patience);
                }
                if !matcher.has_long_values() || !self.may_differ(matcher, view, at) {
                    self.step_raw(matcher, view, at, masks);
                    at += 1;
                    continue;
                }
            }
            self.step(matcher, view, at, masks);
            at += 1;
            if at.is_multiple_of(CHECK) {
                self.bound(matcher, at);
            }
        }
    }

    /// Returns whether all views equal the raw view.
    fn are_alike(&self) -> bool {
        self.visible.is_none() && self.plain.is_none() && !self.joined.is_separate() && !self.fresh.are_active()
    }

    /// Returns the position up to which bytes can be skipped, because no match begins before it. Returns `at` if
    /// nothing can be skipped. All views must equal the raw view.
    fn skip(&mut self, matcher: &Matcher<A>, view: View, at: usize, clear: &mut Clear) -> usize {
        if !matcher.is_shallow(self.raw) {
            return at;
        }
        let begun = match self.raw {
            raw if raw == matcher.start() => at,
            raw => at - view.longest(matcher.begun(raw), at),
        };
        matcher.skip().next(view, self.joined.counted_mut(), begun, clear)
    }

    /// Returns whether another view may differ from the raw view after the byte at the position `at`. The plain view
    /// unifies white space and quotation marks, but this makes no difference if no pattern begins with them.
    fn may_differ(&self, matcher: &Matcher<A>, view: View, at: usize) -> bool {
        let byte = view.byte(at);
        if !is_special(byte) {
            return false;
        }
        let is_unified = matches!(fold(byte), b' ' | b'\'') && byte != b'\r';
        let start = matcher.start();
        let is_ignored = |byte| matcher.next(start, byte) == start;
        let is_unseen = self.raw == start && is_ignored(byte) && is_ignored(fold(byte));
        !(is_unified && is_unseen && !self.joined.differs(byte, view, at))
    }

    /// Processes the byte at the position `at` in the raw view.
    #[inline]
    fn step_raw(&mut self, matcher: &Matcher<A>, view: View, at: usize, masks: &mut Masks) {
        self.raw = matcher.next(self.raw, view.byte(at));
        if matcher.is_match(self.raw) {
            masks.add(matcher.found(self.raw, view, at + 1), Label::Value);
        }
    }

    /// Processes the byte at the position `at` in all views.
    fn step(&mut self, matcher: &Matcher<A>, view: View, at: usize, masks: &mut Masks) {
        let unit = Unit::raw(view.byte(at), at);
        self.separate(matcher, view, unit);
        self.step_raw(matcher, view, at, masks);
        if let Some(visible) = &mut self.visible {
            visible.push(matcher, unit, masks);
            if visible.agrees(matcher, self.raw, unit.end) {
                self.visible = None;
            }
        }
        if self.plain.is_some() || self.joined.is_separate() || self.fresh.are_active() {
            self.decode(matcher, unit, masks);
        }
    }

    /// Creates the views that begin to differ from the raw view at `unit`.
    fn separate(&mut self, matcher: &Matcher<A>, view: View, unit: Unit) {
        let Unit { byte, start: at, .. } = unit;
        let last = view.byte_before(at);
        let lane = || Lane::fork(matcher, self.raw, at);
        if self.visible.is_none() && Visible::<A>::differs(byte, view.get(at + 1)) {
            self.visible = Some(Visible::new(lane(), last));
        }
        if self.plain.is_none() && Plain::<A>::differs(byte, last) {
            self.plain = Some(Plain::new(lane(), last));
        }
        if self.joined.differs(byte, view, at) {
            self.joined.separate(lane(), view, at);
        }
    }

    /// Processes a byte in the views of decoded text.
    fn decode(&mut self, matcher: &Matcher<A>, unit: Unit, masks: &mut Masks) {
        let Self { raw, decoder, plain, fresh, joined, .. } = self;
        let mut sink = DecodedViews { matcher, masks, plain, fresh, joined };
        if decoder.is_idle() && Decoder::is_plain(unit.byte) && !sink.fresh.are_active() {
            sink.unit(unit);
        } else {
            decoder.push(Stages::ALL, unit, &mut sink);
        }
        if decoder.is_idle() {
            if fresh.are_active() {
                fresh.end_if_agree(matcher, plain.as_ref(), *raw, unit.end);
            }
            plain.take_if(|plain| plain.lane.agrees(matcher, *raw, unit.end));
            joined.merge_if_agrees(matcher, *raw, unit.end);
        }
    }

    /// Abandons partial matches that span too many raw bytes.
    fn bound(&mut self, matcher: &Matcher<A>, at: usize) {
        let visible = self.visible.as_mut().map(|visible| &mut visible.lane);
        let plain = self.plain.as_mut().map(|plain| &mut plain.lane);
        let lanes = [visible, plain, self.joined.lane_mut()].into_iter().flatten();
        for lane in lanes.chain(self.fresh.lanes_mut()) {
            lane.bound(matcher, at);
        }
    }

    /// Returns the position of the first match that is still possible at the end of the view's text.
    pub(crate) fn possible(&self, matcher: &Matcher<A>, view: View) -> usize {
        let raw = view.end() - view.longest(matcher.begun(self.raw), view.end());
        let lanes = self.lanes().filter_map(|lane| lane.begun(matcher));
        lanes.chain(self.decoder.pending()).chain(self.fresh.pending()).fold(raw, usize::min)
    }

    /// Returns the position of the first partial match that is long enough to reveal a value, or the end of the text if
    /// there is none.
    pub(crate) fn telling(&self, matcher: &Matcher<A>, view: View) -> usize {
        let raw = view.end() - view.longest(matcher.telling(self.raw), view.end());
        self.lanes().filter_map(|lane| lane.telling(matcher)).fold(raw, usize::min)
    }

    /// Returns the position from which on nothing may be shown after a pause.
    ///
    /// If the text ends with an incomplete escape, the escape may turn out to be ordinary text, which may continue or
    /// complete a match.
    pub(crate) fn telling_at_pause(&self, matcher: &Matcher<A>, view: View) -> usize {
        let telling = self.telling(matcher, view);
        if !self.has_pending_escape() {
            return telling;
        }
        let (mut ended, mut masks) = (self.clone(), Masks::default());
        ended.finish(matcher, view, &mut masks);
        masks.take_ranges().into_iter().map(|masked| masked.range.start).fold(telling, usize::min)
    }

    /// Returns whether the text may end within an escape.
    fn has_pending_escape(&self) -> bool {
        self.decoder.pending().is_some() || self.fresh.pending().is_some()
    }

    /// Prepares for the removal of the view's text before the position `from`.
    pub(crate) fn keep(&mut self, view: View, from: usize) {
        self.joined.keep(view, from);
    }

    /// Ends the stream, and masks values that are cut off. If the stream ends with an incomplete escape, the bytes of
    /// this escape may complete a match, or they may continue a match that is cut off.
    pub(crate) fn finish(&mut self, matcher: &Matcher<A>, view: View, masks: &mut Masks) {
        masks.add(self.telling(matcher, view)..view.end(), Label::Value);
        if self.has_pending_escape() {
            for stages in PARTIAL_ENDS {
                self.clone().end(matcher, stages, view, masks);
            }
        }
        self.end(matcher, Stages::ALL, view, masks);
    }

    /// Ends the input of the given stages, treats their incomplete escapes as ordinary text, and masks values that are
    /// cut off.
    fn end(&mut self, matcher: &Matcher<A>, stages: Stages, view: View, masks: &mut Masks) {
        let Self { decoder, plain, fresh, joined, visible, .. } = self;
        decoder.finish(stages, &mut DecodedViews { matcher, masks, plain, fresh, joined });
        fresh.finish(matcher, stages, masks);
        if let Some(visible) = visible {
            visible.finish(matcher, masks);
        }
        masks.add(self.telling(matcher, view)..view.end(), Label::Value);
    }

    fn lanes(&self) -> impl Iterator<Item = &Lane<A>> {
        let visible = self.visible.as_ref().map(|visible| &visible.lane);
        let plain = self.plain.as_ref().map(|plain| &plain.lane);
        let dump = Some(&self.dump.lane);
        [visible, plain, self.joined.lane(), dump].into_iter().flatten().chain(self.fresh.lanes())
    }
}

/// The views that receive the decoder's output.
struct DecodedViews<'v, A: Automata> {
    matcher: &'v Matcher<A>,
    masks: &'v mut Masks,
    plain: &'v mut Option<Plain<A>>,
    fresh: &'v mut FreshReadings<A>,
    joined: &'v mut Joined<A>,
}

impl<A: Automata> Sink for DecodedViews<'_, A> {
    fn unit(&mut self, unit: Unit) {
        if let Some(plain) = self.plain {
            plain.push(self.matcher, unit, self.masks);
        }
        self.joined.push(self.matcher, unit, self.masks);
    }

    fn enter(&mut self, stage: Stage, unit: Unit, begins_escape: bool) {
        self.fresh.enter(self.matcher, stage, unit, begins_escape, self.masks);
    }
}

/// Returns whether a view may begin to differ from the raw view at `byte`.
#[inline]
pub(crate) fn is_special(byte: u8) -> bool {
    SPECIAL[usize::from(byte)]
}

const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"%\\&\x1b\r\x08_ \t\n\x0b\x0c+\"'";
    let mut index = 0;
    while index < bytes.len() {
        table[bytes[index] as usize] = true;
        index += 1;
    }
    table
};
