//! Stores the panel's state as signals, and draws the panel.
//!
//! Whenever the panel changes, for example because events have arrived, a `PanelFrame` is computed and its rows are put
//! into a keyed list. When the rows are in the document, they are put into place ([`super::placement`]).

mod choosing;
mod drawing;
mod loading;
mod merging;

use leptos::prelude::*;
use model::{Event, EventsPage, JobId, Seq};

use super::buffer::{Buffer, BufferLimits};
use super::display::Display;
use super::filter::{Counts, RowFilter};
use super::groups::{Collapsed, GroupKey, GroupState};
use super::lifecycle_event;
use super::line::LineKey;
use super::logs::LogRole;
use super::panel::{Panel, RowView, Searching};
use super::permalink::LineChoice;
use super::placement::ListElements;
use super::search::Findings;
use super::totals::Totals;
use crate::rest;
use loading::Requests;
pub(super) use loading::{lines_path, search_path};

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
    /// The elements of the list.
    pub list: ListElements,
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
            list: ListElements::new(),
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
            if filter != RowFilter::default() {
                self.requests.update_value(|requests| requests.filter_before = None);
            }
            self.filter.set(filter);
            self.change(|panel| panel.set_filter(filter));
        }
    }

    /// Changes how lines are displayed.
    pub fn set_display(self, display: Display) {
        if self.display.get_untracked() != display {
            self.display.set(display);
            self.change(|panel| panel.set_display(display));
            // The times may be wider or narrower than before, so the panel is measured again once they are in the
            // document.
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

    /// Calls `read` with all lifecycle events, oldest first. Returns `None` if `read` returns `None`, or if the reader
    /// has left the page.
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

    /// Removes the filter, and scrolls to a line. The reader can return to the filter.
    pub fn show_in_context(self, key: LineKey) {
        let filter = self.filter.get_untracked();
        if filter.selects_lines() {
            self.requests.update_value(|requests| requests.filter_before = Some(filter));
            self.set_filter(RowFilter::default());
        }
        self.show_line(key);
    }

    /// Returns the filter to return to, or `None` if no line is shown in its context.
    pub fn filter_before(self) -> Option<RowFilter> {
        // The stored filter changes only together with the current filter, so subscribing to the current filter is
        // enough.
        self.filter.track();
        self.requests.try_with_value(|requests| requests.filter_before).flatten()
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
        if let Some((columns, height)) = self.list.size() {
            self.resize(columns, height);
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
}

fn set_if_new<T: Copy + PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.get_untracked() != value {
        signal.set(value);
    }
}
