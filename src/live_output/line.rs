//! Splits chunks into pieces, one per line, and assembles lines of output from these pieces.

use std::borrow::Cow;

use model::ansi::{self, LineEnd, Redrawn, Scanner, Style};
use model::group::{GroupMarker, Section};
use model::level::MessageState;
use model::{Level, LogPayload, OutputLine, Segment, Seq, StepRef, StreamName, Timestamp};

/// The maximum number of bytes of a line that the page stores, which is about 200 times the width of a terminal.
/// Downloads contain the whole line.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// The maximum length, in bytes, of a recognised section marker. Section markers are one kind of group marker
/// ([`model::group`]).
const MAX_MARKER_BYTES: usize = 1024;

/// The identifier of a line: its attempt, and its number within the attempt, starting at 1. Lines are sorted by this
/// key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey {
    /// The number of the attempt.
    pub attempt: i32,
    /// The number of the line within the attempt, starting at 1.
    pub number: i64,
}

/// The line that owns the rows in which a line was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOwner {
    /// The line itself, which is the usual case.
    ThisLine,
    /// An earlier line, whose rows the program has redrawn. The line itself is not shown.
    EarlierLine,
}

/// The measured height of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The panel's width in columns at the time of the measurement.
    pub columns: u32,
    /// The number of rows of text that the line occupied.
    pub rows: u32,
}

/// The part of a line of output that has arrived so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveLine {
    /// The identifier of the line.
    pub key: LineKey,
    /// The step that printed the line.
    pub step: StepRef,
    /// The stream that the line belongs to.
    pub stream: StreamName,
    /// The `seq` of the event that contains the line's first byte.
    pub first_seq: Seq,
    /// The capture time of the first byte of the chunk in which the line begins.
    pub time: Timestamp,
    /// The text as displayed by a terminal, with escape sequences only for styles and links. For an unfinished line,
    /// the text also contains the cursor's position.
    pub text: String,
    /// The style of the first character.
    pub style: Style,
    /// The log level, recognised from the text. A line that continues a message has the level of the message.
    pub level: Level,
    /// The level that the server reported, or `None` if the line was not loaded by number. It takes precedence over the
    /// level recognised here, because the server also knows the lines before the window.
    reported: Option<Level>,
    /// The state of the stream's multi-line messages before this line, and after it.
    messages: [MessageState; 2],
    /// The group marker in the line, or `None` if there is none.
    pub marker: Option<Box<GroupMarker>>,
    /// Whether the line has rows of its own.
    pub rows_of: RowOwner,
    /// The width of the text in columns.
    pub cells: u32,
    /// Whether text was dropped because the line was too long.
    pub cut: bool,
    /// Whether the beginning of the line is known. It is `false` for the first line after a part of the log that has
    /// not been loaded.
    pub whole: bool,
    /// Whether the line is complete, because its newline has arrived or because it was loaded by number.
    ended: bool,
    /// The height measured in the browser, or `None` if it equals the height computed from `cells`.
    pub measured: Option<Measured>,
    /// A counter that every change increments, so that the page redraws only changed rows.
    pub revision: u32,
}

impl LiveLine {
    /// Creates an empty line.
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
            reported: None,
            messages: [MessageState::default(); 2],
            marker: None,
            rows_of: RowOwner::ThisLine,
            cells: 0,
            cut: false,
            whole: true,
            ended: false,
            measured: None,
            revision: 0,
        }
    }

    /// Creates a line that was loaded by number. `seq` determines the line's position among the lifecycle events.
    #[must_use]
    pub fn loaded(attempt: i32, line: OutputLine, step: StepRef, seq: Seq) -> Self {
        let key = LineKey { attempt, number: line.line };
        let mut loaded = Self::empty(key, step, (line.stream, line.time), seq, Style::default());
        loaded.reported = Some(line.level);
        loaded.marker = line.section.map(|section| Box::new(section.into()));
        let piece = LinePiece { number: line.line, text: &line.text, ended: true };
        loaded.push(&piece, seq, &mut Scanner::default());
        loaded.cut |= line.truncated;
        loaded
    }

    /// Appends a piece of text. `scanner` also parses the piece, to determine the style of the text that follows.
    pub fn push(&mut self, piece: &LinePiece<'_>, seq: Seq, scanner: &mut Scanner) {
        if !self.ended {
            self.note(piece, seq, scanner);
            self.add(piece.text);
            self.look_again();
        }
    }

    /// Records a piece of text without appending it to the line's text, which is taken from the screen on which the
    /// piece is drawn.
    pub fn note(&mut self, piece: &LinePiece<'_>, seq: Seq, scanner: &mut Scanner) {
        self.ended = piece.ended;
        self.first_seq = self.first_seq.min(seq);
        self.recognise_section(piece.text);
        scanner.skip(piece.text);
    }

    /// Replaces the text with the rows that were drawn on the screen.
    pub fn redraw(&mut self, redrawn: Redrawn) {
        match redrawn {
            Redrawn::Rows(rows) => {
                self.rows_of = RowOwner::ThisLine;
                // The rows begin with the default style.
                (self.text, self.cut, self.style) = (String::new(), rows.cut, Style::default());
                self.text.push_str(&rows.text);
                self.limit();
            }
            Redrawn::Overdrawn { .. } => {
                (self.rows_of, self.text, self.marker) = (RowOwner::EarlierLine, String::new(), None);
            }
        }
        self.look_again();
    }

    /// Replaces this line with the loaded one if the beginning of this line is missing. A line that may still grow is
    /// not replaced, because the loaded text may contain pieces that will also arrive in later events.
    pub fn complete(&mut self, loaded: Self, growth: Growth) {
        if !self.whole && (self.ended || growth == Growth::Finished) {
            *self = Self { revision: self.revision.wrapping_add(1), ..loaded };
        }
        self.whole = true;
    }

    /// Returns whether the line is complete.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Returns the number of rows of text that the line occupies in a panel of the given width, in columns. As in a
    /// terminal, lines can wrap at any character.
    #[must_use]
    pub fn rows(&self, columns: u32) -> u32 {
        match self.measured {
            Some(measured) if measured.columns == columns => measured.rows,
            _ => self.cells.div_ceil(columns.max(1)).max(1) + u32::from(self.cut),
        }
    }

    /// Sets the style of the first character, after the previous line has become known.
    pub fn set_style(&mut self, style: Style) {
        if self.style != style {
            self.style = style;
            self.revision = self.revision.wrapping_add(1);
        }
    }

    /// Returns the state of the messages after this line.
    #[must_use]
    pub const fn messages_after(&self) -> MessageState {
        self.messages[1]
    }

    /// Sets the state of the messages before this line, after the previous line of the stream has become known or has
    /// changed.
    pub fn set_messages_before(&mut self, before: MessageState) {
        if self.messages[0] != before {
            self.messages[0] = before;
            let (level, after) = self.read_level(&ansi::plain_text(&self.text));
            self.messages[1] = after;
            if self.level != level {
                self.level = level;
                self.revision = self.revision.wrapping_add(1);
            }
        }
    }

    /// Appends text, applies its cursor movements, and truncates the result to [`MAX_LINE_BYTES`].
    fn add(&mut self, text: &str) {
        self.text.push_str(text);
        let end = if self.ended { LineEnd::Complete } else { LineEnd::Open };
        let folded = ansi::fold(&self.text, end);
        if let Cow::Owned(text) = folded.text {
            (self.text, self.cut) = (text, folded.cut);
        }
        self.limit();
    }

    /// Recognises a section marker before the text after it overwrites it. The marker may arrive in several pieces.
    fn recognise_section(&mut self, piece: &str) {
        let section = match self.text.len() {
            0 => Section::of_line(piece),
            1..MAX_MARKER_BYTES if self.marker.is_none() => Section::of_line(&format!("{}{piece}", self.text)),
            _ => None,
        };
        if let Some(section) = section {
            self.marker = Some(Box::new(section.into()));
        }
    }

    fn limit(&mut self) {
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
        let ((level, after), cells) = (self.read_level(&plain), ansi::columns(&plain));
        (self.level, self.messages[1], self.cells) = (level, after, cells);
        if !self.marker.as_ref().is_some_and(|marker| marker.is_section()) {
            self.marker = GroupMarker::of_text(&plain).map(Box::new);
        }
        self.measured = None;
        self.revision = self.revision.wrapping_add(1);
    }

    /// Returns the level of the line, and the state of the stream's messages after it.
    fn read_level(&self, plain: &str) -> (Level, MessageState) {
        let mut messages = self.messages[0];
        let read = messages.read(plain, self.stream);
        (self.reported.unwrap_or(read.level), messages)
    }
}

/// Whether an attempt may still print output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// The attempt is running, so its lines may grow.
    Running,
    /// The attempt has ended, and its output is complete.
    Finished,
}

/// The part of a chunk that belongs to one line. It never contains a newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePiece<'a> {
    /// The number of the line within the attempt, starting at 1.
    pub number: i64,
    /// The text of the piece.
    pub text: &'a str,
    /// Whether a newline follows this piece.
    pub ended: bool,
}

/// Splits the text of a chunk into pieces, one per line.
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
