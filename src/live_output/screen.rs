//! Stores the panel's state as signals, and draws the panel.
//!
//! Whenever the panel changes, for example because events have arrived, a [`PanelFrame`] is computed and its rows are
//! put into a keyed list. When the rows are in the document, the heights of the spaces above and below them and the
//! scroll position are set. Heights are set through the CSSOM because the page's Content-Security-Policy forbids style
//! attributes.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use model::{Event, EventsPage, JobId, LinesPage, SearchPage, Seq};

use super::buffer::{Buffer, BufferLimits, LineRange};
use super::filter::{Counts, OutputFilter};
use super::layout::ROW_HEIGHT;
use super::lifecycle_event;
use super::line::LineKey;
use super::panel::{Panel, PanelFrame, RowView, Searching};
use super::permalink;
use super::totals::Totals;
use crate::rest::{self, RestError};

/// The number of events that are loaded from the end of the log, which is the API's limit.
const END_LIMIT: usize = 500;
/// The number of lines whose matches are loaded by one request. More lines are rarely drawn at once.
const MARKED_LINES: usize = 300;
/// The shortest time between two requests for matches, which limits the load while lines arrive continuously.
const MARK_EVERY: Duration = Duration::from_millis(250);
/// The pause after the server could not be reached.
const MARK_AGAIN: Duration = Duration::from_secs(2);
/// The number of characters in [`Screen::ruler`]. A larger number makes the measured width of a character more precise.
pub(super) const RULER_COLUMNS: u32 = 100;

/// The panel's state as signals. Copies of a `Screen` share the same state.
#[derive(Clone, Copy)]
pub struct Screen {
    job: JobId,
    panel: StoredValue<Panel>,
    /// The rows in the document.
    pub rows: RwSignal<Vec<RowView>>,
    /// The number of rows that match each filter.
    pub counts: RwSignal<Counts>,
    /// The totals of the job's complete output.
    pub totals: RwSignal<Totals>,
    /// The current filter.
    pub filter: RwSignal<OutputFilter>,
    /// Whether the list follows the end of the log.
    pub follows: RwSignal<bool>,
    /// The number of rows that have arrived since following was paused.
    pub unseen: RwSignal<i64>,
    /// The element that scrolls.
    pub scroller: NodeRef<html::Div>,
    /// The space above the rows.
    pub above: NodeRef<html::Div>,
    /// The rows' parent element.
    pub window: NodeRef<html::Div>,
    /// The space below the rows.
    pub below: NodeRef<html::Div>,
    /// An invisible element with [`RULER_COLUMNS`] characters, whose width is measured to compute the width of a
    /// character.
    pub ruler: NodeRef<html::Span>,
    /// An invisible element that is as wide as the area for the text of lines. Its width is measured to compute how
    /// many columns fit into a row.
    pub ruler_line: NodeRef<html::Span>,
    requests: StoredValue<Requests>,
}

/// What the screen is requesting from the server.
#[derive(Debug, Default)]
struct Requests {
    is_loading_lines: bool,
    is_loading_marks: bool,
    /// The query of the current search, as in the address of a request, or `None` if there is no search.
    search: Option<String>,
}

impl Screen {
    /// Creates the screen from the data that the page was loaded with.
    pub fn new(job: JobId, lifecycle_events: Vec<Event>, tail: &EventsPage) -> Self {
        let panel = Panel::new(Buffer::new(lifecycle_events, &tail.items, tail.next_after, BufferLimits::default()));
        let frame = panel.first_paint();
        Self {
            job,
            rows: RwSignal::new(frame.rows),
            counts: RwSignal::new(frame.counts),
            totals: RwSignal::new(panel.buffer().totals().clone()),
            filter: RwSignal::new(OutputFilter::All),
            follows: RwSignal::new(true),
            unseen: RwSignal::new(0),
            scroller: NodeRef::new(),
            above: NodeRef::new(),
            window: NodeRef::new(),
            below: NodeRef::new(),
            ruler: NodeRef::new(),
            ruler_line: NodeRef::new(),
            panel: StoredValue::new(panel),
            requests: StoredValue::default(),
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
    pub fn set_filter(self, filter: OutputFilter) {
        self.filter.set(filter);
        self.change(|panel| panel.set_filter(filter));
    }

    /// Returns the job whose log is displayed.
    pub const fn job(self) -> JobId {
        self.job
    }

    /// Reads all lifecycle events, oldest first.
    pub fn lifecycle_events<T>(self, read: impl FnOnce(&[Event]) -> Option<T>) -> Option<T> {
        self.panel.try_with_value(|panel| read(panel.buffer().lifecycle_events())).flatten()
    }

    /// Returns the number of the last attempt.
    pub fn last_attempt(self) -> i32 {
        self.panel.try_with_value(Panel::last_attempt).unwrap_or(1)
    }

    /// Returns the line from which the reader moves to the next match.
    pub fn current(self) -> Option<LineKey> {
        self.panel.try_with_value(Panel::current).flatten()
    }

    /// Marks the matches of a search, or ends the search if there is no query.
    pub fn set_search(self, query: Option<String>) {
        self.change(|panel| panel.set_search(if query.is_some() { Searching::Yes } else { Searching::No }));
        self.requests.update_value(|requests| requests.search = query);
        self.draw();
    }

    /// Shows a line that a search has found. A filter that may hide it is removed.
    pub fn show_match(self, key: LineKey) {
        if matches!(self.filter.get_untracked(), OutputFilter::Stages | OutputFilter::Warnings) {
            self.set_filter(OutputFilter::All);
        }
        self.go_to(Some(key.attempt), key.number);
    }

    /// Scrolls to a line. Without an attempt, the number refers to the last attempt.
    pub fn go_to(self, attempt: Option<i32>, number: i64) {
        self.change(|panel| {
            let attempt = attempt.unwrap_or_else(|| panel.last_attempt());
            panel.go_to(LineKey { attempt, number });
        });
    }

    /// Scrolls to the line in the page's address, if there is one.
    pub fn go_to_address(self) {
        if let Some((attempt, number)) = permalink::in_address() {
            self.go_to(attempt, number);
        }
    }

    /// Puts a reference to a line into the page's address, and marks the line.
    pub fn name(self, key: LineKey) {
        let last = self.panel.with_value(Panel::last_attempt);
        permalink::put_into_address(key, last);
        self.go_to(Some(key.attempt), key.number);
    }

    /// Returns whether a requested line is still being loaded.
    pub fn seeks(self) -> bool {
        self.panel.try_with_value(Panel::seeks).unwrap_or(false)
    }

    /// Pauses following, unless the list is too short to scroll.
    pub fn pause(self) {
        let top = self.scroll_top();
        self.change(|panel| {
            if panel.follows() && panel.scrolls() {
                panel.pause(top);
            }
        });
    }

    /// Scrolls to the end and starts following. The end is loaded first if it is not in the window.
    pub fn follow(self) {
        let missing = self.panel.try_update_value(Panel::follow).unwrap_or(false);
        self.draw();
        if missing {
            self.load_end();
        }
    }

    /// Handles scrolling by the reader.
    pub fn scrolled(self) {
        if self.follows.try_get_untracked() == Some(false) {
            let top = self.scroll_top();
            self.change(|panel| panel.scrolled(top));
        }
    }

    /// Measures the panel, and redraws it if its size has changed.
    pub fn measure(self) {
        let (Some(scroller), Some(ruler), Some(line)) =
            (self.scroller.get_untracked(), self.ruler.get_untracked(), self.ruler_line.get_untracked())
        else {
            return;
        };
        let column = ruler.get_bounding_client_rect().width() / f64::from(RULER_COLUMNS);
        let width = line.get_bounding_client_rect().width();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small and positive")]
        let columns = if column > 0.0 { (width / column + 0.01) as u32 } else { 0 };
        let height = u32::try_from(scroller.client_height()).unwrap_or(0);
        self.change(|panel| {
            panel.resize(columns.max(1), height);
        });
    }

    /// Returns the loaded rows that match the filter, as text.
    pub fn visible_text(self) -> String {
        self.panel.with_value(|panel| panel.visible_text(lifecycle_event::text))
    }

    fn change(self, change: impl FnOnce(&mut Panel)) {
        self.panel.update_value(change);
        self.draw();
    }

    fn scroll_top(self) -> u32 {
        self.scroller.get_untracked().map_or(0, |scroller| u32::try_from(scroller.scroll_top()).unwrap_or(0))
    }

    /// Draws the current frame.
    pub fn draw(self) {
        let Some(frame) = self.panel.try_with_value(Panel::frame) else { return };
        self.show(&frame);
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
            if let Some(wanted) = frame.wanted {
                self.load(wanted);
            }
            if let Some(from) = frame.unmarked {
                self.load_marks(from);
            }
        });
    }

    fn show(self, frame: &PanelFrame) {
        let keys = |rows: &[RowView]| rows.iter().map(RowView::key).collect::<Vec<_>>();
        if self.rows.with_untracked(|rows| keys(rows) != keys(&frame.rows)) {
            self.rows.set(frame.rows.clone());
        }
        set_if_new(self.counts, frame.counts);
        set_if_new(self.unseen, frame.unseen);
        self.panel.with_value(|panel| {
            set_if_new(self.follows, panel.follows());
            if self.totals.with_untracked(|totals| totals != panel.buffer().totals()) {
                self.totals.set(panel.buffer().totals().clone());
            }
        });
    }

    fn place(self, frame: &PanelFrame) {
        let set_height = |node: NodeRef<html::Div>, height: u32| {
            if let Some(node) = node.get_untracked() {
                let node: &web_sys::HtmlElement = &node;
                let _ = node.style().set_property("height", &format!("{height}px"));
            }
        };
        set_height(self.above, frame.above);
        set_height(self.below, frame.below);
        if let Some(scroller) = self.scroller.get_untracked() {
            let top = i32::try_from(frame.scroll_to).unwrap_or(i32::MAX);
            if self.follows.get_untracked() {
                scroller.set_scroll_top(scroller.scroll_height());
            } else if scroller.scroll_top() != top {
                scroller.set_scroll_top(top);
            }
        }
    }

    /// Measures the rows whose characters may be wider or narrower than in a terminal. Returns whether any height
    /// changed.
    fn measure_rows(self, frame: &PanelFrame) -> bool {
        let mut node = self.window.get_untracked().and_then(|window| window.first_element_child());
        let mut changed = false;
        for row in &frame.rows {
            let Some(element) = node else { break };
            if let RowView::Line { line, .. } = row
                && !line.text.is_ascii()
            {
                let height = element.get_bounding_client_rect().height();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small and positive")]
                let rows = (height / f64::from(ROW_HEIGHT)).round() as u32;
                changed |= self.panel.try_update_value(|panel| panel.measure(line.key, rows.max(1))).unwrap_or(false);
            }
            node = element.next_element_sibling();
        }
        changed
    }

    fn load(self, part: LineRange) {
        let is_loading =
            self.requests.try_update_value(|requests| std::mem::replace(&mut requests.is_loading_lines, true));
        if is_loading != Some(false) {
            return;
        }
        spawn_local(async move {
            let LineRange { attempt, first, count } = part;
            let path = format!("/api/queue/jobs/{}/lines?attempt={attempt}&from={first}&count={count}", self.job);
            // A range that cannot be loaded is requested again the next time that the panel is drawn with the range in
            // view.
            let page = rest::get::<LinesPage>(&path).await;
            self.requests.update_value(|requests| requests.is_loading_lines = false);
            if let Ok(page) = page {
                self.change(|panel| panel.load(part, page));
            }
        });
    }

    /// Loads the matches of the current search in the lines from `from` on.
    fn load_marks(self, from: LineKey) {
        let begin = |requests: &mut Requests| {
            let query = requests.search.clone().filter(|_| !requests.is_loading_marks)?;
            requests.is_loading_marks = true;
            Some(query)
        };
        let Some(query) = self.requests.try_update_value(begin).flatten() else { return };
        spawn_local(async move {
            let LineKey { attempt, number } = from;
            let path = search_path(self.job, attempt, &format!("{query}&from={number}&limit={MARKED_LINES}"));
            let page = rest::get::<SearchPage>(&path).await;
            let is_current = self.requests.try_with_value(|requests| requests.search.as_ref() == Some(&query));
            let pause = match (is_current, page) {
                (Some(true), Ok(page)) => {
                    self.change(|panel| panel.mark(from, page));
                    MARK_EVERY
                }
                // Another request for the same search would be refused as well.
                (Some(true), Err(RestError::Refused { .. })) => {
                    self.requests.update_value(|requests| requests.search = None);
                    MARK_EVERY
                }
                (Some(true), Err(RestError::Unreachable)) => MARK_AGAIN,
                _ => Duration::ZERO,
            };
            let again = move || {
                if self.requests.try_update_value(|requests| requests.is_loading_marks = false).is_some() {
                    self.draw();
                }
            };
            set_timeout(again, pause);
        });
    }

    fn load_end(self) {
        let before = self.cursor().plus(1);
        spawn_local(async move {
            let path = format!("/api/queue/jobs/{}/events?before={before}&sort=desc&limit={END_LIMIT}", self.job);
            if let Ok(mut page) = rest::get::<EventsPage>(&path).await {
                page.items.reverse();
                self.change(|panel| panel.jump(&page.items, Seq(before.0 - 1)));
            }
        });
    }
}

/// Returns the path of a search of an attempt.
pub(super) fn search_path(job: JobId, attempt: i32, query: &str) -> String {
    format!("/api/queue/jobs/{job}/log/search?attempt={attempt}&{query}")
}

fn set_if_new<T: Copy + PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.get_untracked() != value {
        signal.set(value);
    }
}
