//! Artifacts: files that are kept after their attempt, in an object store.
//!
//! The store is a folder: what is kept lies at `artifacts/<job>/<attempt>/<id>` below the data folder, under a name of ours
//! and never of a job's. A file is there whole or not at all, since it is written beside its place, synced and then moved
//! there; the database lists it afterwards. So a crash leaves at most files that no row knows, which [`ArtifactStore::sweep`]
//! removes.
//!
//! `object_store` speaks to S3 and its like too. That needs its feature `aws`, which brings a second TLS and an HTTP client
//! along; whoever turns it on opens the bucket in [`ArtifactStore::open`], uploads large files there in parts where
//! [`ArtifactStore::keep`] writes them sparse ([`sparse`]), and lets the download route read through the store.

mod pattern;
mod sparse;

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use object_store::local::LocalFileSystem;
use object_store::{ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use crate::model::{ArtifactId, JobId};
use sparse::SparseFile;

pub use pattern::{InvalidPattern, Matcher, Patterns};

/// Bytes that one attempt holds in memory of a file.
const PART: usize = 5 << 20;

/// Where kept files lie. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ArtifactStore {
    objects: LocalFileSystem,
    data_dir: PathBuf,
}

/// Why a file could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store refused it.
    #[error(transparent)]
    Store(#[from] object_store::Error),
    /// It could not be read, or written.
    #[error("it cannot be copied: {0}")]
    Copy(#[from] io::Error),
}

/// What was stored of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

impl ArtifactStore {
    /// Opens the store of a data folder, which has to be there.
    pub fn open(data_dir: &Path) -> Result<Self, object_store::Error> {
        let objects = LocalFileSystem::new_with_prefix(data_dir)?.with_fsync(true);
        Ok(Self { objects, data_dir: data_dir.to_owned() })
    }

    /// Stores what is read, at a path that [`location`] gave. Size and checksum are those of the very bytes that were stored,
    /// whatever happens to the file meanwhile. Reading may block: not to be called where other tasks wait.
    pub async fn keep(&self, path: &str, mut content: impl Read) -> Result<Stored, KeepError> {
        let location = object_store::path::Path::from(path);
        let part = read_part(&mut content)?;
        if part.len() < PART && !sparse::has_holes(&part) {
            let mut stored = Sum::default();
            stored.add(&part);
            self.objects.put(&location, PutPayload::from(part)).await?;
            return Ok(stored.finish());
        }
        self.keep_large(path, part, content)
    }

    /// Stores a file of several parts, or with holes: runs of zeros take no room on the disk.
    fn keep_large(&self, path: &str, mut part: Vec<u8>, mut content: impl Read) -> Result<Stored, KeepError> {
        let mut stored = Sum::default();
        let mut file = SparseFile::create(&self.data_dir.join(path))?;
        while !part.is_empty() {
            stored.add(&part);
            file.write(&part)?;
            // A file that is dropped is removed.
            part = read_part(&mut content)?;
        }
        file.finish()?;
        Ok(stored.finish())
    }

    /// Removes one file.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        std::fs::remove_file(self.data_dir.join(path))
    }

    /// Removes the files of an attempt but those at the paths in `keep`: what a crash left.
    pub fn sweep(&self, job: JobId, attempt: i32, keep: &HashSet<String>) -> io::Result<()> {
        let folder = folder(job, attempt);
        let entries = match std::fs::read_dir(self.data_dir.join(&folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !keep.contains(&format!("{folder}/{}", entry.file_name().to_string_lossy())) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Returns where an artifact is stored, below the data folder.
#[must_use]
pub fn location(job: JobId, attempt: i32, id: ArtifactId) -> String {
    format!("{}/{id}", folder(job, attempt))
}

fn folder(job: JobId, attempt: i32) -> String {
    format!("artifacts/{job}/{attempt}")
}

/// Reads a whole part; a shorter one is the last.
fn read_part(content: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    content.take(PART as u64).read_to_end(&mut part)?;
    Ok(part)
}

/// Size and checksum of what went by.
#[derive(Default)]
struct Sum {
    bytes: u64,
    hash: Sha256,
}

impl Sum {
    fn add(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        self.hash.update(part);
    }

    fn finish(self) -> Stored {
        Stored { size_bytes: self.bytes, sha256: hex::encode(self.hash.finalize()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, ArtifactStore) {
        let data = tempfile::tempdir().expect("a temporary folder");
        let store = ArtifactStore::open(data.path()).expect("the folder is there");
        (data, store)
    }

    fn path(job: JobId) -> String {
        location(job, 1, ArtifactId(uuid::Uuid::now_v7()))
    }

    #[tokio::test]
    async fn a_file_of_any_size_is_stored_whole() {
        let (data, store) = store();
        let job = JobId(uuid::Uuid::now_v7());
        for size in [0, 1, PART - 1, PART, PART + 1, 3 * PART] {
            let content: Vec<u8> = (0..=250).cycle().take(size).collect();
            let path = path(job);
            let stored = store.keep(&path, content.as_slice()).await.expect("it can be stored");
            assert_eq!(stored.size_bytes, size as u64);
            assert_eq!(stored.sha256, hex::encode(Sha256::digest(&content)));
            assert!(std::fs::read(data.path().join(&path)).expect("it is there") == content, "{size} bytes");
        }
    }

    #[tokio::test]
    async fn holes_are_stored_as_holes() {
        use std::os::unix::fs::MetadataExt;
        let (data, store) = store();
        let path = path(JobId(uuid::Uuid::now_v7()));
        let end = [vec![0; 100_000], b"end".to_vec(), vec![0; 70_000]].concat();
        for (zeros, tail) in [(12 << 20, end.as_slice()), (12 << 20, b""), (1 << 20, b"x"), (70_000, b"")] {
            let content = io::repeat(0).take(zeros);
            let stored = store.keep(&path, content.chain(tail)).await.expect("it can be stored");
            assert_eq!(stored.size_bytes, zeros + tail.len() as u64);
            let file = std::fs::metadata(data.path().join(&path)).expect("it is there");
            assert_eq!(file.len(), stored.size_bytes);
            assert!(file.blocks() * 512 < 200_000, "{} bytes on the disk", file.blocks() * 512);
            let mut sum = Sum::default();
            let mut kept = std::fs::File::open(data.path().join(&path)).expect("it is there");
            while let Some(part) = read_part(&mut kept).ok().filter(|part| !part.is_empty()) {
                sum.add(&part);
            }
            assert_eq!(sum.finish(), stored);
            store.remove(&path).expect("it is there");
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_to_its_end_leaves_nothing() {
        struct Broken(usize);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(io::Error::other("the disk is broken"))?;
                Ok(buffer.len())
            }
        }
        let (data, store) = store();
        let path = path(JobId(uuid::Uuid::now_v7()));
        store.keep(&path, Broken(2_000)).await.expect_err("it cannot be read");
        let folder = data.path().join(&path).parent().expect("it lies in a folder").to_owned();
        assert_eq!(std::fs::read_dir(folder).map_or(0, Iterator::count), 0);
    }

    #[tokio::test]
    async fn sweeping_leaves_what_is_listed_alone() {
        let (data, store) = store();
        let job = JobId(uuid::Uuid::now_v7());
        let (kept, dropped) = (path(job), path(job));
        for path in [&kept, &dropped] {
            store.keep(path, &b"x"[..]).await.expect("it can be stored");
        }
        // What an upload leaves that a crash broke off.
        let torn = data.path().join(format!("{dropped}#1"));
        std::fs::write(&torn, "half").expect("the folder can be written");
        store.sweep(job, 1, &HashSet::from([kept.clone()])).expect("it can be swept");
        let exists = |path: &str| data.path().join(path).exists();
        assert_eq!((exists(&kept), exists(&dropped), torn.exists()), (true, false, false));
        store.sweep(job, 2, &HashSet::new()).expect("an attempt without files is swept too");
    }
}
