//! The form for a new or edited job. The server validates the values, and each error message is shown next to the field
//! that it refers to.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::{Job, JobChanges, JobId, NewJob};
use wasm_bindgen::JsCast;

use super::FURTHER;
use super::draft::Draft;
use super::environment::Environment;
use super::field::{CODE, Problems, TextField};
use super::remembered::Remembered;
use super::shell::Shell;
use super::steps::Steps;
use super::terminal::Terminal;
use crate::job_form::{JobForm, Misread, Original};
use crate::page_data::RpcError;
use crate::rpc::{resubmit_with_changes, submit_job};

/// The request that the form sends to the server.
#[derive(Clone)]
enum Request {
    Submit(NewJob),
    Resubmit(JobId, JobChanges),
}

impl Request {
    async fn send(self) -> Result<Job, RpcError> {
        match self {
            Self::Submit(job) => submit_job(job).await,
            Self::Resubmit(job, changes) => resubmit_with_changes(job.to_string(), changes).await,
        }
    }
}

/// A handle to the state of a form and of its submission. Copies refer to the same form.
#[derive(Clone, Copy)]
struct FormState {
    draft: Draft,
    from: Option<JobId>,
    original: StoredValue<Option<Original>>,
    submit: Action<Result<Request, Misread>, Result<Job, String>>,
    problems: Problems,
    /// The values used most recently. They are loaded only in the browser.
    remembered: RwSignal<Remembered>,
    /// Whether the fields that are collapsed initially are shown.
    is_unfolded: RwSignal<bool>,
}

impl FormState {
    fn new(from: Option<JobId>, original: Option<Original>) -> Self {
        let first = original.as_ref().map_or_else(JobForm::empty, |original| original.form().clone());
        let has_further = [&first.shell, &first.timeout, &first.max_attempts, &first.priority]
            .into_iter()
            .any(|text| !text.is_empty())
            || first.terminal;
        let submit = Action::new(|request: &Result<Request, Misread>| {
            let request = request.clone();
            async move {
                match request {
                    Ok(request) => request.send().await.map_err(|error| error.to_string()),
                    Err(misread) => Err(misread.to_string()),
                }
            }
        });
        Self {
            draft: Draft::of(&first),
            from,
            original: StoredValue::new(original),
            submit,
            problems: Problems::new(move || submit.value().get().and_then(Result::err)),
            remembered: RwSignal::default(),
            is_unfolded: RwSignal::new(has_further),
        }
    }

    fn send(self) {
        if self.submit.pending().get_untracked() {
            return;
        }
        let form = self.draft.form();
        let request = self.original.with_value(|original| match (self.from, original) {
            (Some(from), Some(original)) => Ok(Request::Resubmit(from, original.changes(&form)?)),
            _ => Ok(Request::Submit(form.new_job()?)),
        });
        self.submit.dispatch(request);
    }

    /// Loads the values used most recently, which are stored only in the browser. If the form is for a new job, fills
    /// in the shell used most recently.
    fn remember(self) {
        let last = Remembered::load();
        if self.from.is_none() && !last.shell.is_empty() && self.draft.shell.with_untracked(String::is_empty) {
            self.draft.shell.set(last.shell.clone());
            self.is_unfolded.set(true);
        }
        self.remembered.set(last);
    }

    /// Shows the invalid field, and moves the focus to the field.
    fn show_problem(self) {
        if self.problems.field().is_some_and(|field| FURTHER.contains(&field.as_str())) {
            self.is_unfolded.set(true);
        }
        request_animation_frame(|| {
            let field = document().query_selector(".form [aria-invalid='true']").ok().flatten();
            if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
                let _ = field.focus();
            }
        });
    }

    /// Returns the error message, or `None` if there is none or if the form shows it next to a field.
    fn general_problem(self) -> Option<String> {
        let (field, text) = self.problems.get().filter(|(field, _)| !self.draft.shows(field))?;
        Some(if field.is_empty() { text } else { format!("{field}: {text}") })
    }

    fn button(self) -> &'static str {
        match (self.submit.pending().get(), self.from) {
            (true, _) => "Submitting",
            (false, None) => "Submit",
            (false, Some(_)) => "Run again",
        }
    }
}

/// The form for a new job, or for editing an existing job.
#[component]
pub fn Form(original: Option<(JobId, Original)>) -> impl IntoView {
    let (from, original) = original.unzip();
    let state = FormState::new(from, original);
    let navigate = use_navigate();
    Effect::new(move || state.remember());
    Effect::new(move || match state.submit.value().get() {
        Some(Ok(job)) => {
            Remembered::load().with(&state.draft.form()).store();
            navigate(&format!("/tasks/queue/{}", job.id), NavigateOptions::default());
        }
        Some(Err(_)) => state.show_problem(),
        None => {}
    });
    view! {
        <main>
            <form
                class="form"
                method="post"
                action="/tasks/queue/new"
                on:submit=move |event| {
                    event.prevent_default();
                    state.send();
                }
                on:keydown=move |event| {
                    if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                        state.send();
                    }
                }
            >
                {from.map(|from| view! { <input type="hidden" name="from" value=from.to_string() /> })}
                {fields(&state)}
                <p class="error" role="alert" data-testid="form-error">
                    {move || state.general_problem()}
                </p>
                <div class="form-end">
                    <button class="button primary" data-testid="submit-job" disabled=move || state.submit.pending().get()>
                        {move || state.button()}
                    </button>
                    <span class="hint wide needs-scripts">"Ctrl+Enter"</span>
                    <span class="hint without-scripts">
                        {if from.is_some() {
                            "To add or remove steps and variables, turn on JavaScript or use the API."
                        } else {
                            "To add steps or variables, turn on JavaScript or use the API."
                        }}
                    </span>
                </div>
            </form>
        </main>
    }
    .into_any()
}

fn fields(state: &FormState) -> AnyView {
    let FormState { draft, original, problems, remembered, is_unfolded, .. } = *state;
    let known_names = Signal::derive(move || remembered.read().names.clone());
    let directories = move || {
        let known = remembered.read().working_directories.clone();
        known.into_iter().map(|path| view! { <option value=path></option> }).collect_view()
    };
    view! {
        <Steps draft original problems />
        <TextField label="Title" note="optional" name="title" testid="field-title" field="payload.title" maxlength="200" value=draft.title problems />
        <TextField
            label="Working directory"
            note="optional"
            name="workingDirectory"
            testid="field-working-directory"
            field="payload.workingDirectory"
            class=CODE
            placeholder="a new, empty workspace"
            list="known-directories"
            value=draft.working_directory
            problems
        />
        <datalist id="known-directories">{directories}</datalist>
        <Environment draft known_names problems />
        <div class="columns">
            <TextField
                label="Secrets"
                note="passed as environment variables"
                name="secrets"
                testid="field-secrets"
                field="payload.secrets"
                class=CODE
                placeholder="SECRET or VARIABLE=SECRET"
                value=draft.secrets
                problems
            />
            <TextField
                label="Secrets as files"
                note="passed as files; each variable contains the file's path"
                name="secretFiles"
                testid="field-secret-files"
                field="payload.secretFiles"
                class=CODE
                placeholder="SECRET or VARIABLE=SECRET"
                value=draft.secret_files
                problems
            />
        </div>
        <details
            class="further"
            open=move || is_unfolded.get()
            on:toggle=move |event| is_unfolded.set(event_target::<web_sys::Element>(&event).has_attribute("open"))
        >
            <summary>"Shell, terminal, timeout, attempts, priority"</summary>
            <div class="columns">
                <Shell draft problems />
                <TextField
                    label="Timeout in seconds"
                    name="timeoutSeconds"
                    testid="field-timeout"
                    field="payload.timeoutSeconds"
                    inputmode="numeric"
                    placeholder="none"
                    value=draft.timeout
                    problems
                />
                <TextField
                    label="Maximum attempts"
                    name="maxAttempts"
                    testid="field-attempts"
                    field="maxAttempts"
                    inputmode="numeric"
                    placeholder="1"
                    value=draft.max_attempts
                    problems
                />
                <TextField
                    label="Priority"
                    name="priority"
                    testid="field-priority"
                    field="priority"
                    inputmode="numeric"
                    placeholder="0 (higher runs first)"
                    value=draft.priority
                    problems
                />
            </div>
            <Terminal draft />
        </details>
    }
    .into_any()
}
