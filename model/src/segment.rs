//! The segments of a chunk, which map the text of the chunk to byte ranges of `output.log`. See
//! [`LogPayload::segments`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::LogPayload;

/// A contiguous range of `output.log` that a chunk contains, serialised as `[offset, bytes, line]`.
///
/// `offset` and `bytes` specify the range in the attempt's `output.log`, and `line` is the number of the first line in
/// this range. Line numbers within a segment are consecutive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment(pub i64, pub i64, pub i64);

impl Segment {
    /// Returns the offset in `output.log` at which the segment ends.
    #[must_use]
    pub const fn end(self) -> i64 {
        self.0.saturating_add(self.1)
    }
}

impl LogPayload {
    /// Returns the segments of the chunk. There is at least one: a contiguous chunk is a single segment.
    #[must_use]
    pub fn segments(&self) -> Cow<'_, [Segment]> {
        match self.segments.as_deref() {
            Some(segments) if !segments.is_empty() => Cow::Borrowed(segments),
            _ => Cow::Owned(vec![Segment(self.offset, self.bytes, self.line)]),
        }
    }

    /// Splits the chunk's text into its segments.
    ///
    /// The lengths of segments are in bytes of `output.log`, where an invalid UTF-8 sequence is usually shorter than
    /// the U+FFFD that replaces it in the text; see [`segment_length`].
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

/// Returns how many bytes at the start of `rest` correspond to the next `bytes` bytes of `output.log`. `bytes_left` is
/// the number of bytes of `output.log` to which the whole of `rest` corresponds.
///
/// The result is exact if the text contains no replacement characters. Otherwise, each U+FFFD (3 bytes) replaces one to
/// three bytes of `output.log`. The average number of bytes is estimated from the difference between the two lengths.
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
