//! The toolbar with the filters and the buttons for following, copying and downloading.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{Artifact, Job};

use super::errors::{ErrorButtons, Errors};
use super::filter::OutputFilter;
use super::screen::Screen;
use super::search_bar::ReaderSearch;
use crate::ui::{Icon, LOG_NAME, clipboard, download_url};
use crate::words;

/// The time for which a button shows the result of its action.
const NOTICE_TIME: Duration = Duration::from_secs(3);

/// The toolbar. On narrow screens, rarely used tools are in a menu.
#[component]
pub fn Toolbar(
    screen: Screen,
    search: ReaderSearch,
    errors: Errors,
    artifacts: RwSignal<Vec<Artifact>>,
    job: RwSignal<Job>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <div class="live-tools">
            <div class="segments needs-scripts" role="group" aria-label="Filter">
                {OutputFilter::ALL.map(|filter| view! { <FilterButton screen filter /> }).collect_view()}
            </div>
            <span class="push"></span>
            <button
                class="button needs-scripts"
                data-testid="search-open"
                aria-expanded=move || search.is_open.get().to_string()
                aria-label="Search"
                title="Search in the whole log (/)"
                on:click=move |_| search.open()
            >
                <Icon name="search" />
            </button>
            <button
                class="button needs-scripts"
                data-testid="follow-toggle"
                aria-pressed=move || screen.follows.get().to_string()
                aria-label="Follow"
                title="Follow the newest line (f)"
                on:click=move |_| if screen.follows.get_untracked() { screen.pause() } else { screen.follow() }
            >
                <Icon name="follow" />
                <span class="wide">"Follow"</span>
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
                <ErrorButtons errors />
                <CopyButton screen />
                <Download artifacts job />
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn FilterButton(screen: Screen, filter: OutputFilter) -> impl IntoView {
    let (id, label, short) = match filter {
        OutputFilter::All => ("filter-all", "All", "All"),
        OutputFilter::Stages => ("filter-stages", "Stages", "Stages"),
        OutputFilter::Logs => ("filter-logs", "Logs", "Logs"),
        OutputFilter::Warnings => ("filter-warnings", "Warnings/Errors", "Warnings"),
    };
    let count = move || {
        let counts = screen.counts.get();
        let more = if filter == OutputFilter::Warnings && counts.more_warnings { "+" } else { "" };
        format!("{}{more}", words::count(counts.get(filter)))
    };
    view! {
        <button
            data-testid=id
            aria-label=label
            aria-pressed=move || (screen.filter.get() == filter).to_string()
            on:click=move |_| screen.set_filter(filter)
        >
            <span class="wide">{label}</span>
            <span class="narrow">{short}</span>
            " "
            <small>{count}</small>
        </button>
    }
    .into_any()
}

#[component]
fn CopyButton(screen: Screen) -> impl IntoView {
    let notice = RwSignal::new(None::<String>);
    let copy = move |_| {
        let text = screen.visible_text();
        spawn_local(async move {
            let lines = i64::try_from(text.lines().count()).unwrap_or(i64::MAX);
            let outcome = if clipboard::copy(&text).await {
                format!("Copied {}", words::plural(lines, "line"))
            } else {
                "Could not copy: the browser did not allow it".to_owned()
            };
            notice.set(Some(outcome));
            set_timeout(move || notice.set(None), NOTICE_TIME);
        });
    };
    view! {
        <button class="button needs-scripts" data-testid="copy-visible" title="Copy the filtered output (c)" on:click=copy>
            <Icon name="copy" />
            <span role="status">{move || notice.get().unwrap_or_else(|| "Copy".to_owned())}</span>
        </button>
    }
    .into_any()
}

/// The link to the complete output of the last attempt for which it is stored, or a disabled button if there is none.
#[component]
fn Download(artifacts: RwSignal<Vec<Artifact>>, job: RwSignal<Job>) -> impl IntoView {
    let link = move || {
        let artifacts = artifacts.read();
        let log = artifacts.iter().filter(|file| file.name == LOG_NAME).max_by_key(|file| file.attempt)?;
        Some(download_url(log))
    };
    let why_not = move || {
        if job.read().status.is_terminal() {
            "This job printed nothing"
        } else {
            "The complete log will be available when the attempt ends"
        }
    };
    move || match link() {
        Some(href) => view! {
            <a class="button" data-testid="download-log" href=href download title="Download the complete log">
                <Icon name="download" />
                "Download"
            </a>
        }
        .into_any(),
        None => view! {
            <button class="button" data-testid="download-log" disabled title=why_not>
                <Icon name="download" />
                "Download"
            </button>
        }
        .into_any(),
    }
}
