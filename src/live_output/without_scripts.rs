//! What stands above the log where scripts do not run: what the page then shows, and how to see more.
//!
//! The style sheet hides it where they do.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::host;
use crate::model::Job;

/// How often a page that was asked to reload itself does, in seconds.
const RELOAD_SECONDS: u32 = 5;

/// The parameter that asks for it. Nobody is reloaded unasked: whoever reads may be in the middle of a line.
const RELOADS: &str = "reload";

/// What the page shows without scripts, and the links to the rest.
#[component]
pub fn WithoutScripts(job: RwSignal<Job>) -> impl IntoView {
    let (id, over) = job.with_untracked(|job| (job.id, job.status.is_terminal()));
    let reloads = use_query_map().with_untracked(|query| query.get(RELOADS).is_some());
    if reloads && !over {
        host::reload_after(RELOAD_SECONDS);
    }
    let page = format!("/tasks/queue/{id}");
    let (href, text) = match (over, reloads) {
        (true, _) => (None, "The newest lines of the log. "),
        (false, true) => (Some(page), "The newest lines of the log; this page reloads itself while the job runs. "),
        (false, false) => (
            // No fragment: to a browser that stands at it, the same address is a place in the page and nothing to load.
            Some(format!("{page}?{RELOADS}=1")),
            "The newest lines of the log, as they were when the page was loaded. ",
        ),
    };
    let link = href.map(|href| {
        let text = if reloads { "Stop reloading" } else { "Reload every 5 seconds" };
        view! {
            <a href=href rel="external">{text}</a>
            " \u{b7} "
        }
    });
    view! {
        <p class="live-plain without-scripts" data-testid="without-scripts">
            {text}
            {link}
            <a href=format!("/api/queue/jobs/{id}/log") rel="external">"The complete log as text"</a>
        </p>
    }
    .into_any()
}
