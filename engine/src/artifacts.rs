//! Artifacts: files that an attempt created and that the server keeps in an object store.
//!
//! The object store is a directory. Each file is stored at `artifacts/<job>/<attempt>/<id>` in the data directory,
//! under a name that the server generates and that jobs cannot influence. A file is stored completely or not at all: it
//! is written under a temporary name, synced and then renamed, and recorded in the database afterwards. A crash can
//! therefore leave behind only files that are not recorded, and [`ArtifactStore::sweep`] removes those.
//!
//! Files cannot be stored in S3, because the `aws` feature of the `object_store` crate would add a second TLS
//! implementation and an HTTP client. To support S3, enable this feature, open the bucket in [`ArtifactStore::open`],
//! change [`ArtifactStore::keep`] to upload large files in parts instead of writing sparse files ([`sparse`]), and have
//! the download route read from the object store.

mod pattern;
mod sparse;

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use object_store::local::LocalFileSystem;
use object_store::{ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use crate::files::remove_folder;
use model::{ArtifactId, JobId};
use sparse::SparseFile;

pub use pattern::{InvalidPattern, Matcher, Patterns};

/// A file is read in parts of this many bytes.
const PART: usize = 5 << 20;

/// The store of artifacts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ArtifactStore {
    objects: LocalFileSystem,
    data_dir: PathBuf,
}

/// The error returned when a file cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The object store returned an error.
    #[error(transparent)]
    Store(#[from] object_store::Error),
    /// The file could not be read or written.
    #[error("failed to copy the file: {0}")]
    Copy(#[from] io::Error),
}

/// The size and checksum of a stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The size in bytes.
    pub size_bytes: u64,
    /// The SHA-256 in hexadecimal.
    pub sha256: String,
}

impl ArtifactStore {
    /// Opens the store in a data directory, which must exist.
    pub fn open(data_dir: &Path) -> Result<Self, object_store::Error> {
        let objects = LocalFileSystem::new_with_prefix(data_dir)?.with_fsync(true);
        Ok(Self { objects, data_dir: data_dir.to_owned() })
    }

    /// Stores `content` at a path returned by [`location`]. The returned size and checksum are those of the stored
    /// bytes, even if the original file is changed while it is being read. Reading `content` may block the current
    /// thread, so do not call this on a thread that runs other async tasks.
    pub async fn keep(&self, path: &str, mut content: impl Read) -> Result<Stored, KeepError> {
        let location = object_store::path::Path::from(path);
        let part = read_part(&mut content)?;
        if part.len() < PART && !sparse::has_holes(&part) {
            let mut stored = Sum::default();
            stored.add(&part);
            self.objects.put(&location, PutPayload::from(part)).await?;
            return Ok(stored.finish());
        }
        Ok(self.keep_large(path, part, content)?)
    }

    /// Stores `content` at a path returned by [`location`] while the content is still arriving. If reading fails,
    /// nothing is stored. This call blocks, so do not use it in async code.
    pub fn keep_streamed(&self, path: &str, mut content: impl Read) -> io::Result<Stored> {
        let part = read_part(&mut content)?;
        self.keep_large(path, part, content)
    }

    /// Stores a file of any size, one part at a time. `part` has already been read, and `content` yields the rest of
    /// the file. Blocks of zeros take no disk space.
    fn keep_large(&self, path: &str, mut part: Vec<u8>, mut content: impl Read) -> io::Result<Stored> {
        let mut stored = Sum::default();
        let mut file = SparseFile::create(&self.data_dir.join(path))?;
        while !part.is_empty() {
            stored.add(&part);
            file.write(&part)?;
            // If reading fails, `file` is dropped, which removes the temporary file.
            part = read_part(&mut content)?;
        }
        file.finish()?;
        Ok(stored.finish())
    }

    /// Removes the file at `path`.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        std::fs::remove_file(self.data_dir.join(path))
    }

    /// Removes all stored files of a job.
    pub fn remove_job(&self, job: JobId) -> io::Result<()> {
        remove_folder(&self.data_dir.join(format!("artifacts/{job}")))
    }

    /// Removes those files of an attempt whose paths are not in `keep`. A crash can leave such files behind.
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

/// Returns the path of an artifact's file, relative to the data directory.
#[must_use]
pub fn location(job: JobId, attempt: i32, id: ArtifactId) -> String {
    format!("{}/{id}", folder(job, attempt))
}

fn folder(job: JobId, attempt: i32) -> String {
    format!("artifacts/{job}/{attempt}")
}

/// Reads one part. Only the last part is shorter than [`PART`].
fn read_part(content: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    content.take(PART as u64).read_to_end(&mut part)?;
    Ok(part)
}

/// Computes the size and checksum of a file from its parts.
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
        let store = ArtifactStore::open(data.path()).expect("the folder exists");
        (data, store)
    }

    fn path(job: JobId) -> String {
        location(job, 1, ArtifactId(uuid::Uuid::now_v7()))
    }

    #[tokio::test]
    async fn files_of_any_size_are_stored_completely() {
        let (data, store) = store();
        let job = JobId(uuid::Uuid::now_v7());
        for size in [0, 1, PART - 1, PART, PART + 1, 3 * PART] {
            let content: Vec<u8> = (0..=250).cycle().take(size).collect();
            let path = path(job);
            let stored = store.keep(&path, content.as_slice()).await.expect("storing succeeds");
            assert_eq!(stored.size_bytes, size as u64);
            assert_eq!(stored.sha256, hex::encode(Sha256::digest(&content)));
            assert!(std::fs::read(data.path().join(&path)).expect("the file exists") == content, "{size} bytes");
        }
    }

    #[tokio::test]
    async fn holes_take_no_disk_space_in_the_store() {
        use std::os::unix::fs::MetadataExt;
        let (data, store) = store();
        let path = path(JobId(uuid::Uuid::now_v7()));
        let end = [vec![0; 100_000], b"end".to_vec(), vec![0; 70_000]].concat();
        for (zeros, tail) in [(12 << 20, end.as_slice()), (12 << 20, b""), (1 << 20, b"x"), (70_000, b"")] {
            let content = io::repeat(0).take(zeros);
            let stored = store.keep(&path, content.chain(tail)).await.expect("it can be stored");
            assert_eq!(stored.size_bytes, zeros + tail.len() as u64);
            let file = std::fs::metadata(data.path().join(&path)).expect("the file exists");
            assert_eq!(file.len(), stored.size_bytes);
            assert!(file.blocks() * 512 < 200_000, "{} bytes on the disk", file.blocks() * 512);
            let mut sum = Sum::default();
            let mut kept = std::fs::File::open(data.path().join(&path)).expect("the file exists");
            while let Some(part) = read_part(&mut kept).ok().filter(|part| !part.is_empty()) {
                sum.add(&part);
            }
            assert_eq!(sum.finish(), stored);
            store.remove(&path).expect("the file exists");
        }
    }

    #[tokio::test]
    async fn a_file_that_fails_to_read_leaves_no_files_behind() {
        struct Broken(usize);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(io::Error::other("the disk is broken"))?;
                Ok(buffer.len())
            }
        }
        let (data, store) = store();
        let path = path(JobId(uuid::Uuid::now_v7()));
        store.keep(&path, Broken(30)).await.expect_err("it cannot be read");
        let folder = data.path().join(&path).parent().expect("the path has a parent").to_owned();
        assert_eq!(std::fs::read_dir(folder).map_or(0, Iterator::count), 0);
    }

    #[tokio::test]
    async fn sweeping_removes_only_unlisted_files() {
        let (data, store) = store();
        let job = JobId(uuid::Uuid::now_v7());
        let (kept, dropped) = (path(job), path(job));
        for path in [&kept, &dropped] {
            store.keep(path, &b"x"[..]).await.expect("storing succeeds");
        }
        // A crash during an upload leaves such a temporary file behind.
        let torn = data.path().join(format!("{dropped}#1"));
        std::fs::write(&torn, "half").expect("the folder can be written");
        store.sweep(job, 1, &HashSet::from([kept.clone()])).expect("sweeping succeeds");
        let exists = |path: &str| data.path().join(path).exists();
        assert_eq!((exists(&kept), exists(&dropped), torn.exists()), (true, false, false));
        store.sweep(job, 2, &HashSet::new()).expect("an attempt without files is swept too");
    }
}
