//! The payload of a `command` job: parsed and checked once, at the edge.

mod checks;
mod steps;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::artifacts::{InvalidPattern, Patterns};
use crate::model::Stage;
use checks::{check_env, check_name, check_timeout};
use steps::{RawStep, check_steps, first_line, only_step};

pub use steps::StepSpec;

/// The submission is invalid. The text names the field and says what it accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidPayload {
    /// The field, as a path such as `payload.steps[2].timeoutSeconds`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Creates the error for a field.
pub(super) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> InvalidPayload {
    InvalidPayload { field: field.into(), problem: problem.into() }
}

/// What a `command` job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The job's display name.
    pub title: Option<String>,
    /// Environment variables of all steps.
    pub env: BTreeMap<String, String>,
    /// How long the attempt may take, in seconds.
    pub timeout_seconds: Option<u32>,
    /// The stages that have steps, in execution order. `execute` is always among them.
    pub stages: Vec<StageSpec>,
    /// The patterns of files to keep as artifacts.
    pub artifacts: Patterns,
}

/// One stage and its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSpec {
    /// Which stage this is.
    pub stage: Stage,
    /// Its steps, at least one.
    pub steps: Vec<StepSpec>,
}

/// A payload as submitted, which defines the fields and their types. Their values are checked after parsing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawCommand {
    title: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    timeout_seconds: Option<u32>,
    prepare: Option<Vec<RawStep>>,
    run: Option<String>,
    steps: Option<Vec<RawStep>>,
    publish: Option<Vec<RawStep>>,
    artifacts: Option<Vec<String>>,
}

impl Command {
    /// Parses and checks a payload.
    pub fn parse(payload: &Value) -> Result<Self, InvalidPayload> {
        let raw: RawCommand = serde_path_to_error::deserialize(payload).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { "payload".to_owned() } else { format!("payload.{path}") };
            invalid(field, error.into_inner().to_string())
        })?;
        if let Some(title) = &raw.title {
            check_name("payload.title", title)?;
        }
        check_env("payload.env", &raw.env)?;
        check_timeout("payload.timeoutSeconds", raw.timeout_seconds)?;
        let prepare = check_steps("payload.prepare", raw.prepare.unwrap_or_default())?;
        let execute = match (raw.run, raw.steps) {
            (Some(run), None) => vec![only_step(run)?],
            (None, Some(steps)) if steps.is_empty() => return Err(invalid("payload.steps", "takes at least one step")),
            (None, Some(steps)) => check_steps("payload.steps", steps)?,
            (Some(_), Some(_)) => return Err(invalid("payload.run", "give either run or steps, not both")),
            (None, None) => return Err(invalid("payload.run", "give run (one command) or steps")),
        };
        let publish = check_steps("payload.publish", raw.publish.unwrap_or_default())?;
        let stages = [(Stage::Prepare, prepare), (Stage::Execute, execute), (Stage::Publish, publish)]
            .into_iter()
            .filter(|(_, steps)| !steps.is_empty())
            .map(|(stage, steps)| StageSpec { stage, steps })
            .collect();
        let artifacts = check_artifacts(&raw.artifacts.unwrap_or_default())?;
        Ok(Self { title: raw.title, env: raw.env, timeout_seconds: raw.timeout_seconds, stages, artifacts })
    }

    /// Returns all steps in execution order, with their stage and their position in it.
    pub fn steps(&self) -> impl Iterator<Item = (Stage, i32, &StepSpec)> {
        self.stages.iter().flat_map(|spec| (0..).zip(&spec.steps).map(move |(index, step)| (spec.stage, index, step)))
    }

    /// Returns the job's display name: its title, or else the first line of the first command in `execute`.
    #[must_use]
    pub fn title_or_command(&self) -> &str {
        let first =
            self.steps().find(|(stage, ..)| *stage == Stage::Execute).map_or("", |(.., step)| step.run.as_str());
        self.title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or_else(|| first_line(first))
    }
}

fn check_artifacts(patterns: &[String]) -> Result<Patterns, InvalidPayload> {
    Patterns::parse(patterns).map_err(|InvalidPattern { index, problem }| match index {
        Some(index) => invalid(format!("payload.artifacts[{index}]"), problem),
        None => invalid("payload.artifacts", problem),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_refused(payload: Value, field: &str) {
        let refused = Command::parse(&payload).expect_err("the payload is not valid");
        assert_eq!(refused.field, field, "{refused}");
    }

    #[test]
    fn run_is_a_job_of_one_step() {
        let command = Command::parse(&json!({"run": "\n make all\n make test"})).expect("it is valid");
        let steps: Vec<_> = command.steps().map(|(stage, index, step)| (stage, index, step.id.as_str())).collect();
        assert_eq!(steps, [(Stage::Execute, 0, "run")]);
        assert_eq!(command.title_or_command(), "make all");
    }

    #[test]
    fn steps_without_an_id_are_numbered() {
        let command =
            Command::parse(&json!({"title": "T", "steps": [{"run": "a"}, {"run": "b", "id": "x"}, {"run": "c"}]}));
        let command = command.expect("it is valid");
        let ids: Vec<_> = command.steps().map(|(.., step)| step.id.as_str()).collect();
        assert_eq!(ids, ["step-1", "x", "step-3"]);
        assert_eq!(command.title_or_command(), "T");
    }

    #[test]
    fn each_stage_numbers_its_own_steps() {
        let payload = json!({"prepare": [{"run": "a"}, {"run": "b"}], "run": "c", "publish": [{"run": "d"}]});
        let command = Command::parse(&payload).expect("it is valid");
        let steps: Vec<_> = command.steps().map(|(stage, index, step)| (stage, index, step.id.as_str())).collect();
        let expected = [
            (Stage::Prepare, 0, "step-1"),
            (Stage::Prepare, 1, "step-2"),
            (Stage::Execute, 0, "run"),
            (Stage::Publish, 0, "step-1"),
        ];
        assert_eq!(steps, expected);
        assert_eq!(command.title_or_command(), "c");
    }

    #[test]
    fn a_stage_without_steps_is_none() {
        let command = Command::parse(&json!({"run": "a", "prepare": [], "publish": null})).expect("it is valid");
        assert_eq!(command.stages.len(), 1);
    }

    #[test]
    fn a_field_that_comes_later_or_is_not_known_is_named() {
        for field in ["secrets", "requiredCapabilities", "concurrencyKey", "runs"] {
            check_refused(json!({"run": "true", field: []}), &format!("payload.{field}"));
        }
        check_refused(json!({"steps": [{"run": "a", "retries": 3}]}), "payload.steps[0].retries");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        check_refused(json!({}), "payload.run");
        check_refused(json!([]), "payload");
        check_refused(json!({"run": " "}), "payload.run");
        check_refused(json!({"run": "a", "steps": []}), "payload.run");
        check_refused(json!({"steps": []}), "payload.steps");
        check_refused(json!({"run": "a", "title": "x".repeat(5_000)}), "payload.title");
        check_refused(json!({"run": "a", "timeoutSeconds": 0}), "payload.timeoutSeconds");
        check_refused(json!({"run": "a", "timeoutSeconds": "1"}), "payload.timeoutSeconds");
        check_refused(json!({"run": "a", "env": {"A": 1}}), "payload.env.A");
        check_refused(json!({"run": "a", "env": {"A B": ""}}), "payload.env.A B");
        check_refused(json!({"run": "a", "env": {"TAILWATER_ATTEMPT": "9"}}), "payload.env.TAILWATER_ATTEMPT");
        check_refused(json!({"steps": [{"run": "a"}, {"run": "b", "id": "step-1"}]}), "payload.steps[1].id");
        check_refused(
            json!({"steps": [{"run": "a", "workingDirectory": "../x"}]}),
            "payload.steps[0].workingDirectory",
        );
        check_refused(json!({"steps": [{"run": "a", "name": "x".repeat(5_000)}]}), "payload.steps[0].name");
        check_refused(json!({"steps": [{"name": "a"}]}), "payload.steps[0]");
        check_refused(json!({"run": "a", "prepare": [{"run": " "}]}), "payload.prepare[0].run");
        check_refused(
            json!({"run": "a", "publish": [{"run": "a"}, {"run": "b", "id": "step-1"}]}),
            "payload.publish[1].id",
        );
        check_refused(json!({"prepare": [{"run": "a"}]}), "payload.run");
        check_refused(json!({"run": "a", "artifacts": ["ok", "../x"]}), "payload.artifacts[1]");
        check_refused(json!({"run": "a", "artifacts": ["["]}), "payload.artifacts[0]");
        check_refused(json!({"run": "a", "artifacts": vec!["a"; 101]}), "payload.artifacts");
        check_refused(json!({"run": "a", "artifacts": "a"}), "payload.artifacts");
    }
}
