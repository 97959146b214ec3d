//! Determines which lines the panel requests from the server, and processes the responses.

use model::{LinesPage, OutputLine, SearchPage, Seq};

use super::{LineRequest, Panel, Side};
use crate::live_output::buffer::{Buffer, LineRange};
use crate::live_output::layout::PanelRow;
use crate::live_output::line::{Growth, LineKey, LiveLine};
use crate::live_output::selected::{FoundDirection, FoundRange, SelectedLines};

/// The number of lines that are loaded by one request, which fill several screens.
pub(super) const PART: i64 = 500;

impl Panel {
    /// Adds loaded lines. The rows on screen keep their positions. If the reader has scrolled to the space for these
    /// lines, the lines appear there.
    pub fn load(&mut self, part: LineRange, page: LinesPage) {
        let (top, read) = (self.scroll_top(), self.first_visible().filter(|_| !self.follows()));
        self.buffer.note_lines(part.attempt, page.total_lines);
        let lines = self.loaded(part.attempt, page.items);
        self.buffer.load(lines, if page.complete { Growth::Finished } else { Growth::Running });
        self.update_selected();
        if let Some(line) = read {
            // The line is revealed, because the loaded lines may include the title of a collapsed group that would hide
            // it.
            self.reveal(line);
        }
        // If the log has fewer lines than expected, the marked line does not exist. Seeking therefore ends once the
        // range has been loaded.
        self.loaded_at(top, |key| part.holds(key));
    }

    /// Adds lines at the beginning of a block, in their printed form (the original text, before it is redrawn). Once
    /// the beginning is complete, draws the block again.
    pub fn load_head(&mut self, part: LineRange, page: LinesPage) {
        let top = self.scroll_top();
        self.buffer.load_head(part, page.items);
        self.update_selected();
        self.keep_place(top);
    }

    /// Adds loaded lines that the filter selects.
    pub fn load_selected(&mut self, part: FoundRange, page: SearchPage) {
        let top = self.scroll_top();
        let attempt = part.key.attempt;
        let key = |number| LineKey { attempt, number };
        // A complete result covers the rest of the attempt, including unfinished lines.
        let after_all = if page.next.is_none() && page.done {
            LineKey { attempt: attempt + 1, number: 1 }
        } else {
            key(page.total_lines + 1)
        };
        let covered = match part.direction {
            FoundDirection::From if page.done => part.key..after_all,
            FoundDirection::From => part.key..page.next.map_or(after_all, key),
            FoundDirection::Before => key(page.next.unwrap_or(1))..part.key.min(key(page.total_lines + 1)),
        };
        let mut items: Vec<OutputLine> = page.items.into_iter().map(|hit| hit.line).collect();
        items.sort_unstable_by_key(|line| line.line);
        let lines = self.loaded(attempt, items);
        let when_full = self.when_full();
        if let Some(selected) = &mut self.selected {
            selected.load(lines, covered, &self.buffer, when_full);
        }
        self.lay_out();
        self.loaded_at(top, |key| key >= part.key);
    }

    /// Stops waiting for lines that the server refuses to send.
    pub fn stop_waiting(&mut self) {
        (self.seeking, self.anchor) = (false, None);
        self.buffer.give_up_head();
    }

    /// Converts lines that the server has sent, in ascending order.
    fn loaded(&self, attempt: i32, items: Vec<OutputLine>) -> Vec<LiveLine> {
        let mut lines: Vec<LiveLine> = Vec::with_capacity(items.len());
        for item in items {
            let key = LineKey { attempt, number: item.line };
            let before = lines.last().map(|line| line.first_seq);
            let seq = item.seq.or_else(|| self.buffer.gap_of(key)).or(before).unwrap_or(Seq::START);
            let step = self.buffer.step(item.stage, item.step_id.as_deref());
            lines.push(LiveLine::loaded(attempt, item, step, before.map_or(seq, |before| before.max(seq))));
        }
        lines
    }

    /// Keeps the scroll position `top` if lines were loaded into a space, and goes to the marked line if it was loaded.
    /// `was_requested` returns whether a line was part of the request.
    fn loaded_at(&mut self, top: u32, was_requested: impl Fn(LineKey) -> bool) {
        self.keep_place(top);
        if self.seeking {
            self.seek();
            self.seeking &= !self.marked_row().is_some_and(was_requested);
        }
    }

    /// Returns the line at a scroll position far from the window. Returns `None` if the position is near the window or
    /// at the end of the list.
    pub(super) fn far_line(&self, scroll_top: u32) -> Option<LineKey> {
        let (layout, scale) = (&self.layout, self.layout.scale());
        let bottom = scroll_top.saturating_add(self.height);
        let space = layout.at(scroll_top).filter(|_| bottom < layout.height())?;
        let into = scale.lines(scroll_top.saturating_sub(layout.top(space)));
        let index = match layout.rows()[space] {
            PanelRow::Earlier => {
                let left = scale.lines(layout.top(space + 1).saturating_sub(bottom));
                (left > PART).then_some(into)?
            }
            PanelRow::Later => {
                let list = self.list();
                (into > PART).then_some(self.listed_lines() - list.lines_after() + into)?
            }
            PanelRow::Line(_) | PanelRow::LifecycleEvent(_) => return None,
        };
        self.listed_line(index)
    }

    /// Returns the lines to load: those around the requested line, those next to the window, or those at the current
    /// scroll position. Returns `None` if no line is requested and no lines are missing among `rows`.
    pub(super) fn wanted(&self, mut rows: impl Iterator<Item = usize>, scroll_to: u32) -> Option<LineRequest> {
        let scale = self.layout.scale();
        // Lines that continue a collapsed group are not loaded, because they would not become visible, and visible
        // lines would be dropped in their place.
        let wanted =
            |side, row, far: Option<i64>| (far.is_some() || !self.layout.ends_collapsed_at(row)).then_some((side, far));
        let space = rows.find_map(|index| match self.layout.rows()[index] {
            PanelRow::Earlier => {
                let unseen = scale.lines(self.layout.top(index + 1).saturating_sub(scroll_to + self.height));
                let line = scale.lines(scroll_to.saturating_sub(self.layout.top(index)));
                wanted(Side::Earlier, PanelRow::Earlier, (unseen > PART).then_some(line))
            }
            PanelRow::Later => {
                let into = scale.lines(scroll_to.saturating_sub(self.layout.top(index)));
                wanted(Side::Later, PanelRow::Later, (into > PART).then_some(into))
            }
            _ => None,
        });
        let marked = self.marked_row().filter(|_| self.seeking).or(self.anchor);
        self.wanted_head().or_else(|| match &self.selected {
            Some(selected) => wanted_selected(selected, marked.filter(|key| selected.is_searched(*key)), space)
                .map(LineRequest::Selected),
            None => wanted_lines(&self.buffer, marked, space).map(LineRequest::Lines),
        })
    }

    /// Returns a request for missing lines at the beginning of a block (a range of lines that is drawn separately, see
    /// [`model::ansi::BlockScreen`]), or `None` if no such lines are needed. If the output in a block moves the cursor,
    /// the block can be drawn only from its beginning.
    pub fn wanted_head(&self) -> Option<LineRequest> {
        self.buffer.missing_head().map(LineRequest::Head)
    }
}

/// Returns the range of lines to load: the lines around the marked line, or the lines for a space that is in view. If
/// the scroll position is far from the window, `space` contains the number of lines between the beginning of the space
/// and the scroll position. Returns `None` if there is nothing to load.
pub(super) fn wanted_lines(
    buffer: &Buffer,
    marked: Option<LineKey>,
    space: Option<(Side, Option<i64>)>,
) -> Option<LineRange> {
    if let Some(key) = marked {
        return Some(around(key));
    }
    match space? {
        (Side::Earlier, None) => buffer.part_before(PART),
        (Side::Earlier, Some(line)) => buffer.totals().key(line).map(around),
        (Side::Later, None) => buffer.part_after(PART),
        (Side::Later, Some(into)) => {
            let last = buffer.lines().back().map_or(0, |line| buffer.totals().index(line.key));
            buffer.totals().key(last + 1 + into).map(around)
        }
    }
}

/// Returns the selected lines to load, as [`wanted_lines`] does for all lines, or `None` if there is nothing to load.
pub(super) fn wanted_selected(
    selected: &SelectedLines,
    marked: Option<LineKey>,
    space: Option<(Side, Option<i64>)>,
) -> Option<FoundRange> {
    if let Some(key) = marked {
        return Some(FoundRange { direction: FoundDirection::From, key, count: PART });
    }
    match space? {
        (Side::Earlier, None) => selected.part_before(PART),
        (Side::Earlier, Some(line)) => selected.part_at(line, PART),
        (Side::Later, None) => selected.part_after(PART),
        (Side::Later, Some(into)) => selected.part_at(selected.lines_to_end_of_window() + into, PART),
    }
}

/// Returns a range of [`PART`] lines with the given line in the middle, unless the line is too close to the start.
pub(super) fn around(key: LineKey) -> LineRange {
    LineRange { attempt: key.attempt, first: (key.number - PART / 2).max(1), count: PART }
}
