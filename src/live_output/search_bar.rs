//! The search field of Live Output: sends the reader's search to the server, counts the matches and moves between them.
//!
//! The search is part of the page's address, so that it can be shared: `?q=error&regex=true`.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::SearchPage;
use web_sys::UrlSearchParams;

use super::line::LineKey;
use super::permalink;
use super::screen::{Screen, search_path};
use super::search::{Findings, SearchTerms};
use super::totals::Totals;
use crate::rest::{self, Reading, RestError};
use crate::ui::Icon;
use crate::words;

/// The pause after the last key before the search begins.
const TYPING_PAUSE: Duration = Duration::from_millis(150);
/// The interval at which new output of a running job is searched.
const SEARCH_NEW_EVERY: Duration = Duration::from_secs(1);
/// The number of marks beside the scrollbar. More could not be told apart.
const TICKS: i64 = 500;

/// The state of the search as signals. Copies of a `Search` share the same state.
#[derive(Clone, Copy)]
pub struct Search {
    screen: StoredValue<Screen>,
    /// Whether the search field is shown.
    pub is_open: RwSignal<bool>,
    terms: RwSignal<SearchTerms>,
    findings: RwSignal<Findings>,
    /// Whether the server is searching, or the reason why the search failed.
    progress: RwSignal<Progress>,
    /// The match that the reader has moved to.
    current: RwSignal<Option<LineKey>>,
    /// The number of searches so far. Results of earlier searches are ignored.
    searches: StoredValue<u32>,
    input: NodeRef<html::Input>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Idle,
    Searching,
    Failed(String),
}

impl Search {
    /// Creates a search that has not begun.
    pub fn new(screen: Screen) -> Self {
        Self {
            screen: StoredValue::new(screen),
            is_open: RwSignal::new(false),
            terms: RwSignal::default(),
            findings: RwSignal::default(),
            progress: RwSignal::new(Progress::Idle),
            current: RwSignal::new(None),
            searches: StoredValue::new(0),
            input: NodeRef::new(),
        }
    }

    fn screen(self) -> Screen {
        self.screen.get_value()
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
        if let Some(scroller) = self.screen().scroller.get_untracked() {
            let _ = scroller.focus();
        }
    }

    /// Returns whether the search field has the keyboard focus.
    pub fn has_focus(self) -> bool {
        let focused = document().active_element();
        self.input.get_untracked().is_some_and(|input| focused.as_ref() == Some(input.as_ref()))
    }

    /// Begins the search in the page's address, if there is one. A line in the address is shown instead of a match.
    pub fn begin_from_address(self) {
        let address = window().location().search().unwrap_or_default();
        let Ok(parameters) = UrlSearchParams::new_with_str(&address) else { return };
        let is = |name: &str| parameters.get(name).as_deref() == Some("true");
        if let Some(text) = parameters.get("q").filter(|text| !text.is_empty()) {
            self.is_open.set(true);
            let first = permalink::in_address().is_none().then_some(LineKey { attempt: 1, number: 1 });
            self.set_terms(SearchTerms { text, is_regex: is("regex"), matches_case: !is("ignoreCase") }, first);
        }
    }

    /// Moves to the next match in a direction.
    pub fn go(self, direction: Direction) {
        let Some(from) = self.current.get_untracked().or_else(|| self.screen().current()) else { return };
        let next = self.findings.with_untracked(|findings| match direction {
            Direction::Next => findings.after(from),
            Direction::Previous => findings.before(from),
        });
        self.go_to(next);
    }

    fn go_to(self, key: Option<LineKey>) {
        if let Some(key) = key {
            self.current.set(Some(key));
            self.screen().show_match(key);
        }
    }

    fn change(self, change: impl FnOnce(&mut SearchTerms)) {
        let mut terms = self.terms.get_untracked();
        change(&mut terms);
        self.set_terms(terms, self.screen().current());
    }

    /// Begins another search, or ends the current one if there is no text. The first match from line `from` on is shown
    /// as soon as it has been found.
    fn set_terms(self, terms: SearchTerms, from: Option<LineKey>) {
        if terms == self.terms.get_untracked() {
            return;
        }
        self.searches.update_value(|searches| *searches += 1);
        self.findings.set(Findings::default());
        self.current.set(None);
        let query = (!terms.text.is_empty()).then(|| encoded(&terms));
        put_into_address(query.as_deref().unwrap_or_default());
        self.terms.set(terms);
        self.screen().set_search(query.clone());
        self.progress.set(if query.is_some() { Progress::Searching } else { Progress::Idle });
        if let Some(query) = query {
            let search = self.searches.get_value();
            set_timeout(move || self.run(query, search, from), TYPING_PAUSE);
        }
    }

    fn is_current(self, search: u32) -> bool {
        self.searches.try_get_value() == Some(search)
    }

    /// Searches what has not been searched yet.
    fn run(self, query: String, search: u32, mut from: Option<LineKey>) {
        if !self.is_current(search) {
            return;
        }
        let bytes = self.screen().totals.with_untracked(Totals::bytes);
        spawn_local(async move {
            for attempt in 1..=self.screen().last_attempt() {
                let read = self.search_attempt(attempt, &query, search, &mut from).await;
                if !self.is_current(search) {
                    return;
                }
                if let Err(RestError::Refused { message, .. }) = read {
                    return self.progress.set(Progress::Failed(message));
                }
            }
            if let Some(from) = from {
                self.go_to(self.findings.with_untracked(|findings| findings.after(from)));
            }
            self.progress.set(Progress::Idle);
            self.wait_for_output(query, search, bytes);
        });
    }

    /// Searches one attempt. Shows the first match from line `from` on, and then clears `from`.
    async fn search_attempt(
        self,
        attempt: i32,
        query: &str,
        search: u32,
        from: &mut Option<LineKey>,
    ) -> Result<(), RestError> {
        let Some(first) = self.findings.with_untracked(|findings| findings.next(attempt)) else { return Ok(()) };
        let path = search_path(self.screen().job(), attempt, &format!("{query}&from={first}&limit=0"));
        let mut has_begun = false;
        rest::get_each(&path, |part: SearchPage| {
            if !self.is_current(search) {
                return Reading::Stop;
            }
            self.findings.update(|findings| {
                if !std::mem::replace(&mut has_begun, true) {
                    findings.begin(attempt, first);
                }
                findings.take(attempt, &part);
            });
            let is_after = |line: &LineKey| from.is_some_and(|from| *line >= from);
            if let Some(found) = self.findings.with_untracked(|findings| findings.lines().find(is_after)) {
                *from = None;
                self.go_to(Some(found));
            }
            Reading::Continue
        })
        .await
    }

    /// Searches again when the job has printed more than `bytes`.
    fn wait_for_output(self, query: String, search: u32, bytes: i64) {
        let look = move || {
            if !self.is_current(search) {
            } else if self.screen().totals.with_untracked(Totals::bytes) > bytes {
                self.run(query, search, None);
            } else {
                self.wait_for_output(query, search, bytes);
            }
        };
        set_timeout(look, SEARCH_NEW_EVERY);
    }

    /// Describes the matches: their number, and the position of the current one.
    fn summary(self) -> String {
        let (progress, total) = (self.progress.get(), self.findings.with(Findings::total));
        let more = if progress == Progress::Searching { "\u{2026}" } else { "" };
        match (progress, self.current.get().and_then(|key| self.findings.with(|findings| findings.rank(key)))) {
            (Progress::Failed(message), _) => message,
            (_, Some(rank)) => format!("{} of {}{more}", words::count(rank), words::count(total)),
            _ if self.terms.with(|terms| terms.text.is_empty()) => String::new(),
            (Progress::Searching, None) if total == 0 => "Searching\u{2026}".to_owned(),
            (_, None) if total == 0 => "No matches".to_owned(),
            (_, None) => format!("{}{more}", words::plural(total, "matching line")),
        }
    }
}

/// The direction in which the reader moves between matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Next,
    Previous,
}

/// Encodes the search as the query of an address.
fn encoded(terms: &SearchTerms) -> String {
    let encoded = |(name, value): (&str, &str)| format!("{name}={}", String::from(js_sys::encode_uri_component(value)));
    terms.parameters().into_iter().map(encoded).collect::<Vec<_>>().join("&")
}

/// Changes the query of the page's address, without adding a history entry.
fn put_into_address(query: &str) {
    let location = window().location();
    let (path, hash) = (location.pathname().unwrap_or_default(), location.hash().unwrap_or_default());
    let mark = if query.is_empty() { "" } else { "?" };
    let address = format!("{path}{mark}{query}{hash}");
    // A browser may refuse the call, for example if it is repeated too often. The address then remains unchanged.
    let _ = window()
        .history()
        .map(|history| history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address)));
}

/// The search field with its options, and the marks beside the scrollbar.
#[component]
pub fn SearchBar(search: Search) -> impl IntoView {
    let has_matches = move || search.findings.with(|findings| findings.total() > 0);
    let on_key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Enter" if search.has_focus() && event.shift_key() => search.go(Direction::Previous),
        "Enter" if search.has_focus() => search.go(Direction::Next),
        "Escape" => search.close(),
        _ => {}
    };
    view! {
        <Show when=move || search.is_open.get()>
            <div class="live-search" role="search" aria-label="Search in the output" on:keydown=on_key>
                <input
                    type="search"
                    aria-label="Search in the output"
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
                    title="Previous match (Shift+Enter)"
                    aria-label="Previous match"
                    data-testid="search-previous"
                    disabled=move || !has_matches()
                    on:click=move |_| search.go(Direction::Previous)
                >
                    <Icon name="up" />
                </button>
                <button
                    class="toggle"
                    title="Next match (Enter)"
                    aria-label="Next match"
                    data-testid="search-next"
                    disabled=move || !has_matches()
                    on:click=move |_| search.go(Direction::Next)
                >
                    <Icon name="chevron" />
                </button>
                <button class="toggle" title="Close (Esc)" aria-label="Close the search" on:click=move |_| search.close()>
                    <Icon name="remove" />
                </button>
            </div>
            <svg class="live-ticks" aria-hidden="true" preserveAspectRatio="none" viewBox=format!("0 0 1 {TICKS}")>
                <path d=move || search.ticks() />
            </svg>
        </Show>
    }
    .into_any()
}

impl Search {
    /// Returns the marks beside the scrollbar as an SVG path.
    fn ticks(self) -> String {
        self.screen().totals.with(|totals| {
            let all = totals.lines().max(1);
            let mut ticks: Vec<i64> =
                self.findings.with(|findings| findings.lines().map(|key| totals.index(key) * TICKS / all).collect());
            ticks.dedup();
            ticks.into_iter().map(|tick| format!("M0 {tick}h1")).collect()
        })
    }
}
