//! What a job is going to run, as its payload says.

use serde_json::Value;

/// A step that is going to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name for programs.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// Returns the steps of the stage `execute`, in order; none when the payload is of another kind. Pure.
#[must_use]
pub fn planned(payload: Option<&Value>) -> Vec<Planned> {
    let Some(payload) = payload else { return Vec::new() };
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    if let Some(run) = text(payload, "run") {
        return vec![Planned { id: "run".to_owned(), name: first_line(run) }];
    }
    let steps = payload.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    steps
        .iter()
        .zip(1..)
        .map(|(step, number)| {
            let id = text(step, "id").unwrap_or_else(|| format!("step-{number}"));
            let name = text(step, "name").or_else(|| text(step, "run").map(first_line)).unwrap_or_else(|| id.clone());
            Planned { id, name }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(payload: &Value) -> Vec<(String, String)> {
        planned(Some(payload)).into_iter().map(|step| (step.id, step.name)).collect()
    }

    #[test]
    fn one_command_is_one_step() {
        assert_eq!(names(&json!({"run": "make\nmake test"})), [("run".to_owned(), "make".to_owned())]);
    }

    #[test]
    fn a_step_is_named_by_its_name_else_by_its_command() {
        let payload = json!({"steps": [{"run": "a"}, {"id": "b", "name": "B", "run": "b"}, {"id": "c"}]});
        let expected = [("step-1", "a"), ("b", "B"), ("c", "c")].map(|(id, name)| (id.to_owned(), name.to_owned()));
        assert_eq!(names(&payload), expected);
    }

    #[test]
    fn a_payload_of_another_kind_has_no_steps() {
        assert_eq!(planned(None), []);
        assert_eq!(planned(Some(&json!({"steps": "none"}))), []);
    }
}
