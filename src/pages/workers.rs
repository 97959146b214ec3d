//! The page with the lists of workers and pauses. It consists of plain forms, which work without scripts and are posted
//! to `server::http::worker_list`. With scripts, the lists are loaded again every ten seconds.

mod pauses;
mod row;

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::frame::{BackTo, framed, loaded};
use crate::page_data::WorkersPageData;
use crate::rpc;
use pauses::Pauses;
use row::WorkerRow;

/// The path to which the forms are posted.
const ACTION: &str = "/workers";

/// The interval at which the lists are loaded again.
const REFRESH_EVERY: Duration = Duration::from_secs(10);

/// Lists the workers and the pauses.
#[component]
pub fn WorkersPage() -> impl IntoView {
    let query = use_query_map();
    let workers = Resource::new(move || query.read().get("done"), |_| rpc::workers());
    framed("Workers", BackTo::Queue, loaded(workers, |data| view! { <Workers data /> }.into_any()))
}

#[component]
fn Workers(data: WorkersPageData) -> impl IntoView {
    let pauses = data.pauses.clone();
    let shown = RwSignal::new(data);
    let list: NodeRef<html::Ul> = NodeRef::new();
    Effect::new(move || {
        let refresh = move || {
            leptos::task::spawn_local(async move {
                // If the server cannot be reached, the lists remain unchanged. They still show the times of the
                // workers' last heartbeats.
                let Ok(fresh) = rpc::workers().await else { return };
                // The list is not replaced while one of its buttons has the keyboard focus.
                let focused = document().active_element();
                let is_used = list.try_get_untracked().flatten().is_some_and(|list| list.contains(focused.as_deref()));
                if focused.is_none() || !is_used {
                    shown.try_update(|shown| *shown = fresh);
                }
            });
        };
        if let Ok(interval) = set_interval_with_handle(refresh, REFRESH_EVERY) {
            on_cleanup(move || interval.clear());
        }
    });
    let rows = move || {
        let WorkersPageData { workers, now, .. } = shown.get();
        workers.into_iter().map(|worker| view! { <WorkerRow worker now /> }).collect_view()
    };
    view! {
        <main class="secrets people">
            <p class="hint">
                "The embedded worker runs inside the server. Workers on other machines appear here when they ask for jobs, and are removed a week after they were last seen."
            </p>
            <Outcome />
            <ul class="secret-list" node_ref=list data-testid="worker-list">
                {rows}
            </ul>
            <Pauses pauses />
        </main>
    }
    .into_any()
}

/// Shows the result of the last submitted form, which the page's URL contains.
#[component]
fn Outcome() -> impl IntoView {
    let query = use_query_map().get_untracked();
    // Anyone can create a link to this page. The URL therefore only selects one of these sentences, and cannot contain
    // text to show.
    let done = query.get("done").and_then(|word| {
        Some(match word.as_str() {
            "drained" => "The worker is draining. It finishes its running jobs and receives no new ones.",
            "worker-resumed" => "The worker receives jobs again.",
            "paused" => "Paused. Running jobs continue. The paused jobs do not start until you resume them.",
            "resumed" => "Resumed.",
            _ => return None,
        })
    });
    let error = query.get("error").map(|word| match word.as_str() {
        "worker" => "There is no such worker. It may have been removed in the meantime.",
        "reason" => "This reason is not accepted. Use at most 2,000 characters.",
        _ => "The pause was not accepted. A job type has at most 200 characters. If there are already 100 pauses, end one first.",
    });
    view! {
        {done.map(|text| view! { <p role="status" data-testid="workers-done">{text}</p> })}
        {error.map(|text| view! { <p class="error" role="alert" data-testid="workers-error">{text}</p> })}
    }
    .into_any()
}
