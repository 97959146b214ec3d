//! Puts the rows of a list into place: the heights of the spaces above and below them, and the scroll position.
//!
//! The list of a log and the merged list of several logs both work this way. A frame is the content of a list at one
//! moment. When the rows of a frame are in the document, the list sets these heights and the scroll position, and
//! measures rows whose height cannot be computed. Heights are set through the CSSOM because the page's
//! Content-Security-Policy forbids style attributes.

use leptos::html;
use leptos::prelude::*;

use super::layout::ROW_HEIGHT;
use super::line::LineKey;
use super::panel::RowView;

/// The number of characters in [`Ruler::columns`]. A larger number makes the measured width of a character more
/// precise.
pub const RULER_COLUMNS: u32 = 100;

/// The elements that a list measures or whose height it sets.
#[derive(Clone, Copy, Default)]
pub struct ListNodes {
    /// The space above the rows.
    pub above: NodeRef<html::Div>,
    /// The rows' parent element.
    pub window: NodeRef<html::Div>,
    /// The space below the rows.
    pub below: NodeRef<html::Div>,
    /// The elements that are measured to compute how many columns fit into a row.
    pub ruler: Ruler,
}

/// Invisible elements that are measured.
#[derive(Clone, Copy, Default)]
pub struct Ruler {
    /// An element with [`RULER_COLUMNS`] characters, whose width is measured to compute the width of a character.
    pub columns: NodeRef<html::Span>,
    /// An element that is as wide as the text column of a line.
    pub line: NodeRef<html::Span>,
}

impl Ruler {
    /// Returns the number of columns that fit into a row, or `None` if the list is not displayed.
    fn columns(self) -> Option<u32> {
        let (columns, line) = (self.columns.get_untracked()?, self.line.get_untracked()?);
        let column = columns.get_bounding_client_rect().width() / f64::from(RULER_COLUMNS);
        let width = line.get_bounding_client_rect().width();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small and positive")]
        let fitting = (column > 0.0).then(|| (width / column + 0.01) as u32);
        fitting.map(|columns| columns.max(1))
    }
}

/// The positions of the rows of a frame, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The height of the space above the rows.
    pub above: u32,
    /// The height of the space below the rows.
    pub below: u32,
    /// The scroll position.
    pub scroll_to: ScrollTarget,
    /// The width of the widest line in columns, or `None` if long lines are wrapped.
    pub width: Option<u32>,
}

/// A scroll position to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrollTarget {
    /// The end of the list, because the list follows it.
    End,
    /// A position in CSS pixels.
    Top(u32),
}

impl ScrollTarget {
    /// Returns [`Self::End`] if the list follows its end, or else the given position.
    pub const fn new(follows: bool, top: u32) -> Self {
        if follows { Self::End } else { Self::Top(top) }
    }
}

/// The difference between scroll positions, in CSS pixels, that rounding can cause.
const ROUNDING: u32 = 2;

/// Returns whether the reader has scrolled away from the end of a list that follows it. `placed` is the scroll position
/// that was set, `top` is the current scroll position, and `below` is the distance from the visible part to the end,
/// all in CSS pixels. Browsers also change the scroll position if the list becomes shorter or the panel becomes higher.
/// In these cases, the end stays in view.
const fn has_left_end(placed: u32, top: u32, below: u32) -> bool {
    top + ROUNDING < placed && below > ROUNDING
}

/// Returns the distance from the visible part of a list to its end, in CSS pixels.
fn below(scroller: &web_sys::HtmlElement) -> u32 {
    let below = scroller.scroll_height() - scroller.scroll_top() - scroller.client_height();
    u32::try_from(below).unwrap_or(0)
}

/// Returns whether a list is scrolled to its end.
pub fn is_scrolled_to_end(scroller: &web_sys::HtmlElement) -> bool {
    below(scroller) <= ROUNDING
}

/// The elements of a list, and the state of its frames. Copies share the same state.
#[derive(Clone, Copy)]
pub struct ListElements {
    /// The element that scrolls.
    pub scroller: NodeRef<html::Div>,
    /// The elements in the list.
    pub nodes: StoredValue<ListNodes>,
    frames: StoredValue<FrameState>,
}

/// The state of a list's frames.
#[derive(Clone, Copy, Debug, Default)]
struct FrameState {
    /// The number of frames whose rows are not in the document yet, or whose scroll position is not set yet.
    unplaced: u32,
    /// The scroll position that was set with the last frame, in CSS pixels, or `None` if no frame has been placed.
    placed_top: Option<u32>,
}

impl ListElements {
    /// Creates the state of a list that is not displayed yet.
    pub fn new() -> Self {
        Self { scroller: NodeRef::new(), nodes: StoredValue::default(), frames: StoredValue::default() }
    }

    /// Records that a frame is being drawn.
    pub fn begin_frame(self) {
        self.frames.update_value(|frames| frames.unplaced += 1);
    }

    /// Records that a frame has been placed.
    pub fn end_frame(self) {
        self.frames.update_value(|frames| frames.unplaced -= 1);
    }

    /// Returns whether all frames have been placed.
    pub fn is_placed(self) -> bool {
        self.frames.try_with_value(|frames| frames.unplaced == 0).unwrap_or(false)
    }

    /// Returns whether the reader has left the list.
    pub fn is_disposed(self) -> bool {
        self.frames.is_disposed()
    }

    /// Discards the stored scroll position, which belongs to another list that was shown before.
    pub fn forget_place(self) {
        self.frames.update_value(|frames| frames.placed_top = None);
    }

    /// Returns the element that scrolls, or `None` if the list is not in the document.
    pub fn scroller(self) -> Option<web_sys::HtmlElement> {
        self.scroller.try_get_untracked().flatten().map(|scroller| (*scroller).clone())
    }

    /// Returns the scroll position, in CSS pixels.
    pub fn top(self) -> u32 {
        self.scroller().map_or(0, |scroller| u32::try_from(scroller.scroll_top()).unwrap_or(0))
    }

    /// Returns the scroll position, or `None` if the reader has not scrolled since the last frame was placed. Browsers
    /// report scrolling only in the next animation frame, so a redraw would otherwise undo the scrolling.
    pub fn pending_scroll(self) -> Option<u32> {
        let placed =
            self.frames.try_get_value().filter(|frames| frames.unplaced == 0).and_then(|frames| frames.placed_top);
        let top = self.top();
        placed.is_some_and(|placed| placed != top).then_some(top)
    }

    /// Returns the scroll position if the list follows its end, but the reader has scrolled away from the end since the
    /// last frame was placed, by any means. Otherwise returns `None`.
    pub fn position_off_end(self) -> Option<u32> {
        let top = self.pending_scroll()?;
        let placed = self.frames.try_get_value()?.placed_top?;
        has_left_end(placed, top, below(&self.scroller()?)).then_some(top)
    }

    /// Measures the list: the number of columns that fit into a row, and the height in CSS pixels. Returns `None` if
    /// the list is not displayed.
    pub fn size(self) -> Option<(u32, u32)> {
        let scroller = self.scroller()?;
        let columns = self.nodes.try_get_value()?.ruler.columns()?;
        Some((columns, u32::try_from(scroller.client_height()).unwrap_or(0)))
    }

    /// Places the rows of a frame, which must already be in the document.
    pub fn place(self, frame: Placement) {
        let nodes = self.nodes.get_value();
        set_height(nodes.above, frame.above);
        set_height(nodes.below, frame.below);
        let Some(scroller) = self.scroller() else { return };
        if let Some(width) = frame.width {
            let _ = scroller.style().set_property("--columns", &width.to_string());
        }
        match frame.scroll_to {
            ScrollTarget::End => scroller.set_scroll_top(scroller.scroll_height()),
            ScrollTarget::Top(top) => {
                let top = i32::try_from(top).unwrap_or(i32::MAX);
                if scroller.scroll_top() != top {
                    scroller.set_scroll_top(top);
                }
            }
        }
        let placed = self.top();
        self.frames.update_value(|frames| frames.placed_top = Some(placed));
    }

    /// Measures the rows whose characters may be wider or narrower than in a terminal. Returns their indexes in `rows`,
    /// their lines, and the numbers of rows of text that they occupy.
    pub fn measured<'a>(self, rows: impl Iterator<Item = &'a RowView>) -> Vec<(usize, LineKey, u32)> {
        let mut node = self.nodes.get_value().window.get_untracked().and_then(|window| window.first_element_child());
        let mut measured = Vec::new();
        for (index, row) in rows.enumerate() {
            let Some(element) = node else { break };
            if let RowView::Line { line, group: None, .. } = row
                && !line.shown_text().is_ascii()
            {
                measured.push((index, line.key, rows_of(&element)));
            }
            node = element.next_element_sibling();
        }
        measured
    }
}

/// Sets an element's height, in CSS pixels.
fn set_height(node: NodeRef<html::Div>, height: u32) {
    if let Some(node) = node.get_untracked() {
        let node: &web_sys::HtmlElement = &node;
        let _ = node.style().set_property("height", &format!("{height}px"));
    }
}

/// Returns the height of an element in rows of text, at least 1.
fn rows_of(element: &web_sys::Element) -> u32 {
    let height = element.get_bounding_client_rect().height();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small and positive")]
    let rows = (height / f64::from(ROW_HEIGHT)).round() as u32;
    rows.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scrolling_up_from_the_end_leaves_it() {
        assert!(has_left_end(5_000, 4_600, 400), "the reader scrolled up");
        assert!(!has_left_end(5_000, 5_000, 300), "the list became longer");
        assert!(!has_left_end(5_000, 4_600, 0), "the list became shorter");
        assert!(!has_left_end(5_000, 4_999, 40), "the position was rounded");
    }
}
