//! The steps of an attempt, one after the other, in the attempt's own thread.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command as Process;
use std::time::{Duration, Instant};

use redact::{Redacted, Redactor};

use super::WorkerConfig;
use super::capture::Capture;
use super::control::{Control, Stop};
use super::process::{self, EndedBy, Exit, ExitStatus, Limits, Mark, ProcessError};
use super::run::remove_workspace;
use super::ship::Milestones;
use crate::clock;
use crate::event_log::{Lease, NewEvent, Origin, StepEnd, StepNames};
use crate::model::{FailureReason, Stage, StageStatus, StepStatus};
use crate::queue::{Command, Ending, StepSpec};

/// Variables that a step takes over from the server's environment; `LC_*` beside them.
const INHERITED: [&str; 5] = ["PATH", "USER", "LANG", "TZ", "TMPDIR"];

/// The path of a server that has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An attempt's steps and where they run.
#[derive(Debug)]
pub(super) struct Steps {
    command: Command,
    lease: Lease,
    workspace: PathBuf,
    cancel_grace: Duration,
    shutdown_grace: Duration,
}

/// How the steps ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) ending: Ending,
    pub(super) exit_code: Option<i32>,
}

/// How one step ended.
struct StepOutcome {
    status: StepStatus,
    end: StepEnd,
    failure: Option<Failure>,
}

/// Why the stage cannot go on.
enum Failure {
    Failed(FailureReason),
    Stopped(Stop),
    /// The output could not be stored: whatever follows could not be either.
    Storage,
}

/// Returns what the steps are called in events.
pub(super) fn names(command: &Command, attempt: i32, redactor: &Redactor) -> Vec<StepNames> {
    let redact = |text: &str| redactor.redact(text.as_bytes());
    let name = |(index, step): (i32, &StepSpec)| StepNames {
        origin: Origin { stage: Stage::Execute, step_id: redact(&step.id), step_index: index, attempt },
        name: redact(&step.name),
        command: redact(&step.run),
    };
    (0..).zip(&command.steps).map(name).collect()
}

impl Steps {
    pub(super) fn new(command: Command, lease: Lease, workspace: PathBuf, config: &WorkerConfig) -> Self {
        let WorkerConfig { cancel_grace, shutdown_grace, .. } = *config;
        Self { command, lease, workspace, cancel_grace, shutdown_grace }
    }

    /// Runs the stage `execute` and removes the workspace.
    pub(super) fn run(
        &self,
        names: &[StepNames],
        capture: &mut Capture,
        control: &Control,
        milestones: &Milestones,
    ) -> Outcome {
        let attempt = self.lease.attempt;
        let started = Instant::now();
        let deadline = self.command.timeout_seconds.map(|seconds| started + Duration::from_secs(seconds.into()));
        milestones.push(0, NewEvent::stage(Stage::Execute, attempt, StageStatus::Started, None));
        let mut outcome = Outcome { ending: Ending::Succeeded, exit_code: None };
        for (index, (step, name)) in (0..).zip(self.command.steps.iter().zip(names)) {
            if outcome.ending == Ending::Succeeded
                && let Some(stop) = control.stopped()
            {
                outcome.ending = stopped(stop);
            }
            let at = capture.spool().end().bytes;
            if outcome.ending != Ending::Succeeded {
                milestones.push(at, NewEvent::step_ended(name, StepStatus::Skipped, StepEnd::default()));
                continue;
            }
            milestones.push(at, NewEvent::step_started(name));
            let ended = self.run_step(index, step, deadline, capture, control);
            if ended.end.exit_code.is_some() {
                outcome.exit_code = ended.end.exit_code;
            }
            let end = ended.end.clone();
            milestones.push(capture.spool().end().bytes, NewEvent::step_ended(name, ended.status, ended.end));
            if let Some(failure) = ended.failure {
                outcome.ending = ending(&failure, name, &end, step.continue_on_error);
            }
        }
        let status = if outcome.ending == Ending::Succeeded { StageStatus::Succeeded } else { StageStatus::Failed };
        let at = capture.spool().end().bytes;
        milestones.push(at, NewEvent::stage(Stage::Execute, attempt, status, Some(millis(started))));
        remove_workspace(&self.workspace);
        outcome
    }

    fn run_step(
        &self,
        index: u32,
        step: &StepSpec,
        job_deadline: Option<Instant>,
        capture: &mut Capture,
        control: &Control,
    ) -> StepOutcome {
        let started = Instant::now();
        let own = step.timeout_seconds.map(|seconds| started + Duration::from_secs(seconds.into()));
        let limits = Limits {
            deadline: [own, job_deadline].into_iter().flatten().min(),
            cancel_grace: self.cancel_grace,
            shutdown_grace: self.shutdown_grace,
        };
        let mark = Mark::new(self.lease.job, self.lease.attempt);
        let redactor = capture.redactor().clone();
        let mut output = capture.step(Stage::Execute, index);
        let result = self.process(step).and_then(|process| process::run(process, &mark, limits, control, &mut output));
        let stored = output.finish(clock::now()).map_err(ProcessError::Store);
        let mut outcome = match result.and_then(|exit| stored.map(|()| exit)) {
            Ok(exit) => exited(exit),
            Err(error) => could_not(error, step, &redactor),
        };
        outcome.end.duration_ms = Some(millis(started));
        outcome
    }

    fn process(&self, step: &StepSpec) -> Result<Process, ProcessError> {
        let directory = self.workspace.join(&step.working_directory);
        if !directory.is_dir() {
            let text = format!("the working directory {:?} is not there", step.working_directory);
            return Err(ProcessError::Spawn(std::io::Error::other(text)));
        }
        let mut process = Process::new(&step.shell);
        match step.shell.as_str() {
            "sh" => process.args(["-e", "-c"]),
            "bash" => process.args(["-eo", "pipefail", "-c"]),
            _ => process.arg("-c"),
        };
        process.arg(&step.run).current_dir(directory).env_clear().envs(self.environment(step));
        Ok(process)
    }

    fn environment(&self, step: &StepSpec) -> BTreeMap<String, String> {
        let inherited = |name: &String| INHERITED.contains(&name.as_str()) || name.starts_with("LC_");
        let mut env: BTreeMap<String, String> = BTreeMap::from([("PATH".to_owned(), DEFAULT_PATH.to_owned())]);
        env.extend(
            std::env::vars_os().filter_map(|(name, value)| {
                Some((name.into_string().ok().filter(inherited)?, value.into_string().ok()?))
            }),
        );
        let ours =
            [("HOME", self.workspace.display().to_string()), ("TERM", "xterm-256color".into()), ("CI", "true".into())];
        env.extend(ours.map(|(name, value)| (name.to_owned(), value)));
        env.extend(self.command.env.clone());
        env.extend(step.env.clone());
        // Last, so that nothing can take the mark away by which the job's processes are found.
        env.insert("TAILWATER_JOB_ID".into(), self.lease.job.to_string());
        env.insert("TAILWATER_ATTEMPT".into(), self.lease.attempt.to_string());
        env
    }
}

fn millis(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)
}

fn exited(exit: Exit) -> StepOutcome {
    let (exit_code, signal) = match exit.status {
        ExitStatus::Code(code) => (Some(code), None),
        ExitStatus::Signal(signal) => (None, Some(signal)),
    };
    let (status, failure) = match (exit.ended_by, exit.status) {
        (Some(EndedBy::Timeout), _) => (StepStatus::TimedOut, Some(Failure::Failed(FailureReason::Timeout))),
        (Some(EndedBy::Stop(stop)), _) => (StepStatus::Cancelled, Some(Failure::Stopped(stop))),
        (None, ExitStatus::Code(0)) => (StepStatus::Succeeded, None),
        (None, ExitStatus::Code(_)) => (StepStatus::Failed, Some(Failure::Failed(FailureReason::ExitCode))),
        (None, ExitStatus::Signal(_)) => (StepStatus::Failed, Some(Failure::Failed(FailureReason::Signal))),
    };
    let note = exit.left_behind.then(|| Redacted::literal("processes that it left behind were killed"));
    StepOutcome { status, end: StepEnd { exit_code, signal, duration_ms: None, note }, failure }
}

fn could_not(error: ProcessError, step: &StepSpec, redactor: &Redactor) -> StepOutcome {
    let (text, failure) = match error {
        ProcessError::Spawn(error) => {
            (format!("{} could not be started: {error}", step.shell), Failure::Failed(FailureReason::Spawn))
        }
        ProcessError::Store(error) => (format!("its output could not be stored: {error}"), Failure::Storage),
    };
    let note = Some(redactor.redact(text.as_bytes()));
    StepOutcome { status: StepStatus::Failed, end: StepEnd { note, ..StepEnd::default() }, failure: Some(failure) }
}

/// Returns what a step's failure means for the attempt.
fn ending(failure: &Failure, name: &StepNames, end: &StepEnd, continue_on_error: bool) -> Ending {
    let reason = match failure {
        Failure::Stopped(stop) => return stopped(*stop),
        Failure::Failed(_) if continue_on_error => return Ending::Succeeded,
        Failure::Failed(reason) => *reason,
        Failure::Storage => FailureReason::Interrupted,
    };
    let mut message = name.name.clone();
    match (reason, end.exit_code, end.signal) {
        (FailureReason::Timeout, ..) => message.append(&Redacted::literal(": its time was up")),
        (_, Some(code), _) => {
            message.append(&Redacted::literal(": exited with code "));
            message.append(&Redacted::number(code.into()));
        }
        (_, _, Some(signal)) => {
            message.append(&Redacted::literal(": ended by signal "));
            message.append(&Redacted::number(signal.into()));
        }
        _ => {
            message.append(&Redacted::literal(": "));
            message.append(end.note.as_ref().unwrap_or(&Redacted::literal("failed")));
        }
    }
    Ending::Failed { reason, message }
}

fn stopped(stop: Stop) -> Ending {
    match stop {
        Stop::Cancelled => Ending::Cancelled,
        Stop::Shutdown => {
            Ending::Failed { reason: FailureReason::Interrupted, message: Redacted::literal("the server was stopped") }
        }
        Stop::LeaseLost => {
            Ending::Failed { reason: FailureReason::Interrupted, message: Redacted::literal("the lease was lost") }
        }
    }
}
