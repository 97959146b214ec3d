//! Masks a command's payload for responses. The real values are stored in the database and sent only to the worker.

use std::collections::BTreeMap;

use redact::Redactor;

use super::RawCommand;
use super::steps::RawStep;

impl RawCommand {
    /// Returns all variables with secret-looking names, both the job's variables and those of its steps.
    pub(super) fn secret_variables(&self) -> Vec<(String, String)> {
        let steps = [&self.prepare, &self.steps, &self.publish].into_iter().flatten().flatten();
        let variables = steps.map(|step| &step.env).chain([&self.env]).flatten();
        let secret = variables.filter(|(name, value)| redact::is_secret_name(name) && !value.is_empty());
        secret.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Returns the command in the form used in responses. The destructuring pattern lists every field, so adding a
    /// field without handling it here is a compile error.
    pub(super) fn masked(&self, redactor: &Redactor) -> Self {
        let Self {
            title,
            env,
            secrets,
            secret_files,
            required_capabilities,
            concurrency_key,
            concurrency_limit,
            working_directory,
            terminal,
            timeout_seconds,
            prepare,
            run,
            steps,
            publish,
            artifacts,
        } = self;
        let steps_of = |steps: &Option<Vec<RawStep>>| {
            steps.as_ref().map(|steps| steps.iter().map(|step| step.masked(redactor)).collect())
        };
        Self {
            title: optional(title.as_ref(), redactor),
            env: variables(env, redactor),
            // These lists contain only names of secrets and variables. `check_secrets` has validated them, and names
            // are not secret.
            secrets: secrets.clone(),
            secret_files: secret_files.clone(),
            required_capabilities: required_capabilities.iter().map(|name| text(name, redactor)).collect(),
            concurrency_key: optional(concurrency_key.as_ref(), redactor),
            concurrency_limit: *concurrency_limit,
            working_directory: optional(working_directory.as_ref(), redactor),
            terminal: *terminal,
            timeout_seconds: *timeout_seconds,
            prepare: steps_of(prepare),
            run: optional(run.as_ref(), redactor),
            steps: steps_of(steps),
            publish: steps_of(publish),
            artifacts: artifacts.as_ref().map(|names| names.iter().map(|name| text(name, redactor)).collect()),
        }
    }
}

impl RawStep {
    fn masked(&self, redactor: &Redactor) -> Self {
        let Self {
            id,
            name,
            run,
            shell,
            working_directory,
            env,
            secrets,
            secret_files,
            timeout_seconds,
            continue_on_error,
            terminal,
        } = self;
        Self {
            id: optional(id.as_ref(), redactor),
            name: optional(name.as_ref(), redactor),
            run: text(run, redactor),
            shell: optional(shell.as_ref(), redactor),
            working_directory: optional(working_directory.as_ref(), redactor),
            env: variables(env, redactor),
            // These lists contain only names of secrets and variables. `check_secrets` has validated them, and names
            // are not secret.
            secrets: secrets.clone(),
            secret_files: secret_files.clone(),
            timeout_seconds: *timeout_seconds,
            continue_on_error: *continue_on_error,
            terminal: *terminal,
        }
    }
}

/// Returns the text with the redactor's values masked.
pub(super) fn text(text: &str, redactor: &Redactor) -> String {
    redactor.redact(text.as_bytes()).to_text().into_owned()
}

/// Returns the replacement for a value that is masked completely.
pub(super) fn mask() -> String {
    String::from_utf8_lossy(redact::MASK).into_owned()
}

fn optional(field: Option<&String>, redactor: &Redactor) -> Option<String> {
    field.map(|field| text(field, redactor))
}

fn variables(env: &BTreeMap<String, String>, redactor: &Redactor) -> BTreeMap<String, String> {
    let masked = |(name, value): (&String, &String)| {
        let value = if redact::is_secret_name(name) { mask() } else { text(value, redactor) };
        (text(name, redactor), value)
    };
    env.iter().map(masked).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::JobPayload;
    use super::*;

    fn masked(payload: &Value) -> (Vec<String>, Value) {
        let payload = JobPayload::parse("command", &payload.to_string()).expect("it is a payload");
        let values: Vec<_> = payload.secret_variables().into_iter().map(|(_, value)| value).collect();
        let shown = payload.masked(&Redactor::new(&values));
        (values, shown.to_value())
    }

    #[test]
    fn secret_variables_and_their_values_in_other_texts_are_masked() {
        let (_, shown) = masked(&json!({
            "title": "push with hunter2hunter2",
            "env": {"DEPLOY_TOKEN": "hunter2hunter2", "RUST_LOG": "info", "EMPTY_TOKEN": ""},
            "steps": [{"run": "echo hunter2hunter2 swordfish", "env": {"DB_PASSWORD": "swordfish"}}],
        }));
        assert_eq!(shown["title"], "push with [REDACTED]");
        assert_eq!(
            shown["env"],
            json!({"DEPLOY_TOKEN": "[REDACTED]", "RUST_LOG": "info", "EMPTY_TOKEN": "[REDACTED]"})
        );
        assert_eq!(shown["steps"][0]["run"], "echo [REDACTED] [REDACTED]");
        assert_eq!(shown["steps"][0]["env"]["DB_PASSWORD"], "[REDACTED]");
    }

    #[test]
    fn variables_of_every_stage_are_masked() {
        for stage in ["prepare", "steps", "publish"] {
            let (values, shown) =
                masked(&json!({stage: [{"run": "echo swordfish", "env": {"DB_PASSWORD": "swordfish"}}]}));
            assert_eq!(values, ["swordfish"], "{stage}");
            assert_eq!(shown, json!({stage: [{"run": "echo [REDACTED]", "env": {"DB_PASSWORD": "[REDACTED]"}}]}));
        }
    }
}
