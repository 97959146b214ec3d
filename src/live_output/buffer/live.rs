//! Adds live output to the window.

use model::{Event, LogPayload, OutputLine, Payload, Seq, StepRef, StreamName};

use super::redraw::Head;
use super::{Buffer, LineRange};
use crate::live_output::line::{LineKey, LiveLine, pieces};

impl Buffer {
    pub(super) fn take(&mut self, event: &Event) {
        match &event.payload {
            Payload::Log(payload) => self.take_chunk(event.seq, &event.message, payload),
            // A gap replaces lines that were not sent live. These lines are not in the window, so a new window starts
            // after the gap.
            Payload::Gap(_) => {
                self.clear();
                (self.ragged, self.known_from) = ([true; 2], event.seq);
            }
            Payload::Step(_) => self.ragged = [false; 2],
            _ => {}
        }
    }

    fn take_chunk(&mut self, seq: Seq, text: &str, payload: &LogPayload) {
        let mut colours = self.colours;
        let mut whole = !std::mem::take(&mut self.ragged[payload.stream as usize]);
        let scanner = colours.enter(payload.stream, payload.attempt, payload.step());
        let front = self.lines().front().map(|line| line.key);
        let mut first_changed: Option<LineKey> = None;
        let mut head = if whole { Head::Known } else { Head::Missing };
        for piece in pieces(text, payload) {
            let key = LineKey { attempt: payload.attempt, number: piece.number };
            self.redrawing.draw(key, (payload.step(), payload.stream), &piece, head);
            head = Head::Known;
            let at = match self.lines.find(key) {
                Some(at) => at,
                None if front.is_some_and(|front| key < front) => {
                    // The chunk continues a line that was dropped. The dropped line is loaded by number when the reader
                    // scrolls to it.
                    scanner.end_line();
                    scanner.skip(piece.text);
                    whole = true;
                    continue;
                }
                None => {
                    scanner.end_line();
                    let mut line = LiveLine::new(key, payload, seq, scanner.style());
                    // Lines are numbered in the order in which they begin. If a line began in the known part of the
                    // output, all later lines also began there.
                    let begun = |line: &LiveLine| line.whole && line.key < key && line.first_seq > self.known_from;
                    line.whole = whole || self.lines().iter().any(begun);
                    self.lines.insert(line)
                }
            };
            first_changed = Some(first_changed.map_or(key, |first| first.min(key)));
            self.lines.change(at, |line| line.push(&piece, seq, scanner));
            whole = true;
        }
        self.redraw(payload.stream);
        self.colours = colours;
        if let Some(at) = first_changed.and_then(|key| self.lines.find(key)) {
            self.lines.update_levels(at);
        }
    }

    /// Updates the lines that a stream has redrawn.
    fn redraw(&mut self, stream: StreamName) {
        for (key, redrawn) in self.redrawing.take_changes(stream) {
            match self.lines.find(key) {
                Some(at) => self.lines.change(at, |line| line.redraw(redrawn)),
                None => self.redrawing.keep_outside(stream, key, redrawn),
            }
        }
    }

    /// Shows the new content of loaded lines that were redrawn before they were loaded.
    pub(super) fn redraw_loaded(&mut self) {
        if !self.attached {
            return;
        }
        let lines = &self.lines;
        for (key, redrawn) in self.redrawing.take_outside(|key| lines.find(key).is_some()) {
            if let Some(at) = self.lines.find(key) {
                self.lines.change(at, |line| line.redraw(redrawn));
            }
        }
    }

    /// Returns the range of missing lines at the beginning of a block (a range of lines that is drawn separately, see
    /// [`model::ansi::BlockScreen`]), or `None` if no such lines are needed. If the output in a block moves the cursor,
    /// the block can be drawn only from its beginning.
    #[must_use]
    pub fn missing_head(&self) -> Option<LineRange> {
        self.redrawing.missing_head().filter(|_| self.attached)
    }

    /// Adds lines at the beginning of a block, in their printed form (the original text, before it is redrawn). Once
    /// the beginning is complete, draws the block again.
    pub fn load_head(&mut self, part: LineRange, lines: Vec<OutputLine>) {
        let with_step = |line: OutputLine| {
            let step = self.step(line.stage, line.step_id.as_deref());
            (line, step)
        };
        let lines: Vec<(OutputLine, StepRef)> = lines.into_iter().map(with_step).collect();
        for (place, stream) in self.redrawing.add_head(part, &lines) {
            let is_drawn = |line: &LiveLine| line.stream == stream && place.holds(line.key, line.step);
            let drawn: Vec<usize> = (0..self.lines().len()).filter(|at| is_drawn(&self.lines()[*at])).collect();
            for at in drawn {
                self.lines.change(at, LiveLine::show_as_printed);
            }
            self.redraw(stream);
        }
    }

    /// Stops waiting for the beginnings of blocks, because the server refuses to send them.
    pub fn give_up_head(&mut self) {
        self.redrawing.give_up_head();
    }

    /// Returns the first line that may still be redrawn, or `None` if no line can change any more.
    #[must_use]
    pub fn first_live_line(&self) -> Option<LineKey> {
        self.redrawing.first_live()
    }
}
