//! Reads a spool, both while it is being written and after it has been compressed.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::Timestamp;
use redact::Redacted;

use super::{OUTPUT_IDX, OUTPUT_LOG, Record};
use crate::files::KeptFile;

/// The number of records that are read at once: 20 KiB, which suits both single lookups and sequential reads.
const BLOCK: u64 = 512;

/// A reader of a spool. The spool remains readable even if its files are compressed or removed in the meantime. All
/// clones read the same files.
#[derive(Clone, Debug)]
pub struct SpoolReader {
    log: KeptFile,
    index: KeptFile,
    /// The complete records of the block that was read last.
    block: Vec<u8>,
    /// The number of the first record in `block`.
    block_from: u64,
    /// Whether the results of the current read are no longer needed.
    is_stopped: Arc<AtomicBool>,
}

impl SpoolReader {
    pub(super) fn new(log: KeptFile, index: KeptFile) -> Self {
        Self { log, index, block: Vec::new(), block_from: 0, is_stopped: Arc::default() }
    }

    /// Makes reads of records fail as soon as `is_stopped` is set.
    pub(crate) fn stop_when(&mut self, is_stopped: Arc<AtomicBool>) {
        self.is_stopped = is_stopped;
    }

    /// Fails if the results of the current read are no longer needed.
    pub(crate) fn check_wanted(&self) -> io::Result<()> {
        if self.is_stopped.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "nobody waits for the output any longer"));
        }
        Ok(())
    }

    /// Opens the spool in `folder`. Returns `None` if one of its files does not exist.
    pub fn open(folder: &Path) -> io::Result<Option<Self>> {
        let (log, index) = (KeptFile::open(&folder.join(OUTPUT_LOG))?, KeptFile::open(&folder.join(OUTPUT_IDX))?);
        Ok(log.zip(index).map(|(log, index)| Self::new(log, index)))
    }

    /// Closes the index and returns `output.log`.
    #[must_use]
    pub fn into_log(self) -> KeptFile {
        self.log
    }

    /// Returns the current size of the uncompressed `output.log`, in bytes.
    pub fn bytes(&self) -> io::Result<u64> {
        self.log.size()
    }

    /// Reads `length` bytes from offset `from` of the uncompressed `output.log`. Fails if the file is shorter.
    pub fn read(&mut self, from: u64, length: usize) -> io::Result<Redacted> {
        Ok(Redacted::from_stored(self.log.read(from, length)?))
    }

    /// Reads the piece of `output.log` that a record describes.
    pub fn text(&mut self, record: &Record) -> io::Result<Redacted> {
        self.read(record.offset, record.length as usize)
    }

    /// Returns the number of lines so far, including an unfinished last line.
    pub fn total_lines(&mut self) -> io::Result<u64> {
        let Some(last) = self.count()?.checked_sub(1) else { return Ok(0) };
        let Some(record) = self.record(last)? else { return Ok(0) };
        let text = self.text(&record)?;
        Ok(record.begun_after(text.as_bytes()))
    }

    /// Returns the current number of complete records.
    pub fn count(&self) -> io::Result<u64> {
        Ok(self.index.size()? / Record::SIZE as u64)
    }

    /// Returns the record with the given number, counted from 0, or `None` if there is no such record yet.
    pub fn record(&mut self, number: u64) -> io::Result<Option<Record>> {
        self.check_wanted()?;
        if let Some(record) = self.cached(number) {
            return Ok(Some(record));
        }
        let count = self.count()?;
        if number >= count {
            return Ok(None);
        }
        let from = number / BLOCK * BLOCK;
        let records = usize::try_from(BLOCK.min(count - from)).expect("a block is small");
        self.block = self.index.read(from * Record::SIZE as u64, records * Record::SIZE)?;
        self.block_from = from;
        Ok(self.cached(number))
    }

    fn cached(&self, number: u64) -> Option<Record> {
        let at = usize::try_from(number.checked_sub(self.block_from)?).ok()?;
        let bytes = self.block.chunks_exact(Record::SIZE).nth(at)?;
        Some(Record::parse(bytes.try_into().ok()?))
    }

    /// Returns the number of the record in which line `line` begins, or of the last record if the line does not exist
    /// yet. Returns `None` if the spool is empty or `line` is 0. The search starts at record `hint`, which makes
    /// sequential reads cheap.
    pub fn record_of_line(&mut self, line: u64, hint: u64) -> io::Result<Option<u64>> {
        let count = self.count()?;
        let (mut low, mut high) = (0, count);
        if hint < count && self.begun(hint)? < line {
            low = hint;
            let mut step = 1;
            while low + step < count && self.begun(low + step)? < line {
                low += step;
                step *= 2;
            }
            high = count.min(low + step);
        }
        while high - low > 1 {
            let middle = u64::midpoint(low, high);
            if self.begun(middle)? < line { low = middle } else { high = middle }
        }
        Ok((count > 0 && line > 0).then_some(low))
    }

    /// Returns the number of the record that contains the byte at `offset`. If that byte has not been written, returns
    /// the number of the record that will contain it.
    pub fn record_at(&mut self, offset: u64) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count()?);
        while low < high {
            let middle = u64::midpoint(low, high);
            match self.record(middle)? {
                Some(record) if record.end() <= offset => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Returns the number of the first line that begins in a record captured at or after this time. If there is no such
    /// line, returns the last line's number plus 1.
    pub fn line_at(&mut self, time: Timestamp) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count()?);
        while low < high {
            let middle = u64::midpoint(low, high);
            match self.record(middle)? {
                Some(record) if record.time < time => low = middle + 1,
                _ => high = middle,
            }
        }
        match self.record(low)? {
            Some(record) => Ok(record.begun + 1),
            None => Ok(self.total_lines()? + 1),
        }
    }

    fn begun(&mut self, number: u64) -> io::Result<u64> {
        Ok(self.record(number)?.map_or(u64::MAX, |record| record.begun))
    }
}
