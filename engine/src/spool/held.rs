//! Holds pieces of a worker's output until they can be appended to the server's copy of the worker's spool.

use std::io;

use super::{SpoolPiece, SpoolWriter};

/// The maximum memory that waiting pieces take, in bytes. A request has at most 16 MiB of text, whose pieces may come
/// in any order. Waiting pieces therefore reach this limit only if output is missing.
const MAX_HELD: usize = 64 << 20;

/// Pieces that are appended to a spool at their offsets. A piece waits until all output before it has been appended.
#[derive(Debug, Default)]
pub struct HeldPieces {
    /// The pieces, sorted by their offsets.
    pieces: Vec<SpoolPiece>,
    size: usize,
}

impl HeldPieces {
    /// Adds pieces, which may be in any order.
    pub fn add(&mut self, pieces: Vec<SpoolPiece>) {
        self.size += pieces.iter().map(size_of_piece).sum::<usize>();
        self.pieces.extend(pieces);
        self.pieces.sort_by_key(|piece| piece.offset);
    }

    /// Appends the pieces in order, up to the first piece that begins beyond the end of the spool. That piece and the
    /// pieces after it continue to wait.
    pub fn append_to(&mut self, spool: &mut SpoolWriter) -> io::Result<()> {
        let mut appended = 0;
        for piece in &mut self.pieces {
            let size = size_of_piece(piece);
            if !spool.append_copy(piece)? {
                break;
            }
            self.size -= size;
            appended += 1;
        }
        self.pieces.drain(..appended);
        Ok(())
    }

    /// Returns whether all pieces have been appended.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Returns whether the pieces exceed the size limit, which happens only if output before them is missing. If they
    /// do, no more pieces may be added.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.size > MAX_HELD
    }
}

/// Returns the memory that a piece takes, in bytes.
fn size_of_piece(piece: &SpoolPiece) -> usize {
    piece.text.len() + size_of::<SpoolPiece>()
}
