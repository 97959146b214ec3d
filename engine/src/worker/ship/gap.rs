//! Finds the range of a step's output to suppress, from the shipper's cursor to the beginning of the tail.

use std::io;

use model::{GapReason, StreamName};

use crate::event_log::{GapRange, NewEvent};
use crate::spool::{Record, SpoolReader};

use super::chunks::StepOrigins;

/// The maximum number of bytes by which a tail is shortened to start at the beginning of a line. If no line begins in
/// that range, the tail starts in the middle of a line.
const REACH: u64 = 64 << 10;
/// The number of bytes of `output.log` that are read at once to count lines.
const BLOCK: u64 = 1 << 20;

/// A suppressed range.
pub(super) struct Gap {
    /// The gap event; `None` if nothing is suppressed because all of the output fits in the tail.
    pub(super) event: Option<NewEvent>,
    /// The offset at which sending continues.
    pub(super) to: u64,
    /// The offset at which the step's output ends.
    pub(super) step_end: u64,
}

/// Finds the range to suppress. It begins at `from` and leaves at most `tail_bytes` bytes of the step's output to be
/// sent. All output before `stop` must be in the spool.
pub(super) fn find(
    spool: &mut SpoolReader,
    steps: &StepOrigins,
    (from, stop): (u64, u64),
    tail_bytes: u64,
    reason: GapReason,
) -> io::Result<Gap> {
    let first = spool.record_at(from)?;
    let step_end = end_of_step(spool, first, stop)?;
    let to = match step_end.checked_sub(tail_bytes) {
        Some(tail) if tail > from => well_begun(spool, tail, tail + REACH.min(tail_bytes / 2), step_end)?,
        _ => return Ok(Gap { event: None, to: from, step_end }),
    };
    let lines = count_lines(spool, first, (from, to))?;
    let source = spool.record(first)?.map(|record| record.source);
    let event = source.and_then(|source| steps.origin(source)).map(|origin| {
        let range = GapRange { from: signed(from), to: signed(to), first_line: lines.first, lines: lines.count };
        NewEvent::gap(origin, range, reason)
    });
    Ok(Gap { event, to, step_end })
}

/// Returns the offset at which a step's output ends, or `stop` if that is earlier. `first` is the number of one of the
/// step's records, which are contiguous.
fn end_of_step(spool: &mut SpoolReader, first: u64, stop: u64) -> io::Result<u64> {
    let place = |record: Record| record.source.step;
    let here = spool.record(first)?.map(place);
    let (mut low, mut high) = (first, spool.record_at(stop)?);
    while low < high {
        let middle = u64::midpoint(low, high);
        if spool.record(middle)?.map(place) == here { low = middle + 1 } else { high = middle }
    }
    let last = low.checked_sub(1).map(|last| spool.record(last)).transpose()?.flatten();
    Ok(last.map_or(stop, |record| record.end().min(stop)))
}

/// Returns the offset of the first line that begins at or after `at`. If no line begins before `limit`, returns the
/// offset of the first character that begins at or after `at`.
fn well_begun(spool: &mut SpoolReader, at: u64, limit: u64, end: u64) -> io::Result<u64> {
    // Include the byte before `at`, which may be a newline, and up to three continuation bytes of a character.
    let until = end.min(limit.max(at + 3));
    let text = spool.read(at - 1, usize::try_from(until - at + 1).unwrap_or(0))?;
    let bytes = text.as_bytes();
    let reach = usize::try_from(limit - at).unwrap_or(0).min(bytes.len());
    if let Some(newline) = memchr::memchr(b'\n', &bytes[..reach]) {
        return Ok(at + newline as u64);
    }
    let torn = bytes[1..].iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
    Ok(at + torn as u64)
}

/// The lines that overlap a range of the output.
#[derive(Default)]
struct Lines {
    first: i64,
    count: i64,
    /// The number of the latest line of each stream, or `None` before the stream's first piece.
    last: [Option<u64>; 2],
}

impl Lines {
    /// Adds a piece of a stream's output that starts in line `line`.
    fn add(&mut self, stream: StreamName, line: u64, text: &[u8]) {
        let newlines = memchr::memchr_iter(b'\n', text).count() as u64;
        let last = line + newlines - u64::from(text.last() == Some(&b'\n'));
        let goes_on = self.last[stream as usize].replace(last) == Some(line);
        self.first = if self.count == 0 { signed(line) } else { self.first.min(signed(line)) };
        self.count += signed(last - line + 1) - i64::from(goes_on);
    }
}

fn count_lines(spool: &mut SpoolReader, first: u64, (from, to): (u64, u64)) -> io::Result<Lines> {
    let mut lines = Lines::default();
    let mut window = Window { spool, from: 0, bytes: Vec::new() };
    for number in first.. {
        let Some(record) = window.spool.record(number)?.filter(|record| record.offset < to) else { break };
        let begin = record.offset.max(from);
        let before = window.read(record.offset, begin)?;
        let line = record.line + memchr::memchr_iter(b'\n', before).count() as u64;
        lines.add(record.source.stream, line, window.read(begin, record.end().min(to))?);
    }
    Ok(lines)
}

/// A buffer that combines reads of consecutive small pieces into large reads.
struct Window<'a> {
    spool: &'a mut SpoolReader,
    from: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    fn read(&mut self, from: u64, to: u64) -> io::Result<&[u8]> {
        let held = self.from + self.bytes.len() as u64;
        if from < self.from || to > held {
            let length = (to - from).max(BLOCK.min(self.spool.bytes()?.saturating_sub(from)));
            self.bytes = self.spool.read(from, usize::try_from(length).unwrap_or(0))?.into_bytes();
            self.from = from;
        }
        let at = |offset: u64| usize::try_from(offset - self.from).unwrap_or(0);
        Ok(&self.bytes[at(from)..at(to)])
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
