//! Stores the form's state as signals.

use leptos::prelude::*;

use crate::job_form::{FormStep, FormVariable, JobForm};

/// A handle to the current contents of the form. Copies refer to the same form.
#[derive(Clone, Copy)]
pub struct Draft {
    /// The job's title.
    pub title: RwSignal<String>,
    /// The job's commands. There is at least one.
    pub steps: RwSignal<Vec<Step>>,
    /// The working directory, or an empty string for the job's workspace.
    pub working_directory: RwSignal<String>,
    /// The environment variables.
    pub env: RwSignal<Vec<Variable>>,
    /// The secrets that the job receives as environment variables, as typed.
    pub secrets: RwSignal<String>,
    /// The secrets that the job receives as files, as typed.
    pub secret_files: RwSignal<String>,
    /// The shell of all steps, an empty string for the server's default, or [`crate::job_form::EACH_ITS_OWN`].
    pub shell: RwSignal<String>,
    /// Whether the steps run in a terminal.
    pub terminal: RwSignal<bool>,
    /// The timeout in seconds, as typed.
    pub timeout: RwSignal<String>,
    /// The maximum number of attempts, as typed.
    pub max_attempts: RwSignal<String>,
    /// The priority, as typed.
    pub priority: RwSignal<String>,
    next_id: StoredValue<u32>,
}

/// The fields of one command.
#[derive(Clone, Copy)]
pub struct Step {
    /// Identifies the step within the form.
    pub id: u32,
    /// The index of the step in the original job that this step edits, or `None` for a new step.
    pub origin: Option<usize>,
    /// The step's display name.
    pub name: RwSignal<String>,
    /// The command to run.
    pub run: RwSignal<String>,
}

/// The fields of one environment variable.
#[derive(Clone, Copy)]
pub struct Variable {
    /// Identifies the variable within the form.
    pub id: u32,
    /// The variable's name.
    pub name: RwSignal<String>,
    /// The variable's value.
    pub value: RwSignal<String>,
    /// The name of the variable in the original job whose secret value is used while `value` is empty, or `None` if
    /// there is no such variable.
    pub kept: StoredValue<Option<String>>,
}

impl Draft {
    /// Creates the signals with the initial contents of a form.
    pub fn of(form: &JobForm) -> Self {
        let text = |text: &String| RwSignal::new(text.clone());
        let draft = Self {
            title: text(&form.title),
            steps: RwSignal::new(Vec::new()),
            working_directory: text(&form.working_directory),
            env: RwSignal::new(Vec::new()),
            secrets: text(&form.secrets),
            secret_files: text(&form.secret_files),
            shell: text(&form.shell),
            terminal: RwSignal::new(form.terminal),
            timeout: text(&form.timeout),
            max_attempts: text(&form.max_attempts),
            priority: text(&form.priority),
            next_id: StoredValue::new(0),
        };
        form.steps.iter().for_each(|step| draft.put_step(step));
        form.env.iter().for_each(|variable| draft.put_variable(variable));
        draft
    }

    /// Returns the current contents of the form.
    pub fn form(self) -> JobForm {
        JobForm {
            title: self.title.get_untracked(),
            steps: self.steps.with_untracked(|steps| steps.iter().map(|step| step.form()).collect()),
            working_directory: self.working_directory.get_untracked(),
            env: self.env.with_untracked(|env| env.iter().map(|variable| variable.form()).collect()),
            secrets: self.secrets.get_untracked(),
            secret_files: self.secret_files.get_untracked(),
            shell: self.shell.get_untracked(),
            terminal: self.terminal.get_untracked(),
            timeout: self.timeout.get_untracked(),
            max_attempts: self.max_attempts.get_untracked(),
            priority: self.priority.get_untracked(),
        }
    }

    /// Adds an empty command.
    pub fn add_step(self) {
        self.put_step(&FormStep::default());
    }

    /// Removes a command, unless it is the only one.
    pub fn remove_step(self, id: u32) {
        self.steps.update(|steps| {
            if steps.len() > 1 {
                steps.retain(|step| step.id != id);
            }
        });
    }

    /// Adds an empty variable.
    pub fn add_variable(self) {
        self.put_variable(&FormVariable::default());
    }

    /// Removes a variable.
    pub fn remove_variable(self, id: u32) {
        self.env.update(|env| env.retain(|variable| variable.id != id));
    }

    /// Returns whether the form contains the field with the path `field`, so that an error can be displayed next to it.
    pub fn shows(self, field: &str) -> bool {
        let steps = self.steps.get();
        let mut of_steps = steps.iter().enumerate().flat_map(|(at, step)| {
            let name = (steps.len() > 1 || step.has_name()).then(|| format!("payload.steps[{at}].name"));
            [Some(format!("payload.steps[{at}].run")), name].into_iter().flatten()
        });
        let is_of_env = || self.env.with(|env| env.iter().any(|variable| field == variable.field()));
        match field {
            "payload.title" | "payload.workingDirectory" | "payload.secrets" | "payload.secretFiles" => true,
            _ => super::FURTHER.contains(&field) || of_steps.any(|known| known == field) || is_of_env(),
        }
    }

    fn put_step(self, step: &FormStep) {
        let FormStep { origin, name, run } = step.clone();
        let step = Step { id: self.id(), origin, name: RwSignal::new(name), run: RwSignal::new(run) };
        self.steps.update(|steps| steps.push(step));
    }

    fn put_variable(self, variable: &FormVariable) {
        let FormVariable { name, value, kept } = variable.clone();
        let (name, value, kept) = (RwSignal::new(name), RwSignal::new(value), StoredValue::new(kept));
        let variable = Variable { id: self.id(), name, value, kept };
        self.env.update(|env| env.push(variable));
    }

    fn id(self) -> u32 {
        let id = self.next_id.get_value();
        self.next_id.set_value(id + 1);
        id
    }
}

impl Step {
    /// Returns whether this step comes from the original job and has a name. The name field is shown for such a step
    /// even if the step is the only one.
    pub fn has_name(self) -> bool {
        self.origin.is_some() && self.name.with_untracked(|name| !name.is_empty())
    }

    fn form(self) -> FormStep {
        FormStep { origin: self.origin, name: self.name.get_untracked(), run: self.run.get_untracked() }
    }
}

impl Variable {
    /// Returns the path of this variable in a submission, such as `payload.env.PATH`.
    pub fn field(self) -> String {
        format!("payload.env.{}", self.name.get().trim())
    }

    fn form(self) -> FormVariable {
        let value = self.value.get_untracked();
        let kept = self.kept.get_value().filter(|_| value.is_empty());
        FormVariable { name: self.name.get_untracked(), value, kept }
    }
}
