//! Where the pieces of a chunk lie in `output.log`: the one reader of [`LogPayload::segments`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::LogPayload;

/// A piece of a chunk: `[offset, bytes, line]`.
///
/// `offset` and `bytes` are of the attempt's `output.log`; `line` is the number of the piece's first line. Within a piece
/// the numbers run on by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment(pub i64, pub i64, pub i64);

impl Segment {
    /// Returns where it ends in `output.log`.
    #[must_use]
    pub const fn end(self) -> i64 {
        self.0.saturating_add(self.1)
    }
}

impl LogPayload {
    /// Returns the pieces of the chunk, at least one; a chunk whose pieces all touch is one.
    #[must_use]
    pub fn segments(&self) -> Cow<'_, [Segment]> {
        match self.segments.as_deref() {
            Some(segments) if !segments.is_empty() => Cow::Borrowed(segments),
            _ => Cow::Owned(vec![Segment(self.offset, self.bytes, self.line)]),
        }
    }

    /// Cuts the chunk's text into its pieces.
    ///
    /// Segments count bytes of `output.log`, in which what is not UTF-8 took less room than its stand-in does in the text; see
    /// [`segment_length`].
    #[must_use]
    pub fn pieces<'a>(&self, text: &'a str) -> Vec<(Segment, &'a str)> {
        let segments = self.segments();
        let mut rest = text;
        let mut bytes_left: i64 = segments.iter().map(|&Segment(_, bytes, _)| bytes).sum();
        let cut = |(index, &segment): (usize, &Segment)| {
            let Segment(_, bytes, _) = segment;
            let length = if index + 1 == segments.len() { rest.len() } else { segment_length(rest, bytes, bytes_left) };
            let (piece, after) = rest.split_at(length);
            rest = after;
            bytes_left -= bytes;
            (segment, piece)
        };
        segments.iter().enumerate().map(cut).collect()
    }
}

/// Returns how many bytes of the text stand for the next `bytes` bytes of `output.log`, of which `bytes_left` are left in all.
///
/// Exact while the text is what was printed. Where it holds U+FFFD for what was not UTF-8, each of them took one to
/// three bytes; how many, on average, follows from the difference in length.
fn segment_length(rest: &str, bytes: i64, bytes_left: i64) -> usize {
    let wanted = usize::try_from(bytes).unwrap_or(0);
    let growth = i64::try_from(rest.len()).unwrap_or(i64::MAX) - bytes_left;
    if growth <= 0 {
        let mut end = wanted.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        return end;
    }
    let mut growth = usize::try_from(growth).unwrap_or(0);
    let mut stand_ins = rest.matches('\u{fffd}').count().max(1);
    let mut taken = 0;
    for (at, character) in rest.char_indices() {
        if taken >= wanted {
            return at;
        }
        taken += character.len_utf8();
        if character == '\u{fffd}' {
            let grown = growth.div_ceil(stand_ins).min(2);
            taken -= grown;
            growth -= grown.min(growth);
            stand_ins = stand_ins.saturating_sub(1).max(1);
        }
    }
    rest.len()
}
