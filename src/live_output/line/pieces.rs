//! Splits chunks (a chunk is the text of one log event) into pieces, one per line.

use model::{LogPayload, Segment};

/// The part of a chunk that belongs to one line. It never contains a newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePiece<'a> {
    /// The number of the line within the attempt, starting at 1.
    pub number: i64,
    /// The text of the piece.
    pub text: &'a str,
    /// Whether a newline follows this piece.
    pub ended: bool,
}

/// Splits the text of a chunk into pieces, one per line.
#[must_use]
pub fn pieces<'a>(text: &'a str, payload: &LogPayload) -> Vec<LinePiece<'a>> {
    let mut pieces = Vec::new();
    for (Segment(_, _, line), segment) in payload.pieces(text) {
        cut_at_newlines(segment, line, &mut pieces);
    }
    pieces
}

fn cut_at_newlines<'a>(text: &'a str, first: i64, pieces: &mut Vec<LinePiece<'a>>) {
    for (number, part) in (first..).zip(text.split_inclusive('\n')) {
        let ended = part.ends_with('\n');
        pieces.push(LinePiece { number, text: part.strip_suffix('\n').unwrap_or(part), ended });
    }
}
