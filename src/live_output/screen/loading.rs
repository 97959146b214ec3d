//! Requests the lines, the matches and the end of the log that the panel needs.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{EventsPage, JobId, LinesPage, SearchPage, Seq};
use serde::de::DeserializeOwned;

use super::Screen;
use crate::live_output::buffer::LineRange;
use crate::live_output::filter::RowFilter;
use crate::live_output::line::LineKey;
use crate::live_output::panel::{LineRequest, Panel};
use crate::live_output::selected::FoundDirection;
use crate::rest::{self, RestError};

/// The number of events that are loaded from the end of the log, which is the API's limit.
const END_LIMIT: usize = 500;
/// The number of lines whose matches are loaded by one request. More lines are rarely drawn at once.
const MARKED_LINES: usize = 300;
/// The shortest time between two requests for matches, which limits the load while lines arrive continuously.
const MARK_EVERY: Duration = Duration::from_millis(250);
/// The pause after a request that did not reach the server.
const MARK_AGAIN: Duration = Duration::from_secs(2);

/// The requests in progress, and the state of the screen that is not in signals.
#[derive(Debug, Default)]
pub(super) struct Requests {
    is_loading_lines: bool,
    is_loading_marks: bool,
    /// Whether the rows are shown in the merged list.
    pub(super) is_merged: bool,
    /// The line to which the merged list has to scroll, or `None` if it does not have to scroll.
    pub(super) sought: Option<LineKey>,
    /// The filter to return to, or `None` if no line is shown in its context.
    pub(super) filter_before: Option<RowFilter>,
    /// The URL query of the current search, or `None` if there is no search.
    pub(super) search: Option<String>,
}

impl Screen {
    /// Loads lines, unless other lines are being loaded. If the request fails, it is repeated the next time the panel
    /// is drawn with these lines in view. Returns whether a request was sent.
    pub fn load(self, wanted: LineRequest) -> bool {
        let is_loading =
            self.requests.try_update_value(|requests| std::mem::replace(&mut requests.is_loading_lines, true));
        if is_loading != Some(false) {
            return false;
        }
        spawn_local(async move {
            match wanted {
                LineRequest::Head(part) => {
                    let path = format!("{}&raw=true", lines_path(self.job, part));
                    if let Ok(page) = self.loaded::<LinesPage>(&path).await {
                        self.change(|panel| panel.load_head(part, page));
                    }
                }
                LineRequest::Lines(part) => {
                    if let Ok(page) = self.loaded::<LinesPage>(&lines_path(self.job, part)).await {
                        self.change(|panel| panel.load(part, page));
                    }
                }
                LineRequest::Selected(part) => {
                    let (filter, selection) = (self.filter.get_untracked(), self.selection().unwrap_or_default());
                    let direction = match part.direction {
                        FoundDirection::From => "from",
                        FoundDirection::Before => "before",
                    };
                    let LineKey { attempt, number } = part.key;
                    let query = format!("{selection}&{direction}={number}&limit={}", part.count);
                    let page = self.loaded::<SearchPage>(&search_path(self.job, attempt, &query)).await;
                    // The result is not used if the filter or the reader's search has changed in the meantime.
                    let is_current = self.filter.try_get_untracked() == Some(filter)
                        && self.selection().as_deref() == Some(selection.as_str());
                    if let Ok(page) = page
                        && is_current
                    {
                        self.change(|panel| panel.load_selected(part, page));
                    } else if !is_current {
                        self.draw();
                    }
                }
            }
        });
        true
    }

    async fn loaded<T: DeserializeOwned>(self, path: &str) -> Result<T, RestError> {
        let page = rest::get::<T>(path).await;
        if matches!(page, Err(RestError::Refused { .. })) {
            // The server refuses the request, for example, if the attempt in the page's URL does not exist.
            self.panel.try_update_value(Panel::stop_waiting);
        }
        self.requests.try_update_value(|requests| requests.is_loading_lines = false);
        page
    }

    /// Loads the matches of the current search in the lines from `from` on.
    pub fn load_marks(self, from: LineKey) {
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
                // The search is abandoned, because another request for it would be refused as well.
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

    pub(super) fn load_end(self) {
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

/// Returns the API path from which a range of lines is loaded.
pub(in crate::live_output) fn lines_path(job: JobId, part: LineRange) -> String {
    let LineRange { attempt, first, count } = part;
    format!("/api/queue/jobs/{job}/lines?attempt={attempt}&from={first}&count={count}")
}

/// Returns the API path that searches an attempt.
pub(in crate::live_output) fn search_path(job: JobId, attempt: i32, query: &str) -> String {
    format!("/api/queue/jobs/{job}/log/search?attempt={attempt}&{query}")
}
