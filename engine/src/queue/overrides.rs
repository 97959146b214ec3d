//! Applies the changes that a client requests when it resubmits a job.
//!
//! In the payloads that clients receive, `[REDACTED]` replaces secret values. If a client sends a masked string back
//! unchanged, the string is replaced by the original. A string that was edited but still contains the mask is refused,
//! so that no job ever runs with a mask instead of a value. Values that were masked in the original must be masked in
//! the new job too.

use model::RawJson;

use super::maskers::Maskers;
use super::payload::{InvalidPayload, JobPayload, invalid};
use crate::json::{self, Json, Member, Node};

/// A string in the original payload: its kind (the field's name, or `env.` and the variable's name), its real value,
/// and its masked form.
struct Text {
    kind: String,
    real: String,
    shown: String,
}

/// Returns the payload `original` with the fields in `changes` replaced or added. The value `null` removes a field.
pub(super) fn apply(
    kind: &str,
    original: &JobPayload,
    changes: Option<&RawJson>,
    maskers: &Maskers,
) -> Result<RawJson, InvalidPayload> {
    if let JobPayload::Unreadable(error) = original {
        return Err(error.clone());
    }
    let parse = |text: &str| json::parse(text).map_err(|error| invalid("payload", error.problem()));
    let changes = changes.map_or_else(|| Ok(Json::empty_object()), |changes| parse(changes.get()))?;
    let Node::Object(changes) = changes.node else { return Err(invalid("payload", "must be an object")) };
    let real = parse(&original.to_text())?;
    let mut texts = Vec::new();
    collect("", &real, &shown(original, maskers), &mut texts);
    let mut fields = real.members().unwrap_or_default().to_vec();
    for mut change in changes {
        restore(&format!("payload.{}", change.name), &change.name, &mut change.value, &texts)?;
        fields.retain(|field| field.name != change.name);
        if !matches!(change.value.node, Node::Null) {
            fields.push(change);
        }
    }
    let edited = Json { node: Node::Object(fields), at: 0 };
    let payload = JobPayload::parse(kind, &edited.to_string())?;
    let real = parse(&payload.to_text())?;
    check_still_masked("payload", "", &real, &shown(&payload, maskers), &texts)?;
    Ok(edited.to_raw())
}

/// Returns a payload in the form used in responses.
fn shown(payload: &JobPayload, maskers: &Maskers) -> Json {
    let masked = payload.masked(&maskers.of_payload(payload));
    json::parse(masked.get()).expect("serialised text is valid JSON")
}

/// Collects the strings that contain a masked value.
fn collect(kind: &str, real: &Json, shown: &Json, texts: &mut Vec<Text>) {
    match (&real.node, &shown.node) {
        (Node::String(real), Node::String(shown)) if has_mask(shown) => {
            texts.push(Text { kind: kind.to_owned(), real: real.clone(), shown: shown.clone() });
        }
        (Node::Array(reals), Node::Array(all)) => {
            reals.iter().zip(all).for_each(|(real, shown)| collect(kind, real, shown, texts));
        }
        (Node::Object(reals), Node::Object(_)) => {
            for Member { name, value, .. } in reals {
                shown.get(name).into_iter().for_each(|shown| collect(&kind_of(kind, name), value, shown, texts));
            }
        }
        _ => {}
    }
}

fn kind_of(parent: &str, name: &str) -> String {
    if parent == "env" { format!("env.{name}") } else { name.to_owned() }
}

/// Returns whether text contains a mask, with or without the id of a rule.
fn has_mask(text: &str) -> bool {
    text.contains("[REDACTED]") || text.contains("[REDACTED:")
}

/// Replaces masked strings with the original strings. Returns an error if a masked string matches no original string,
/// or several different original strings.
fn restore(at: &str, kind: &str, value: &mut Json, texts: &[Text]) -> Result<(), InvalidPayload> {
    match &mut value.node {
        Node::String(text) if has_mask(text) => {
            let mut meant =
                texts.iter().filter(|known| known.kind == kind && known.shown == *text).map(|known| &known.real);
            let problem = match meant.next() {
                None => {
                    "[REDACTED] is a placeholder for a secret and works only where the text is unchanged; restore the original text, or use a variable such as $NAME"
                }
                Some(first) if meant.any(|other| other != first) => {
                    "[REDACTED] could stand for more than one secret of the original job; enter the actual value"
                }
                Some(first) => {
                    text.clone_from(first);
                    return Ok(());
                }
            };
            Err(invalid(at, problem))
        }
        Node::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| restore(&format!("{at}[{index}]"), kind, item, texts)),
        Node::Object(fields) => fields.iter_mut().try_for_each(|Member { name, value, .. }| {
            restore(&format!("{at}.{name}"), &kind_of(kind, name), value, texts)
        }),
        _ => Ok(()),
    }
}

/// Checks that strings with secrets in the original are still masked in the new payload.
fn check_still_masked(at: &str, kind: &str, real: &Json, shown: &Json, texts: &[Text]) -> Result<(), InvalidPayload> {
    match (&real.node, &shown.node) {
        (Node::String(real), Node::String(shown)) => {
            let is_bare = |text: &Text| text.real == *real && text.real != text.shown && text.shown != *shown;
            // If `shown` consists only of a mask, the whole string is masked, so the string reveals nothing.
            let inner = shown.strip_prefix("[REDACTED").and_then(|rest| rest.strip_suffix(']'));
            let is_whole = inner.is_some_and(|label| !label.contains([']', '[']));
            if !is_whole && texts.iter().any(is_bare) {
                return Err(invalid(
                    at,
                    "contains the value of a secret variable that was changed or removed; keep the variable, or change this text too",
                ));
            }
            Ok(())
        }
        (Node::Array(reals), Node::Array(all)) => {
            reals.iter().zip(all).enumerate().try_for_each(|(index, (real, shown))| {
                check_still_masked(&format!("{at}[{index}]"), kind, real, shown, texts)
            })
        }
        (Node::Object(reals), Node::Object(_)) => reals.iter().try_for_each(|Member { name, value, .. }| {
            let Some(shown) = shown.get(name) else { return Ok(()) };
            check_still_masked(&format!("{at}.{name}"), &kind_of(kind, name), value, shown, texts)
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::seal::SealKey;
    use redact::Rules;

    fn original() -> Value {
        json!({
            "title": "T", "env": {"API_TOKEN": "hunter2-token", "MODE": "fast"}, "timeoutSeconds": 60,
            "steps": [{"run": "curl -H hunter2-token"}, {"run": "b", "env": {"DB_PASSWORD": "swordfish"}}],
        })
    }

    fn maskers() -> Maskers {
        Maskers::new(Vec::new(), Rules::none(), SealKey::random().0)
    }

    fn changed(changes: Value) -> Result<Value, InvalidPayload> {
        let original = JobPayload::stored("command", &original().to_string());
        apply("command", &original, Some(&changes.into()), &maskers()).map(|payload| payload.to_value())
    }

    #[test]
    fn masked_texts_sent_back_unchanged_are_restored_at_any_position() {
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
    fn a_mask_without_an_original_text_is_refused_and_its_field_is_named() {
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

    #[test]
    fn numbers_in_payloads_of_other_job_types_keep_their_digits() {
        let original = r#"{"id":12345678901234567890123,"TOKEN":"hunter2-token","n":1.10}"#;
        let original = JobPayload::stored("other", original);
        let changes = Some(json!({"n": 2, "TOKEN": "[REDACTED]"}).into());
        let payload = apply("other", &original, changes.as_ref(), &maskers()).expect("it is valid");
        assert_eq!(payload.get(), r#"{"id":12345678901234567890123,"TOKEN":"hunter2-token","n":2}"#);
    }
}
