//! The spool: an attempt's complete output on the worker's disk.
//!
//! `output.log` is exactly the child's bytes after redaction, both streams in order of arrival, nothing of ours in it.
//! `output.idx` says what each stretch of it is: fixed-size records of offset, length, first line, time, stream, stage and
//! step. A record is written after its bytes, so that a crash leaves at most bytes without a record, which are cut off.
//!
//! Only [`Redacted`] bytes enter. Who reads the spool shares nothing with who writes it but the files and a [`SpoolEnd`].

mod record;

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redact::Redacted;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

pub use record::{Record, Source};

use crate::model::Timestamp;

/// The name of the output within the spool's folder, and of its artifact below `logs/`.
pub const OUTPUT_LOG: &str = "output.log";
/// The name of the index within the spool's folder.
pub const OUTPUT_IDX: &str = "output.idx";

/// How far the spool reaches, as its writer tells its readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolEnd {
    /// Bytes of `output.log`.
    pub bytes: u64,
    /// Where the last complete line ends.
    pub line_end: u64,
    /// Where the last piece of each stream ends.
    pub stream_end: [u64; 2],
    /// Lines that have begun.
    pub lines: u64,
}

/// The writing end.
#[derive(Debug)]
pub struct Spool {
    log: File,
    idx: File,
    end: SpoolEnd,
    told: watch::Sender<SpoolEnd>,
    /// The number of the line that each stream has begun and not ended.
    open_line: [Option<u64>; 2],
    hash: Sha256,
    unsynced: bool,
}

/// The reading end. Reads are at offsets, so that one may be used from anywhere.
#[derive(Clone, Debug)]
pub struct SpoolReader {
    log: Arc<File>,
    idx: Arc<File>,
}

impl Spool {
    /// Makes an empty spool in `folder`.
    pub fn create(folder: &Path) -> io::Result<Self> {
        crate::db::private_folder(folder)?;
        let [log, idx] = open(folder, true)?;
        Ok(Self {
            log,
            idx,
            end: SpoolEnd::default(),
            told: watch::Sender::default(),
            open_line: [None; 2],
            hash: Sha256::new(),
            unsynced: false,
        })
    }

    /// Opens the spool that a dead worker left in `folder`: cuts the index to its last whole record and the output to that
    /// record's end. A folder without one gives an empty spool.
    pub fn recover(folder: &Path) -> io::Result<Self> {
        crate::db::private_folder(folder)?;
        let [log, idx] = open(folder, false)?;
        let log_bytes = log.metadata()?.len();
        let mut records = idx.metadata()?.len() / Record::SIZE as u64;
        let last = loop {
            let Some(before) = records.checked_sub(1) else { break None };
            match Record::read(&idx, before)? {
                Some(record) if record.end() <= log_bytes => break Some(record),
                _ => records = before,
            }
        };
        let bytes = last.map_or(0, |record| record.end());
        idx.set_len(records * Record::SIZE as u64)?;
        log.set_len(bytes)?;
        let mut spool = Self {
            end: SpoolEnd { bytes, line_end: bytes, stream_end: [bytes; 2], lines: 0 },
            told: watch::Sender::default(),
            open_line: [None; 2],
            hash: Sha256::new(),
            unsynced: true,
            log,
            idx,
        };
        let mut hash = Sha256::new();
        read_blocks(&spool.log, |block| hash.update(block))?;
        spool.hash = hash;
        for number in 0..records {
            if let Some(record) = Record::read(&spool.idx, number)? {
                spool.end.lines = spool.end.lines.max(record.last_line(&spool.log)?);
            }
        }
        spool.log.seek(SeekFrom::End(0))?;
        spool.idx.seek(SeekFrom::End(0))?;
        spool.told.send_replace(spool.end);
        Ok(spool)
    }

    /// Appends a piece of one stream's output.
    pub fn append(&mut self, source: Source, text: &Redacted, time: Timestamp) -> io::Result<()> {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        self.unsynced = true;
        self.log.write_all(bytes)?;
        self.hash.update(bytes);
        let mut index = Vec::with_capacity(2 * Record::SIZE);
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.begin_record(source, rest, time, &mut index);
            rest = &rest[taken..];
        }
        self.idx.write_all(&index)?;
        self.told.send_replace(self.end);
        Ok(())
    }

    /// Writes the record of the longest beginning of `bytes` whose lines are numbered in a row; returns its length.
    fn begin_record(&mut self, source: Source, bytes: &[u8], time: Timestamp, index: &mut Vec<u8>) -> usize {
        let stream = source.stream as usize;
        let open = self.open_line[stream];
        let line = open.unwrap_or(self.end.lines + 1);
        // The line that this continues may not be the last one that began: then what follows it is numbered elsewhere.
        let continues_earlier = open.is_some_and(|line| line != self.end.lines);
        let taken = match memchr::memchr(b'\n', bytes) {
            Some(newline) if continues_earlier => newline + 1,
            _ => bytes.len(),
        };
        let text = &bytes[..taken];
        let newlines = memchr::memchr_iter(b'\n', text).count() as u64;
        let complete = text.last() == Some(&b'\n');
        let last_line = line + newlines - u64::from(complete);
        let length = u32::try_from(taken).expect("a read is far smaller than 4 GiB");
        let begun = self.end.lines;
        Record { offset: self.end.bytes, length, line, begun, time, source }.write(index);
        self.end.bytes += taken as u64;
        self.end.lines = self.end.lines.max(last_line);
        self.end.stream_end[stream] = self.end.bytes;
        if let Some(newline) = memchr::memrchr(b'\n', text) {
            self.end.line_end = self.end.bytes - (taken - newline - 1) as u64;
        }
        self.open_line[stream] = (!complete).then_some(last_line);
        taken
    }

    /// Ends the lines that the step left unfinished, and makes what it printed survive a power cut.
    pub fn end_step(&mut self) -> io::Result<()> {
        self.open_line = [None; 2];
        if std::mem::take(&mut self.unsynced) {
            self.log.sync_data()?;
            self.idx.sync_data()?;
        }
        Ok(())
    }

    /// Returns how far it reaches.
    #[must_use]
    pub const fn end(&self) -> SpoolEnd {
        self.end
    }

    /// Returns what tells readers how far it reaches.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<SpoolEnd> {
        self.told.subscribe()
    }

    /// Returns the checksum of all of `output.log`, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        crate::queue::hex(&self.hash.clone().finalize())
    }

    /// Returns a reading end.
    pub fn reader(&self) -> io::Result<SpoolReader> {
        Ok(SpoolReader { log: Arc::new(self.log.try_clone()?), idx: Arc::new(self.idx.try_clone()?) })
    }

    /// Returns how many masks `output.log` holds: what a recovery can know of redactions.
    pub fn count_masks(&self) -> io::Result<i64> {
        let (mut masks, mut window) = (0, Vec::new());
        let finder = memchr::memmem::Finder::new(redact::MASK);
        read_blocks(&self.log, |block| {
            window.extend_from_slice(block);
            let mut end = 0;
            for found in finder.find_iter(&window) {
                masks += 1;
                end = found + redact::MASK.len();
            }
            window.drain(..end.max(window.len().saturating_sub(redact::MASK.len() - 1)));
        })?;
        Ok(masks)
    }
}

impl SpoolReader {
    /// Returns the record of that number, if it is there.
    pub fn record(&self, number: u64) -> io::Result<Option<Record>> {
        Record::read(&self.idx, number)
    }

    /// Returns up to `count` records from that number on; none at the end.
    pub fn records(&self, number: u64, count: usize) -> io::Result<Vec<Record>> {
        Record::read_many(&self.idx, number, count)
    }

    /// Returns the size of `output.log`.
    pub fn bytes(&self) -> io::Result<u64> {
        Ok(self.log.metadata()?.len())
    }

    /// Returns the number of the record that holds the byte at `offset`; if it is not there yet, the number of the one
    /// that will.
    pub fn record_at(&self, offset: u64) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.idx.metadata()?.len() / Record::SIZE as u64);
        while low < high {
            let middle = u64::midpoint(low, high);
            match self.record(middle)? {
                Some(record) if record.end() <= offset => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Reads a range of `output.log`.
    pub fn read(&self, from: u64, length: usize) -> io::Result<Redacted> {
        let mut bytes = vec![0; length];
        self.log.read_exact_at(&mut bytes, from)?;
        Ok(Redacted::from_stored(bytes))
    }
}

/// Returns where an attempt's spool lies, below the data folder.
#[must_use]
pub fn folder(job: crate::model::JobId, attempt: i32) -> PathBuf {
    ["spool".to_owned(), job.to_string(), attempt.to_string()].iter().collect()
}

/// Reads a file from its beginning to its end.
fn read_blocks(file: &File, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let (mut buffer, mut at) = (vec![0; 1 << 20], 0);
    loop {
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 {
            return Ok(());
        }
        take(&buffer[..read]);
        at += read as u64;
    }
}

fn open(folder: &Path, truncate: bool) -> io::Result<[File; 2]> {
    let open = |name: &str| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(truncate).mode(0o600);
        options.open(folder.join(name))
    };
    Ok([open(OUTPUT_LOG)?, open(OUTPUT_IDX)?])
}

#[cfg(test)]
mod tests;
