//! Writes sparse files, in which blocks of zeros take no disk space.
//!
//! Some files contain holes, for example images of virtual machines or files made by `truncate -s 10G`. If such a file
//! were copied byte by byte, the zeros would fill the disk. This module skips blocks of zeros, whether or not they were
//! holes in the original. Like every artifact, the file is written under a temporary name, synced, and then renamed.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// The size in bytes of the blocks that are skipped if they contain only zeros. It is a multiple of the block size of
/// all common file systems.
const BLOCK: usize = 64 << 10;

/// Returns whether `bytes` contain at least one block of zeros, which would become a hole in the file.
pub(super) fn has_holes(bytes: &[u8]) -> bool {
    bytes.chunks_exact(BLOCK).any(is_zero)
}

/// A sparse file that is being written. If it is dropped before [`SparseFile::finish`] is called, the temporary file is
/// removed.
#[derive(Debug)]
pub(super) struct SparseFile {
    file: File,
    aside: PathBuf,
    path: PathBuf,
}

impl SparseFile {
    /// Creates the temporary file for the artifact at `path`, and its directory if needed.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut aside = path.as_os_str().to_owned();
        // No artifact has a name with this suffix. If a crash leaves the file behind, `ArtifactStore::sweep` removes
        // it.
        aside.push("#sparse");
        let aside = PathBuf::from(aside);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        Ok(Self { file: File::create(&aside)?, aside, path: path.to_owned() })
    }

    /// Appends bytes. Each call divides `bytes` into blocks and skips those that contain only zeros, so callers should
    /// pass many bytes at once.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for block in bytes.chunks(BLOCK) {
            if is_zero(block) {
                self.file.seek_relative(i64::try_from(block.len()).expect("a block is small"))?;
            } else {
                self.file.write_all(block)?;
            }
        }
        Ok(())
    }

    /// Syncs the file and renames it to its final path.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let length = self.file.stream_position()?;
        self.file.set_len(length)?;
        self.file.sync_all()?;
        fs::rename(&self.aside, &self.path)?;
        sync_folder(self.path.parent())
    }
}

impl Drop for SparseFile {
    fn drop(&mut self) {
        // After `finish` has renamed the temporary file, removing it fails, and the error is ignored.
        fs::remove_file(&self.aside).ok();
    }
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// Creates a directory and its missing parents, and syncs the parent of each new directory.
fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(folder)?;
    missing.into_iter().try_for_each(|folder| sync_folder(folder.parent()))
}

fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
