//! Parses Server-Sent Events from a stream of bytes.

use model::Seq;

/// The maximum size of a frame, in bytes, which limits the memory in use. A frame contains one event with at most 1 MiB
/// of text. JSON escapes can make this text six times as long. Tailwater servers do not send longer frames.
const MAX_FRAME: usize = 16 << 20;

/// A frame, which contains one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The `seq` after which the stream can be resumed, or `None` if the frame does not contain one.
    pub(super) id: Option<Seq>,
    /// The type of the event.
    pub(super) event: String,
    /// The data of the event.
    pub(super) data: String,
}

/// The error for a frame that exceeds the maximum size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Splits received bytes into frames.
#[derive(Debug, Default)]
pub(super) struct FrameSplitter {
    buffer: Vec<u8>,
    /// The index in the buffer of the first byte after the last returned frame.
    start: usize,
    /// The index up to which the buffer has been searched for the end of a frame.
    searched: usize,
}

impl FrameSplitter {
    /// Adds received bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next complete frame that contains an event, or `None` if no such frame has been received.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, TooLong> {
        loop {
            let Some(at) = memchr::memmem::find(&self.buffer[self.searched..], b"\n\n") else {
                // The last byte may be the first of the two newlines that end a frame.
                self.searched = self.start.max(self.buffer.len().saturating_sub(1));
                return if self.buffer.len() - self.start > MAX_FRAME { Err(TooLong) } else { Ok(None) };
            };
            let end = self.searched + at;
            let frame = parse(&String::from_utf8_lossy(&self.buffer[self.start..end]));
            self.start = end + 2;
            self.searched = self.start;
            if frame.is_some() {
                return Ok(frame);
            }
        }
    }
}

/// Parses a frame. Returns `None` for a frame without an event, for example if `retry` is its only field.
fn parse(text: &str) -> Option<Frame> {
    let (mut id, mut event, mut data) = (None, None, String::new());
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => id = value.parse().ok().map(Seq),
            "event" => event = Some(value.to_owned()),
            "data" => data.push_str(value),
            _ => {}
        }
    }
    Some(Frame { id, event: event?, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "retry: 1000\n\nid: 1\nevent: queue_event\ndata: {\"a\":\"b: c\"}\n\n\
                          id: 1\nevent: heartbeat\ndata: {}\n\nid: 2\nevent: term";

    #[test]
    fn frames_do_not_depend_on_how_the_bytes_are_split() {
        for size in 1..=STREAM.len() {
            let (mut frames, mut got) = (FrameSplitter::default(), Vec::new());
            for bytes in STREAM.as_bytes().chunks(size) {
                frames.push(bytes);
                while let Some(frame) = frames.next().expect("the frames are short") {
                    got.push(frame);
                }
            }
            let frame = |event: &str, data: &str| Frame { id: Some(Seq(1)), event: event.into(), data: data.into() };
            assert_eq!(got, [frame("queue_event", r#"{"a":"b: c"}"#), frame("heartbeat", "{}")], "{size}");
        }
    }

    #[test]
    fn an_endless_frame_is_an_error() {
        let mut frames = FrameSplitter::default();
        frames.push(&vec![b'x'; MAX_FRAME]);
        assert_eq!(frames.next(), Ok(None));
        frames.push(b"x");
        assert_eq!(frames.next(), Err(TooLong));
    }
}
