//! Reading the complete output of an attempt: by line number, as one text, and by byte offset.
//!
//! The spool itself is read, both while it grows and afterwards, so output that is suppressed in live events is not
//! missing here. [`mod@file`] hides whether the bytes are in a growing file, a finished one, or compressed frames.
//! [`index`] finds the record of a line by binary search. [`lines`] and [`output`] are the two ways to read, and
//! [`steps`] maps steps to their ids. [`compress`] compresses finished spools.
//!
//! Nothing here writes to a spool that an attempt still writes to, and each read has a named memory bound. Reads block,
//! so async callers run them on a blocking thread.

pub mod compress;
pub mod file;
mod frames;
pub mod index;
pub mod lines;
pub mod output;
pub mod steps;

use std::io;
use std::path::Path;

use crate::worker::spool::{OUTPUT_IDX, OUTPUT_LOG};
use file::LogFile;
use index::Index;

/// An attempt's spool, opened for reading. It stays readable if its files are replaced or removed meanwhile.
#[derive(Debug)]
pub struct AttemptLog {
    text: LogFile,
    index: Index,
}

impl AttemptLog {
    /// Opens the spool in `folder`. Returns `None` if the spool does not exist or is not created yet.
    pub fn open(folder: &Path) -> io::Result<Option<Self>> {
        let (text, index) = (LogFile::open(&folder.join(OUTPUT_LOG))?, LogFile::open(&folder.join(OUTPUT_IDX))?);
        Ok(text.zip(index).map(|(text, index)| Self { text, index: Index::new(index) }))
    }

    /// Returns the file with the output's text, and drops the index.
    #[must_use]
    pub fn into_text(self) -> LogFile {
        self.text
    }

    /// Returns how many lines of output have begun.
    pub fn total_lines(&mut self) -> io::Result<u64> {
        let Some(last) = self.index.count()?.checked_sub(1) else { return Ok(0) };
        let Some(record) = self.index.record(last)? else { return Ok(0) };
        let text = self.text.read(record.offset, record.length as usize)?;
        Ok(record.begun_after(&text))
    }
}
