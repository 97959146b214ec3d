//! The page with the list of jobs, newest first. The list is updated automatically.

mod bulk;
mod changes;
mod list;
mod pauses;
mod query;
mod row;
mod selection;
mod status_filter;

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use model::Role;

use super::refusal::Refusal;
use crate::host;
use crate::rpc::list_jobs;
use crate::ui::{Icon, PageTitle, PersonMenu, may};
pub use bulk::BulkPage;
use list::JobList;
use pauses::PauseNotices;
use query::{JobsQuery, Within};

/// The delay between the last keystroke and the search.
const SEARCH_AFTER: Duration = Duration::from_millis(250);

/// Loads the newest jobs and shows them.
#[component]
pub fn JobsPage() -> impl IntoView {
    let query = use_query_map();
    let wanted = Memo::new(move |_| JobsQuery::from_address(&query.read()));
    let page = Resource::new(
        move || wanted.get(),
        |wanted| async move {
            let some = |text: &String| (!text.is_empty()).then(|| text.clone());
            let created_after = wanted.within.map(|within| within.since(host::now()));
            list_jobs(wanted.status, some(&wanted.q), some(&wanted.user), created_after, wanted.offset.into())
                .await
                .map(|page| (wanted, page))
        },
    );
    let pauses_changed = Trigger::new();
    view! {
        <PageTitle text="Queue \u{b7} Tailwater" />
        <div class="queue-page">
            <header class="page-header">
                <A href="/tasks/queue" attr:class="brand">
                    <img src="/favicon.svg" alt="" width="20" height="20" />
                    <span class="folds">"Tailwater"</span>
                </A>
                <span class="push"></span>
                {may(Role::Operator)
                    .then(|| {
                        view! {
                            <A href="/secrets" attr:class="button quiet">
                                "Secrets"
                            </A>
                            <A href="/tasks/queue/new" attr:class="button primary">
                                <Icon name="plus" />
                                "New job"
                            </A>
                        }
                    })}
                <PersonMenu />
            </header>
            <main class="queue">
                <div class="queue-tools">
                    <h1>"Queue"</h1>
                    <Search wanted />
                </div>
                <PauseNotices changed=pauses_changed />
                <Transition fallback=Loading>
                    {move || Suspend::new(async move {
                        match page.await {
                            Ok((wanted, page)) => view! { <JobList wanted page pauses_changed /> }.into_any(),
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

/// The search field and the filters by time and user. Without scripts, there is also a button that submits the search
/// and the filters as a form.
#[component]
fn Search(wanted: Memo<JobsQuery>) -> impl IntoView {
    let navigate = use_navigate();
    let go = move |wanted: JobsQuery| {
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&wanted.address(), options);
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
    let options = Within::ALL.map(|within| {
        view! {
            <option value=within.as_str() selected=move || wanted.read().within == Some(within)>
                {within.label()}
            </option>
        }
    });
    let hidden = move |name: &'static str, value: String| {
        (!value.is_empty()).then(|| view! { <input type="hidden" name=name value=value /> })
    };
    view! {
        <form class="search" method="get" action="/tasks/queue" role="search" on:submit=|event| event.prevent_default()>
            // Without scripts, submitting the form keeps these filters.
            {move || hidden("status", wanted.read().status.map_or_else(String::new, |status| status.as_str().to_owned()))}
            {move || hidden("user", wanted.read().user.clone())}
            <select
                class="field"
                name="within"
                aria-label="Submitted"
                data-testid="jobs-within"
                on:change=move |event| {
                    let within = Within::from_word(&event_target_value(&event));
                    go.with_value(|go| go(JobsQuery { within, offset: 0, ..wanted.get_untracked() }));
                }
            >
                <option value="" selected=move || wanted.read().within.is_none()>
                    "Any time"
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
