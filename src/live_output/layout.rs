//! The vertical position of each row of the list.
//!
//! This module is pure. Rows use a monospaced font and wrap at the panel's edge as in a terminal. The height of a row
//! can therefore be computed from the width of its text in columns, so that 50,000 rows can be laid out without the
//! browser. Lines outside the window also take up space, so that the scrollbar represents the whole log.

use std::ops::Range;

use model::Seq;

use super::buffer::Buffer;
use super::filter::OutputFilter;
use super::line::LineKey;

/// The height of one row of text in CSS pixels. It equals `--row` in `_live.scss`.
pub const ROW_HEIGHT: u32 = 20;
/// The height of a lifecycle event in CSS pixels, which is also the minimum height of the space for lines outside the
/// window. It equals `--lifecycle-height` in `_live.scss`.
pub const LIFECYCLE_HEIGHT: u32 = 28;
/// The maximum combined height of the lines that are not in the buffer's window, in CSS pixels. Browsers limit an
/// element's height to about 17 million pixels.
const MAX_SPACE: i64 = 8_000_000;

/// One row of the list, with its index in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelRow {
    /// A line of output.
    Line(usize),
    /// A lifecycle event or a gap.
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
    /// The positions of the tops of all rows, followed by the position of the bottom of the last row, in CSS pixels.
    tops: Vec<u32>,
    scale: Scale,
}

/// The amount of space for lines outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Each line takes up the height of one row of text.
    Full,
    /// Each line takes up less, because the total would exceed [`MAX_SPACE`]. The given number of lines share that
    /// height.
    Reduced(i64),
    /// Only the minimum height, because the number of lines that match the filter is unknown.
    Unknown,
}

impl Scale {
    fn of(lines: i64, filter: OutputFilter) -> Self {
        match filter {
            OutputFilter::Warnings => Self::Unknown,
            _ if lines * i64::from(ROW_HEIGHT) > MAX_SPACE => Self::Reduced(lines),
            _ => Self::Full,
        }
    }

    /// Returns the height of a number of lines, in CSS pixels.
    #[must_use]
    pub fn height(self, lines: i64) -> u32 {
        let height = match self {
            Self::Full => lines * i64::from(ROW_HEIGHT),
            Self::Reduced(all) => lines * MAX_SPACE / all,
            Self::Unknown => 0,
        };
        u32::try_from(height).unwrap_or(0).max(LIFECYCLE_HEIGHT)
    }

    /// Returns the number of lines that fit into the given height in CSS pixels.
    #[must_use]
    pub fn lines(self, height: u32) -> i64 {
        match self {
            Self::Full => i64::from(height / ROW_HEIGHT),
            Self::Reduced(all) => i64::from(height) * all / MAX_SPACE,
            Self::Unknown => 0,
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self { rows: Vec::new(), tops: vec![0], scale: Scale::Full }
    }
}

impl Layout {
    /// Computes the layout of the rows that match the filter, for a panel width in columns.
    #[must_use]
    pub fn new(buffer: &Buffer, filter: OutputFilter, columns: u32) -> Self {
        let scale = Scale::of(buffer.lines_before() + buffer.lines_after(), filter);
        let mut layout = Self { scale, ..Self::default() };
        let mut lifecycle_events = buffer.lifecycle_events().iter().enumerate().peekable();
        let mut lifecycle_events_before = |layout: &mut Self, end: Option<Seq>| {
            while let Some((at, event)) = lifecycle_events.next_if(|(_, event)| end.is_none_or(|end| event.seq < end)) {
                if filter.takes_event(event) {
                    layout.push(PanelRow::LifecycleEvent(at), LIFECYCLE_HEIGHT);
                }
            }
        };
        if filter != OutputFilter::Stages {
            if buffer.has_earlier() {
                // A gap that ends at the beginning of the window is shown below the space for the lines that it
                // replaces.
                let front = buffer.lines().front();
                let gap = front.and_then(|line| buffer.gap_of(LineKey { number: line.key.number - 1, ..line.key }));
                lifecycle_events_before(&mut layout, gap.or(front.map(|line| line.first_seq)));
                layout.push(PanelRow::Earlier, scale.height(buffer.lines_before()));
            }
            for (at, line) in buffer.lines().iter().enumerate() {
                lifecycle_events_before(&mut layout, Some(line.first_seq));
                if filter.takes_line(line) {
                    layout.push(PanelRow::Line(at), line.rows(columns) * ROW_HEIGHT);
                }
            }
            if buffer.lines_after() > 0 {
                lifecycle_events_before(&mut layout, buffer.lines().back().map(|line| line.first_seq.plus(1)));
                layout.push(PanelRow::Later, scale.height(buffer.lines_after()));
            }
        }
        lifecycle_events_before(&mut layout, None);
        layout
    }

    /// Returns the amount of space for lines outside the window.
    #[must_use]
    pub const fn scale(&self) -> Scale {
        self.scale
    }

    fn push(&mut self, row: PanelRow, height: u32) {
        let bottom = self.height().saturating_add(height);
        self.rows.push(row);
        self.tops.push(bottom);
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
    pub fn key(&self, index: usize, buffer: &Buffer) -> Option<RowKey> {
        Some(match *self.rows.get(index)? {
            PanelRow::Line(at) => RowKey::Line(buffer.lines().get(at)?.key),
            PanelRow::LifecycleEvent(at) => RowKey::LifecycleEvent(buffer.lifecycle_events().get(at)?.seq),
            PanelRow::Earlier => RowKey::Earlier,
            PanelRow::Later => RowKey::Later,
        })
    }

    /// Returns the index of a row. If the row is no longer shown, returns the index of the next row after its position.
    #[must_use]
    pub fn find(&self, key: RowKey, buffer: &Buffer) -> Option<usize> {
        let first_seq = match key {
            RowKey::Line(key) => buffer.line(key).map(|line| line.first_seq),
            RowKey::LifecycleEvent(seq) => Some(seq),
            RowKey::Earlier | RowKey::Later => None,
        };
        self.rows.iter().position(|&row| match (key, row) {
            (RowKey::Line(key), PanelRow::Line(at)) => buffer.lines().get(at).is_some_and(|line| line.key >= key),
            (RowKey::LifecycleEvent(_), PanelRow::Line(at)) => {
                buffer.lines().get(at).zip(first_seq).is_some_and(|(line, seq)| line.first_seq > seq)
            }
            (RowKey::LifecycleEvent(seq), PanelRow::LifecycleEvent(at)) => {
                buffer.lifecycle_events().get(at).is_some_and(|event| event.seq >= seq)
            }
            (RowKey::Line(_), PanelRow::LifecycleEvent(at)) => {
                buffer.lifecycle_events().get(at).zip(first_seq).is_some_and(|(event, seq)| event.seq > seq)
            }
            (RowKey::Earlier, PanelRow::Earlier) | (RowKey::Later, PanelRow::Later) => true,
            _ => false,
        })
    }
}
