use super::*;
use crate::ansi::plain_text;
use std::collections::BTreeMap;

mod bounds;
mod motions;
mod numbers;
mod random;
mod recordings;

/// A screen, and the latest reported content of each line, which a page would store in the same way.
#[derive(Clone, Debug)]
struct Drawing {
    screen: Screen,
    lines: BTreeMap<i64, Redrawn>,
    next: i64,
}

impl Drawing {
    fn new(height: u16, start: ScreenStart) -> Self {
        Self { screen: Screen::new(height, start), lines: BTreeMap::new(), next: 1 }
    }

    /// Draws text that may contain newlines.
    fn draw(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            match piece.strip_suffix('\n') {
                Some(line) => {
                    self.screen.draw(self.next, line, LineEnd::Complete);
                    self.next += 1;
                }
                None => self.screen.draw(self.next, piece, LineEnd::Open),
            }
        }
    }

    /// Stores the changes, and returns the numbers of the changed lines.
    fn update(&mut self) -> Vec<i64> {
        let changes = self.screen.take_changes();
        let numbers = changes.iter().map(|change| change.0).collect();
        self.lines.extend(changes);
        numbers
    }

    /// Returns the visible lines: their numbers and their text, with escape sequences.
    fn texts(&self) -> Vec<(i64, &str)> {
        self.lines
            .iter()
            .filter_map(|(number, line)| match line {
                Redrawn::Rows(folded) => Some((*number, &*folded.text)),
                Redrawn::Overdrawn { .. } => None,
            })
            .collect()
    }

    /// Returns the visible lines: their numbers and their text.
    fn plain(&self) -> Vec<(i64, String)> {
        self.texts().into_iter().map(|(number, text)| (number, plain_text(text).into_owned())).collect()
    }
}

fn drawn(height: u16, text: &str) -> Drawing {
    let mut drawing = Drawing::new(height, ScreenStart::Empty);
    drawing.draw(text);
    drawing.update();
    drawing
}

/// Draws text on a screen of five rows, and checks the visible rows, regardless of the lines that own them.
#[track_caller]
fn check(text: &str, expected: &str) {
    let shown: Vec<String> = drawn(5, text).plain().into_iter().map(|line| line.1).collect();
    assert_eq!(shown.join("\n"), expected, "{text:?}");
}

/// Draws text on a screen of five rows, and checks the numbers and the text of the visible lines.
#[track_caller]
fn check_lines(text: &str, expected: &[(i64, &str)]) {
    let shown = drawn(5, text).plain();
    let shown: Vec<(i64, &str)> = shown.iter().map(|(number, text)| (*number, text.as_str())).collect();
    assert_eq!(shown, expected, "{text:?}");
}
