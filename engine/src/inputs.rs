//! Inputs: files that a client sends with a job. They are unpacked into the workspace before the first step.
//!
//! An input is an archive: a tar file compressed with zstd or gzip. It is received completely and synced before its job
//! is stored. No job can therefore start with an incomplete input, and an interrupted upload leaves nothing behind. The
//! input remains available to the job: every attempt unpacks it again ([`mod@unpack`]), and a resubmitted job shares
//! it. Inputs without a job, which a crash may leave behind, are removed on the next start.

mod names;
mod unpack;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use model::JobInput;
use sha2::{Digest, Sha256};

use crate::files::private_folder;

pub use names::stays_inside;
pub use unpack::{UnpackError, unpack};

/// The name of the directory in the data directory that contains the inputs.
const FOLDER: &str = "inputs";

/// Returns the path of an input's archive.
#[must_use]
pub fn path(data_dir: &Path, input: &JobInput) -> PathBuf {
    data_dir.join(FOLDER).join(input.id.to_string())
}

/// Removes the archives whose ids are not in `known`. `known` must contain the ids of the inputs of all jobs, so that
/// only archives without a job are removed.
pub fn sweep(data_dir: &Path, known: &[uuid::Uuid]) -> io::Result<()> {
    let folder = data_dir.join(FOLDER);
    private_folder(&folder)?;
    let known: HashSet<_> = known.iter().copied().collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if !id.is_some_and(|id| known.contains(&id)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// An archive that is being received. Its file is removed on drop, unless [`Incoming::keep`] was called.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    path: PathBuf,
    id: uuid::Uuid,
    size: u64,
    hash: Sha256,
    kept: bool,
}

impl Incoming {
    /// Creates an empty file for an archive that is about to be received.
    pub fn create(data_dir: &Path) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        private_folder(&folder)?;
        let id = uuid::Uuid::now_v7();
        let path = folder.join(id.to_string());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file, path, id, size: 0, hash: Sha256::new(), kept: false })
    }

    /// Appends received bytes.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Returns how many bytes have been received.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Syncs the file, so that it survives a power failure.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()?;
        self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    /// Returns the description of the input that is stored with the job.
    #[must_use]
    pub fn input(&self) -> JobInput {
        let size_bytes = i64::try_from(self.size).unwrap_or(i64::MAX);
        JobInput { id: self.id, size_bytes, sha256: hex::encode(self.hash.clone().finalize()) }
    }

    /// Prevents the file from being removed on drop. Call this once the job that the input belongs to is stored.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "an uploaded archive that belongs to no job could not be removed; the next start retries");
        }
    }
}
