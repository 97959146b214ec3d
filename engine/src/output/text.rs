//! Reads output as text, block by block. The output can be limited to one stage, step or stream, and each line can be
//! prefixed with its time.

use std::io;
use std::sync::Arc;

use model::{Stage, StreamName, Timestamp};

use super::StepIds;
use crate::spool::{Record, Source, SpoolReader};

/// The maximum number of bytes of output that one read returns.
const BLOCK: usize = 128 << 10;

/// The maximum number of records that one read examines.
const MAX_LOOKED_AT: u32 = 1 << 16;

/// The output to read, selected by stage, step and stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The stage to read, or all stages if `None`.
    pub stage: Option<Stage>,
    /// The id of the step to read, or all steps if `None`.
    pub step_id: Option<String>,
    /// The stream to read, or both streams if `None`.
    pub stream: Option<StreamName>,
}

/// Whether each line is prefixed with the time at which its first byte was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// No prefix.
    #[default]
    Omitted,
    /// A prefix such as `2026-01-31T12:00:00.000000Z` and a space.
    Prefixed,
}

/// The offset at which reading ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Up to the size that the output had when the reader was created.
    Present,
    /// Up to the output's size at the time of each read.
    Growing,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub enum TextRead {
    /// A block of output, which may be empty even if more output follows.
    Bytes(Vec<u8>),
    /// The next output belongs to a step whose id is not known yet. Call [`TextReader::set_steps`].
    UnknownStep,
    /// Everything has been read.
    End,
}

/// A sequential reader of an attempt's output.
#[derive(Debug)]
pub struct TextReader {
    spool: SpoolReader,
    selection: Selection,
    times: Times,
    steps: Arc<StepIds>,
    /// The offset up to which everything has been read or skipped.
    at: u64,
    /// The number of the record that contains the byte at `at`. It is not used if the whole output is read without
    /// times.
    record: u64,
    /// The offset at which to stop reading.
    until: u64,
}

impl Selection {
    /// Returns whether the whole output is selected.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether output from `source` is selected, or `None` if the step's id is not known yet.
    pub(super) fn takes(&self, source: Source, steps: &StepIds) -> Option<bool> {
        let of_stage = self.stage.is_none_or(|stage| stage == source.step.stage);
        if !of_stage || self.stream.is_some_and(|stream| stream != source.stream) {
            return Some(false);
        }
        match &self.step_id {
            Some(wanted) => steps.get(source).map(|id| id == wanted),
            None => Some(true),
        }
    }
}

impl TextReader {
    /// Creates a reader at the beginning of the output.
    pub fn new(spool: SpoolReader, selection: Selection, times: Times, reach: Reach) -> io::Result<Self> {
        let until = match reach {
            Reach::Present => spool.bytes()?,
            Reach::Growing => u64::MAX,
        };
        Ok(Self { spool, selection, times, steps: Arc::default(), at: 0, record: 0, until })
    }

    /// Sets the ids of the steps. Returns whether they have changed.
    pub fn set_steps(&mut self, steps: Arc<StepIds>) -> bool {
        let changed = self.steps != steps;
        self.steps = steps;
        changed
    }

    /// Skips the current record, whose step has no known id. Call this only after the attempt has finished, because
    /// until then the event that contains the step's id may still be stored.
    pub fn skip_unknown(&mut self) -> io::Result<()> {
        if let Some(record) = self.spool.record(self.record)? {
            self.pass(&record);
        }
        Ok(())
    }

    /// Reads the next block.
    pub fn read(&mut self) -> io::Result<TextRead> {
        if self.selection.is_everything() && self.times == Times::Omitted {
            return self.read_bytes();
        }
        let mut out = Vec::new();
        for _ in 0..MAX_LOOKED_AT {
            if out.len() >= BLOCK {
                break;
            }
            let next = self.spool.record(self.record)?.filter(|record| record.offset < self.until);
            let Some(record) = next else {
                return Ok(if out.is_empty() { TextRead::End } else { TextRead::Bytes(out) });
            };
            match self.selection.takes(record.source, &self.steps) {
                Some(true) => self.read_piece(&record, &mut out)?,
                Some(false) => self.pass(&record),
                None if out.is_empty() => return Ok(TextRead::UnknownStep),
                None => break,
            }
        }
        Ok(TextRead::Bytes(out))
    }

    fn read_bytes(&mut self) -> io::Result<TextRead> {
        let left = self.spool.bytes()?.min(self.until).saturating_sub(self.at);
        if left == 0 {
            return Ok(TextRead::End);
        }
        let bytes = self.spool.read(self.at, usize::try_from(left).unwrap_or(BLOCK).min(BLOCK))?;
        self.at += bytes.len() as u64;
        Ok(TextRead::Bytes(bytes.into_bytes()))
    }

    /// Appends the unread rest of a record, up to one block.
    fn read_piece(&mut self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let from = self.at.max(record.offset);
        let length = usize::try_from(record.end() - from).unwrap_or(BLOCK).min(BLOCK);
        let text = self.spool.read(from, length)?;
        match self.times {
            Times::Omitted => out.extend_from_slice(text.as_bytes()),
            Times::Prefixed => {
                let begins = if from == record.offset {
                    record.begins_line()
                } else {
                    self.spool.read(from - 1, 1)?.as_bytes() == b"\n"
                };
                push_with_times(text.as_bytes(), record.time, begins, out);
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

/// Appends `text` to `out`, and inserts `time` before each line that begins in `text`. `begins` is `true` if `text`
/// starts at the beginning of a line.
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
