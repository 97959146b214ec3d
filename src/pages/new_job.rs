//! The form for a new job with one command or several steps. Without scripts the browser posts it
//! (`server::http::form`).

mod draft;
mod environment;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;

use crate::page_data::RpcError;
use crate::rpc::SubmitJob;
use crate::ui::{Icon, PageTitle};
use draft::{Draft, Step, field_of};
use environment::Environment;

/// The shells that the form offers. The API accepts any other program that takes `-c`.
const SHELLS: [(&str, &str); 3] =
    [("", "sh: sh -e -c"), ("bash", "bash: bash -eo pipefail -c"), ("python3", "python3: python3 -c")];

/// The form. The server validates it, and its error messages appear next to the fields that they are about.
#[component]
pub fn NewJobPage() -> impl IntoView {
    let draft = Draft::new();
    let submit = ServerAction::<SubmitJob>::new();
    let navigate = use_navigate();
    let go = move || {
        if !submit.pending().get_untracked() {
            submit.dispatch(SubmitJob { job: draft.job() });
        }
    };
    Effect::new(move || {
        if let Some(Ok(job)) = submit.value().get() {
            navigate(&format!("/tasks/queue/{}", job.id), NavigateOptions::default());
        }
    });
    // The path of the invalid field, and the error message.
    let problem = Memo::new(move |_| match submit.value().get() {
        Some(Err(RpcError::Refused { message, .. })) => Some(draft.place(field_of(&message))),
        Some(Err(error)) => Some((String::new(), error.to_string())),
        _ => None,
    });
    let general = move || {
        problem
            .get()
            .filter(|(field, _)| !draft.shows(field))
            .map(|(field, text)| if field.is_empty() { text } else { format!("{field}: {text}") })
    };
    view! {
        <PageTitle text="New job \u{b7} Tailwater" />
        <div class="form-page">
            <header class="page-header">
                <A href="/tasks/queue" attr:class="back">
                    <Icon name="back" />
                    <span>"Queue"</span>
                </A>
                <h1>"New job"</h1>
            </header>
            <main>
                <form
                    class="form"
                    method="post"
                    action="/tasks/queue/new"
                    on:submit=move |event| {
                        event.prevent_default();
                        go();
                    }
                    on:keydown=move |event| {
                        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                            go();
                        }
                    }
                >
                    <Steps draft problem />
                    <label class="labelled">
                        <span>"Title" <small>"optional"</small></span>
                        <input class="field" name="title" data-testid="field-title" maxlength="200" bind:value=draft.title />
                        <Problem problem field="payload.title" />
                    </label>
                    <label class="labelled">
                        <span>"Working directory" <small>"optional"</small></span>
                        <input
                            class="field code"
                            name="workingDirectory"
                            data-testid="field-working-directory"
                            placeholder="a fresh, empty folder"
                            spellcheck="false"
                            autocapitalize="off"
                            bind:value=draft.working_directory
                        />
                        <Problem problem field="payload.workingDirectory" />
                    </label>
                    <Environment draft problem />
                    <details class="further">
                        <summary>"Shell, timeout, attempts, priority"</summary>
                        <div class="columns">
                            <Shell draft />
                            <Number label="Timeout in seconds" name="timeoutSeconds" hint="none" value=draft.timeout problem field="payload.timeoutSeconds" />
                            <Number label="Maximum attempts" name="maxAttempts" hint="1" value=draft.max_attempts problem field="maxAttempts" />
                            <Number label="Priority" name="priority" hint="0; higher runs first" value=draft.priority problem field="priority" />
                        </div>
                    </details>
                    <p class="error" role="alert" data-testid="form-error">
                        {general}
                    </p>
                    <div class="form-end">
                        <button class="button primary" data-testid="submit-job" disabled=move || submit.pending().get()>
                            {move || if submit.pending().get() { "Submitting" } else { "Submit" }}
                        </button>
                        <span class="hint wide needs-scripts">"Ctrl+Enter"</span>
                        <span class="hint without-scripts">"Several steps and variables need JavaScript, or the API."</span>
                    </div>
                </form>
            </main>
        </div>
    }
    .into_any()
}

/// The fields for the commands.
#[component]
fn Steps(draft: Draft, problem: Memo<Option<(String, String)>>) -> impl IntoView {
    let several = move || draft.steps.read().len() > 1;
    let number = move |id: u32| draft.steps.read().iter().position(|step| step.id == id).unwrap_or(0);
    view! {
        <fieldset class="steps-form">
            <legend>{move || if several() { "Steps" } else { "Command" }}</legend>
            <For each=move || draft.steps.get() key=|step| step.id let(step)>
                {step_view(draft, problem, several, number, step)}
            </For>
            <button type="button" class="button needs-scripts" data-testid="add-step" on:click=move |_| draft.add_step()>
                <Icon name="plus" />
                "Add a step"
            </button>
        </fieldset>
    }
    .into_any()
}

fn step_view(
    draft: Draft,
    problem: Memo<Option<(String, String)>>,
    several: impl Fn() -> bool + Copy + Send + Sync + 'static,
    number: impl Fn(u32) -> usize + Copy + Send + Sync + 'static,
    step: Step,
) -> impl IntoView {
    let id = step.id;
    let label = move || if several() { format!("Command of step {}", number(id) + 1) } else { "Command".to_owned() };
    let field = move |name: &str| {
        if several() { format!("payload.steps[{}].{name}", number(id)) } else { format!("payload.{name}") }
    };
    view! {
        <div class="step-form" data-testid="step-form">
            <Show when=several>
                <div class="step-head">
                    <input
                        class="field"
                        data-testid="field-name"
                        placeholder=move || format!("Step {}", number(id) + 1)
                        aria-label=move || format!("Name of step {}", number(id) + 1)
                        maxlength="200"
                        bind:value=step.name
                    />
                    <button
                        type="button"
                        class="button quiet"
                        aria-label=move || format!("Remove step {}", number(id) + 1)
                        on:click=move |_| draft.remove_step(id)
                    >
                        <Icon name="remove" />
                    </button>
                </div>
                <Problem problem field=Signal::derive(move || field("name")) />
            </Show>
            <textarea
                class="field code"
                name="run"
                data-testid="field-command"
                rows="3"
                spellcheck="false"
                autocapitalize="off"
                aria-label=label
                placeholder="cargo build --release"
                prop:value=move || step.run.get()
                on:input=move |event| step.run.set(event_target_value(&event))
            ></textarea>
            <Problem problem field=Signal::derive(move || field("run")) />
        </div>
    }
}

#[component]
fn Shell(draft: Draft) -> impl IntoView {
    view! {
        <label class="labelled">
            <span>"Shell"</span>
            <select class="field" name="shell" data-testid="field-shell" on:change=move |event| draft.shell.set(event_target_value(&event))>
                {SHELLS.map(|(value, label)| view! { <option value=value>{label}</option> }).collect_view()}
            </select>
        </label>
    }
    .into_any()
}

#[component]
fn Number(
    label: &'static str,
    name: &'static str,
    hint: &'static str,
    value: RwSignal<String>,
    problem: Memo<Option<(String, String)>>,
    field: &'static str,
) -> impl IntoView {
    view! {
        <label class="labelled">
            <span>{label}</span>
            <input class="field" name=name inputmode="numeric" data-field=field placeholder=hint bind:value=value />
            <Problem problem field />
        </label>
    }
    .into_any()
}

/// The server's error message for one field.
#[component]
pub(super) fn Problem(
    problem: Memo<Option<(String, String)>>,
    /// The field's path.
    #[prop(into)]
    field: Signal<String>,
) -> impl IntoView {
    move || {
        problem.get().filter(|(path, _)| *path == field.get()).map(|(_, text)| {
            view! {
                <span class="error" role="alert" data-testid="field-error">
                    {text}
                </span>
            }
        })
    }
}
