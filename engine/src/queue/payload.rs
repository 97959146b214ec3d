//! The payload of a job, which is parsed and validated once.

mod capabilities;
mod checks;
mod concurrency;
mod masking;
mod other;
mod secrets;
mod steps;
mod terminal;

use std::collections::{BTreeMap, BTreeSet};

use model::{RawJson, Stage, StepRef};
use redact::Redactor;
use serde::{Deserialize, Serialize};

use super::working_roots::WorkingRoots;
use crate::artifacts::{InvalidPattern, Patterns};
use crate::json::{self, Json, JsonError};
use checks::{check_directory, check_env, check_name, check_timeout};
use steps::{JobDefaults, RawStep, check_steps, first_line, only_step};

pub(super) use capabilities::check_capabilities;
pub(super) use concurrency::ConcurrencyKey;
pub(super) use other::secret_variables as secret_members;
pub(super) use secrets::check_name as check_secret_name;
use secrets::check_secrets;
pub use secrets::{SecretForm, SecretUse};
pub use steps::StepSpec;
pub use terminal::TerminalSize;

/// The error for an invalid submission. The message states the field and its accepted values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidPayload {
    /// The path of the invalid field, such as `payload.steps[2].timeoutSeconds`.
    pub field: String,
    /// The error message.
    pub problem: String,
}

/// Creates the error for an invalid field.
pub(super) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> InvalidPayload {
    InvalidPayload { field: field.into(), problem: problem.into() }
}

/// The validated payload of a `command` job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The job's display name, if the submission specifies one.
    pub title: Option<String>,
    /// The environment variables that all steps receive.
    pub env: BTreeMap<String, String>,
    /// The secrets that all steps receive.
    pub secrets: Vec<SecretUse>,
    /// The working directory of the steps: absolute, or relative to the workspace.
    pub working_directory: String,
    /// The time limit of an attempt, in seconds.
    pub timeout_seconds: Option<u32>,
    /// The stages that have steps, in execution order. `execute` is always among them.
    pub stages: Vec<StageSpec>,
    /// The patterns of files to store as artifacts.
    pub artifacts: Patterns,
}

/// One stage and its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSpec {
    /// The stage.
    pub stage: Stage,
    /// The stage's steps. There is at least one.
    pub steps: Vec<StepSpec>,
}

/// The parsed payload of a job, from which the stored text, the masked payload and the command are derived.
#[derive(Clone, Debug)]
pub enum JobPayload {
    /// The payload of a `command` job.
    Command(Box<RawCommand>),
    /// The payload of a job for an external worker. It may be any object.
    Other(Json),
    /// A payload that was stored by an earlier version and that this version does not accept. It is neither shown nor
    /// run.
    Unreadable(InvalidPayload),
}

impl JobPayload {
    /// Parses the payload of a job of type `kind`.
    pub fn parse(kind: &str, text: &str) -> Result<Self, InvalidPayload> {
        let json = json::parse(text).map_err(|error| of_json(&error))?;
        match json.members() {
            Some(_) if kind == "command" => {
                json.read().map(|raw| Self::Command(Box::new(raw))).map_err(|error| of_json(&error))
            }
            Some(_) => Ok(Self::Other(json)),
            None => Err(invalid("payload", "must be an object")),
        }
    }

    /// Parses a stored payload. If this version does not accept the payload, returns [`Self::Unreadable`].
    pub(super) fn stored(kind: &str, text: &str) -> Self {
        Self::parse(kind, text).unwrap_or_else(Self::Unreadable)
    }

    /// Returns the payload as the text that is stored in the database.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Command(raw) => serde_json::to_string(&**raw).expect("all maps have string keys"),
            Self::Other(json) => json.to_string(),
            Self::Unreadable(_) => "{}".to_owned(),
        }
    }

    /// Returns the payload as text with sorted members, so that equal payloads have equal text.
    pub(super) fn to_sorted_text(&self) -> String {
        match self {
            Self::Other(json) => json.sorted().to_string(),
            payload => payload.to_text(),
        }
    }

    /// Returns the command that the job runs.
    pub fn command(&self) -> Result<Command, InvalidPayload> {
        match self {
            Self::Command(raw) => Command::check((**raw).clone()),
            Self::Other(_) => Err(invalid("type", "this worker cannot run jobs of this type")),
            Self::Unreadable(error) => Err(error.clone()),
        }
    }

    /// Returns the names and values of all fields and variables with secret-looking names.
    pub fn secret_variables(&self) -> Vec<(String, String)> {
        match self {
            Self::Command(raw) => raw.secret_variables(),
            Self::Other(json) => other::secret_variables(json),
            Self::Unreadable(_) => Vec::new(),
        }
    }

    /// Returns the payload in the form used in responses. The values of fields and variables with secret-looking names
    /// are masked wherever they occur in the payload.
    pub(super) fn masked(&self, redactor: &Redactor) -> RawJson {
        match self {
            Self::Command(raw) => {
                let text = serde_json::to_string(&raw.masked(redactor)).expect("all maps have string keys");
                RawJson::from_text(text).expect("serialised text is valid JSON")
            }
            Self::Other(json) => other::masked(json, redactor).to_raw(),
            Self::Unreadable(_) => Json::empty_object().to_raw(),
        }
    }
}

/// Converts a JSON error in a payload to the error for an invalid field. The path of the field starts with `payload`.
fn of_json(error: &JsonError) -> InvalidPayload {
    let (field, dot) = (error.field(), if error.field().is_empty() { "" } else { "." });
    invalid(format!("payload{dot}{field}"), error.problem())
}

/// The payload of a job of the type `command`. docs/jobs.md describes it in more detail.
///
/// This is the JSON structure. The values of its fields are checked by [`Command::check`].
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CommandPayload, description = "The payload of a job of the type `command`. docs/jobs.md describes it.")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawCommand {
    /// The title, which is one line. The default is the first line of the first command.
    #[schema(max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// The environment variables of all steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, String>,
    /// The named secrets that all steps receive in variables, as `NAME` or `VARIABLE=NAME`.
    #[schema(max_items = 100)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<String>,
    /// The named secrets that all steps receive in files, as `NAME` or `VARIABLE=NAME`. The variables contain their
    /// paths.
    #[schema(max_items = 100)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secret_files: Vec<String>,
    /// The capabilities that the job requires of its worker. Jobs of all types can have this member.
    #[schema(max_items = 100)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    required_capabilities: Vec<String>,
    /// The concurrency key, which limits how many jobs with the same key run at the same time. Jobs of all types can
    /// have this member.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency_key: Option<String>,
    /// The number of jobs with the key that may run at the same time, this job included. The default is 1.
    #[schema(minimum = 1, maximum = 1_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency_limit: Option<i64>,
    /// The working directory of the steps: absolute, or relative to the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    working_directory: Option<String>,
    /// Whether the steps run in a terminal. The default is `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    terminal: Option<bool>,
    /// The time limit of an attempt.
    #[schema(minimum = 1, maximum = 2_592_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u32>,
    /// The steps that run before all others.
    #[schema(max_items = 1_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    prepare: Option<Vec<RawStep>>,
    /// The only command of the job, at most 131,071 bytes. Either `run` or `steps` is required.
    #[schema(min_length = 1, max_length = 131_071)]
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The steps of the job.
    #[schema(min_items = 1, max_items = 1_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<RawStep>>,
    /// The steps that run only if all others have succeeded.
    #[schema(max_items = 1_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<Vec<RawStep>>,
    /// The patterns of the files that are stored as artifacts.
    #[schema(max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    artifacts: Option<Vec<String>>,
}

impl Command {
    /// Checks the values of a payload's fields and returns the command.
    pub fn check(raw: RawCommand) -> Result<Self, InvalidPayload> {
        if let Some(title) = &raw.title {
            check_name("payload.title", title)?;
        }
        check_env("payload.env", &raw.env)?;
        let secrets = check_secrets("payload", &raw.secrets, &raw.secret_files, &raw.env)?;
        let working_directory = raw.working_directory.unwrap_or_else(|| ".".into());
        check_directory("payload.workingDirectory", &working_directory)?;
        check_timeout("payload.timeoutSeconds", raw.timeout_seconds)?;
        let defaults = JobDefaults { terminal: raw.terminal.unwrap_or(false), env: &raw.env };
        let prepare = check_steps("payload.prepare", raw.prepare.unwrap_or_default(), defaults)?;
        let execute = match (raw.run, raw.steps) {
            (Some(run), None) => vec![only_step(run, defaults)?],
            (None, Some(steps)) if steps.is_empty() => {
                return Err(invalid("payload.steps", "must have at least one step"));
            }
            (None, Some(steps)) => check_steps("payload.steps", steps, defaults)?,
            (Some(_), Some(_)) => return Err(invalid("payload.run", "specify either run or steps, not both")),
            (None, None) => return Err(invalid("payload.run", "specify run (one command) or steps")),
        };
        let publish = check_steps("payload.publish", raw.publish.unwrap_or_default(), defaults)?;
        let stages = [(Stage::Prepare, prepare), (Stage::Execute, execute), (Stage::Publish, publish)]
            .into_iter()
            .filter(|(_, steps)| !steps.is_empty())
            .map(|(stage, steps)| StageSpec { stage, steps })
            .collect();
        let artifacts = check_artifacts(&raw.artifacts.unwrap_or_default())?;
        let RawCommand { title, env, timeout_seconds, .. } = raw;
        Ok(Self { title, env, secrets, working_directory, timeout_seconds, stages, artifacts })
    }

    /// Checks that absolute working directories are inside the allowed directories. Links in the paths are not
    /// resolved.
    pub(super) fn check_roots(&self, roots: &WorkingRoots) -> Result<(), InvalidPayload> {
        roots.check("payload.workingDirectory", &self.working_directory)?;
        for (at, step) in self.steps() {
            let name = if at.stage == Stage::Execute { "steps" } else { at.stage.as_str() };
            roots.check(&format!("payload.{name}[{}].workingDirectory", at.index), &step.working_directory)?;
        }
        Ok(())
    }

    /// Returns the names of all secrets that the job and its steps ask for, sorted and without duplicates.
    pub(super) fn secret_names(&self) -> Vec<String> {
        let uses = self.secrets.iter().chain(self.steps().flat_map(|(_, step)| &step.secrets));
        uses.map(|secret| secret.name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns all steps in execution order, each with its stage and its index in that stage.
    pub fn steps(&self) -> impl Iterator<Item = (StepRef, &StepSpec)> {
        let of_stage = |spec: &StageSpec| {
            let stage = spec.stage;
            (0..).map(move |index| StepRef { stage, index })
        };
        self.stages.iter().flat_map(move |spec| of_stage(spec).zip(&spec.steps))
    }

    /// Returns the job's display name: its title, or else the first line of the first command in `execute`.
    #[must_use]
    pub fn title_or_command(&self) -> &str {
        let first = self.steps().find(|(at, _)| at.stage == Stage::Execute).map_or("", |(_, step)| step.run.as_str());
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
    use serde_json::{Value, json};

    use super::*;

    fn parse(payload: &Value) -> Result<Command, InvalidPayload> {
        JobPayload::parse("command", &payload.to_string())?.command()
    }

    #[track_caller]
    fn check_refused(payload: Value, field: &str) {
        let refused = parse(&payload).expect_err("the payload is not valid");
        assert_eq!(refused.field, field, "{refused}");
    }

    #[test]
    fn run_creates_a_job_with_one_step() {
        let command = parse(&json!({"run": "\n make all\n make test"})).expect("it is valid");
        let steps: Vec<_> = command.steps().map(|(at, step)| (at.stage, at.index, step.id.as_str())).collect();
        assert_eq!(steps, [(Stage::Execute, 0, "run")]);
        assert_eq!(command.title_or_command(), "make all");
    }

    #[test]
    fn steps_without_an_id_are_numbered() {
        let command = parse(&json!({"title": "T", "steps": [{"run": "a"}, {"run": "b", "id": "x"}, {"run": "c"}]}));
        let command = command.expect("it is valid");
        let ids: Vec<_> = command.steps().map(|(.., step)| step.id.as_str()).collect();
        assert_eq!(ids, ["step-1", "x", "step-3"]);
        assert_eq!(command.title_or_command(), "T");
    }

    #[test]
    fn each_stage_numbers_its_own_steps() {
        let payload = json!({"prepare": [{"run": "a"}, {"run": "b"}], "run": "c", "publish": [{"run": "d"}]});
        let command = parse(&payload).expect("it is valid");
        let steps: Vec<_> = command.steps().map(|(at, step)| (at.stage, at.index, step.id.as_str())).collect();
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
    fn the_terminal_setting_of_a_step_overrides_that_of_its_job() {
        let terminals = |payload: Value| {
            let command = parse(&payload).expect("it is valid");
            command.steps().map(|(.., step)| step.terminal.map(|size| size.columns)).collect::<Vec<_>>()
        };
        assert_eq!(terminals(json!({"run": "a"})), [None]);
        assert_eq!(terminals(json!({"run": "a", "terminal": true, "env": {"COLUMNS": "80"}})), [Some(80)]);
        let steps = || json!([{"run": "a"}, {"run": "b", "terminal": true}, {"run": "c", "terminal": false}]);
        assert_eq!(terminals(json!({"steps": steps()})), [None, Some(120), None]);
        let all = json!({"terminal": true, "prepare": [{"run": "p"}], "steps": steps(), "publish": [{"run": "q"}]});
        assert_eq!(terminals(all), [Some(120), Some(120), Some(120), None, Some(120)]);
    }

    #[test]
    fn an_impossible_terminal_size_is_refused_only_if_a_step_has_a_terminal() {
        check_refused(json!({"run": "a", "terminal": true, "env": {"COLUMNS": "wide"}}), "payload.env.COLUMNS");
        let steps = json!([{"run": "a"}, {"run": "b", "terminal": true, "env": {"LINES": "0"}}]);
        check_refused(json!({"steps": steps}), "payload.steps[1].env.LINES");
        parse(&json!({"run": "a", "env": {"COLUMNS": "wide"}})).expect("the variable has no meaning here");
    }

    #[test]
    fn a_stage_without_steps_is_omitted() {
        let command = parse(&json!({"run": "a", "prepare": [], "publish": null})).expect("it is valid");
        assert_eq!(command.stages.len(), 1);
    }

    #[test]
    fn unknown_fields_are_refused_by_name() {
        for field in ["secret", "concurrency", "runs"] {
            check_refused(json!({"run": "true", field: []}), &format!("payload.{field}"));
        }
        check_refused(json!({"steps": [{"run": "a", "retries": 3}]}), "payload.steps[0].retries");
    }

    #[test]
    fn errors_name_the_path_of_the_invalid_field() {
        check_refused(json!({}), "payload.run");
        check_refused(json!([]), "payload");
        check_refused(Value::Null, "payload");
        check_refused(json!({"run": " "}), "payload.run");
        check_refused(json!({"run": "a", "steps": []}), "payload.run");
        check_refused(json!({"steps": []}), "payload.steps");
        check_refused(json!({"run": "a", "title": "x".repeat(5_000)}), "payload.title");
        check_refused(json!({"run": "a", "timeoutSeconds": 0}), "payload.timeoutSeconds");
        check_refused(json!({"run": "a", "timeoutSeconds": "1"}), "payload.timeoutSeconds");
        check_refused(json!({"run": "a", "env": {"A": 1}}), "payload.env.A");
        check_refused(json!({"run": "a", "env": {"A B": ""}}), "payload.env.A B");
        check_refused(json!({"run": "a", "terminal": "yes"}), "payload.terminal");
        check_refused(json!({"steps": [{"run": "a", "terminal": 1}]}), "payload.steps[0].terminal");
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
