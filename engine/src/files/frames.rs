//! Compressed files with random access, in the zstd seekable format: frames of a fixed uncompressed size, and a table
//! of their positions. `zstd -d` can also decompress them.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use zeekstd::{EncodeOptions, Encoder, FrameSizePolicy, SeekTable};

/// The size of a frame before compression, in bytes. Reading a single byte decompresses one frame, which takes about a
/// millisecond, and each slow reader keeps one frame in memory. Frames of a quarter of this size would take about 6 %
/// more disk space.
const FRAME: u32 = 1 << 20;

/// The compression level. Compression runs in the background, so a high level is affordable. Splitting a file into
/// frames costs disk space, and the high level regains most of this space.
const LEVEL: i32 = 9;

/// A compressed file, and the frame that was read last.
#[derive(Clone)]
pub(super) struct Frames {
    file: Arc<File>,
    /// The positions of the frames in the file.
    table: SeekTable,
    /// The decompressed bytes of the frame that was read last.
    frame: Vec<u8>,
    /// The offset of `frame` in the uncompressed file.
    frame_at: u64,
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Frames {
    /// Reads the seek table of a file.
    pub(super) fn open(mut file: File) -> io::Result<Self> {
        let table = SeekTable::from_seekable(&mut file).map_err(io::Error::other)?;
        Ok(Self { file: Arc::new(file), table, frame: Vec::new(), frame_at: 0 })
    }

    /// Returns the size of the uncompressed file, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.table.size_decomp()
    }

    /// Reads `length` bytes from offset `at` of the uncompressed file.
    pub(super) fn read(&mut self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        if at.checked_add(length as u64).is_none_or(|end| end > self.size()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let next = at + bytes.len() as u64;
            let frame = self.frame_of(next)?;
            let skipped = usize::try_from(next - frame.0).expect("a frame is small");
            let rest = frame.1.get(skipped..).filter(|rest| !rest.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
            bytes.extend_from_slice(&rest[..rest.len().min(length - bytes.len())]);
        }
        Ok(bytes)
    }

    /// Returns the offset and content of the frame that contains the byte at offset `at` of the uncompressed file.
    fn frame_of(&mut self, at: u64) -> io::Result<(u64, &[u8])> {
        if self.frame_at > at || self.frame_at + self.frame.len() as u64 <= at {
            let index = self.table.frame_index_decomp(at);
            let begin = self.table.frame_start_decomp(index).map_err(io::Error::other)?;
            let end = self.table.frame_end_decomp(index).map_err(io::Error::other)?;
            let from = self.table.frame_start_comp(index).map_err(io::Error::other)?;
            let to = self.table.frame_end_comp(index).map_err(io::Error::other)?;
            let mut compressed = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
            // Clones share the file's cursor, and another clone could move it at any time. Therefore, read at an
            // explicit offset.
            self.file.read_exact_at(&mut compressed, from)?;
            let size = usize::try_from(end - begin).map_err(io::Error::other)?;
            let frame = zstd::bulk::decompress(&compressed, size)?;
            (self.frame, self.frame_at) = (frame, begin);
        }
        Ok((self.frame_at, &self.frame))
    }
}

/// Returns an encoder that writes to `file`. Call `finish` to complete the file.
pub(super) fn encoder(file: &File) -> io::Result<Encoder<'static, &File>> {
    EncodeOptions::new()
        .checksum_flag(true)
        .compression_level(LEVEL)
        .frame_size_policy(FrameSizePolicy::Uncompressed(FRAME))
        .into_encoder(file)
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn clones_read_the_same_file_at_the_same_time() {
        let file = tempfile::tempfile().expect("a temporary file");
        let text: Vec<u8> = (0..4_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut writer = encoder(&file).expect("the encoder starts");
        writer.write_all(&text).expect("the file can be written");
        writer.finish().expect("the file can be written");
        let frames = Frames::open(file.try_clone().expect("the file is open")).expect("the file is complete");
        let read_all = |mut frames: Frames, backwards: bool| {
            for piece in 0..text.len() / 100_000 {
                let piece = if backwards { text.len() / 100_000 - 1 - piece } else { piece };
                let at = piece * 100_000;
                let read = frames.read(at as u64, 100_000).expect("the file can be read");
                assert!(read == text[at..at + 100_000], "at {at}");
            }
        };
        std::thread::scope(|scope| {
            for backwards in [false, true, false, true] {
                let clone = frames.clone();
                scope.spawn(move || read_all(clone, backwards));
            }
        });
    }
}
