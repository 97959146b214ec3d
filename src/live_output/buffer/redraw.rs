//! Draws output that moves the cursor to other lines, such as a progress display of several lines.
//!
//! The lines of a log are divided by their numbers into blocks, and a [`BlockScreen`] draws the lines of one stream in
//! one block. The server draws the lines that are loaded by number in the same way. If the page does not have the
//! beginning of a block, it does not know the first rows on the screen, and draws the lines as far as possible. If the
//! output moves the cursor, the page loads the printed text of the beginning ([`Redrawing::missing_head`]) and draws
//! the block again. Until then, the page does not know whether the cursor was moved before the window began, and
//! assumes that it was not.

use std::collections::{BTreeMap, HashMap};

use model::ansi::{BlockScreen, LineEnd, Redrawn, ScreenStart, block_of};
use model::{OutputLine, StepRef, StreamName};

use super::LineRange;
use crate::live_output::line::{LineKey, LinePiece};

/// The maximum number of lines that one request loads, which is the API's limit.
const MAX_LOADED: i64 = 2000;

/// The step and the block to which the latest output of a stream belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockPlace {
    attempt: i32,
    step: StepRef,
    /// The number of the block's first line.
    first: i64,
}

impl BlockPlace {
    pub(super) fn of(key: LineKey, step: StepRef) -> Self {
        Self { attempt: key.attempt, step, first: *block_of(key.number).start() }
    }

    /// Returns whether the line `key`, which `step` has printed, is in this block.
    pub(super) fn holds(self, key: LineKey, step: StepRef) -> bool {
        Self::of(key, step) == self
    }
}

/// Whether the page has all earlier output of a stream in the current step and block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// All earlier lines have been drawn.
    Known,
    /// Earlier lines, or the beginning of the current line, may be missing.
    Missing,
}

/// The screens of the two streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Redrawing {
    streams: [Option<StreamScreen>; 2],
    /// For each stream, the first screen, if another screen replaced it before the beginning of its block was loaded.
    earlier: [Option<StreamScreen>; 2],
    /// The lines that have changed on screens that were replaced.
    changed: [Vec<(LineKey, Redrawn)>; 2],
    /// The attempt and the step that printed the last line, and the number of that step's first line. `None` before the
    /// first line.
    step: Option<(i32, StepRef, i64)>,
    /// The heights of the steps' terminals. Terminals with the default height are not included.
    heights: HashMap<(i32, StepRef), u16>,
    /// The last attempt that has finished, or 0.
    finished: i32,
    /// The content of lines that were redrawn while they were not in the window. When such a line is loaded, the loaded
    /// text may be older than this content.
    outside: BTreeMap<LineKey, Redrawn>,
}

/// The screen of a stream.
#[derive(Clone, Debug)]
struct StreamScreen {
    place: BlockPlace,
    screen: BlockScreen,
    missing: Option<MissingHead>,
}

/// What is known about a block whose beginning is missing.
#[derive(Clone, Debug)]
struct MissingHead {
    /// The number of the first line that is known, at least in part.
    until: i64,
    /// The pieces of output that have been drawn so far, each with the number of its line.
    pieces: Vec<(i64, String, LineEnd)>,
    /// The next line to load.
    next: i64,
    /// The lines of the stream that have been loaded.
    loaded: Vec<(i64, String)>,
    /// The step that printed the first line of the block, or `None` until that line is loaded.
    first_step: Option<StepRef>,
}

impl MissingHead {
    fn new(place: BlockPlace, until: i64) -> Self {
        Self { until, pieces: Vec::new(), next: place.first, loaded: Vec::new(), first_step: None }
    }

    /// Returns whether the first known line has ended. A first line whose beginning is missing is loaded only after it
    /// has ended, because the loaded text of an unfinished line may contain pieces that have yet to arrive as events.
    fn has_ended(&self) -> bool {
        self.pieces.iter().any(|(number, _, end)| *number != self.until || *end == LineEnd::Complete)
    }
}

impl Redrawing {
    /// Forgets all lines, but keeps the heights of terminals and the number of the last attempt that has finished.
    pub(super) fn clear(&mut self) {
        let heights = std::mem::take(&mut self.heights);
        *self = Self { heights, finished: self.finished, ..Self::default() };
    }

    /// Records that an attempt has finished and that its lines no longer grow.
    pub(super) fn finish(&mut self, attempt: i32) {
        self.finished = self.finished.max(attempt);
    }

    /// Records the height of the terminal of a step.
    pub(super) fn set_height(&mut self, attempt: i32, step: StepRef, height: u16) {
        self.heights.insert((attempt, step), height);
    }

    /// Draws a piece of a line. `head` is [`Head::Missing`] if earlier output of the stream may be missing.
    pub(super) fn draw(
        &mut self,
        key: LineKey,
        (step, stream): (StepRef, StreamName),
        piece: &LinePiece<'_>,
        head: Head,
    ) {
        let place = BlockPlace::of(key, step);
        if self.step.is_none_or(|(attempt, last, _)| (attempt, last) != (key.attempt, step)) {
            self.step = Some((key.attempt, step, key.number));
        }
        let here = &mut self.streams[stream as usize];
        if here.as_ref().is_none_or(|here| here.place != place) {
            // If the stream has been drawn before, nothing is missing before the new block or step.
            let is_missing = here.is_none() && head == Head::Missing;
            let missing = is_missing.then(|| MissingHead::new(place, key.number));
            let start = match self.step {
                Some((.., first)) if missing.is_none() => start_of(place, first > place.first),
                _ => ScreenStart::Unknown,
            };
            let height = height_of(&self.heights, place);
            let replaced = here.replace(StreamScreen { place, screen: BlockScreen::new(height, start), missing });
            if let Some(mut replaced) = replaced {
                self.changed[stream as usize].extend(replaced.take_changes());
                if replaced.missing.is_some() && replaced.screen.has_screen() {
                    self.earlier[stream as usize] = Some(replaced);
                }
            }
            self.outside.retain(|key, _| key.attempt == place.attempt && key.number >= place.first);
        }
        let Some(here) = here else { return };
        let end = if piece.ended { LineEnd::Complete } else { LineEnd::Open };
        here.screen.draw(piece.number, piece.text, end);
        if let Some(missing) = &mut here.missing
            && !here.screen.is_full()
        {
            missing.pieces.push((piece.number, piece.text.to_owned(), end));
        }
    }

    /// Returns the lines of a stream that have changed since the last call, with their content.
    pub(super) fn take_changes(&mut self, stream: StreamName) -> Vec<(LineKey, Redrawn)> {
        let mut changes = std::mem::take(&mut self.changed[stream as usize]);
        changes.extend(self.streams[stream as usize].iter_mut().flat_map(StreamScreen::take_changes));
        changes
    }

    /// Records that a line that is not in the window was redrawn.
    pub(super) fn keep_outside(&mut self, stream: StreamName, key: LineKey, redrawn: Redrawn) {
        // If the beginning of the block is missing, nothing is recorded, because the block is drawn again once its
        // beginning is known.
        if self.streams[stream as usize].as_ref().is_some_and(|here| here.missing.is_none()) {
            self.outside.insert(key, redrawn);
        }
    }

    /// Removes and returns the lines that were redrawn while they were not in the window, and that have been loaded
    /// since.
    pub(super) fn take_outside(&mut self, is_loaded: impl Fn(LineKey) -> bool) -> Vec<(LineKey, Redrawn)> {
        let loaded: Vec<LineKey> = self.outside.keys().copied().filter(|key| is_loaded(*key)).collect();
        loaded.into_iter().filter_map(|key| self.outside.remove_entry(&key)).collect()
    }

    /// Returns the first line that may still be redrawn, or `None` if no line can change any more.
    pub(super) fn first_live(&self) -> Option<LineKey> {
        let first = |here: &StreamScreen| LineKey { attempt: here.place.attempt, number: here.place.first };
        self.streams.iter().flatten().filter(|here| here.screen.has_screen()).map(first).min()
    }

    /// Returns the range of lines to load in their printed form (the original text, before it is redrawn), or `None` if
    /// no lines have to be loaded. The lines in the range are needed because the cursor may be moved to them.
    pub(super) fn missing_head(&self) -> Option<LineRange> {
        let missing = |here: &StreamScreen| {
            let is_needed = here.screen.has_screen();
            let is_finished = self.finished >= here.place.attempt;
            let missing = here.missing.as_ref().filter(|head| is_needed && (head.has_ended() || is_finished))?;
            let count = MAX_LOADED.min(missing.until - missing.next + 1);
            Some(LineRange { attempt: here.place.attempt, first: missing.next, count })
        };
        self.earlier.iter().chain(&self.streams).flatten().find_map(missing)
    }

    /// Stops waiting for the beginnings of blocks, because they cannot be loaded.
    pub(super) fn give_up_head(&mut self) {
        self.earlier = [None, None];
        self.streams.iter_mut().flatten().for_each(|here| here.missing = None);
    }

    /// Adds lines in their printed form, each with its step. Returns the blocks that have been drawn again, each with
    /// its stream.
    pub(super) fn add_head(
        &mut self,
        part: LineRange,
        lines: &[(OutputLine, StepRef)],
    ) -> Vec<(BlockPlace, StreamName)> {
        let mut drawn = Vec::new();
        let is_finished = self.finished >= part.attempt;
        for stream in [StreamName::Stdout, StreamName::Stderr] {
            for here in [&mut self.earlier[stream as usize], &mut self.streams[stream as usize]] {
                let Some(screen) = here.as_mut().filter(|here| here.place.attempt == part.attempt) else { continue };
                if !screen.missing.as_ref().is_some_and(|head| head.has_ended() || is_finished) {
                    continue;
                }
                let height = height_of(&self.heights, screen.place);
                if screen.add_head(stream, part, lines, height) {
                    drawn.push((screen.place, stream));
                }
            }
            if let Some(mut earlier) = self.earlier[stream as usize].take_if(|earlier| earlier.missing.is_none()) {
                self.changed[stream as usize].extend(earlier.take_changes());
            }
        }
        drawn
    }
}

impl MissingHead {
    fn add(&mut self, place: BlockPlace, stream: StreamName, lines: &[(OutputLine, StepRef)]) {
        for (line, step) in lines.iter().filter(|(line, _)| line.line <= self.until) {
            if line.line == place.first {
                self.first_step = Some(*step);
            }
            if (*step, line.stream) == (place.step, stream) {
                self.loaded.push((line.line, line.text.clone()));
            }
            self.next = line.line + 1;
        }
    }
}

impl StreamScreen {
    fn take_changes(&mut self) -> Vec<(LineKey, Redrawn)> {
        let attempt = self.place.attempt;
        self.screen.take_changes().into_iter().map(|(number, text)| (LineKey { attempt, number }, text)).collect()
    }

    /// Adds lines at the beginning of the block. Returns whether the block was drawn again, because all of its lines
    /// are known now.
    fn add_head(&mut self, stream: StreamName, part: LineRange, lines: &[(OutputLine, StepRef)], height: u16) -> bool {
        let Some(mut head) = self.missing.take_if(|missing| missing.next == part.first) else { return false };
        head.add(self.place, stream, lines);
        let is_complete = head.next > head.until;
        if is_complete {
            self.draw_again(&head, height);
        } else if !lines.is_empty() {
            self.missing = Some(head);
        }
        is_complete
    }

    /// Draws the loaded lines, and then the pieces that have arrived since.
    fn draw_again(&mut self, head: &MissingHead, height: u16) {
        let start = start_of(self.place, head.first_step != Some(self.place.step));
        self.screen = BlockScreen::new(height, start);
        let loaded = head.loaded.last().map(|(number, _)| *number);
        for (number, text) in &head.loaded {
            let is_open = *number == head.until && !head.has_ended();
            self.screen.draw(*number, text, if is_open { LineEnd::Open } else { LineEnd::Complete });
        }
        // The first known line was loaded too, because its beginning may have been missing. Its pieces are therefore
        // skipped.
        for (number, text, end) in head.pieces.iter().filter(|(number, ..)| Some(*number) != loaded) {
            self.screen.draw(*number, text, *end);
        }
    }
}

/// Returns what is known about the rows above the first line of a block. `begins_later` is `true` if the step begins
/// after the first line of the block.
const fn start_of(place: BlockPlace, begins_later: bool) -> ScreenStart {
    if begins_later || place.first == 1 { ScreenStart::Empty } else { ScreenStart::Unknown }
}

fn height_of(heights: &HashMap<(i32, StepRef), u16>, place: BlockPlace) -> u16 {
    heights.get(&(place.attempt, place.step)).copied().unwrap_or(model::ansi::DEFAULT_HEIGHT)
}
