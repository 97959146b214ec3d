//! The vertical position of each row of the list.
//!
//! This module is pure. Rows use a monospaced font and wrap at the panel's edge as in a terminal. The height of a row
//! can therefore be computed from the width of its text in columns, so that 50,000 rows can be laid out without the
//! browser. Lines outside the window also take up space, so that the scrollbar represents the whole log.

use std::collections::HashMap;
use std::ops::Range;

use model::Seq;

use super::filter::{OutputFilter, RowFilter};
use super::groups::{GroupState, Groups, Outline, Shown, StepTitles};
use super::line::LineKey;
use super::listed::Listed;

/// The height of one row of text in CSS pixels. It equals `--row` in `_tokens.scss`.
pub const ROW_HEIGHT: u32 = 20;
/// The height of a lifecycle event in CSS pixels, which is also the minimum height of the space for lines outside the
/// window. It equals `--lifecycle-height` in `_tokens.scss`.
pub const LIFECYCLE_HEIGHT: u32 = 28;
/// The maximum combined height of the lines that are not in the buffer's window, in CSS pixels. Browsers limit an
/// element's height to about 17 million pixels.
const MAX_SPACE: i64 = 8_000_000;

/// One row of the list. The number is the row's index among the lines or among the lifecycle events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelRow {
    /// A line of output.
    Line(usize),
    /// A lifecycle event, or a gap (an event in place of output that was not sent live).
    LifecycleEvent(usize),
    /// The space for lines before the window.
    Earlier,
    /// The space for lines after the window.
    Later,
}

/// A stable identifier of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// A line of output.
    Line(LineKey),
    /// A lifecycle event or a gap.
    LifecycleEvent(Seq),
    /// The space for lines before the window.
    Earlier,
    /// The space for lines after the window.
    Later,
}

/// The rows that a filter shows, with their positions.
#[derive(Clone, Debug)]
pub struct Layout {
    rows: Vec<PanelRow>,
    /// The top positions of all rows, followed by the bottom position of the last row, in CSS pixels.
    tops: Vec<u32>,
    scale: Scale,
    width: u32,
    /// The groups, keyed by the index of their titles among the lines.
    groups: HashMap<usize, GroupState>,
    /// Whether the first and the last line are in collapsed groups.
    is_edge_collapsed: [bool; 2],
}

/// The scale of the space that represents the lines outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Each line takes up the height of one row of text.
    Full,
    /// Each line takes up less than one row, because the total height would otherwise exceed [`MAX_SPACE`]. The given
    /// number of lines takes up exactly [`MAX_SPACE`].
    Reduced(i64),
}

impl Scale {
    /// Returns the scale at which the space for this many lines does not exceed [`MAX_SPACE`].
    #[must_use]
    pub const fn of(lines: i64) -> Self {
        if lines * ROW_HEIGHT as i64 > MAX_SPACE { Self::Reduced(lines) } else { Self::Full }
    }

    /// Returns the height of a number of lines, in CSS pixels.
    #[must_use]
    pub fn height(self, lines: i64) -> u32 {
        let height = match self {
            Self::Full => lines * i64::from(ROW_HEIGHT),
            Self::Reduced(all) => lines * MAX_SPACE / all,
        };
        u32::try_from(height).unwrap_or(0).max(LIFECYCLE_HEIGHT)
    }

    /// Returns the number of lines that fit into the given height in CSS pixels.
    #[must_use]
    pub fn lines(self, height: u32) -> i64 {
        match self {
            Self::Full => i64::from(height / ROW_HEIGHT),
            Self::Reduced(all) => i64::from(height) * all / MAX_SPACE,
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            tops: vec![0],
            scale: Scale::Full,
            width: 0,
            groups: HashMap::new(),
            is_edge_collapsed: [false; 2],
        }
    }
}

impl Layout {
    /// Computes the layout of the rows that match the filter, for a panel that is `columns` wide. If `groups` is
    /// `None`, the lines are not grouped.
    #[must_use]
    pub fn new(list: Listed<'_>, filter: RowFilter, columns: u32, groups: Option<&Groups>) -> Self {
        let scale = Scale::of(list.lines_before() + list.lines_after());
        let mut layout = Self { scale, ..Self::default() };
        let mut lifecycle_events = list.lifecycle_events().iter().enumerate().peekable();
        let mut lifecycle_events_before = |layout: &mut Self, end: Option<Seq>| {
            while let Some((at, event)) = lifecycle_events.next_if(|(_, event)| end.is_none_or(|end| event.seq < end)) {
                if filter.takes_event(event, list.lifecycle_events()) {
                    layout.push(PanelRow::LifecycleEvent(at), LIFECYCLE_HEIGHT);
                }
            }
        };
        if filter.kind != OutputFilter::Stages {
            let lines = list.lines();
            let steps = if filter.kind == OutputFilter::All { StepTitles::Shown } else { StepTitles::Hidden };
            let mut outline = groups.map(|groups| Outline::new(groups, lines, steps));
            if list.has_earlier() {
                lifecycle_events_before(&mut layout, list.first_seq());
                layout.push(PanelRow::Earlier, scale.height(list.lines_before()));
            }
            for (at, line) in lines.iter().enumerate() {
                if at == list.first_new() && list.lines_after() > 0 {
                    layout.push(PanelRow::Later, scale.height(list.lines_after()));
                }
                lifecycle_events_before(&mut layout, Some(line.first_seq));
                let shown = outline.as_mut().map_or(Shown::Output, |outline| outline.enter(at));
                if at == 0 {
                    layout.is_edge_collapsed[0] = shown == Shown::Collapsed;
                }
                layout.is_edge_collapsed[1] = shown == Shown::Collapsed;
                match shown {
                    Shown::Output if line.has_rows() => {
                        layout.push(PanelRow::Line(at), line.rows(columns) * ROW_HEIGHT);
                        layout.width = layout.width.max(line.cells);
                    }
                    Shown::Title => layout.push(PanelRow::Line(at), ROW_HEIGHT),
                    Shown::Output | Shown::Collapsed | Shown::GroupEnd => {}
                }
            }
            layout.groups = outline.map_or_else(HashMap::new, Outline::end);
            if list.first_new() == lines.len() && list.lines_after() > 0 {
                lifecycle_events_before(&mut layout, lines.back().map(|line| line.first_seq.plus(1)));
                layout.push(PanelRow::Later, scale.height(list.lines_after()));
            }
        }
        lifecycle_events_before(&mut layout, None);
        layout
    }

    /// Returns the scale of the space that represents the lines outside the window.
    #[must_use]
    pub const fn scale(&self) -> Scale {
        self.scale
    }

    fn push(&mut self, row: PanelRow, height: u32) {
        let bottom = self.height().saturating_add(height);
        self.rows.push(row);
        self.tops.push(bottom);
    }

    /// Returns the group whose title is the line at an index, or `None` if the line is not a title.
    #[must_use]
    pub fn group(&self, line: usize) -> Option<GroupState> {
        self.groups.get(&line).copied()
    }

    /// Returns whether the window begins in a collapsed group (for [`PanelRow::Earlier`]), or ends in one (for
    /// [`PanelRow::Later`]).
    #[must_use]
    pub const fn ends_collapsed_at(&self, space: PanelRow) -> bool {
        match space {
            PanelRow::Earlier => self.is_edge_collapsed[0],
            PanelRow::Later => self.is_edge_collapsed[1],
            PanelRow::Line(_) | PanelRow::LifecycleEvent(_) => false,
        }
    }

    /// Returns the rows that match the filter.
    #[must_use]
    pub fn rows(&self) -> &[PanelRow] {
        &self.rows
    }

    /// Returns the total height of all rows, in CSS pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.tops.last().copied().unwrap_or(0)
    }

    /// Returns the position of the top of a row, in CSS pixels. For an index past the last row, returns the position of
    /// the bottom of the last row.
    #[must_use]
    pub fn top(&self, index: usize) -> u32 {
        self.tops.get(index).copied().unwrap_or_else(|| self.height())
    }

    /// Returns the width of the widest line, in columns.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Returns the index of the row at a vertical position, or of the last row for a position past the end. Returns
    /// `None` if there are no rows.
    #[must_use]
    pub fn at(&self, y: u32) -> Option<usize> {
        let last = self.rows.len().checked_sub(1)?;
        Some(self.tops.partition_point(|&top| top <= y).saturating_sub(1).min(last))
    }

    /// Returns the indexes of the rows that overlap the vertical range between `from` and `to`.
    #[must_use]
    pub fn between(&self, from: u32, to: u32) -> Range<usize> {
        match (self.at(from), self.at(to)) {
            (Some(first), Some(last)) => first..last + 1,
            _ => 0..0,
        }
    }

    /// Returns the identifier of the row at an index, or `None` if there is no such row.
    #[must_use]
    pub fn key(&self, index: usize, list: Listed<'_>) -> Option<RowKey> {
        Some(match *self.rows.get(index)? {
            PanelRow::Line(at) => RowKey::Line(list.lines().get(at)?.key),
            PanelRow::LifecycleEvent(at) => RowKey::LifecycleEvent(list.lifecycle_events().get(at)?.seq),
            PanelRow::Earlier => RowKey::Earlier,
            PanelRow::Later => RowKey::Later,
        })
    }

    /// Returns the index of a row. If the row is no longer shown, returns the index of the next row after its position,
    /// or `None` if there is no next row.
    #[must_use]
    pub fn find(&self, key: RowKey, list: Listed<'_>) -> Option<usize> {
        let first_seq = match key {
            RowKey::Line(key) => list.line(key).map(|line| line.first_seq),
            RowKey::LifecycleEvent(seq) => Some(seq),
            RowKey::Earlier | RowKey::Later => None,
        };
        self.rows.iter().position(|&row| match (key, row) {
            (RowKey::Line(key), PanelRow::Line(at)) => list.lines().get(at).is_some_and(|line| line.key >= key),
            (RowKey::LifecycleEvent(_), PanelRow::Line(at)) => {
                list.lines().get(at).zip(first_seq).is_some_and(|(line, seq)| line.first_seq > seq)
            }
            (RowKey::LifecycleEvent(seq), PanelRow::LifecycleEvent(at)) => {
                list.lifecycle_events().get(at).is_some_and(|event| event.seq >= seq)
            }
            (RowKey::Line(_), PanelRow::LifecycleEvent(at)) => {
                list.lifecycle_events().get(at).zip(first_seq).is_some_and(|(event, seq)| event.seq > seq)
            }
            (RowKey::Earlier, PanelRow::Earlier) | (RowKey::Later, PanelRow::Later) => true,
            _ => false,
        })
    }
}
