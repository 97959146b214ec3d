//! The header of the job page, with the job's status, title, duration and buttons.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;
use model::{Job, Role};

use super::LiveJob;
use super::notify::NotifyButton;
use crate::rpc::{CancelJob, ResubmitJob};
use crate::ui::{Icon, Now, Status, may};
use crate::words;

/// The header of the job page. Its buttons are in forms, so that they work without scripts.
#[component]
pub fn Header(live: LiveJob, now: Now) -> impl IntoView {
    let job = live.job;
    let status = Signal::derive(move || job.read().status);
    let duration = move || words::run_time(job.read().phase(), || now.get());
    let cancel = ServerAction::<CancelJob>::new();
    let again = ServerAction::<ResubmitJob>::new();
    let navigate = use_navigate();
    Effect::new(move || {
        if let Some(Ok(job)) = cancel.value().get() {
            live.replace(job);
        }
    });
    Effect::new(move || {
        if let Some(Ok(job)) = again.value().get() {
            navigate(&format!("/tasks/queue/{}", job.id), leptos_router::NavigateOptions::default());
        }
    });
    let problem = move || {
        let of = |result: Option<Result<Job, _>>| result.and_then(Result::err);
        of(cancel.value().get())
            .or_else(|| of(again.value().get()))
            .map(|error: crate::page_data::RpcError| error.to_string())
    };
    let id = live.id.to_string();
    let kind = job.with_untracked(|job| job.kind.clone());
    let buttons = move || {
        let id = id.clone();
        if !may(Role::Operator) {
            ().into_any()
        } else if status.get().is_terminal() {
            let edit = (kind == "command").then(|| {
                view! {
                    <A href=format!("/tasks/queue/new?from={id}") attr:class="button" attr:data-testid="edit-and-run-again">
                        <Icon name="edit" />
                        <span class="wide">"Edit and run again"</span>
                        <span class="narrow folds">"Edit"</span>
                    </A>
                }
            });
            view! {
                {edit}
                <form
                    method="post"
                    action=ResubmitJob::url()
                    on:submit=move |event| {
                        event.prevent_default();
                        again.dispatch(ResubmitJob { id: id.clone() });
                    }
                >
                    <input type="hidden" name="id" value=live.id.to_string() />
                    <button class="button" data-testid="run-again" disabled=move || again.pending().get()>
                        <Icon name="again" />
                        <span class="folds">"Run again"</span>
                    </button>
                </form>
            }
            .into_any()
        } else {
            let asked = move || cancel.pending().get() || job.read().cancel_requested_at.is_some();
            view! {
                <form
                    method="post"
                    action=CancelJob::url()
                    on:submit=move |event| {
                        event.prevent_default();
                        cancel.dispatch(CancelJob { id: id.clone(), reason: None });
                    }
                >
                    <input type="hidden" name="id" value=live.id.to_string() />
                    <button class="button danger" data-testid="cancel-job" disabled=asked>
                        {move || if asked() { "Cancelling" } else { "Cancel" }}
                    </button>
                </form>
            }
            .into_any()
        }
    };
    view! {
        <header class="page-header">
            <A href="/tasks/queue" attr:class="back">
                <Icon name="back" />
                <span>"Queue"</span>
            </A>
            <Status status />
            <h1 data-testid="job-title">{move || words::visible(&job.read().title)}</h1>
            <span class="meta wide">{move || run_by(&job.read())}</span>
            <span class="push"></span>
            <span class="meta duration wide">{duration}</span>
            <NotifyButton job />
            {buttons}
        </header>
        <p class="problem" role="alert">
            {problem}
        </p>
    }
    .into_any()
}

fn run_by(job: &Job) -> String {
    let attempt = match (job.attempt, job.max_attempts) {
        (0, _) => return String::new(),
        (attempt, 1) => format!("attempt {attempt}"),
        (attempt, max) => format!("attempt {attempt} of {max}"),
    };
    match &job.claimed_by {
        Some(worker) => format!("{attempt} \u{b7} {}", words::worker(worker)),
        None => attempt,
    }
}
