//! Captures the output of a child: redacts it and stores it in the spool.
//!
//! Each stream has its own redaction state, which is kept between reads. Output is written to the spool in whole UTF-8
//! characters: an incomplete character at the end of a read is held back until the rest of it arrives or the step ends.
//! Output that may be part of a secret is also held back. When the stream has been idle for long enough, this output is
//! released, except for any part that would reveal a secret.
//!
//! Values to mask can be added while a job is running: by the job itself ([`added`]), and by anyone who sets a named
//! secret.
//!
//! If a write to the disk fails, the output is queued and the write is retried. Until it succeeds, nothing more is read
//! from the child.

mod added;
mod commands;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use model::backoff::Backoff;
use model::{StepRef, StreamName, Timestamp};
use redact::{RedactStream, Redacted, Redactor};

use crate::event_log::RedactionCounts;
use crate::queue::SharedValues;
use crate::spool::{Source, SpoolWriter, incomplete_character};
pub(super) use added::MaskFile;
use added::{AddedBy, AddedValues, WeakAddedValues};
use commands::MaskCommands;

/// The delays between retries of a failed write.
const WAITS: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// The interval at which [`StepCapture::finish`] checks whether to retry a failed write or to give up.
const LOOK: Duration = Duration::from_millis(50);

/// While the redactor holds back the end of a line, the beginning of the line is held back too if it has at most this
/// many bytes. A longer beginning is stored immediately.
const MAX_CARRY: usize = 64 << 10;

/// Captures the output of an attempt's steps, one step after another.
#[derive(Debug)]
pub struct Capture {
    spool: SpoolWriter,
    masking: Masking,
    flush: Duration,
    redactions: RedactionCounts,
}

/// The redactor of an attempt, and the sources of the values that are added to it while the attempt is running.
#[derive(Debug)]
struct Masking {
    redactor: Redactor,
    /// The redactor without the values that the job has added.
    original: Redactor,
    /// Reports changes to the values that are masked in every job. `None` only in tests.
    shared: Option<SharedValues>,
    /// The file to which the job appends values. `None` only in tests.
    file: Option<MaskFile>,
    /// Whether lines of the output can add values.
    commands: MaskCommandsSetting,
    added: AddedValues,
}

/// Whether a line such as `::add-mask::VALUE` in a job's output adds a value to mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskCommandsSetting {
    /// Such a line adds a value.
    On,
    /// Such a line is ordinary output.
    Off,
}

impl Masking {
    /// Adds new values from the named secrets, from the job's file, and from `printed`. `printed` contains the values
    /// that commands such as `::add-mask::VALUE` in the job's output add. Returns whether the redactor has changed.
    fn update(&mut self, printed: Vec<String>) -> bool {
        let shared = self.shared.as_mut().and_then(SharedValues::changed);
        let from_file = self.file.as_mut().is_some_and(|file| self.added.add_from(file));
        let is_changed = shared.is_some() | from_file | self.added.add(printed, AddedBy::Command);
        if let Some(shared) = shared {
            // The job may still print a former value, so the former values remain masked too.
            self.original = shared.with_values_of(&self.original);
        }
        if is_changed {
            self.redactor = self.original.with_values(self.added.all());
        }
        is_changed
    }
}

/// Captures the output of one step.
#[derive(Debug)]
pub struct StepCapture<'a> {
    spool: &'a mut SpoolWriter,
    masking: &'a mut Masking,
    redactions: &'a mut RedactionCounts,
    flush: Duration,
    step: StepRef,
    streams: [StreamCapture; 2],
    /// The output that has not been written to the spool yet, in order.
    waiting: VecDeque<Piece>,
    refusal: Option<Refusal>,
}

/// Whether the beginning of a line is held back while the redactor holds back the line's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    /// The beginning is held back.
    Await,
    /// The beginning is not held back, because the stream has been idle for long enough.
    Ignore,
}

/// A piece of one stream's output.
#[derive(Debug)]
struct Piece {
    stream: StreamName,
    text: Redacted,
    time: Timestamp,
}

/// The last write error, and the time of the next retry.
#[derive(Debug)]
struct Refusal {
    error: io::Error,
    waits: Backoff,
    again_at: Instant,
}

#[derive(Debug)]
struct StreamCapture {
    /// Finds lines such as `::add-mask::VALUE`, which add a value to mask. `None` if such lines are ordinary output.
    commands: Option<MaskCommands>,
    redact: RedactStream,
    /// The end of the redactor's output, which has not been stored yet: the bytes of an incomplete character, or the
    /// beginning of a line whose end the redactor holds back.
    carry: Redacted,
    /// The time of the last read, if output is held back. `None` if no output is held back, or if the stream was idle
    /// and as much output as possible was released.
    holding: Option<Instant>,
}

impl Capture {
    /// Creates a capture that redacts output with `redactor` and writes it to `spool`. When a stream has been idle for
    /// `flush`, the output that its redactor holds back is released, except for output that would reveal a secret.
    #[must_use]
    pub fn new(spool: SpoolWriter, redactor: Redactor, flush: Duration) -> Self {
        let (original, commands) = (redactor.clone(), MaskCommandsSetting::Off);
        let masking = Masking { redactor, original, shared: None, file: None, commands, added: AddedValues::default() };
        Self { spool, masking, flush, redactions: RedactionCounts::default() }
    }

    /// Also masks values that are added to `shared` while the attempt is running. Shared values are masked in every
    /// job.
    #[must_use]
    pub(super) fn with_shared_values(mut self, shared: SharedValues) -> Self {
        self.masking.shared = Some(shared);
        self
    }

    /// Masks the values that the job adds: those in `file` and, if `commands` is on, those in lines of its output.
    #[must_use]
    pub(super) fn with_added_values(mut self, file: MaskFile, commands: MaskCommandsSetting) -> Self {
        (self.masking.file, self.masking.commands) = (Some(file), commands);
        self
    }

    /// Starts capturing the output of a step.
    pub fn step(&mut self, step: StepRef) -> StepCapture<'_> {
        self.masking.update(Vec::new());
        let stream = || StreamCapture {
            commands: (self.masking.commands == MaskCommandsSetting::On).then(MaskCommands::default),
            redact: self.masking.redactor.stream(),
            carry: Redacted::new(),
            holding: None,
        };
        let streams = [stream(), stream()];
        let Self { spool, masking, redactions, flush } = self;
        let waiting = VecDeque::new();
        StepCapture { spool, masking, redactions, flush: *flush, step, streams, waiting, refusal: None }
    }

    /// Returns the spool.
    #[must_use]
    pub const fn spool(&self) -> &SpoolWriter {
        &self.spool
    }

    /// Returns the redactor that all output passes through.
    #[must_use]
    pub const fn redactor(&self) -> &Redactor {
        &self.masking.redactor
    }

    /// Returns whether the job has added more values than can be masked.
    #[must_use]
    pub const fn has_too_many_values(&self) -> bool {
        self.masking.added.is_full()
    }

    /// Returns how many of the values that the job has added are masked only as whole words.
    #[must_use]
    pub(super) const fn weak_added_values(&self) -> WeakAddedValues {
        self.masking.added.weak()
    }

    /// Returns the number of masks in the output of the finished steps.
    #[must_use]
    pub const fn redactions(&self) -> &RedactionCounts {
        &self.redactions
    }
}

impl StepCapture<'_> {
    /// Redacts output that was read from a stream, and stores it except for the part that has to be held back.
    pub fn output(&mut self, stream: StreamName, bytes: &[u8], now: Instant, time: Timestamp) {
        let mut values = Vec::new();
        let state = &mut self.streams[stream as usize];
        let bytes = match &mut state.commands {
            Some(commands) => commands.push(bytes, &mut values),
            None => Cow::Borrowed(bytes),
        };
        self.update_redactor(values);
        let state = &mut self.streams[stream as usize];
        let text = state.redact.push(&bytes);
        let is_holding = state.redact.is_holding() || state.commands.as_ref().is_some_and(MaskCommands::is_holding);
        // The idle period starts again with each read, because a secret may arrive in several reads.
        state.holding = is_holding.then_some(now);
        self.store(stream, text, LineEnd::Await, (now, time));
    }

    /// If values were added, continues with a new redactor. `printed` contains the values that commands in the job's
    /// output add.
    fn update_redactor(&mut self, printed: Vec<String>) {
        if self.masking.update(printed) {
            for stream in &mut self.streams {
                stream.redact.continue_with(&self.masking.redactor);
            }
        }
    }

    /// Returns how many bytes of output the attempt has stored so far.
    #[must_use]
    pub const fn attempt_bytes(&self) -> u64 {
        self.spool.end().bytes
    }

    /// Returns whether the last write failed. If so, nothing more should be read from the child.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// Returns the time at which [`Self::tick`] must be called next, or `None` if it need not be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let held = self.streams.iter().filter_map(|stream| stream.holding).min().map(|since| since + self.flush);
        self.refusal.as_ref().map(|refusal| refusal.again_at).or(held)
    }

    /// Retries a failed write if the retry is due. Also releases the held-back output of streams that have been idle
    /// for long enough.
    pub fn tick(&mut self, now: Instant, time: Timestamp) {
        if self.refusal.as_ref().is_some_and(|refusal| refusal.again_at <= now) {
            let stored = self.store_waiting();
            self.note(stored, now);
        }
        for stream in [StreamName::Stdout, StreamName::Stderr] {
            let state = &mut self.streams[stream as usize];
            if self.refusal.is_none() && state.holding.is_some_and(|since| since + self.flush <= now) {
                state.holding = None;
                let command = state.commands.as_mut().map(MaskCommands::release).unwrap_or_default();
                let mut text = state.redact.push(&command);
                text.append(&state.redact.release());
                self.store(stream, text, LineEnd::Ignore, (now, time));
            }
        }
    }

    /// Ends the step: stores all output that is still held back, including incomplete characters and lines, and syncs
    /// the spool. Failed writes are retried until `given_up` returns `true`.
    pub fn finish(mut self, time: Timestamp, given_up: impl Fn() -> bool) -> io::Result<()> {
        // The last line of each stream may add values, which must be masked in both streams.
        let mut values = Vec::new();
        let commands = self
            .streams
            .each_mut()
            .map(|stream| stream.commands.as_mut().map(|commands| commands.finish(&mut values)).unwrap_or_default());
        self.update_redactor(values);
        for (stream, command) in [StreamName::Stdout, StreamName::Stderr].into_iter().zip(commands) {
            let state = &mut self.streams[stream as usize];
            let mut text = std::mem::take(&mut state.carry);
            text.append(&state.redact.push(&command));
            text.append(&state.redact.finish());
            self.redactions.add(state.redact.counts());
            self.waiting.push_back(Piece { stream, text, time });
        }
        loop {
            let now = Instant::now();
            if self.refusal.as_ref().is_none_or(|refusal| refusal.again_at <= now) {
                let stored = self.store_waiting().and_then(|()| self.spool.end_step());
                self.note(stored, now);
            }
            let Some(refusal) = &self.refusal else { return Ok(()) };
            // `InvalidData` means that the disk has lost output, which a retry cannot recover.
            if given_up() || refusal.error.kind() == io::ErrorKind::InvalidData {
                break;
            }
            std::thread::sleep(LOOK);
        }
        // Remove the bytes that a failed write left behind. They have no record in the index and must not be mistaken
        // for output.
        self.spool.cut().ok();
        Err(self
            .refusal
            .map_or_else(|| io::Error::other("the worker stopped waiting for the disk"), |refusal| refusal.error))
    }

    /// Stores output that a stream's redactor has released. An incomplete character at the end of the text is held
    /// back. If the redactor holds back the end of a line, the beginning of the line is held back too, so that no line
    /// of the other stream is written in between.
    fn store(&mut self, stream: StreamName, text: Redacted, line_end: LineEnd, (now, time): (Instant, Timestamp)) {
        let state = &mut self.streams[stream as usize];
        let mut whole = std::mem::take(&mut state.carry);
        whole.append(&text);
        let bytes = whole.as_bytes();
        let mut held = incomplete_character(bytes);
        if line_end == LineEnd::Await && state.redact.holds_line_end() {
            let line = bytes.len() - memchr::memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
            held = held.max(if line <= MAX_CARRY { line } else { 0 });
        }
        state.carry = whole.split_off(whole.len() - held);
        self.keep(Piece { stream, text: whole, time }, now);
    }

    /// Adds a piece to the queue of waiting pieces. Then stores all of them in order, unless a failed write is still
    /// waiting for its retry.
    fn keep(&mut self, piece: Piece, now: Instant) {
        self.waiting.push_back(piece);
        if self.refusal.is_none() {
            let stored = self.store_waiting();
            self.note(stored, now);
        }
    }

    fn store_waiting(&mut self) -> io::Result<()> {
        while let Some(Piece { stream, text, time }) = self.waiting.front() {
            let source = Source { step: self.step, stream: *stream };
            self.spool.append(source, text, *time)?;
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Records the result of a write, and schedules a retry if it failed.
    fn note(&mut self, stored: io::Result<()>, now: Instant) {
        let before = self.refusal.take();
        match stored {
            Ok(()) if before.is_some() => tracing::info!("output can be stored again"),
            Ok(()) => {}
            Err(error) => {
                if before.is_none() {
                    tracing::warn!(%error, "output cannot be stored; the job waits until it can be stored again");
                }
                let mut waits = before.map_or(WAITS, |before| before.waits);
                let again_at = now + waits.next_wait();
                self.refusal = Some(Refusal { error, waits, again_at });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::OUTPUT_LOG;
    use model::Stage;

    fn captured(redactor: &Redactor, pieces: &[&[u8]]) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        let mut capture = Capture::new(spool, redactor.clone(), Duration::from_millis(100));
        let mut step = capture.step(StepRef { stage: Stage::Execute, index: 0 });
        for piece in pieces {
            step.output(StreamName::Stdout, piece, Instant::now(), Timestamp(0));
        }
        step.finish(Timestamp(0), || false).expect("it can be stored");
        std::fs::read(folder.path().join(OUTPUT_LOG)).expect("it exists")
    }

    #[test]
    fn every_byte_value_is_stored_unchanged_wherever_the_input_is_split() {
        let all: Vec<u8> = (0..=255).chain("äöü€😀".bytes()).chain([0xf0, 0x9f]).collect();
        for cut in 0..=all.len() {
            assert_eq!(captured(&Redactor::none(), &[&all[..cut], &all[cut..]]), all, "cut at {cut}");
        }
    }

    #[test]
    fn output_is_stored_in_whole_characters() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        let mut capture = Capture::new(spool, Redactor::none(), Duration::from_millis(100));
        let ends = capture.spool().subscribe();
        let mut step = capture.step(StepRef { stage: Stage::Execute, index: 0 });
        let mut seen = Vec::new();
        for byte in "a€😀".bytes() {
            step.output(StreamName::Stdout, &[byte], Instant::now(), Timestamp(0));
            seen.push(ends.borrow().bytes);
        }
        assert_eq!(seen, [1, 1, 1, 4, 4, 4, 4, 8]);
    }

    #[test]
    fn a_pause_releases_the_beginning_of_a_secret_and_the_rest_is_masked() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        let redactor = Redactor::new(["secret-0123456789abcdef"]);
        let mut capture = Capture::new(spool, redactor, Duration::from_millis(100));
        let mut step = capture.step(StepRef { stage: Stage::Execute, index: 0 });
        let start = Instant::now();
        step.output(StreamName::Stdout, b"$ sec", start, Timestamp(0));
        let deadline = step.deadline().expect("the beginning of a match is held back");
        assert_eq!(deadline, start + Duration::from_millis(100));
        step.tick(deadline, Timestamp(0));
        let later = deadline + Duration::from_secs(1);
        step.output(StreamName::Stdout, b"ret-0123456789abcdef!", later, Timestamp(0));
        step.finish(Timestamp(0), || false).expect("it can be stored");
        let log = std::fs::read(folder.path().join(OUTPUT_LOG)).expect("it exists");
        assert_eq!(String::from_utf8_lossy(&log), "$ sec[REDACTED]!");
        assert_eq!(capture.redactions().total, 1);
    }
}
