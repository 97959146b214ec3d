//! The row of a worker.

use leptos::prelude::*;
use leptos_router::components::A;
use model::{ListedWorker, Role, Timestamp, WorkerId, WorkerJob, WorkerStatus};

use super::ACTION;
use crate::ui::may;
use crate::words;

/// A row with a worker's properties and its running jobs. Administrators also see a button that drains or resumes the
/// worker.
#[component]
pub(super) fn WorkerRow(worker: ListedWorker, now: Timestamp) -> impl IntoView {
    let facts = facts(&worker, now);
    let ListedWorker { id, name, status, jobs, drained_at, drained_by_user_id, pause, .. } = worker;
    let drained = drained_at.map(|at| {
        format!(
            "Draining since {} UTC, requested by {}.",
            words::date_time(at, 0),
            drained_by_user_id.unwrap_or_default()
        )
    });
    let is_held = drained.is_some() || pause.is_some();
    let paused = pause.map(|pause| words::paused(&pause));
    let jobs: Vec<_> = jobs.into_iter().map(|job| view! { <RunningJob job now /> }).collect();
    let idle = jobs.is_empty().then(|| view! { <p class="hint">"No running jobs."</p> });
    view! {
        <li class="secret-row with-action" data-testid="worker-row" data-worker=id.to_string()>
            <div class="worker">
                <div class="secret-head">
                    <strong>{words::visible(&name)}</strong>
                    <span class="worker-status" data-worker-status=status.as_str() data-testid="worker-status">
                        {words::worker_status(status)}
                    </span>
                    {facts.into_iter().map(|fact| view! { <small>{fact}</small> }).collect_view()}
                </div>
                {drained.map(|text| view! { <p class="hint warning">{text}</p> })}
                {paused.map(|text| view! { <p class="hint warning">{text}</p> })}
                {idle}
                <ul class="worker-jobs">{jobs}</ul>
            </div>
            {(may(Role::Admin) && (is_held || status != WorkerStatus::Offline)).then(|| view! { <Action id is_held /> })}
        </li>
    }
    .into_any()
}

/// Returns the known properties of a worker, as short phrases.
fn facts(worker: &ListedWorker, now: Timestamp) -> Vec<String> {
    let list = |names: &[String]| words::visible(&names.join(", "));
    let slots = worker.concurrency.map(|count| format!("up to {} at a time", words::plural(count, "job")));
    let kinds = match worker.allowed_types.as_slice() {
        [] => "jobs of any type".to_owned(),
        kinds => format!("job types: {}", list(kinds)),
    };
    // The capability that identifies a worker's machine means nothing to people, so it is not shown.
    let named = worker.capabilities.iter().filter(|name| !name.starts_with("machine:"));
    let capabilities = named.cloned().collect::<Vec<_>>();
    let capabilities = (!capabilities.is_empty()).then(|| format!("capabilities: {}", list(&capabilities)));
    // The embedded worker sends no heartbeats.
    let seen = (!worker.embedded).then(|| {
        format!(
            "last heartbeat {} ({} UTC)",
            words::ago(now.millis_since(worker.last_seen_at)),
            words::date_time(worker.last_seen_at, 0)
        )
    });
    let optional = [
        worker.hostname.as_ref().map(|name| format!("on {}", words::visible(name))),
        worker.version.as_ref().map(|version| format!("version {}", words::visible(version))),
        Some(kinds),
        slots,
        capabilities,
        seen,
    ];
    optional.into_iter().flatten().collect()
}

/// A link to a running job, with the time for which it has been running.
#[component]
fn RunningJob(job: WorkerJob, now: Timestamp) -> impl IntoView {
    let WorkerJob { id, title, since } = job;
    view! {
        <li>
            <A href=format!("/tasks/queue/{id}")>{words::visible(&title)}</A>
            " "
            <small>{format!("running for {}", words::running(now.millis_since(since)))}</small>
        </li>
    }
    .into_any()
}

/// The button that drains a worker or lets it receive jobs again.
#[component]
fn Action(id: WorkerId, is_held: bool) -> impl IntoView {
    let (action, label) = if is_held { ("resume-worker", "Resume") } else { ("drain", "Drain") };
    view! {
        <form method="post" action=ACTION>
            <input type="hidden" name="action" value=action />
            <input type="hidden" name="id" value=id.to_string() />
            <button class="button" data-testid=action>{label}</button>
        </form>
    }
    .into_any()
}
