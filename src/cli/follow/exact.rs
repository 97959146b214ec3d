//! Fetches the exact bytes of an event from the attempt's complete output.
//!
//! An event's bytes are written to the complete output before the event is sent, so they are available as long as that
//! output is kept. An event consists of segments, which are contiguous ranges of the complete output. Only output of
//! the other stream lies between the segments of an event, so one request fetches all of them.

use model::{Event, LogPayload, Payload, Segment};
use reqwest::Method;

use super::Follower;
use crate::cli::client::with_query;
use crate::cli::error::CliError;
use crate::cli::output;

/// The replacement for bytes that are not UTF-8. A step can also print this character itself.
const STAND_IN: char = '\u{fffd}';

/// The maximum distance in bytes between the first and last byte of an event. A valid event spans at most one batch,
/// which contains at most 1 MiB of each of the two streams. The limit is twice the size of such a batch, and prevents
/// an invalid event from exhausting memory.
const MAX_SPAN: i64 = 4 << 20;

impl Follower {
    /// If the event's text contains U+FFFD, fetches the bytes that the step printed. If these bytes are no longer
    /// available, returns `None`, and prints a note the first time. Also returns `None` if the text does not contain
    /// U+FFFD.
    pub(super) async fn exact(&mut self, event: &Event) -> Result<Option<Vec<u8>>, CliError> {
        let Payload::Log(payload) = &event.payload else { return Ok(None) };
        if !event.message.contains(STAND_IN) {
            return Ok(None);
        }
        let segments = payload.segments();
        let start = segments.iter().map(|segment| segment.0).min().unwrap_or(0);
        let end = segments.iter().map(|segment| segment.0.saturating_add(segment.1)).max().unwrap_or(start);
        let fetched =
            if end - start > MAX_SPAN { Ok(Vec::new()) } else { self.fetch(payload, start, end - start).await };
        match fetched.map(|bytes| pick(&bytes, start, &segments)) {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Err(error) if error.is_transient() || !matches!(error, CliError::Refused { .. }) => Err(error),
            Ok(None) | Err(_) => {
                if !std::mem::replace(&mut self.warned_inexact, true) {
                    output::note(
                        "the server no longer has the exact bytes of this output; bytes that are not UTF-8 are shown as U+FFFD",
                    );
                }
                Ok(None)
            }
        }
    }

    async fn fetch(&self, payload: &LogPayload, offset: i64, bytes: i64) -> Result<Vec<u8>, CliError> {
        let query =
            [("attempt", payload.attempt.to_string()), ("offset", offset.to_string()), ("bytes", bytes.to_string())];
        let path = with_query(&format!("/jobs/{}/log", self.wanted.job), &query);
        let mut reply = self.client.send(self.client.request(Method::GET, &path)).await?;
        let (expected, mut body) = (usize::try_from(bytes).unwrap_or(0), Vec::new());
        while body.len() < expected
            && let Some(chunk) = self.client.chunk(&mut reply).await?
        {
            body.extend_from_slice(chunk.as_ref());
        }
        if body.len() < expected {
            let cause = "the response ended early".to_owned();
            return Err(CliError::Unreachable { server: self.client.server().to_owned(), cause });
        }
        Ok(body)
    }
}

/// Extracts the bytes of all segments from a range of the output that begins at `start`, and concatenates them. Returns
/// `None` if the range does not contain all of the segments.
fn pick(stretch: &[u8], start: i64, segments: &[Segment]) -> Option<Vec<u8>> {
    let mut picked = Vec::new();
    for Segment(offset, bytes, _) in segments {
        let from = usize::try_from(offset - start).ok()?;
        picked.extend_from_slice(stretch.get(from..from.checked_add(usize::try_from(*bytes).ok()?)?)?);
    }
    Some(picked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_extracted_from_the_range_that_contains_them() {
        let segments = [Segment(10, 2, 1), Segment(14, 1, 2)];
        assert_eq!(pick(b"ab..c", 10, &segments), Some(b"abc".to_vec()));
        assert_eq!(pick(b"ab..", 10, &segments), None);
        assert_eq!(pick(b"", 10, &[]), Some(Vec::new()));
        assert_eq!(pick(b"ab", 10, &[Segment(9, 1, 1)]), None);
    }
}
