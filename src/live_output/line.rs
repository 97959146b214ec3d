//! A line of output, which is either assembled from pieces of chunks (a chunk is the text of one log event) or loaded
//! by number.

mod pieces;
mod shown;

use std::borrow::Cow;

use model::ansi::{self, Folded, LineEnd, Redrawn, Scanner, Style};
use model::group::{GroupMarker, Section};
use model::level::MessageState;
use model::{Level, LogPayload, OutputLine, Seq, StepRef, StreamName, Timestamp};

pub use pieces::{LinePiece, pieces};
pub use shown::ShownRows;

/// The maximum number of bytes that the page stores of a line. This is about 200 times the width of a terminal.
/// Downloads contain the whole line.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// Section markers (group markers in GitLab's format) are recognised up to this length, in bytes, even if they arrive
/// in several pieces.
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

impl LineKey {
    /// The first line of the first attempt.
    pub const FIRST: Self = Self { attempt: 1, number: 1 };

    /// Returns the next line of the same attempt, which may not exist yet.
    #[must_use]
    pub const fn following(self) -> Self {
        Self { attempt: self.attempt, number: self.number + 1 }
    }
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
    /// The time at which the first byte of the line's first chunk was captured.
    pub time: Timestamp,
    /// The text that the line itself printed, as displayed by a terminal, with escape sequences only for styles and
    /// links. For an unfinished line, the text also contains the cursor's position.
    pub text: String,
    /// The style of the first character of `text`.
    pub style: Style,
    /// The content of the line's rows, if other lines have redrawn them.
    shown: ShownRows,
    /// The log level, recognised from `text`. A line that continues a message has the level of the message.
    pub level: Level,
    /// The log level of the text that the line's rows show.
    pub shown_level: Level,
    /// The level that the server reported for a loaded line, or `None` to determine the level from the text. The
    /// reported level also takes the lines before the window into account.
    reported: Option<Level>,
    /// The state of the stream's multi-line messages before this line, and after this line.
    messages: [MessageState; 2],
    /// The group markers in the line, in order.
    pub markers: Box<[GroupMarker]>,
    /// The printed text of an unfinished line that may begin with section markers, or an empty string for other lines.
    beginning: String,
    /// The width of the line's rows in columns.
    pub cells: u32,
    /// Whether text was dropped because the line was too long.
    cut: bool,
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
            shown: ShownRows::AsPrinted,
            level: Level::Info,
            shown_level: Level::Info,
            reported: None,
            messages: [MessageState::default(); 2],
            markers: Box::default(),
            beginning: String::new(),
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
        // The server reports the level of the text that is shown. If other lines have redrawn the rows of this line,
        // that text is not the printed text, so the reported level is not used.
        loaded.reported = (line.printed.is_none() || line.drawn_on.is_some()).then_some(line.level);
        loaded.markers = line.sections.into_iter().map(GroupMarker::from).collect();
        let printed = line.printed.as_deref().unwrap_or(&line.text);
        let piece = LinePiece { number: line.line, text: printed, ended: true };
        loaded.push(&piece, seq, &mut Scanner::default());
        match line.drawn_on {
            Some(on) => loaded.redraw(Redrawn::Overdrawn { on }),
            None if line.printed.is_some() => {
                loaded.redraw(Redrawn::Rows(Folded { text: line.text.into(), cut: line.truncated }));
            }
            None => loaded.cut |= line.truncated,
        }
        loaded
    }

    /// Appends a piece of text. `scanner` also parses the piece, to determine the style of the text that follows.
    pub fn push(&mut self, piece: &LinePiece<'_>, seq: Seq, scanner: &mut Scanner) {
        if !self.ended {
            self.ended = piece.ended;
            self.first_seq = self.first_seq.min(seq);
            self.recognise_sections(piece.text);
            scanner.skip(piece.text);
            self.add(piece.text);
            self.look_again();
        }
    }

    /// If the beginning of this line is missing, replaces this line with the loaded line. A line that may still grow is
    /// not replaced, because the loaded text may contain pieces that will also arrive in later events.
    pub fn complete(&mut self, loaded: Self, growth: Growth) {
        if !self.whole && (self.ended || growth == Growth::Finished) {
            let shown = std::mem::take(&mut self.shown);
            *self = Self { revision: self.revision.wrapping_add(1), ..loaded };
            // Live events also redraw rows, so the current rows may be newer than the loaded rows.
            if shown != ShownRows::AsPrinted {
                self.shown = shown;
                self.look_again();
            }
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
            _ => self.cells.div_ceil(columns.max(1)).max(1) + u32::from(self.is_cut()),
        }
    }

    /// Sets the style of the first character, after the previous line has become known.
    pub fn set_style(&mut self, style: Style) {
        if self.style != style {
            self.style = style;
            self.revision = self.revision.wrapping_add(1);
        }
    }

    /// Returns the state of the stream's multi-line messages after this line.
    #[must_use]
    pub const fn messages_after(&self) -> MessageState {
        self.messages[1]
    }

    /// Sets the state of the stream's multi-line messages before this line, after the previous line of the stream has
    /// become known or has changed.
    pub fn set_messages_before(&mut self, before: MessageState) {
        if self.messages[0] != before {
            self.messages[0] = before;
            let levels = (self.level, self.shown_level);
            let new = self.read_levels(&ansi::plain_text(&self.text));
            self.set_levels(new);
            if levels != (self.level, self.shown_level) {
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

    /// Recognises section markers, which may arrive in several pieces. They are recognised before later text is added,
    /// because that text may overwrite them.
    fn recognise_sections(&mut self, piece: &str) {
        if !self.text.is_empty() && self.beginning.is_empty() {
            return;
        }
        let line: Cow<'_, str> = match self.beginning.len() {
            0 => piece.into(),
            _ => format!("{}{piece}", self.beginning).into(),
        };
        let sections = Section::of_line(&line);
        if !sections.is_empty() {
            self.markers = sections.into_iter().map(GroupMarker::from).collect();
        }
        let is_unfinished = !self.ended && line.len() <= MAX_MARKER_BYTES && Section::may_begin(&line);
        self.beginning = if is_unfinished { line.into_owned() } else { String::new() };
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

    /// Recomputes all values that depend on the text or on the rows.
    fn look_again(&mut self) {
        let plain = ansi::plain_text(&self.text);
        let levels = self.read_levels(&plain);
        let rows = match &self.shown {
            ShownRows::AsPrinted => plain,
            ShownRows::Redrawn { .. } | ShownRows::Overdrawn { .. } => ansi::plain_text(self.shown_text()),
        };
        let (cells, marker) = (ansi::columns(&rows), GroupMarker::of_text(&rows));
        self.set_levels(levels);
        self.cells = cells;
        if !self.has_rows() {
            self.markers = Box::default();
        } else if !self.markers.first().is_some_and(GroupMarker::is_section) {
            self.markers = marker.into_iter().collect();
        }
        self.measured = None;
        self.revision = self.revision.wrapping_add(1);
    }

    /// Returns the level of the line, the level of its rows, and the state of the messages after the line. `plain` is
    /// the visible text that the line itself printed.
    fn read_levels(&self, plain: &str) -> (Level, Level, MessageState) {
        let mut messages = self.messages[0];
        let read = messages.read(plain, self.stream);
        let level = self.reported.unwrap_or(read.level);
        (level, self.level_of_rows(plain).unwrap_or(level), messages)
    }

    const fn set_levels(&mut self, (level, shown_level, messages): (Level, Level, MessageState)) {
        (self.level, self.shown_level, self.messages[1]) = (level, shown_level, messages);
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

#[cfg(test)]
mod tests;
