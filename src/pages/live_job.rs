//! The state of a displayed job, which is updated when events report a change.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{Artifact, ArtifactsPage, Event, EventsPage, Job, JobId, JobStatus, Payload, UsualTimes};

use crate::live_output::StepErrors;
use crate::live_output::logs::LogSource;
use crate::page_data::JobPageData;
use crate::rest::{self, RestError};
use crate::ui::Now;
use crate::words;

/// The interval at which the position of a queued job is fetched.
const ASK_POSITION_EVERY: Duration = Duration::from_secs(3);
/// The pause before retrying a request that got no response.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// The interval at which the displayed durations of a running job are updated.
const TICK: Duration = Duration::from_secs(1);

/// The state of a job as signals. Copies of a `LiveJob` share the same state.
#[derive(Clone, Copy)]
pub(super) struct LiveJob {
    pub id: JobId,
    pub job: RwSignal<Job>,
    pub lifecycle_events: RwSignal<Vec<Event>>,
    pub artifacts: RwSignal<Vec<Artifact>>,
    pub step_errors: StepErrors,
    /// The usual durations of the job's steps, once they are known.
    pub usual: RwSignal<UsualTimes>,
    /// The clock for the displayed durations.
    pub now: Now,
}

impl LiveJob {
    /// Creates the state from the data that the page was loaded with, and keeps it up to date. Also returns the newest
    /// events, from which the log is shown.
    pub fn new(page: JobPageData) -> (Self, EventsPage) {
        let JobPageData { job, lifecycle_events, tail, artifacts } = page;
        let known = tail.items.last().map_or(job.updated_at, |event| event.created_at.max(job.updated_at));
        let live = Self {
            id: job.id,
            job: RwSignal::new(job),
            lifecycle_events: RwSignal::new(lifecycle_events),
            artifacts: RwSignal::new(artifacts),
            step_errors: StepErrors::new(),
            usual: RwSignal::default(),
            now: Now::starting_at(known, TICK),
        };
        Effect::new(move || {
            if live.job.read().status == JobStatus::Queued
                && let Ok(interval) = set_interval_with_handle(move || live.ask(), ASK_POSITION_EVERY)
            {
                on_cleanup(move || interval.clear());
            }
        });
        (live, tail)
    }

    /// Returns the source from which Live Output shows the job's log.
    pub fn log(self, tail: EventsPage, compared_with: Signal<Option<JobId>>) -> LogSource {
        LogSource {
            job: self.job,
            lifecycle_events: self.lifecycle_events,
            now: self.now,
            tail,
            compared_with,
            step_errors: self.step_errors,
            on_lifecycle_events: Callback::new(move |events| self.happened(events)),
            on_hidden_change: Callback::new(move |()| self.ask()),
        }
    }

    /// Returns the title of the job's page, which begins with a symbol for the job's status.
    pub fn page_title(self) -> String {
        let title =
            |job: &Job| format!("{} {} \u{b7} Tailwater", words::status_sign(job.status), words::visible(&job.title));
        self.job.try_with(title).unwrap_or_default()
    }

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
    pub fn ask_usual(self) {
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

    /// Replaces the job's state with a newer state.
    pub fn replace(self, job: Job) {
        if self.job.try_with_untracked(|before| job.updated_at >= before.updated_at && *before != job) == Some(true) {
            self.job.set(job);
        }
    }
}
