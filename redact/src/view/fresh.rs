//! Alternative readings of the decoded text, for text before a value that looks like the beginning of an escape.

use std::array;

use crate::decode::{Decoder, Stage, Stages, Unit};
use crate::masks::Masks;
use crate::matcher::Matcher;
use crate::sets::Automata;

use super::lane::Lane;
use super::plain::Plain;

/// Additional plain views that begin within an escape: a few for each stage of the decoder.
///
/// Text before a value may look like the beginning of an escape, which then includes the first bytes of the value. For
/// example, if the path `C:\` precedes the value `new"`, JSON contains `C:\\new\"`, and `\\n` looks like an escape.
/// Therefore, each escape is also read in a second way: its first byte is ordinary text, and a value begins after it.
/// Such a *reading* ends as soon as it agrees with the main reading, usually after a few bytes. If too many readings
/// are active, a new one replaces the one with the shortest partial match.
#[derive(Clone)]
pub(super) struct FreshReadings<A: Automata> {
    percent: StageReadings<A>,
    backslash: StageReadings<A>,
    entity: StageReadings<A>,
}

/// The readings that begin within an escape of one stage.
#[derive(Clone)]
struct StageReadings<A: Automata> {
    stage: Stage,
    /// Whether any of the readings is active.
    is_active: bool,
    readings: [Fresh<A>; 4],
}

#[derive(Clone)]
struct Fresh<A: Automata> {
    is_active: bool,
    plain: Plain<A>,
    decoder: Decoder,
}

impl<A: Automata> FreshReadings<A> {
    pub(super) fn new(start: A::State) -> Self {
        let readings =
            |stage| StageReadings { stage, is_active: false, readings: array::from_fn(|_| Fresh::new(start)) };
        Self {
            percent: readings(Stage::Percent),
            backslash: readings(Stage::Backslash),
            entity: readings(Stage::Entity),
        }
    }

    #[inline]
    pub(super) fn are_active(&self) -> bool {
        self.percent.is_active || self.backslash.is_active || self.entity.is_active
    }

    /// Processes a unit that enters a stage of the main reading's decoder. If the unit is the first one within an
    /// escape (`begins`), begins a reading with it.
    #[inline]
    pub(super) fn enter(&mut self, matcher: &Matcher<A>, stage: Stage, unit: Unit, begins: bool, masks: &mut Masks) {
        let readings = match stage {
            Stage::Ansi => return,
            Stage::Percent => &mut self.percent,
            Stage::Backslash => &mut self.backslash,
            Stage::Entity => &mut self.entity,
        };
        if begins {
            readings.begin(matcher);
        }
        if readings.is_active {
            readings.push(matcher, unit, masks);
        }
    }

    pub(super) fn finish(&mut self, matcher: &Matcher<A>, stages: Stages, masks: &mut Masks) {
        for StageReadings { stage, readings, .. } in self.stages_mut() {
            let stages = stages.and(Stages::from(*stage));
            for Fresh { plain, decoder, .. } in readings.iter_mut().filter(|fresh| fresh.is_active) {
                decoder.finish(stages, &mut |unit| plain.push(matcher, unit, masks));
            }
        }
    }

    /// Ends each reading that has no partial match, or that will find the same matches as the main reading. The main
    /// reading is `plain`. If `plain` is `None`, the main reading is the raw view, which is in the state `raw` at the
    /// position `at`.
    pub(super) fn end_if_agree(&mut self, matcher: &Matcher<A>, plain: Option<&Plain<A>>, raw: A::State, at: usize) {
        let agrees = |lane: &Lane<A>| match plain {
            Some(plain) => lane.equals(matcher, &plain.lane),
            None => lane.agrees(matcher, raw, at),
        };
        for stage in self.stages_mut().into_iter().filter(|stage| stage.is_active) {
            for fresh in stage.readings.iter_mut().filter(|fresh| fresh.is_active && fresh.decoder.is_idle()) {
                let lane = &fresh.plain.lane;
                if lane.is_at_start(matcher) || agrees(lane) {
                    fresh.restart(matcher);
                }
            }
            stage.is_active = stage.readings.iter().any(|fresh| fresh.is_active);
        }
    }

    /// Returns the position of the first incomplete escape in any active reading.
    pub(super) fn pending(&self) -> Option<usize> {
        self.active().filter_map(|fresh| fresh.decoder.pending()).min()
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane<A>> {
        self.active().map(|fresh| &fresh.plain.lane)
    }

    pub(super) fn lanes_mut(&mut self) -> impl Iterator<Item = &mut Lane<A>> {
        self.stages_mut().into_iter().flat_map(|stage| &mut stage.readings).map(|fresh| &mut fresh.plain.lane)
    }

    fn active(&self) -> impl Iterator<Item = &Fresh<A>> {
        let stages = [&self.percent, &self.backslash, &self.entity].into_iter().filter(|stage| stage.is_active);
        stages.flat_map(|stage| &stage.readings).filter(|fresh| fresh.is_active)
    }

    fn stages_mut(&mut self) -> [&mut StageReadings<A>; 3] {
        [&mut self.percent, &mut self.backslash, &mut self.entity]
    }
}

impl<A: Automata> StageReadings<A> {
    /// Begins a reading. It replaces an inactive one or, if all are active, the one with the shortest partial match.
    fn begin(&mut self, matcher: &Matcher<A>) {
        let replaced = self.readings.iter_mut().min_by_key(|fresh| fresh.worth(matcher));
        let fresh = replaced.expect("there are several readings");
        fresh.restart(matcher);
        fresh.is_active = true;
        self.is_active = true;
    }

    fn push(&mut self, matcher: &Matcher<A>, unit: Unit, masks: &mut Masks) {
        for Fresh { plain, decoder, .. } in self.readings.iter_mut().filter(|fresh| fresh.is_active) {
            decoder.push(Stages::from(self.stage), unit, &mut |unit| plain.push(matcher, unit, masks));
        }
    }
}

impl<A: Automata> Fresh<A> {
    fn new(start: A::State) -> Self {
        Self { is_active: false, plain: Plain::new(Lane::new(start), None), decoder: Decoder::new() }
    }

    fn restart(&mut self, matcher: &Matcher<A>) {
        self.is_active = false;
        self.plain.restart(matcher);
        if !self.decoder.is_idle() {
            self.decoder = Decoder::new();
        }
    }

    /// Returns the key that decides which reading is replaced, the smallest one first: whether the reading is active,
    /// the length of its partial match, and the position at which the partial match begins.
    fn worth(&self, matcher: &Matcher<A>) -> (bool, usize, Option<usize>) {
        if !self.is_active {
            return (false, 0, None);
        }
        (true, self.plain.lane.length(matcher), self.plain.lane.begun(matcher))
    }
}
