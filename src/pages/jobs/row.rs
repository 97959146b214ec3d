//! One row of the list of jobs.

use leptos::prelude::*;
use leptos_router::components::A;
use model::{Job, JobId};

use super::list::RowOrigin;
use super::query::JobsQuery;
use super::selection::Selection;
use crate::ui::{Icon, Now, Status};
use crate::words;

/// A row with the job's status, title, the reason why it waits or has failed, submitter, time of submission and
/// duration.
#[component]
pub fn JobRow(
    id: JobId,
    job: ArcRwSignal<Job>,
    origin: RowOrigin,
    now: Now,
    /// The longest duration in the list, in milliseconds, which is shown as a full bar.
    longest: Memo<i64>,
    /// The filters of the list.
    filter: JobsQuery,
    selection: Selection,
) -> impl IntoView {
    let job = RwSignal::from(job);
    let status = Signal::derive(move || job.read().status);
    let millis = move || job.read().phase().millis(|| now.get());
    let took = move || words::run_time(job.read().phase(), || now.get());
    let detail = move || {
        let job = job.read();
        let waits = || job.concurrency_wait.as_ref().map(words::waits_for_key);
        job.error_message.as_deref().map(words::visible).or_else(waits)
    };
    let pause = move || {
        job.read().pause.as_ref().map(|pause| {
            view! {
                <span class="job-paused" data-testid="job-paused">
                    <Icon name="paused" />
                    <span>{words::paused_briefly(pause)}</span>
                </span>
            }
        })
    };
    view! {
        <li class="job-row" class:arrives=origin == RowOrigin::Arrived data-testid="job-row" data-job=id.to_string() data-status=move || status.get().as_str()>
            <input
                type="checkbox"
                class="job-select"
                name="job"
                value=id.to_string()
                autocomplete="off"
                aria-label=move || format!("Select {}", words::visible(&job.read().title))
                data-testid="job-select"
                prop:checked=move || selection.holds(id)
                disabled=move || selection.is_full() && !selection.holds(id)
                on:change=move |_| selection.toggle(id)
            />
            <Status status />
            <span class="job-what">
                <A href=format!("/tasks/queue/{id}") attr:class="job-link">
                    {move || words::visible(&job.read().title)}
                </A>
                {pause}
                <span class="job-detail">{detail}</span>
            </span>
            <span class="job-who">{move || job.read().created_by_user_id.clone().map(|user| by(&filter, user))}</span>
            <time class="job-when" datetime=move || job.read().created_at.to_string()>
                {move || words::ago(now.get().millis_since(job.read().created_at))}
            </time>
            <span class="job-took">
                <span>{took}</span>
                <progress
                    class="bar"
                    aria-hidden="true"
                    value=move || millis().unwrap_or(0).min(longest.get()).to_string()
                    max=move || longest.get().to_string()
                ></progress>
            </span>
        </li>
    }
    .into_any()
}

/// A link to the jobs of a user.
fn by(filter: &JobsQuery, user: String) -> impl IntoView + use<> {
    let href = JobsQuery { user: user.clone(), offset: 0, ..filter.clone() }.address();
    let title = format!("Show only jobs submitted by {user}");
    view! {
        <a href=href data-noscroll="true" title=title>
            {user}
        </a>
    }
}
