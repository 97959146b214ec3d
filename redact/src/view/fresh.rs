//! Other readings of the plain view.

use std::array;

use crate::decode::{Decoder, Stage, Stages, Unit};
use crate::masks::Masks;
use crate::matcher::{Matcher, State};

use super::lane::Lane;
use super::plain::Plain;

/// Plain views that begin within an escape, a few for each stage of the decoder.
///
/// Text before a value may look like the beginning of an escape, which then swallows the first bytes of the value: in
/// JSON, the path `C:\` before the value `new"` is printed as `C:\\new\"`. Therefore, the text is also read as if the
/// escape was none and a value began after its first byte. Such a reading ends as soon as it agrees with the main one,
/// which is usually after a few bytes. If further escapes begin meanwhile, the reading with the shorter match gives
/// way.
pub(super) struct FreshReadings {
    readings: [Fresh; 3 * EACH],
    are_active: bool,
}

/// The number of readings for each stage of the decoder.
const EACH: usize = 4;

struct Fresh {
    stage: Stage,
    is_active: bool,
    plain: Plain,
    decoder: Decoder,
}

impl FreshReadings {
    pub(super) fn new(start: State) -> Self {
        let stages = [Stage::Percent, Stage::Backslash, Stage::Entity];
        let readings = array::from_fn(|index| Fresh {
            stage: stages[index / EACH],
            is_active: false,
            plain: Plain::new(Lane::new(start), None),
            decoder: Decoder::new(),
        });
        Self { readings, are_active: false }
    }

    pub(super) fn are_active(&self) -> bool {
        self.are_active
    }

    /// Processes a unit that enters a stage of the main reading's decoder. Begins a reading if the unit is the first
    /// one within an escape.
    pub(super) fn enter(&mut self, matcher: &Matcher, stage: Stage, unit: Unit, begins: bool, masks: &mut Masks) {
        if begins {
            let readings = self.readings.iter_mut().filter(|fresh| fresh.stage == stage);
            let replaced = readings.min_by_key(|fresh| fresh.worth(matcher)).expect("each stage has readings");
            replaced.restart(matcher);
            replaced.is_active = true;
            self.are_active = true;
        }
        let readings = self.readings.iter_mut().filter(|fresh| fresh.stage == stage && fresh.is_active);
        for Fresh { plain, decoder, .. } in readings {
            decoder.push(Stages::from(stage), unit, &mut |unit| plain.push(matcher, unit, masks));
        }
    }

    pub(super) fn finish(&mut self, matcher: &Matcher, masks: &mut Masks) {
        for Fresh { stage, plain, decoder, .. } in self.readings.iter_mut().filter(|fresh| fresh.is_active) {
            decoder.finish(Stages::from(*stage), &mut |unit| plain.push(matcher, unit, masks));
        }
    }

    /// Ends the readings that continue exactly as the main one, or not at all. The main reading is `plain` or, if there
    /// is none, the raw view, which is in the state `raw` at the position `at`.
    pub(super) fn end_if_agree(&mut self, matcher: &Matcher, plain: Option<&Plain>, raw: State, at: usize) {
        for fresh in self.readings.iter_mut().filter(|fresh| fresh.is_active && fresh.decoder.is_idle()) {
            let lane = &fresh.plain.lane;
            let agrees = || match plain {
                Some(plain) => lane.equals(matcher, &plain.lane),
                None => lane.agrees(matcher, raw, at),
            };
            if lane.is_at_start(matcher) || agrees() {
                fresh.restart(matcher);
            }
        }
        self.are_active = self.readings.iter().any(|fresh| fresh.is_active);
    }

    /// Returns where the first escape begins that is incomplete.
    pub(super) fn pending(&self) -> Option<usize> {
        self.active().filter_map(|fresh| fresh.decoder.pending()).min()
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.active().map(|fresh| &fresh.plain.lane)
    }

    pub(super) fn lanes_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.readings.iter_mut().map(|fresh| &mut fresh.plain.lane)
    }

    fn active(&self) -> impl Iterator<Item = &Fresh> {
        self.readings.iter().filter(|fresh| fresh.is_active)
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

    /// Returns whether it is active, how much of a match was read, and where the match begins. If another reading
    /// begins, it replaces the one for which this is the least.
    fn worth(&self, matcher: &Matcher) -> (bool, usize, Option<usize>) {
        (self.is_active, self.plain.lane.length(matcher), self.plain.lane.begun(matcher))
    }
}
