//! Decodes the escapes of common formats, byte by byte.
//!
//! A [`Decoder`] turns the raw bytes of a stream into [`Unit`]s: decoded bytes, each with the range of raw bytes that
//! it was decoded from. It accepts every format at once and any nesting of formats, such as JSON within JSON or a query
//! string within HTML. For this purpose, it is more lenient than the formats: a run of backslashes counts as one, and
//! `%2541` is decoded as far as possible. Leniency must not hide a value, so each value is passed through the same
//! decoder before it is searched for (see `variants`).
//!
//! A decoder stores only a bounded number of bytes, but it decodes escapes of any length.

mod ansi;
mod backslash;
mod entity;
mod percent;
mod unit;

pub(crate) use ansi::{Ansi, Strings};
pub(crate) use unit::Unit;

use backslash::Backslash;
use entity::Entity;
use percent::Percent;

/// The maximum length of a unit's range of raw bytes, for escapes whose syntax does not limit their length, such as a
/// run of backslashes. If an escape is longer, the range contains only its last bytes.
const LONGEST_ESCAPE: usize = 64;

/// A stage of the decoder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Ansi,
    Percent,
    Backslash,
    Entity,
}

/// A set of stages, which the text passes through in order.
#[derive(Clone, Copy)]
pub(crate) struct Stages(u8);

impl Stages {
    pub(crate) const ALL: Self = Self(0b1111);

    /// Returns the given stage and those after it.
    pub(crate) const fn from(stage: Stage) -> Self {
        Self(Self::ALL.0 << stage as u8 & Self::ALL.0)
    }

    /// Returns the stages that are in both sets.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns all subsets of [`Stages::ALL`].
    pub(crate) fn subsets() -> impl Iterator<Item = Self> {
        (0..=Self::ALL.0).map(Self)
    }

    fn contains(self, stage: Stage) -> bool {
        self.0 & (1 << stage as u8) != 0
    }
}

/// Receives the output of a decoder.
pub(crate) trait Sink {
    /// Receives a decoded unit.
    fn unit(&mut self, unit: Unit);

    /// Receives a unit before a stage decodes it. `_begins_escape` tells whether the unit directly follows the byte
    /// that begins an escape.
    fn enter(&mut self, _stage: Stage, _unit: Unit, _begins_escape: bool) {}
}

impl<F: FnMut(Unit)> Sink for F {
    fn unit(&mut self, unit: Unit) {
        self(unit);
    }
}

/// Removes terminal escape sequences, then decodes percent escapes, backslash escapes and character references.
///
/// The order of the stages matters if one format contains another. `%5C%22` is JSON in a query string. Both
/// `\u0026quot;` (HTML in JSON) and `\&quot;` (JSON in HTML) are decoded, because a backslash before punctuation is
/// dropped.
#[derive(Clone)]
pub(crate) struct Decoder {
    ansi: Ansi,
    percent: Percent,
    backslash: Backslash,
    entity: Entity,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self {
            ansi: Ansi::new(Strings::Shown),
            percent: Percent::default(),
            backslash: Backslash::default(),
            entity: Entity::default(),
        }
    }

    /// Returns whether a decoder that [is idle](Self::is_idle) passes on `byte` unchanged.
    #[inline]
    pub(crate) fn is_plain(byte: u8) -> bool {
        !matches!(byte, b'%' | b'\\' | b'&' | Ansi::ESCAPE)
    }

    /// Returns whether the decoder is between escapes.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.ansi.is_idle() && self.pending().is_none()
    }

    /// Returns the position at which the incomplete escape begins, if there is one. Terminal escape sequences do not
    /// count, because they are not decoded into bytes.
    #[inline]
    pub(crate) fn pending(&self) -> Option<usize> {
        // A stage passes its output on to the next stage, so the pending bytes of a later stage precede those of an
        // earlier stage.
        self.entity.pending().or(self.backslash.pending()).or(self.percent.pending())
    }

    /// Decodes one unit with the given stages.
    pub(crate) fn push(&mut self, stages: Stages, unit: Unit, sink: &mut impl Sink) {
        if !stages.contains(Stage::Ansi) || !self.ansi.push(unit.byte) {
            self.push_percent(stages, unit, sink);
        }
    }

    fn push_percent(&mut self, stages: Stages, unit: Unit, sink: &mut impl Sink) {
        let Self { percent, backslash, entity, .. } = self;
        if stages.contains(Stage::Percent) {
            sink.enter(Stage::Percent, unit, percent.is_begun() && unit.byte != b'%');
            percent.push(unit, &mut |unit| push_backslash(backslash, entity, stages, unit, sink));
        } else {
            push_backslash(backslash, entity, stages, unit, sink);
        }
    }

    /// Ends the input of the given stages. If one of them contains an incomplete escape, its bytes are passed on
    /// unchanged to the later stages in the set, which may still decode them.
    pub(crate) fn finish(&mut self, stages: Stages, sink: &mut impl Sink) {
        let Self { percent, backslash, entity, .. } = self;
        if stages.contains(Stage::Percent) {
            percent.finish(&mut |unit| push_backslash(backslash, entity, stages, unit, sink));
        }
        if stages.contains(Stage::Backslash) {
            backslash.finish(&mut |unit| push_entity(entity, stages, unit, sink));
        }
        if stages.contains(Stage::Entity) {
            entity.finish(&mut |unit| sink.unit(unit));
        }
    }
}

fn push_backslash(backslash: &mut Backslash, entity: &mut Entity, stages: Stages, unit: Unit, sink: &mut impl Sink) {
    if stages.contains(Stage::Backslash) {
        sink.enter(Stage::Backslash, unit, backslash.is_begun() && unit.byte != b'\\');
        backslash.push(unit, &mut |unit| push_entity(entity, stages, unit, sink));
    } else {
        push_entity(entity, stages, unit, sink);
    }
}

fn push_entity(entity: &mut Entity, stages: Stages, unit: Unit, sink: &mut impl Sink) {
    if stages.contains(Stage::Entity) {
        sink.enter(Stage::Entity, unit, entity.is_begun() && unit.byte != b'&');
        entity.push(unit, &mut |unit| sink.unit(unit));
    } else {
        sink.unit(unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the decoded bytes, and the raw text of each of them.
    fn decoded(text: &str) -> (Vec<u8>, Vec<&str>) {
        let (mut bytes, mut raw) = (Vec::new(), Vec::new());
        let mut out = |unit: Unit| {
            bytes.push(unit.byte);
            raw.push(&text[unit.start..unit.end]);
        };
        let mut decoder = Decoder::new();
        for (at, byte) in text.bytes().enumerate() {
            decoder.push(Stages::ALL, Unit::raw(byte, at), &mut out);
        }
        decoder.finish(Stages::ALL, &mut out);
        assert!(decoder.is_idle() || text.ends_with('\x1b'));
        (bytes, raw)
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&decoded(text).0), expected, "{text:?}");
    }

    #[test]
    fn percent_escapes_are_decoded_however_often_they_were_encoded() {
        check("a%2Fb%2fc%252Fd%25252Fe", "a/b/c/d/e");
        check("100% of %zz, %4, %", "100% of %zz, %4, %");
        check("%%41%4%41", "%A%4A");
    }

    #[test]
    fn backslash_escapes_are_decoded_however_often_they_were_encoded() {
        check(r#"\"a\\\"b\\\\\\\"c"#, r#""a"b"c"#);
        check(r"\n\t\\r\/\ \'", "\n\t\r/ '");
        check(r"\x41\u0041\u{41}\U00000041\101", "AAAAA");
        check(r"\\x41\\u0041\\u{41}\\U00000041\\101", "AAAAA");
        check(r"\ud83d\ude00 \u00e9 \u{1F600} \303\251", "😀 é 😀 é");
        check(r"\ud83d! \ud83dX\ude00", "\u{fffd}! \u{fffd}X\u{fffd}");
        check(r"\xz \x4z \u12 \u{} \u{12 \U1 \18", "xz x4z u12 u{} u{12 U1 18");
        check(r"\0 \01 \0", "\0 \x001 \0");
    }

    #[test]
    fn escapes_that_were_encoded_very_often_are_decoded() {
        for times in [1, 31, 32, 33, 200] {
            check(&format!("{}n", "\\".repeat(times)), "\n");
            check(&format!("%{}2F", "25".repeat(times)), "/");
            check(&format!("&{}lt;", "amp;".repeat(times)), "<");
        }
        let far = format!(r"\ud83d{}ude00", "\\".repeat(100));
        check(&far, "\u{fffd}\u{fffd}");
    }

    #[test]
    fn character_references_are_decoded_however_often_they_were_encoded() {
        check("&lt;a&gt; &quot;&apos;&#39;&#x27;&#X2F; &amp;amp;lt;", "<a> \"'''/ <");
        check("a=1&b=2&&amp;& &bogus; &#; &#xzz; &#1114112; &", "a=1&b=2&&& &bogus; &#; &#xzz; &#1114112; &");
        check("&averylongname; &nbsp;", "&averylongname; \u{a0}");
    }

    #[test]
    fn formats_nest_in_any_order() {
        check("%5C%22 %26quot%3B &#37;41", "\" \" %41");
        check(r"\%65 %5C%6E %5Cn", "e \n \n");
        check(r"\u0026quot; \&quot; \u003c \u00253c", "\" \" < %3c");
    }

    #[test]
    fn terminal_escape_sequences_are_removed_and_titles_are_kept() {
        check("a\x1b[1;31mb\x1b(Bc\x1b7d\x1b[0 qe", "abcde");
        check("a\x1b]0;title\x07b\x1b[1\nc\x1b", "a0;title\x07b\nc");
    }

    #[test]
    fn every_unit_has_the_range_of_its_raw_bytes() {
        let (_, raw) = decoded(r"a%2Fb\\n\u00e9&lt;%z");
        assert_eq!(raw, ["a", "%2F", "b", r"\\n", r"\u00e9", r"\u00e9", "&lt;", "%", "z"]);
    }
}
