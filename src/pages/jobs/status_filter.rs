//! The links that filter the list of jobs by status, and the link that removes the filter by user.

use leptos::prelude::*;
use model::{JobCounts, JobStatus};

use super::query::JobsQuery;
use crate::ui::Icon;
use crate::words;

/// Shows a link for each status, with the number of jobs that have it.
#[component]
pub(super) fn StatusFilter(wanted: JobsQuery, counts: RwSignal<JobCounts>) -> impl IntoView {
    let link = |status: Option<JobStatus>| {
        let is_current = wanted.status == status;
        let (name, label) = status.map_or(("all", "All"), |status| (status.as_str(), words::status(status)));
        view! {
            <a
                href=wanted.address_with(status)
                data-noscroll="true"
                aria-current=is_current.then_some("true")
                data-testid=format!("jobs-{name}")
            >
                {label}
                " "
                <small>{move || words::count(counts.get().get(status))}</small>
            </a>
        }
    };
    let everyone = JobsQuery { user: String::new(), offset: 0, ..wanted.clone() }.address();
    let user = wanted.user.clone();
    let user = (!user.is_empty()).then(|| {
        view! {
            <a href=everyone data-noscroll="true" class="button" title="Show jobs from all users" data-testid="jobs-user">
                "Submitted by "
                {user}
                <Icon name="remove" />
            </a>
        }
    });
    let links: Vec<_> = std::iter::once(None).chain(JobStatus::ALL.map(Some)).map(link).collect();
    view! {
        <div class="queue-filters">
            <nav class="segments" aria-label="Status">
                {links}
            </nav>
            {user}
        </div>
    }
    .into_any()
}
