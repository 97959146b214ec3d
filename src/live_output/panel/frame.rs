//! The contents of the panel at one moment, which [`crate::live_output::screen`] draws.

use model::Event;

use crate::live_output::buffer::LineRange;
use crate::live_output::filter::Counts;
use crate::live_output::layout::RowKey;
use crate::live_output::line::{LineKey, LiveLine};

/// A row to draw.
#[derive(Clone, Debug, PartialEq)]
pub enum RowView {
    /// A line of output.
    Line {
        /// The line to draw.
        line: LiveLine,
        /// The time between the start of the attempt and the line, in milliseconds.
        offset: i64,
        /// Whether this is the marked line.
        marked: bool,
        /// The matches of the current search, in code points of the visible text.
        matches: Vec<(u32, u32)>,
    },
    /// A lifecycle event or a gap.
    LifecycleEvent(Event),
    /// The space for lines outside the window.
    Space(Space),
}

/// The space for lines outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The end of the window that the space is next to.
    pub side: Side,
    /// The number of lines, or 0 if only the beginning of the first line in the window is missing.
    pub lines: i64,
    /// The height of the space in CSS pixels.
    pub height: u32,
}

/// An end of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The end with the oldest lines.
    Earlier,
    /// The end with the newest lines.
    Later,
}

impl RowView {
    /// Returns the row's identifier and revision. A row is redrawn only if its identifier or its revision has changed.
    #[must_use]
    pub fn key(&self) -> (RowKey, RowRevision) {
        match self {
            Self::Line { line, marked, matches, .. } => {
                (RowKey::Line(line.key), (line.revision * 2 + u32::from(*marked), matches.clone()))
            }
            Self::LifecycleEvent(event) => (RowKey::LifecycleEvent(event.seq), RowRevision::default()),
            Self::Space(Space { side: Side::Earlier, height, .. }) => (RowKey::Earlier, (*height, Vec::new())),
            Self::Space(Space { side: Side::Later, height, .. }) => (RowKey::Later, (*height, Vec::new())),
        }
    }
}

/// What can change in a row: a number, and the matches in its text.
type RowRevision = (u32, Vec<(u32, u32)>);

/// The contents of the panel at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelFrame {
    /// The rows to draw.
    pub rows: Vec<RowView>,
    /// The height of the space above the rows, in CSS pixels.
    pub above: u32,
    /// The height of the space below the rows, in CSS pixels.
    pub below: u32,
    /// The scroll position to set, in CSS pixels.
    pub scroll_to: u32,
    /// The number of rows that match each filter.
    pub counts: Counts,
    /// The number of rows that have arrived since following was paused.
    pub unseen: i64,
    /// The range of lines to load next, or `None` if no lines are missing in or near the visible part of the list.
    pub wanted: Option<LineRange>,
    /// The first drawn line whose matches with the current search are unknown.
    pub unmarked: Option<LineKey>,
}
