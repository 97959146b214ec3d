//! A file of a spool, wherever its bytes are: as they were written, or in compressed frames beside.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frames::Frames;

/// A file of a spool, opened for reading. It stays readable when it is compressed or removed meanwhile.
#[derive(Debug)]
pub struct LogFile(Bytes);

#[derive(Debug)]
enum Bytes {
    /// As they were written; there may be more to come.
    Plain(File),
    Compressed(Box<Frames>),
}

impl LogFile {
    /// Opens the file of that path, compressed or not; nothing if there is none.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        // In this order: the compressed one is there before the other one goes.
        if let Some(file) = open(path)? {
            return Ok(Some(Self(Bytes::Plain(file))));
        }
        match open(&compressed_path(path))? {
            Some(file) => Ok(Some(Self(Bytes::Compressed(Box::new(Frames::open(file)?))))),
            None => Ok(None),
        }
    }

    /// Returns how many bytes it has by now; of a compressed one, those that were compressed.
    pub fn size(&self) -> io::Result<u64> {
        match &self.0 {
            Bytes::Plain(file) => Ok(file.metadata()?.len()),
            Bytes::Compressed(frames) => Ok(frames.size()),
        }
    }

    /// Reads `length` bytes from `at` on; they have to be there.
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

/// Returns where the compressed form of a file lies.
pub(super) fn compressed_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".zst");
    name.into()
}

/// Opens a file; nothing if there is none.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
