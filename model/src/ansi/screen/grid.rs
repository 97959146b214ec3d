//! The rows of the screen: their content, the lines that start in them, scrolling and erasing.
//!
//! A row is known if its content is known. Known rows are identified by their index, which starts at 0 for the first
//! known row. A row's position on the screen is its index plus `missing`, the number of unknown rows above the known
//! rows.
//!
//! Rows leave the screen only at its top, together with the lines that start there. All other scrolling only moves
//! content between rows, and so do the insertion and the deletion of rows. Each line still starts in the same row, so
//! the order of the lines never changes.

use std::collections::VecDeque;

use super::ScreenStart;
use super::transcript::Transcript;
use crate::ansi::row::TerminalRow;

/// The maximum size of a screen in memory, in bytes, which is enough for 39 rows of the maximum length. If the screen
/// exceeds this size, its first rows count as scrolled off.
const MAX_WEIGHT: usize = 8 * 1024 * 1024;

/// One row of the screen.
#[derive(Clone, Debug, Default)]
pub(super) struct ScreenRow {
    /// The number of the line that starts in this row and owns it. If `None`, the row belongs to the same line as the
    /// row above.
    pub start: Option<i64>,
    /// If the line that starts in this row wrote its first visible text on a row of another line, this is the number of
    /// the other line.
    pub drawn_on: Option<i64>,
    /// The content. It is boxed, so that it can be moved to another row quickly.
    pub content: Box<TerminalRow>,
    /// Whether a line has started in this row or a character was written. Other rows are not shown.
    pub is_reached: bool,
    /// Whether the row has ever had visible text.
    pub had_text: bool,
    /// Whether the row has changed since the last report ([`Transcript::take_changes`]).
    pub is_changed: bool,
}

/// The rows of the screen.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// The known rows, except blank rows at the end that the cursor has not reached.
    rows: VecDeque<ScreenRow>,
    /// The number of unknown rows at the top of the screen.
    missing: usize,
    height: usize,
    /// The first row of the scrolling region, counted from the top of the screen.
    top: usize,
    /// The last row of the scrolling region.
    bottom: usize,
    /// The size of all rows in memory, in bytes.
    weight: usize,
}

impl Grid {
    pub fn new(height: usize, start: ScreenStart) -> Self {
        let missing = match start {
            ScreenStart::Empty => 0,
            ScreenStart::Unknown => height - 1,
        };
        Self { rows: VecDeque::new(), missing, height, top: 0, bottom: height - 1, weight: 0 }
    }

    /// Returns the known rows. Rows below them are blank.
    pub fn rows_mut(&mut self) -> &mut [ScreenRow] {
        self.rows.make_contiguous()
    }

    /// Returns the index of the row at a position on the screen. If the cursor cannot reach this row, returns the index
    /// of the nearest row that it can reach.
    pub fn index_of(&self, screen_row: usize) -> usize {
        screen_row.min(self.height - 1).saturating_sub(self.missing)
    }

    /// Returns the position of a row on the screen, counted from the top.
    pub const fn screen_row(&self, row: usize) -> usize {
        row + self.missing
    }

    /// Returns the row `count` rows above a row, but not beyond the top of the scrolling region or of the screen.
    pub fn up(&self, row: usize, count: u16) -> usize {
        let from = self.screen_row(row);
        let limit = if from < self.top { 0 } else { self.top };
        self.index_of(from.saturating_sub(count.into()).max(limit))
    }

    /// Returns the row `count` rows below a row, but not beyond the bottom of the scrolling region or of the screen.
    pub fn down(&self, row: usize, count: u16) -> usize {
        let from = self.screen_row(row);
        let limit = if from > self.bottom { self.height - 1 } else { self.bottom };
        self.index_of((from + usize::from(count)).min(limit))
    }

    /// Starts a line in a row.
    pub fn start_line(&mut self, row: usize, number: i64, transcript: &mut Transcript) {
        self.create(row);
        let is_before_text = self.rows.range(row + 1..).any(|below| below.had_text && below.start.is_some());
        let here = &self.rows[row];
        if here.had_text || (is_before_text && here.start.is_some()) {
            let owner = self.rows.range(..=row).rev().find_map(|above| above.start).or(transcript.last_line());
            transcript.hide(number, owner.unwrap_or(number));
            return;
        }
        // If this row belongs to a line that starts further up, that line loses this row and all rows below it, and has
        // changed.
        if here.start.is_none() && self.rows.range(row..).any(|below| below.is_reached) {
            // There is always a row above: if the first row continues an earlier line, no other line ever starts in it.
            if let Some(above) = row.checked_sub(1) {
                self.rows[above].is_changed = true;
            }
        }
        for below in self.rows.range_mut(row..) {
            if let Some(owner) = below.start.take() {
                transcript.hide(owner, below.drawn_on.take().unwrap_or(number));
            }
            below.is_reached &= below.had_text;
        }
        let here = &mut self.rows[row];
        here.start = Some(number);
        (here.is_reached, here.is_changed) = (true, true);
    }

    /// Records that a line writes its first visible text to a row.
    pub fn note_first_text(&mut self, row: usize, line: i64, transcript: &Transcript) {
        let Some(owner) = self.rows.range(..=row).rev().find_map(|above| above.start).or(transcript.last_line()) else {
            return;
        };
        if owner != line
            && let Some(own) = self.rows.iter_mut().find(|own| own.start == Some(line))
        {
            own.drawn_on = Some(owner);
        }
    }

    /// Writes to a row.
    pub fn write(&mut self, row: usize, is_visible: bool, write: impl FnOnce(&mut TerminalRow)) {
        self.reach(row);
        self.change(row, write);
        self.rows[row].had_text |= is_visible;
    }

    /// Erases or moves cells within a row.
    pub fn edit(&mut self, row: usize, edit: impl FnOnce(&mut TerminalRow)) {
        if self.rows.get(row).is_some_and(|row| !row.content.is_blank()) {
            self.change(row, edit);
        }
    }

    /// Records that a line continues in a row.
    pub fn reach(&mut self, row: usize) {
        self.create(row);
        let row = &mut self.rows[row];
        row.is_changed |= !row.is_reached;
        row.is_reached = true;
    }

    fn change(&mut self, row: usize, change: impl FnOnce(&mut TerminalRow)) {
        let row = &mut self.rows[row];
        self.weight -= row.content.weight();
        change(&mut row.content);
        self.weight += row.content.weight();
        row.is_changed = true;
    }

    /// Creates the blank rows up to and including this row.
    fn create(&mut self, row: usize) {
        if self.rows.len() <= row {
            self.rows.resize_with(row + 1, ScreenRow::default);
        }
    }

    /// Scrolls rows off the top until the screen no longer exceeds its maximum size. Returns the new index of the
    /// cursor's row, which does not scroll off.
    pub fn limit_weight(&mut self, mut row: usize, transcript: &mut Transcript) -> usize {
        while self.weight > MAX_WEIGHT && row > 0 {
            self.pop_first(transcript);
            self.missing += 1;
            row -= 1;
        }
        row
    }

    /// Returns the size of all rows in memory, in bytes.
    #[cfg(test)]
    pub const fn weight(&self) -> usize {
        self.weight
    }

    fn pop_first(&mut self, transcript: &mut Transcript) {
        if let Some(first) = self.rows.pop_front() {
            self.weight -= first.content.weight();
            transcript.push(&first);
        }
    }

    /// Moves to the row below, and scrolls up at the bottom of the scrolling region. Returns the cursor's row.
    pub fn line_feed(&mut self, row: usize, transcript: &mut Transcript) -> usize {
        if self.screen_row(row) == self.bottom {
            return self.scroll_up(row, 1, transcript);
        }
        self.index_of(self.screen_row(row) + 1)
    }

    /// Scrolls the region up. If the region begins at the top of the screen, rows leave the screen. The cursor's
    /// position on the screen does not change. Returns the new index of the cursor's row.
    pub fn scroll_up(&mut self, row: usize, count: u16, transcript: &mut Transcript) -> usize {
        let screen_row = self.screen_row(row);
        let count = usize::from(count).min(self.bottom - self.top + 1);
        if self.top > 0 {
            self.shift_up(self.index_of(self.top), count);
            return row;
        }
        for _ in 0..count {
            if self.missing > 0 {
                self.missing -= 1;
            } else if self.rows.is_empty() {
                break;
            } else {
                self.pop_first(transcript);
            }
            let last = self.bottom - self.missing;
            if last < self.rows.len() {
                self.rows.insert(last, ScreenRow::default());
            }
        }
        self.index_of(screen_row)
    }

    /// Scrolls the region down. The rows at its bottom are lost.
    pub fn scroll_down(&mut self, count: usize) {
        self.shift_down(self.index_of(self.top), count);
    }

    /// Moves to the row above, and scrolls down at the top of the scrolling region. Returns the cursor's row.
    pub fn reverse_index(&mut self, row: usize) -> usize {
        if self.screen_row(row) == self.top {
            self.scroll_down(1);
            return row;
        }
        row.saturating_sub(1)
    }

    /// Inserts blank rows, and moves the rows below down within the scrolling region.
    pub fn insert_rows(&mut self, row: usize, count: usize) {
        if (self.top..=self.bottom).contains(&self.screen_row(row)) {
            self.shift_down(row, count);
        }
    }

    /// Deletes rows, and moves the rows below up within the scrolling region.
    pub fn delete_rows(&mut self, row: usize, count: usize) {
        if (self.top..=self.bottom).contains(&self.screen_row(row)) {
            self.shift_up(row, count);
        }
    }

    /// Moves the content of the rows from `first` to the bottom of the scrolling region up by `count` rows.
    fn shift_up(&mut self, first: usize, count: usize) {
        let end = self.end_of_text(first);
        for row in first..end {
            let from = row.saturating_add(count);
            if from < end {
                self.swap(row, from);
            } else {
                self.edit(row, |content| *content = TerminalRow::default());
            }
        }
    }

    /// Moves the content of the rows from `first` to the bottom of the scrolling region down by `count` rows.
    fn shift_down(&mut self, first: usize, count: usize) {
        let end = self.end_of_text(first);
        if end == first {
            return;
        }
        let end = end.saturating_add(count).min(self.index_of(self.bottom) + 1);
        self.create(end - 1);
        for row in (first..end).rev() {
            match row.checked_sub(count).filter(|from| *from >= first) {
                Some(from) => self.swap(row, from),
                None => self.edit(row, |content| *content = TerminalRow::default()),
            }
        }
    }

    /// Finds the last row that is not blank among the rows from `first` to the bottom of the scrolling region, and
    /// returns the index after it. If all of these rows are blank, returns `first`.
    fn end_of_text(&self, first: usize) -> usize {
        let end = (self.index_of(self.bottom) + 1).min(self.rows.len());
        let rows = self.rows.range(first.min(end)..end);
        rows.enumerate().rfind(|(_, row)| !row.content.is_blank()).map_or(first, |(last, _)| first + last + 1)
    }

    /// Swaps the content of two rows. The caller then replaces the content that `from` receives.
    fn swap(&mut self, to: usize, from: usize) {
        let rows = self.rows.make_contiguous();
        let Ok([to, from]) = rows.get_disjoint_mut([to, from]) else { return };
        std::mem::swap(&mut to.content, &mut from.content);
        let has_text = !to.content.is_blank();
        let is_change = has_text || !from.content.is_blank();
        to.is_changed |= is_change;
        from.is_changed |= is_change;
        to.had_text |= has_text;
        to.is_reached |= has_text;
    }

    /// Erases from a position to the end of the screen.
    pub fn erase_below(&mut self, row: usize, column: usize) {
        self.edit(row, |content| content.clear_from(column));
        for below in row + 1..self.rows.len() {
            self.edit(below, |content| content.clear_from(0));
        }
    }

    /// Erases from the beginning of the screen up to and including a position.
    pub fn erase_above(&mut self, row: usize, column: usize) {
        for above in 0..row.min(self.rows.len()) {
            self.edit(above, |content| content.clear_from(0));
        }
        self.edit(row, |content| content.clear(0, column + 1));
    }

    /// Erases the screen.
    pub fn erase_screen(&mut self) {
        self.erase_below(0, 0);
    }

    /// Sets the scrolling region. If `bottom` is `None`, the region extends to the last row. Returns `false`, and
    /// changes nothing, if the region would have fewer than two rows.
    pub fn set_region(&mut self, top: usize, bottom: Option<usize>) -> bool {
        let bottom = bottom.unwrap_or(usize::MAX).min(self.height - 1);
        let is_valid = top < bottom || (top, bottom) == (0, self.height - 1);
        if is_valid {
            (self.top, self.bottom) = (top, bottom);
        }
        is_valid
    }

    /// Scrolls all rows off, so that an empty screen begins. The text that follows belongs to the line `line`, which is
    /// being drawn. The cursor's position on the screen does not change. Returns the new index of the cursor's row.
    pub fn begin_screen(&mut self, row: usize, line: i64, transcript: &mut Transcript) -> usize {
        let screen_row = self.screen_row(row);
        let reached = self.rows.iter().rposition(|row| row.is_reached).map_or(0, |last| last + 1);
        // A line that has not drawn anything moves to the new screen, so that it does not leave a blank row behind.
        let starts_here = |row: &ScreenRow| row.start == Some(line) && !row.had_text;
        let kept = reached - usize::from(reached > 0 && starts_here(&self.rows[reached - 1]));
        let owns_rows = self.rows.range(..kept).any(|row| row.start == Some(line))
            || (kept == 0 || self.rows[0].start.is_none()) && transcript.last_line() == Some(line);
        for _ in 0..kept {
            self.pop_first(transcript);
        }
        self.rows.clear();
        (self.weight, self.missing) = (0, 0);
        let start = (!owns_rows).then_some(line);
        self.rows.push_back(ScreenRow { start, is_changed: start.is_some(), ..ScreenRow::default() });
        screen_row
    }
}
