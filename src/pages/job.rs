//! The page of a job, with its status, steps, artifacts and live output.

mod aside;
mod facts;
mod header;
mod notify;
mod plan;
mod preview;
mod timeline;

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_params_map;
use model::{Artifact, ArtifactsPage, Event, Job, JobId, JobStatus, Payload, UsualTimes};

use super::refusal::Refusal;
use crate::live_output::{LiveOutput, StepErrors};
use crate::page_data::JobPageData;
use crate::rest::{self, RestError};
use crate::rpc::job_page;
use crate::ui::{Now, PageTitle};
use crate::words;
use aside::Aside;
use header::Header;

/// The interval at which the position of a queued job is fetched.
const ASK_POSITION_EVERY: Duration = Duration::from_secs(3);
/// The pause before retrying a request that got no response.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// The interval at which the displayed durations of a running job are updated.
const TICK: Duration = Duration::from_secs(1);

/// Loads a job and displays its page.
#[component]
pub fn JobPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("jobId").unwrap_or_default());
    let page = Resource::new(move || id.get(), job_page);
    view! {
        <PageTitle text="Job \u{b7} Tailwater" />
        <Suspense fallback=Loading>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <JobView page /> }.into_any(),
                    Err(error) => view! { <Refusal error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// A placeholder that is shown while the job is loading.
#[component]
fn Loading() -> impl IntoView {
    view! {
        <div class="job-page" aria-busy="true">
            <header class="page-header">
                <span class="skeleton">"Loading the job"</span>
            </header>
            <main class="job">
                <aside class="job-aside"></aside>
                <section class="live"></section>
            </main>
        </div>
    }
    .into_any()
}

/// The state of a job as signals. Copies of a `LiveJob` share the same state.
#[derive(Clone, Copy)]
struct LiveJob {
    id: JobId,
    job: RwSignal<Job>,
    lifecycle_events: RwSignal<Vec<Event>>,
    artifacts: RwSignal<Vec<Artifact>>,
    step_errors: StepErrors,
    /// How long the job's steps usually take, once it is known.
    usual: RwSignal<UsualTimes>,
}

impl LiveJob {
    /// Adds new lifecycle events. If they report changes to the job or to its artifacts, fetches the job or the list of
    /// artifacts again.
    fn happened(self, events: Vec<Event>) {
        let concerns_job =
            events.iter().any(|event| matches!(event.payload, Payload::Job(_) | Payload::Attempt(_) | Payload::End(_)));
        let concerns_files = events.iter().any(|event| matches!(event.payload, Payload::Artifact(_) | Payload::End(_)));
        self.lifecycle_events.update(|known| known.extend(events));
        if concerns_job {
            self.ask();
        }
        if concerns_files {
            self.ask_files();
        }
    }

    /// Fetches the job, and retries until the server responds.
    fn ask(self) {
        spawn_local(async move {
            match rest::get::<Job>(&format!("/api/queue/jobs/{}", self.id)).await {
                Ok(job) => self.replace(job),
                Err(RestError::Unreachable) => self.later(Self::ask),
                Err(RestError::Refused { .. }) => {}
            }
        });
    }

    /// Fetches the list of artifacts, and retries until the server responds.
    fn ask_files(self) {
        spawn_local(async move {
            match rest::get::<ArtifactsPage>(&format!("/api/queue/jobs/{}/artifacts", self.id)).await {
                Ok(page) => self.artifacts.set(page.items),
                Err(RestError::Unreachable) => self.later(Self::ask_files),
                Err(RestError::Refused { .. }) => {}
            }
        });
    }

    /// Fetches the usual times of the job's steps. The page is complete without them, so errors are ignored.
    fn ask_usual(self) {
        spawn_local(async move {
            if let Ok(usual) = rest::get::<UsualTimes>(&format!("/api/queue/jobs/{}/usual", self.id)).await {
                drop(self.usual.try_set(usual));
            }
        });
    }

    fn later(self, ask: fn(Self)) {
        set_timeout(
            move || {
                if !self.job.is_disposed() {
                    ask(self);
                }
            },
            ASK_AGAIN_AFTER,
        );
    }

    fn replace(self, job: Job) {
        if self.job.try_with_untracked(|before| job.updated_at >= before.updated_at && *before != job) == Some(true) {
            self.job.set(job);
        }
    }
}

/// Shows a loaded job. The props are serialisable, and this component creates all of the page's reactive state.
#[component]
fn JobView(page: JobPageData) -> impl IntoView {
    let JobPageData { job, lifecycle_events, tail, artifacts } = page;
    let id = job.id;
    let known = tail.items.last().map_or(job.updated_at, |event| event.created_at.max(job.updated_at));
    let now = Now::starting_at(known, TICK);
    let live = LiveJob {
        id,
        job: RwSignal::new(job),
        lifecycle_events: RwSignal::new(lifecycle_events),
        artifacts: RwSignal::new(artifacts),
        step_errors: StepErrors::new(),
        usual: RwSignal::default(),
    };
    Effect::new(move || live.ask_usual());
    Effect::new(move || {
        if live.job.read().status == JobStatus::Queued
            && let Ok(interval) = set_interval_with_handle(move || live.ask(), ASK_POSITION_EVERY)
        {
            on_cleanup(move || interval.clear());
        }
    });
    notify::show_status_in_icon(live.job);
    let title = Signal::derive(move || {
        let title =
            live.job.try_with(|job| format!("{} {} \u{b7} Tailwater", words::status_sign(job.status), job.title));
        title.unwrap_or_default()
    });
    view! {
        <PageTitle text=title />
        <div class="job-page">
            <Header live now />
            <main class="job">
                <Aside live now />
                <LiveOutput
                    job=live.job
                    lifecycle_events=live.lifecycle_events
                    last_success=Signal::derive(move || live.usual.with(|usual| usual.last_success))
                    step_errors=live.step_errors
                    tail
                    on_lifecycle_events=Callback::new(move |events| live.happened(events))
                    on_hidden_change=Callback::new(move |()| live.ask())
                />
            </main>
        </div>
    }
    .into_any()
}
