//! Writes a spool: appends output, syncs it, and repairs the spool of a worker that died.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use model::Timestamp;
use redact::{MaskCounter, MaskCounts, Redacted};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{OUTPUT_IDX, OUTPUT_LOG, Record, Source, SpoolReader};
use crate::fail_point::FailPoint;
use crate::files::private_folder;

/// The number of records that are read at once when the whole index is read.
const RECORDS: usize = 4096;
/// The number of bytes that are read at once when `output.log` or unsynced data is read.
const BLOCK: usize = 1 << 20;

/// The end of the spool, which the writer publishes to readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolEnd {
    /// The size of `output.log` in bytes.
    pub bytes: u64,
    /// The offset at which the last complete line ends.
    pub line_end: u64,
    /// The offset at which the last piece of each stream ends.
    pub stream_end: [u64; 2],
    /// The number of lines that have begun.
    pub lines: u64,
}

/// A piece of one stream's output, with its position in a spool.
#[derive(Clone, Debug)]
pub struct SpoolPiece {
    /// The offset at which the piece begins in `output.log`.
    pub offset: u64,
    /// The number of the line that the first byte belongs to, from 1.
    pub line: u64,
    /// The step and the stream.
    pub source: Source,
    /// The time at which the piece was captured.
    pub time: Timestamp,
    /// The output.
    pub text: Redacted,
}

/// The writer of a spool.
#[derive(Debug)]
pub struct SpoolWriter {
    log: File,
    idx: File,
    reached: Reached,
    end_sender: watch::Sender<SpoolEnd>,
    hash: Sha256,
    /// The sizes up to which `output.log` and `output.idx` are synced.
    synced: [u64; 2],
    /// Whether a sync has failed since the last successful one. If so, unsynced data may be lost unless it is written
    /// again.
    sync_failed: bool,
}

/// The current ends of `output.log` and `output.idx`.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    end: SpoolEnd,
    /// The size of `output.idx` in bytes.
    index: u64,
    /// The number of each stream's unfinished line, or `None` if the stream has no unfinished line.
    open_line: [Option<u64>; 2],
}

impl SpoolWriter {
    /// Creates an empty spool in `folder`.
    pub fn create(folder: &Path) -> io::Result<Self> {
        private_folder(folder)?;
        let [log, idx] = open(folder, true)?;
        let (reached, end_sender, hash) = (Reached::default(), watch::Sender::default(), Sha256::new());
        Ok(Self { log, idx, reached, end_sender, hash, synced: [0; 2], sync_failed: false })
    }

    /// Opens the spool in `folder` after the attempt's worker has died, and repairs it. A record is valid if it follows
    /// the previous one without a gap and all of its bytes exist. `output.idx` is truncated after the last valid
    /// record, and `output.log` after the last byte of that record. Creates an empty spool if there is none.
    pub fn recover(folder: &Path) -> io::Result<Self> {
        private_folder(folder)?;
        let [log, idx] = open(folder, false)?;
        let log_bytes = log.metadata()?.len();
        let (mut last, mut index, mut bytes) = (None, 0, 0);
        'records: loop {
            let records = Record::read_many(&idx, index / Record::SIZE as u64, RECORDS)?;
            if records.is_empty() {
                break;
            }
            for record in records {
                // A length of 0 is invalid, because a file may end in zeros after a power failure.
                if record.offset != bytes || record.length == 0 || record.end() > log_bytes {
                    break 'records;
                }
                (index, bytes, last) = (index + Record::SIZE as u64, record.end(), Some(record));
            }
        }
        idx.set_len(index)?;
        log.set_len(bytes)?;
        let lines = last.map_or(Ok(0), |record| record.read_begun_after(&log))?;
        let end = SpoolEnd { bytes, line_end: bytes, stream_end: [bytes; 2], lines };
        let reached = Reached { end, index, open_line: [None; 2] };
        let hash = hash_of(&log)?;
        Ok(Self { log, idx, reached, end_sender: watch::Sender::new(end), hash, synced: [0; 2], sync_failed: false })
    }

    /// Appends a piece of one stream's output. If this fails, the piece is not stored, and the call may be retried.
    pub fn append(&mut self, source: Source, text: &Redacted, time: Timestamp) -> io::Result<()> {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        let mut reached = self.reached;
        let mut records = Vec::with_capacity(2 * Record::SIZE);
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = reached.take(source, rest, time, &mut records);
            rest = &rest[taken..];
        }
        FailPoint::Captured.reached();
        self.log.write_all_at(bytes, self.reached.end.bytes)?;
        FailPoint::SpoolBytes.reached();
        self.idx.write_all_at(&records, self.reached.index)?;
        self.hash.update(bytes);
        self.reached = Reached { index: self.reached.index + records.len() as u64, ..reached };
        FailPoint::SpoolRecords.reached();
        self.end_sender.send_replace(reached.end);
        Ok(())
    }

    /// Appends a piece of another spool at the same offset, with the same line numbers. Bytes that this spool already
    /// contains are skipped. Returns `false`, and appends nothing, if the piece begins beyond the end of this spool.
    pub fn append_copy(&mut self, piece: &mut SpoolPiece) -> io::Result<bool> {
        let Some(have) = self.reached.end.bytes.checked_sub(piece.offset) else { return Ok(false) };
        let have = usize::try_from(have).unwrap_or(usize::MAX).min(piece.text.len());
        let missing = piece.text.split_off(have);
        let line = piece.line + memchr::memchr_iter(b'\n', piece.text.as_bytes()).count() as u64;
        // If the line has already begun, continue it, even if this spool was closed in the meantime.
        self.reached.open_line[piece.source.stream as usize] =
            (1..=self.reached.end.lines).contains(&line).then_some(line);
        self.append(piece.source, &missing, piece.time)?;
        Ok(true)
    }

    /// Ends the unfinished lines of the step and syncs its output. If this fails, the call may be retried.
    pub fn end_step(&mut self) -> io::Result<()> {
        self.reached.open_line = [None; 2];
        let ends = [self.reached.end.bytes, self.reached.index];
        if self.synced == ends {
            return Ok(());
        }
        if self.sync_failed {
            self.write_again()?;
        }
        self.sync_failed = true;
        self.log.sync_data()?;
        FailPoint::SpoolLogSynced.reached();
        self.idx.sync_data()?;
        self.sync_failed = false;
        self.synced = ends;
        Ok(())
    }

    /// Writes all unsynced data again, because after a failed sync the kernel may treat the data as written. Fails with
    /// `InvalidData` if `output.log` no longer has the checksum of the appended output.
    fn write_again(&self) -> io::Result<()> {
        let files = [(&self.log, self.reached.end.bytes), (&self.idx, self.reached.index)];
        for ((file, end), from) in files.into_iter().zip(self.synced) {
            let mut at = from;
            let mut block = vec![0; BLOCK];
            while at < end {
                let length = usize::try_from(end - at).unwrap_or(BLOCK).min(BLOCK);
                file.read_exact_at(&mut block[..length], at)?;
                file.write_all_at(&block[..length], at)?;
                at += length as u64;
            }
        }
        if hash_of(&self.log)?.finalize() == self.hash.clone().finalize() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the disk lost output that was already written"))
        }
    }

    /// Removes bytes beyond the end of the spool, which a failed append may have written.
    pub fn cut(&self) -> io::Result<()> {
        self.idx.set_len(self.reached.index)?;
        self.log.set_len(self.reached.end.bytes)
    }

    /// Returns the end of the spool.
    #[must_use]
    pub const fn end(&self) -> SpoolEnd {
        self.reached.end
    }

    /// Returns a receiver that is notified whenever the spool's end changes.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<SpoolEnd> {
        self.end_sender.subscribe()
    }

    /// Returns the SHA-256 of the whole `output.log`, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }

    /// Returns a reader of this spool.
    pub fn reader(&self) -> io::Result<SpoolReader> {
        Ok(SpoolReader::new(self.log.try_clone()?.into(), self.idx.try_clone()?.into()))
    }

    /// Returns how many masks `output.log` contains. Recovery reports this as the number of redactions.
    pub fn count_masks(&self) -> io::Result<MaskCounts> {
        let mut counter = MaskCounter::default();
        read_blocks(&self.log, |block| counter.push(block))?;
        Ok(counter.counts().clone())
    }
}

impl Reached {
    /// Adds a record for the longest prefix of `bytes` with consecutive line numbers. Returns the prefix's length.
    fn take(&mut self, source: Source, bytes: &[u8], time: Timestamp, records: &mut Vec<u8>) -> usize {
        let stream = source.stream as usize;
        let open = self.open_line[stream];
        let line = open.unwrap_or(self.end.lines + 1);
        // If this piece continues a line other than the latest one, the numbers of its first and second line are not
        // consecutive, so the second line needs a separate record.
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
        Record { offset: self.end.bytes, length, line, begun, time, source }.write(records);
        self.end.bytes += taken as u64;
        self.end.lines = self.end.lines.max(last_line);
        self.end.stream_end[stream] = self.end.bytes;
        if let Some(newline) = memchr::memrchr(b'\n', text) {
            self.end.line_end = self.end.bytes - (taken - newline - 1) as u64;
        }
        self.open_line[stream] = (!complete).then_some(last_line);
        taken
    }
}

fn hash_of(file: &File) -> io::Result<Sha256> {
    let mut hash = Sha256::new();
    read_blocks(file, |block| hash.update(block))?;
    Ok(hash)
}

/// Reads a whole file in blocks.
fn read_blocks(file: &File, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let (mut buffer, mut at) = (vec![0; BLOCK], 0);
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
