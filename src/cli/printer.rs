//! Writes a job's log as it arrives, for people or for programs.
//!
//! There are three formats. The default format writes the output of both streams as it arrives, unchanged, in the order
//! in which the job printed it, and including unfinished lines. `--grep` and `--timestamps` use the line format, which
//! writes only complete lines, each from one stream. The JSON format writes one event per line.

use std::io;
use std::time::Duration;

use model::ansi::{self, LineEnd};
use model::{AttemptStatus, Event, JobId, Payload, StepStatus, StreamName, Timestamp};
use regex::Regex;
use tokio::sync::mpsc;

use super::error::CliError;
use super::follow::Received;
use super::order::{Order, Piece};
use super::output::{Ink, Output, note};
use crate::words;

/// The maximum time that a piece of output ([`Piece`]) waits for the output that precedes it. The worker sends both in
/// the same batch, so a longer wait would not help.
const IN_TURN_WITHIN: Duration = Duration::from_millis(200);

/// The length in bytes above which an unfinished line is written in parts. No terminal window is large enough to
/// display a longer line.
const MAX_LINE: usize = 1 << 20;

/// The destination of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Streams {
    /// The job's stdout and stderr are written to this program's stdout and stderr, as if the command ran locally.
    Apart,
    /// Both streams are written to standard output, because a log is read as a whole.
    Together,
}

/// The format of the log.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Output is written as it arrives, including unfinished lines.
    AsItIs,
    /// Only complete lines are written.
    Lines {
        /// The pattern of the lines to write, or `None` to write all lines.
        pattern: Option<Regex>,
        /// Whether each line starts with its time.
        times: Times,
    },
    /// Every event is written exactly as the API returns it.
    Json,
}

/// Whether lines start with their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    Shown,
    Hidden,
}

/// Writes a job's events in one of the formats.
pub(super) struct Printer {
    form: Form,
    streams: Streams,
    stdout: Output,
    stderr: Output,
    order: Order,
    /// The unfinished lines of stdout and stderr in the line format. A line is `None` if it has not begun.
    open: [Option<OpenLine>; 2],
}

struct OpenLine {
    bytes: Vec<u8>,
    time: Timestamp,
}

impl Printer {
    pub(super) fn new(form: Form, streams: Streams, stdout: Output, stderr: Output) -> Self {
        Self { form, streams, stdout, stderr, order: Order::default(), open: [None, None] }
    }

    /// Writes all events, and calls `see` for each of them.
    pub(super) async fn print(
        mut self,
        mut events: mpsc::Receiver<Result<Received, CliError>>,
        mut see: impl FnMut(&Event),
    ) -> Result<(), CliError> {
        let mut pieces = Vec::new();
        let ended = loop {
            let next = if self.order.is_waiting() {
                tokio::time::timeout(IN_TURN_WITHIN, events.recv()).await.ok()
            } else {
                Some(events.recv().await)
            };
            match next {
                None => self.order.flush(&mut pieces),
                Some(None) => break Ok(()),
                Some(Some(Err(error))) => break Err(error),
                Some(Some(Ok(received))) => {
                    see(&received.event);
                    self.take(&received, &mut pieces)?;
                }
            }
            self.write(&mut pieces)?;
        };
        self.order.flush(&mut pieces);
        self.write(&mut pieces)?;
        self.end_lines()?;
        self.stdout.finish()?;
        self.stderr.finish()?;
        ended
    }

    fn take(&mut self, received: &Received, pieces: &mut Vec<Piece>) -> Result<(), CliError> {
        if let Form::Json = self.form {
            self.stdout.raw(format!("{}\n", received.json).as_bytes())?;
            return Ok(());
        }
        let event = &received.event;
        match &event.payload {
            Payload::Log(payload) => self.order.push(received.bytes(), payload, pieces),
            Payload::Attempt(attempt) if attempt.status == AttemptStatus::Started => self.order.restart(pieces),
            // When a step ends, its last line is complete even if it has no newline.
            Payload::Step(step) if step.status != StepStatus::Started => {
                self.order.flush(pieces);
                self.write(pieces)?;
                self.end_lines()?;
            }
            payload => {
                if let Some(gap) = Gap::of(event.job_id, payload) {
                    self.order.flush(pieces);
                    self.write(pieces)?;
                    note(&gap.to_string());
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, pieces: &mut Vec<Piece>) -> io::Result<()> {
        for piece in pieces.drain(..) {
            match self.form {
                Form::Lines { .. } => self.write_lines(&piece)?,
                Form::AsItIs | Form::Json => self.output(piece.stream).pass(&piece.bytes)?,
            }
        }
        Ok(())
    }

    fn write_lines(&mut self, piece: &Piece) -> io::Result<()> {
        for part in piece.bytes.split_inclusive(|byte| *byte == b'\n') {
            let open = &mut self.open[piece.stream as usize];
            let line = open.get_or_insert_with(|| OpenLine { bytes: Vec::new(), time: piece.time });
            line.bytes.extend_from_slice(part);
            if part.ends_with(b"\n") || line.bytes.len() > MAX_LINE {
                self.end_line(piece.stream)?;
            }
        }
        Ok(())
    }

    fn end_lines(&mut self) -> io::Result<()> {
        self.end_line(StreamName::Stdout)?;
        self.end_line(StreamName::Stderr)
    }

    fn end_line(&mut self, stream: StreamName) -> io::Result<()> {
        let Some(line) = self.open[stream as usize].take() else { return Ok(()) };
        let Form::Lines { pattern, times } = &self.form else { return Ok(()) };
        let bytes = line.bytes.strip_suffix(b"\n").unwrap_or(&line.bytes);
        let matches = |pattern: &Regex| pattern.is_match(&ansi::plain_text(&String::from_utf8_lossy(bytes)));
        if !pattern.as_ref().is_none_or(matches) {
            return Ok(());
        }
        let time = (*times == Times::Shown).then(|| line.time.to_string());
        write_line(self.output(stream), time.as_deref(), bytes)
    }

    const fn output(&mut self, stream: StreamName) -> &mut Output {
        match (self.streams, stream) {
            (Streams::Apart, StreamName::Stderr) => &mut self.stderr,
            _ => &mut self.stdout,
        }
    }
}

/// Writes a complete line of a job's output, after its time if one is given. `line` does not include the newline.
pub(super) fn write_line(output: &mut Output, time: Option<&str>, line: &[u8]) -> io::Result<()> {
    if let Some(time) = time {
        let time = output.paint(Ink::Grey, time);
        output.raw(format!("{time} ").as_bytes())?;
    }
    // Cursor movements are applied here, so that a carriage return cannot overwrite the time at the start of the line.
    // Bytes that are not UTF-8 are written unchanged.
    let folded = std::str::from_utf8(line).map(|text| ansi::fold(text, LineEnd::Complete).text);
    let shown = folded.as_ref().map_or(line, |text| text.as_bytes());
    output.pass(&[shown, b"\n"].concat())
}

/// A range of output that was suppressed and is therefore not in the events.
struct Gap {
    job: JobId,
    lines: i64,
    bytes: i64,
}

impl Gap {
    fn of(job: JobId, payload: &Payload) -> Option<Self> {
        // If a gap contains values that this version does not know, the payload is a `Payload::Other`. The members are
        // therefore read from the JSON.
        let payload = serde_json::to_value(payload).ok()?;
        let number = |name: &str| payload.get(name).and_then(serde_json::Value::as_i64).unwrap_or(0);
        (payload.get("kind")? == "gap").then(|| Self { job, lines: number("lines"), bytes: number("bytes") })
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (lines, bytes) = (words::plural(self.lines, "line"), words::bytes(self.bytes));
        let (verb, job) = (if self.lines == 1 { "is" } else { "are" }, self.job);
        write!(
            f,
            "{lines} ({bytes}) {verb} missing here; `tailwater artifacts get {job} logs/output.log` downloads the complete log"
        )
    }
}
