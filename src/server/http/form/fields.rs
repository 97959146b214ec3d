//! The fields of a posted form.

use std::collections::BTreeMap;

use crate::job_form::{FormStep, FormVariable, JobForm, Original};

/// The fields that occur only once in a form.
const SINGLE: [&str; 10] = [
    "from",
    "title",
    "workingDirectory",
    "secrets",
    "secretFiles",
    "shell",
    "terminal",
    "timeoutSeconds",
    "maxAttempts",
    "priority",
];

/// The fields as sent by a browser.
#[derive(Debug, Default)]
pub(super) struct FormFields {
    single: BTreeMap<String, String>,
    /// The commands, in their order on the page.
    runs: Vec<String>,
    /// The names of the steps. There is either one name for each step, or none at all.
    names: Vec<String>,
    env_names: Vec<String>,
    env_values: Vec<String>,
}

impl FormFields {
    /// Groups the fields by name. Returns `None` if they are not the fields of the page's form.
    pub(super) fn read(pairs: Vec<(String, String)>) -> Option<Self> {
        let mut fields = Self::default();
        for (name, value) in pairs {
            // The CR is removed, because browsers send line breaks as CR LF, but a shell would interpret the CR as part
            // of the command.
            let value = value.replace("\r\n", "\n");
            match name.as_str() {
                "run" => fields.runs.push(value),
                "name" => fields.names.push(value),
                "envName" => fields.env_names.push(value),
                "envValue" => fields.env_values.push(value),
                single if SINGLE.contains(&single) && !fields.single.contains_key(single) => {
                    fields.single.insert(name, value);
                }
                _ => return None,
            }
        }
        let is_whole = !fields.runs.is_empty()
            && (fields.names.is_empty() || fields.names.len() == fields.runs.len())
            && fields.env_names.len() == fields.env_values.len();
        is_whole.then_some(fields)
    }

    /// Returns the id of the job that is being edited, or `None` for a new job.
    pub(super) fn from(&self) -> Option<&str> {
        self.single.get("from").map(String::as_str).filter(|id| !id.is_empty())
    }

    /// Returns the form as the user has filled it in. Without scripts, steps and variables can be neither added nor
    /// removed, so they correspond by position to those of the original job.
    pub(super) fn form(&self, original: Option<&Original>) -> JobForm {
        let single = |name: &str| self.single.get(name).cloned().unwrap_or_default();
        let before = original.map(Original::form);
        let steps = self.runs.iter().enumerate().map(|(position, run)| {
            let before = before.and_then(|form| form.steps.get(position));
            let name = self.names.get(position).or(before.map(|step| &step.name));
            FormStep { origin: before.map(|_| position), name: name.cloned().unwrap_or_default(), run: run.clone() }
        });
        let rows = self.env_names.iter().zip(&self.env_values).enumerate();
        let env = rows.map(|(position, (name, value))| {
            let kept = before.and_then(|form| form.env.get(position)?.kept.clone());
            FormVariable { name: name.clone(), value: value.clone(), kept: kept.filter(|_| value.is_empty()) }
        });
        JobForm {
            title: single("title"),
            steps: steps.collect(),
            working_directory: single("workingDirectory"),
            env: env.collect(),
            secrets: single("secrets"),
            secret_files: single("secretFiles"),
            shell: single("shell"),
            // Browsers do not send checkboxes that are not checked.
            terminal: self.single.contains_key("terminal"),
            timeout: single("timeoutSeconds"),
            max_attempts: single("maxAttempts"),
            priority: single("priority"),
        }
    }
}
