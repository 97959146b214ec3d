//! Reads lines of the output by line number.
//!
//! A line belongs to one stream and may be split into several pieces with output of the other stream between them. This
//! module joins the pieces. Lines are found by binary search, so nothing before a line needs to be read.

use std::borrow::Cow;
use std::io;

use model::Timestamp;
use model::ansi::{self, LineEnd};

use crate::spool::{Record, Source, SpoolReader, incomplete_character};

/// The maximum number of index records that one read examines to find the remaining pieces of its lines. These records
/// occupy 40 MiB.
pub(super) const MAX_LOOKED_AT: u32 = 1 << 20;

/// A read that has returned this many bytes of text returns no further lines. Building a response takes three times
/// this amount of memory.
const MAX_TEXT: usize = 4 << 20;

/// A line of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line number within the attempt, from 1.
    pub number: u64,
    /// The offset of the line in `output.log`.
    pub offset: u64,
    /// The stage and step that printed the line, and the stream to which it was printed.
    pub source: Source,
    /// The time at which the line's first byte was captured.
    pub time: Timestamp,
    /// The line's text as it was printed, without the newline. If this text is longer than the caller's limit, the text
    /// is either truncated or replaced by the text that a terminal would display, as the caller has chosen
    /// ([`LongLine`]).
    pub text: Vec<u8>,
    /// Whether the text is truncated.
    pub cut: bool,
}

/// The text that is returned for a line that is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongLine {
    /// The beginning of the text that a terminal would display.
    Displayed,
    /// The beginning of the text as it was printed.
    Unchanged,
}

/// Reads up to `count` lines, beginning with line `from`, and up to `keep` bytes of each. Stops early at the end of the
/// log, and after more than 4 MiB of text.
pub fn read(
    spool: &mut SpoolReader,
    from: u64,
    count: usize,
    (keep, long): (usize, LongLine),
) -> io::Result<Vec<Line>> {
    let mut reading = Reading { spool, keep, long, here: None, looked_at: 0 };
    let (mut lines, mut text) = (Vec::new(), 0);
    for number in (from..).take(count) {
        let Some(line) = reading.line(number)? else { break };
        text += line.text.len();
        lines.push(line);
        if text > MAX_TEXT {
            break;
        }
    }
    Ok(lines)
}

/// Reads the lines with the given numbers, and up to `keep` bytes of each. Stops early at a line that does not exist,
/// and after more than 4 MiB of text. Consecutive numbers in ascending order are read fastest.
pub fn read_each(spool: &mut SpoolReader, numbers: &[u64], keep: usize) -> io::Result<Vec<Line>> {
    let mut reading = Reading { spool, keep, long: LongLine::Displayed, here: None, looked_at: 0 };
    let (mut lines, mut text) = (Vec::new(), 0);
    for number in numbers {
        reading.looked_at = 0;
        let Some(line) = reading.line(*number)? else { break };
        text += line.text.len();
        lines.push(line);
        if text > MAX_TEXT {
            break;
        }
    }
    Ok(lines)
}

struct Reading<'a> {
    spool: &'a mut SpoolReader,
    keep: usize,
    long: LongLine,
    here: Option<Here>,
    looked_at: u32,
}

/// The record in which the most recently read line begins, and that line's position in the text of the record.
struct Here {
    number: u64,
    record: Record,
    text: Vec<u8>,
    /// The number of the line that begins or continues at index `at` of `text`.
    line: u64,
    at: usize,
}

impl Here {
    /// Moves forward to the beginning of line `line`. Returns `false` if the line does not begin in the rest of this
    /// record.
    fn go_to(&mut self, line: u64) -> bool {
        if line <= self.record.begun || line < self.line {
            return false;
        }
        while self.line < line {
            let Some(newline) = memchr::memchr(b'\n', &self.text[self.at..]) else { return false };
            self.at += newline + 1;
            self.line += 1;
        }
        self.at < self.text.len()
    }
}

impl Reading<'_> {
    /// Reads one line. Returns `None` if the line does not exist yet.
    fn line(&mut self, number: u64) -> io::Result<Option<Line>> {
        if !self.here.as_mut().is_some_and(|here| here.go_to(number)) && !self.find(number)? {
            return Ok(None);
        }
        let Some(here) = &self.here else { return Ok(None) };
        let (source, time) = (here.record.source, here.record.time);
        let offset = here.record.offset + here.at as u64;
        let rest = &here.text[here.at..];
        let (mut text, ended) = match memchr::memchr(b'\n', rest) {
            Some(newline) => (rest[..newline].to_vec(), true),
            None => (rest.to_vec(), false),
        };
        let mut cut = false;
        if !ended {
            let after = here.number;
            cut = self.go_on(after, number, source, &mut text)?;
        }
        if text.len() > self.keep && self.long == LongLine::Displayed {
            fold(&mut text, LineEnd::Complete, self.spool)?;
        }
        if text.len() > self.keep {
            text.truncate(self.keep);
            text.truncate(text.len() - incomplete_character(&text));
            cut = true;
        }
        Ok(Some(Line { number, offset, source, time, text, cut }))
    }

    /// Moves to the record in which a line begins. Returns `false` if the line does not exist.
    fn find(&mut self, line: u64) -> io::Result<bool> {
        let hint = self.here.as_ref().map_or(0, |here| here.number);
        let Some(number) = self.spool.record_of_line(line, hint)? else { return Ok(false) };
        let Some(record) = self.spool.record(number)? else { return Ok(false) };
        let text = self.spool.text(&record)?.into_bytes();
        let here = self.here.insert(Here { number, record, text, line: record.line, at: 0 });
        Ok(here.go_to(line))
    }

    /// Appends the pieces of a line from the records after record `after`, until the line ends or the text exceeds
    /// `keep` bytes. Returns whether the text is truncated.
    fn go_on(&mut self, after: u64, line: u64, source: Source, text: &mut Vec<u8>) -> io::Result<bool> {
        for number in after + 1.. {
            // A line that overwrites itself is folded only when it has reached twice the limit. Otherwise, it would be
            // processed again for every record.
            if text.len() > self.keep * 2 {
                if self.long == LongLine::Displayed {
                    fold(text, LineEnd::Open, self.spool)?;
                }
                if text.len() > self.keep {
                    return Ok(true);
                }
            }
            let Some(record) = self.spool.record(number)? else { return Ok(false) };
            if record.source.step != source.step {
                return Ok(false);
            }
            if self.looked_at == MAX_LOOKED_AT {
                return Ok(true);
            }
            self.looked_at += 1;
            if record.source.stream != source.stream {
                continue;
            }
            if record.line != line {
                return Ok(false);
            }
            let piece = self.spool.text(&record)?.into_bytes();
            match memchr::memchr(b'\n', &piece) {
                Some(newline) => {
                    text.extend_from_slice(&piece[..newline]);
                    return Ok(false);
                }
                None => text.extend_from_slice(&piece),
            }
        }
        Ok(false)
    }
}

/// Replaces a line that overwrites itself, such as a progress bar, with the text that a terminal would display.
/// Fails if the read of `spool` is stopped in the meantime.
fn fold(text: &mut Vec<u8>, end: LineEnd, spool: &SpoolReader) -> io::Result<()> {
    let whole = text.len() - incomplete_character(text);
    let printed = String::from_utf8_lossy(&text[..whole]);
    let folded = ansi::fold_unless(&|| spool.check_wanted().is_err(), &printed, end);
    let folded = match folded.map(|folded| folded.text) {
        Some(Cow::Owned(folded)) => folded,
        Some(Cow::Borrowed(_)) => return Ok(()),
        None => return spool.check_wanted(),
    };
    text.splice(..whole, folded.into_bytes());
    Ok(())
}
