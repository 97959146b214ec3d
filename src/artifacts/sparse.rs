//! Writing files whose zeros take no room.
//!
//! A file with holes that is read and written as it comes fills the disk with zeros: a virtual machine's image, or what
//! `truncate -s 10G` makes. Here blocks of zeros are passed over, whether they were holes or not. As in the object store, the
//! file is written beside its place, synced, and then moved there.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// Bytes that are passed over if all of them are zero: a multiple of every file system's block.
const BLOCK: usize = 64 << 10;

/// Returns whether a file of these bytes would have a hole.
pub(super) fn has_holes(bytes: &[u8]) -> bool {
    bytes.chunks_exact(BLOCK).any(is_zero)
}

/// A file that is being written. It is removed when it is dropped before [`SparseFile::finish`].
#[derive(Debug)]
pub(super) struct SparseFile {
    file: File,
    aside: PathBuf,
    path: PathBuf,
}

impl SparseFile {
    /// Begins a file, and makes its folder.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut aside = path.as_os_str().to_owned();
        // No artifact has such a name; what a crash leaves is swept with the others that no row knows.
        aside.push("#sparse");
        let aside = PathBuf::from(aside);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        Ok(Self { file: File::create(&aside)?, aside, path: path.to_owned() })
    }

    /// Adds bytes. Zeros are passed over by blocks of these bytes, so callers give large parts.
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

    /// Puts the file in its place, whole and synced.
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
        // After `finish` it is no longer there.
        fs::remove_file(&self.aside).ok();
    }
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// Makes a folder and those above it, each synced into the one above.
fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(folder)?;
    missing.into_iter().try_for_each(|folder| sync_folder(folder.parent()))
}

fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
