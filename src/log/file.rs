//! A file of a spool, either plain or in compressed frames beside the original path.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frames::Frames;

/// A file of a spool, opened for reading. It stays readable if it is compressed or removed meanwhile.
#[derive(Debug)]
pub struct LogFile(Bytes);

#[derive(Debug)]
enum Bytes {
    /// The plain file, which may still grow.
    Plain(File),
    Compressed(Box<Frames>),
}

impl LogFile {
    /// Opens the file at that path, compressed or not. Returns `None` if there is neither.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        // The order matters: the compressed file is in place before the plain one is removed.
        if let Some(file) = open(path)? {
            return Ok(Some(Self(Bytes::Plain(file))));
        }
        match open(&compressed_path(path))? {
            Some(file) => Ok(Some(Self(Bytes::Compressed(Box::new(Frames::open(file)?))))),
            None => Ok(None),
        }
    }

    /// Returns the current size in bytes, before compression.
    pub fn size(&self) -> io::Result<u64> {
        match &self.0 {
            Bytes::Plain(file) => Ok(file.metadata()?.len()),
            Bytes::Compressed(frames) => Ok(frames.size()),
        }
    }

    /// Reads `length` bytes from offset `at`. Fails if the file is shorter.
    pub fn read(&mut self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        match &mut self.0 {
            Bytes::Plain(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, at)?;
                Ok(bytes)
            }
            Bytes::Compressed(frames) => frames.read(at, length),
        }
    }
}

/// Returns the path of a file's compressed form.
pub(super) fn compressed_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".zst");
    name.into()
}

/// Opens a file, or returns `None` if it does not exist.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
