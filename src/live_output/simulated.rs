//! Simulates, for tests, the events that a worker would send for random output.

use fastrand::Rng;
use model::{
    Event, EventId, GapAvailable, GapPayload, GapReason, JobEventStatus, JobId, JobPayload, Level, LogPayload,
    OutputLine, Payload, Segment, Seq, Stage, StreamName, Timestamp,
};

/// Random output of two streams, split into events at random positions.
pub struct Simulated {
    /// The whole text of each line, with the line's number.
    pub lines: Vec<(i64, String)>,
    /// The size of `output.log` in bytes.
    pub bytes: i64,
    /// The log events that contain the output, in order.
    pub events: Vec<Event>,
}

/// A contiguous piece of `output.log` that belongs to one line.
struct Stretch {
    stream: StreamName,
    offset: i64,
    line: i64,
    text: String,
}

impl Simulated {
    /// Generates random output and splits it into events. The same seed always produces the same result.
    pub fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let stretches = print(&mut random);
        let mut lines: Vec<(i64, String)> = Vec::new();
        for stretch in &stretches {
            let at = usize::try_from(stretch.line - 1).expect("lines count from 1");
            if at == lines.len() {
                lines.push((stretch.line, String::new()));
            }
            lines[at].1.push_str(stretch.text.trim_end_matches('\n'));
        }
        let bytes = stretches.iter().map(|stretch| length(&stretch.text)).sum();
        Self { lines, bytes, events: cut(&mut random, stretches) }
    }
}

fn print(random: &mut Rng) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let (mut offset, mut next_line) = (0, 1);
    let mut open = [None, None];
    for _ in 0..random.u64(..120) + 2 {
        let which = usize::from(random.u64(..3) == 0);
        let stream = [StreamName::Stdout, StreamName::Stderr][which];
        let mut text: String = (0..random.u64(..6))
            .map(|_| ['a', 'b', 'é', '日', ' '][usize::try_from(random.u64(..5)).expect("it is below 5")])
            .collect();
        if random.u64(..3) > 0 {
            text.push('\n');
        }
        if text.is_empty() {
            continue;
        }
        let line = *open[which].get_or_insert_with(|| {
            next_line += 1;
            next_line - 1
        });
        if text.ends_with('\n') {
            open[which] = None;
        }
        stretches.push(Stretch { stream, offset, line, text });
        offset += length(&stretches.last().expect("a stretch was just pushed").text);
    }
    stretches
}

/// Cuts the log at random character boundaries into contiguous ranges, and splits each range by stream.
fn cut(random: &mut Rng, stretches: Vec<Stretch>) -> Vec<Event> {
    let mut characters: Vec<Stretch> = Vec::new();
    for stretch in stretches {
        let mut offset = stretch.offset;
        for character in stretch.text.chars() {
            let text = character.to_string();
            let size = length(&text);
            characters.push(Stretch { stream: stretch.stream, offset, line: stretch.line, text });
            offset += size;
        }
    }
    let mut events = Vec::new();
    let mut rest = characters.as_slice();
    while !rest.is_empty() {
        let size = usize::try_from(random.u64(..40) + 1).expect("the number is small").min(rest.len());
        let (range, after) = rest.split_at(size);
        // The chunks are in the order of their first bytes, because a worker sends them in this order.
        let (first, second) = match range[0].stream {
            StreamName::Stdout => (StreamName::Stdout, StreamName::Stderr),
            StreamName::Stderr => (StreamName::Stderr, StreamName::Stdout),
        };
        for stream in [first, second] {
            let seq = Seq(i64::try_from(events.len()).expect("the number is small") + 1);
            events.extend(chunk(seq, range.iter().filter(|character| character.stream == stream)));
        }
        rest = after;
    }
    events
}

fn chunk<'a>(seq: Seq, characters: impl Iterator<Item = &'a Stretch>) -> Option<Event> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut text = String::new();
    let mut next_line = 0;
    let mut stream = StreamName::Stdout;
    for character in characters {
        stream = character.stream;
        let size = length(&character.text);
        match segments.last_mut() {
            Some(last) if last.0 + last.1 == character.offset && next_line == character.line => last.1 += size,
            _ => segments.push(Segment(character.offset, size, character.line)),
        }
        next_line = character.line + i64::from(character.text == "\n");
        text.push_str(&character.text);
        if segments.is_empty() {
            return None;
        }
    }
    let &Segment(offset, _, line) = segments.first()?;
    let mut event = log_event(seq, line, &text);
    if let Payload::Log(payload) = &mut event.payload {
        payload.offset = offset;
        payload.stream = stream;
        payload.segments = (segments.len() > 1).then_some(segments);
    }
    Some(event)
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).expect("short")
}

/// Returns a log event with a chunk of standard output that starts with the given line.
pub fn log_event(seq: Seq, line: i64, text: &str) -> Event {
    let payload = Payload::Log(LogPayload {
        stream: StreamName::Stdout,
        stage: Stage::Execute,
        step_id: "run".to_owned(),
        step_index: 0,
        attempt: 1,
        offset: 0,
        bytes: length(text),
        line,
        time: Timestamp(seq.0),
        partial: !text.ends_with('\n'),
        segments: None,
    });
    event(seq, Level::Info, text, payload)
}

/// Returns a line as the server returns it.
pub fn output_line(number: i64, text: &str, level: Level) -> OutputLine {
    OutputLine {
        line: number,
        seq: Some(Seq(number)),
        stream: StreamName::Stdout,
        stage: Stage::Execute,
        step_id: None,
        time: Timestamp(0),
        level,
        text: text.to_owned(),
        truncated: false,
        printed: None,
        drawn_on: None,
        sections: Vec::new(),
    }
}

/// Returns a gap event for suppressed output with the given offsets, first line and number of lines.
pub fn gap_event(seq: Seq, (from_offset, to_offset): (i64, i64), (from_line, lines): (i64, i64)) -> Event {
    let payload = Payload::Gap(GapPayload {
        stage: Stage::Execute,
        step_id: "run".to_owned(),
        attempt: 1,
        from_offset,
        to_offset,
        from_line,
        lines,
        bytes: to_offset - from_offset,
        reason: GapReason::Budget,
        available: GapAvailable::Now,
    });
    event(seq, Level::Warn, "lines were not sent", payload)
}

/// Returns a lifecycle event.
pub fn lifecycle_event(seq: Seq, level: Level) -> Event {
    let status = JobEventStatus::Requeued;
    let payload = Payload::Job(JobPayload { status, attempt: 1, worker_id: None, next_attempt_at: None, reason: None });
    event(seq, level, "Requeued", payload)
}

/// Returns an event with the given content.
pub fn event(seq: Seq, level: Level, message: &str, payload: Payload) -> Event {
    let nil = uuid::Uuid::nil();
    Event {
        seq,
        id: EventId(nil),
        job_id: JobId(nil),
        level,
        message: message.to_owned(),
        payload,
        created_at: Timestamp(seq.0),
    }
}
