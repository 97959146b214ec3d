//! Draws output that moves the cursor to other lines, such as a progress display of several lines.
//!
//! Most output never moves the cursor to another line, and is only scanned for such movements. From the first movement
//! on, the lines of the step's stream are drawn on a [`Screen`], until the cursor is below all text again.

use std::collections::VecDeque;

use model::StepRef;
use model::ansi::{DEFAULT_HEIGHT, LineEnd, Redrawn, Scanner, Screen, ScreenStart};

use crate::live_output::line::{LineKey, LinePiece, LiveLine, RowOwner};

/// The screens of the two streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Redrawing {
    streams: [StreamScreen; 2],
}

/// The screen of a stream.
#[derive(Clone, Debug, Default)]
struct StreamScreen {
    /// The attempt and the step that print the output, or `None` before the first output.
    place: Option<(i32, StepRef)>,
    /// Recognises escape sequences, which may extend over several pieces.
    scanner: Scanner,
    /// The screen on which the lines are drawn, or `None` while the output needs no screen.
    screen: Option<Screen>,
}

impl Redrawing {
    /// Reads a piece of output, and returns whether it has to be drawn on the screen of its stream.
    pub(super) fn takes(&mut self, line: &LiveLine, piece: &LinePiece<'_>) -> bool {
        let stream = &mut self.streams[line.stream as usize];
        let place = Some((line.key.attempt, line.step));
        if stream.place != place {
            *stream = StreamScreen { place, ..StreamScreen::default() };
        }
        let moves = stream.scanner.finds_screen_motion(piece.text);
        if piece.ended {
            stream.scanner.end_line();
        }
        moves || stream.screen.is_some()
    }

    /// Draws a piece of the line at index `at`, and returns the lines that have changed. `lines` contains the lines
    /// that are known so far.
    pub(super) fn draw(
        &mut self,
        lines: &VecDeque<LiveLine>,
        at: usize,
        piece: &LinePiece<'_>,
    ) -> Vec<(LineKey, Redrawn)> {
        let line = &lines[at];
        let stream = &mut self.streams[line.stream as usize];
        let screen = stream.screen.get_or_insert_with(|| screen_below(lines, at));
        screen.draw(line.key.number, piece.text, if piece.ended { LineEnd::Complete } else { LineEnd::Open });
        let key = |number| LineKey { attempt: line.key.attempt, number };
        let changes = screen.take_changes().into_iter().map(|(number, redrawn)| (key(number), redrawn)).collect();
        if screen.is_at_end() {
            stream.screen = None;
        }
        changes
    }
}

/// Returns a screen that shows the line at index `at` as far as it is known, below the previous lines of its stream.
fn screen_below(lines: &VecDeque<LiveLine>, at: usize) -> Screen {
    let line = &lines[at];
    let is_of_stream = |other: &&LiveLine| {
        (other.key.attempt, other.step, other.stream) == (line.key.attempt, line.step, line.stream)
            && other.rows_of == RowOwner::ThisLine
    };
    let height = usize::from(DEFAULT_HEIGHT);
    let before: Vec<&LiveLine> = lines.range(..at).rev().filter(is_of_stream).take(height).collect();
    let mut screen = Screen::new(DEFAULT_HEIGHT, ScreenStart::Unknown);
    for earlier in before.into_iter().rev() {
        screen.set_style(earlier.style);
        screen.draw(earlier.key.number, &earlier.text, LineEnd::Complete);
    }
    screen.set_style(line.style);
    screen.draw(line.key.number, &line.text, LineEnd::Open);
    // Discard the changes, because these lines are already shown correctly.
    drop(screen.take_changes());
    screen
}
