//! Compressed files that are read from the middle: the zstd seekable format, frames of a fixed size and a table of where
//! they lie. `zstd -d` reads them as well.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use zeekstd::{Decoder, EncodeOptions, Encoder, FrameSizePolicy};

/// Bytes of a frame before its compression: what has to be decompressed for a single byte, in a quarter of a millisecond.
/// Larger ones would save little: at 2 MiB, two hundredths.
const FRAME: u32 = 256 << 10;

/// How hard to try: three levels above zstd's own choice make up for what the frames cost, and nobody waits for it.
const LEVEL: i32 = 6;

/// A compressed file, and the frame of it that was read last.
pub(super) struct Frames {
    decoder: Decoder<'static, File>,
    /// The bytes of that frame.
    frame: Vec<u8>,
    /// Where it begins, before compression.
    frame_at: u64,
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Frames {
    /// Reads the table of a file.
    pub(super) fn open(file: File) -> io::Result<Self> {
        let decoder = Decoder::new(file).map_err(io::Error::other)?;
        Ok(Self { decoder, frame: Vec::new(), frame_at: 0 })
    }

    /// Returns how many bytes were compressed.
    pub(super) fn size(&self) -> u64 {
        self.decoder.seek_table().size_decomp()
    }

    /// Reads `length` bytes from `at` on.
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

    /// Returns the frame that holds the byte at `at`, and where it begins.
    fn frame_of(&mut self, at: u64) -> io::Result<(u64, &[u8])> {
        if self.frame_at > at || self.frame_at + self.frame.len() as u64 <= at {
            let table = self.decoder.seek_table();
            let index = table.frame_index_decomp(at);
            let begin = table.frame_start_decomp(index).map_err(io::Error::other)?;
            let end = table.frame_end_decomp(index).map_err(io::Error::other)?;
            // Only what is asked for can fail half way; then no frame is held.
            let mut frame = std::mem::take(&mut self.frame);
            frame.resize(usize::try_from(end - begin).map_err(io::Error::other)?, 0);
            self.decoder.set_offset(begin).map_err(io::Error::other)?;
            self.decoder.set_offset_limit(end).map_err(io::Error::other)?;
            self.decoder.read_exact(&mut frame)?;
            (self.frame, self.frame_at) = (frame, begin);
        }
        Ok((self.frame_at, &self.frame))
    }
}

/// Returns what compresses into `file`; end it with `finish`.
pub(super) fn encoder(file: &File) -> io::Result<Encoder<'static, &File>> {
    EncodeOptions::new()
        .checksum_flag(true)
        .compression_level(LEVEL)
        .frame_size_policy(FrameSizePolicy::Uncompressed(FRAME))
        .into_encoder(file)
        .map_err(io::Error::other)
}
