//! Restores the original order of an attempt's output from the events of its two streams.
//!
//! An event contains one or more segments of one stream. A segment is a contiguous range of the attempt's `output.log`,
//! and the event states its offset there. If the streams alternate, their segments arrive in two consecutive events,
//! and this module interleaves them again. A [`Piece`] contains the bytes of one segment. A piece waits until all
//! output before it has arrived, or until the caller calls [`Order::flush`].

use std::collections::BTreeMap;

use model::{LogPayload, Segment, StreamName, Timestamp};

/// The maximum number of waiting bytes: twice the size of a batch, which contains two events of 1 MiB each. If more
/// bytes are waiting, some output is missing, so the waiting pieces are printed without waiting any longer.
const MAX_WAITING: usize = 4 << 20;

/// The bytes of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) stream: StreamName,
    pub(super) bytes: Vec<u8>,
    /// The time at which the first byte of the log event that contains this piece was captured.
    pub(super) time: Timestamp,
}

/// Sorts pieces into the order of `output.log`.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The offset in `output.log` at which the next piece is expected to begin, or `None` before the first piece.
    next: Option<i64>,
    waiting: BTreeMap<i64, (i64, Piece)>,
    size: usize,
}

impl Order {
    /// Adds the segments of an event. `bytes` is the concatenation of their bytes. Then appends to `sink` every piece
    /// before which all output has arrived.
    pub(super) fn push(&mut self, bytes: &[u8], payload: &LogPayload, sink: &mut Vec<Piece>) {
        for (segment, bytes) in split(bytes, payload) {
            let piece = Piece { stream: payload.stream, bytes: bytes.to_owned(), time: payload.time };
            self.next.get_or_insert(segment.0);
            self.size += bytes.len();
            if let Some((_, earlier)) = self.waiting.insert(segment.0, (segment.1, piece)) {
                self.size -= earlier.bytes.len();
            }
        }
        while let Some(entry) = self.waiting.first_entry()
            && self.next.is_none_or(|next| *entry.key() <= next)
        {
            let (offset, (bytes, piece)) = entry.remove_entry();
            self.give(offset + bytes, piece, sink);
        }
        if self.size > MAX_WAITING {
            self.flush(sink);
        }
    }

    /// Returns whether any pieces are waiting.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Appends all waiting pieces to `sink`, even though the output before them has not arrived.
    pub(super) fn flush(&mut self, sink: &mut Vec<Piece>) {
        for (offset, (bytes, piece)) in std::mem::take(&mut self.waiting) {
            self.give(offset + bytes, piece, sink);
        }
    }

    /// Prepares for the next attempt, which has its own `output.log`: appends all waiting pieces to `sink`, and resets
    /// the expected offset.
    pub(super) fn restart(&mut self, sink: &mut Vec<Piece>) {
        self.flush(sink);
        self.next = None;
    }

    fn give(&mut self, end: i64, piece: Piece, sink: &mut Vec<Piece>) {
        self.next = Some(end);
        self.size -= piece.bytes.len();
        sink.push(piece);
    }
}

/// Splits an event's bytes into its segments. The last segment gets the remainder, because an event's text may be
/// longer or shorter than the original bytes.
fn split<'a>(bytes: &'a [u8], payload: &LogPayload) -> Vec<(Segment, &'a [u8])> {
    let segments = payload.segments();
    let (mut rest, last) = (bytes, segments.len() - 1);
    let cut = |(index, &segment): (usize, &Segment)| {
        let length = if index == last { rest.len() } else { usize::try_from(segment.1).unwrap_or(0).min(rest.len()) };
        let (piece, after) = rest.split_at(length);
        rest = after;
        (segment, piece)
    };
    segments.iter().enumerate().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Stage;

    fn payload(stream: StreamName, pieces: &[(i64, i64)]) -> LogPayload {
        let segments: Vec<_> = pieces.iter().map(|&(offset, bytes)| Segment(offset, bytes, 1)).collect();
        LogPayload {
            stream,
            stage: Stage::Execute,
            step_id: "run".into(),
            step_index: 0,
            attempt: 1,
            offset: pieces[0].0,
            bytes: pieces.iter().map(|piece| piece.1).sum(),
            line: 1,
            time: Timestamp(0),
            partial: false,
            segments: (segments.len() > 1).then_some(segments),
        }
    }

    fn texts(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes)).collect()
    }

    #[test]
    fn alternating_streams_are_interleaved_in_the_original_order() {
        let (mut order, mut got) = (Order::default(), Vec::new());
        order.push(b"acf", &payload(StreamName::Stdout, &[(0, 1), (2, 1), (5, 1)]), &mut got);
        assert_eq!(texts(&got), "a");
        assert!(order.is_waiting());
        order.push(b"bde", &payload(StreamName::Stderr, &[(1, 1), (3, 2)]), &mut got);
        assert_eq!(texts(&got), "abcdef");
        assert_eq!((order.is_waiting(), order.size), (false, 0));
        let streams: Vec<_> = got.iter().map(|piece| piece.stream.as_str()).collect();
        assert_eq!(streams, ["stdout", "stderr", "stdout", "stderr", "stdout"]);
    }

    #[test]
    fn a_piece_is_printed_even_if_the_output_before_it_never_arrives() {
        let (mut order, mut got) = (Order::default(), Vec::new());
        order.push(b"a", &payload(StreamName::Stdout, &[(10, 1)]), &mut got);
        order.push(b"z", &payload(StreamName::Stdout, &[(20, 1)]), &mut got);
        assert_eq!(texts(&got), "a");
        order.flush(&mut got);
        order.push(b"late", &payload(StreamName::Stderr, &[(11, 4)]), &mut got);
        assert_eq!(texts(&got), "azlate");
        order.restart(&mut got);
        order.push(b"next attempt", &payload(StreamName::Stdout, &[(0, 12)]), &mut got);
        assert_eq!(texts(&got), "azlatenext attempt");
        let big = "x".repeat(MAX_WAITING + 1);
        let length = i64::try_from(big.len()).expect("it is small");
        order.push(big.as_bytes(), &payload(StreamName::Stdout, &[(99, length)]), &mut got);
        assert!(!order.is_waiting(), "memory is bounded");
    }
}
