//! The notices about pauses, which are shown above the list of jobs.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use model::{Pause, PauseTarget};

use crate::rpc;
use crate::words;

/// The interval at which the notices are loaded again.
const REFRESH_EVERY: Duration = Duration::from_secs(10);

/// Loads and shows the notices. When a pause begins or ends, notifies `changed`.
#[component]
pub(super) fn PauseNotices(changed: Trigger) -> impl IntoView {
    let pauses = Resource::new(|| (), |()| rpc::pauses());
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                // If the server cannot be reached, the list of jobs shows an error, so the notices show none.
                let pauses = pauses.await.map(|page| page.items).unwrap_or_default();
                view! { <Notices pauses changed /> }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Notices(pauses: Vec<Pause>, changed: Trigger) -> impl IntoView {
    let shown = RwSignal::new(pauses);
    Effect::new(move || {
        let refresh = move || {
            spawn_local(async move {
                if let Ok(fresh) = rpc::pauses().await {
                    let is_known = shown.try_with_untracked(|shown| *shown == fresh.items);
                    if is_known == Some(false) {
                        shown.try_set(fresh.items);
                        changed.notify();
                    }
                }
            });
        };
        if let Ok(interval) = set_interval_with_handle(refresh, REFRESH_EVERY) {
            on_cleanup(move || interval.clear());
        }
    });
    let notices = move || {
        // A paused worker delays no jobs if there are other workers, so there is no notice about it.
        let pauses = shown.get().into_iter().filter(|pause| !matches!(pause.target, PauseTarget::Worker(_)));
        let texts: Vec<String> = pauses.map(|pause| words::paused(&pause)).collect();
        (!texts.is_empty()).then(|| {
            view! {
                <div class="paused" role="status" data-testid="paused">
                    {texts.into_iter().map(|text| view! { <p>{text}</p> }).collect_view()}
                    <A href="/workers">"Workers and pauses"</A>
                </div>
            }
        })
    };
    view! { {notices} }.into_any()
}
