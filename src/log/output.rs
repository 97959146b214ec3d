//! The output as one text, block by block: all of it, or what comes from one stage, step or stream, with times or without.

use std::io;
use std::sync::Arc;

use super::AttemptLog;
use super::steps::StepIds;
use crate::model::{Stage, StreamName, Timestamp};
use crate::worker::spool::{Record, Source};

/// Bytes of output that one read takes at the most.
const BLOCK: usize = 128 << 10;

/// Records that one read looks through at the most when it passes over them.
const MAX_LOOKED_AT: u32 = 1 << 16;

/// What of the output is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this stage only.
    pub stage: Option<Stage>,
    /// Of the step of this name only.
    pub step_id: Option<String>,
    /// Of this stream only.
    pub stream: Option<StreamName>,
}

/// Whether each line begins with the time of its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Nothing is added.
    #[default]
    Omitted,
    /// `2026-01-31T12:00:00.000000Z` and a space.
    Prefixed,
}

/// How far a reading goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To where the output ended when it was opened.
    Present,
    /// As far as there is something, whenever it is asked.
    Growing,
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Output, which may be none of it: there may be more to look through.
    Bytes(Vec<u8>),
    /// Output of a step whose name is not known here comes next: tell [`Output::set_steps`].
    UnknownStep,
    /// All that there is has been read.
    End,
}

/// A reading of an attempt's output, from its beginning on.
#[derive(Debug)]
pub struct Output {
    log: AttemptLog,
    selection: Selection,
    times: Times,
    steps: Arc<StepIds>,
    /// Everything up to here has been read, or passed over.
    at: u64,
    /// The record that holds the byte there.
    record: u64,
    /// Nothing beyond here is read.
    until: u64,
}

impl Selection {
    /// Returns whether everything is wanted.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl Output {
    /// Begins to read.
    pub fn new(log: AttemptLog, selection: Selection, times: Times, reach: Reach) -> io::Result<Self> {
        let until = match reach {
            Reach::Present => log.text.size()?,
            Reach::Growing => u64::MAX,
        };
        Ok(Self { log, selection, times, steps: Arc::default(), at: 0, record: 0, until })
    }

    /// Tells what the steps are called; returns whether that is news.
    pub fn set_steps(&mut self, steps: Arc<StepIds>) -> bool {
        let news = self.steps != steps;
        self.steps = steps;
        news
    }

    /// Passes over the stretch whose step has no name: the attempt is over, and it never got one.
    pub fn skip_unknown(&mut self) -> io::Result<()> {
        if let Some(record) = self.log.index.record(self.record)? {
            self.pass(&record);
        }
        Ok(())
    }

    /// Reads the next block.
    pub fn read(&mut self) -> io::Result<Read> {
        if self.selection.is_everything() && self.times == Times::Omitted {
            return self.read_bytes();
        }
        let mut out = Vec::new();
        for _ in 0..MAX_LOOKED_AT {
            if out.len() >= BLOCK {
                break;
            }
            let next = self.log.index.record(self.record)?.filter(|record| record.offset < self.until);
            let Some(record) = next else {
                return Ok(if out.is_empty() { Read::End } else { Read::Bytes(out) });
            };
            match self.wants(record.source) {
                Some(true) => self.read_piece(&record, &mut out)?,
                Some(false) => self.pass(&record),
                None if out.is_empty() => return Ok(Read::UnknownStep),
                None => break,
            }
        }
        Ok(Read::Bytes(out))
    }

    fn read_bytes(&mut self) -> io::Result<Read> {
        let left = self.log.text.size()?.min(self.until).saturating_sub(self.at);
        if left == 0 {
            return Ok(Read::End);
        }
        let bytes = self.log.text.read(self.at, usize::try_from(left).unwrap_or(BLOCK).min(BLOCK))?;
        self.at += bytes.len() as u64;
        Ok(Read::Bytes(bytes))
    }

    /// Returns whether output from there is wanted; nothing if that cannot be said yet.
    fn wants(&self, source: Source) -> Option<bool> {
        let of_stage = self.selection.stage.is_none_or(|stage| stage == source.step.stage);
        if !of_stage || self.selection.stream.is_some_and(|stream| stream != source.stream) {
            return Some(false);
        }
        match &self.selection.step_id {
            Some(wanted) => self.steps.get(source).map(|id| id == wanted),
            None => Some(true),
        }
    }

    /// Reads of a record what has not been read, or a block of it.
    fn read_piece(&mut self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let from = self.at.max(record.offset);
        let length = usize::try_from(record.end() - from).unwrap_or(BLOCK).min(BLOCK);
        let text = self.log.text.read(from, length)?;
        match self.times {
            Times::Omitted => out.extend_from_slice(&text),
            Times::Prefixed => {
                let begins = if from == record.offset {
                    record.begins_line()
                } else {
                    self.log.text.read(from - 1, 1)? == b"\n"
                };
                push_with_times(&text, record.time, begins, out);
            }
        }
        self.at = from + text.len() as u64;
        if self.at == record.end() {
            self.record += 1;
        }
        Ok(())
    }

    const fn pass(&mut self, record: &Record) {
        self.at = record.offset + record.length as u64;
        self.record += 1;
    }
}

/// Adds a text with the time before each line that begins in it.
fn push_with_times(text: &[u8], time: Timestamp, begins: bool, out: &mut Vec<u8>) {
    let prefix = format!("{time} ");
    let mut begins = begins;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if begins {
            out.extend_from_slice(prefix.as_bytes());
        }
        out.extend_from_slice(line);
        begins = true;
    }
}
