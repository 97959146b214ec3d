//! The toolbar with the filters and the buttons for following, copying and downloading.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::Job;

use super::copying;
use super::display::DisplayMenu;
use super::errors::ErrorButtons;
use super::filter::OutputFilter;
use super::filter_bar::FilterBarButton;
use super::logs::{Log, Logs};
use super::screen::{Screen, search_path};
use super::search_bar::ReaderSearch;
use crate::ui::{Dropdown, Icon, clipboard};
use crate::words;

/// The time for which a button shows the result of its action.
pub(super) const NOTICE_TIME: Duration = Duration::from_secs(3);

/// Shows the toolbar. On narrow screens, rarely used tools are in a menu. Tools for a single log are shown only if the
/// page shows a single log.
#[component]
pub fn Toolbar(logs: Logs, search: ReaderSearch, is_filter_bar_open: RwSignal<bool>) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <div class="live-tools">
            <div class="segments needs-scripts" role="group" aria-label="Filter">
                {OutputFilter::ALL.map(|filter| view! { <FilterButton logs filter /> }).collect_view()}
            </div>
            <span class="wide">
                <FilterBarButton logs is_open=is_filter_bar_open />
            </span>
            <span class="push"></span>
            <button
                class="button needs-scripts"
                data-testid="search-open"
                aria-expanded=move || search.is_open.get().to_string()
                aria-label="Search"
                title="Search the whole log (/)"
                on:click=move |_| search.open()
            >
                <Icon name="search" />
            </button>
            <button
                class="button needs-scripts"
                data-testid="follow-toggle"
                aria-pressed=move || logs.follows().to_string()
                aria-label="Follow"
                title="Follow new lines (f)"
                on:click=move |_| logs.toggle_follow()
            >
                <Icon name="follow" />
                <span class="label wide">"Follow"</span>
            </button>
            <button
                class="button menu-toggle needs-scripts"
                aria-expanded=move || open.get().to_string()
                aria-controls="live-more"
                aria-label="More tools"
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <Icon name="more" />
            </button>
            <div class="menu" id="live-more" class:is-open=move || open.get()>
                <span class="narrow">
                    <FilterBarButton logs is_open=is_filter_bar_open />
                </span>
                <ErrorButtons logs />
                <DisplayMenu logs />
                {logs
                    .only()
                    .map(|log| {
                        let (screen, job) = (log.screen(), log.job);
                        view! {
                            <CopyButton screen />
                            <DownloadMenu screen job />
                        }
                    })}
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn FilterButton(logs: Logs, filter: OutputFilter) -> impl IntoView {
    let (id, label, short) = match filter {
        OutputFilter::All => ("filter-all", "All", "All"),
        OutputFilter::Stages => ("filter-stages", "Stages", "Stages"),
        OutputFilter::Logs => ("filter-logs", "Logs", "Logs"),
        OutputFilter::Warnings => ("filter-warnings", "Warnings/Errors", "Warnings"),
    };
    let count = move || {
        let mut total = 0;
        let mut more = "";
        for screen in logs.all().into_iter().map(Log::screen) {
            let counts = screen.counts.get();
            total += match counts.narrowed {
                None => counts.get(filter),
                Some(shown) if screen.filter.get().kind == filter => shown,
                // If the filter has conditions besides the kind of rows, only the number of rows of the current kind is
                // known.
                Some(_) => return String::new(),
            };
            if filter == OutputFilter::Warnings && counts.more_warnings && counts.narrowed.is_none() {
                more = "+";
            }
        }
        format!("{}{more}", words::count(total))
    };
    view! {
        <button
            data-testid=id
            aria-pressed=move || (logs.filter().kind == filter).to_string()
            on:click=move |_| logs.change_filter(|of_log| of_log.kind = filter)
        >
            <span class="wide">{label}</span>
            <span class="narrow">{short}</span>
            " "
            <small>{count}</small>
        </button>
    }
    .into_any()
}

/// The button that copies the rows that the filter shows.
#[component]
pub fn CopyButton(screen: Screen) -> impl IntoView {
    let notice = RwSignal::new(None::<String>);
    let copy = move |_| {
        notice.set(Some("Copying\u{2026}".to_owned()));
        spawn_local(async move {
            let outcome = match copying::shown_text(screen).await {
                Ok(text) if clipboard::copy(&text).await => copying::copied(&text),
                Ok(_) => clipboard::REFUSED.to_owned(),
                Err(error) => error.text().to_owned(),
            };
            drop(notice.try_set(Some(outcome)));
            set_timeout(move || drop(notice.try_set(None)), NOTICE_TIME);
        });
    };
    view! {
        <button
            class="button has-result needs-scripts"
            data-testid="copy-visible"
            title="Copy all lines that match the filter (c)"
            on:click=copy
        >
            <Icon name="copy" />
            <span class="label">"Copy"</span>
            <span class="button-result" role="status">
                {notice}
            </span>
        </button>
    }
    .into_any()
}

/// A menu of links to the output of the last attempt, or a disabled button if it has printed nothing.
#[component]
fn DownloadMenu(screen: Screen, job: RwSignal<Job>) -> impl IntoView {
    let has_output = move || screen.totals.with(|totals| totals.bytes() > 0);
    // The number of the last attempt is taken from the totals, because they change together with the log.
    let attempt = move || screen.totals.with(|totals| totals.last_attempt().unwrap_or(1));
    let log = move |parameters: &str| format!("/api/queue/jobs/{}/log?attempt={}{parameters}", screen.job(), attempt());
    let selected = move || {
        let _ = screen.filter.get();
        let selection = screen.selection()?;
        Some(search_path(screen.job(), attempt(), &format!("{selection}&format=text")))
    };
    let why_not = move || {
        let job = job.read();
        if job.output_removed_at.is_some() {
            "The output was removed"
        } else if job.status.is_terminal() {
            "This job printed nothing"
        } else {
            "This job has not printed anything yet"
        }
    };
    view! {
        <Show
            when=has_output
            fallback=move || {
                view! {
                    <button class="button" disabled title=why_not>
                        <Icon name="download" />
                        <span class="label">"Download"</span>
                    </button>
                }
            }
        >
            <div class="split">
                <a
                    class="button"
                    data-testid="download-log"
                    href=move || log("")
                    download="output.log"
                    title="Download the complete log"
                >
                    <Icon name="download" />
                    <span class="label">"Download"</span>
                </a>
                <Dropdown
                    label="Other downloads"
                    test_id="download-menu"
                    button=|| view! { <Icon name="chevron" /> }.into_any()
                >
                    <a data-testid="download-timestamps" href=move || log("&timestamps=true") download="output-times.log">
                        "Complete log with timestamps"
                    </a>
                    {move || {
                        selected()
                            .map(|href| {
                                view! {
                                    <a data-testid="download-filtered" href=href download="output-filtered.log">
                                        "Only lines that match the filter"
                                    </a>
                                }
                            })
                    }}
                </Dropdown>
            </div>
        </Show>
    }
    .into_any()
}
