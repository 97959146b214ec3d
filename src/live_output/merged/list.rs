//! The rows of several logs, merged by time.
//!
//! For each log, a window of its lines is in memory. The merged list shows the period that all windows cover, so that
//! no line is missing within this period. Lines outside this period take up space, as in the list of a single log.

use model::Timestamp;

use crate::live_output::layout::{PanelRow, RowKey, Scale};
use crate::live_output::panel::{Panel, Side, Space};

/// A row of the merged list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedRow {
    /// The index of the log.
    pub log: usize,
    /// The index of the row among the rows of the log at the time of the merge.
    pub row: usize,
    /// The identifier of the row.
    pub key: RowKey,
    /// The time of the row. Within a log, times do not decrease.
    pub time: Timestamp,
}

/// The period that a log's window covers. A bound is `None` if the log has no lines beyond it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The time of the first line in the window.
    pub from: Option<Timestamp>,
    /// The time of the last line in the window.
    pub to: Option<Timestamp>,
}

impl Period {
    /// Returns whether the window contains all lines around a time.
    #[must_use]
    pub fn covers(self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time <= to)
    }
}

/// The merged rows with their positions.
#[derive(Clone, Debug, Default)]
pub struct MergedList {
    rows: Vec<MergedRow>,
    /// The top positions of all rows, followed by the bottom position of the last row, in CSS pixels.
    tops: Vec<u32>,
    /// The period that each log's window covers.
    periods: Vec<Period>,
    /// The numbers of lines before and after the merged rows.
    outside: [i64; 2],
    /// The logs whose windows begin in a collapsed group, and the logs whose windows end in a collapsed group.
    blocked: [Vec<usize>; 2],
    scale: Option<Scale>,
}

impl MergedList {
    /// Merges the rows of logs.
    #[must_use]
    pub fn of(panels: &[&Panel]) -> Self {
        let rows: Vec<Vec<MergedRow>> = panels.iter().enumerate().map(|(log, panel)| timed_rows(panel, log)).collect();
        let periods: Vec<Period> = panels.iter().zip(&rows).map(|(panel, rows)| period(panel, rows)).collect();
        let from = periods.iter().filter_map(|period| period.from).max();
        let to = periods.iter().filter_map(|period| period.to).min();
        let mut list = Self { periods, ..Self::default() };
        list.blocked = [PanelRow::Earlier, PanelRow::Later]
            .map(|space| (0..panels.len()).filter(|log| panels[*log].layout().ends_collapsed_at(space)).collect());
        let mut logs = Vec::with_capacity(panels.len());
        for (panel, rows) in panels.iter().zip(rows) {
            let first = rows.partition_point(|row| from.is_some_and(|from| row.time < from));
            let end = rows.partition_point(|row| to.is_none_or(|to| row.time <= to)).max(first);
            let list_of = panel.list();
            list.outside[0] += list_of.lines_before() + count(first);
            list.outside[1] += list_of.lines_after() + count(rows.len() - end);
            logs.push(rows.into_iter().take(end).skip(first).peekable());
        }
        list.scale = Some(Scale::of(list.outside[0] + list.outside[1]));
        list.tops.push(if from.is_some() { list.height_of(list.outside[0]) } else { 0 });
        loop {
            let next = logs.iter_mut().enumerate().filter_map(|(log, rows)| Some((rows.peek()?.time, log))).min();
            let Some(row) = next.and_then(|(_, log)| logs[log].next()) else { break };
            let layout = panels[row.log].layout();
            let height = layout.top(row.row + 1) - layout.top(row.row);
            list.tops.push(list.bottom().saturating_add(height));
            list.rows.push(row);
        }
        list
    }

    /// Returns the rows in order.
    #[must_use]
    pub fn rows(&self) -> &[MergedRow] {
        &self.rows
    }

    /// Returns the period that a log's window covers.
    #[must_use]
    pub fn period(&self, log: usize) -> Period {
        self.periods[log]
    }

    /// Returns the position of the top of a row, in CSS pixels. For an index past the last row, returns the position of
    /// the bottom of the last row.
    #[must_use]
    pub fn top(&self, index: usize) -> u32 {
        self.tops.get(index).copied().unwrap_or_else(|| self.bottom())
    }

    /// Returns the height of the list, including the spaces for lines that it does not contain, in CSS pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.bottom().saturating_add(self.space(Side::Later).map_or(0, |space| space.height))
    }

    /// Returns the position of the bottom of the last row, in CSS pixels.
    fn bottom(&self) -> u32 {
        self.tops.last().copied().unwrap_or(0)
    }

    /// Returns the space for lines on a side of the list, or `None` if there are no such lines.
    #[must_use]
    pub fn space(&self, side: Side) -> Option<Space> {
        let (lines, limited) = match side {
            Side::Earlier => (self.outside[0], self.periods.iter().any(|period| period.from.is_some())),
            Side::Later => (self.outside[1], self.periods.iter().any(|period| period.to.is_some())),
        };
        limited.then(|| Space { side, lines, height: self.height_of(lines), is_blocked: self.is_blocked(side) })
    }

    /// Returns whether loading is disabled on a side, because the lines there continue a collapsed group and would not
    /// be shown.
    #[must_use]
    pub fn is_blocked(&self, side: Side) -> bool {
        let blocked = &self.blocked[usize::from(side == Side::Later)];
        self.limiting_log(side).is_some_and(|log| blocked.contains(&log))
    }

    fn height_of(&self, lines: i64) -> u32 {
        self.scale.map_or(0, |scale| scale.height(lines))
    }

    /// Returns the index of the row at a vertical position, or of the nearest row. Returns `None` if there are no rows.
    #[must_use]
    pub fn at(&self, y: u32) -> Option<usize> {
        let last = self.rows.len().checked_sub(1)?;
        Some(self.tops.partition_point(|&top| top <= y).saturating_sub(1).min(last))
    }

    /// Returns the index of a row of a log. If the list does not contain the row, returns the index of the first row
    /// that is not earlier than `time`.
    #[must_use]
    pub fn find(&self, log: usize, key: RowKey, time: Timestamp) -> usize {
        let is_row = |row: &MergedRow| row.log == log && row.key == key;
        let found = self.rows.iter().position(is_row);
        found.unwrap_or_else(|| self.rows.partition_point(|row| row.time < time))
    }

    /// Returns whether the period that all windows cover ends before a time.
    #[must_use]
    pub fn ends_before(&self, time: Timestamp) -> bool {
        self.periods.iter().any(|period| period.to.is_some_and(|to| to < time))
    }

    /// Returns whether all windows contain all lines around a time.
    #[must_use]
    pub fn covers(&self, time: Timestamp) -> bool {
        self.periods.iter().all(|period| period.covers(time))
    }

    /// Returns the log whose window limits the list on a side, or `None` if no lines follow there.
    #[must_use]
    pub fn limiting_log(&self, side: Side) -> Option<usize> {
        let logs = self.periods.iter().enumerate();
        match side {
            Side::Earlier => logs.filter_map(|(log, period)| Some((period.from?, log))).max().map(|(_, log)| log),
            Side::Later => logs.filter_map(|(log, period)| Some((period.to?, log))).min().map(|(_, log)| log),
        }
    }
}

/// Returns the lines and lifecycle events of a log. If a row is earlier than the previous row, for example because the
/// clock was set back, it gets the time of the previous row.
fn timed_rows(panel: &Panel, log: usize) -> Vec<MergedRow> {
    let mut latest = Timestamp(i64::MIN);
    let rows = 0..panel.layout().rows().len();
    rows.filter_map(|row| {
        latest = latest.max(panel.time_of_row(row)?);
        Some(MergedRow { log, row, key: panel.key_of_row(row)?, time: latest })
    })
    .collect()
}

/// Returns the period that a log's window covers. `timed` contains the log's rows.
fn period(panel: &Panel, timed: &[MergedRow]) -> Period {
    let rows = panel.layout().rows();
    let later = rows.iter().position(|row| *row == PanelRow::Later);
    let last = |later: usize| timed.iter().rev().find(|row| row.row < later && matches!(row.key, RowKey::Line(_)));
    Period {
        // A window without lines covers nothing.
        from: rows.contains(&PanelRow::Earlier).then(|| panel.window_begins().unwrap_or(Timestamp(i64::MAX))),
        to: later.map(|later| last(later).map_or(Timestamp(i64::MIN), |row| row.time)),
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
