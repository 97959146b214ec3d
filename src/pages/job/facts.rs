//! The details of a job: its times, who submitted it, and how to run it again.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use model::{Job, JobId, Timestamp};

use super::LiveJob;
use super::masked::masked;
use super::plan::steps_in_terminal;
use crate::pages::several;
use crate::ui::{Time, clipboard};
use crate::words;

/// The details of a job.
#[component]
pub fn Facts(live: LiveJob) -> impl IntoView {
    view! {
        {move || facts_view(&live.job.read(), live.lifecycle_events.with(|events| masked(events)))}
        {move || live.usual.with(|usual| usual.last_success).map(|last| last_success(live.id, last))}
        <RerunCommand id=live.id />
    }
    .into_any()
}

/// Shows a link to the latest earlier job that succeeded with the same title and commands, and a link to the page that
/// shows the outputs of both jobs side by side.
fn last_success(id: JobId, last: JobId) -> AnyView {
    view! {
        <p class="rerun">
            <A href=format!("/tasks/queue/{last}") attr:data-testid="last-success">
                "Last successful run"
            </A>
            <A href=several::address(&[last, id]) attr:data-testid="compare">
                "Compare side by side"
            </A>
        </p>
    }
    .into_any()
}

/// The command that runs the job again from a terminal, with a button that copies it.
#[component]
fn RerunCommand(id: JobId) -> impl IntoView {
    let copied = RwSignal::new(None::<bool>);
    let copy = move |_| {
        spawn_local(async move {
            let is_copied = clipboard::copy(&format!("tailwater rerun {id}")).await;
            // The user may have left the page in the meantime.
            copied.try_set(Some(is_copied));
        });
    };
    let label = move || match copied.get() {
        None => "Copy".to_owned(),
        Some(true) => "Copied".to_owned(),
        Some(false) => clipboard::REFUSED.to_owned(),
    };
    view! {
        <p class="rerun">
            "To run this job again from a terminal:"
            <code data-testid="rerun-command">"tailwater rerun " {id.to_string()}</code>
            <button class="link needs-scripts" data-testid="copy-rerun" on:click=copy>
                <span role="status">{label}</span>
            </button>
        </p>
    }
    .into_any()
}

fn facts_view(job: &Job, masked: Option<String>) -> AnyView {
    let time = |label: &'static str, at: Option<Timestamp>| {
        at.map(|at| {
            view! {
                <dt>{label}</dt>
                <dd>
                    <Time at=Signal::stored(at) />
                </dd>
            }
            .into_any()
        })
    };
    let fact = |label: &'static str, value: Option<String>| {
        value.map(|value| {
            let value = words::visible(&value);
            view! {
                <dt>{label}</dt>
                <dd title=value.clone()>{value.clone()}</dd>
            }
            .into_any()
        })
    };
    let from = job.resubmitted_from.map(|id| {
        view! {
            <dt>"Rerun of"</dt>
            <dd>
                <A href=format!("/tasks/queue/{id}")>{id.to_string()}</A>
            </dd>
        }
        .into_any()
    });
    let whole = |label: &'static str, text: String| {
        view! {
            <dt>{label}</dt>
            <dd class="whole">{text}</dd>
        }
        .into_any()
    };
    let masked = masked.map(|text| whole("Masked", text));
    let paused = job.pause.as_ref().map(|pause| whole("Waiting", words::paused(pause)));
    let times = [
        time("Submitted", Some(job.created_at)),
        time("Started", job.started_at),
        time("Finished", job.finished_at),
        time("Next attempt", job.next_attempt_at),
        time("Output removed", job.output_removed_at),
    ];
    let facts = [
        fact("Submitted by", job.created_by_user_id.clone()),
        fact("Worker", job.claimed_by.clone()),
        fact("Attempts", Some(format!("{} of {}", job.attempt, job.max_attempts))),
        fact("Terminal", steps_in_terminal(job.payload.as_ref()).map(str::to_owned)),
        fact("Exit code", job.exit_code.map(|code| code.to_string())),
        fact("Priority", (job.priority != 0).then(|| job.priority.to_string())),
        fact("Type", (job.kind != "command").then(|| job.kind.clone())),
        fact("Cancellation requested by", job.cancel_requested_by_user_id.clone()),
        fact("Cancellation reason", job.cancel_reason.clone()),
        fact("Job ID", Some(job.id.to_string())),
    ];
    view! { <dl class="facts">{paused} {times.collect_view()} {facts.collect_view()} {masked} {from}</dl> }.into_any()
}
