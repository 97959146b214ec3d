//! A second reading of the plain view.

use crate::decode::{Decoder, Stages, Unit};
use crate::masks::Masks;
use crate::matcher::Matcher;

use super::lane::Lane;
use super::plain::Plain;

/// A plain view that begins within an escape.
///
/// Text before a value may look like the beginning of an escape, which then swallows the first bytes of the value: in
/// JSON, the path `C:\\` before the value `new"` is printed as `C:\\\\new\"`. Therefore, the text is also read as if an
/// escape was none and a value began after its first byte. This reading ends as soon as it agrees with the other one,
/// which is usually after a few bytes.
pub(super) struct Fresh {
    pub(super) plain: Plain,
    decoder: Decoder,
}

impl Fresh {
    pub(super) fn new(matcher: &Matcher) -> Self {
        Self { plain: Plain::new(Lane::new(matcher.start())), decoder: Decoder::new() }
    }

    pub(super) fn push(&mut self, matcher: &Matcher, unit: Unit, masks: &mut Masks) {
        let Self { plain, decoder } = self;
        decoder.push(Stages::ALL, unit, &mut |unit| plain.push(matcher, unit, masks));
    }

    pub(super) fn finish(&mut self, matcher: &Matcher, masks: &mut Masks) {
        let Self { plain, decoder } = self;
        decoder.finish(Stages::ALL, &mut |unit| plain.push(matcher, unit, masks));
    }

    /// Returns where the escape begins that is incomplete.
    pub(super) fn pending(&self) -> Option<usize> {
        self.decoder.pending()
    }

    /// Returns whether this reading continues exactly as `plain`, or not at all.
    pub(super) fn agrees(&self, matcher: &Matcher, plain: &Plain) -> bool {
        self.decoder.is_idle() && (self.plain.lane.is_at_start(matcher) || self.plain.lane.equals(matcher, &plain.lane))
    }
}
