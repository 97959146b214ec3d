//! Reads past [stops](crate::stop), the bytes at which a view may begin to differ from the raw text, without following
//! the views separately.
//!
//! Most stops do not matter, because no pattern begins near them. This module reads the bytes of a stop, together with
//! a few bytes before and after it, as each [view](crate::view) reads them. If no [reading](Reading) contains the first
//! gram of a pattern, the stop is passed: all views are equal again after it, as if they had been followed.
//!
//! Stops that are close to each other are read together. A stop that this module cannot read, such as an escape of
//! several bytes that stands for a control character, is not passed. The views are then followed separately.

mod token;

use crate::skip::Skip;
use crate::stop::Stops;
use crate::view::{Counted, RUN, Unifier, fold, is_wrappable};
use token::{SAME, Token};

/// The maximum number of bytes that are read at once. Without a limit, long runs of white space would be read again and
/// again.
const LONGEST: usize = 128;

/// The position at which the views are equal again.
pub(crate) struct Passed {
    /// The index of the first byte after the stops.
    pub(crate) end: usize,
    /// The base64 characters before that byte in the joined view.
    pub(crate) counted: Counted,
}

/// Tries to pass the stop at the index `stop`, and those shortly after it. `from` is the first index before the stop at
/// which a pattern may begin. Returns `None` if a pattern may begin before the end of the stops, or if this module
/// cannot read the stops.
pub(crate) fn pass(skip: &Skip, stops: Stops, from: usize, stop: usize) -> Option<Passed> {
    let text = stops.view.text;
    if stops.view.base + stop < stops.counted.begin() {
        // The joined view is not known there.
        return None;
    }
    let mut readings = Readings::new(skip, stops, from, stop);
    let (mut at, mut end, mut run) = (stop, stop, readings.run);
    // A pattern that begins directly after a backslash is read too, because its match would include the backslash.
    while at - end < skip.gram() {
        let token = Token::read(text, at)?;
        let raw = &text[at..at + token.len()];
        let may_differ = readings.push(token, raw).ok()?;
        at += raw.len();
        if may_differ || !matches!(token, Token::Byte) {
            (end, run) = (at, readings.run);
        }
        if at - stop > LONGEST {
            return None;
        }
    }
    (end > stop).then(|| Passed { end, counted: Counted::new(stops.view.base + end, run) })
}

/// The last bytes of a view, and the search for the first gram of a pattern in them.
#[derive(Clone, Copy)]
struct Reading {
    /// The last bytes that were read, folded as in the plain view. The byte that was read last is the most significant
    /// one.
    word: u32,
    /// The number of bytes that must be read until the next byte completes a gram.
    missing: usize,
}

/// The error if a pattern may begin with the last gram of a reading.
struct MayBegin;

impl Reading {
    fn new(skip: &Skip) -> Self {
        Self { word: 0, missing: skip.gram() - 1 }
    }

    #[inline]
    fn push(&mut self, skip: &Skip, byte: u8) -> Result<(), MayBegin> {
        self.word = self.word >> 8 | u32::from(fold(byte)) << 24;
        if self.missing > 0 {
            self.missing -= 1;
        } else if skip.begins(self.word) {
            return Err(MayBegin);
        }
        Ok(())
    }
}

/// The readings of all views. A view has no reading of its own until it differs from the raw text.
struct Readings<'t> {
    skip: &'t Skip,
    raw: Reading,
    visible: Option<Reading>,
    /// Whether a line feed at the current position is invisible, because a carriage return precedes it. Escape
    /// sequences may be between the two.
    after_return: bool,
    plain: PlainReading,
    joined: Option<Reading>,
    /// The number of base64 characters directly before the current position in the joined view, counted up to [`RUN`].
    run: usize,
    /// The text after the first byte of the last escape, read as if that byte began no escape. After a few more bytes,
    /// this reading is the same as the others.
    fresh: Option<(Reading, PlainReading)>,
    /// The number of bytes that the plain reading contains after that escape.
    since: usize,
}

/// The reading of the plain view, in which a run of white space or quotation marks is one byte.
#[derive(Clone, Copy)]
struct PlainReading {
    reading: Reading,
    last: Unifier,
}

impl PlainReading {
    /// Adds a byte, and returns whether it continues a run.
    #[inline]
    fn push(&mut self, skip: &Skip, byte: u8) -> Result<bool, MayBegin> {
        match self.last.push(byte) {
            Some(byte) => self.reading.push(skip, byte).map(|()| false),
            None => Ok(true),
        }
    }
}

impl<'t> Readings<'t> {
    fn new(skip: &'t Skip, stops: Stops<'t>, from: usize, stop: usize) -> Self {
        let view = stops.view;
        let mut raw = Reading::new(skip);
        for &byte in &view.text[from.max(stop.saturating_sub(skip.gram() - 1))..stop] {
            // There are fewer bytes here than in a gram, so they cannot complete the first gram of a pattern yet.
            raw.push(skip, byte).ok();
        }
        let at = view.base + stop;
        let last = Unifier::after(view.byte_before(at));
        let run = stops.counted.run(view, at);
        let plain = PlainReading { reading: raw, last };
        Self { skip, raw, visible: None, after_return: false, plain, joined: None, run, fresh: None, since: 0 }
    }

    /// Reads a token, which consists of the bytes `raw`, in all views. Returns whether the views may still differ after
    /// the token even though it is a [byte](Token::Byte), because that byte continues a run in the plain view or is not
    /// visible.
    #[inline]
    fn push(&mut self, token: Token, raw: &[u8]) -> Result<bool, MayBegin> {
        self.separate(token, raw[0]);
        let is_visible = self.is_visible(token, raw);
        let raw = if matches!(token, Token::Spaces(_)) { &raw[..SAME] } else { raw };
        for &byte in raw {
            self.raw.push(self.skip, byte)?;
        }
        if let Some(visible) = &mut self.visible
            && is_visible
        {
            for &byte in raw {
                visible.push(self.skip, byte)?;
            }
        }
        match token {
            Token::Byte | Token::NoEscape => Ok(self.decoded(raw[0])? || !is_visible),
            Token::Spaces(_) => raw.iter().try_fold(false, |_, &byte| self.decoded(byte)),
            Token::Hidden(_) if raw[0] == b'\r' => raw.iter().try_fold(false, |_, &byte| self.decoded(byte)),
            Token::Hidden(_) | Token::Backslashes(_) => Ok(false),
            Token::Escape(_, byte) => {
                let continues_run = self.decoded(byte)?;
                self.begin_fresh(&raw[1..])?;
                Ok(continues_run)
            }
        }
    }

    /// Begins the readings of the views that begin to differ from the raw text at a token.
    #[inline]
    fn separate(&mut self, token: Token, first: u8) {
        if matches!(token, Token::Hidden(_)) {
            self.visible.get_or_insert(self.raw);
        }
        if !matches!(token, Token::Byte | Token::NoEscape | Token::Spaces(_)) && first != b'\r' {
            self.joined.get_or_insert(self.raw);
        }
    }

    /// Returns whether a token, which consists of the bytes `raw`, is visible on a terminal.
    #[inline]
    fn is_visible(&mut self, token: Token, raw: &[u8]) -> bool {
        if !matches!(token, Token::Hidden(_)) {
            return !(std::mem::take(&mut self.after_return) && raw[0] == b'\n');
        }
        if raw[0] == b'\r' {
            self.after_return = raw.len() == 1;
        }
        false
    }

    /// Reads a decoded byte in the views of decoded text.
    #[inline]
    fn decoded(&mut self, byte: u8) -> Result<bool, MayBegin> {
        if matches!(byte, b'\n' | b'\r') && self.run == RUN {
            // The joined view may drop the line break.
            return Err(MayBegin);
        }
        if let Some(joined) = &mut self.joined {
            joined.push(self.skip, byte)?;
        }
        self.run = if is_wrappable(byte) { RUN.min(self.run + 1) } else { 0 };
        if let Some((reading, plain)) = &mut self.fresh {
            reading.push(self.skip, byte)?;
            self.since += usize::from(!plain.push(self.skip, byte)?);
            if self.since == self.skip.gram() {
                self.fresh = None;
            }
        }
        self.plain.push(self.skip, byte)
    }

    /// Begins to read `rest`, an escape without its first byte, as if it were not part of an escape.
    fn begin_fresh(&mut self, rest: &[u8]) -> Result<(), MayBegin> {
        if self.fresh.is_some() {
            // Only one such reading is tracked at a time. If a second one begins, which is rare, this function reports
            // that a pattern may begin.
            return Err(MayBegin);
        }
        // The reading begins after the last backslash of a run.
        let rest = &rest[rest.iter().take_while(|byte| **byte == b'\\').count()..];
        let mut reading = Reading::new(self.skip);
        let mut plain = PlainReading { reading, last: Unifier::default() };
        for &byte in rest {
            reading.push(self.skip, byte)?;
            plain.push(self.skip, byte)?;
        }
        (self.fresh, self.since) = (Some((reading, plain)), 0);
        Ok(())
    }
}
