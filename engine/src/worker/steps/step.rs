//! Runs one step: chooses its program and environment, and interprets its exit status.

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

use model::{FailureReason, StepRef, StepStatus};
use redact::{Redacted, Redactor};

use super::{Failure, StepOutcome, Steps};
use crate::clock;
use crate::event_log::StepEnd;
use crate::fail_point::FailPoint;
use crate::queue::{StepSpec, TerminalSize};
use crate::worker::capture::Capture;
use crate::worker::control::Control;
use crate::worker::process::{
    self, EndedBy, Exit, ExitStatus, LeftBehind, ProcessError, ProcessLimits, ProcessMarker, Program,
};

impl Steps {
    /// Runs a step until it ends. All of its output is in the spool when this returns, unless storing it failed.
    pub(super) fn run_step(
        &self,
        step_ref: StepRef,
        step: &StepSpec,
        limits: ProcessLimits,
        capture: &mut Capture,
        control: &Control,
    ) -> StepOutcome {
        let marker = ProcessMarker::new(self.lease.job, self.lease.attempt);
        let redactor = capture.redactor().clone();
        let mut output = capture.step(step_ref);
        let result = self
            .program(step)
            .and_then(|program| process::run(&self.supervision, program, &marker, (limits, control), &mut output));
        let given_up = || control.stopped().is_some() || limits.deadline.is_some_and(|at| at <= Instant::now());
        let stored = output.finish(clock::now(), given_up).map_err(ProcessError::Store);
        FailPoint::StepEnded.reached();
        match result.and_then(|exit| stored.map(|()| exit)) {
            Ok(exit) => exited(exit, limits),
            Err(error) => could_not(error, step, &redactor),
        }
    }

    fn program(&self, step: &StepSpec) -> Result<Program, ProcessError> {
        let unusable = |error| ProcessError::Spawn(io::Error::other(error));
        let directory = self.folders.of_step(&step.working_directory).map_err(unusable)?;
        let environment = self.environment(step);
        // Search the PATH of the step, which may differ from the server's.
        let path = which::which_in(&step.shell, environment.get("PATH"), &directory).map_err(|_| {
            let text = "not found in the step's PATH";
            ProcessError::Spawn(io::Error::new(io::ErrorKind::NotFound, text))
        })?;
        // `--` keeps a script that starts with '-' or '+' from being read as an option. Shells other than `sh` and
        // `bash` may not accept `--`. For them, an empty line before the script has the same effect.
        let (options, before): (&[&str], &str) = match step.shell.as_str() {
            "sh" => (&["-e", "-c", "--"], ""),
            "bash" => (&["-eo", "pipefail", "-c", "--"], ""),
            _ if step.run.starts_with(['-', '+']) => (&["-c"], "\n"),
            _ => (&["-c"], ""),
        };
        let script = format!("{before}{}", step.run);
        let arguments = [&*step.shell].into_iter().chain(options.iter().copied()).chain([&*script]);
        let arguments = arguments.map(Into::into).collect();
        Ok(Program {
            path,
            arguments,
            directory,
            environment: environment.into_iter().collect(),
            terminal: step.terminal,
            cage: self.cage.of_step(self.folders.attempt(), self.supervision.file_limit),
        })
    }

    fn environment(&self, step: &StepSpec) -> BTreeMap<String, String> {
        let mut env = self.environment.variables(self.folders.workspace(), step.terminal, self.folders.user());
        env.extend(self.command.env.clone());
        env.extend(self.secrets.variables(&self.command.secrets));
        env.extend(step.env.clone());
        env.extend(self.secrets.variables(&step.secrets));
        if let Some(TerminalSize { columns, rows }) = step.terminal {
            env.extend([("COLUMNS".into(), columns.to_string()), ("LINES".into(), rows.to_string())]);
        }
        env.insert("TAILWATER_MASK".into(), self.mask_path.display().to_string());
        env.insert("TAILWATER_WORKSPACE".into(), self.folders.workspace().display().to_string());
        env
    }
}

fn exited(exit: Exit, limits: ProcessLimits) -> StepOutcome {
    let (exit_code, signal) = match exit.status {
        ExitStatus::Code(code) => (Some(code), None),
        ExitStatus::Signal(signal) => (None, Some(signal)),
    };
    let (status, failure) = match (exit.ended_by, exit.status) {
        (Some(EndedBy::Timeout), _) => (StepStatus::TimedOut, Some(Failure::Failed(FailureReason::Timeout))),
        (Some(EndedBy::OutputLimit), _) => {
            (StepStatus::Failed, Some(Failure::OutputLimit(limits.output.unwrap_or_default())))
        }
        (Some(EndedBy::Stop(stop)), _) => (StepStatus::Cancelled, Some(Failure::Stopped(stop))),
        (None, ExitStatus::Code(0)) => (StepStatus::Succeeded, None),
        (None, ExitStatus::Code(_)) => (StepStatus::Failed, Some(Failure::Failed(FailureReason::ExitCode))),
        (None, ExitStatus::Signal(_)) => (StepStatus::Failed, Some(Failure::Failed(FailureReason::Signal))),
    };
    let note = match exit.left_behind {
        LeftBehind::Nothing => None,
        LeftBehind::Killed => Some(Redacted::literal("background processes that it left running were killed")),
        LeftBehind::Unkillable => {
            Some(Redacted::literal("some background processes are still running and could not be killed"))
        }
    };
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
