//! Live Output: displays a job's log, both while the job is running and afterwards.
//!
//! An event passes through these modules, in this order:
//!
//! - [`feed`] connects to the server, resumes from its cursor and delivers batches of events.
//! - [`buffer`] assembles lines from chunks (a chunk is the output in one event) and stores a bounded window of the
//!   lines. It uses [`mod@line`], [`model::ansi`], [`model::level`] and [`totals`].
//! - [`filter`] selects the lines and events to show.
//! - [`groups`] finds the groups of lines, which can be collapsed.
//! - [`layout`] computes the position of each row.
//! - [`panel`] computes the visible rows and the scroll position.
//! - [`screen`] draws the result with the views [`rows`], [`toolbar`] and [`status_bar`].
//! - [`placement`] puts the rows into place.
//!
//! The modules from [`buffer`] to [`panel`] are pure. [`follow`] reacts to the reader's scrolling, and [`permalink`]
//! puts a reference to a line into the page's URL. [`search_bar`], [`errors`] and [`filtering`] each use a [`finder`],
//! which asks the server to search the whole log. [`search`] stores the results. [`selected`] stores the lines that a
//! filter selects. [`listed`] provides the lines of the list: the selected lines, or the lines of the buffer. [`logs`]
//! contains all logs of the page, because a page can show several jobs.
//!
//! Live Output never renders job output as HTML (it creates text nodes only) and never scrolls the page itself. Only
//! visible rows and some adjacent ones are in the document. Events are identified by their `seq` alone.

pub mod address;
pub mod buffer;
mod chosen_bar;
mod copying;
pub mod display;
mod errors;
mod feed;
pub mod filter;
mod filter_bar;
mod filtering;
mod finder;
mod follow;
pub mod groups;
mod lag;
pub mod layout;
mod lifecycle_event;
pub mod line;
mod links;
pub mod listed;
pub mod logs;
pub mod merged;
pub mod panel;
pub mod permalink;
mod placement;
mod rows;
mod screen;
mod search;
mod search_bar;
pub mod selected;
mod shortcuts;
#[cfg(test)]
pub(crate) mod simulated;
mod status_bar;
mod ticks;
mod toolbar;
pub mod totals;
mod without_scripts;

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::ResizeObserver;

use chosen_bar::ChosenBar;
use display::LongLines;
pub use errors::StepErrors;
use feed::Feed;
use feed::policy::Connection;
use filter::OutputFilter;
use filter_bar::FilterBar;
use finder::FindProgress;
use follow::Scrolls;
use lag::Lag;
use logs::{Log, LogSource, Logs};
use model::{Event, JobStatus, Payload};
use placement::Ruler;
use rows::Rows;
use screen::Screen;
pub use search_bar::ReaderSearch;
use search_bar::SearchBar;
use shortcuts::Shortcuts;
use status_bar::StatusBar;
use ticks::Ticks;
pub use toolbar::CopyButton;
use toolbar::Toolbar;
use without_scripts::WithoutScripts;

use crate::words;

/// The number of lines is announced to screen readers only if nothing has been announced for this many milliseconds.
/// The lines themselves are not announced, because a scrolling log is too much to read aloud.
const ANNOUNCE_EVERY_MS: f64 = 10_000.0;

/// Shows the log of a job and updates it live.
#[component]
pub fn LiveOutput(source: LogSource) -> impl IntoView {
    let logs = Logs::new(std::slice::from_ref(&source));
    let search = ReaderSearch::new(logs);
    let is_filter_bar_open = RwSignal::new(false);
    view! {
        <section class="live" aria-label="Live Output" data-testid="live-output">
            <Toolbar logs search is_filter_bar_open />
            <Bars logs search is_filter_bar_open />
            <LogPanel source log=logs.active() search />
            <Shortcuts logs search />
        </section>
    }
    .into_any()
}

/// Shows the tools that all logs of a page share.
#[component]
pub fn CommonTools(logs: Logs, search: ReaderSearch) -> impl IntoView {
    let is_filter_bar_open = RwSignal::new(false);
    // If one log removes its filter to show a hidden line, remove the filter from the other logs too.
    Effect::new(move || {
        let _ = logs.filter();
        untrack(|| logs.change_filter(|_| ()));
    });
    view! {
        <section class="live-common" aria-label="Tools">
            <Toolbar logs search is_filter_bar_open />
            <Bars logs search is_filter_bar_open />
            <Shortcuts logs search />
        </section>
    }
    .into_any()
}

/// Shows the filter bar and the search bar if they are open. If the filter was removed to show a line, also offers to
/// restore the filter.
#[component]
fn Bars(logs: Logs, search: ReaderSearch, is_filter_bar_open: RwSignal<bool>) -> impl IntoView {
    view! {
        <div class="live-bars">
            <Show when=move || logs.has_filter_before()>
                <p class="live-returning">
                    "All lines are shown. "
                    <button
                        class="link"
                        data-testid="return-to-filter"
                        title="Return to the filter (o)"
                        on:click=move |_| {
                            logs.return_to_filter();
                        }
                    >
                        "Return to the filter"
                    </button>
                </p>
            </Show>
            <FilterBar logs is_open=is_filter_bar_open />
            <SearchBar search />
        </div>
    }
    .into_any()
}

/// Shows the rows of a log with its status bar, and updates them live.
#[component]
pub fn LogPanel(source: LogSource, log: Log, search: ReaderSearch) -> impl IntoView {
    let LogSource { job, step_errors, on_lifecycle_events, on_hidden_change, .. } = source;
    let screen = log.screen();
    let connection = log.connection;
    let sentinel: NodeRef<html::Div> = NodeRef::new();
    let lag = Lag::new();
    let try_now = RwSignal::new(0_u32);
    let announcement = RwSignal::new(String::new());

    Effect::new(move || {
        let (Some(scroller), Some(end)) = (screen.list.scroller.get(), sentinel.get()) else { return };
        let hands = follow::watch(screen, &scroller, &end);
        let observer =
            observe_size(screen.list.scroller, screen.list.nodes.get_value().ruler, move || screen.measure());
        display::restore(screen);
        screen.measure();
        screen.go_to_address();
        search.begin(log);
        log.errors().begin(step_errors);
        log.filtering().begin(log, Signal::derive(move || search.query()));
        let has_failed = matches!(job.with_untracked(|job| job.status), JobStatus::Failed | JobStatus::DeadLetter);
        if has_failed
            && screen.follows.get_untracked()
            && !search.is_open.get_untracked()
            && !screen.filter.get_untracked().selects_lines()
        {
            log.errors().show_first_of_failed_step();
        }
        let feed = (connection.get_untracked() != Connection::Ended).then(|| {
            let announced = StoredValue::new(0.0);
            let on_events = move |events: Vec<Event>| {
                lag.note(&events);
                let new_events: Vec<Event> =
                    events.iter().filter(|event| !matches!(event.payload, Payload::Log(_))).cloned().collect();
                screen.append(events);
                announce(log, announcement, announced, &new_events);
                if !new_events.is_empty() {
                    on_lifecycle_events.run(new_events);
                }
            };
            Feed::connect(screen.job(), screen.cursor(), connection, on_events, move || on_hidden_change.run(()))
        });
        let address = window_event_listener(leptos::ev::hashchange, move |_| screen.go_to_address());
        on_cleanup(move || address.remove());
        // The three values are dropped together with this effect, when the user leaves the page.
        let feed = StoredValue::new_local((hands, observer, feed));
        Effect::new(move || {
            if try_now.get() > 0 {
                feed.with_value(|(_, _, feed)| feed.iter().for_each(Feed::try_now));
            }
        });
    });

    announce_connection(connection, announcement);
    Effect::new(move || {
        if let Some(line) = screen.spoken_line() {
            announcement.set(line);
        }
    });

    view! {
        <div
            class="live-rows"
            role="log"
            aria-live="off"
            aria-label=move || log.name().map_or_else(|| "Output".to_owned(), |name| format!("Output of {name}"))
            tabindex="0"
            data-times=move || screen.display.get().times.as_str()
            data-wrap=move || (screen.display.get().long_lines == LongLines::Wrapped).to_string()
            node_ref=screen.list.scroller
        >
            <WithoutScripts log />
            <Rows screen />
            <p class="live-note">{move || note(log)}</p>
            <div class="live-end" node_ref=sentinel></div>
        </div>
        <Show when=move || { screen.unseen.get() > 0 }>
            <button class="live-new" data-testid="new-lines" on:click=move |_| screen.follow()>
                {move || new_rows(screen)} " \u{2193}"
            </button>
        </Show>
        <ChosenBar screen job />
        <StatusBar screen connection lag on_try_now=move || try_now.update(|tries| *tries += 1) />
        <Ticks log />
        <div class="visually-hidden" role="status">
            {announcement}
        </div>
    }
    .into_any()
}

fn new_rows(screen: Screen) -> String {
    let count = screen.unseen.get();
    match screen.filter.get().kind {
        OutputFilter::Stages => words::plural(count, "new event"),
        OutputFilter::Warnings if count == 1 => "1 new warning or error".to_owned(),
        OutputFilter::Warnings => format!("{} new warnings or errors", words::count(count)),
        OutputFilter::All | OutputFilter::Logs => words::plural(count, "new line"),
    }
}

/// Returns the message to display after the rows, or `None` if there is none. The message states why the server refused
/// the request, or why there are no rows.
fn note(log: Log) -> Option<String> {
    let (screen, job) = (log.screen(), log.job.read());
    let (counts, filter) = (screen.counts.get(), screen.filter.get().kind);
    if let Connection::Refused(status) = log.connection.get() {
        let text = match status {
            401 => "Your session has ended. Reload the page to log in again.",
            403 => "You are not allowed to read this job's output.",
            404 => "This job no longer exists.",
            _ => "The server refused to send this job's output.",
        };
        return Some(text.to_owned());
    }
    if let Some(at) = job.output_removed_at
        && filter != OutputFilter::Stages
    {
        return Some(words::output_removed(at));
    }
    let is_waiting = job.status == JobStatus::Queued && counts.logs == 0;
    if let Some(shown) = counts.narrowed.filter(|_| !is_waiting) {
        return match log.filtering().progress() {
            FindProgress::Failed(message) => {
                Some(format!("The filter cannot be applied. {}.", words::sentence(&message)))
            }
            FindProgress::Searching if shown == 0 => Some("Searching\u{2026}".to_owned()),
            FindProgress::Idle if shown == 0 => Some("No lines match the filter.".to_owned()),
            FindProgress::Searching | FindProgress::Idle => None,
        };
    }
    if let Some(pause) = &job.pause {
        return Some(format!("Waiting. {}", words::paused(pause)));
    }
    if let Some(wait) = job.concurrency_wait.as_ref().filter(|_| is_waiting) {
        return Some(format!("{}.", words::waits_for_key(wait)));
    }
    let text = match (job.status, filter) {
        (JobStatus::Queued, _) if counts.logs == 0 => match job.queue_position {
            Some(position) if position > 1 => {
                return Some(format!("Waiting for a worker, behind {}.", words::plural(position - 1, "job")));
            }
            _ => "Next in line for a worker.",
        },
        (JobStatus::Running, OutputFilter::All | OutputFilter::Logs) if counts.logs == 0 => "Nothing printed yet.",
        (_, OutputFilter::All | OutputFilter::Logs) if counts.logs == 0 => "The job printed nothing.",
        (_, OutputFilter::Warnings) if counts.warnings == 0 => "No warnings or errors.",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Announces once that the connection was lost, and once that it works again. The countdown to the next attempt is not
/// announced, because it changes every second.
fn announce_connection(connection: RwSignal<Connection>, announcement: RwSignal<String>) {
    Effect::new(move |was_lost: Option<bool>| {
        let was_lost = was_lost == Some(true);
        let is_lost = match connection.get() {
            Connection::Reconnecting { .. } => true,
            Connection::Live | Connection::Polling(_) => false,
            _ => was_lost,
        };
        match (was_lost, is_lost) {
            (false, true) => announcement.set("Connection lost".to_owned()),
            (true, false) => announcement.set("Connected again".to_owned()),
            _ => {}
        }
        is_lost
    });
}

fn announce(log: Log, announcement: RwSignal<String>, announced: StoredValue<f64>, new_events: &[Event]) {
    let last = new_events.iter().rev().find(|event| matches!(event.payload, Payload::Job(_) | Payload::Step(_)));
    let now = js_sys::Date::now();
    let text = if let Some(event) = last {
        event.message.clone()
    } else if now - announced.get_value() > ANNOUNCE_EVERY_MS {
        words::plural(log.screen().totals.with_untracked(totals::Totals::lines), "line")
    } else {
        return;
    };
    announcement.set(untrack(|| log.name()).map_or_else(|| text.clone(), |name| format!("{name}: {text}")));
    announced.set_value(now);
}

/// Calls `measure` when the size of a list changes, or when the size of characters changes because a font was loaded.
/// Returns `None` if the browser could not create the observer.
fn observe_size(scroller: NodeRef<html::Div>, ruler: Ruler, measure: impl Fn() + 'static) -> Option<SizeObserver> {
    let closure = Closure::new(move |_: js_sys::Array| measure());
    let observer = ResizeObserver::new(closure.as_ref().unchecked_ref()).ok()?;
    observer.observe(scroller.get_untracked()?.as_ref());
    observer.observe(ruler.columns.get_untracked()?.as_ref());
    Some(SizeObserver { observer, _closure: closure })
}

/// Observes the size of elements until it is dropped.
struct SizeObserver {
    observer: ResizeObserver,
    _closure: Closure<dyn FnMut(js_sys::Array)>,
}

impl Drop for SizeObserver {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
