//! Moves from line to line with the keyboard.

use model::{StreamName, ansi};

use super::Panel;
use crate::live_output::finder::FindDirection;
use crate::live_output::layout::{PanelRow, ROW_HEIGHT, RowKey};
use crate::live_output::line::LineKey;

/// The minimum distance between the current line and the panel's edges, in CSS pixels, if the list can be scrolled that
/// far. The bar for the chosen lines covers rows at the lower edge.
const MARGIN: u32 = 3 * ROW_HEIGHT;

impl Panel {
    /// Returns the line that is listed after or before `current`. If `current` is not listed, returns the first or the
    /// last visible line. Returns `None` at the ends of the list, and while the next line is not loaded.
    #[must_use]
    pub fn beside(&self, current: Option<LineKey>, direction: FindDirection) -> Option<LineKey> {
        let Some(row) = current.and_then(|key| self.listed_row(key)) else {
            return match direction {
                FindDirection::Next => self.visible().next(),
                FindDirection::Previous => self.visible().last(),
            };
        };
        let rows = self.layout.rows();
        let is_event = |row: &&PanelRow| matches!(row, PanelRow::LifecycleEvent(_));
        let next = match direction {
            FindDirection::Next => rows[row + 1..].iter().find(|row| !is_event(row)),
            FindDirection::Previous => rows[..row].iter().rev().find(|row| !is_event(row)),
        };
        match next {
            Some(PanelRow::Line(at)) => Some(self.list().lines()[*at].key),
            _ => None,
        }
    }

    /// Sets the line that the reader has moved to by a key. The list scrolls as little as possible to show the line.
    pub fn set_current(&mut self, current: Option<LineKey>) {
        self.current_line = current;
        let Some(row) = current.and_then(|key| self.listed_row(key)).filter(|_| self.scrolls()) else { return };
        let (top, bottom) = (self.layout.top(row), self.layout.top(row + 1));
        let view = self.scroll_top();
        (self.seeking, self.anchor) = (false, None);
        if top < view + MARGIN {
            self.hold(top.saturating_sub(MARGIN));
        } else if bottom + MARGIN > view + self.height {
            self.hold((bottom + MARGIN).saturating_sub(self.height));
        }
    }

    /// Returns what a screen reader says about a line: its text and, for lines of standard error, the name of the
    /// stream. Returns `None` if the line is not in memory.
    #[must_use]
    pub fn spoken(&self, key: LineKey) -> Option<String> {
        let line = self.list().line(key)?;
        let text = ansi::plain_text(line.shown_text());
        Some(match line.stream {
            StreamName::Stdout => text.into_owned(),
            StreamName::Stderr => format!("stderr: {text}"),
        })
    }

    /// Returns the index of the row that shows a line, or `None` if no row of the list shows the line.
    fn listed_row(&self, key: LineKey) -> Option<usize> {
        let row = self.row_of(key);
        let index = self.layout.find(RowKey::Line(row), self.list())?;
        let is_of_line = |at: usize| self.list().lines()[at].key == row;
        matches!(self.layout.rows()[index], PanelRow::Line(at) if is_of_line(at)).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use model::{Event, Level, Seq};

    use super::*;
    use crate::live_output::buffer::{Buffer, BufferLimits};
    use crate::live_output::permalink::MarkedLines;
    use crate::live_output::simulated::{lifecycle_event, log_event};
    use FindDirection::{Next, Previous};

    const HEIGHT: u32 = 400;

    fn panel(events: Vec<Event>) -> Panel {
        let mut panel = Panel::new(Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default()));
        panel.resize(80, HEIGHT);
        panel.append(events);
        panel
    }

    fn lines(range: std::ops::RangeInclusive<i64>) -> Vec<Event> {
        range.map(|number| log_event(Seq(number), number, &format!("line {number}\n"))).collect()
    }

    fn key(number: i64) -> LineKey {
        LineKey { attempt: 1, number }
    }

    #[test]
    fn keys_move_from_line_to_line_and_skip_lifecycle_events() {
        let panel = panel(vec![
            log_event(Seq(1), 1, "one\n"),
            lifecycle_event(Seq(2), Level::Warn),
            log_event(Seq(3), 2, "two\n"),
        ]);
        assert_eq!(panel.beside(Some(key(1)), Next), Some(key(2)));
        assert_eq!(panel.beside(Some(key(2)), Previous), Some(key(1)));
        assert_eq!(panel.beside(Some(key(2)), Next), None);
        assert_eq!(panel.beside(Some(key(1)), Previous), None);
    }

    #[test]
    fn without_a_listed_current_line_keys_begin_in_the_visible_part() {
        let panel = panel(lines(1..=100));
        for current in [None, Some(key(500))] {
            assert_eq!(panel.beside(current, Next), Some(key(81)), "{current:?}");
            assert_eq!(panel.beside(current, Previous), Some(key(100)), "{current:?}");
        }
    }

    #[test]
    fn the_list_scrolls_as_little_as_possible_to_the_current_line() {
        let mut panel = panel(lines(1..=100));
        panel.mark_lines(Some(MarkedLines::one(key(90))));
        panel.set_current(Some(key(90)));
        let end = 100 * ROW_HEIGHT - HEIGHT;
        assert_eq!((panel.follows(), panel.frame().scroll_to), (false, end), "the line is in view");
        panel.set_current(Some(key(82)));
        assert_eq!(panel.frame().scroll_to, 81 * ROW_HEIGHT - MARGIN);
        panel.set_current(Some(key(1)));
        assert_eq!(panel.frame().scroll_to, 0);
        panel.set_current(Some(key(40)));
        assert_eq!(panel.frame().scroll_to, 40 * ROW_HEIGHT + MARGIN - HEIGHT);
        panel.set_current(Some(key(100)));
        assert_eq!(panel.frame().scroll_to, end);
    }

    #[test]
    fn screen_readers_say_the_stream_of_errors() {
        let panel = panel(lines(1..=1));
        assert_eq!(panel.spoken(key(1)).as_deref(), Some("line 1"));
        assert_eq!(panel.spoken(key(2)), None);
    }
}
