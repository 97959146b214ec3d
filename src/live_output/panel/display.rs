//! Applies the display settings: the times of lines, and the wrapping of long lines.

use super::{Panel, ScrollPlace};
use crate::live_output::display::{Display, LineTime, LineTimes, LongLines};
use crate::live_output::line::LiveLine;

impl Panel {
    /// Changes how lines are displayed. The row at the top of the panel stays there.
    pub fn set_display(&mut self, display: Display) {
        self.display = display;
        self.lay_out();
        let ScrollPlace::Row { key, below } = self.place else { return };
        if let Some(index) = self.layout.find(key, self.list()) {
            // The row may have become shorter than the part of it that was above the panel's top edge.
            let height = self.layout.top(index + 1) - self.layout.top(index);
            self.place = ScrollPlace::Row { key, below: below.min(height - 1) };
        }
    }

    /// Returns the time to show before a line.
    pub(super) fn time_of(&self, line: &LiveLine) -> LineTime {
        let (totals, attempt) = (self.buffer.totals(), line.key.attempt);
        match self.display.times {
            LineTimes::Automatic | LineTimes::SinceAttempt => {
                LineTime::Since(totals.millis_since_attempt(attempt, line.time))
            }
            LineTimes::SinceStep => LineTime::Since(totals.millis_since_step(attempt, line.step, line.time)),
            LineTimes::Local => LineTime::Local(line.time),
            LineTimes::Utc => LineTime::Utc(line.time),
            LineTimes::Hidden => LineTime::Hidden,
        }
    }

    /// Returns the number of columns after which lines are wrapped.
    pub(super) const fn text_columns(&self) -> u32 {
        match self.display.long_lines {
            LongLines::Wrapped => self.columns,
            LongLines::OneRow => u32::MAX,
        }
    }
}
