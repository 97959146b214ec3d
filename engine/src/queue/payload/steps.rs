//! Parses and checks the steps of a stage.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::checks::{MAX_NAME, check_directory, check_env, check_name, check_run, check_timeout};
use super::secrets::{SecretUse, check_secrets};
use super::terminal::{TerminalSize, Variables};
use super::{InvalidPayload, invalid};

/// The maximum number of steps in a stage. It is limited because each step adds several events to the log and a row to
/// the page.
const MAX_STEPS: usize = 1_000;
/// The maximum length of a step's id, in characters.
const MAX_STEP_ID: usize = 100;

/// A step that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepSpec {
    /// The step's machine-readable id, unique within the stage.
    pub id: String,
    /// The step's display name.
    pub name: String,
    /// The script that the shell runs.
    pub run: String,
    /// The shell that runs the step.
    pub shell: String,
    /// The working directory of the step: absolute, or relative to the job's working directory.
    pub working_directory: String,
    /// The environment variables of the step.
    pub env: BTreeMap<String, String>,
    /// The secrets that the step receives, in addition to those of the job.
    pub secrets: Vec<SecretUse>,
    /// The time limit of the step in seconds, or `None` if the step has no limit of its own.
    pub timeout_seconds: Option<u32>,
    /// Whether the stage continues when this step fails.
    pub continue_on_error: bool,
    /// The size of the terminal in which the step runs, or `None` if its output is read through pipes.
    pub terminal: Option<TerminalSize>,
}

/// The job's settings that apply to steps without settings of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobDefaults<'a> {
    /// Whether steps run in a terminal.
    pub(super) terminal: bool,
    /// The environment variables of the job.
    pub(super) env: &'a BTreeMap<String, String>,
}

impl JobDefaults<'_> {
    /// Returns the size of a step's terminal, or `None` if the step has none. `asked` is the step's own setting. `env`
    /// are the step's variables, and `path` is the path of the field that defines them.
    fn terminal_of(
        self,
        asked: Option<bool>,
        (path, env): Variables<'_>,
    ) -> Result<Option<TerminalSize>, InvalidPayload> {
        let has_terminal = asked.unwrap_or(self.terminal);
        has_terminal.then(|| TerminalSize::read((path, env), ("payload.env", self.env))).transpose()
    }
}

/// A step of a job of the type `command`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CommandStep)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawStep {
    /// The id, which is unique within the stage. The default is `step-N`.
    #[schema(min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9._-]+$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// The name, which is one line. The default is the first line of the command.
    #[schema(max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// The command, at most 131,071 bytes.
    #[schema(min_length = 1, max_length = 131_071)]
    pub(super) run: String,
    /// The shell that runs the command. The default is `sh`.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shell: Option<String>,
    /// The working directory: absolute, or relative to the working directory of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) working_directory: Option<String>,
    /// The environment variables, in addition to those of the job.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) env: BTreeMap<String, String>,
    /// The named secrets that the step receives in variables, as `NAME` or `VARIABLE=NAME`.
    #[schema(max_items = 100)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) secrets: Vec<String>,
    /// The named secrets that the step receives in files, as `NAME` or `VARIABLE=NAME`. The variables contain their
    /// paths.
    #[schema(max_items = 100)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) secret_files: Vec<String>,
    /// The time limit of the step.
    #[schema(minimum = 1, maximum = 2_592_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout_seconds: Option<u32>,
    /// Whether the stage continues if the step fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) continue_on_error: bool,
    /// Whether the step runs in a terminal. The default is the setting of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) terminal: Option<bool>,
}

/// Returns the single step of a job that consists of one command.
pub(super) fn only_step(run: String, job: JobDefaults<'_>) -> Result<StepSpec, InvalidPayload> {
    check_run("payload.run", &run)?;
    let env = BTreeMap::new();
    Ok(StepSpec {
        id: "run".into(),
        name: first_line(&run).to_owned(),
        run,
        shell: "sh".into(),
        working_directory: ".".into(),
        terminal: job.terminal_of(None, ("payload.env", &env))?,
        env,
        secrets: Vec::new(),
        timeout_seconds: None,
        continue_on_error: false,
    })
}

/// Checks the steps of a stage. `field` is the path of the stage's list of steps, such as `payload.steps`.
pub(super) fn check_steps(
    field: &str,
    raw: Vec<RawStep>,
    job: JobDefaults<'_>,
) -> Result<Vec<StepSpec>, InvalidPayload> {
    if raw.len() > MAX_STEPS {
        return Err(invalid(field, format!("must have at most {MAX_STEPS} steps, not {}", raw.len())));
    }
    let steps =
        raw.into_iter().enumerate().map(|(i, step)| check_step(field, i, step, job)).collect::<Result<Vec<_>, _>>()?;
    let mut ids = HashSet::new();
    match steps.iter().enumerate().find(|(_, step)| !ids.insert(step.id.as_str())) {
        Some((i, step)) => {
            Err(invalid(format!("{field}[{i}].id"), format!("{:?} is also the id of an earlier step", step.id)))
        }
        None => Ok(steps),
    }
}

fn check_step(stage: &str, i: usize, raw: RawStep, job: JobDefaults<'_>) -> Result<StepSpec, InvalidPayload> {
    let at = |field: &str| format!("{stage}[{i}].{field}");
    let id = raw.id.unwrap_or_else(|| format!("step-{}", i + 1));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > MAX_STEP_ID || !id.chars().all(plain) {
        return Err(invalid(at("id"), format!("must have 1 to {MAX_STEP_ID} letters, digits, '-', '_' and '.'")));
    }
    if let Some(name) = &raw.name {
        check_name(&at("name"), name)?;
    }
    check_run(&at("run"), &raw.run)?;
    let shell = raw.shell.unwrap_or_else(|| "sh".into());
    if shell.is_empty() || shell.len() > MAX_NAME || shell.contains(['\0', '\n']) {
        return Err(invalid(at("shell"), "must be the name of a program that accepts -c, such as sh or bash"));
    }
    let working_directory = raw.working_directory.unwrap_or_else(|| ".".into());
    check_directory(&at("workingDirectory"), &working_directory)?;
    check_env(&at("env"), &raw.env)?;
    let secrets = check_secrets(&format!("{stage}[{i}]"), &raw.secrets, &raw.secret_files, &raw.env)?;
    check_timeout(&at("timeoutSeconds"), raw.timeout_seconds)?;
    Ok(StepSpec {
        name: raw.name.unwrap_or_else(|| first_line(&raw.run).to_owned()),
        id,
        run: raw.run,
        shell,
        working_directory,
        terminal: job.terminal_of(raw.terminal, (&at("env"), &raw.env))?,
        env: raw.env,
        secrets,
        timeout_seconds: raw.timeout_seconds,
        continue_on_error: raw.continue_on_error,
    })
}

/// Returns the first line that is not blank, truncated to the maximum length of a name.
pub(super) fn first_line(text: &str) -> &str {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    line.char_indices().nth(MAX_NAME).map_or(line, |(end, _)| &line[..end])
}
