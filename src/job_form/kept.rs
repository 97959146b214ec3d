//! Describes the settings for which the form has no fields. When a job is edited, these settings are copied to the new
//! job unchanged.

use model::{Job, RawJson};
use serde_json::{Map, Value};

use crate::words;

/// Describes the settings of a job that cannot be edited in the form: the `prepare` and `publish` stages, artifacts,
/// required capabilities, the concurrency key, input files and the affinity key.
#[must_use]
pub fn kept_of_job(job: &Job) -> Vec<String> {
    let payload = job.payload.as_ref().map(RawJson::to_value).unwrap_or_default();
    let stage = |field: &str, when: &str| {
        let names: Vec<_> = items(&payload, field).filter_map(Value::as_object).map(step_name).collect();
        (!names.is_empty()).then(|| format!("{when}: {}", names.join(", ")))
    };
    let patterns: Vec<_> = items(&payload, "artifacts").filter_map(Value::as_str).collect();
    let capabilities: Vec<_> = items(&payload, "requiredCapabilities").filter_map(Value::as_str).collect();
    let lines = [
        stage("prepare", "Runs first (prepare)"),
        stage("publish", "Runs last (publish)"),
        (!patterns.is_empty()).then(|| format!("Artifacts: {}", patterns.join(", "))),
        (!capabilities.is_empty()).then(|| format!("Required capabilities: {}", capabilities.join(", "))),
        payload.get("concurrencyKey").and_then(Value::as_str).map(|key| concurrency(key, &payload)),
        job.input.as_ref().map(|input| format!("Files sent with the job: {}", words::bytes(input.size_bytes))),
        job.affinity_key.as_ref().map(|key| format!("Affinity key: {key}")),
    ];
    lines.into_iter().flatten().collect()
}

/// Describes the settings of a step that cannot be edited in the form. If `shown_shell` is `None`, the form does not
/// show the shell, so the description includes it.
#[must_use]
pub fn kept_of_step(step: &Map<String, Value>, shown_shell: Option<&str>) -> Vec<String> {
    let text = |key: &str| step.get(key).and_then(Value::as_str);
    let variables = step.get("env").and_then(Value::as_object).map(|env| env.keys().cloned().collect::<Vec<_>>());
    let names = |key: &str| {
        let names = step.get(key)?.as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>();
        Some(names.join(", "))
    };
    let shell = text("shell").unwrap_or("sh");
    let lines = [
        text("id").map(|id| format!("id {id}")),
        shown_shell.is_none().then(|| format!("shell {shell}")),
        text("workingDirectory").map(|directory| format!("working directory {directory}")),
        step.get("timeoutSeconds").map(|seconds| format!("timeout {seconds} s")),
        variables.map(|names| format!("variables {}", names.join(", "))),
        names("secrets").map(|names| format!("secrets {names}")),
        names("secretFiles").map(|names| format!("secrets as files {names}")),
        (step.get("continueOnError") == Some(&Value::Bool(true))).then(|| "continues on error".to_owned()),
        step.get("terminal")
            .and_then(Value::as_bool)
            .map(|has| if has { "in a terminal" } else { "not in a terminal" }.to_owned()),
    ];
    lines.into_iter().flatten().collect()
}

fn items<'a>(payload: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    payload.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// Describes a job's concurrency key.
fn concurrency(key: &str, payload: &Value) -> String {
    let limit = payload.get("concurrencyLimit").and_then(Value::as_i64).unwrap_or(1);
    format!("Concurrency key: {key} ({} at a time)", words::plural(limit, "job"))
}

fn step_name(step: &Map<String, Value>) -> String {
    let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = if text("name").is_empty() { text("run") } else { text("name") };
    name.trim().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_settings_that_the_form_does_not_show_are_described() {
        let step = json!({
            "id": "x", "run": "a", "shell": "bash", "workingDirectory": "sub", "timeoutSeconds": 5,
            "env": {"A": "1", "B_TOKEN": "[REDACTED]"}, "continueOnError": true, "terminal": false,
            "secrets": ["C", "D=E"], "secretFiles": ["F"],
        });
        let step = step.as_object().expect("it is an object");
        let rest = [
            "id x",
            "shell bash",
            "working directory sub",
            "timeout 5 s",
            "variables A, B_TOKEN",
            "secrets C, D=E",
            "secrets as files F",
            "continues on error",
            "not in a terminal",
        ];
        assert_eq!(kept_of_step(step, None), rest);
        assert_eq!(kept_of_step(step, Some("bash")).len(), rest.len() - 1);
        let plain = json!({"run": "a", "name": "A"});
        assert_eq!(kept_of_step(plain.as_object().expect("it is an object"), Some("")), [""; 0]);
    }
}
