//! Limits the amount of output that is loaded with a job's page.
//!
//! If a job prints rapidly, a single event can contain up to 1 MiB of output, and a page with all of it would load
//! slowly. Omitted output is loaded by line number when the reader scrolls to it.

use model::{Event, LogPayload, Payload, Segment};

/// The approximate number of bytes of output in a first paint, which fills several screens.
pub(crate) const BYTES: i64 = 64 << 10;

/// Keeps about the last `bytes` bytes of the last attempt's output. Output of earlier attempts is kept only if the last
/// attempt has less output than that. Lines are removed as a whole. If an event is removed, all events before the
/// remaining output are removed as well.
pub(crate) fn shorten(events: &mut Vec<Event>, bytes: i64) {
    let attempt = events.iter().filter_map(output).map(|output| output.attempt).max();
    let of_last = |output: &&LogPayload| Some(output.attempt) == attempt;
    let end = events.iter().filter_map(output).filter(of_last).map(end).max().unwrap_or(0);
    let before = events.len();
    events.retain_mut(|event| match &event.payload {
        Payload::Log(payload) if Some(payload.attempt) == attempt => cut(event, end - bytes),
        Payload::Log(_) => end < bytes,
        _ => true,
    });
    if events.len() < before {
        // The page requires a contiguous sequence of events, so all events before the remaining output are removed.
        let first = events.iter().position(|event| output(event).is_some());
        events.drain(..first.unwrap_or(0));
    }
}

fn output(event: &Event) -> Option<&LogPayload> {
    match &event.payload {
        Payload::Log(payload) => Some(payload),
        _ => None,
    }
}

fn end(payload: &LogPayload) -> i64 {
    payload.segments().iter().map(|segment| segment.end()).max().unwrap_or(0)
}

/// Removes the lines of a log event's output that begin before the offset `from` of `output.log`. Returns whether any
/// output remains.
fn cut(event: &mut Event, from: i64) -> bool {
    let Payload::Log(payload) = &mut event.payload else { return true };
    if payload.offset >= from {
        return true;
    }
    let left =
        payload.pieces(&event.message).into_iter().filter_map(|(segment, text)| cut_segment(segment, text, from));
    let (left, text): (Vec<Segment>, Vec<&str>) = left.unzip();
    let Some(&Segment(offset, _, line)) = left.first() else { return false };
    let message = text.concat();
    (payload.offset, payload.line) = (offset, line);
    payload.bytes = left.iter().map(|Segment(_, bytes, _)| bytes).sum();
    payload.segments = (left.len() > 1).then_some(left);
    event.message = message;
    true
}

/// Removes the lines of a segment that start at or before `from`. Returns `None` if the segment ends at or before
/// `from`. If the segment extends past `from` but no later line starts in it, returns the whole segment.
fn cut_segment(segment: Segment, text: &str, from: i64) -> Option<(Segment, &str)> {
    let Segment(offset, bytes, line) = segment;
    if offset + bytes <= from {
        return None;
    }
    // If the text and the segment's bytes in `output.log` differ in length, the position in the text at which to cut is
    // unknown.
    let is_exact = i64::try_from(text.len()) == Ok(bytes);
    let at = usize::try_from(from - offset).ok().filter(|_| is_exact);
    let newline = at.and_then(|at| Some(at + memchr::memchr(b'\n', &text.as_bytes()[at..])?));
    let Some((before, after)) =
        newline.map(|newline| text.split_at(newline + 1)).filter(|(_, after)| !after.is_empty())
    else {
        return Some((segment, text));
    };
    let gone = i64::try_from(before.len()).ok()?;
    let lines = i64::try_from(memchr::memchr_iter(b'\n', before.as_bytes()).count()).ok()?;
    Some((Segment(offset + gone, bytes - gone, line + lines), after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live_output::simulated::Simulated;

    /// Returns the lines in the events with their numbers. If the events contain only the end of a line, only this end
    /// is returned.
    fn ends_of_lines(events: &[Event]) -> Vec<(i64, String)> {
        let mut lines = std::collections::BTreeMap::<i64, String>::new();
        for event in events {
            let Some(payload) = output(event) else { continue };
            for (Segment(_, _, first), text) in payload.pieces(&event.message) {
                for (number, part) in (first..).zip(text.split_inclusive('\n')) {
                    lines.entry(number).or_default().push_str(part.trim_end_matches('\n'));
                }
            }
        }
        lines.into_iter().collect()
    }

    #[test]
    fn shortening_retains_the_end_of_the_output_in_whole_lines() {
        for seed in 1..200 {
            let simulated = Simulated::new(seed);
            let whole = ends_of_lines(&simulated.events);
            for bytes in [1, 40, 200, 1_000, simulated.bytes] {
                let mut events = simulated.events.clone();
                shorten(&mut events, bytes);
                let left = ends_of_lines(&events);
                let reached = events.iter().filter_map(output).map(end).max();
                assert_eq!(reached, Some(simulated.bytes), "seed {seed}, {bytes} bytes");
                for (number, text) in &left {
                    let line = whole.iter().find(|(known, _)| known == number).expect("every line was printed");
                    assert!(line.1.ends_with(text.as_str()), "seed {seed}: {text:?} of {line:?}");
                }
                let counted: i64 = events.iter().filter_map(output).map(|output| output.bytes).sum();
                assert!(counted >= bytes.min(simulated.bytes) - longest(&whole), "seed {seed}: {counted} of {bytes}");
                for payload in events.iter().filter_map(output) {
                    assert!(end(payload) > simulated.bytes - bytes, "seed {seed}: {payload:?} is not needed");
                }
                assert!(events.is_sorted_by_key(|event| event.seq));
            }
        }
    }

    fn longest(lines: &[(i64, String)]) -> i64 {
        lines.iter().map(|(_, text)| i64::try_from(text.len()).expect("the number is small") + 1).max().unwrap_or(0)
    }
}
