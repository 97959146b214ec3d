//! The views of a stream that the automaton searches.
//!
//! A value may be printed in many forms. Enumerating them is impossible where each character may be escaped or not, or
//! where bytes that do not show may stand between any two characters. Instead, the same automaton searches several
//! views of the stream:
//!
//! - the *raw* bytes;
//! - the [*visible*](visible) text: without escape sequences, carriage returns and overstriking;
//! - the [*plain*](plain) text: decoded, with white space and quotation marks unified;
//! - the [*joined*](joined) text: decoded, with the lines of wrapped base64 and hexadecimal text joined.
//!
//! The visible and the joined view equal the raw bytes most of the time. While they do, they are not searched
//! separately. They are created where they begin to differ, as a copy of the raw view, and dropped when they and the
//! raw view are in the same state again.

mod fresh;
mod joined;
mod lane;
mod map;
mod plain;
mod visible;

use crate::decode::{Decoder, Stages, Unit};
use crate::masks::Masks;
use crate::matcher::{Matcher, State, View};
use fresh::Fresh;
use joined::Joined;
pub(crate) use joined::{RUN, is_wrappable};
use lane::Lane;
use plain::Plain;
pub(crate) use plain::{Unifier, fold};
use visible::Visible;
pub(crate) use visible::strip;

/// The state of all views of one stream. Positions count from the beginning of the stream.
pub(crate) struct Views {
    /// The state of the raw view.
    raw: State,
    visible: Option<Visible>,
    decoder: Decoder,
    plain: Plain,
    fresh: Option<Fresh>,
    joined: Joined,
}

impl Views {
    pub(crate) fn new(start: State) -> Self {
        Self {
            raw: start,
            visible: None,
            decoder: Decoder::new(),
            plain: Plain::new(Lane::new(start)),
            fresh: None,
            joined: Joined::default(),
        }
    }

    /// Returns the state of the raw view.
    pub(crate) fn raw(&self) -> State {
        self.raw
    }

    /// Processes the view's text from the position `at` on, and reports all matches to `masks`.
    pub(crate) fn run(&mut self, matcher: &Matcher, view: View, mut at: usize, masks: &mut Masks) {
        let mut clear = 0..0;
        while at < view.end() {
            if let Some(begun) = self.begun_if_alike(matcher, view, at) {
                let next = matcher.skip().next(view, begun, &mut clear);
                if next > at {
                    self.jump(matcher, view, at..next);
                    at = next;
                    continue;
                }
            }
            self.step(matcher, view, at, masks);
            at += 1;
        }
    }

    /// Processes the byte at the position `at`.
    fn step(&mut self, matcher: &Matcher, view: View, at: usize, masks: &mut Masks) {
        let unit = Unit::raw(view.byte(at), at);
        let before = self.raw;
        self.raw = matcher.next(before, unit.byte);
        if matcher.is_match(self.raw) {
            masks.add(matcher.found(self.raw, view, at + 1));
        }
        if !matcher.has_long_values() {
            return;
        }
        if self.visible.is_none() && Visible::differs(unit.byte, view.get(at + 1)) {
            self.visible = Some(Visible::new(Lane::fork(matcher, before, at), view.byte_before(at)));
        }
        if let Some(visible) = &mut self.visible {
            visible.push(matcher, unit, masks);
            if visible.agrees(matcher, self.raw, at + 1) {
                self.visible = None;
            }
        }
        self.decode(matcher, before, unit, masks);
    }

    fn decode(&mut self, matcher: &Matcher, before: State, unit: Unit, masks: &mut Masks) {
        let Self { decoder, plain, joined, fresh, .. } = self;
        if fresh.is_none() && !decoder.is_idle() && Decoder::is_plain(unit.byte) {
            *fresh = Some(Fresh::new(matcher));
        }
        if joined.differs(unit.byte) {
            joined.fork(matcher, before, unit.start);
        }
        if decoder.is_idle() && Decoder::is_plain(unit.byte) {
            plain.push(matcher, unit, masks);
            joined.push(matcher, unit, masks);
        } else {
            decoder.push(Stages::ALL, unit, &mut |unit| {
                plain.push(matcher, unit, masks);
                joined.push(matcher, unit, masks);
            });
        }
        if joined.is_forked() && decoder.is_idle() {
            joined.merge_if_agrees(matcher, self.raw, unit.end);
        }
        if let Some(view) = fresh {
            view.push(matcher, unit, masks);
            fresh.take_if(|view| decoder.is_idle() && view.agrees(matcher, plain));
        }
    }

    /// Returns where the longest possible match begins if it is short and if all views are alike, so that the bytes
    /// from there on can be examined by [`Skip`](crate::skip::Skip).
    fn begun_if_alike(&self, matcher: &Matcher, view: View, at: usize) -> Option<usize> {
        if self.raw == matcher.start() && self.plain.lane.is_at_start(matcher) {
            return self.is_alike().then_some(at);
        }
        if !matcher.is_shallow(self.raw) || !self.plain.lane.is_shallow(matcher) || !self.is_alike() {
            return None;
        }
        let raw = at - view.longest(matcher.tail(self.raw).begun, at);
        Some(self.plain.lane.begun(matcher).map_or(raw, |begun| begun.min(raw)))
    }

    fn is_alike(&self) -> bool {
        self.visible.is_none() && self.fresh.is_none() && !self.joined.is_forked() && self.decoder.is_idle()
    }

    /// Continues after `skipped`, in which no match begins and all views are alike.
    fn jump(&mut self, matcher: &Matcher, view: View, skipped: std::ops::Range<usize>) {
        let skipped = view.bytes(skipped);
        self.raw = matcher.start();
        self.plain.jump(matcher, skipped);
        self.joined.jump(skipped);
    }

    /// Returns where the first match begins that is still possible at the end of the view's text.
    pub(crate) fn possible(&self, matcher: &Matcher, view: View) -> usize {
        let raw = view.end() - view.longest(matcher.tail(self.raw).begun, view.end());
        let lanes = self.lanes().filter_map(|lane| lane.begun(matcher));
        let fresh = self.fresh.as_ref().and_then(Fresh::pending);
        lanes.chain(self.decoder.pending()).chain(fresh).fold(raw, usize::min)
    }

    /// Returns where the first partial match begins that is long enough to reveal a value, or the end of the text.
    pub(crate) fn telling(&self, matcher: &Matcher, view: View) -> usize {
        let raw = view.end() - view.longest(matcher.tail(self.raw).telling, view.end());
        self.lanes().filter_map(|lane| lane.telling(matcher)).fold(raw, usize::min)
    }

    /// Ends the stream: an incomplete escape stands for itself.
    pub(crate) fn finish(&mut self, matcher: &Matcher, masks: &mut Masks) {
        let Self { decoder, plain, fresh, joined, visible, .. } = self;
        decoder.finish(Stages::ALL, &mut |unit| {
            plain.push(matcher, unit, masks);
            joined.push(matcher, unit, masks);
        });
        if let Some(visible) = visible {
            visible.finish(matcher, masks);
        }
        if let Some(fresh) = fresh {
            fresh.finish(matcher, masks);
        }
    }

    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        let visible = self.visible.as_ref().map(|visible| &visible.lane);
        let fresh = self.fresh.as_ref().map(|fresh| &fresh.plain.lane);
        [visible, Some(&self.plain.lane), fresh, self.joined.lane()].into_iter().flatten()
    }
}
