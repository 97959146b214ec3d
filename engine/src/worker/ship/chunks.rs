//! Creates log events from a range of the spool: at most one event, called a chunk, for each stream.

use std::io;

use model::{Segment, Timestamp};
use redact::Redacted;

use crate::event_log::{Chunk, NewEvent, Origin};
use crate::spool::{Record, Source, SpoolReader, incomplete_character};

/// The number of bytes that a segment adds to the size of an event, in addition to the text. A segment states where a
/// contiguous piece of the event's text is in the complete log.
const SEGMENT_SIZE: usize = 24;

/// The steps of an attempt, with the ids that are written to events.
#[derive(Clone, Debug)]
pub struct StepOrigins(pub Vec<Origin>);

impl StepOrigins {
    pub(super) fn origin(&self, source: Source) -> Option<&Origin> {
        self.0.iter().find(|origin| origin.step == source.step)
    }
}

/// The chunks of a range of output.
pub(super) struct Chunks {
    pub(super) events: Vec<NewEvent>,
    /// The offset at which the range that was read ends.
    pub(super) to: u64,
    /// Whether the range ends because the budget for both streams together was used up.
    pub(super) budget_is_spent: bool,
}

/// The limits for one read.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadBudget {
    /// The maximum size of the event of each stream, in bytes.
    pub(super) event: usize,
    /// The maximum number of bytes of both streams together.
    pub(super) all: u64,
}

/// Reads output from `from` until `limit`, the budget or the end of the step is reached, whichever comes first.
///
/// If the budget for both streams together is used up, the range ends after the last complete line that fits.
pub(super) fn read(
    spool: &mut SpoolReader,
    steps: &StepOrigins,
    from: u64,
    limit: u64,
    budget: ReadBudget,
) -> io::Result<Chunks> {
    let mut to = from;
    let mut number = spool.record_at(from)?;
    let mut step = None;
    let mut streams: [Option<Building>; 2] = [None, None];
    let mut budget_is_spent = false;
    while to < limit {
        let Some(record) = spool.record(number)? else { break };
        let here = record.source.step;
        if *step.get_or_insert(here) != here {
            break;
        }
        let building = streams[record.source.stream as usize].get_or_insert_with(|| Building::new(&record));
        let own = budget.event.saturating_sub(building.size());
        let wanted = usize::try_from(record.end().min(limit) - to).unwrap_or(usize::MAX);
        if own == 0 {
            break;
        }
        let left = usize::try_from(budget.all - (to - from)).unwrap_or(usize::MAX);
        // Read three bytes more than fit, so that a whole character of up to 4 bytes is read even if only one byte
        // fits.
        let seen = wanted.min(own + 3);
        budget_is_spent = left < seen;
        let mut text = spool.read(to, seen.min(left))?;
        let whole = text.len() == wanted;
        if budget_is_spent {
            text.truncate(memchr::memrchr(b'\n', text.as_bytes()).map_or(0, |newline| newline + 1));
        } else if !whole {
            cut_well(&mut text, own);
        }
        if text.is_empty() {
            break;
        }
        let line = record.line + newlines_before(spool, &record, to)?;
        to += text.len() as u64;
        building.add(to, line, &text);
        if !whole {
            break;
        }
        number += 1;
    }
    let mut events: Vec<(i64, NewEvent)> = streams.into_iter().flatten().filter_map(|s| s.finish(steps)).collect();
    events.sort_by_key(|(offset, _)| *offset);
    Ok(Chunks { events: events.into_iter().map(|(_, event)| event).collect(), to, budget_is_spent })
}

/// Truncates `text` to at most `max_bytes` bytes, or to 4 bytes (the length of the longest character) if `max_bytes` is
/// smaller. Cuts after the last newline or, if there is no newline, between two characters.
fn cut_well(text: &mut Redacted, max_bytes: usize) {
    text.truncate(max_bytes.max(4));
    let end = match memchr::memrchr(b'\n', text.as_bytes()) {
        Some(newline) => newline + 1,
        None => text.len() - incomplete_character(text.as_bytes()),
    };
    text.truncate(end);
}

/// Returns the number of newlines before the offset `at` in the output of `record`.
fn newlines_before(spool: &mut SpoolReader, record: &Record, at: u64) -> io::Result<u64> {
    let skipped = usize::try_from(at - record.offset).unwrap_or(0);
    if skipped == 0 {
        return Ok(0);
    }
    let text = spool.read(record.offset, skipped)?;
    Ok(memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64)
}

/// The chunk of one stream while it is being built.
struct Building {
    source: Source,
    time: Timestamp,
    text: Redacted,
    segments: Vec<Segment>,
    /// The line number at which the next piece must start if it is to continue the last segment.
    next_line: i64,
}

impl Building {
    fn new(record: &Record) -> Self {
        let Record { source, time, .. } = *record;
        Self { source, time, text: Redacted::new(), segments: Vec::new(), next_line: 0 }
    }

    fn size(&self) -> usize {
        let pieces = if self.segments.len() > 1 { self.segments.len() } else { 0 };
        self.text.len() + SEGMENT_SIZE * pieces
    }

    /// Adds a piece of the stream's output that ends at offset `to` and starts in line `line`.
    fn add(&mut self, to: u64, line: u64, text: &Redacted) {
        let (length, line) = (signed(text.len() as u64), signed(line));
        let offset = signed(to) - length;
        let newlines = signed(memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64);
        match self.segments.last_mut() {
            Some(last) if last.0 + last.1 == offset && self.next_line == line => last.1 += length,
            _ => self.segments.push(Segment(offset, length, line)),
        }
        self.next_line = line + newlines;
        self.text.append(text);
    }

    fn finish(self, steps: &StepOrigins) -> Option<(i64, NewEvent)> {
        let first = *self.segments.first()?;
        let origin = steps.origin(self.source)?;
        let joined = self.segments.len() == 1;
        let chunk = Chunk { stream: self.source.stream, time: self.time, segments: self.segments, joined };
        Some((first.0, NewEvent::log(origin, chunk, self.text)))
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
