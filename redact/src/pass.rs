//! Reads past [stops](crate::stop), the bytes at which a view may begin to differ from the raw text, without following
//! the views separately.
//!
//! Most stops do not matter, because no pattern begins near them. This module reads the bytes of a stop, together with
//! a few bytes before and after it, as each [view](crate::view) reads them. The result for a view is a [`Reading`]. If
//! no reading contains the first gram of a pattern (its first 2 or 4 bytes, see [`Skip`]), the stop is passed: from
//! there on, all views are equal again, as if they had been followed.
//!
//! Stops that are close to each other are read together. If this module cannot read a stop, such as an escape of
//! several bytes that stands for a control character, the stop is not passed. The views are then followed separately.

mod token;

use crate::skip::Skip;
use crate::stop::Stops;
use crate::view::{Counted, RUN, Unifier, fold, is_wrappable};
use token::{SAME, Token};

/// The maximum number of bytes that are read at once. Without a limit, the bytes of a long run of white space would be
/// read again and again.
const LONGEST: usize = 128;

/// The position at which the views are equal again.
pub(crate) struct Passed {
    /// The index of the first byte after the stops.
    pub(crate) end: usize,
    /// The number of base64 characters directly before that byte in the joined view.
    pub(crate) counted: Counted,
}

/// Tries to pass the stop at the index `stop`, and the stops shortly after it. `from` is the first index before `stop`
/// at which a pattern may begin. Returns `None` if a pattern may begin before the end of these stops, or if this module
/// cannot read one of them.
pub(crate) fn pass(skip: &Skip, stops: Stops, from: usize, stop: usize) -> Option<Passed> {
    let text = stops.view.text;
    if stops.view.base + stop < stops.counted.begin() {
        // The state of the joined view is not known there.
        return None;
    }
    let mut readings = Readings::new(skip, stops, from, stop);
    let (mut at, mut end, mut run) = (stop, stop, readings.run);
    // The gram after the stops is read too. A pattern that begins directly after a backslash must be found here,
    // because its match would include the backslash.
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
    /// The last bytes that were read, folded as in the plain view. The most significant byte is the one that was read
    /// last.
    word: u32,
    /// The number of bytes that must still be read before the next byte completes a gram.
    missing: usize,
}

/// The error that is returned if a pattern may begin with the last gram of a reading.
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
    /// Whether only escape sequences, or nothing, are between the last carriage return and the current position. A line
    /// feed at this position is then invisible.
    after_return: bool,
    plain: PlainReading,
    joined: Option<Reading>,
    /// The number of base64 characters directly before the current position in the joined view, counted up to [`RUN`].
    run: usize,
    /// An additional reading of the text after the first byte of the last escape, as if that byte began no escape. It
    /// ends after a few bytes, because it then equals the other readings.
    fresh: Option<(Reading, PlainReading)>,
    /// The number of bytes that were added to the plain reading in `fresh` after the escape.
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
            // These bytes are fewer than a gram, so they cannot complete the first gram of a pattern yet.
            raw.push(skip, byte).ok();
        }
        let at = view.base + stop;
        let last = Unifier::after(view.byte_before(at));
        let run = stops.counted.run(view, at);
        let plain = PlainReading { reading: raw, last };
        Self { skip, raw, visible: None, after_return: false, plain, joined: None, run, fresh: None, since: 0 }
    }

    /// Reads a token, which consists of the bytes `raw`, in all views. Usually, all views are equal after a
    /// [byte](Token::Byte) that is not part of an escape. Returns whether they may still differ, because the byte
    /// continues a run in the plain view or is not visible.
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

    /// Creates the readings of those views that begin to differ from the raw text at `token`, whose first byte is
    /// `first`.
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

    /// Begins a reading of `rest`, which is an escape without its first byte, as if `rest` were ordinary text.
    fn begin_fresh(&mut self, rest: &[u8]) -> Result<(), MayBegin> {
        if self.fresh.is_some() {
            // Only one such reading is tracked at a time. If a second one would begin, which is rare, this function
            // reports that a pattern may begin.
            return Err(MayBegin);
        }
        // If the escape begins with several backslashes, the reading begins after the last of them.
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
