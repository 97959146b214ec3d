//! A record of `output.idx`: 40 bytes, little-endian.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::model::{Stage, StepRef, StreamName, Timestamp};

/// Where output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The step.
    pub step: StepRef,
    /// Which of its two outputs.
    pub stream: StreamName,
}

/// A stretch of `output.log`: of one stream, its lines numbered in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u32,
    /// The number of its first line within the attempt, from 1.
    pub line: u64,
    /// How many lines had begun before it. It never falls, so that a line is found by halving; `line` does fall where a line
    /// goes on after the other stream has begun some.
    pub begun: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// Where it comes from.
    pub source: Source,
}

impl Record {
    /// Bytes of a record.
    pub const SIZE: usize = 40;

    /// Returns where it ends.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }

    /// Returns whether it begins with the first byte of a line, rather than going on with one.
    #[must_use]
    pub const fn begins_line(&self) -> bool {
        self.line > self.begun
    }

    /// Returns how many lines have begun at its end; `text` is its own.
    #[must_use]
    pub fn begun_after(&self, text: &[u8]) -> u64 {
        let newlines = memchr::memchr_iter(b'\n', text).count() as u64;
        let last = self.line + newlines - u64::from(text.last() == Some(&b'\n'));
        self.begun.max(last)
    }

    /// Returns how many lines have begun at its end; reads its text for that.
    pub(super) fn read_begun_after(&self, log: &File) -> io::Result<u64> {
        let mut text = vec![0; self.length as usize];
        log.read_exact_at(&mut text, self.offset)?;
        Ok(self.begun_after(&text))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.line.to_le_bytes());
        out.extend_from_slice(&self.time.0.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.source.step.index.to_le_bytes());
        out.extend_from_slice(&[self.source.step.stage as u8, self.source.stream as u8]);
        // 48 bits: a line a microsecond would take nine years.
        out.extend_from_slice(&self.begun.to_le_bytes()[..6]);
    }

    /// Reads up to `count` records from that number on.
    pub(super) fn read_many(idx: &File, number: u64, count: usize) -> io::Result<Vec<Self>> {
        let mut bytes = vec![0; count * Self::SIZE];
        let mut read = 0;
        while read < bytes.len() {
            match idx.read_at(&mut bytes[read..], number * Self::SIZE as u64 + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes[..read].as_chunks().0.iter().map(Self::parse).collect())
    }

    /// Reads a record as it was written.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let eight = |at: usize| -> [u8; 8] { std::array::from_fn(|i| bytes[at + i]) };
        let four = |at: usize| -> [u8; 4] { std::array::from_fn(|i| bytes[at + i]) };
        let line = u64::from_le_bytes(eight(8));
        let begun = u64::from_le_bytes(std::array::from_fn(|i| if i < 6 { bytes[34 + i] } else { 0 }));
        Self {
            offset: u64::from_le_bytes(eight(0)),
            line,
            // Spools of the first version hold 0 here; at least all lines before its own have begun.
            begun: begun.max(line.saturating_sub(1)),
            time: Timestamp(i64::from_le_bytes(eight(16))),
            length: u32::from_le_bytes(four(24)),
            source: Source {
                step: StepRef {
                    stage: [Stage::Prepare, Stage::Execute, Stage::Publish][usize::from(bytes[32] % 3)],
                    index: i32::from_le_bytes(four(28)),
                },
                stream: [StreamName::Stdout, StreamName::Stderr][usize::from(bytes[33] % 2)],
            },
        }
    }
}
