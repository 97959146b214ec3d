//! The page with the list of jobs, newest first. The list is updated automatically.

mod changes;
mod list;
mod row;

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use model::JobStatus;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::rpc::list_jobs;
use crate::ui::{Icon, PageTitle};
use crate::words;
use list::JobList;

/// The delay between the last keystroke and the search.
const SEARCH_AFTER: Duration = Duration::from_millis(250);

/// The filters of the list. The page's address contains them, so that users can link to a filtered list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct JobsQuery {
    status: Option<JobStatus>,
    q: String,
    /// The number of jobs to skip. Only the link to older jobs, which is shown without scripts, sets this value.
    offset: u32,
}

impl JobsQuery {
    fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the query string without the offset. The page's address and requests to the API contain this string.
    fn query(&self) -> String {
        let mut params = leptos_router::params::ParamsMap::new();
        if let Some(status) = self.status {
            params.insert("status", status.as_str().to_owned());
        }
        if !self.q.is_empty() {
            params.insert("q", self.q.clone());
        }
        params.to_query_string()
    }
}

/// Loads the newest jobs and shows them.
#[component]
pub fn JobsPage() -> impl IntoView {
    let query = use_query_map();
    let wanted = Memo::new(move |_| {
        let query = query.read();
        JobsQuery {
            status: query.get("status").and_then(|word| JobStatus::from_word(&word)),
            q: query.get("q").unwrap_or_default(),
            offset: query.get("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0),
        }
    });
    let page = Resource::new(
        move || wanted.get(),
        |wanted| async move {
            let q = (!wanted.q.is_empty()).then(|| wanted.q.clone());
            list_jobs(wanted.status, q, wanted.offset.into()).await.map(|page| (wanted, page))
        },
    );
    view! {
        <PageTitle text="Queue \u{b7} Tailwater" />
        <div class="queue-page">
            <header class="page-header">
                <A href="/tasks/queue" attr:class="brand">
                    <img src="/favicon.svg" alt="" width="20" height="20" />
                    "Tailwater"
                </A>
                <span class="push"></span>
                <A href="/tasks/queue/new" attr:class="button primary">
                    <Icon name="plus" />
                    "New job"
                </A>
                <form method="post" action="/logout">
                    <button class="button quiet">"Log out"</button>
                </form>
            </header>
            <main class="queue">
                <div class="queue-tools">
                    <h1>"Queue"</h1>
                    <Search wanted />
                </div>
                <Transition fallback=Loading>
                    {move || Suspend::new(async move {
                        match page.await {
                            Ok((wanted, page)) => view! { <JobList wanted page /> }.into_any(),
                            Err(error) => view! { <Refusal error /> }.into_any(),
                        }
                    })}
                </Transition>
            </main>
        </div>
    }
    .into_any()
}

/// A placeholder that is shown while the list is loading.
#[component]
fn Loading() -> impl IntoView {
    let rows = (0..6).map(|_| view! { <li class="job-row skeleton">"Loading"</li> }).collect_view();
    view! { <ul class="job-list" aria-busy="true">{rows}</ul> }
}

/// The search field and the filter by status. Without scripts, there is also a button that submits them as a form.
#[component]
fn Search(wanted: Memo<JobsQuery>) -> impl IntoView {
    let navigate = use_navigate();
    let go = move |wanted: JobsQuery| {
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&format!("/tasks/queue{}", wanted.query()), options);
    };
    let go = StoredValue::new(go);
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let search = move |text: String| {
        if let Some(timer) = timer.get_value() {
            timer.clear();
        }
        let search = move || {
            // The user may have left the page in the meantime.
            if let Some(now) = wanted.try_get_untracked() {
                go.try_with_value(|go| go(JobsQuery { q: text.trim().to_owned(), offset: 0, ..now }));
            }
        };
        timer.set_value(set_timeout_with_handle(search, SEARCH_AFTER).ok());
    };
    let options = JobStatus::ALL.map(|status| {
        view! {
            <option value=status.as_str() selected=move || wanted.read().status == Some(status)>
                {words::status(status)}
            </option>
        }
    });
    view! {
        <form class="search" method="get" action="/tasks/queue" role="search" on:submit=|event| event.prevent_default()>
            <select
                class="field"
                name="status"
                aria-label="Status"
                data-testid="jobs-filter"
                on:change=move |event| {
                    let status = JobStatus::from_word(&event_target_value(&event));
                    go.with_value(|go| go(JobsQuery { status, offset: 0, ..wanted.get_untracked() }));
                }
            >
                <option value="" selected=move || wanted.read().status.is_none()>
                    "All jobs"
                </option>
                {options}
            </select>
            <input
                class="field"
                type="search"
                name="q"
                placeholder="Search titles, commands, IDs"
                aria-label="Search titles, commands, IDs"
                data-testid="jobs-search"
                value=wanted.get_untracked().q
                on:input=move |event| search(event_target_value(&event))
            />
            <button class="button without-scripts">"Search"</button>
        </form>
    }
    .into_any()
}
