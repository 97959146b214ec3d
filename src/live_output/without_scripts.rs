//! The note above the log for browsers that do not run scripts. The note describes the displayed part of the log and
//! links to the rest.
//!
//! The style sheet hides the note if scripts run.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::logs::{Log, LogRole};
use crate::host;

/// The interval in seconds at which the page reloads if the reader has enabled reloading.
const RELOAD_SECONDS: u32 = 5;

/// The query parameter that turns reloading on. Reloading is off by default, because it interrupts reading.
const RELOADS: &str = "reload";

/// Shows the note with its links. Without scripts, the links and the form replace the filters and the search: they open
/// parts of the log as text.
#[component]
pub fn WithoutScripts(log: Log) -> impl IntoView {
    let role = log.screen().role();
    let (id, over, is_removed) =
        log.job.with_untracked(|job| (job.id, job.status.is_terminal(), job.output_removed_at.is_some()));
    if is_removed {
        return ().into_any();
    }
    let reloads = use_query_map().with_untracked(|query| query.get(RELOADS).is_some());
    if reloads && !over {
        host::reload_after(RELOAD_SECONDS);
    }
    let page = format!("/tasks/queue/{id}");
    let (href, text) = match (over, reloads) {
        (true, _) => (None, "The newest lines of the log. "),
        (false, true) => (Some(page), "The newest lines of the log; this page reloads itself while the job runs. "),
        (false, false) => (
            // The URL has no fragment, because browsers do not reload a page if only the fragment of its URL changes.
            Some(format!("{page}?{RELOADS}=1")),
            "The newest lines of the log, as they were when the page was loaded. ",
        ),
    };
    // A page with several logs does not offer reloading, because each of its logs would reload the page.
    let link = href.filter(|_| role == LogRole::Only).map(|href| {
        let text = if reloads { "Stop reloading" } else { "Reload every 5 seconds" };
        view! {
            <a href=href rel="external">{text}</a>
            " \u{b7} "
        }
    });
    let part = |address: String, text: String| view! { <li><a href=address rel="external">{text}</a></li> };
    let parts = [
        (format!("/api/queue/jobs/{id}/log/search?level=warn,error&format=text"), "Warnings and errors".to_owned()),
        (format!("/api/queue/jobs/{id}/log?stream=stderr"), "Standard error".to_owned()),
    ];
    let steps = untrack(|| log.steps()).into_iter().map(|choice| {
        let mut parameters = ParamsMap::new();
        parameters.insert("stage", choice.step.stage.as_str().to_owned());
        parameters.insert("stepId", choice.id);
        (format!("/api/queue/jobs/{id}/log{}", parameters.to_query_string()), format!("Step: {}", choice.name))
    });
    let parts = parts.into_iter().chain(steps).map(|(address, text)| part(address, text)).collect_view();
    view! {
        <div class="live-plain without-scripts" data-testid="without-scripts">
            <p>
                {text} {link}
                <a href=format!("/api/queue/jobs/{id}/log") rel="external">
                    "The complete log as text"
                </a>
            </p>
            <ul>{parts}</ul>
            <form method="get" action=format!("/api/queue/jobs/{id}/log/search")>
                <input type="hidden" name="format" value="text" />
                <input class="field" type="search" name="q" required aria-label="Search the output" />
                <button class="button">"Search"</button>
            </form>
        </div>
    }
    .into_any()
}
