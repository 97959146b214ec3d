//! Adds live output to the window.

use model::{Event, LogPayload, Payload, Seq};

use super::Buffer;
use crate::live_output::line::{LineKey, LiveLine, pieces};

impl Buffer {
    pub(super) fn take(&mut self, event: &Event) {
        match &event.payload {
            Payload::Log(payload) => self.take_chunk(event.seq, &event.message, payload),
            // The lines that the gap replaces are not in the window, so a new window starts after the gap.
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
        for piece in pieces(text, payload) {
            let key = LineKey { attempt: payload.attempt, number: piece.number };
            let at = match self.lines.find(key) {
                Some(at) => at,
                None if front.is_some_and(|front| key < front) => {
                    // The chunk continues a line that was dropped. That line is loaded by number when the reader
                    // scrolls to it.
                    scanner.end_line();
                    scanner.skip(piece.text);
                    whole = true;
                    continue;
                }
                None => {
                    scanner.end_line();
                    let mut line = LiveLine::new(key, payload, seq, scanner.style());
                    // Lines are numbered in the order in which they begin. If one line began in the known part of the
                    // output, all later lines did too.
                    let begun = |line: &LiveLine| line.whole && line.key < key && line.first_seq > self.known_from;
                    line.whole = whole || self.lines().iter().any(begun);
                    self.lines.insert(line)
                }
            };
            first_changed = Some(first_changed.map_or(key, |first| first.min(key)));
            if self.redrawing.takes(&self.lines.all()[at], &piece) {
                self.lines.change(at, |line| line.note(&piece, seq, scanner));
                for (key, redrawn) in self.redrawing.draw(self.lines.all(), at, &piece) {
                    if let Some(at) = self.lines.find(key) {
                        self.lines.change(at, |line| line.redraw(redrawn));
                        first_changed = first_changed.min(Some(key));
                    }
                }
            } else {
                self.lines.change(at, |line| line.push(&piece, seq, scanner));
            }
            whole = true;
        }
        self.colours = colours;
        if let Some(at) = first_changed.and_then(|key| self.lines.find(key)) {
            self.lines.update_levels(at);
        }
    }
}
