//! The form for a job, and the conversion of the form's fields into a submission or a resubmission.
//!
//! The page's scripts submit the form. Without scripts, the browser posts the form to a handler on the server. The
//! scripts and the handler both use this module, so that they interpret a form in the same way. When a job is edited
//! and run again, only the changes to the original job are sent. The server copies all other values from the original
//! job, including secret ones.

mod kept;
mod original;

use model::NewJob;
use serde_json::{Map, Value};

pub use kept::{kept_of_job, kept_of_step};
pub use original::Original;

/// The text that responses contain in place of a secret.
pub const MASK: &str = "[REDACTED]";

/// The option of the shell field that leaves each step's shell unchanged. It cannot be mistaken for the name of a
/// program.
pub const EACH_ITS_OWN: &str = "(each its own)";

/// The fields of the form, as typed by the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobForm {
    /// The job's title.
    pub title: String,
    /// The job's commands. There is at least one.
    pub steps: Vec<FormStep>,
    /// The working directory, or an empty string for the job's workspace.
    pub working_directory: String,
    /// The environment variables.
    pub env: Vec<FormVariable>,
    /// The secrets that the job receives as environment variables, separated by white space or commas.
    pub secrets: String,
    /// The secrets that the job receives as files, separated by white space or commas.
    pub secret_files: String,
    /// The shell of all steps, an empty string for the server's default, or [`EACH_ITS_OWN`].
    pub shell: String,
    /// Whether the steps run in a terminal, unless a step has its own setting.
    pub terminal: bool,
    /// The job's timeout in seconds, or an empty string for no timeout.
    pub timeout: String,
    /// The maximum number of attempts, or an empty string for 1.
    pub max_attempts: String,
    /// The priority, or an empty string for 0.
    pub priority: String,
}

/// A command in the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormStep {
    /// The index of the original job's step from which this step was created, or `None` for a new step.
    pub origin: Option<usize>,
    /// The display name.
    pub name: String,
    /// The command to run.
    pub run: String,
}

/// An environment variable in the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormVariable {
    /// The variable's name.
    pub name: String,
    /// The variable's value.
    pub value: String,
    /// The variable in the original job whose secret value is kept, or `None` if `value` is used.
    pub kept: Option<String>,
}

/// An error in a field of the form. Its message has the same format as the server's errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Misread {
    /// The path of the field in a submission, such as `payload.timeoutSeconds`.
    pub field: String,
    /// The reason why the value is invalid.
    pub problem: &'static str,
}

impl JobForm {
    /// Returns an empty form for a new job, with one empty command.
    #[must_use]
    pub fn empty() -> Self {
        Self { steps: vec![FormStep::default()], ..Self::default() }
    }

    /// Converts the form into the submission of a new job.
    pub fn new_job(&self) -> Result<NewJob, Misread> {
        let mut payload = Map::new();
        let mut put = |key: &str, value: Value| {
            if !value.is_null() {
                payload.insert(key.to_owned(), value);
            }
        };
        put("title", text_or_null(&self.title));
        put("workingDirectory", text_or_null(&self.working_directory));
        put("timeoutSeconds", self.timeout_seconds()?.into());
        put("env", map_or_null(self.variables()?));
        put("secrets", list_or_null(&self.secrets));
        put("secretFiles", list_or_null(&self.secret_files));
        put("terminal", true_or_null(self.terminal));
        match self.steps.as_slice() {
            [only] if self.shell.is_empty() && only.name.trim().is_empty() => put("run", only.run.clone().into()),
            steps => put("steps", steps.iter().map(|step| step.new_step(&self.shell)).collect()),
        }
        Ok(NewJob {
            kind: "command".to_owned(),
            priority: self.priority()?,
            payload: Value::from(payload).into(),
            affinity_key: None,
            max_attempts: self.max_attempts()?,
        })
    }

    fn timeout_seconds(&self) -> Result<Option<i64>, Misread> {
        number("payload.timeoutSeconds", &self.timeout)
    }

    fn priority(&self) -> Result<i32, Misread> {
        Ok(number("priority", &self.priority)?.map_or(0, saturating))
    }

    fn max_attempts(&self) -> Result<i32, Misread> {
        Ok(number("maxAttempts", &self.max_attempts)?.map_or(1, saturating))
    }

    /// Returns the environment for the submission. Variables with neither a name nor a value are ignored.
    fn variables(&self) -> Result<Map<String, Value>, Misread> {
        let mut variables = Map::new();
        for FormVariable { name, value, kept } in &self.env {
            let name = name.trim();
            let misread = |problem| Err(Misread { field: format!("payload.env.{name}"), problem });
            match name {
                "" if value.is_empty() => continue,
                "" => return misread("enter a name for the variable, or clear its value"),
                _ if variables.contains_key(name) => return misread("the variable is defined twice"),
                _ => {}
            }
            let value = if kept.is_some() { MASK.into() } else { Value::from(value.as_str()) };
            variables.insert(name.to_owned(), value);
        }
        Ok(variables)
    }
}

impl FormStep {
    /// Returns the JSON for a step that is not based on a step of an original job.
    fn new_step(&self, shell: &str) -> Value {
        let mut step = Map::new();
        step.insert("run".to_owned(), self.run.clone().into());
        if !self.name.trim().is_empty() {
            step.insert("name".to_owned(), self.name.trim().into());
        }
        if !matches!(shell, "" | EACH_ITS_OWN) {
            step.insert("shell".to_owned(), shell.into());
        }
        step.into()
    }
}

fn number(field: &str, text: &str) -> Result<Option<i64>, Misread> {
    match text.trim() {
        "" => Ok(None),
        text => {
            text.parse().map(Some).map_err(|_| Misread { field: field.to_owned(), problem: "must be a whole number" })
        }
    }
}

/// Converts a number to the nearest `i32`. The server checks whether the number is in the permitted range.
fn saturating(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

fn text_or_null(text: &str) -> Value {
    Some(text.trim()).filter(|text| !text.is_empty()).into()
}

/// Returns the entries of a list that the user typed into one field, or null if there are none.
fn list_or_null(text: &str) -> Value {
    let entries: Vec<_> = text.split([' ', '\t', '\n', ',']).filter(|entry| !entry.is_empty()).collect();
    Some(entries).filter(|entries| !entries.is_empty()).into()
}

fn true_or_null(setting: bool) -> Value {
    setting.then_some(true).into()
}

fn map_or_null(map: Map<String, Value>) -> Value {
    Some(map).filter(|map| !map.is_empty()).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(run: &str) -> FormStep {
        FormStep { run: run.into(), ..FormStep::default() }
    }

    fn variable(name: &str, value: &str) -> FormVariable {
        FormVariable { name: name.into(), value: value.into(), kept: None }
    }

    #[test]
    fn the_mask_equals_that_of_the_redactor() {
        assert_eq!(MASK.as_bytes(), redact::MASK);
    }

    #[test]
    fn a_new_job_contains_only_the_entered_values() {
        let plain = JobForm { steps: vec![step("make")], ..JobForm::empty() };
        assert_eq!(plain.new_job().expect("it can be sent").payload.to_value(), json!({"run": "make"}));
        let full = JobForm {
            title: " T ".into(),
            steps: vec![step("a"), FormStep { name: "B".into(), ..step("b") }],
            working_directory: "/srv".into(),
            env: vec![variable("A", "1"), variable("", ""), variable(" B ", " ")],
            secrets: "DEPLOY_TOKEN, TOKEN=OTHER".into(),
            secret_files: " KUBECONFIG ".into(),
            shell: "bash".into(),
            terminal: true,
            timeout: "60".into(),
            max_attempts: "2".into(),
            priority: "-5".into(),
        };
        let job = full.new_job().expect("it can be sent");
        assert_eq!((job.max_attempts, job.priority), (2, -5));
        let expected = json!({
            "title": "T", "workingDirectory": "/srv", "timeoutSeconds": 60, "env": {"A": "1", "B": " "}, "terminal": true,
            "secrets": ["DEPLOY_TOKEN", "TOKEN=OTHER"], "secretFiles": ["KUBECONFIG"],
            "steps": [{"run": "a", "shell": "bash"}, {"name": "B", "run": "b", "shell": "bash"}],
        });
        assert_eq!(job.payload.to_value(), expected);
    }

    #[test]
    fn an_invalid_value_is_reported_with_its_field() {
        let misread = |form: JobForm| form.new_job().expect_err("it cannot be sent").field;
        for (form, field) in [
            (JobForm { timeout: "soon".into(), ..JobForm::empty() }, "payload.timeoutSeconds"),
            (JobForm { max_attempts: "1.5".into(), ..JobForm::empty() }, "maxAttempts"),
            (JobForm { priority: "high".into(), ..JobForm::empty() }, "priority"),
            (JobForm { env: vec![variable(" ", "x")], ..JobForm::empty() }, "payload.env."),
            (JobForm { env: vec![variable("A", "1"), variable("A ", "2")], ..JobForm::empty() }, "payload.env.A"),
        ] {
            assert_eq!(misread(form), field);
        }
        let large = JobForm { priority: "99999999999".into(), ..JobForm::empty() };
        assert_eq!(large.new_job().expect("the server checks the range").priority, i32::MAX);
    }
}
