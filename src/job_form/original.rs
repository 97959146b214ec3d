//! The job that is being edited, and the changes that the user makes to it in the form.

use model::{Job, JobChanges, RawJson};
use serde_json::{Map, Value};

use super::{EACH_ITS_OWN, FormStep, FormVariable, JobForm, MASK, Misread};
use super::{list_or_null, map_or_null, text_or_null, true_or_null};

/// A job of type `command` as returned by the API, with the form that shows its values.
#[derive(Clone, Debug)]
pub struct Original {
    payload: Map<String, Value>,
    priority: i32,
    max_attempts: i32,
    form: JobForm,
}

impl Original {
    /// Creates the form that shows a job's values. Returns `None` if the job is not of type `command`.
    #[must_use]
    pub fn of(job: &Job) -> Option<Self> {
        let payload = match job.payload.as_ref().map(RawJson::to_value) {
            Some(Value::Object(payload)) if job.kind == "command" => payload,
            _ => return None,
        };
        let form = JobForm {
            title: text(&payload, "title").to_owned(),
            steps: form_steps(&payload),
            working_directory: text(&payload, "workingDirectory").to_owned(),
            env: form_variables(&payload),
            secrets: list(&payload, "secrets"),
            secret_files: list(&payload, "secretFiles"),
            shell: common_shell(&payload),
            terminal: payload.get("terminal") == Some(&Value::Bool(true)),
            timeout: payload.get("timeoutSeconds").map(Value::to_string).unwrap_or_default(),
            max_attempts: if job.max_attempts == 1 { String::new() } else { job.max_attempts.to_string() },
            priority: if job.priority == 0 { String::new() } else { job.priority.to_string() },
        };
        Some(Self { payload, priority: job.priority, max_attempts: job.max_attempts, form })
    }

    /// Returns the form with the job's own values. Submitting the form unchanged runs the same job again.
    #[must_use]
    pub const fn form(&self) -> &JobForm {
        &self.form
    }

    /// Returns a step of the original by index, or `None` if the index is out of range or the job has a single `run`
    /// command instead of steps.
    #[must_use]
    pub fn step(&self, position: usize) -> Option<&Map<String, Value>> {
        self.payload.get("steps")?.get(position)?.as_object()
    }

    /// Returns the changes that the edited form makes to the original.
    pub fn changes(&self, form: &JobForm) -> Result<JobChanges, Misread> {
        let mut payload = Map::new();
        let mut put = |key: &str, value: Value| {
            if value != *self.payload.get(key).unwrap_or(&Value::Null) {
                payload.insert(key.to_owned(), value);
            }
        };
        if !is_same_line(&form.title, &self.form.title) {
            put("title", text_or_null(&form.title));
        }
        if !is_same_line(&form.working_directory, &self.form.working_directory) {
            put("workingDirectory", text_or_null(&form.working_directory));
        }
        put("timeoutSeconds", form.timeout_seconds()?.into());
        if form.terminal != self.form.terminal {
            put("terminal", true_or_null(form.terminal));
        }
        put("env", map_or_null(self.variables(form)?));
        put("secrets", list_or_null(&form.secrets));
        put("secretFiles", list_or_null(&form.secret_files));
        let (run, steps) = self.commands(form);
        put("run", run);
        put("steps", steps);
        let (priority, max_attempts) = (form.priority()?, form.max_attempts()?);
        Ok(JobChanges {
            priority: (priority != self.priority).then_some(priority),
            max_attempts: (max_attempts != self.max_attempts).then_some(max_attempts),
            payload: (!payload.is_empty()).then(|| Value::from(payload).into()),
        })
    }

    /// Returns the edited environment. Values that were not edited are identical to the values in the original.
    fn variables(&self, form: &JobForm) -> Result<Map<String, Value>, Misread> {
        let before = |name: &str| self.payload.get("env").and_then(|env| env.get(name)).and_then(Value::as_str);
        let is_renamed = |name: &str, kept: &String| !name.is_empty() && kept != name;
        for FormVariable { name, kept, .. } in &form.env {
            let name = name.trim();
            if kept.as_ref().is_some_and(|kept| is_renamed(name, kept)) {
                let problem = "the original job has no secret with this name; enter a value";
                return Err(Misread { field: format!("payload.env.{name}"), problem });
            }
        }
        let mut variables = form.variables()?;
        for (name, value) in &mut variables {
            let before = before(name);
            if let (Some(before), Some(now)) = (before, value.as_str())
                && is_same_text(now, before)
            {
                *value = before.into();
            }
        }
        Ok(variables)
    }

    /// Returns the new values of `run` and `steps`. One of them is null.
    fn commands(&self, form: &JobForm) -> (Value, Value) {
        let shell = Some(form.shell.as_str()).filter(|shell| *shell != self.form.shell && *shell != EACH_ITS_OWN);
        let steps: Vec<Value> = form.steps.iter().map(|step| self.edited(step, &form.shell, shell)).collect();
        match steps.as_slice() {
            // A job with a single `run` command is converted to `steps` only if it now has several steps, or if its
            // step now has members other than `run`.
            [Value::Object(only)] if !self.payload.contains_key("steps") && only.len() == 1 => {
                (only.get("run").cloned().unwrap_or_default(), Value::Null)
            }
            _ => (Value::Null, steps.into()),
        }
    }

    /// Returns the edited step. If the step was created from a step of the original job, all members that were not
    /// edited are copied from the original.
    fn edited(&self, step: &FormStep, shell: &str, new_shell: Option<&str>) -> Value {
        let before = step.origin.and_then(|position| self.form.steps.get(position).zip(self.raw_step(position)));
        let Some((before, mut edited)) = before else { return step.new_step(shell) };
        if !is_same_text(&step.run, &before.run) {
            edited.insert("run".to_owned(), step.run.clone().into());
        }
        let mut set_or_remove = |key: &str, value: &str| match value.trim() {
            "" => edited.remove(key),
            value => edited.insert(key.to_owned(), value.into()),
        };
        if !is_same_line(&step.name, &before.name) {
            set_or_remove("name", &step.name);
        }
        if let Some(shell) = new_shell {
            set_or_remove("shell", shell);
        }
        edited.into()
    }

    fn raw_step(&self, position: usize) -> Option<Map<String, Value>> {
        let command = || self.payload.get("run").map(|run| Map::from_iter([("run".to_owned(), run.clone())]));
        self.step(position).cloned().or_else(command)
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the steps that the form shows, which are the steps of the `execute` stage.
fn steps_of(payload: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    payload.get("steps").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn form_steps(payload: &Map<String, Value>) -> Vec<FormStep> {
    let step = |(origin, step): (usize, &Map<String, Value>)| FormStep {
        origin: Some(origin),
        name: text(step, "name").to_owned(),
        run: text(step, "run").to_owned(),
    };
    let steps: Vec<_> = steps_of(payload).enumerate().map(step).collect();
    if steps.is_empty() {
        return vec![FormStep { origin: Some(0), name: String::new(), run: text(payload, "run").to_owned() }];
    }
    steps
}

/// Returns the entries of a list in the payload as one string, in the format that the user types into a form field.
fn list(payload: &Map<String, Value>, key: &str) -> String {
    let entries = payload.get(key).and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn form_variables(payload: &Map<String, Value>) -> Vec<FormVariable> {
    let variable = |(name, value): (&String, &Value)| {
        let value = value.as_str().unwrap_or_default();
        let kept = (value == MASK).then(|| name.clone());
        FormVariable { name: name.clone(), value: if kept.is_some() { "" } else { value }.to_owned(), kept }
    };
    payload.get("env").and_then(Value::as_object).into_iter().flatten().map(variable).collect()
}

/// Returns the shell of all steps, or [`EACH_ITS_OWN`] if the steps have different shells. `sh`, the server's default,
/// is returned as an empty string.
fn common_shell(payload: &Map<String, Value>) -> String {
    let mut shells = steps_of(payload).map(|step| match text(step, "shell") {
        "sh" => "",
        shell => shell,
    });
    let first = shells.next().unwrap_or_default();
    if shells.all(|shell| shell == first) { first } else { EACH_ITS_OWN }.to_owned()
}

/// Returns whether two strings are equal as values of a single-line form field, in which line breaks and surrounding
/// spaces are removed.
fn is_same_line(one: &str, other: &str) -> bool {
    let line = |text: &str| text.replace(['\r', '\n'], "").trim().to_owned();
    line(one) == line(other)
}

/// Returns whether two strings are equal as values of a multi-line form field, in which CR, LF and CRLF are all
/// converted to the same line break.
fn is_same_text(one: &str, other: &str) -> bool {
    let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    one == other || lines(one) == lines(other)
}

#[cfg(test)]
mod tests;
