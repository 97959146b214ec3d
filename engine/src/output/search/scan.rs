//! Searches one chunk of an output.
//!
//! A chunk is a range of index records. It contains the lines that begin in these records, even if they end in later
//! records, so that chunks can be searched independently of each other. If the query selects lines by their levels, the
//! levels of a chunk's first lines are determined from the lines before the chunk ([`StreamLevels::before`]).

use std::collections::HashSet;
use std::io;
use std::ops::Range;

use model::{StepRef, StreamName};
use regex::bytes::Regex;

use super::stepped::PIECE;
use super::{Purpose, SearchShared, known};
use crate::output::levels::StreamLevels;
use crate::output::visible::{is_plain, visible_unless};
use crate::spool::{Record, Source, SpoolReader};

/// The maximum number of bytes of a line that are searched.
pub(super) const MAX_LINE: usize = 16 << 20;

/// The maximum number of index records after the chunk that are examined to find the ends of its last lines.
const MAX_LOOKED_AT: u64 = 1 << 20;

/// The results of searching a chunk.
#[derive(Debug, Default)]
pub(super) struct ChunkFindings {
    /// The numbers of the matching lines, in ascending order.
    pub(super) lines: Vec<u64>,
    /// The number of the first line of each step in the chunk, in ascending order.
    pub(super) steps: Vec<(u64, StepRef)>,
    /// The numbers of the lines that begin in the chunk.
    pub(super) begun: Range<u64>,
    /// The first line that may still change, or `None` if no line of the chunk can change.
    pub(super) unfinished: Option<u64>,
    /// The hashes of the distinct lines, if the search collects them.
    pub(super) hashes: HashSet<u64>,
}

/// Searches the lines that begin in the given records. If the search is stopped before the end, the results are
/// incomplete.
pub(super) fn scan(spool: &mut SpoolReader, records: Range<u64>, shared: &SearchShared) -> io::Result<ChunkFindings> {
    if shared.is_stopped() {
        return Ok(ChunkFindings::default());
    }
    let (Some(first), Some(last)) = (spool.record(records.start)?, spool.record(records.end - 1)?) else {
        return Ok(ChunkFindings::default());
    };
    let length = usize::try_from(last.end() - first.offset).map_err(io::Error::other)?;
    let text = spool.read(first.offset, length)?.into_bytes();
    let found = ChunkFindings::default();
    let mut scan = Scan { spool, shared, found, open: [None, None], step: None, levels: [None; 2] };
    for number in records.clone() {
        let Some(record) = scan.spool.record(number)?.filter(|_| !shared.is_stopped()) else { break };
        let at = usize::try_from(record.offset - first.offset).map_err(io::Error::other)?;
        scan.piece(&record, &text[at..at + record.length as usize])?;
    }
    scan.finish(records.end)?;
    let mut found = scan.found;
    found.lines.sort_unstable();
    let begun_by_end = match spool.record(records.end)? {
        Some(next) => next.begun,
        None => last.begun_after(&text[text.len() - last.length as usize..]),
    };
    found.begun = first.begun + 1..begun_by_end + 1;
    Ok(found)
}

struct Scan<'a> {
    spool: &'a mut SpoolReader,
    shared: &'a SearchShared,
    found: ChunkFindings,
    /// The unfinished line of each stream, if there is one.
    open: [Option<UnfinishedLine>; 2],
    step: Option<StepRef>,
    /// For each stream, the state that determines the levels of its next lines. After lines were skipped, the state is
    /// `None`, and has to be determined again from the lines before the next line.
    levels: [Option<StreamLevels>; 2],
}

struct UnfinishedLine {
    number: u64,
    source: Source,
    /// The offset of the line in `output.log`.
    offset: u64,
    text: Vec<u8>,
}

impl UnfinishedLine {
    fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(&text[..text.len().min(MAX_LINE - self.text.len())]);
    }
}

impl Scan<'_> {
    /// Searches a record of the chunk.
    fn piece(&mut self, record: &Record, text: &[u8]) -> io::Result<()> {
        let source = record.source;
        let before = self.step.replace(source.step);
        if before != Some(source.step) {
            self.end_open_lines()?;
            self.found.steps.push((record.begun + 1, source.step));
        }
        if before.is_some_and(|step| step != source.step) {
            self.levels = [Some(StreamLevels::default()); 2];
        }
        let (rest, number) = if record.begins_line() {
            self.end_open_line(source.stream)?;
            (text, record.line)
        } else {
            match self.go_on(record, text)? {
                Some(rest) => (rest, record.line + 1),
                None => return Ok(()),
            }
        };
        match self.wants(record) {
            Some(true) => {}
            Some(false) => return Ok(()),
            None => {
                self.note_unfinished(number);
                return Ok(());
            }
        }
        let complete = memchr::memrchr(b'\n', rest).map_or(0, |newline| newline + 1);
        let offset = record.end() - rest.len() as u64;
        let next = self.complete_lines(&rest[..complete], number, offset, source)?;
        if complete < rest.len() {
            let offset = offset + complete as u64;
            let mut open = UnfinishedLine { number: next, source, offset, text: Vec::new() };
            open.push(&rest[complete..]);
            self.open[source.stream as usize] = Some(open);
        }
        Ok(())
    }

    /// Adds the beginning of a record to the line that it continues. Returns the text after that line, or `None` if the
    /// line does not end in this record.
    fn go_on<'t>(&mut self, record: &Record, text: &'t [u8]) -> io::Result<Option<&'t [u8]>> {
        let newline = memchr::memchr(b'\n', text);
        let open = self.open[record.source.stream as usize].as_mut().filter(|open| open.number == record.line);
        if let Some(open) = open {
            open.push(&text[..newline.unwrap_or(text.len())]);
        }
        let Some(newline) = newline else { return Ok(None) };
        self.end_open_line(record.source.stream)?;
        Ok(Some(&text[newline + 1..]))
    }

    /// Finds the ends of the lines that are still unfinished at the end of the chunk, and searches these lines.
    fn finish(&mut self, end: u64) -> io::Result<()> {
        let last = self.shared.records.min(end.saturating_add(MAX_LOOKED_AT));
        for number in end..last {
            if self.open.iter().flatten().all(|open| open.text.len() >= MAX_LINE) || self.shared.is_stopped() {
                break;
            }
            let Some(record) = self.spool.record(number)? else { break };
            if self.step != Some(record.source.step) {
                self.end_open_lines()?;
                break;
            }
            if self.open[record.source.stream as usize].is_none() {
                continue;
            }
            if record.begins_line() {
                self.end_open_line(record.source.stream)?;
            } else {
                let text = self.spool.text(&record)?;
                self.go_on(&record, text.as_bytes())?;
            }
        }
        // Only the first `MAX_LINE` bytes of a line are searched, so a line of that length no longer changes.
        let changing = self.open.iter().flatten().filter(|open| open.text.len() < MAX_LINE);
        if let Some(number) = changing.map(|open| open.number).min() {
            self.note_unfinished(number);
        }
        self.end_open_lines()
    }

    fn note_unfinished(&mut self, number: u64) {
        self.found.unfinished = Some(self.found.unfinished.map_or(number, |before| before.min(number)));
    }

    fn end_open_lines(&mut self) -> io::Result<()> {
        self.end_open_line(StreamName::Stdout)?;
        self.end_open_line(StreamName::Stderr)
    }

    fn end_open_line(&mut self, stream: StreamName) -> io::Result<()> {
        match self.open[stream as usize].take() {
            Some(open) => self.line(open.number, &open.text, open.offset, open.source),
            None => Ok(()),
        }
    }

    /// Searches complete lines. `first` and `offset` are the number and the offset of the first one. Returns the number
    /// of the line after them.
    fn complete_lines(&mut self, text: &[u8], first: u64, offset: u64, source: Source) -> io::Result<u64> {
        let query = &self.shared.query;
        let pattern = query.bulk().filter(|_| is_plain(text));
        let (mut number, mut at) = (first, 0);
        while at < text.len() && !self.shared.is_stopped() {
            let block = &text[at..at + block_of_lines(&text[at..])];
            match pattern {
                Some(pattern) if block.len() <= PIECE => number = self.plain_lines(block, number, pattern),
                _ => {
                    let mut begin = 0;
                    for newline in memchr::memchr_iter(b'\n', block) {
                        self.line(number, &block[begin..newline], offset + (at + begin) as u64, source)?;
                        number += 1;
                        begin = newline + 1;
                    }
                }
            }
            at += block.len();
        }
        Ok(number)
    }

    /// Searches a block of lines at once. The lines must be plain ([`is_plain`]). Returns the number of the line after
    /// them.
    fn plain_lines(&mut self, text: &[u8], first: u64, pattern: &Regex) -> u64 {
        let (mut number, mut line) = (first, 0);
        while let Some(found) = pattern.find_at(text, line) {
            number += newlines(&text[line..found.start()]);
            self.take(number);
            let Some(newline) = memchr::memchr(b'\n', &text[found.start()..]) else { break };
            number += 1;
            line = found.start() + newline + 1;
        }
        number + newlines(&text[line..])
    }

    fn line(&mut self, number: u64, text: &[u8], offset: u64, source: Source) -> io::Result<()> {
        let query = &self.shared.query;
        let levels = &mut self.levels[source.stream as usize];
        if !self.shared.lines.contains(&number) || self.shared.is_stopped() {
            *levels = None;
            return Ok(());
        }
        let Some(text) = visible_unless(&|| self.shared.is_stopped(), text) else { return Ok(()) };
        if self.shared.purpose == Purpose::Collect {
            self.found.hashes.extend(known::hash(&text));
            return Ok(());
        }
        let is_wanted = !query.uses_levels() || {
            let levels = match levels {
                Some(levels) => levels,
                None => levels.insert(StreamLevels::before(self.spool, source, offset)?),
            };
            query.takes_level(levels.read(&text, offset, source.stream))
        };
        if is_wanted && query.takes_text(&text, &|| self.shared.is_stopped()) {
            self.found.lines.push(number);
        }
        Ok(())
    }

    fn take(&mut self, number: u64) {
        if self.shared.lines.contains(&number) {
            self.found.lines.push(number);
        }
    }

    /// Returns whether the query selects the source of a record, or `None` if the id of the record's step is not known
    /// yet.
    fn wants(&self, record: &Record) -> Option<bool> {
        self.shared.query.source.takes(record.source, &self.shared.steps)
    }
}

/// Returns the total length of the leading lines of `text` that fit into [`PIECE`] bytes. If the first line alone is
/// longer, returns the length of that line. `text` must consist of complete lines.
fn block_of_lines(text: &[u8]) -> usize {
    let newline = match text.get(..PIECE) {
        Some(beginning) => memchr::memrchr(b'\n', beginning).or_else(|| memchr::memchr(b'\n', text)),
        None => None,
    };
    newline.map_or(text.len(), |newline| newline + 1)
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
mod tests;
