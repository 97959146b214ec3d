//! The column beside the log, which shows the timeline, the artifacts, and facts about the job.

use leptos::prelude::*;
use model::{Artifact, AttemptStatus, Job, JobPhase, Stage, StageStatus, StepStatus, Timestamp, UsualTimes};

use super::LiveJob;
use super::facts::Facts;
use super::plan::{Planned, planned};
use super::preview::{PreviewDialog, preview_button};
use super::timeline::{StageRun, StepRun, Timeline, TimelineAttempt};
use crate::live_output::StepErrors;
use crate::ui::{Icon, Now, download_url};
use crate::words;

/// The data for showing the steps of the timeline.
#[derive(Clone, Copy)]
struct StepContext {
    errors: StepErrors,
    usual: RwSignal<UsualTimes>,
    now: Now,
}

/// The column beside the log. On narrow screens it folds into one line that names the running step.
#[component]
pub fn Aside(live: LiveJob, now: Now) -> impl IntoView {
    let open = RwSignal::new(false);
    let timeline = Memo::new(move |_| Timeline::new(&live.lifecycle_events.read()));
    let previewed = RwSignal::new(None);
    let with = StepContext { errors: live.step_errors, usual: live.usual, now };
    view! {
        <aside class="job-aside" class:is-open=move || open.get() aria-label="Timeline, artifacts and details">
            <button
                class="fold"
                aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <span class="fold-now">{move || fold_line(&timeline.read(), &live.job.read(), now)}</span>
                <Icon name="chevron" />
            </button>
            <div class="job-aside-content">
                {move || live.job.read().error_message.clone().map(|error| view! { <p class="error">{words::visible(&error)}</p> }.into_any())}
                <section aria-labelledby="timeline-title">
                    <h2 id="timeline-title">"Timeline"</h2>
                    {move || timeline_view(&timeline.read(), &live.job.read(), with)}
                </section>
                <section aria-labelledby="artifacts-title">
                    <h2 id="artifacts-title">"Artifacts"</h2>
                    {move || artifacts_view(live, previewed)}
                    <PreviewDialog shown=previewed />
                </section>
                <section aria-labelledby="facts-title">
                    <h2 id="facts-title">"Details"</h2>
                    <Facts live />
                </section>
            </div>
        </aside>
    }
    .into_any()
}

fn fold_line(timeline: &Timeline, job: &Job, now: Now) -> String {
    let steps = planned(job.payload.as_ref()).len();
    if steps == 0 {
        return "Details".to_owned();
    }
    let done = timeline.attempts.last().map_or(0, |attempt| {
        attempt.stages.iter().flat_map(|stage| &stage.steps).filter(|step| step.millis.is_some()).count()
    });
    if let Some(step) = timeline.running() {
        let time = words::running(now.get().millis_since(step.started));
        return format!("{} \u{b7} {time} \u{b7} step {} of {steps}", words::visible(&step.name), done + 1);
    }
    let took = match job.phase() {
        JobPhase::Ended { took: Some(millis) } => format!(" in {}", words::duration(millis)),
        _ => String::new(),
    };
    format!("{done} of {}{took}", words::plural(i64::try_from(steps).unwrap_or(0), "step"))
}

fn timeline_view(timeline: &Timeline, job: &Job, with: StepContext) -> AnyView {
    let last = timeline.attempts.len().saturating_sub(1);
    let earlier = timeline.attempts.iter().take(last).map(|attempt| {
        let (icon, word) = attempt_words(attempt.status);
        let heading = format!("Attempt {} {word}", attempt.number);
        let steps = steps_view(Some(attempt), &[], with);
        view! {
            <details class="attempt">
                <summary>
                    <Icon name=icon />
                    {heading}
                </summary>
                {steps}
            </details>
        }
        .into_any()
    });
    let earlier = earlier.collect_view();
    let waiting = if job.status.is_terminal() { Vec::new() } else { planned(job.payload.as_ref()) };
    let current = match timeline.attempts.last() {
        Some(attempt) if attempt.status == AttemptStatus::Started || job.status.is_terminal() => {
            steps_view(Some(attempt), &waiting, with)
        }
        _ => steps_view(None, &waiting, with),
    };
    view! {
        {earlier}
        {current}
    }
    .into_any()
}

/// Shows the stages of an attempt in order, each with the steps that have started and the steps that are waiting.
fn steps_view(attempt: Option<&TimelineAttempt>, waiting: &[Planned], with: StepContext) -> AnyView {
    let runs = attempt.map(|attempt| attempt.stages.as_slice()).unwrap_or_default();
    let run_of = |stage: Stage| runs.iter().find(|run| run.stage == stage);
    let knows =
        |step: &Planned| run_of(step.stage).is_some_and(|run| run.steps.iter().any(|known| known.id == step.id));
    // If `execute` is the only stage, the headings of stages are omitted.
    let only_execute =
        runs.iter().all(|run| run.stage == Stage::Execute) && waiting.iter().all(|step| step.stage == Stage::Execute);
    let stages = [Stage::Prepare, Stage::Execute, Stage::Publish].map(|stage| {
        let run = run_of(stage);
        let waits: Vec<&Planned> = waiting.iter().filter(|step| step.stage == stage && !knows(step)).collect();
        let heading = match run {
            _ if only_execute => None,
            Some(run) => Some(stage_heading(run, with.now)),
            None => (!waits.is_empty()).then(|| waiting_heading(stage)),
        };
        let steps = run
            .zip(attempt)
            .map(|(run, attempt)| run.steps.iter().map(|step| step_view(step, (attempt, stage), with)).collect_view());
        view! {
            {heading}
            {steps}
            {waits.into_iter().map(waiting_step).collect_view()}
        }
        .into_any()
    });
    view! { <ol class="steps">{stages.into_iter().collect_view()}</ol> }.into_any()
}

fn waiting_step(step: &Planned) -> AnyView {
    still_step(&step.id, &step.name, ("queued", "waiting"))
}

/// Shows a step that is waiting or was skipped, with its icon, name and status but without a duration.
fn still_step(id: &str, name: &str, (icon, status): (&'static str, &'static str)) -> AnyView {
    view! {
        <li class="step" data-testid="timeline-step" data-step=id.to_owned() data-status=status>
            <Icon name=icon />
            <span class="step-name">{words::visible(name)}</span>
            <small>{status}</small>
        </li>
    }
    .into_any()
}

fn waiting_heading(stage: Stage) -> AnyView {
    view! {
        <li class="step stage" data-testid="timeline-stage" data-stage=stage.as_str() data-status="waiting">
            <Icon name="queued" />
            <span class="step-name">{stage.as_str()}</span>
            <small>"waiting"</small>
        </li>
    }
    .into_any()
}

fn stage_heading(stage: &StageRun, now: Now) -> AnyView {
    let icon = match stage.status {
        StageStatus::Started => "running",
        StageStatus::Succeeded => "succeeded",
        StageStatus::Failed => "failed",
        StageStatus::Skipped => "skipped",
    };
    let took = match stage.status {
        StageStatus::Skipped => "skipped".into_any(),
        _ => took(stage.started, stage.millis, now).into_any(),
    };
    view! {
        <li class="step stage" data-testid="timeline-stage" data-stage=stage.stage.as_str() data-status=icon>
            <Icon name=icon />
            <span class="step-name">{stage.stage.as_str()}</span>
            <small>{took}</small>
        </li>
    }
    .into_any()
}

fn step_view(step: &StepRun, (attempt, stage): (&TimelineAttempt, Stage), with: StepContext) -> AnyView {
    let StepContext { errors, usual, now } = with;
    let (number, begun, attempt_millis) = (attempt.number, attempt.started, attempt.millis);
    let icon = match step.status {
        StepStatus::Started => "running",
        StepStatus::Succeeded => "succeeded",
        StepStatus::Failed | StepStatus::TimedOut => "failed",
        StepStatus::Cancelled => "cancelled",
        StepStatus::Skipped => "skipped",
    };
    let (started, millis) = (step.started, step.millis);
    if step.status == StepStatus::Skipped {
        return still_step(&step.id, &step.name, (icon, words::step_status(step.status)));
    }
    let note = match (step.status, step.exit_code) {
        (StepStatus::Failed, Some(code)) => format!("exit {code} \u{b7} "),
        (StepStatus::TimedOut | StepStatus::Cancelled, _) => format!("{} \u{b7} ", words::step_status(step.status)),
        _ => String::new(),
    };
    // The bar is a `progress` element, because the page's Content-Security-Policy forbids style attributes.
    let value = move || millis.unwrap_or_else(|| now.get().millis_since(started));
    // The durations of failed and stopped steps are not meaningful, so they are not compared with the usual duration.
    let is_compared = matches!(step.status, StepStatus::Started | StepStatus::Succeeded);
    let id = step.id.clone();
    let usual = Memo::new(move |_| usual.with(|usual| usual.of(stage, &id)));
    let compared = move || {
        // A running step may still take longer, so "shorter than usual" is not shown.
        let shown = words::compared(value(), usual.get().filter(|_| is_compared)?)?;
        (millis.is_some() || value() > usual.get()?).then_some(shown)
    };
    let compared =
        move || compared().map(|text| view! { <small class="step-usual" data-testid="step-usual">{text}</small> });
    let usually = move || usual.get().map(|usual| format!("Usually {}", words::duration(usual)));
    let max = move || attempt_millis.unwrap_or_else(|| now.get().millis_since(begun)).max(1);
    view! {
        <li class="step" data-testid="timeline-step" data-step=step.id.clone() data-status=icon title=step.command.clone()>
            <Icon name=icon />
            <span class="step-name">{words::visible(&step.name)}</span>
            <small title=usually>{step_errors(errors, number, stage, &step.id)} {note} {took(started, millis, now)}</small>
            <progress class="bar" aria-hidden="true" value=move || value().to_string() max=move || max().to_string()></progress>
            {compared}
        </li>
    }
    .into_any()
}

/// If a step has printed errors, shows their number on a button that goes to the first error.
fn step_errors(errors: StepErrors, attempt: i32, stage: Stage, id: &str) -> impl IntoView + use<> {
    let (id, counted) = (id.to_owned(), id.to_owned());
    let count = Memo::new(move |_| errors.count(attempt, stage, &counted));
    move || {
        let id = id.clone();
        (count.get() > 0).then(|| {
            view! {
                <button
                    class="link step-errors"
                    data-testid="step-errors"
                    title="Go to the first error"
                    on:click=move |_| errors.show_first(attempt, stage, id.clone())
                >
                    {words::plural(count.get(), "error")}
                </button>
                " \u{b7} "
            }
        })
    }
}

fn took(started: Timestamp, millis: Option<i64>, now: Now) -> impl Fn() -> String + Copy + Send + Sync + 'static {
    move || match millis {
        Some(millis) => words::duration(millis),
        None => words::running(now.get().millis_since(started)),
    }
}

const fn attempt_words(status: AttemptStatus) -> (&'static str, &'static str) {
    match status {
        AttemptStatus::Started => ("running", "is running"),
        AttemptStatus::Succeeded => ("succeeded", "succeeded"),
        AttemptStatus::Failed => ("failed", "failed"),
        AttemptStatus::Cancelled => ("cancelled", "was cancelled"),
        AttemptStatus::Interrupted => ("failed", "was interrupted"),
    }
}

fn artifacts_view(live: LiveJob, previewed: RwSignal<Option<Artifact>>) -> AnyView {
    let artifacts = live.artifacts.read();
    if artifacts.is_empty() {
        let job = live.job.read();
        let text = match job.status.is_terminal() {
            _ if job.output_removed_at.is_some() => "The artifacts were removed.",
            true => "This job has no artifacts.",
            false => "No artifacts yet.",
        };
        return view! { <p class="hint">{text}</p> }.into_any();
    }
    let several = artifacts.iter().any(|file| file.attempt > 1);
    let files = artifacts.iter().map(|file| {
        let attempt = several.then(|| format!("attempt {} \u{b7} ", file.attempt));
        view! {
            <li>
                <a data-testid="artifact-link" href=download_url(file) download>{words::visible(&file.name)}</a>
                <small>{attempt} {words::bytes(file.size_bytes)}</small>
                {preview_button(file, previewed)}
            </li>
        }
        .into_any()
    });
    view! { <ul class="files">{files.collect_view()}</ul> }.into_any()
}
