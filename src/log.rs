//! The complete output of an attempt, as it is read: by line number, as one text, and byte by byte.
//!
//! What is read is the spool itself, while it grows and after, so that nothing that live events leave out is missing here.
//! [`mod@file`] hides where its bytes are: in a growing file, in a finished one, or in compressed frames. [`index`] finds the record
//! of a line by halving. [`lines`] and [`output`] are the two ways to read, [`steps`] says what steps are called. [`compress`]
//! makes finished spools small.
//!
//! Nothing here writes to a spool that an attempt still writes to, and no read takes more memory than its named bound. Reads
//! block: callers in async code give them to a thread.

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

/// An attempt's spool, opened for reading. It stays readable when its files are replaced or removed.
#[derive(Debug)]
pub struct AttemptLog {
    text: LogFile,
    index: Index,
}

impl AttemptLog {
    /// Opens the spool in `folder`; nothing if there is none, or not yet.
    pub fn open(folder: &Path) -> io::Result<Option<Self>> {
        let (text, index) = (LogFile::open(&folder.join(OUTPUT_LOG))?, LogFile::open(&folder.join(OUTPUT_IDX))?);
        Ok(text.zip(index).map(|(text, index)| Self { text, index: Index::new(index) }))
    }

    /// Returns the file of its text alone.
    #[must_use]
    pub fn into_text(self) -> LogFile {
        self.text
    }

    /// Returns how many lines have begun.
    pub fn total_lines(&mut self) -> io::Result<u64> {
        let Some(last) = self.index.count()?.checked_sub(1) else { return Ok(0) };
        let Some(record) = self.index.record(last)? else { return Ok(0) };
        let text = self.text.read(record.offset, record.length as usize)?;
        Ok(record.begun_after(&text))
    }
}
