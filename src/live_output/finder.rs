//! Asks the server to find lines in the whole log, counts them, and moves between them.
//!
//! A finder first searches the existing output of one attempt or of all attempts. It then searches new output as long
//! as the page is open. Each log has separate finders for the reader's search, its errors and its filters.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::SearchPage;

use super::layout::RowKey;
use super::line::LineKey;
use super::merged::MergedRow;
use super::screen::{Screen, search_path};
use super::search::{FindLine, Findings};
use super::totals::Totals;
use crate::rest::{self, KeepReading, RestError};

/// The pause after a request that searched lines again, as a multiple of the request's duration. While a line is
/// unfinished, every request searches it and all later lines again. The pause limits these repeated searches to about a
/// tenth of one server thread.
const PAUSE_AFTER: f64 = 10.0;
/// The number of lines that are searched again without a longer pause, because searching them takes no noticeable time.
const FEW_LINES: i64 = 10_000;
/// The maximum number of requests for the numbers of matching lines during one move. Each reports up to 100,000
/// numbers, and a move needs more than two only in logs of very short lines.
const REQUESTS_PER_MOVE: u32 = 50;
/// The longest pause after a search.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A search whose state is stored in signals. Copies of a `Finder` share the same state.
#[derive(Clone, Copy)]
pub struct Finder {
    screen: StoredValue<Screen>,
    /// The interval at which new output of a running job is searched, and at which a failed request is repeated.
    every: Duration,
    /// The lines that have been found.
    pub findings: RwSignal<Findings>,
    /// The state of the search.
    pub progress: RwSignal<FindProgress>,
    /// The line that the reader has moved to, or `None` if the reader has not moved to any.
    current: RwSignal<Option<LineKey>>,
    /// The parameters of the search.
    query: StoredValue<String>,
    /// The only attempt to search, or `None` to search all attempts.
    attempt: StoredValue<Option<i32>>,
    /// The number of searches so far. Results of earlier searches are ignored.
    searches: StoredValue<u32>,
}

/// The kind of lines that a request has searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Searched {
    /// Almost only new lines.
    NewLines,
    /// Mostly lines that were searched before, because an earlier line was unfinished.
    ManyAgain,
}

/// The state of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindProgress {
    /// All output so far has been searched, or no search has begun.
    Idle,
    /// The server is searching.
    Searching,
    /// The server refused the search for this reason.
    Failed(String),
}

/// The direction in which the reader moves between the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindDirection {
    Next,
    Previous,
}

impl Finder {
    /// Creates a finder that does not search yet. `every` is the interval at which it searches new output.
    pub fn new(screen: Screen, every: Duration) -> Self {
        Self {
            screen: StoredValue::new(screen),
            every,
            findings: RwSignal::default(),
            progress: RwSignal::new(FindProgress::Idle),
            current: RwSignal::new(None),
            query: StoredValue::default(),
            attempt: StoredValue::new(None),
            searches: StoredValue::new(0),
        }
    }

    /// Returns the screen that shows the lines.
    pub fn screen(self) -> Screen {
        self.screen.get_value()
    }

    /// Ends the previous search and, if there is a query, begins another after a pause. As soon as a line at or after
    /// `from` has been found, the first such line is shown. If no such line is found, the first of all found lines is
    /// shown.
    pub fn search(self, query: Option<String>, from: Option<LineKey>, pause: Duration) {
        self.searches.update_value(|searches| *searches += 1);
        self.findings.set(Findings::default());
        self.current.set(None);
        self.progress.set(if query.is_some() { FindProgress::Searching } else { FindProgress::Idle });
        if let Some(query) = query {
            self.query.set_value(query);
            let search = self.searches.get_value();
            set_timeout(move || self.run(search, from), pause);
        }
    }

    /// Limits the following searches to an attempt, or lets them search all attempts if `attempt` is `None`.
    pub fn limit_to(self, attempt: Option<i32>) {
        self.attempt.set_value(attempt);
    }

    /// Moves to the next found line in a direction. Returns `false` if there is no such line.
    pub async fn go(self, direction: FindDirection) -> bool {
        let Some(from) = self.screen().current() else { return false };
        let next = match direction {
            FindDirection::Next => self.line(from.following(), Findings::first_from).await,
            FindDirection::Previous => self.line(from, Findings::last_before).await,
        };
        self.go_to(next)
    }

    /// Moves to the first found line or, if the direction is `Previous`, to the last found line. Returns `false` if no
    /// line has been found.
    pub async fn go_to_first(self, direction: FindDirection) -> bool {
        let first = match direction {
            FindDirection::Next => self.line(LineKey::FIRST, Findings::first_from).await,
            FindDirection::Previous => {
                let end = self.findings.with_untracked(Findings::end);
                self.line(end, Findings::last_before).await
            }
        };
        self.go_to(first)
    }

    /// Returns a line near `key` that has been found. If its number is not known, asks the server for it. Returns
    /// `None` if there is no such line, the server does not respond, or another search has begun.
    async fn line(self, mut key: LineKey, find: FindLine) -> Option<LineKey> {
        let search = self.searches.try_get_value()?;
        for _ in 0..REQUESTS_PER_MOVE {
            let missing = match self.findings.try_with_untracked(|findings| find(findings, key))? {
                Ok(line) => return line,
                Err(missing) => missing,
            };
            key = missing.key();
            let query = self.query.try_get_value()?;
            let query = format!("{query}&from={}&limit=0", missing.from);
            let path = search_path(self.screen().job(), missing.attempt, &query);
            let mut window = missing.window();
            let read = rest::get_each(&path, |part: SearchPage| {
                if window.take(missing, &part) { KeepReading::Continue } else { KeepReading::Stop }
            });
            read.await.ok()?;
            if !self.is_current(search) {
                return None;
            }
            self.findings.try_update(|findings| findings.show(window))?;
        }
        None
    }

    /// Returns the number of lines that have been found.
    pub fn total(self) -> i64 {
        self.findings.with(Findings::total)
    }

    /// Returns the number of the current match among all matches, starting at 1, or `None` if there is no current
    /// match.
    pub fn rank(self) -> Option<i64> {
        self.current.get().and_then(|key| self.findings.with(|findings| findings.rank(key)))
    }

    /// Returns the line that the reader has moved to, or `None` if the reader has not moved to any.
    pub fn current(self) -> Option<LineKey> {
        self.current.get()
    }

    /// Returns the next found line in a direction from a row of the merged list, or `None` if no such line is loaded.
    /// `index` is the index of this log. Of two lines with the same time, the line of the log with the lower index
    /// comes first.
    pub fn next_in_time(self, from: MergedRow, index: usize, direction: FindDirection) -> Option<LineKey> {
        let screen = self.screen();
        let current = match from.key {
            RowKey::Line(key) if from.log == index => Some(key),
            _ => None,
        };
        let from = (from.time, from.log);
        let place = |key: LineKey| Some((screen.time_of(key)?, index));
        self.findings.with_untracked(|findings| match direction {
            FindDirection::Next => {
                let is_later = |key: &LineKey| match current {
                    Some(current) => *key > current,
                    None => place(*key).is_some_and(|place| place > from),
                };
                findings.lines().find(is_later)
            }
            FindDirection::Previous => {
                let is_earlier = |key: &LineKey| match current {
                    Some(current) => *key < current,
                    None => place(*key).is_some_and(|place| place < from),
                };
                findings.lines().rev().find(is_earlier)
            }
        })
    }

    /// Moves to a line that has been found.
    pub fn show(self, key: LineKey) {
        self.go_to(Some(key));
    }

    fn go_to(self, key: Option<LineKey>) -> bool {
        if let Some(key) = key {
            self.current.set(Some(key));
            self.screen().show_line(key);
        }
        key.is_some()
    }

    fn is_current(self, search: u32) -> bool {
        self.searches.try_get_value() == Some(search)
    }

    /// Searches the lines that have not been searched yet.
    fn run(self, search: u32, mut from: Option<LineKey>) {
        if !self.is_current(search) {
            return;
        }
        let mut searched = self.screen().totals.with_untracked(Totals::bytes);
        let (began, mut pause) = (js_sys::Date::now(), self.every);
        spawn_local(async move {
            // Before the first attempt, there is nothing to search.
            let attempts = self.screen().totals.with_untracked(Totals::last_attempt).unwrap_or(0);
            let only = self.attempt.try_get_value().flatten();
            for attempt in (1..=attempts).filter(|attempt| only.is_none_or(|only| only == *attempt)) {
                let read = self.search_attempt(attempt, search, &mut from).await;
                if !self.is_current(search) {
                    return;
                }
                match read {
                    Ok(Searched::NewLines) => {}
                    Ok(Searched::ManyAgain) => {
                        let took = (js_sys::Date::now() - began).max(0.0) / 1000.0;
                        pause = Duration::from_secs_f64(took * PAUSE_AFTER).clamp(self.every, LONGEST_PAUSE);
                    }
                    Err(RestError::Refused { message, .. }) => return self.progress.set(FindProgress::Failed(message)),
                    // After the interval, the search continues with this attempt, followed by the later attempts.
                    Err(RestError::Unreachable) => {
                        searched = -1;
                        break;
                    }
                }
            }
            if searched >= 0 {
                if let Some(from) = from.take() {
                    let next = self.line(from, Findings::first_from).await;
                    if !self.is_current(search) {
                        return;
                    }
                    if !self.go_to(next) {
                        self.go_to_first(FindDirection::Next).await;
                    }
                }
                self.progress.set(FindProgress::Idle);
            }
            self.wait_for_output(search, from, (searched, pause));
        });
    }

    /// Searches one attempt. Shows the first found line at or after `from`, and then clears `from`.
    async fn search_attempt(
        self,
        attempt: i32,
        search: u32,
        from: &mut Option<LineKey>,
    ) -> Result<Searched, RestError> {
        let Some(first) = self.findings.with_untracked(|findings| findings.next(attempt)) else {
            return Ok(Searched::NewLines);
        };
        let query = self.query.get_value();
        let path = search_path(self.screen().job(), attempt, &format!("{query}&from={first}&limit=0"));
        // While lines are searched again, the earlier results are kept, so that the list does not shrink temporarily.
        let mut found = self.findings.get_untracked();
        let before = found.total();
        found.begin(attempt, first);
        let shows_progress = found.total() == before;
        let is_again = found.lines_to_search_again(attempt) > FEW_LINES;
        let searched = if is_again { Searched::ManyAgain } else { Searched::NewLines };
        let mut is_done = false;
        let read = rest::get_each(&path, |part: SearchPage| {
            if !self.is_current(search) {
                return KeepReading::Stop;
            }
            is_done = part.done;
            found.take(attempt, &part);
            if shows_progress || part.done {
                self.findings.update(|findings| findings.update(&found));
            }
            // If the number of the line is not known, the line is shown after the search.
            let known =
                from.and_then(|from| self.findings.with_untracked(|findings| findings.first_from(from).ok()?));
            if known.is_some() {
                *from = None;
                self.go_to(known);
            }
            KeepReading::Continue
        });
        read.await?;
        // If the last part of the response is missing, the response has been cut off.
        if is_done { Ok(searched) } else { Err(RestError::Unreachable) }
    }

    /// Searches again when the job has printed more than `searched` bytes.
    fn wait_for_output(self, search: u32, from: Option<LineKey>, (searched, pause): (i64, Duration)) {
        let look = move || {
            if !self.is_current(search) {
                return;
            }
            if self.screen().totals.with_untracked(Totals::bytes) > searched {
                self.run(search, from);
            } else {
                self.wait_for_output(search, from, (searched, pause));
            }
        };
        set_timeout(look, pause);
    }
}
