//! Collects the content of the drawn lines: of lines whose rows are on the screen, and of lines whose rows have
//! scrolled off. Each call of [`Transcript::take_changes`] reports the lines that have changed since the last report.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Redrawn;
use super::grid::{Grid, ScreenRow};
use crate::ansi::Style;
use crate::ansi::fold::{Folded, MAX_ABOVE};
use crate::ansi::motion::Motion;
use crate::ansi::row::Pen;

/// The lines that have changed, and the line whose rows scrolled off last.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcript {
    /// The lines that became overdrawn (see [`Redrawn::Overdrawn`]) since the last report. Each entry consists of the
    /// number of such a line and the value of its `on`.
    hidden: Vec<(i64, i64)>,
    /// The lines that can no longer change and have not been reported yet.
    finished: Vec<(i64, Folded<'static>)>,
    /// The line whose rows scrolled off last, or `None` if no row has scrolled off. The line may continue on the
    /// screen.
    last: Option<DrawnLine>,
}

/// The content of a line that owns rows.
#[derive(Clone, Debug)]
struct DrawnLine {
    number: i64,
    text: String,
    has_rows: bool,
    /// The number of blank rows at the end. These rows are shown only once a row with text follows.
    blank_rows: usize,
    /// Whether text was dropped because the line exceeds a limit.
    is_cut: bool,
    /// Whether the line has changed since the last report.
    is_changed: bool,
}

impl DrawnLine {
    fn new(number: i64) -> Self {
        Self { number, text: String::new(), has_rows: false, blank_rows: 0, is_cut: false, is_changed: false }
    }

    /// Appends a row.
    fn push(&mut self, row: &ScreenRow) {
        if !row.is_reached {
            return;
        }
        if self.text.len() > MAX_ABOVE {
            self.is_cut = true;
            return;
        }
        if self.has_rows && row.content.is_blank() {
            self.blank_rows += 1;
            return;
        }
        if self.has_rows {
            // Each blank row becomes a NEL of two bytes, so more than `MAX_ABOVE / 2` blank rows would exceed the
            // limit.
            self.is_cut |= self.blank_rows > MAX_ABOVE / 2;
            for _ in 0..=self.blank_rows.min(MAX_ABOVE / 2) {
                Motion::NextRow.write(&mut self.text);
            }
        }
        (self.has_rows, self.blank_rows) = (true, 0);
        self.is_cut |= row.content.is_full();
        let mut pen = Pen::new(Style::default());
        row.content.render(&mut pen, Style::default(), &mut self.text);
        pen.switch(Style::default(), None, &mut self.text);
    }

    /// Appends the rows, and returns the line.
    fn with_rows(mut self, rows: &[ScreenRow]) -> Folded<'static> {
        for row in rows {
            self.push(row);
        }
        self.into_folded()
    }

    fn into_folded(self) -> Folded<'static> {
        Folded { text: Cow::Owned(self.text), cut: self.is_cut }
    }
}

impl Transcript {
    /// Returns the number of the line whose rows scrolled off last, or `None` if no row has scrolled off.
    pub fn last_line(&self) -> Option<i64> {
        self.last.as_ref().map(|line| line.number)
    }

    /// Records that a line has become overdrawn.
    pub fn hide(&mut self, line: i64, on: i64) {
        self.hidden.push((line, on));
    }

    /// Adds a row that has scrolled off.
    pub fn push(&mut self, row: &ScreenRow) {
        if let Some(number) = row.start {
            let before = self.last.replace(DrawnLine::new(number)).filter(|line| line.is_changed);
            self.finished.extend(before.map(|line| (line.number, line.into_folded())));
        }
        if let Some(line) = &mut self.last {
            line.is_changed |= row.is_changed;
            line.push(row);
        }
    }

    /// Returns the lines that have changed since the last report, in the order of their numbers.
    pub fn take_changes(&mut self, grid: &mut Grid) -> Vec<(i64, Redrawn)> {
        let overdrawn = self.hidden.drain(..).map(|(line, on)| (line, Redrawn::Overdrawn { on }));
        let mut changes: BTreeMap<i64, Redrawn> = overdrawn.collect();
        changes.extend(self.finished.drain(..).map(|(number, text)| (number, Redrawn::Rows(text))));
        let rows = grid.rows_mut();
        // The first rows of the screen may belong to a line whose earlier rows have scrolled off.
        let continued = rows.iter().take_while(|row| row.start.is_none()).count();
        let (continued, others) = rows.split_at(continued);
        if let Some(last) = &mut self.last
            && (last.is_changed || continued.iter().any(|row| row.is_changed))
        {
            last.is_changed = false;
            changes.insert(last.number, Redrawn::Rows(last.clone().with_rows(continued)));
        }
        for owned in others.chunk_by(|_, next| next.start.is_none()) {
            if let Some(number) = owned[0].start.filter(|_| owned.iter().any(|row| row.is_changed)) {
                changes.insert(number, Redrawn::Rows(DrawnLine::new(number).with_rows(owned)));
            }
        }
        for row in rows {
            row.is_changed = false;
        }
        changes.into_iter().collect()
    }
}
