//! Running a job again with changes.
//!
//! Clients know a payload as replies show it, with `[REDACTED]` where a secret value stands. A text that comes back as it was
//! shown means the original's; one that was edited around the mask is refused, so that no job ever runs with the mask itself.
//! What was masked in the original has to be masked in the new job too.

use redact::Redactor;
use serde_json::{Map, Value};

use super::masking::{self, masked};
use super::payload::{InvalidPayload, invalid};

/// A text of the original payload: its kind (the field's name, and the variable's in an environment), as it is, as shown.
struct Text {
    kind: String,
    real: String,
    shown: String,
}

/// Returns `original` with the fields of `changes` in place of its own; null removes a field. `redactor` is the server's.
pub(super) fn apply(
    original: &Value,
    changes: Map<String, Value>,
    redactor: &Redactor,
) -> Result<Value, InvalidPayload> {
    let mut texts = Vec::new();
    collect("", original, &shown(original, redactor), &mut texts);
    let mut payload = original.as_object().cloned().unwrap_or_default();
    for (name, mut value) in changes {
        restore(&format!("payload.{name}"), &name, &mut value, &texts)?;
        match value {
            Value::Null => payload.remove(&name),
            value => payload.insert(name, value),
        };
    }
    let payload = Value::Object(payload);
    check_still_masked("payload", "", &payload, &shown(&payload, redactor), &texts)?;
    Ok(payload)
}

fn shown(payload: &Value, redactor: &Redactor) -> Value {
    let own = masked(payload, &Redactor::new(masking::secret_values(payload)));
    masked(&own, redactor)
}

/// Collects the texts that are shown otherwise than they are, or hold the mask themselves.
fn collect(kind: &str, real: &Value, shown: &Value, texts: &mut Vec<Text>) {
    match (real, shown) {
        (Value::String(real), Value::String(shown)) if has_mask(shown) => {
            texts.push(Text { kind: kind.to_owned(), real: real.clone(), shown: shown.clone() });
        }
        (Value::Array(reals), Value::Array(all)) => {
            reals.iter().zip(all).for_each(|(real, shown)| collect(kind, real, shown, texts));
        }
        (Value::Object(reals), Value::Object(all)) => {
            for (name, real) in reals {
                collect(&kind_of(kind, name), real, all.get(name).unwrap_or(&Value::Null), texts);
            }
        }
        _ => {}
    }
}

fn kind_of(parent: &str, name: &str) -> String {
    if parent == "env" { format!("env.{name}") } else { name.to_owned() }
}

fn has_mask(text: &str) -> bool {
    text.contains(&*String::from_utf8_lossy(redact::MASK))
}

/// Puts the original's texts where their masked forms stand.
fn restore(at: &str, kind: &str, value: &mut Value, texts: &[Text]) -> Result<(), InvalidPayload> {
    match value {
        Value::String(text) if has_mask(text) => {
            let mut meant =
                texts.iter().filter(|known| known.kind == kind && known.shown == *text).map(|known| &known.real);
            let problem = match meant.next() {
                None => {
                    "[REDACTED] stands for a secret of the original job, which no longer fits here; leave the text as it was, or name the variable instead, as in $NAME"
                }
                Some(first) if meant.any(|other| other != first) => {
                    "[REDACTED] stands for several secrets of the original job; give the value itself"
                }
                Some(first) => {
                    text.clone_from(first);
                    return Ok(());
                }
            };
            Err(invalid(at, problem))
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| restore(&format!("{at}[{index}]"), kind, item, texts)),
        Value::Object(fields) => fields
            .iter_mut()
            .try_for_each(|(name, field)| restore(&format!("{at}.{name}"), &kind_of(kind, name), field, texts)),
        _ => Ok(()),
    }
}

/// Checks that the original's secret texts are masked in the new payload as they were in the old one.
fn check_still_masked(at: &str, kind: &str, real: &Value, shown: &Value, texts: &[Text]) -> Result<(), InvalidPayload> {
    match (real, shown) {
        (Value::String(real), Value::String(shown)) => {
            let is_bare = |text: &Text| text.real == *real && text.real != text.shown && text.shown != *shown;
            // The whole value of a variable is masked by its name; what it was before says nothing.
            let is_whole = shown.as_bytes() == redact::MASK;
            if !is_whole && texts.iter().any(is_bare) {
                return Err(invalid(
                    at,
                    "holds the value of a secret variable that was changed or removed; keep the variable, or change this text as well",
                ));
            }
            Ok(())
        }
        (Value::Array(reals), Value::Array(all)) => {
            reals.iter().zip(all).enumerate().try_for_each(|(index, (real, shown))| {
                check_still_masked(&format!("{at}[{index}]"), kind, real, shown, texts)
            })
        }
        (Value::Object(reals), Value::Object(all)) => reals.iter().try_for_each(|(name, real)| {
            let shown = all.get(name).unwrap_or(&Value::Null);
            check_still_masked(&format!("{at}.{name}"), &kind_of(kind, name), real, shown, texts)
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn original() -> Value {
        json!({
            "title": "T", "env": {"API_TOKEN": "hunter2-token", "MODE": "fast"}, "timeoutSeconds": 60,
            "steps": [{"run": "curl -H hunter2-token"}, {"run": "b", "env": {"DB_PASSWORD": "swordfish"}}],
        })
    }

    fn changed(changes: Value) -> Result<Value, InvalidPayload> {
        let Value::Object(changes) = changes else { panic!("it is an object") };
        apply(&original(), changes, &Redactor::none())
    }

    #[test]
    fn what_comes_back_as_it_was_shown_is_the_originals_wherever_it_stands_now() {
        let new = changed(json!({
            "title": null, "env": {"API_TOKEN": "[REDACTED]", "MODE": "slow"},
            "steps": [{"run": "b", "env": {"DB_PASSWORD": "[REDACTED]"}}, {"run": "curl -H [REDACTED]"}],
        }));
        let expected = json!({
            "env": {"API_TOKEN": "hunter2-token", "MODE": "slow"}, "timeoutSeconds": 60,
            "steps": [{"run": "b", "env": {"DB_PASSWORD": "swordfish"}}, {"run": "curl -H hunter2-token"}],
        });
        assert_eq!(new.expect("it is valid"), expected);
    }

    #[test]
    fn a_mask_that_means_nothing_is_refused_by_its_field() {
        for (changes, field) in [
            (json!({"env": {"API_TOKEN": "[REDACTED]", "OTHER_TOKEN": "[REDACTED]"}}), "payload.env.OTHER_TOKEN"),
            (json!({"env": {"PLAIN": "[REDACTED]"}}), "payload.env.PLAIN"),
            (json!({"title": "[REDACTED]"}), "payload.title"),
            (json!({"steps": [{"run": "curl -v -H [REDACTED]"}]}), "payload.steps[0].run"),
        ] {
            assert_eq!(changed(changes).expect_err("it is refused").field, field);
        }
    }

    #[test]
    fn a_secret_that_would_no_longer_be_masked_is_refused() {
        for changes in [json!({"env": null}), json!({"env": {}}), json!({"env": {"API_TOKEN": "another-token"}})] {
            assert_eq!(changed(changes).expect_err("it is refused").field, "payload.steps[0].run");
        }
        assert!(changed(json!({"env": {}, "steps": [{"run": "c"}]})).is_ok());
    }
}
