//! The contents of the panel at one moment, which [`crate::live_output::screen`] draws.

use model::{Event, Payload, StreamName};

use crate::live_output::buffer::LineRange;
use crate::live_output::display::LineTime;
use crate::live_output::filter::Counts;
use crate::live_output::groups::{Collapsed, GroupKey, GroupState};
use crate::live_output::layout::RowKey;
use crate::live_output::line::{LineKey, LiveLine};
use crate::live_output::selected::FoundRange;

/// A row to draw.
#[derive(Clone, Debug, PartialEq)]
pub enum RowView {
    /// A line of output.
    Line {
        /// The line to draw.
        line: LiveLine,
        /// The time to show before the line.
        time: LineTime,
        /// Whether the line is marked.
        marked: bool,
        /// Whether the list contains only lines that the filter selects, so that the lines around this one may be
        /// hidden.
        is_selected: bool,
        /// Whether the reader has moved to the line by a key.
        is_current: bool,
        /// The stream that the line belongs to, if the line before it belongs to the other stream.
        stream: Option<StreamName>,
        /// The group whose title is this line, or `None` if the line is not a title.
        group: Option<GroupState>,
        /// The matches of the current search, in code points of the visible text.
        matches: Vec<(u32, u32)>,
    },
    /// A lifecycle event, or a gap (an event in place of output that was not sent live).
    LifecycleEvent {
        /// The event.
        event: Event,
        /// Whether the step that the event starts is collapsed, or `None` if the row is not the title of a step.
        collapsed: Option<Collapsed>,
    },
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
    /// Whether loading is disabled, because the lines continue a collapsed group.
    pub is_blocked: bool,
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
    /// If the row is the title of a group, returns the group and whether it is collapsed. Otherwise returns `None`.
    #[must_use]
    pub fn group(&self) -> Option<(GroupKey, Collapsed)> {
        match self {
            Self::Line { line, group, .. } => group.map(|group| (GroupKey::Lines(line.key), group.collapsed)),
            Self::LifecycleEvent { event, collapsed } => match &event.payload {
                Payload::Step(step) => {
                    collapsed.map(|collapsed| (GroupKey::Step(step.attempt, step.step()), collapsed))
                }
                _ => None,
            },
            Self::Space(_) => None,
        }
    }

    /// If the row is the title of a group of lines, returns the state of the group. Otherwise returns `None`.
    #[must_use]
    pub const fn group_of_lines(&self) -> Option<GroupState> {
        match self {
            Self::Line { group, .. } => *group,
            Self::LifecycleEvent { .. } | Self::Space(_) => None,
        }
    }

    /// Returns the row's identifier and revision. A row is redrawn only if its identifier or its revision has changed.
    /// The state of a group is not part of the revision. It is updated in place, so that a click is not lost while the
    /// group grows.
    #[must_use]
    pub fn key(&self) -> (RowKey, RowRevision) {
        match self {
            Self::Line { line, time, marked, is_selected, is_current, stream, group, matches } => {
                let flags = [*marked, *is_selected, *is_current, stream.is_some()];
                let number = flags.iter().fold(line.revision, |number, flag| number.wrapping_mul(2) + u32::from(*flag));
                let matches = matches.clone();
                let is_title = group.is_some();
                (RowKey::Line(line.key), RowRevision { number, time: Some(*time), is_title, matches })
            }
            Self::LifecycleEvent { event, collapsed } => {
                let is_title = collapsed.is_some();
                (RowKey::LifecycleEvent(event.seq), RowRevision { is_title, ..RowRevision::default() })
            }
            Self::Space(Space { side, height, is_blocked, .. }) => {
                let key = if *side == Side::Earlier { RowKey::Earlier } else { RowKey::Later };
                let number = height.wrapping_mul(2) + u32::from(*is_blocked);
                (key, RowRevision { number, ..RowRevision::default() })
            }
        }
    }
}

/// The properties of a row that can change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RowRevision {
    number: u32,
    time: Option<LineTime>,
    is_title: bool,
    matches: Vec<(u32, u32)>,
}

/// A request for lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineRequest {
    /// All lines of a range, as they were printed.
    Head(LineRange),
    /// All lines of a range.
    Lines(LineRange),
    /// The lines that the filter selects.
    Selected(FoundRange),
}

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
    /// The width of the widest line in columns, or `None` if long lines are wrapped.
    pub width: Option<u32>,
    /// The number of rows that match each filter.
    pub counts: Counts,
    /// The number of rows that have arrived since following was paused.
    pub unseen: i64,
    /// The lines to load next, or `None` if no lines are missing in or near the visible part of the list.
    pub wanted: Option<LineRequest>,
    /// The first drawn line whose matches for the current search are unknown, or `None` if all are known.
    pub unmarked: Option<LineKey>,
}
