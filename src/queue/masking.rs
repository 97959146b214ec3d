//! Masks payloads for replies. The real values stay in the database and are sent only to the worker.

use redact::Redactor;
use serde_json::{Map, Value};

/// The payload's fields that hold steps, each of which has its own variables.
const STAGES: [&str; 3] = ["prepare", "steps", "publish"];

/// Returns the values of those variables of the job and its steps whose names look secret.
#[must_use]
pub fn secret_values(payload: &Value) -> Vec<String> {
    let steps = STAGES.into_iter().filter_map(|stage| payload.get(stage)?.as_array()).flatten();
    steps.chain([payload]).filter_map(|owner| owner.get("env")?.as_object()).flat_map(secrets_of).collect()
}

fn secrets_of(env: &Map<String, Value>) -> impl Iterator<Item = String> {
    let secret = |(name, value): (&String, &Value)| {
        redact::is_secret_name(name)
            .then(|| value.as_str().filter(|value| !value.is_empty()).map(str::to_owned))
            .flatten()
    };
    env.iter().filter_map(secret)
}

/// Returns the payload in the form that replies show: the values of secret-looking variables are masked, both there and
/// wherever else they occur.
pub(super) fn masked(payload: &Value, redactor: &Redactor) -> Value {
    let mut shown = mask_texts(payload, redactor);
    let mask = Value::String(String::from_utf8_lossy(redact::MASK).into_owned());
    mask_env(&mut shown, &mask);
    for stage in STAGES {
        let steps = shown.get_mut(stage).and_then(Value::as_array_mut);
        steps.into_iter().flatten().for_each(|step| mask_env(step, &mask));
    }
    shown
}

fn mask_env(owner: &mut Value, mask: &Value) {
    let Some(env) = owner.get_mut("env").and_then(Value::as_object_mut) else { return };
    for (name, value) in env.iter_mut() {
        if redact::is_secret_name(name) {
            value.clone_from(mask);
        }
    }
}

fn mask_texts(value: &Value, redactor: &Redactor) -> Value {
    let text = |text: &str| redactor.redact(text.as_bytes()).to_text().into_owned();
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::Array(items) => items.iter().map(|item| mask_texts(item, redactor)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (text(name), mask_texts(value, redactor))).collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secret_variables_are_masked_and_so_are_their_values_elsewhere() {
        let payload = json!({
            "title": "push with hunter2hunter2",
            "env": {"DEPLOY_TOKEN": "hunter2hunter2", "RUST_LOG": "info", "EMPTY_TOKEN": ""},
            "steps": [{"run": "echo hunter2hunter2 swordfish", "env": {"DB_PASSWORD": "swordfish"}}],
        });
        let redactor = Redactor::new(secret_values(&payload));
        let shown = masked(&payload, &redactor);
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
        for stage in STAGES {
            let payload = json!({stage: [{"run": "echo swordfish", "env": {"DB_PASSWORD": "swordfish"}}]});
            assert_eq!(secret_values(&payload), ["swordfish"], "{stage}");
            let shown = masked(&payload, &Redactor::new(secret_values(&payload)));
            let expected = json!({stage: [{"run": "echo [REDACTED]", "env": {"DB_PASSWORD": "[REDACTED]"}}]});
            assert_eq!(shown, expected);
        }
    }
}
