//! Other readings of the plain view.

use crate::decode::{Decoder, Stage, Stages, Unit};
use crate::masks::Masks;
use crate::matcher::{Matcher, State};

use super::lane::Lane;
use super::plain::Plain;

/// Plain views that begin within an escape, two for each stage of the decoder.
///
/// Text before a value may look like the beginning of an escape, which then swallows the first bytes of the value: in
/// JSON, the path `C:\` before the value `new"` is printed as `C:\\new\"`. Therefore, the text is also read as if the
/// escape was none and a value began after its first byte. Such a reading ends as soon as it agrees with the main one,
/// which is usually after a few bytes. If further escapes begin meanwhile, the reading with the shorter match gives way.
pub(super) struct FreshReadings([Fresh; 6]);

struct Fresh {
    stage: Stage,
    is_active: bool,
    plain: Plain,
    decoder: Decoder,
}

impl FreshReadings {
    pub(super) fn new(start: State) -> Self {
        let stages = [Stage::Percent, Stage::Percent, Stage::Backslash, Stage::Backslash, Stage::Entity, Stage::Entity];
        Self(stages.map(|stage| Fresh {
            stage,
            is_active: false,
            plain: Plain::new(Lane::new(start), None),
            decoder: Decoder::new(),
        }))
    }

    pub(super) fn are_active(&self) -> bool {
        self.active().next().is_some()
    }

    /// Processes a unit that enters a stage of the main reading's decoder. Begins a reading if the unit is the first one
    /// within an escape.
    pub(super) fn enter(&mut self, matcher: &Matcher, stage: Stage, unit: Unit, begins: bool, masks: &mut Masks) {
        if begins {
            let readings = self.0.iter_mut().filter(|fresh| fresh.stage == stage);
            let shortest = readings.min_by_key(|fresh| fresh.length(matcher)).expect("each stage has two readings");
            shortest.restart(matcher);
            shortest.is_active = true;
        }
        let readings = self.0.iter_mut().filter(|fresh| fresh.stage == stage && fresh.is_active);
        for Fresh { plain, decoder, .. } in readings {
            decoder.push(Stages::from(stage), unit, &mut |unit| plain.push(matcher, unit, masks));
        }
    }

    pub(super) fn finish(&mut self, matcher: &Matcher, masks: &mut Masks) {
        for Fresh { stage, plain, decoder, .. } in self.0.iter_mut().filter(|fresh| fresh.is_active) {
            decoder.finish(Stages::from(*stage), &mut |unit| plain.push(matcher, unit, masks));
        }
    }

    /// Ends the readings that continue exactly as the main one, or not at all. The main reading is `plain` or, if there
    /// is none, the raw view, which is in the state `raw` at the position `at`.
    pub(super) fn end_if_agree(&mut self, matcher: &Matcher, plain: Option<&Plain>, raw: State, at: usize) {
        for fresh in self.0.iter_mut().filter(|fresh| fresh.is_active && fresh.decoder.is_idle()) {
            let lane = &fresh.plain.lane;
            let agrees = || match plain {
                Some(plain) => lane.equals(matcher, &plain.lane),
                None => lane.agrees(matcher, raw, at),
            };
            if lane.is_at_start(matcher) || agrees() {
                fresh.restart(matcher);
            }
        }
    }

    /// Returns where the first escape begins that is incomplete.
    pub(super) fn pending(&self) -> Option<usize> {
        self.active().filter_map(|fresh| fresh.decoder.pending()).min()
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.active().map(|fresh| &fresh.plain.lane)
    }

    pub(super) fn lanes_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.0.iter_mut().map(|fresh| &mut fresh.plain.lane)
    }

    fn active(&self) -> impl Iterator<Item = &Fresh> {
        self.0.iter().filter(|fresh| fresh.is_active)
    }
}

impl Fresh {
    fn restart(&mut self, matcher: &Matcher) {
        self.is_active = false;
        self.plain.restart(matcher);
        if !self.decoder.is_idle() {
            self.decoder = Decoder::new();
        }
    }

    /// Returns a number that is greater the more of a match was read.
    fn length(&self, matcher: &Matcher) -> usize {
        if self.is_active { 1 + self.plain.lane.length(matcher) } else { 0 }
    }
}
