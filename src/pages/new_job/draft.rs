//! The form's state, and the submission built from it.

use leptos::prelude::*;
use serde_json::{Map, Value, json};

use crate::model::NewJob;

/// What has been typed so far. It is a handle: copies refer to the same form.
#[derive(Clone, Copy)]
pub struct Draft {
    /// The job's title.
    pub title: RwSignal<String>,
    /// Its commands, at least one.
    pub steps: RwSignal<Vec<Step>>,
    /// The working directory; empty for the job's workspace.
    pub working_directory: RwSignal<String>,
    /// The environment variables.
    pub env: RwSignal<Vec<Variable>>,
    /// The shell of all steps; empty for the server's default.
    pub shell: RwSignal<String>,
    /// The timeout in seconds, as typed.
    pub timeout: RwSignal<String>,
    /// A whole number, as typed.
    pub max_attempts: RwSignal<String>,
    /// A whole number, as typed.
    pub priority: RwSignal<String>,
    next_id: StoredValue<u32>,
}

/// The fields of one command.
#[derive(Clone, Copy)]
pub struct Step {
    /// Identifies it within the form.
    pub id: u32,
    /// Its display name.
    pub name: RwSignal<String>,
    /// The command to run.
    pub run: RwSignal<String>,
}

/// The fields of one environment variable.
#[derive(Clone, Copy)]
pub struct Variable {
    /// Identifies it within the form.
    pub id: u32,
    /// Its name.
    pub name: RwSignal<String>,
    /// Its value.
    pub value: RwSignal<String>,
}

impl Draft {
    /// Creates a form with one empty command.
    pub fn new() -> Self {
        let text = || RwSignal::new(String::new());
        Self {
            title: text(),
            steps: RwSignal::new(vec![Step { id: 0, name: text(), run: text() }]),
            working_directory: text(),
            env: RwSignal::new(Vec::new()),
            shell: text(),
            timeout: text(),
            max_attempts: text(),
            priority: text(),
            next_id: StoredValue::new(1),
        }
    }

    /// Adds an empty command.
    pub fn add_step(self) {
        let step = Step { id: self.id(), name: RwSignal::new(String::new()), run: RwSignal::new(String::new()) };
        self.steps.update(|steps| steps.push(step));
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
        let variable =
            Variable { id: self.id(), name: RwSignal::new(String::new()), value: RwSignal::new(String::new()) };
        self.env.update(|env| env.push(variable));
    }

    /// Moves an error about the only step, if it was sent as an element of `steps`, to the field where the form shows
    /// it.
    pub fn place(self, (field, text): (String, String)) -> (String, String) {
        match field.strip_prefix("payload.steps[0].") {
            Some(name) if self.steps.with_untracked(Vec::len) == 1 => (format!("payload.{name}"), text),
            _ => (field, text),
        }
    }

    /// Returns whether the form can show an error next to the given field.
    pub fn shows(self, field: &str) -> bool {
        let steps = self.steps.with(Vec::len);
        let of_step = |name: &str| (0..steps).any(|at| field == format!("payload.steps[{at}].{name}"));
        let env = self.env.with(|env| env.iter().any(|variable| field == variable.field()));
        env || match field {
            "payload.title" | "payload.workingDirectory" | "payload.timeoutSeconds" | "maxAttempts" | "priority" => {
                true
            }
            "payload.run" => steps == 1,
            _ => steps > 1 && (of_step("run") || of_step("name")),
        }
    }

    /// Returns the submission. Text that is not a number is sent as it is, so that the server's error explains what is
    /// valid.
    pub fn job(self) -> NewJob {
        let number = |text: &str| text.trim().parse::<i64>().map_or_else(|_| Value::from(text.trim()), Value::from);
        let mut payload = Map::new();
        let mut put = |key: &str, value: Value| {
            payload.insert(key.to_owned(), value);
        };
        let title = self.title.get_untracked();
        if !title.trim().is_empty() {
            put("title", title.trim().into());
        }
        let directory = self.working_directory.get_untracked();
        if !directory.trim().is_empty() {
            put("workingDirectory", directory.trim().into());
        }
        let shell = self.shell.get_untracked();
        let steps = self.steps.get_untracked();
        match steps.as_slice() {
            [only] if shell.is_empty() => put("run", only.run.get_untracked().into()),
            steps => put("steps", steps.iter().map(|step| step.value(&shell)).collect()),
        }
        let env = self.env.get_untracked();
        let env: Map<String, Value> = env
            .iter()
            .map(|variable| (variable.name.get_untracked().trim().to_owned(), variable.value.get_untracked().into()))
            .filter(|(name, _)| !name.is_empty())
            .collect();
        if !env.is_empty() {
            put("env", env.into());
        }
        let timeout = self.timeout.get_untracked();
        if !timeout.trim().is_empty() {
            put("timeoutSeconds", number(&timeout));
        }
        let whole = |text: RwSignal<String>, default: i32| {
            text.with_untracked(|text| match text.trim() {
                "" => default,
                // This is out of every range, so that the server's error states the valid range.
                text => text.parse().unwrap_or(i32::MIN),
            })
        };
        NewJob {
            kind: "command".to_owned(),
            priority: whole(self.priority, 0),
            payload: Value::from(payload).into(),
            affinity_key: None,
            max_attempts: whole(self.max_attempts, 1),
        }
    }

    fn id(self) -> u32 {
        let id = self.next_id.get_value();
        self.next_id.set_value(id + 1);
        id
    }
}

impl Step {
    fn value(&self, shell: &str) -> Value {
        let mut step = json!({ "run": self.run.get_untracked() });
        let name = self.name.get_untracked();
        if !name.trim().is_empty() {
            step["name"] = name.trim().into();
        }
        if !shell.is_empty() {
            step["shell"] = shell.into();
        }
        step
    }
}

impl Variable {
    /// Returns the field's path in a submission.
    pub fn field(&self) -> String {
        format!("payload.env.{}", self.name.get().trim())
    }
}

/// Splits the server's error message into the field that it is about and the rest.
pub fn field_of(message: &str) -> (String, String) {
    match message.split_once(": ") {
        Some((field, text)) if !field.contains(' ') => (field.to_owned(), text.to_owned()),
        _ => (String::new(), message.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_sentence_names_the_field_first() {
        let table = [
            ("payload.steps[2].run: must have at most 3 bytes", ("payload.steps[2].run", "must have at most 3 bytes")),
            ("priority: must be -1000 to 1000, not 5000", ("priority", "must be -1000 to 1000, not 5000")),
            ("the queue is full: try later", ("", "the queue is full: try later")),
        ];
        for (message, (field, text)) in table {
            assert_eq!(field_of(message), (field.to_owned(), text.to_owned()));
        }
    }
}
