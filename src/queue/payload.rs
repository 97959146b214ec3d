//! The payload of a `command` job: parsed and checked once, at the edge.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

/// Steps of a stage at the most: each is several events and a row on the page.
const MAX_STEPS: usize = 1_000;
/// Characters of a title or a step's name at the most: they stand in one line.
const MAX_NAME: usize = 200;
/// Characters of a step's id at the most.
const MAX_STEP_ID: usize = 100;
/// Bytes of a command at the most: Linux takes no longer argument.
const MAX_RUN: usize = (128 << 10) - 1;
/// The longest time-out, in seconds: 30 days.
const MAX_TIMEOUT: u32 = 30 * 24 * 3600;

/// A submission is not what it has to be; the text names the field and says what it takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidPayload {
    /// The field, as a path such as `payload.steps[2].timeoutSeconds`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Makes the error for a field.
pub(super) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> InvalidPayload {
    InvalidPayload { field: field.into(), problem: problem.into() }
}

/// What a `command` job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What people call the job.
    pub title: Option<String>,
    /// Variables of all steps.
    pub env: BTreeMap<String, String>,
    /// How long the attempt may take, in seconds.
    pub timeout_seconds: Option<u32>,
    /// The steps of the stage `execute`, at least one.
    pub steps: Vec<StepSpec>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepSpec {
    /// Its name for programs, unique within the stage.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What the shell runs.
    pub run: String,
    /// The shell.
    pub shell: String,
    /// Where, below the workspace.
    pub working_directory: String,
    /// Variables of this step.
    pub env: BTreeMap<String, String>,
    /// How long it may take, in seconds.
    pub timeout_seconds: Option<u32>,
    /// Whether the stage goes on when it fails.
    pub continue_on_error: bool,
}

/// A payload as it is written: which fields there are, and of which types. What their values may be is checked after it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawCommand {
    title: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    timeout_seconds: Option<u32>,
    run: Option<String>,
    steps: Option<Vec<RawStep>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawStep {
    id: Option<String>,
    name: Option<String>,
    run: String,
    shell: Option<String>,
    working_directory: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    timeout_seconds: Option<u32>,
    #[serde(default)]
    continue_on_error: bool,
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
        let steps = match (raw.run, raw.steps) {
            (Some(run), None) => vec![only_step(run)?],
            (None, Some(steps)) => check_steps(steps)?,
            (Some(_), Some(_)) => return Err(invalid("payload.run", "give either run or steps, not both")),
            (None, None) => return Err(invalid("payload.run", "give run (one command) or steps")),
        };
        Ok(Self { title: raw.title, env: raw.env, timeout_seconds: raw.timeout_seconds, steps })
    }

    /// Returns what people call the job: its title, else its first command's first line.
    #[must_use]
    pub fn title_or_command(&self) -> &str {
        let first = self.steps.first().map_or("", |step| step.run.as_str());
        self.title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or_else(|| first_line(first))
    }
}

/// Returns the first line that says something, cut to a name's length.
fn first_line(text: &str) -> &str {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    line.char_indices().nth(MAX_NAME).map_or(line, |(end, _)| &line[..end])
}

fn only_step(run: String) -> Result<StepSpec, InvalidPayload> {
    check_run("payload.run", &run)?;
    Ok(StepSpec {
        id: "run".into(),
        name: first_line(&run).to_owned(),
        run,
        shell: "sh".into(),
        working_directory: ".".into(),
        env: BTreeMap::new(),
        timeout_seconds: None,
        continue_on_error: false,
    })
}

fn check_steps(raw: Vec<RawStep>) -> Result<Vec<StepSpec>, InvalidPayload> {
    if raw.is_empty() || raw.len() > MAX_STEPS {
        return Err(invalid("payload.steps", format!("takes 1 to {MAX_STEPS} steps, not {}", raw.len())));
    }
    let steps = raw.into_iter().enumerate().map(|(i, step)| check_step(i, step)).collect::<Result<Vec<_>, _>>()?;
    let mut ids = HashSet::new();
    match steps.iter().enumerate().find(|(_, step)| !ids.insert(step.id.as_str())) {
        Some((i, step)) => {
            Err(invalid(format!("payload.steps[{i}].id"), format!("{:?} is the id of an earlier step too", step.id)))
        }
        None => Ok(steps),
    }
}

fn check_step(i: usize, raw: RawStep) -> Result<StepSpec, InvalidPayload> {
    let at = |field: &str| format!("payload.steps[{i}].{field}");
    let id = raw.id.unwrap_or_else(|| format!("step-{}", i + 1));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > MAX_STEP_ID || !id.chars().all(plain) {
        return Err(invalid(at("id"), format!("takes 1 to {MAX_STEP_ID} letters, digits, '-', '_' and '.'")));
    }
    if let Some(name) = &raw.name {
        check_name(&at("name"), name)?;
    }
    check_run(&at("run"), &raw.run)?;
    let shell = raw.shell.unwrap_or_else(|| "sh".into());
    if shell.is_empty() || shell.len() > MAX_NAME || shell.contains(['\0', '\n']) {
        return Err(invalid(at("shell"), "takes the name of a program that takes -c, such as sh or bash"));
    }
    let working_directory = raw.working_directory.unwrap_or_else(|| ".".into());
    check_directory(&at("workingDirectory"), &working_directory)?;
    check_env(&at("env"), &raw.env)?;
    check_timeout(&at("timeoutSeconds"), raw.timeout_seconds)?;
    Ok(StepSpec {
        name: raw.name.unwrap_or_else(|| first_line(&raw.run).to_owned()),
        id,
        run: raw.run,
        shell,
        working_directory,
        env: raw.env,
        timeout_seconds: raw.timeout_seconds,
        continue_on_error: raw.continue_on_error,
    })
}

fn check_name(field: &str, name: &str) -> Result<(), InvalidPayload> {
    let length = name.chars().count();
    if length > MAX_NAME {
        return Err(invalid(field, format!("takes at most {MAX_NAME} characters, not {length}")));
    }
    if name.chars().any(char::is_control) {
        return Err(invalid(field, "takes one line without control characters"));
    }
    Ok(())
}

fn check_run(field: &str, run: &str) -> Result<(), InvalidPayload> {
    if run.trim().is_empty() {
        return Err(invalid(field, "takes a shell command, and this one is empty"));
    }
    if run.len() > MAX_RUN {
        return Err(invalid(
            field,
            format!("takes at most {MAX_RUN} bytes, not {}; put a longer script into a file", run.len()),
        ));
    }
    if run.contains('\0') {
        return Err(invalid(field, "takes no NUL: no command line can hold one"));
    }
    Ok(())
}

fn check_directory(field: &str, directory: &str) -> Result<(), InvalidPayload> {
    use std::path::Component;
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if directory.contains('\0') || !std::path::Path::new(directory).components().all(inside) {
        return Err(invalid(field, "takes a path below the workspace, without '..'"));
    }
    Ok(())
}

fn check_env(field: &str, env: &BTreeMap<String, String>) -> Result<(), InvalidPayload> {
    for (name, value) in env {
        let at = || format!("{field}.{name}");
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !name.starts_with(first) || !name.chars().all(|c| first(c) || c.is_ascii_digit()) {
            return Err(invalid(at(), "is no name of a variable: letters, digits and '_', not beginning with a digit"));
        }
        if matches!(name.as_str(), "TAILWATER_JOB_ID" | "TAILWATER_ATTEMPT") {
            return Err(invalid(at(), "is set by the worker, which finds a job's processes by it"));
        }
        if name.len() + value.len() >= MAX_RUN {
            return Err(invalid(at(), format!("takes at most {MAX_RUN} bytes with its name")));
        }
        if value.contains('\0') {
            return Err(invalid(at(), "takes no NUL: no environment can hold one"));
        }
    }
    Ok(())
}

fn check_timeout(field: &str, seconds: Option<u32>) -> Result<(), InvalidPayload> {
    match seconds {
        Some(seconds) if !(1..=MAX_TIMEOUT).contains(&seconds) => {
            Err(invalid(field, format!("takes 1 to {MAX_TIMEOUT} seconds, not {seconds}")))
        }
        _ => Ok(()),
    }
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
        assert_eq!(command.steps.len(), 1);
        assert_eq!((command.steps[0].id.as_str(), command.title_or_command()), ("run", "make all"));
    }

    #[test]
    fn steps_without_an_id_are_numbered() {
        let command =
            Command::parse(&json!({"title": "T", "steps": [{"run": "a"}, {"run": "b", "id": "x"}, {"run": "c"}]}));
        let command = command.expect("it is valid");
        let ids: Vec<_> = command.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["step-1", "x", "step-3"]);
        assert_eq!(command.title_or_command(), "T");
    }

    #[test]
    fn a_field_that_comes_later_or_is_not_known_is_named() {
        for field in ["prepare", "publish", "artifacts", "secrets", "requiredCapabilities", "concurrencyKey", "runs"] {
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
    }
}
