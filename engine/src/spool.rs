//! The spool: an attempt's complete output on disk. Only this module knows the spool's files and their format.
//!
//! `output.log` contains exactly the redacted bytes that the steps printed, from both streams in order of arrival.
//! `output.idx` contains a fixed-size record for each piece of the log: offset, length, first line, time, stream, stage
//! and step. A record is written after its bytes, so a crash can only leave bytes without a record, which recovery
//! removes. Both files are written at explicit offsets: if a write fails because the disk is full, it is retried at the
//! same offset, and no bytes are duplicated.
//!
//! The spool accepts only [`Redacted`](redact::Redacted) bytes. [`SpoolWriter`] and [`SpoolReader`] share only the
//! files and a [`SpoolEnd`]. Reads block, so async callers run them on a blocking thread.

mod characters;
mod held;
mod reader;
mod record;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub use characters::incomplete_character;
pub use held::HeldPieces;
pub use reader::SpoolReader;
pub use record::{Record, Source};
pub use writer::{SpoolEnd, SpoolPiece, SpoolWriter};

use model::JobId;

use crate::files::{compress, remove_folder, size_below};

/// The name of the output file in the spool's directory. It is listed as the artifact `logs/output.log`.
pub(crate) const OUTPUT_LOG: &str = "output.log";
/// The name of the index file in the spool's directory.
const OUTPUT_IDX: &str = "output.idx";

/// The name of the directory that contains all spools, within the data directory.
const SPOOLS: &str = "spool";

/// The spools of one data directory.
#[derive(Clone, Debug)]
pub struct Spools {
    data_dir: PathBuf,
}

impl Spools {
    /// Returns the spools in the given data directory.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned() }
    }

    /// Creates an empty spool for an attempt.
    pub fn create(&self, job: JobId, attempt: i32) -> io::Result<SpoolWriter> {
        SpoolWriter::create(&self.folder(job, attempt))
    }

    /// Opens the spool of an attempt whose worker has died, and removes incomplete data at the end of the spool.
    pub fn recover(&self, job: JobId, attempt: i32) -> io::Result<SpoolWriter> {
        SpoolWriter::recover(&self.folder(job, attempt))
    }

    /// Opens an attempt's spool for reading. Returns `None` if the spool does not exist.
    pub fn open(&self, job: JobId, attempt: i32) -> io::Result<Option<SpoolReader>> {
        SpoolReader::open(&self.folder(job, attempt))
    }

    /// Compresses the spool of a finished attempt and returns its compressed size in bytes. Setting `stop` cancels the
    /// compression.
    pub fn compress(&self, job: JobId, attempt: i32, stop: &AtomicBool) -> io::Result<u64> {
        let folder = self.folder(job, attempt);
        Ok(compress(&folder.join(OUTPUT_IDX), stop)? + compress(&folder.join(OUTPUT_LOG), stop)?)
    }

    /// Removes the spool of an attempt.
    pub fn remove(&self, job: JobId, attempt: i32) -> io::Result<()> {
        let folder = self.folder(job, attempt);
        remove_folder(&folder)?;
        // The directory of the job remains if another attempt has a spool.
        folder.parent().map_or(Ok(()), |of_job| match fs::remove_dir(of_job) {
            Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound) => Ok(()),
            removed => removed,
        })
    }

    /// Removes the spools of all attempts of a job.
    pub fn remove_job(&self, job: JobId) -> io::Result<()> {
        remove_folder(&self.data_dir.join(SPOOLS).join(job.to_string()))
    }

    /// Returns how many bytes a running attempt has printed (the size of its `output.log`), or 0 if that file does not
    /// exist.
    #[must_use]
    pub fn printed(&self, job: JobId, attempt: i32) -> u64 {
        fs::metadata(self.folder(job, attempt).join(OUTPUT_LOG)).map_or(0, |file| file.len())
    }

    /// Returns the size of all spools on disk, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        size_below(&self.data_dir.join(SPOOLS)).unwrap_or(0)
    }

    /// Returns the path of an attempt's `output.log`, relative to the data directory.
    #[must_use]
    pub fn log_path(job: JobId, attempt: i32) -> PathBuf {
        place(job, attempt).join(OUTPUT_LOG)
    }

    fn folder(&self, job: JobId, attempt: i32) -> PathBuf {
        self.data_dir.join(place(job, attempt))
    }
}

/// Returns the directory of an attempt's spool, relative to the data directory.
fn place(job: JobId, attempt: i32) -> PathBuf {
    [SPOOLS.to_owned(), job.to_string(), attempt.to_string()].iter().collect()
}

#[cfg(test)]
mod tests;
