//! Asks the server to find the lines that the filter selects, and counts the warnings and errors.

use std::time::Duration;

use leptos::prelude::*;

use super::errors::COUNTED_BYTES;
use super::filter::{OutputFilter, RowFilter};
use super::filter_bar;
use super::finder::{FindProgress, Finder};
use super::logs::Log;
use super::screen::Screen;
use super::totals::Totals;

/// The interval at which new output of a running job is searched for lines that the filter selects. Between two
/// searches, the page itself selects new lines, unless only matches of the reader's search are shown.
const SELECT_EVERY: Duration = Duration::from_secs(1);
/// The interval at which new output of a running job is searched for warnings. Every open page of the job sends these
/// requests.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// The searches for the lines that the filter selects. Copies of a `Filtering` share the same state.
#[derive(Clone, Copy)]
pub struct Filtering {
    screen: StoredValue<Screen>,
    /// Finds the warnings and errors of the whole log.
    warnings: Finder,
    /// Finds the lines for a filter that has conditions besides the kind of rows.
    narrowed: Finder,
    has_begun: StoredValue<bool>,
}

impl Filtering {
    /// Creates the state before the first search.
    pub fn new(screen: Screen) -> Self {
        Self {
            screen: StoredValue::new(screen),
            warnings: Finder::new(screen, COUNT_EVERY),
            narrowed: Finder::new(screen, SELECT_EVERY),
            has_begun: StoredValue::new(false),
        }
    }

    /// Applies the filter in the page's URL, and finds lines whenever the filter changes. Counts the warnings, unless
    /// the log is large. `search` is the query of the reader's search.
    pub fn begin(self, log: Log, search: Signal<Option<String>>) {
        let screen = self.screen.get_value();
        if screen.totals.with_untracked(Totals::bytes) <= COUNTED_BYTES {
            self.find_warnings();
        }
        screen.set_filter(filter_bar::in_address(log));
        // These effects pass each part of the results to the panel as soon as it arrives.
        Effect::new(move || screen.set_warnings(self.warnings.findings.get()));
        Effect::new(move || {
            let findings = self.narrowed.findings.get();
            if screen.filter.get_untracked().is_narrowed() {
                screen.set_selected(findings);
            }
        });
        let query = Memo::new(move |_| {
            let (filter, search) = (screen.filter.get(), search.get());
            (filter, if filter.only_matches { search } else { None })
        });
        Effect::new(move || {
            let (filter, _) = query.get();
            filter_bar::put_into_address(log, filter);
            if filter.only_matches && screen.selection().is_none() {
                // The reader has ended the search, so the filter for its matches is removed.
                return screen.set_filter(RowFilter { only_matches: false, ..filter });
            }
            if filter.is_narrowed() && filter.selects_lines() {
                // Stop showing the lines that the previous search selected.
                screen.select_anew();
                self.narrowed.limit_to(filter.attempt);
                self.narrowed.search(screen.selection(), None, Duration::ZERO);
            } else {
                self.narrowed.search(None, None, Duration::ZERO);
                if filter.selects_lines() {
                    self.find_warnings();
                }
            }
        });
    }

    /// Returns the state of the search for a filter that has conditions besides the kind of rows.
    pub fn progress(self) -> FindProgress {
        self.narrowed.progress.get()
    }

    fn find_warnings(self) {
        if !self.has_begun.try_update_value(|begun| std::mem::replace(begun, true)).unwrap_or(true) {
            let warnings = RowFilter { kind: OutputFilter::Warnings, ..RowFilter::default() };
            self.warnings.search(warnings.query(None, None), None, Duration::ZERO);
        }
    }
}
