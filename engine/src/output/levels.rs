//! Determines the level of each line, which may depend on the lines before it.
//!
//! A line that continues a message has the level of the message's first line ([`model::level`]). Reading can begin at
//! any line. In this case, a bounded number of bytes before the line determines which message, if any, the line
//! continues. The level of a line therefore does not depend on where reading began.

use std::borrow::Cow;
use std::io;

use model::level::{LOOK_AT_BYTES, LineLevel, MAX_LINES, MessageState, is_state_known};
use model::{Level, StreamName};

use super::lines::Line;
use super::visible::visible;
use crate::spool::{Source, SpoolReader};

/// The maximum distance between the first line of a message and a line that continues the message, in bytes of
/// `output.log`. The limit is enough for a message with the maximum number of lines, even if they are coloured and
/// twice as wide as a terminal.
const MAX_MESSAGE: u64 = 128 << 10;

/// The number of bytes of `output.log` before a line that are examined first to determine the line's level. They
/// usually suffice.
const USUALLY_EXAMINED: u64 = 8 << 10;

/// Determines the levels of consecutive lines of one step and one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StreamLevels {
    state: MessageState,
    /// The offset of the first line of the current message.
    begun_at: u64,
}

impl StreamLevels {
    /// Returns the level of the next line, which begins at `offset`, and advances the state. `text` is the line's
    /// visible text.
    pub(super) fn read(&mut self, text: &[u8], offset: u64, stream: StreamName) -> LineLevel {
        if offset - self.begun_at > MAX_MESSAGE {
            self.state = MessageState::default();
        }
        let level = self.state.read(&beginning(text), stream);
        if self.state.lines() == Some(0) {
            self.begun_at = offset;
        }
        level
    }

    /// Determines the state before the line of `source` that begins at `offset`.
    pub(super) fn before(spool: &mut SpoolReader, source: Source, offset: u64) -> io::Result<Self> {
        for window in [USUALLY_EXAMINED, MAX_MESSAGE] {
            let earlier = EarlierLines::read(spool, source, offset.saturating_sub(window), offset)?;
            if let Some(first) = earlier.sufficient(window == MAX_MESSAGE) {
                return Ok(earlier.levels_from(first));
            }
        }
        Ok(Self::default())
    }
}

/// Returns the levels of lines. Fastest if the lines' numbers are consecutive and ascending.
pub(super) fn of_lines(spool: &mut SpoolReader, lines: &[Line]) -> io::Result<Vec<Level>> {
    let mut levels = Vec::with_capacity(lines.len());
    let mut states = [None::<StreamLevels>; 2];
    let mut before: Option<&Line> = None;
    for line in lines {
        match before {
            Some(before) if before.number + 1 != line.number => states = [None; 2],
            Some(before) if before.source.step != line.source.step => states = [Some(StreamLevels::default()); 2],
            _ => {}
        }
        let state = &mut states[line.source.stream as usize];
        let state = match state {
            Some(state) => state,
            None => state.insert(StreamLevels::before(spool, line.source, line.offset)?),
        };
        levels.push(state.read(&visible(&line.text), line.offset, line.source.stream).level);
        before = Some(line);
    }
    Ok(levels)
}

/// Returns the beginning of a line's visible text, which determines the line's level.
fn beginning(text: &[u8]) -> Cow<'_, str> {
    // Keep four more bytes, the maximum length of a character, so that no character before the limit is cut in two.
    String::from_utf8_lossy(&text[..text.len().min(LOOK_AT_BYTES + 4)])
}

/// Consecutive lines of one step and one stream.
struct EarlierLines {
    source: Source,
    text: Vec<u8>,
    /// For each line, its index in `text` and its offset in `output.log`.
    begins: Vec<(usize, u64)>,
    /// Whether these lines begin with the first line of the step in this stream.
    from_start: bool,
}

impl EarlierLines {
    /// Reads the lines of `source` that begin at an offset from `from` up to, but not including, `to`. A line of
    /// `source` must begin at `to`.
    fn read(spool: &mut SpoolReader, source: Source, from: u64, to: u64) -> io::Result<Self> {
        let mut lines = Self { source, text: Vec::new(), begins: Vec::new(), from_start: from == 0 };
        let mut begins_line = false;
        for number in spool.record_at(from)?.. {
            let Some(record) = spool.record(number)?.filter(|record| record.offset < to) else { break };
            if record.source.step != source.step {
                lines.from_start = true;
            } else if record.source.stream == source.stream {
                let begin = record.offset.max(from);
                let length = usize::try_from(record.end().min(to) - begin).map_err(io::Error::other)?;
                let piece = spool.read(begin, length)?.into_bytes();
                begins_line |= begin == record.offset && record.begins_line();
                lines.push(&piece, begin, begins_line);
                begins_line = piece.ends_with(b"\n");
            }
        }
        Ok(lines)
    }

    fn push(&mut self, piece: &[u8], offset: u64, begins_line: bool) {
        let before = self.text.len();
        let newlines = memchr::memchr_iter(b'\n', piece).map(|newline| newline + 1);
        let begins = begins_line.then_some(0).into_iter().chain(newlines).filter(|begin| *begin < piece.len());
        self.begins.extend(begins.map(|begin| (before + begin, offset + begin as u64)));
        self.text.extend_from_slice(piece);
    }

    /// Returns the visible text of a line.
    fn line(&self, at: usize) -> Cow<'_, [u8]> {
        let end = self.begins.get(at + 1).map_or(self.text.len(), |(begin, _)| *begin);
        let line = &self.text[self.begins[at].0..end];
        visible(line.strip_suffix(b"\n").unwrap_or(line))
    }

    /// Returns the index of the last line at which reading can start so that the state after all lines is correct.
    /// Returns `None` if reading must start before these lines. If `reaches_limit` is true, earlier lines are too far
    /// away to affect the state.
    fn sufficient(&self, reaches_limit: bool) -> Option<usize> {
        let count = self.begins.len();
        let first = count.saturating_sub(MAX_LINES.into());
        let is_known = |at: &usize| is_state_known(&beginning(&self.line(*at)));
        let known = (first + 1..count).rev().find(is_known).map(|at| at - 1);
        known.or_else(|| (first > 0 || self.from_start || reaches_limit).then_some(first))
    }

    /// Reads all lines from index `first` on, and returns the state after them.
    fn levels_from(&self, first: usize) -> StreamLevels {
        let mut levels = StreamLevels::default();
        for at in first..self.begins.len() {
            levels.read(&self.line(at), self.begins[at].1, self.source.stream);
        }
        levels
    }
}
