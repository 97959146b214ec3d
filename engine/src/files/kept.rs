//! A stored file, which is either uncompressed at its original path, or compressed in a file beside that path.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::frames::Frames;
use super::{compressed_path, open};

/// A file opened for reading. It remains readable even if it is compressed or removed while it is open. All clones read
/// the same file.
#[derive(Clone, Debug)]
pub struct KeptFile(Bytes);

#[derive(Clone, Debug)]
enum Bytes {
    /// The uncompressed file, which may still grow.
    Plain(Arc<File>),
    Compressed(Box<Frames>),
}

impl From<File> for KeptFile {
    fn from(plain: File) -> Self {
        Self(Bytes::Plain(Arc::new(plain)))
    }
}

impl KeptFile {
    /// Opens the file that was stored at `path`, whether or not it is compressed now. Returns `None` if neither form
    /// exists.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        // Try the uncompressed file first: a concurrent compression creates the compressed file before it removes the
        // uncompressed one.
        if let Some(file) = open(path)? {
            return Ok(Some(file.into()));
        }
        match open(&compressed_path(path))? {
            Some(file) => Ok(Some(Self(Bytes::Compressed(Box::new(Frames::open(file)?))))),
            None => Ok(None),
        }
    }

    /// Returns the current size of the uncompressed content, in bytes.
    pub fn size(&self) -> io::Result<u64> {
        match &self.0 {
            Bytes::Plain(file) => Ok(file.metadata()?.len()),
            Bytes::Compressed(frames) => Ok(frames.size()),
        }
    }

    /// Reads `length` bytes from offset `at` of the uncompressed file. Fails if the file is shorter.
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
