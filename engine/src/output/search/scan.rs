//! Searches one chunk of an output.
//!
//! A chunk is a range of index records. It contains the lines that begin in these records, even if they end in later
//! ones, so that chunks can be searched independently of each other.

use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;

use model::ansi;
use model::{StepRef, StreamName};

use super::SearchShared;
use crate::spool::{Record, SpoolReader};

/// The maximum number of bytes of a line that are searched.
pub(super) const MAX_LINE: usize = 16 << 20;

/// The maximum number of index records after the chunk that are examined to find the ends of its last lines.
const MAX_LOOKED_AT: u64 = 1 << 20;

/// The results of a chunk.
#[derive(Debug, Default)]
pub(super) struct ChunkFindings {
    /// The numbers of the matching lines, in ascending order.
    pub(super) lines: Vec<u64>,
    /// The first line that may still change.
    pub(super) unfinished: Option<u64>,
}

/// Searches the lines that begin in the given records.
pub(super) fn scan(spool: &mut SpoolReader, records: Range<u64>, shared: &SearchShared) -> io::Result<ChunkFindings> {
    let mut scan = Scan { shared, found: ChunkFindings::default(), open: [None, None], step: None };
    let (Some(first), Some(last)) = (spool.record(records.start)?, spool.record(records.end - 1)?) else {
        return Ok(scan.found);
    };
    let length = usize::try_from(last.end() - first.offset).map_err(io::Error::other)?;
    let text = spool.read(first.offset, length)?.into_bytes();
    for number in records.clone() {
        let Some(record) = spool.record(number)? else { break };
        let at = usize::try_from(record.offset - first.offset).map_err(io::Error::other)?;
        scan.piece(&record, &text[at..at + record.length as usize]);
    }
    scan.finish(spool, records.end)?;
    scan.found.lines.sort_unstable();
    Ok(scan.found)
}

struct Scan<'a> {
    shared: &'a SearchShared,
    found: ChunkFindings,
    /// The unfinished line of each stream.
    open: [Option<UnfinishedLine>; 2],
    step: Option<StepRef>,
}

struct UnfinishedLine {
    number: u64,
    text: Vec<u8>,
}

impl UnfinishedLine {
    fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(&text[..text.len().min(MAX_LINE - self.text.len())]);
    }
}

impl Scan<'_> {
    /// Searches a record of the chunk.
    fn piece(&mut self, record: &Record, text: &[u8]) {
        if self.step.replace(record.source.step).is_some_and(|step| step != record.source.step) {
            self.end_open_lines();
        }
        let stream = record.source.stream;
        let (rest, number) = if record.begins_line() {
            self.end_open_line(stream);
            (text, record.line)
        } else {
            match self.go_on(record, text) {
                Some(rest) => (rest, record.line + 1),
                None => return,
            }
        };
        match self.wants(record) {
            Some(true) => {}
            Some(false) => return,
            None => return self.note_unfinished(number),
        }
        let complete = memchr::memrchr(b'\n', rest).map_or(0, |newline| newline + 1);
        let next = self.complete_lines(&rest[..complete], number, stream);
        if complete < rest.len() {
            let mut open = UnfinishedLine { number: next, text: Vec::new() };
            open.push(&rest[complete..]);
            self.open[stream as usize] = Some(open);
        }
    }

    /// Adds the beginning of a record to the line that it continues. Returns the text after that line, if it ends here.
    fn go_on<'t>(&mut self, record: &Record, text: &'t [u8]) -> Option<&'t [u8]> {
        let newline = memchr::memchr(b'\n', text);
        let open = self.open[record.source.stream as usize].as_mut().filter(|open| open.number == record.line);
        if let Some(open) = open {
            open.push(&text[..newline.unwrap_or(text.len())]);
        }
        let newline = newline?;
        self.end_open_line(record.source.stream);
        Some(&text[newline + 1..])
    }

    /// Finds the ends of the lines that are still unfinished at the end of the chunk, and searches these lines.
    fn finish(&mut self, spool: &mut SpoolReader, end: u64) -> io::Result<()> {
        let last = self.shared.records.min(end.saturating_add(MAX_LOOKED_AT));
        for number in end..last {
            if self.open.iter().flatten().all(|open| open.text.len() >= MAX_LINE) {
                break;
            }
            let Some(record) = spool.record(number)? else { break };
            if self.step != Some(record.source.step) {
                self.end_open_lines();
                break;
            }
            if self.open[record.source.stream as usize].is_none() {
                continue;
            }
            if record.begins_line() {
                self.end_open_line(record.source.stream);
            } else {
                self.go_on(&record, spool.text(&record)?.as_bytes());
            }
        }
        // The part of a very long line that is searched does not change any more.
        let changing = self.open.iter().flatten().filter(|open| open.text.len() < MAX_LINE);
        if let Some(number) = changing.map(|open| open.number).min() {
            self.note_unfinished(number);
        }
        self.end_open_lines();
        Ok(())
    }

    fn note_unfinished(&mut self, number: u64) {
        self.found.unfinished = Some(self.found.unfinished.map_or(number, |before| before.min(number)));
    }

    fn end_open_lines(&mut self) {
        self.end_open_line(StreamName::Stdout);
        self.end_open_line(StreamName::Stderr);
    }

    fn end_open_line(&mut self, stream: StreamName) {
        if let Some(open) = self.open[stream as usize].take() {
            self.line(open.number, &open.text, stream);
        }
    }

    /// Searches complete lines, the first of which has the given number. Returns the number of the line after them.
    fn complete_lines(&mut self, text: &[u8], first: u64, stream: StreamName) -> u64 {
        match self.shared.query.bulk() {
            Some(pattern) if is_plain(text) => {
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
            _ => {
                let (mut number, mut line) = (first, 0);
                for newline in memchr::memchr_iter(b'\n', text) {
                    self.line(number, &text[line..newline], stream);
                    number += 1;
                    line = newline + 1;
                }
                number
            }
        }
    }

    fn line(&mut self, number: u64, text: &[u8], stream: StreamName) {
        let is_wanted = self.shared.lines.contains(&number) && !self.shared.is_dropped.load(Ordering::Relaxed);
        if is_wanted && self.shared.query.takes(&visible(text), stream) {
            self.found.lines.push(number);
        }
    }

    fn take(&mut self, number: u64) {
        if self.shared.lines.contains(&number) {
            self.found.lines.push(number);
        }
    }

    /// Returns whether a record is selected by its source, or `None` if the id of its step is not known yet.
    fn wants(&self, record: &Record) -> Option<bool> {
        self.shared.query.source.takes(record.source, &self.shared.steps)
    }
}

/// Returns a line as a reader sees it.
fn visible(line: &[u8]) -> Cow<'_, [u8]> {
    // A carriage return at the end of a line has no effect.
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    let line = &line[..end];
    if is_plain(line) {
        return Cow::Borrowed(line);
    }
    match ansi::plain_text(&String::from_utf8_lossy(line)) {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Returns whether a text is shown unchanged, because it contains only printable ASCII, tabs and newlines.
fn is_plain(text: &[u8]) -> bool {
    // Examine whole blocks, so that the compiler uses vector instructions.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n');
    text.chunks(1024).all(|block| block.iter().fold(true, |plain, byte| plain & is_plain(*byte)))
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
mod tests;
