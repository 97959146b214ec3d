//! One step: its program, its environment, and what its end means.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command as Process;
use std::time::Instant;

use redact::{Redacted, Redactor};

use super::{Failure, StepOutcome, Steps};
use crate::clock;
use crate::event_log::StepEnd;
use crate::fail_point::FailPoint;
use crate::model::{FailureReason, StepRef, StepStatus};
use crate::queue::StepSpec;
use crate::worker::capture::Capture;
use crate::worker::control::Control;
use crate::worker::process::{self, EndedBy, Exit, ExitStatus, Limits, Mark, ProcessError};

/// Variables that a step takes over from the server's environment; `LC_*` beside them.
const INHERITED: [&str; 5] = ["PATH", "USER", "LANG", "TZ", "TMPDIR"];

/// The path of a server that has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Steps {
    /// Runs a step to its end; what it prints is in the spool when this returns.
    pub(super) fn run_step(
        &self,
        step_ref: StepRef,
        step: &StepSpec,
        limits: Limits,
        capture: &mut Capture,
        control: &Control,
    ) -> StepOutcome {
        let mark = Mark::new(self.lease.job, self.lease.attempt);
        let redactor = capture.redactor().clone();
        let mut output = capture.step(step_ref);
        let result = self.process(step).and_then(|process| process::run(process, &mark, limits, control, &mut output));
        let given_up = || control.stopped().is_some() || limits.deadline.is_some_and(|at| at <= Instant::now());
        let stored = output.finish(clock::now(), given_up).map_err(ProcessError::Store);
        FailPoint::StepEnded.reached();
        match result.and_then(|exit| stored.map(|()| exit)) {
            Ok(exit) => exited(exit, limits),
            Err(error) => could_not(error, step, &redactor),
        }
    }

    fn process(&self, step: &StepSpec) -> Result<Process, ProcessError> {
        let directory = self.workspace.join(&step.working_directory);
        if !directory.is_dir() {
            let text = format!("the working directory {:?} is not there", step.working_directory);
            return Err(ProcessError::Spawn(io::Error::other(text)));
        }
        let environment = self.environment(step);
        // Found here and not by the child: what is started by its path need not begin as a copy of the server.
        let program = which::which_in(&step.shell, environment.get("PATH"), &directory).map_err(|_| {
            let text = "there is no such program in the PATH of the step";
            ProcessError::Spawn(io::Error::new(io::ErrorKind::NotFound, text))
        })?;
        let mut process = Process::new(program);
        process.arg0(&step.shell);
        match step.shell.as_str() {
            "sh" => process.args(["-e", "-c"]),
            "bash" => process.args(["-eo", "pipefail", "-c"]),
            _ => process.arg("-c"),
        };
        process.arg(&step.run).current_dir(directory).env_clear().envs(environment);
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

fn exited(exit: Exit, limits: Limits) -> StepOutcome {
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
