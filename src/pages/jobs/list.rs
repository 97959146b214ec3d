//! The list of jobs, which is updated by fetching it again.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use model::{Job, JobCounts, JobId, JobPhase, JobsPage, Role};

use super::bulk::BulkMenu;
use super::changes::ListSubscription;
use super::query::JobsQuery;
use super::row::JobRow;
use super::selection::{Selection, SelectionBar};
use super::status_filter::StatusFilter;
use crate::host;
use crate::rest::{self, RestError};
use crate::ui::clipboard::copy;
use crate::ui::{Icon, Now, may};

/// The number of jobs per page. For the first page, the server's default is used, which is the same number. Further
/// pages are requested with this number.
const PAGE: usize = 50;
/// The maximum number of jobs that are fetched to update the list, which is the API's limit for one page.
const FRESH: usize = 200;

/// A job in the list. Changes to the job update its row in place.
#[derive(Clone)]
struct ListedJob {
    id: JobId,
    job: ArcRwSignal<Job>,
    origin: RowOrigin,
}

/// The way in which a job was added to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowOrigin {
    /// The job was on a loaded page: the initial page, or a further page that the user requested.
    Loaded,
    /// The job was submitted, or began to match the filters, while the list was displayed.
    Arrived,
}

/// The state of the list.
#[derive(Clone, Copy)]
struct LoadedJobs {
    items: RwSignal<Vec<ListedJob>>,
    has_more: RwSignal<bool>,
    /// The error of the last request, or `None` if the request succeeded.
    trouble: RwSignal<Option<RestError>>,
    /// For each status, the number of jobs that match the other filters.
    counts: RwSignal<JobCounts>,
    query: StoredValue<JobsQuery>,
}

impl LoadedJobs {
    fn new(wanted: &JobsQuery, page: JobsPage) -> Self {
        Self {
            items: RwSignal::new(page.items.into_iter().map(|job| item(job, RowOrigin::Loaded)).collect()),
            has_more: RwSignal::new(page.has_more),
            trouble: RwSignal::new(None),
            counts: RwSignal::new(page.counts.unwrap_or_default()),
            query: StoredValue::new(wanted.clone()),
        }
    }

    async fn ask(self, offset: usize, limit: usize, counts: bool) -> Option<JobsPage> {
        let query = self.query.try_get_value()?;
        let (offset, parameters) = (query.offset as usize + offset, query.api_parameters(host::now()));
        let url = format!("/api/queue/jobs?summary=true&counts={counts}&offset={offset}&limit={limit}{parameters}");
        match rest::get::<JobsPage>(&url).await {
            Ok(page) => {
                self.trouble.try_set(None);
                if let Some(counts) = page.counts {
                    self.counts.try_set(counts);
                }
                Some(page)
            }
            Err(trouble) => {
                self.trouble.try_set(Some(trouble));
                None
            }
        }
    }

    /// Returns the link to the page that follows the displayed jobs.
    fn next_page(self) -> String {
        let query = self.query.get_value();
        let offset = query.offset.saturating_add(u32::try_from(self.items.with(Vec::len)).unwrap_or(u32::MAX));
        JobsQuery { offset, ..query }.address()
    }

    /// Fetches the first jobs of the list again: as many as are displayed, but at least [`PAGE`] and at most [`FRESH`].
    fn refresh(self) {
        spawn_local(async move {
            let Some(shown) = self.items.try_with_untracked(Vec::len) else { return };
            let limit = shown.clamp(PAGE, FRESH);
            if let Some(page) = self.ask(0, limit, true).await {
                self.merge(page, limit);
            }
        });
    }

    /// Fetches the jobs that follow the displayed jobs.
    fn more(self) {
        spawn_local(async move {
            let Some(shown) = self.items.try_with_untracked(Vec::len) else { return };
            if let Some(page) = self.ask(shown, PAGE, false).await {
                self.has_more.try_set(page.has_more);
                self.items.try_update(|items| {
                    let fresh = page.items.into_iter().filter(|job| items.iter().all(|item| item.id != job.id));
                    let fresh: Vec<ListedJob> = fresh.map(|job| item(job, RowOrigin::Loaded)).collect();
                    items.extend(fresh);
                });
            }
        });
    }

    /// Replaces the first jobs of the list with those of a newly fetched page. Jobs that are already in the list are
    /// updated in place.
    fn merge(self, page: JobsPage, asked: usize) {
        let Some(known) = self.items.try_get_untracked() else { return };
        let mut items: Vec<ListedJob> = Vec::with_capacity(known.len().max(page.items.len()));
        for job in page.items {
            match known.iter().find(|item| item.id == job.id) {
                Some(item) => {
                    if item.job.with_untracked(|before| *before != job) {
                        item.job.set(job);
                    }
                    items.push(item.clone());
                }
                None => items.push(item(job, RowOrigin::Arrived)),
            }
        }
        // Jobs beyond the range of the fetched page remain in the list. Jobs within this range that the page does not
        // contain are removed.
        if page.has_more {
            let beyond = known.iter().skip(asked).filter(|item| items.iter().all(|other| other.id != item.id));
            let beyond: Vec<ListedJob> = beyond.cloned().collect();
            items.extend(beyond);
        } else {
            self.has_more.set(false);
        }
        if known.iter().map(|item| item.id).ne(items.iter().map(|item| item.id)) {
            self.items.set(items);
        }
    }
}

fn item(job: Job, origin: RowOrigin) -> ListedJob {
    ListedJob { id: job.id, job: ArcRwSignal::new(job), origin }
}

/// Shows the loaded jobs and keeps them up to date.
#[component]
pub fn JobList(
    wanted: JobsQuery,
    page: JobsPage,
    /// Notified when a pause begins or ends. Pauses change no jobs, so the stream of changed jobs does not report them.
    pauses_changed: Trigger,
) -> impl IntoView {
    let known = page.items.iter().map(|job| job.updated_at).max().unwrap_or_default();
    let now = Now::starting_at(known, Duration::from_secs(1));
    let everything = wanted.is_everything();
    let loaded = LoadedJobs::new(&wanted, page);
    // The subscription is dropped together with this effect, when the user leaves the page. It is created inside the
    // effect because effects run only in the browser.
    Effect::new(move || {
        let _changes = StoredValue::new_local(ListSubscription::watch(move || loaded.refresh()));
    });
    Effect::new(move |earlier: Option<()>| {
        pauses_changed.track();
        if earlier.is_some() {
            loaded.refresh();
        }
    });
    let longest = Memo::new(move |_| {
        let items = loaded.items.read();
        let millis = items.iter().filter_map(|item| match item.job.read().phase() {
            JobPhase::Ended { took } => took,
            JobPhase::Waiting | JobPhase::Running { .. } => None,
        });
        millis.max().unwrap_or(1).max(1)
    });
    let trouble = move || {
        loaded.trouble.get().map(|trouble| match trouble {
            RestError::Unreachable => "Connection lost. This list may be out of date. Retrying.".to_owned(),
            RestError::Refused { status: 401, .. } => {
                "Your session has ended. Reload the page to log in again.".to_owned()
            }
            RestError::Refused { message, .. } => message,
        })
    };
    let filter = wanted.clone();
    let selection = Selection::new();
    view! {
        <div class="queue-narrowing">
            <StatusFilter wanted=wanted.clone() counts=loaded.counts />
            <BulkMenu wanted=wanted.clone() counts=loaded.counts />
        </div>
        <p class="problem" role="status">
            {trouble}
        </p>
        <Show when=move || loaded.items.read().is_empty() fallback=|| ()>
            <Empty everything />
        </Show>
        <form
            method="get"
            action="/tasks/queue/view"
            on:submit=move |event| {
                if !selection.is_viewable() {
                    event.prevent_default();
                }
            }
        >
            <ul class="job-list">
                <For each=move || loaded.items.get() key=|item| item.id let(item)>
                    <JobRow id=item.id job=item.job origin=item.origin now longest filter=filter.clone() selection />
                </For>
            </ul>
            <SelectionBar selection />
            <Show when=move || !loaded.items.read().is_empty()>
                <button class="button without-scripts">"View the selected jobs side by side"</button>
            </Show>
        </form>
        <Show when=move || loaded.has_more.get()>
            <button class="button more needs-scripts" on:click=move |_| loaded.more()>
                "Load more"
            </button>
            <a class="button more without-scripts" href=move || loaded.next_page() rel="external">
                "Older jobs"
            </a>
        </Show>
    }
    .into_any()
}

/// The message that is shown if the list is empty. It explains how to submit a first job, or says that no jobs match
/// the filters.
#[component]
fn Empty(everything: bool) -> impl IntoView {
    if !everything {
        return view! { <p class="empty">"No jobs match these filters."</p> }.into_any();
    }
    let command = RwSignal::new(example("http://127.0.0.1:3000"));
    let copied = RwSignal::new(false);
    Effect::new(move || {
        if let Ok(origin) = location().origin() {
            command.set(example(&origin));
        }
    });
    let on_copy = move |_| {
        spawn_local(async move {
            let is_copied = copy(&command.get_untracked()).await;
            // The user may have left the page in the meantime.
            copied.try_set(is_copied);
        });
    };
    if !may(Role::Operator) {
        return view! {
            <div class="empty">
                <h2>"No jobs yet"</h2>
                <p>"Jobs appear here as soon as somebody submits one. Your role does not permit submitting jobs."</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="empty">
            <h2>"No jobs yet"</h2>
            <p>
                <A href="/tasks/queue/new" attr:class="button primary">
                    <Icon name="plus" />
                    "Submit your first job"
                </A>
            </p>
            <p>"Or run this in a terminal, with $TOKEN set to your token:"</p>
            <pre class="command" tabindex="0">
                <code>{command}</code>
            </pre>
            <button class="button needs-scripts" on:click=on_copy>
                <Icon name="copy" />
                <span role="status">{move || if copied.get() { "Copied" } else { "Copy" }}</span>
            </button>
        </div>
    }
    .into_any()
}

fn example(origin: &str) -> String {
    format!(
        "curl {origin}/api/queue/jobs -H \"Authorization: Bearer $TOKEN\" \\\n  -H 'Content-Type: application/json' \\\n  \
         -d '{{\"type\":\"command\",\"payload\":{{\"run\":\"for i in 1 2 3; do echo $i; sleep 1; done\"}}}}'"
    )
}
