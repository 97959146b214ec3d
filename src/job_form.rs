//! What the form for a job holds, and the submission or resubmission that it makes. Pure.
//!
//! The page and the handler of forms that are sent without JavaScript share it, so that both read a form alike. A job that is
//! edited and run again is sent as changes to the original: what was not edited is not sent, and the server keeps it, secret
//! values included.

mod kept;
mod original;

use serde_json::{Map, Value};

use crate::model::NewJob;

pub use kept::{kept_of_job, kept_of_step};
pub use original::Original;

/// What replies show in place of a secret.
pub const MASK: &str = "[REDACTED]";

/// The choice of a shell that keeps the shell of each step. No program is called so.
pub const EACH_ITS_OWN: &str = "(each its own)";

/// The texts of the form, as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobForm {
    /// The job's title.
    pub title: String,
    /// Its commands, at least one.
    pub steps: Vec<FormStep>,
    /// Where it runs; empty for its workspace.
    pub working_directory: String,
    /// Its environment.
    pub env: Vec<FormVariable>,
    /// The shell of all steps: empty for the server's choice, or [`EACH_ITS_OWN`].
    pub shell: String,
    /// A number of seconds.
    pub timeout: String,
    /// A number.
    pub max_attempts: String,
    /// A number.
    pub priority: String,
}

/// A command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormStep {
    /// The position of the original's step that it was made from.
    pub origin: Option<usize>,
    /// Its name for people.
    pub name: String,
    /// What it runs.
    pub run: String,
}

/// A variable of the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The original's variable whose value, which is secret, is kept.
    pub kept: Option<String>,
}

/// A text that cannot be sent. It reads as the server's errors do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Misread {
    /// The field's path in a submission.
    pub field: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl JobForm {
    /// Returns the form of a new job: one empty command.
    #[must_use]
    pub fn empty() -> Self {
        Self { steps: vec![FormStep::default()], ..Self::default() }
    }

    /// Returns the submission of a new job.
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

    /// Returns the environment as it is sent. Rows without name and value are left out.
    fn variables(&self) -> Result<Map<String, Value>, Misread> {
        let mut variables = Map::new();
        for FormVariable { name, value, kept } in &self.env {
            let name = name.trim();
            let misread = |problem| Err(Misread { field: format!("payload.env.{name}"), problem });
            match name {
                "" if value.is_empty() => continue,
                "" => return misread("enter a name for the variable, or clear its value"),
                _ if variables.contains_key(name) => return misread("the variable is used twice"),
                _ => {}
            }
            let value = if kept.is_some() { MASK.into() } else { Value::from(value.as_str()) };
            variables.insert(name.to_owned(), value);
        }
        Ok(variables)
    }
}

impl FormStep {
    /// Returns a step that was made from none of the original's.
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

/// Returns the nearest number that is sent; the server says which ones it takes.
fn saturating(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

fn text_or_null(text: &str) -> Value {
    Some(text.trim()).filter(|text| !text.is_empty()).into()
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
    fn the_mask_is_that_of_the_redactor() {
        assert_eq!(MASK.as_bytes(), redact::MASK);
    }

    #[test]
    fn a_new_job_holds_what_was_typed_and_nothing_else() {
        let plain = JobForm { steps: vec![step("make")], ..JobForm::empty() };
        assert_eq!(plain.new_job().expect("it can be sent").payload.to_value(), json!({"run": "make"}));
        let full = JobForm {
            title: " T ".into(),
            steps: vec![step("a"), FormStep { name: "B".into(), ..step("b") }],
            working_directory: "/srv".into(),
            env: vec![variable("A", "1"), variable("", ""), variable(" B ", " ")],
            shell: "bash".into(),
            timeout: "60".into(),
            max_attempts: "2".into(),
            priority: "-5".into(),
        };
        let job = full.new_job().expect("it can be sent");
        assert_eq!((job.max_attempts, job.priority), (2, -5));
        let expected = json!({
            "title": "T", "workingDirectory": "/srv", "timeoutSeconds": 60, "env": {"A": "1", "B": " "},
            "steps": [{"run": "a", "shell": "bash"}, {"name": "B", "run": "b", "shell": "bash"}],
        });
        assert_eq!(job.payload.to_value(), expected);
    }

    #[test]
    fn what_cannot_be_sent_is_named_by_its_field() {
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
        assert_eq!(large.new_job().expect("the server judges it").priority, i32::MAX);
    }
}
