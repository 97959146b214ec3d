//! Computes the contents of the list that shows several logs merged by time: its rows and the scroll position.
//!
//! This module is pure. It uses the rows, the heights and the window of each log's panel. [`screen`] loads missing
//! lines, draws the result, and scrolls the panels to the same position.

mod list;
pub mod screen;
pub mod view;

use std::ops::Range;

use model::Timestamp;

use super::layout::{ROW_HEIGHT, RowKey};
use super::line::LineKey;
use super::panel::{LineRequest, Panel, RowView, Side};
pub use list::{MergedList, MergedRow};

/// The distance beyond the panel's edges within which rows are drawn, in CSS pixels.
const OVERSCAN: u32 = 800;
/// The distance beyond the panel's edges within which lines are loaded, in CSS pixels.
const AHEAD: u32 = 4_000;
/// The distance from the loaded lines, in CSS pixels, beyond which a scroll position is considered far. The lines
/// around a far position are loaded without the lines in between.
const FAR: u32 = 500 * ROW_HEIGHT;

/// If a line has not been loaded after this many requests for each log, the line is considered missing.
const MAX_LOADS: usize = 2;

/// The scroll position of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MergedPlace {
    /// The list stays at its end when rows are added.
    End,
    /// The top edge of the panel is in the space for lines that are not loaded.
    InSpace(u32),
    /// The top edge of the panel stays `below` pixels below the top of a row. A negative number means above.
    Row { log: usize, key: RowKey, time: Timestamp, below: i64 },
}

/// The lines that the reader wants to see, which may have to be loaded first.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Goal {
    /// A line of a log. All logs have to load their lines around the time of this line. The logs in `asked` have loaded
    /// them, and the logs in `asking` are loading them.
    Line { log: usize, key: LineKey, asked: Vec<usize>, asking: Vec<usize> },
    /// The first lines of all logs.
    Start,
}

/// A request for lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergedWanted {
    /// Lines of a log.
    Lines(usize, LineRequest),
    /// The lines of a log around a point in time.
    AtTime(usize, Timestamp),
}

/// The contents of the list at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedFrame {
    /// The rows to draw, each with the index of its log. Spaces belong to the first log.
    pub rows: Vec<(usize, RowView)>,
    /// The height of the space above the rows, in CSS pixels.
    pub above: u32,
    /// The height of the space below the rows, in CSS pixels.
    pub below: u32,
    /// The scroll position to set, in CSS pixels.
    pub scroll_to: u32,
    /// The width of the widest line in columns, or `None` if long lines are wrapped.
    pub width: Option<u32>,
    /// The lines to load next.
    pub wanted: Vec<MergedWanted>,
    /// For each log, the first drawn line whose matches for the current search are unknown, or `None` if all are known.
    pub unmarked: Vec<Option<LineKey>>,
}

/// The state from which the list is computed.
#[derive(Clone, Debug)]
pub struct MergedPanel {
    list: MergedList,
    place: MergedPlace,
    goal: Option<Goal>,
    /// The number of times that lines have been requested for the goal.
    loads: usize,
    /// If set, a scroll position that is far from the loaded lines, and at which no lines could be loaded.
    given_up: Option<u32>,
    height: u32,
}

impl MergedPanel {
    /// Creates a list that follows the end of the logs.
    #[must_use]
    pub fn new() -> Self {
        Self { list: MergedList::default(), place: MergedPlace::End, goal: None, loads: 0, given_up: None, height: 0 }
    }

    /// Returns whether the list follows the end of the logs.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.place == MergedPlace::End
    }

    /// Returns whether a line that the reader wants to see is still being loaded.
    #[must_use]
    pub const fn seeks(&self) -> bool {
        self.goal.is_some()
    }

    /// Sets the height of the visible part of the list, in CSS pixels.
    pub fn resize(&mut self, height: u32) {
        self.height = height;
    }

    /// Recomputes the list after the logs have changed.
    pub fn update(&mut self, panels: &[&Panel]) {
        let top = self.scroll_top();
        self.list = MergedList::of(panels);
        if let MergedPlace::InSpace(_) = self.place {
            // The position is determined again, because lines may have been loaded into the space.
            self.hold(top);
        }
        self.advance(panels);
    }

    /// Follows the end of the logs.
    pub fn follow(&mut self) {
        (self.place, self.goal) = (MergedPlace::End, None);
    }

    /// Stops following, without changing the scroll position.
    pub fn pause(&mut self) {
        if self.follows() {
            self.hold(self.scroll_top());
        }
    }

    /// Handles scrolling to a new position.
    pub fn scrolled(&mut self, scroll_top: u32) {
        if !self.follows() && scroll_top != self.scroll_top() {
            self.goal = None;
            self.hold(scroll_top);
        }
    }

    /// Handles scrolling away from the end: stops following at the new position.
    pub fn leave_end(&mut self, scroll_top: u32) {
        self.pause();
        self.scrolled(scroll_top);
    }

    /// Scrolls to a line of a log, which is loaded first if necessary.
    pub fn go_to(&mut self, panels: &[&Panel], log: usize, key: LineKey) {
        (self.goal, self.loads) = (Some(Goal::Line { log, key, asked: vec![log], asking: Vec::new() }), 0);
        self.advance(panels);
    }

    /// Scrolls to the first line of all logs, which is loaded first if necessary.
    pub fn go_to_start(&mut self, panels: &[&Panel]) {
        (self.goal, self.loads) = (Some(Goal::Start), 0);
        self.place = MergedPlace::InSpace(0);
        self.advance(panels);
    }

    /// Returns the row to which a panel's own list has to scroll to show the same position: the log's first row that is
    /// not above the visible part. Returns `None` if the list follows the end, or if the log has no such row.
    #[must_use]
    pub fn place_in(&self, log: usize) -> Option<RowKey> {
        if self.follows() {
            return None;
        }
        let first = self.list.at(self.scroll_top())?;
        self.list.rows()[first..].iter().find(|row| row.log == log).map(|row| row.key)
    }

    /// Computes the current frame.
    #[must_use]
    pub fn frame(&self, panels: &[&Panel]) -> MergedFrame {
        let scroll_to = self.scroll_top();
        let rows = self.between(scroll_to.saturating_sub(OVERSCAN), scroll_to + self.height + OVERSCAN);
        let (mut above, mut below) = (self.list.top(rows.start), self.list.height() - self.list.top(rows.end));
        let mut views = Vec::with_capacity(rows.len() + 2);
        if let Some(space) = self.list.space(Side::Earlier).filter(|_| rows.start == 0) {
            above -= space.height;
            views.push((0, RowView::Space(space)));
        }
        for row in &self.list.rows()[rows.clone()] {
            views.push((row.log, panels[row.log].view_of(row.row)));
        }
        if let Some(space) = self.list.space(Side::Later).filter(|_| rows.end == self.list.rows().len()) {
            below -= space.height;
            views.push((0, RowView::Space(space)));
        }
        let of_log = |log: usize| views.iter().filter(move |(of, _)| *of == log).map(|(_, view)| view);
        let width = panels.iter().filter_map(|panel| panel.unwrapped_width()).max();
        let unmarked = panels.iter().enumerate().map(|(log, panel)| panel.unmarked(of_log(log))).collect();
        MergedFrame { rows: views, above, below, scroll_to, width, wanted: self.wanted(panels, scroll_to), unmarked }
    }

    fn between(&self, from: u32, to: u32) -> Range<usize> {
        match (self.list.at(from), self.list.at(to)) {
            (Some(first), Some(last)) => first..last + 1,
            _ => 0..0,
        }
    }

    fn scroll_top(&self) -> u32 {
        let end = self.list.height().saturating_sub(self.height);
        match self.place {
            MergedPlace::End => end,
            MergedPlace::InSpace(top) => top.min(end),
            MergedPlace::Row { log, key, time, below } => {
                let top = self.list.top(self.list.find(log, key, time));
                u32::try_from(i64::from(top) + below).unwrap_or(0).min(end)
            }
        }
    }

    fn hold(&mut self, scroll_top: u32) {
        let rows = self.list.top(0)..self.list.top(self.list.rows().len());
        let index = self.list.at(scroll_top).filter(|_| rows.contains(&scroll_top));
        let row = index.map(|index| {
            let row = self.list.rows()[index];
            let below = i64::from(scroll_top) - i64::from(self.list.top(index));
            MergedPlace::Row { log: row.log, key: row.key, time: row.time, below }
        });
        self.place = row.unwrap_or(MergedPlace::InSpace(scroll_top));
    }

    /// Scrolls to the goal, or to the part of it that is loaded. A line is shown one third of the panel's height below
    /// the top edge. Drops the goal once it is reached, or after too many requests.
    fn advance(&mut self, panels: &[&Panel]) {
        let is_reached = match &self.goal {
            None => return,
            Some(Goal::Line { log, key, asked, .. }) => match panels[*log].time_of_line(*key) {
                Some(time) => {
                    let below = -i64::from(self.height / 3);
                    let key = RowKey::Line(panels[*log].row_of(*key));
                    self.place = MergedPlace::Row { log: *log, key, time, below };
                    let is_settled = |log: usize| asked.contains(&log) || self.list.period(log).covers(time);
                    (0..panels.len()).all(is_settled)
                }
                None => false,
            },
            Some(Goal::Start) => {
                let is_reached = (0..panels.len()).all(|log| self.list.period(log).from.is_none());
                if is_reached {
                    self.hold(0);
                }
                is_reached
            }
        };
        if is_reached {
            self.goal = None;
        } else if self.loads > MAX_LOADS * panels.len() {
            self.goal = None;
            if let MergedPlace::InSpace(top) = self.place {
                self.given_up = Some(top);
            }
        }
    }

    /// Records that a log's lines around the time of the goal are being requested.
    pub fn begin_asking(&mut self, log: usize) {
        self.loads += 1;
        if let Some(Goal::Line { asking, .. }) = &mut self.goal {
            asking.push(log);
        }
    }

    /// Records whether the request for a log's lines around the time of the goal has succeeded.
    pub fn end_asking(&mut self, panels: &[&Panel], log: usize, has_succeeded: bool) {
        if let Some(Goal::Line { asking, asked, .. }) = &mut self.goal {
            asking.retain(|other| *other != log);
            if has_succeeded {
                asked.push(log);
            }
        }
        self.advance(panels);
    }

    /// Records that lines have been requested. If the goal has not been reached after a few requests, its line is
    /// considered missing.
    pub fn note_load(&mut self) {
        self.loads += 1;
    }

    fn wanted(&self, panels: &[&Panel], scroll_to: u32) -> Vec<MergedWanted> {
        let logs = 0..panels.len();
        let head = |log: usize| Some(MergedWanted::Lines(log, panels[log].wanted_head()?));
        if let Some(head) = logs.clone().find_map(head) {
            return vec![head];
        }
        match &self.goal {
            Some(Goal::Line { log, key, asked, asking }) => {
                let Some(time) = panels[*log].time_of_line(*key) else {
                    return vec![MergedWanted::Lines(*log, panels[*log].wanted_around(*key))];
                };
                let is_known = |log: &usize| asked.contains(log) || asking.contains(log);
                let is_missing = |log: &usize| !is_known(log) && !self.list.period(*log).covers(time);
                return logs.filter(is_missing).map(|log| MergedWanted::AtTime(log, time)).collect();
            }
            Some(Goal::Start) => {
                let first = |log: usize| {
                    let key = panels[log].listed_line(0).filter(|_| self.list.period(log).from.is_some())?;
                    Some(MergedWanted::Lines(log, panels[log].wanted_around(key)))
                };
                return logs.filter_map(first).collect();
            }
            None => {}
        }
        // While the list follows the end of the logs, lines are loaded only if the list would be shorter than its
        // visible part.
        let ahead = if self.follows() { 0 } else { AHEAD };
        let is_near = |side| match side {
            Side::Earlier => scroll_to < self.list.top(0) + ahead,
            Side::Later => scroll_to + self.height + ahead > self.list.top(self.list.rows().len()),
        };
        let next = |side| {
            let log = self.list.limiting_log(side).filter(|_| is_near(side) && !self.list.is_blocked(side))?;
            Some(MergedWanted::Lines(log, panels[log].wanted_at(side)?))
        };
        // If the windows do not overlap, the windows that end before the reader's scroll position are extended first.
        let is_later = matches!(self.place, MergedPlace::Row { time, .. } if self.list.ends_before(time));
        let sides = if is_later { [Side::Later, Side::Earlier] } else { [Side::Earlier, Side::Later] };
        sides.into_iter().filter_map(next).take(1).collect()
    }

    /// Returns the row from which the reader moves to the next match: the row of the active log's marked line if it is
    /// visible, or else the first visible line. Returns `None` if no line is visible.
    #[must_use]
    pub fn current(&self, panels: &[&Panel], active: usize) -> Option<MergedRow> {
        let top = self.scroll_top();
        let rows = &self.list.rows()[self.between(top, top + self.height)];
        let marked = panels[active].marked_row().map(RowKey::Line);
        let is_marked = |row: &&MergedRow| row.log == active && Some(row.key) == marked;
        let is_line = |row: &&MergedRow| matches!(row.key, RowKey::Line(_));
        let Some(row) = rows.iter().find(is_marked) else { return rows.iter().find(is_line).copied() };
        // The marked line may be shown in the rows of an earlier line.
        let key = panels[active].marked_line().map_or(row.key, RowKey::Line);
        Some(MergedRow { key, ..*row })
    }

    /// Returns the merged rows.
    #[must_use]
    pub const fn list(&self) -> &MergedList {
        &self.list
    }

    /// If the reader has scrolled far into the space for lines that are not loaded, returns the line to go to: the line
    /// of the longest log at the same relative position. Otherwise returns `None`.
    #[must_use]
    pub fn far_line(&self, panels: &[&Panel]) -> Option<(usize, LineKey)> {
        let MergedPlace::InSpace(top) = self.place else { return None };
        let rows = self.list.top(0)..self.list.top(self.list.rows().len());
        let is_far = top + self.height + FAR < rows.start || top > rows.end.saturating_add(FAR);
        let is_far = is_far && self.given_up != Some(top) && self.goal.is_none();
        let (log, panel) = panels.iter().enumerate().max_by_key(|(_, panel)| panel.listed_lines())?;
        let lines = panel.listed_lines();
        let index = i64::from(top) * lines / i64::from(self.list.height().max(1));
        Some((log, panel.listed_line(index.min(lines - 1))?)).filter(|_| is_far)
    }
}

#[cfg(test)]
mod tests;
