//! One line of output, and how it comes together from the pieces that arrive.

use crate::model::{Level, LogPayload, OutputLine, Segment, Seq, Stage, StreamName, Timestamp};

use crate::ansi::{self, Scanner, Style};
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

/// A step's place: a line belongs to one, and so does a colour that is carried from line to line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepKey {
    /// The step's stage.
    pub stage: Stage,
    /// Its place there.
    pub index: i32,
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
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on one another")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place.
    pub key: LineKey,
    /// The step that printed it.
    pub step: StepKey,
    /// The output it was printed to.
    pub stream: StreamName,
    /// The event with its first byte.
    pub first_seq: Seq,
    /// When that chunk's first byte was captured.
    pub time: Timestamp,
    /// Its text with escape sequences, without carriage returns: what they rewrote is gone.
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
    /// A carriage return came last: the next character rewrites the line.
    rewrite: bool,
    /// A carriage return has rewritten it: whatever stood in front is gone.
    rewritten: bool,
}

impl Line {
    /// Begins a line with nothing in it.
    #[must_use]
    pub fn new(key: LineKey, payload: &LogPayload, seq: Seq, style: Style) -> Self {
        let step = StepKey { stage: payload.stage, index: payload.step_index };
        Self::empty(key, step, (payload.stream, payload.time), seq, style)
    }

    fn empty(key: LineKey, step: StepKey, (stream, time): (StreamName, Timestamp), seq: Seq, style: Style) -> Self {
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
            rewrite: false,
            rewritten: false,
        }
    }

    /// Makes a line that was loaded by its number; `seq` is where it stands among the events.
    #[must_use]
    pub fn loaded(attempt: i32, line: OutputLine, step: StepKey, seq: Seq) -> Self {
        let key = LineKey { attempt, number: line.line };
        let mut loaded = Self::empty(key, step, (line.stream, line.time), seq, Style::default());
        let piece = Piece { number: line.line, text: &line.text, ended: true };
        loaded.push(&piece, seq, &mut Scanner::default());
        loaded.cut |= line.truncated;
        loaded
    }

    /// Adds what came after; `scanner` reads along and so knows the look of what follows.
    pub fn push(&mut self, piece: &Piece<'_>, seq: Seq, scanner: &mut Scanner) {
        if self.ended {
            return;
        }
        self.ended = piece.ended;
        self.first_seq = self.first_seq.min(seq);
        for (index, part) in piece.text.split('\r').enumerate() {
            self.rewrite |= index > 0;
            if part.is_empty() {
                continue;
            }
            if self.rewrite {
                self.rewrite = false;
                self.rewritten = true;
                self.text.clear();
                self.cut = false;
                scanner.end_line();
                self.style = scanner.style();
            }
            self.keep(part);
            scanner.skip(part);
        }
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
        // A line that a carriage return has rewritten has its own.
        if self.style != style && !self.rewritten {
            self.style = style;
            self.revision = self.revision.wrapping_add(1);
        }
    }

    fn keep(&mut self, part: &str) {
        let mut end = part.len().min(MAX_LINE_BYTES.saturating_sub(self.text.len()));
        while !part.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&part[..end]);
        self.cut |= end < part.len();
    }

    fn look_again(&mut self) {
        self.level = level::of_line(&ansi::plain_text(&self.text), self.stream);
        self.cells = ansi::cells(&self.text);
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
pub struct Piece<'a> {
    /// The line's number.
    pub number: i64,
    /// The text.
    pub text: &'a str,
    /// Whether the line ends with it.
    pub ended: bool,
}

/// Cuts a chunk's text into what it adds to each line.
#[must_use]
pub fn pieces<'a>(text: &'a str, payload: &LogPayload) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for (Segment(_, _, line), segment) in segments(text, payload) {
        cut_at_newlines(segment, line, &mut pieces);
    }
    pieces
}

/// Cuts a chunk's text into its segments; a chunk whose pieces all touch is one.
///
/// The segments of a chunk count bytes of `output.log`, in which what is not UTF-8 took less room than its stand-in does
/// in the text; see [`segment_length`].
#[must_use]
pub fn segments<'a>(text: &'a str, payload: &LogPayload) -> Vec<(Segment, &'a str)> {
    let Some(segments) = payload.segments.as_deref().filter(|segments| !segments.is_empty()) else {
        return vec![(Segment(payload.offset, payload.bytes, payload.line), text)];
    };
    let mut rest = text;
    let mut bytes_left: i64 = segments.iter().map(|&Segment(_, bytes, _)| bytes).sum();
    let cut = |(index, &segment): (usize, &Segment)| {
        let Segment(_, bytes, _) = segment;
        let length = if index + 1 == segments.len() { rest.len() } else { segment_length(rest, bytes, bytes_left) };
        let (piece, after) = rest.split_at(length);
        rest = after;
        bytes_left -= bytes;
        (segment, piece)
    };
    segments.iter().enumerate().map(cut).collect()
}

fn cut_at_newlines<'a>(text: &'a str, first: i64, pieces: &mut Vec<Piece<'a>>) {
    for (number, part) in (first..).zip(text.split_inclusive('\n')) {
        let ended = part.ends_with('\n');
        pieces.push(Piece { number, text: part.strip_suffix('\n').unwrap_or(part), ended });
    }
}

/// Returns how many bytes of the text stand for the next `bytes` bytes of `output.log`, of which `bytes_left` are left in all.
///
/// Exact while the text is what was printed. Where it holds U+FFFD for what was not UTF-8, each of them took one to
/// three bytes; how many, on average, follows from the difference in length.
fn segment_length(rest: &str, bytes: i64, bytes_left: i64) -> usize {
    let wanted = usize::try_from(bytes).unwrap_or(0);
    let growth = i64::try_from(rest.len()).unwrap_or(i64::MAX) - bytes_left;
    if growth <= 0 {
        let mut end = wanted.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        return end;
    }
    let mut growth = usize::try_from(growth).unwrap_or(0);
    let mut stand_ins = rest.matches('\u{fffd}').count().max(1);
    let mut taken = 0;
    for (at, character) in rest.char_indices() {
        if taken >= wanted {
            return at;
        }
        taken += character.len_utf8();
        if character == '\u{fffd}' {
            let grown = growth.div_ceil(stand_ins).min(2);
            taken -= grown;
            growth -= grown.min(growth);
            stand_ins = stand_ins.saturating_sub(1).max(1);
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests;
