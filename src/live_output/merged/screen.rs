//! Stores the state of the merged list as signals, loads missing lines, and draws the list.

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use model::{LinesPage, Timestamp};

use super::{MergedFrame, MergedPanel, MergedRow, MergedWanted};
use crate::live_output::follow::Scrolls;
use crate::live_output::logs::{Log, Logs};
use crate::live_output::panel::{Panel, RowView, Side};
use crate::live_output::placement::{ListElements, Placement, ScrollTarget};
use crate::rest;

/// The merged list as signals. Copies of a `MergedScreen` share the same state.
#[derive(Clone, Copy)]
pub struct MergedScreen {
    logs: Logs,
    panel: StoredValue<MergedPanel>,
    /// The rows in the document, each with the index of its log.
    pub rows: RwSignal<Vec<(usize, RowView)>>,
    /// Whether the list follows the end of the logs.
    pub follows: RwSignal<bool>,
    /// The number of rows that have arrived since following was paused.
    pub unseen: RwSignal<i64>,
    /// The elements of the list.
    pub list: ListElements,
}

impl MergedScreen {
    /// Creates a list that contains the rows of all logs and follows their end.
    pub fn new(logs: Logs) -> Self {
        Self {
            logs,
            panel: StoredValue::new(MergedPanel::new()),
            rows: RwSignal::default(),
            follows: RwSignal::new(true),
            unseen: RwSignal::new(0),
            list: ListElements::new(),
        }
    }

    /// Handles changes to the logs.
    pub fn logs_changed(self) {
        self.note_scrolling();
        self.update(|merged, panels| {
            // When the reader chooses lines in a log, that log stops following. The merged list then stops following
            // too.
            if panels.iter().any(|panel| !panel.follows()) {
                merged.pause();
            }
        });
        for (index, log) in self.logs.all().into_iter().enumerate() {
            if let Some(key) = log.screen().take_sought() {
                self.logs.activate(index);
                self.update(|merged, panels| merged.go_to(panels, index, key));
            }
        }
        self.draw();
    }

    /// Scrolls to the first line of all logs, unless the list is too short to scroll.
    pub fn go_to_start(self) {
        if self.can_scroll() {
            self.update(MergedPanel::go_to_start);
            self.draw();
        }
    }

    /// Returns the row from which the reader moves to the next match, or `None` if no line is visible.
    pub fn current(self) -> Option<MergedRow> {
        let active = self.logs.active_index();
        self.read(|merged, panels| merged.current(panels, active)).flatten()
    }

    /// Returns whether the windows of all logs contain all lines around a time.
    pub fn covers(self, time: Timestamp) -> bool {
        self.read(|merged, _| merged.list().covers(time)).unwrap_or(false)
    }

    /// Returns the log whose window limits the list on a side, or `None` if no lines follow there.
    pub fn limiting_log(self, side: Side) -> Option<usize> {
        self.read(|merged, _| merged.list().limiting_log(side)).flatten()
    }

    fn read<T>(self, read: impl FnOnce(&MergedPanel, &[&Panel]) -> T) -> Option<T> {
        self.with_panels(|panels| self.panel.try_with_value(|merged| read(merged, panels))).flatten()
    }

    fn can_scroll(self) -> bool {
        self.scroller().is_some_and(|scroller| scroller.scroll_height() > scroller.client_height())
    }

    /// Measures the list, and redraws it if its size has changed.
    pub fn measure(self) {
        let Some((columns, height)) = self.list.size() else { return };
        self.panel.update_value(|merged| merged.resize(height));
        for log in self.logs.all() {
            log.screen().resize(columns, height);
        }
        self.draw();
    }

    /// Calls `read` with the panels of all logs. Returns `None` if the reader has left the page.
    fn with_panels<T>(self, read: impl FnOnce(&[&Panel]) -> T) -> Option<T> {
        let screens: Vec<_> = self.logs.try_all()?.into_iter().map(Log::screen).collect();
        let guards: Option<Vec<_>> = screens.iter().map(|screen| screen.read_panel()).collect();
        let guards = guards?;
        let panels: Vec<&Panel> = guards.iter().map(|guard| &**guard).collect();
        Some(read(&panels))
    }

    fn update(self, change: impl FnOnce(&mut MergedPanel, &[&Panel])) {
        self.with_panels(|panels| self.panel.try_update_value(|merged| change(merged, panels)));
    }

    fn draw(self) {
        let frame = self.with_panels(|panels| {
            self.panel.try_update_value(|merged| {
                merged.update(panels);
                if let Some((log, key)) = merged.far_line(panels) {
                    merged.go_to(panels, log, key);
                }
                let places: Vec<_> = (0..panels.len()).map(|log| merged.place_in(log)).collect();
                (merged.frame(panels), merged.follows(), places)
            })
        });
        let Some((frame, follows, places)) = frame.flatten() else { return };
        let logs = self.logs.all();
        for (log, place) in logs.iter().zip(places) {
            // A log without rows in view keeps its scroll position.
            if follows || place.is_some() {
                log.screen().place_at(place);
            }
        }
        if self.follows.get_untracked() != follows {
            self.follows.set(follows);
        }
        let unseen = if follows { 0 } else { logs.iter().map(|log| log.screen().unseen.get_untracked()).sum() };
        if self.unseen.get_untracked() != unseen {
            self.unseen.set(unseen);
        }
        let keys = |rows: &[(usize, RowView)]| {
            rows.iter().map(|(log, row)| (*log, row.key(), row.group(), row.group_of_lines())).collect::<Vec<_>>()
        };
        if self.rows.with_untracked(|rows| keys(rows) != keys(&frame.rows)) {
            self.rows.set(frame.rows.clone());
        }
        self.list.begin_frame();
        spawn_local(async move {
            // After one tick, the list's effect has put the rows into the document.
            tick().await;
            if self.list.is_disposed() {
                return;
            }
            self.place(&frame);
            self.list.end_frame();
            if self.measure_rows(&frame) {
                return self.draw();
            }
            for wanted in frame.wanted {
                self.load(wanted);
            }
            for (log, from) in self.logs.all().into_iter().zip(frame.unmarked) {
                if let Some(from) = from {
                    log.screen().load_marks(from);
                }
            }
        });
    }

    fn place(self, frame: &MergedFrame) {
        let scroll_to = ScrollTarget::new(self.follows.get_untracked(), frame.scroll_to);
        let MergedFrame { above, below, width, .. } = *frame;
        self.list.place(Placement { above, below, scroll_to, width });
    }

    /// Measures rows whose characters may be wider or narrower than in a terminal. Returns whether any height changed.
    fn measure_rows(self, frame: &MergedFrame) -> bool {
        let logs = self.logs.all();
        let measured = self.list.measured(frame.rows.iter().map(|(_, row)| row));
        measured.into_iter().fold(false, |changed, (index, key, rows)| {
            let (log, _) = frame.rows[index];
            logs[log].screen().measure_line(key, rows) | changed
        })
    }

    fn load(self, wanted: MergedWanted) {
        match wanted {
            MergedWanted::Lines(log, wanted) => {
                if self.logs.all()[log].screen().load(wanted) {
                    self.panel.update_value(MergedPanel::note_load);
                }
            }
            MergedWanted::AtTime(log, time) => self.load_at(log, time),
        }
    }

    /// Loads the lines of a log around a point in time.
    fn load_at(self, index: usize, time: Timestamp) {
        self.update(|merged, _| merged.begin_asking(index));
        let screen = self.logs.all()[index].screen();
        let attempt = screen.attempt_at(time);
        spawn_local(async move {
            let path = format!("/api/queue/jobs/{}/lines?attempt={attempt}&at={time}&count=1", screen.job());
            let page = rest::get::<LinesPage>(&path).await;
            let number = page.map(|page| page.items.first().map_or(page.total_lines, |line| line.line));
            // An attempt without lines has nothing to load.
            let has_succeeded = number.is_ok_and(|number| number == 0 || screen.load_around(attempt, number));
            self.update(|merged, panels| merged.end_asking(panels, index, has_succeeded));
        });
    }

    /// Processes pending scrolling before the list changes.
    fn note_scrolling(self) {
        if self.follows.get_untracked() {
            if let Some(top) = self.list.position_off_end() {
                self.update(|merged, _| merged.leave_end(top));
            }
        } else if let Some(top) = self.list.pending_scroll() {
            self.update(|merged, _| merged.scrolled(top));
        }
    }
}

impl Scrolls for MergedScreen {
    fn scroller(self) -> Option<web_sys::HtmlElement> {
        self.list.scroller()
    }

    fn follows(self) -> bool {
        self.follows.try_get_untracked().unwrap_or(true)
    }

    fn pause(self) {
        if self.follows() && self.can_scroll() {
            self.update(|merged, _| merged.pause());
            self.draw();
        }
    }

    fn follow(self) {
        self.update(|merged, _| merged.follow());
        for log in self.logs.all() {
            log.screen().follow();
        }
        self.draw();
    }

    fn scrolled(self) {
        if !self.follows() {
            let top = self.list.top();
            self.update(|merged, _| merged.scrolled(top));
            self.draw();
        } else if self.list.position_off_end().is_some() {
            self.note_scrolling();
            self.draw();
        }
    }

    fn is_at_end(self) -> bool {
        let seeks = self.panel.try_with_value(MergedPanel::seeks).unwrap_or(true);
        !seeks && self.list.is_placed()
    }
}
