//! The search field of Live Output: asks the server to search all logs of the page, counts the matches, and moves
//! between them.
//!
//! The search is part of the page's URL, so that readers can share it: `?q=error&regex=true`.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::address;
use super::finder::{FindDirection, FindProgress};
use super::line::LineKey;
use super::logs::{Log, LogRole, Logs};
use super::permalink;
use super::search::SearchTerms;
use crate::rest;
use crate::ui::Icon;
use crate::words;

/// The pause after the last key before the search begins.
const TYPING_PAUSE: Duration = Duration::from_millis(150);
/// The interval at which new output of a running job is searched.
pub(super) const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// The state of the search as signals. Copies of a `ReaderSearch` share the same state.
#[derive(Clone, Copy)]
pub struct ReaderSearch {
    logs: Logs,
    /// Whether the search field is shown.
    pub is_open: RwSignal<bool>,
    terms: RwSignal<SearchTerms>,
    input: NodeRef<html::Input>,
}

impl ReaderSearch {
    /// Creates a search that has not begun.
    pub fn new(logs: Logs) -> Self {
        Self { logs, is_open: RwSignal::new(false), terms: RwSignal::default(), input: NodeRef::new() }
    }

    /// Shows the search field and moves the keyboard focus to it.
    pub fn open(self) {
        self.is_open.set(true);
        // The field is in the document after the next tick.
        spawn_local(async move {
            leptos::task::tick().await;
            if let Some(input) = self.input.try_get_untracked().flatten() {
                // Focusing fails only if the field is no longer in the document.
                let _ = input.focus();
                input.select();
            }
        });
    }

    /// Ends the search and hides the field.
    pub fn close(self) {
        self.is_open.set(false);
        self.set_terms(SearchTerms::default(), None);
        if let Some(scroller) = untrack(|| self.logs.active()).screen().list.scroller.get_untracked() {
            let _ = scroller.focus();
        }
    }

    /// Returns whether the search field has the keyboard focus.
    pub fn has_focus(self) -> bool {
        let focused = document().active_element();
        self.input.get_untracked().is_some_and(|input| focused.as_ref() == Some(input.as_ref()))
    }

    /// Searches a log for the text in the page's URL, if there is one. The first match of the first log is shown,
    /// unless the URL contains a line.
    pub fn begin(self, log: Log) {
        let Some(parameters) = address::parameters() else { return };
        let is = |name: &str| parameters.get(name).as_deref() == Some("true");
        if let Some(text) = parameters.get("q").filter(|text| !text.is_empty()) {
            self.is_open.set(true);
            let screen = log.screen();
            let shows_match = match screen.role() {
                LogRole::Only => permalink::in_address(screen.last_attempt()).is_none(),
                LogRole::First => true,
                LogRole::Other => false,
            };
            let first = shows_match.then_some(LineKey::FIRST);
            let terms = SearchTerms { text, is_regex: is("regex"), matches_case: !is("ignoreCase") };
            // During the pause, the lines for the filter in the URL are found, so that the match is shown among these
            // lines.
            search_in(log, &terms, first, TYPING_PAUSE);
            self.terms.set(terms);
        }
    }

    /// Moves to the next match in a direction.
    pub fn go(self, direction: FindDirection) {
        self.logs.go(Log::matches, direction);
    }

    fn change(self, change: impl FnOnce(&mut SearchTerms)) {
        let mut terms = self.terms.get_untracked();
        change(&mut terms);
        self.set_terms(terms, untrack(|| self.logs.active()).screen().current());
    }

    /// Ends the current search and, if there are terms, begins another search. As soon as a match at or after line
    /// `from` of the active log has been found, the first such match is shown.
    fn set_terms(self, terms: SearchTerms, from: Option<LineKey>) {
        if terms == self.terms.get_untracked() {
            return;
        }
        let parameters = if terms.text.is_empty() { Vec::new() } else { terms.parameters() };
        address::replace_parameters(&SearchTerms::PARAMETERS, &parameters);
        for (index, log) in self.logs.all().into_iter().enumerate() {
            let is_active = untrack(|| self.logs.is_active(index));
            search_in(log, &terms, from.filter(|_| is_active), TYPING_PAUSE);
        }
        self.terms.set(terms);
    }

    /// Returns the URL query of the search, or `None` if there is no search.
    pub fn query(self) -> Option<String> {
        self.terms.with(encoded)
    }

    /// Returns the state of the searches of all logs.
    fn progress(self) -> FindProgress {
        let mut all = FindProgress::Idle;
        for log in self.logs.all() {
            match log.matches().progress.get() {
                failed @ FindProgress::Failed(_) => return failed,
                FindProgress::Searching => all = FindProgress::Searching,
                FindProgress::Idle => {}
            }
        }
        all
    }

    /// Describes the number of matches, and the position of the current match among them.
    fn summary(self) -> String {
        let (progress, total) = (self.progress(), self.logs.total(Log::matches));
        let more = if progress == FindProgress::Searching { "\u{2026}" } else { "" };
        match (progress, self.logs.rank(Log::matches)) {
            (FindProgress::Failed(message), _) => words::sentence(&message),
            (_, Some(rank)) => format!("{} of {}{more}", words::count(rank), words::count(total)),
            _ if self.terms.with(|terms| terms.text.is_empty()) => String::new(),
            (FindProgress::Searching, None) if total == 0 => "Searching\u{2026}".to_owned(),
            (_, None) if total == 0 => "No matches".to_owned(),
            (_, None) => format!("{}{more}", words::plural(total, "matching line")),
        }
    }
}

/// Searches a log after a pause, or ends its search if there is no text.
fn search_in(log: Log, terms: &SearchTerms, from: Option<LineKey>, pause: Duration) {
    let query = encoded(terms);
    log.screen().set_search(query.clone());
    log.matches().search(query, from, pause);
}

/// Encodes the search as a URL query. Returns `None` if there is no text to search for.
fn encoded(terms: &SearchTerms) -> Option<String> {
    let parameter = |(name, value): (&str, &str)| format!("{name}={}", rest::encoded(value));
    (!terms.text.is_empty()).then(|| terms.parameters().into_iter().map(parameter).collect::<Vec<_>>().join("&"))
}

/// The search field with its options.
#[component]
pub fn SearchBar(search: ReaderSearch) -> impl IntoView {
    let logs = search.logs;
    let has_matches = move || logs.total(Log::matches) > 0;
    let on_key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Enter" if search.has_focus() && event.shift_key() => search.go(FindDirection::Previous),
        "Enter" if search.has_focus() => search.go(FindDirection::Next),
        "Escape" => search.close(),
        _ => {}
    };
    view! {
        <Show when=move || search.is_open.get()>
            <div class="live-search" role="search" aria-label="Search the output" on:keydown=on_key>
                <input
                    type="search"
                    aria-label="Search the output"
                    placeholder="Search"
                    autocomplete="off"
                    spellcheck="false"
                    data-testid="search-text"
                    node_ref=search.input
                    prop:value=move || search.terms.with(|terms| terms.text.clone())
                    on:input=move |event| search.change(|terms| terms.text = event_target_value(&event))
                />
                <span class="live-search-summary" role="status" data-testid="search-summary">
                    {move || search.summary()}
                </span>
                <button
                    class="toggle"
                    title="Match case"
                    aria-label="Match case"
                    data-testid="search-case"
                    aria-pressed=move || search.terms.with(|terms| terms.matches_case).to_string()
                    on:click=move |_| search.change(|terms| terms.matches_case ^= true)
                >
                    "Aa"
                </button>
                <button
                    class="toggle"
                    title="Regular expression"
                    aria-label="Regular expression"
                    data-testid="search-regex"
                    aria-pressed=move || search.terms.with(|terms| terms.is_regex).to_string()
                    on:click=move |_| search.change(|terms| terms.is_regex ^= true)
                >
                    ".*"
                </button>
                <button
                    class="toggle"
                    title="Show only matching lines"
                    aria-label="Show only matching lines"
                    data-testid="search-only"
                    aria-pressed=move || logs.filter().only_matches.to_string()
                    disabled=move || search.terms.with(|terms| terms.text.is_empty())
                    on:click=move |_| logs.change_filter(|filter| filter.only_matches ^= true)
                >
                    <Icon name="filter" />
                </button>
                <button
                    class="toggle"
                    title="Previous match (Shift+Enter)"
                    aria-label="Previous match"
                    data-testid="search-previous"
                    disabled=move || !has_matches()
                    on:click=move |_| search.go(FindDirection::Previous)
                >
                    <Icon name="up" />
                </button>
                <button
                    class="toggle"
                    title="Next match (Enter)"
                    aria-label="Next match"
                    data-testid="search-next"
                    disabled=move || !has_matches()
                    on:click=move |_| search.go(FindDirection::Next)
                >
                    <Icon name="chevron" />
                </button>
                <button class="toggle" title="Close (Esc)" aria-label="Close the search" on:click=move |_| search.close()>
                    <Icon name="remove" />
                </button>
            </div>
        </Show>
    }
    .into_any()
}
