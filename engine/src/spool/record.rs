//! A record of `output.idx`: 40 bytes, little-endian.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use model::{Stage, StepRef, StreamName, Timestamp};

/// The origin of a piece of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The step that printed the output.
    pub step: StepRef,
    /// The stream that the output was printed to.
    pub stream: StreamName,
}

/// A contiguous piece of `output.log`, from one stream and with consecutive line numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The offset of the piece.
    pub offset: u64,
    /// The length of the piece in bytes.
    pub length: u32,
    /// The number of the piece's first line within the attempt, from 1.
    pub line: u64,
    /// The number of lines that had begun before this piece. This number never decreases from one record to the next,
    /// so a line can be found by binary search. In contrast, `line` can decrease when a line continues after lines of
    /// the other stream have begun.
    pub begun: u64,
    /// The time at which the piece was captured.
    pub time: Timestamp,
    /// The step and stream that the piece comes from.
    pub source: Source,
}

impl Record {
    /// The size of a record in bytes.
    pub const SIZE: usize = 40;

    /// Returns the offset at which the piece ends.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }

    /// Returns whether the piece starts with the first byte of a line, rather than continuing one.
    #[must_use]
    pub const fn begins_line(&self) -> bool {
        self.line > self.begun
    }

    /// Returns the number of lines that have begun by the end of the piece. `text` must be the piece's text.
    #[must_use]
    pub fn begun_after(&self, text: &[u8]) -> u64 {
        let newlines = memchr::memchr_iter(b'\n', text).count() as u64;
        let last = self.line + newlines - u64::from(text.last() == Some(&b'\n'));
        self.begun.max(last)
    }

    /// Returns the number of lines that have begun by the end of the piece. Reads the piece's text from `log`.
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
        // `begun` is stored in 48 bits, which are enough for one line per microsecond over almost nine years.
        out.extend_from_slice(&self.begun.to_le_bytes()[..6]);
    }

    /// Reads up to `count` records, beginning with record `number`.
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

    /// Parses a stored record.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let eight = |at: usize| -> [u8; 8] { std::array::from_fn(|i| bytes[at + i]) };
        let four = |at: usize| -> [u8; 4] { std::array::from_fn(|i| bytes[at + i]) };
        let line = u64::from_le_bytes(eight(8));
        let begun = u64::from_le_bytes(std::array::from_fn(|i| if i < 6 { bytes[34 + i] } else { 0 }));
        Self {
            offset: u64::from_le_bytes(eight(0)),
            line,
            // Spools written by the first version of Tailwater contain 0 in this field. For these spools, use the
            // number of lines before the piece's first line, which is a lower bound.
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
