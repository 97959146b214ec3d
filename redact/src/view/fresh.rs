//! A second reading of the plain view.

use crate::decode::{Decoder, Stages, Unit};
use crate::masks::Masks;
use crate::matcher::{Matcher, State};

use super::lane::Lane;
use super::plain::Plain;

/// A plain view that begins within an escape.
///
/// Text before a value may look like the beginning of an escape, which then swallows the first bytes of the value: in
/// JSON, the path `C:\` before the value `new"` is printed as `C:\\new\"`. Therefore, the text is also read as if the
/// escape was none and a value began after its first byte. This reading ends as soon as it agrees with the other one,
/// which is usually after a few bytes.
pub(super) struct Fresh {
    is_active: bool,
    plain: Plain,
    decoder: Decoder,
}

impl Fresh {
    pub(super) fn new(start: State) -> Self {
        Self { is_active: false, plain: Plain::new(Lane::new(start), None), decoder: Decoder::new() }
    }

    pub(super) fn is_active(&self) -> bool {
        self.is_active
    }

    /// Begins this reading at `byte` if the other reading is within an escape there.
    pub(super) fn begin_within(&mut self, decoder: &Decoder, byte: u8) {
        if !self.is_active && decoder.pending().is_some() && Decoder::is_plain(byte) {
            self.is_active = true;
        }
    }

    pub(super) fn push(&mut self, matcher: &Matcher, unit: Unit, masks: &mut Masks) {
        let Self { is_active, plain, decoder } = self;
        if *is_active {
            decoder.push(Stages::ALL, unit, &mut |unit| plain.push(matcher, unit, masks));
        }
    }

    pub(super) fn finish(&mut self, matcher: &Matcher, masks: &mut Masks) {
        let Self { is_active, plain, decoder } = self;
        if *is_active {
            decoder.finish(Stages::ALL, &mut |unit| plain.push(matcher, unit, masks));
        }
    }

    /// Ends this reading if it continues exactly as the other one, or not at all. The other one is `plain` or, if there
    /// is none, the raw view, which is in the state `raw` at the position `at`.
    pub(super) fn end_if_agrees(&mut self, matcher: &Matcher, plain: Option<&Plain>, raw: State, at: usize) {
        let lane = &self.plain.lane;
        let agrees = || match plain {
            Some(plain) => lane.equals(matcher, &plain.lane),
            None => lane.agrees(matcher, raw, at),
        };
        if self.is_active && self.decoder.is_idle() && (lane.is_at_start(matcher) || agrees()) {
            self.is_active = false;
            self.plain.restart(matcher);
        }
    }

    /// Returns where the escape begins that is incomplete.
    pub(super) fn pending(&self) -> Option<usize> {
        self.decoder.pending()
    }

    pub(super) fn lane(&self) -> Option<&Lane> {
        self.is_active.then_some(&self.plain.lane)
    }

    pub(super) fn lane_mut(&mut self) -> &mut Lane {
        &mut self.plain.lane
    }
}
