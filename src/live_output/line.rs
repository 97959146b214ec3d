//! One line of output, and how it comes together from the pieces that arrive.

use std::borrow::Cow;

use crate::model::{Level, LogPayload, OutputLine, Segment, Seq, StepRef, StreamName, Timestamp};

use crate::ansi::{self, LineEnd, Scanner, Style};
use crate::level;

/// More of a line is not kept in the page: a terminal's width 200 times over. All of it is in the download.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// Where a line stands: the attempt that printed it, and its number there, from 1. Lines sort by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey {
    /// The attempt.
    pub attempt: i32,
    /// The line's number within the attempt.
    pub number: i64,
}

/// How a line was found to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The panel's width in columns at that time.
    pub columns: u32,
    /// How many rows of text the line took.
    pub rows: u32,
}

/// One line of output as far as it has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveLine {
    /// Its place.
    pub key: LineKey,
    /// The step that printed it.
    pub step: StepRef,
    /// The output it was printed to.
    pub stream: StreamName,
    /// The event with its first byte.
    pub first_seq: Seq,
    /// When that chunk's first byte was captured.
    pub time: Timestamp,
    /// What a terminal shows of it, with escape sequences for styles and links; of a line that has not ended, also where the
    /// cursor is.
    pub text: String,
    /// How its first character looks.
    pub style: Style,
    /// How much it matters, by its words.
    pub level: Level,
    /// How many columns it takes.
    pub cells: u32,
    /// Whether there is more of it than is kept.
    pub cut: bool,
    /// Whether its beginning is held. Of the first line after a place that is not known, that is not known either.
    pub whole: bool,
    /// Whether its newline has come, or it was loaded: nothing is added to it.
    ended: bool,
    /// How many rows it took when it was drawn, and at how many columns; where the drawn width is not the terminal's.
    pub measured: Option<Measured>,
    /// Grows with every change, so that the page knows what to draw again.
    pub revision: u32,
}

impl LiveLine {
    /// Begins a line with nothing in it.
    #[must_use]
    pub fn new(key: LineKey, payload: &LogPayload, seq: Seq, style: Style) -> Self {
        Self::empty(key, payload.step(), (payload.stream, payload.time), seq, style)
    }

    fn empty(key: LineKey, step: StepRef, (stream, time): (StreamName, Timestamp), seq: Seq, style: Style) -> Self {
        Self {
            key,
            step,
            stream,
            first_seq: seq,
            time,
            text: String::new(),
            style,
            level: Level::Info,
            cells: 0,
            cut: false,
            whole: true,
            ended: false,
            measured: None,
            revision: 0,
        }
    }

    /// Makes a line that was loaded by its number; `seq` is where it stands among the events.
    #[must_use]
    pub fn loaded(attempt: i32, line: OutputLine, step: StepRef, seq: Seq) -> Self {
        let key = LineKey { attempt, number: line.line };
        let mut loaded = Self::empty(key, step, (line.stream, line.time), seq, Style::default());
        let piece = LinePiece { number: line.line, text: &line.text, ended: true };
        loaded.push(&piece, seq, &mut Scanner::default());
        loaded.cut |= line.truncated;
        loaded
    }

    /// Adds what came after; `scanner` reads along and so knows the look of what follows.
    pub fn push(&mut self, piece: &LinePiece<'_>, seq: Seq, scanner: &mut Scanner) {
        if self.ended {
            return;
        }
        self.ended = piece.ended;
        self.first_seq = self.first_seq.min(seq);
        scanner.skip(piece.text);
        self.add(piece.text);
        self.look_again();
    }

    /// Takes the line as it was loaded where only its end is held. One that still grows stays as it is: what was loaded may
    /// already hold what comes.
    pub fn complete(&mut self, loaded: Self, growth: Growth) {
        if !self.whole && (self.ended || growth == Growth::Over) {
            *self = Self { revision: self.revision.wrapping_add(1), ..loaded };
        }
        self.whole = true;
    }

    /// Returns how many rows of text it takes in a panel of that width: it is broken anywhere, as terminals do.
    #[must_use]
    pub fn rows(&self, columns: u32) -> u32 {
        match self.measured {
            Some(measured) if measured.columns == columns => measured.rows,
            _ => self.cells.div_ceil(columns.max(1)).max(1) + u32::from(self.cut),
        }
    }

    /// Takes how its first character looks, now that the line before is known.
    pub fn set_style(&mut self, style: Style) {
        if self.style != style {
            self.style = style;
            self.revision = self.revision.wrapping_add(1);
        }
    }

    /// Adds text, carries out its cursor moves, and keeps what there is room for.
    fn add(&mut self, text: &str) {
        self.text.push_str(text);
        let end = if self.ended { LineEnd::Complete } else { LineEnd::Open };
        let folded = ansi::fold(&self.text, end);
        if let Cow::Owned(text) = folded.text {
            (self.text, self.cut) = (text, folded.cut);
        }
        if self.text.len() > MAX_LINE_BYTES {
            let mut end = MAX_LINE_BYTES;
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            self.text.truncate(end);
            self.text.push_str(if self.ended { "" } else { ansi::DROPPED });
            self.cut = true;
        }
    }

    fn look_again(&mut self) {
        let plain = ansi::plain_text(&self.text);
        self.level = level::of_line(&plain, self.stream);
        self.cells = ansi::columns(&plain);
        self.measured = None;
        self.revision = self.revision.wrapping_add(1);
    }
}

/// Whether an attempt goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Its lines may grow.
    GoesOn,
    /// All of it is there.
    Over,
}

/// What a chunk adds to one line: never holds a newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePiece<'a> {
    /// The line's number.
    pub number: i64,
    /// The text.
    pub text: &'a str,
    /// Whether the line ends with it.
    pub ended: bool,
}

/// Cuts a chunk's text into what it adds to each line.
#[must_use]
pub fn pieces<'a>(text: &'a str, payload: &LogPayload) -> Vec<LinePiece<'a>> {
    let mut pieces = Vec::new();
    for (Segment(_, _, line), segment) in payload.pieces(text) {
        cut_at_newlines(segment, line, &mut pieces);
    }
    pieces
}

fn cut_at_newlines<'a>(text: &'a str, first: i64, pieces: &mut Vec<LinePiece<'a>>) {
    for (number, part) in (first..).zip(text.split_inclusive('\n')) {
        let ended = part.ends_with('\n');
        pieces.push(LinePiece { number, text: part.strip_suffix('\n').unwrap_or(part), ended });
    }
}

#[cfg(test)]
mod tests;
