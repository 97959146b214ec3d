//! The planned steps of a job, read from its payload.

use model::{RawJson, Stage};
use serde_json::Value;

/// A step as specified in the payload. The step may already have started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The step's stage.
    pub stage: Stage,
    /// The step's id, unique within its stage.
    pub id: String,
    /// The step's display name.
    pub name: String,
}

/// Returns the steps of all stages in the order of execution. The list is empty if the payload is missing or specifies
/// no steps.
#[must_use]
pub fn planned(payload: Option<&RawJson>) -> Vec<Planned> {
    let Some(payload) = payload.map(RawJson::to_value) else { return Vec::new() };
    let mut planned = steps(&payload, Stage::Prepare, "prepare");
    match text(&payload, "run") {
        Some(run) => {
            planned.push(Planned { stage: Stage::Execute, id: "run".to_owned(), name: first_line(&run) });
        }
        None => planned.extend(steps(&payload, Stage::Execute, "steps")),
    }
    planned.extend(steps(&payload, Stage::Publish, "publish"));
    planned
}

/// Returns a description of which steps run in a terminal, or `None` if no step runs in a terminal.
#[must_use]
pub fn steps_in_terminal(payload: Option<&RawJson>) -> Option<&'static str> {
    let payload = payload?.to_value();
    let has_terminal = |object: &Value| object.get("terminal").and_then(Value::as_bool);
    let of_job = has_terminal(&payload).unwrap_or(false);
    let listed = ["prepare", "steps", "publish"].into_iter().filter_map(|field| payload.get(field)?.as_array());
    let mut each: Vec<bool> = listed.flatten().map(|step| has_terminal(step).unwrap_or(of_job)).collect();
    each.extend(payload.get("run").map(|_| of_job));
    match each.iter().filter(|has| **has).count() {
        0 => None,
        count if count == each.len() => Some("all steps"),
        _ => Some("some steps"),
    }
}

fn steps(payload: &Value, stage: Stage, field: &str) -> Vec<Planned> {
    let steps = payload.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let planned = |(step, number): (&Value, usize)| {
        let id = text(step, "id").unwrap_or_else(|| format!("step-{number}"));
        let command = || text(step, "run").map(|run| first_line(&run));
        Planned { stage, name: text(step, "name").or_else(command).unwrap_or_else(|| id.clone()), id }
    };
    steps.iter().zip(1..).map(planned).collect()
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_steps_own_terminal_setting_overrides_that_of_the_job() {
        let check = |payload: Value, expected| assert_eq!(steps_in_terminal(Some(&payload.into())), expected);
        check(json!({"run": "a"}), None);
        check(json!({"run": "a", "terminal": true}), Some("all steps"));
        check(json!({"run": "a", "terminal": true, "prepare": [{"run": "p", "terminal": false}]}), Some("some steps"));
        check(json!({"steps": [{"run": "a"}, {"run": "b", "terminal": true}]}), Some("some steps"));
        check(json!({"steps": [{"run": "a", "terminal": false}], "terminal": true}), None);
        assert_eq!(steps_in_terminal(None), None);
    }

    fn names(payload: &Value) -> Vec<(String, String)> {
        planned(Some(&payload.clone().into())).into_iter().map(|step| (step.id, step.name)).collect()
    }

    #[test]
    fn one_command_is_one_step() {
        assert_eq!(names(&json!({"run": "make\nmake test"})), [("run".to_owned(), "make".to_owned())]);
    }

    #[test]
    fn a_step_without_a_name_is_named_by_its_command() {
        let payload = json!({"steps": [{"run": "a"}, {"id": "b", "name": "B", "run": "b"}, {"id": "c"}]});
        let expected = [("step-1", "a"), ("b", "B"), ("c", "c")].map(|(id, name)| (id.to_owned(), name.to_owned()));
        assert_eq!(names(&payload), expected);
    }

    #[test]
    fn the_steps_of_every_stage_are_in_execution_order() {
        let payload =
            json!({"publish": [{"run": "c"}], "run": "b", "prepare": [{"run": "a"}, {"id": "x", "run": "d"}]});
        let steps: Vec<_> = planned(Some(&payload.into())).into_iter().map(|step| (step.stage, step.id)).collect();
        let expected =
            [(Stage::Prepare, "step-1"), (Stage::Prepare, "x"), (Stage::Execute, "run"), (Stage::Publish, "step-1")];
        assert_eq!(steps, expected.map(|(stage, id)| (stage, id.to_owned())));
    }

    #[test]
    fn a_payload_of_another_kind_has_no_steps() {
        assert_eq!(planned(None), []);
        assert_eq!(planned(Some(&json!({"steps": "none"}).into())), []);
    }
}
