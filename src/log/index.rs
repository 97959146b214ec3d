//! Reading `output.idx`, which says which record of the output contains a line.

use std::io;

use super::file::LogFile;
use crate::worker::spool::Record;

/// Records that are read at once: 20 KiB, which suits both single look-ups and sequential reads.
const BLOCK: u64 = 512;

/// The index of a spool. It may grow while it is read.
#[derive(Debug)]
pub struct Index {
    file: LogFile,
    /// The block of records that was read last, whole records only.
    block: Vec<u8>,
    /// The number of the first record in `block`.
    block_from: u64,
}

impl Index {
    /// Reads an index from its file.
    #[must_use]
    pub const fn new(file: LogFile) -> Self {
        Self { file, block: Vec::new(), block_from: 0 }
    }

    /// Returns the current number of whole records.
    pub fn count(&self) -> io::Result<u64> {
        Ok(self.file.size()? / Record::SIZE as u64)
    }

    /// Returns the record with that number, if it exists.
    pub fn record(&mut self, number: u64) -> io::Result<Option<Record>> {
        if let Some(record) = self.cached(number) {
            return Ok(Some(record));
        }
        let count = self.count()?;
        if number >= count {
            return Ok(None);
        }
        let from = number / BLOCK * BLOCK;
        let records = usize::try_from(BLOCK.min(count - from)).expect("a block is small");
        self.block = self.file.read(from * Record::SIZE as u64, records * Record::SIZE)?;
        self.block_from = from;
        Ok(self.cached(number))
    }

    fn cached(&self, number: u64) -> Option<Record> {
        let at = usize::try_from(number.checked_sub(self.block_from)?).ok()?;
        let bytes = self.block.chunks_exact(Record::SIZE).nth(at)?;
        Some(Record::parse(bytes.try_into().ok()?))
    }

    /// Returns the number of the record in which that line begins, if the line has begun: the last record before which
    /// fewer lines had begun. The search starts near `hint`, so that sequential reads are cheap.
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

    fn begun(&mut self, number: u64) -> io::Result<u64> {
        Ok(self.record(number)?.map_or(u64::MAX, |record| record.begun))
    }
}
