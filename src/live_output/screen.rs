//! Stores the panel's state as signals, and draws the panel.
//!
//! Whenever the panel changes, for example because events have arrived, a [`PanelFrame`] is computed and its rows are
//! put into a keyed list. When the rows are in the document, the heights of the spaces above and below them and the
//! scroll position are set. Heights are set through the CSSOM because the page's Content-Security-Policy forbids style
//! attributes.

mod choosing;
mod loading;
mod merging;

use leptos::html;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use model::{Event, EventsPage, JobId, Seq};

use super::buffer::{Buffer, BufferLimits};
use super::display::Display;
use super::filter::{Counts, RowFilter};
use super::follow::Scrolls;
use super::groups::{Collapsed, GroupKey, GroupState};
use super::layout::ROW_HEIGHT;
use super::lifecycle_event;
use super::line::LineKey;
use super::logs::LogRole;
use super::panel::{Panel, PanelFrame, RowView, Searching};
use super::permalink::LineChoice;
use super::search::Findings;
use super::totals::Totals;
use crate::rest;
use loading::Requests;
pub(super) use loading::search_path;

/// The number of characters in [`Ruler::columns`]. A larger number makes the measured width of a character more
/// precise.
pub(super) const RULER_COLUMNS: u32 = 100;

/// The elements that the screen measures or whose height it sets.
#[derive(Clone, Copy, Default)]
pub struct ScreenNodes {
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
    /// An element that is as wide as the area for the text of lines.
    pub line: NodeRef<html::Span>,
}

impl Ruler {
    /// Returns the number of columns that fit into a row, or `None` if the list is not displayed.
    pub fn columns(self) -> Option<u32> {
        let (columns, line) = (self.columns.get_untracked()?, self.line.get_untracked()?);
        let column = columns.get_bounding_client_rect().width() / f64::from(RULER_COLUMNS);
        let width = line.get_bounding_client_rect().width();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small and positive")]
        let fitting = (column > 0.0).then(|| (width / column + 0.01) as u32);
        fitting.map(|columns| columns.max(1))
    }
}

/// The panel's state as signals. Copies of a `Screen` share the same state.
#[derive(Clone, Copy)]
pub struct Screen {
    job: JobId,
    role: LogRole,
    panel: StoredValue<Panel>,
    /// The rows in the document.
    pub rows: RwSignal<Vec<RowView>>,
    /// The number of rows that match each filter.
    pub counts: RwSignal<Counts>,
    /// The totals of the job's complete output.
    pub totals: RwSignal<Totals>,
    /// The current filter.
    pub filter: RwSignal<RowFilter>,
    /// The display settings of the list.
    pub display: RwSignal<Display>,
    /// The lines that the reader has chosen.
    pub choice: RwSignal<LineChoice>,
    /// Whether the list follows the end of the log.
    pub follows: RwSignal<bool>,
    /// The number of rows that have arrived since following was paused.
    pub unseen: RwSignal<i64>,
    /// The element that scrolls.
    pub scroller: NodeRef<html::Div>,
    /// The elements in the list.
    pub nodes: StoredValue<ScreenNodes>,
    requests: StoredValue<Requests>,
    /// A number that changes whenever the panel changes while its rows are shown in the merged list.
    pub changes: RwSignal<u32>,
}

impl Screen {
    /// Creates the screen from the data that the page was loaded with.
    pub fn new(job: JobId, role: LogRole, lifecycle_events: Vec<Event>, tail: &EventsPage) -> Self {
        let panel = Panel::new(Buffer::new(lifecycle_events, &tail.items, tail.next_after, BufferLimits::default()));
        let frame = panel.first_paint();
        Self {
            job,
            role,
            rows: RwSignal::new(frame.rows),
            counts: RwSignal::new(frame.counts),
            totals: RwSignal::new(panel.buffer().totals().clone()),
            filter: RwSignal::default(),
            display: RwSignal::default(),
            choice: RwSignal::default(),
            follows: RwSignal::new(true),
            unseen: RwSignal::new(0),
            scroller: NodeRef::new(),
            nodes: StoredValue::default(),
            panel: StoredValue::new(panel),
            requests: StoredValue::default(),
            changes: RwSignal::new(0),
        }
    }

    /// Returns the cursor of the feed: the `seq` of the newest known event.
    pub fn cursor(self) -> Seq {
        self.panel.with_value(|panel| panel.buffer().end())
    }

    /// Adds live events.
    pub fn append(self, events: Vec<Event>) {
        self.change(|panel| panel.append(events));
    }

    /// Changes the filter.
    pub fn set_filter(self, filter: RowFilter) {
        if self.filter.get_untracked() != filter {
            self.filter.set(filter);
            self.change(|panel| panel.set_filter(filter));
        }
    }

    /// Changes how lines are displayed.
    pub fn set_display(self, display: Display) {
        if self.display.get_untracked() != display {
            self.display.set(display);
            self.change(|panel| panel.set_display(display));
            // The times may be wider or narrower than before, which is measured once they are in the document.
            request_animation_frame(move || self.measure());
        }
    }

    /// Discards the lines that the filter has selected, because the search has changed.
    pub fn select_anew(self) {
        self.change(|panel| panel.set_filter(self.filter.get_untracked()));
    }

    /// Sets the lines that the server has found for the current filter.
    pub fn set_selected(self, findings: Findings) {
        self.change(|panel| panel.set_selected(findings));
    }

    /// Sets the warnings and errors that the server has found.
    pub fn set_warnings(self, warnings: Findings) {
        self.change(|panel| panel.set_warnings(warnings));
    }

    /// Returns the URL query with which the server finds the lines that the filter selects, or `None` if the filter
    /// does not select lines.
    pub fn selection(self) -> Option<String> {
        let filter = self.filter.try_get_untracked()?;
        let search = self.requests.try_with_value(|requests| requests.search.clone()).flatten();
        let step = self.panel.try_with_value(|panel| panel.buffer().step_id(filter.step?).map(rest::encoded)).flatten();
        filter.query(step.as_deref(), search.as_deref())
    }

    /// Returns the job whose log is displayed.
    pub const fn job(self) -> JobId {
        self.job
    }

    /// Returns the role of the log on its page.
    pub const fn role(self) -> LogRole {
        self.role
    }

    /// Calls `read` with all lifecycle events, oldest first. Returns `None` if `read` does, or if the reader has left
    /// the page.
    pub fn lifecycle_events<T>(self, read: impl FnOnce(&[Event]) -> Option<T>) -> Option<T> {
        self.panel.try_with_value(|panel| read(panel.buffer().lifecycle_events())).flatten()
    }

    /// Returns the number of the last attempt.
    pub fn last_attempt(self) -> i32 {
        self.panel.try_with_value(Panel::last_attempt).unwrap_or(1)
    }

    /// Returns the line from which the reader moves to the next match, or `None` if no line is visible.
    pub fn current(self) -> Option<LineKey> {
        self.panel.try_with_value(Panel::current).flatten()
    }

    /// Marks the matches of a search, or ends the search if there is no query.
    pub fn set_search(self, query: Option<String>) {
        self.change(|panel| panel.set_search(if query.is_some() { Searching::Yes } else { Searching::No }));
        self.requests.update_value(|requests| requests.search = query);
        self.draw();
    }

    /// Scrolls to a line of the given attempt or, if `attempt` is `None`, of the last attempt. A filter that may hide
    /// the line is removed.
    pub fn go_to(self, attempt: Option<i32>, number: i64) {
        let attempt = attempt.unwrap_or_else(|| self.last_attempt());
        self.show_line(LineKey { attempt, number });
    }

    /// Scrolls to a line. A filter that may hide the line is removed.
    pub fn show_line(self, key: LineKey) {
        if self.panel.try_with_value(|panel| panel.may_show(key)) == Some(false) {
            self.set_filter(RowFilter::default());
        }
        self.note_sought(key);
        self.change(|panel| panel.go_to(key));
    }

    /// Removes the filter, and scrolls to a line.
    pub fn show_in_context(self, key: LineKey) {
        self.set_filter(RowFilter::default());
        self.show_line(key);
    }

    /// Returns whether a group is collapsed, or `None` if its title is not drawn.
    pub fn collapsed(self, group: GroupKey) -> Option<Collapsed> {
        if self.is_merged() {
            self.changes.track();
            return self.panel.try_with_value(|panel| panel.collapsed_group(group)).flatten();
        }
        let of_row = |row: &RowView| row.group().filter(|(key, _)| *key == group).map(|(_, collapsed)| collapsed);
        self.rows.with(|rows| rows.iter().find_map(of_row))
    }

    /// Returns the state of the group with this title, or `None` if the title is not drawn.
    pub fn group(self, title: LineKey) -> Option<GroupState> {
        if self.is_merged() {
            self.changes.track();
            return self.panel.try_with_value(|panel| panel.group_state(title)).flatten();
        }
        let is_title = |row: &&RowView| row.group().is_some_and(|(key, _)| key == GroupKey::Lines(title));
        self.rows.with(|rows| rows.iter().find(is_title).and_then(RowView::group_of_lines))
    }

    /// Collapses or expands a group.
    pub fn toggle_group(self, group: GroupKey) {
        self.change(|panel| panel.toggle_group(group));
    }

    /// Collapses or expands the group at the marked line or at the top of the panel.
    pub fn toggle_current_group(self) {
        if let Some(group) = self.panel.with_value(Panel::current_group) {
            self.toggle_group(group);
        }
    }

    /// Collapses all groups or, if all are collapsed, expands them.
    pub fn toggle_all_groups(self) {
        self.change(Panel::toggle_all_groups);
    }

    /// Scrolls to the start and pauses following, unless the list is too short to scroll.
    pub fn go_to_start(self) {
        self.change(|panel| {
            if panel.scrolls() {
                panel.go_to_start();
            }
        });
    }

    /// Measures the panel, and redraws it if its size has changed.
    pub fn measure(self) {
        let (Some(scroller), Some(nodes)) = (self.scroller.try_get_untracked().flatten(), self.nodes.try_get_value())
        else {
            return;
        };
        if let Some(columns) = nodes.ruler.columns() {
            self.resize(columns, u32::try_from(scroller.client_height()).unwrap_or(0));
        }
    }

    /// Sets the panel's size, in columns of text and pixels of height.
    pub fn resize(self, columns: u32, height: u32) {
        self.change(|panel| {
            panel.resize(columns, height);
        });
    }

    /// Returns the text of the rows that the filter shows, or `None` if not all of these rows are in memory.
    pub fn complete_text(self) -> Option<String> {
        self.panel.with_value(|panel| panel.is_complete().then(|| panel.visible_text(lifecycle_event::text)))
    }

    fn change(self, change: impl FnOnce(&mut Panel)) {
        self.note_scrolling();
        self.panel.update_value(change);
        self.draw();
    }

    /// Processes pending scrolling before a redraw, which would otherwise undo it. Browsers report scrolling only in
    /// the next animation frame.
    fn note_scrolling(self) {
        if self.is_merged() {
            return;
        }
        let placed = |requests: &mut Requests| requests.placed_top.filter(|_| requests.frames_to_place == 0);
        let (placed, top) = (self.requests.try_update_value(placed).flatten(), scroll_top_of(self.scroller));
        if placed.is_some_and(|placed| placed != top) && self.follows.try_get_untracked() == Some(false) {
            self.panel.update_value(|panel| panel.scrolled(top));
        }
    }

    /// Draws the current frame.
    pub fn draw(self) {
        if self.is_merged() {
            return self.report();
        }
        let Some(frame) = self.panel.try_with_value(Panel::frame) else { return };
        self.show(&frame);
        self.requests.update_value(|requests| requests.frames_to_place += 1);
        spawn_local(async move {
            // After one tick, the list's effect has put the rows into the document.
            tick().await;
            if self.panel.is_disposed() {
                return;
            }
            self.place(&frame);
            if self.measure_rows(&frame)
                && let Some(frame) = self.panel.try_with_value(Panel::frame)
            {
                self.show(&frame);
                tick().await;
                if self.panel.is_disposed() {
                    return;
                }
                self.place(&frame);
            }
            self.requests.update_value(|requests| requests.frames_to_place -= 1);
            if let Some(wanted) = frame.wanted {
                self.load(wanted);
            }
            if let Some(from) = frame.unmarked {
                self.load_marks(from);
            }
        });
    }

    fn show(self, frame: &PanelFrame) {
        let states = |rows: &[RowView]| {
            rows.iter().map(|row| (row.key(), row.group(), row.group_of_lines())).collect::<Vec<_>>()
        };
        if self.rows.with_untracked(|rows| states(rows) != states(&frame.rows)) {
            self.rows.set(frame.rows.clone());
        }
        self.show_state(frame.counts, frame.unseen);
    }

    fn show_state(self, counts: Counts, unseen: i64) {
        set_if_new(self.counts, counts);
        set_if_new(self.unseen, unseen);
        self.panel.with_value(|panel| {
            set_if_new(self.follows, panel.follows());
            if self.totals.with_untracked(|totals| totals != panel.buffer().totals()) {
                self.totals.set(panel.buffer().totals().clone());
            }
        });
    }

    fn place(self, frame: &PanelFrame) {
        let nodes = self.nodes.get_value();
        set_height(nodes.above, frame.above);
        set_height(nodes.below, frame.below);
        if let Some(scroller) = self.scroller.get_untracked() {
            if let Some(width) = frame.width {
                let scroller: &web_sys::HtmlElement = &scroller;
                let _ = scroller.style().set_property("--columns", &width.to_string());
            }
            let top = i32::try_from(frame.scroll_to).unwrap_or(i32::MAX);
            if self.follows.get_untracked() {
                scroller.set_scroll_top(scroller.scroll_height());
            } else if scroller.scroll_top() != top {
                scroller.set_scroll_top(top);
            }
            let placed = scroll_top_of(self.scroller);
            self.requests.update_value(|requests| requests.placed_top = Some(placed));
        }
    }

    /// Measures the rows whose characters may be wider or narrower than in a terminal. Returns whether any height
    /// changed.
    fn measure_rows(self, frame: &PanelFrame) -> bool {
        let mut node = self.nodes.get_value().window.get_untracked().and_then(|window| window.first_element_child());
        let mut changed = false;
        for row in &frame.rows {
            let Some(element) = node else { break };
            if let RowView::Line { line, group: None, .. } = row
                && !line.text.is_ascii()
            {
                changed |= self.measure_line(line.key, rows_of(&element));
            }
            node = element.next_element_sibling();
        }
        changed
    }
}

impl Scrolls for Screen {
    fn scroller(self) -> Option<web_sys::HtmlElement> {
        self.scroller.try_get_untracked().flatten().map(|scroller| (*scroller).clone())
    }

    fn follows(self) -> bool {
        self.follows.try_get_untracked().unwrap_or(true)
    }

    fn pause(self) {
        let top = scroll_top_of(self.scroller);
        self.change(|panel| {
            if panel.follows() && panel.scrolls() {
                panel.pause(top);
            }
        });
    }

    /// The end is loaded first if it is not in the window.
    fn follow(self) {
        let missing = self.panel.try_update_value(Panel::follow).unwrap_or(false);
        self.draw();
        if missing {
            self.load_end();
        }
    }

    fn scrolled(self) {
        if !self.follows() {
            let top = scroll_top_of(self.scroller);
            self.change(|panel| panel.scrolled(top));
        }
    }

    fn is_at_end(self) -> bool {
        let seeks = self.panel.try_with_value(Panel::seeks).unwrap_or(true);
        !seeks && self.requests.try_with_value(|requests| requests.frames_to_place == 0).unwrap_or(false)
    }
}

/// Returns an element's scroll position, in CSS pixels.
pub(super) fn scroll_top_of(scroller: NodeRef<html::Div>) -> u32 {
    let scroller = scroller.try_get_untracked().flatten();
    scroller.map_or(0, |scroller| u32::try_from(scroller.scroll_top()).unwrap_or(0))
}

/// Sets an element's height, in CSS pixels.
pub(super) fn set_height(node: NodeRef<html::Div>, height: u32) {
    if let Some(node) = node.get_untracked() {
        let node: &web_sys::HtmlElement = &node;
        let _ = node.style().set_property("height", &format!("{height}px"));
    }
}

/// Returns the height of an element in rows of text, at least 1.
pub(super) fn rows_of(element: &web_sys::Element) -> u32 {
    let height = element.get_bounding_client_rect().height();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small and positive")]
    let rows = (height / f64::from(ROW_HEIGHT)).round() as u32;
    rows.max(1)
}

fn set_if_new<T: Copy + PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.get_untracked() != value {
        signal.set(value);
    }
}
