//! Runs the stages of an attempt and their steps in order, in the attempt's own thread.
//!
//! The first step that fails ends its stage, unless the step has `continueOnError`. A stage runs only if all stages
//! before it have succeeded. Skipped stages and steps are reported too, so that readers see all of them.

mod step;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use model::{FailureReason, JobInput, Stage, StageStatus, StepRef, StepStatus};
use redact::{Redacted, Redactor};

use super::capture::Capture;
use super::collect::{Collected, Collector};
use super::control::{Control, Stop};
use super::environment::JobEnvironment;
use super::folders::Folders;
use super::link::Files;
use super::process::{ProcessLimits, Supervision};
use super::run::remove_workspace;
use super::secrets::AttemptSecrets;
use super::ship::LifecycleEvents;
use super::{Host, WorkerConfig};
use crate::cage::{Cage, with_permissions_of};
use crate::event_log::{Lease, NewEvent, Origin, StepEnd, StepNames};
use crate::fail_point::panic_on;
use crate::inputs::{self, UnpackError};
use crate::queue::{Claimed, Command, Ending, StageSpec, StepSpec};

/// The warning that is added to the log if the job has added more values than can be masked.
const TOO_MANY_VALUES: &str =
    "The job added more values to mask than the limit of 250 values and 64 KiB. The values beyond it were not masked";

/// The stages of an attempt, with the settings for running them.
#[derive(Debug)]
pub(super) struct Steps {
    command: Command,
    lease: Lease,
    folders: Folders,
    secrets: AttemptSecrets,
    /// The file to which the job appends values that have to be masked.
    mask_path: PathBuf,
    environment: JobEnvironment,
    supervision: Supervision,
    cage: Cage,
    input: Option<Input>,
    output_limit: Option<u64>,
    cancel_grace: Duration,
    shutdown_grace: Duration,
}

/// The job's input files.
#[derive(Debug)]
struct Input {
    files: Box<dyn Files>,
    about: JobInput,
    /// The maximum size of the unpacked files, in bytes.
    limit: u64,
}

/// The objects that the stages use while they run.
pub(super) struct Tools<'a> {
    pub(super) capture: &'a mut Capture,
    /// Collects the artifacts of the stages. `None` if the job has no artifact patterns.
    pub(super) collector: Option<&'a mut Collector>,
    pub(super) control: &'a Control,
    pub(super) lifecycle_events: &'a LifecycleEvents,
}

/// The result of running the stages.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) ending: Ending,
    pub(super) exit_code: Option<i32>,
}

/// The result of running one step.
struct StepOutcome {
    status: StepStatus,
    end: StepEnd,
    failure: Option<Failure>,
}

/// The reason why a step failed.
enum Failure {
    Failed(FailureReason),
    /// The output limit is exceeded, so later steps could not print anything.
    OutputLimit(u64),
    Stopped(Stop),
    /// The output could not be stored, so the output of later steps could not be stored either.
    Storage,
}

/// Returns the redacted ids, names and commands of the steps, in execution order.
pub(super) fn names(command: &Command, attempt: i32, redactor: &Redactor) -> Vec<StepNames> {
    let redact = |text: &str| redactor.redact(text.as_bytes());
    let name = |(step_ref, step): (StepRef, &StepSpec)| StepNames {
        origin: Origin { step: step_ref, step_id: redact(&step.id), attempt },
        name: redact(&step.name),
        command: redact(&step.run),
        terminal_rows: step.terminal.map(|size| size.rows),
    };
    command.steps().map(name).collect()
}

impl Steps {
    pub(super) fn new(
        command: Command,
        claimed: &Claimed,
        (folders, secrets, mask_path): (Folders, AttemptSecrets, PathBuf),
        config: &WorkerConfig,
        files: Box<dyn Files>,
    ) -> Self {
        let WorkerConfig { output_limit, cancel_grace, shutdown_grace, .. } = *config;
        let (lease, environment, supervision) = (claimed.lease, config.environment.clone(), config.supervision.clone());
        let cage = config.cage.clone();
        let input = claimed.input.clone().map(|about| Input { files, about, limit: config.input_bytes });
        Self {
            command,
            lease,
            folders,
            secrets,
            mask_path,
            environment,
            supervision,
            cage,
            input,
            output_limit,
            cancel_grace,
            shutdown_grace,
        }
    }

    /// Runs the stages and removes the workspace.
    pub(super) fn run(&self, mut names: &[StepNames], tools: Tools<'_>) -> Outcome {
        let deadline = self.command.timeout_seconds.map(|seconds| after(seconds, Instant::now()));
        let outcome = Outcome { ending: Ending::Succeeded, exit_code: None };
        let mut run = Run { steps: self, deadline, tools, outcome };
        run.unpack_input();
        for stage in &self.command.stages {
            let (of_stage, rest) = names.split_at(stage.steps.len());
            run.stage(stage, of_stage);
            names = rest;
        }
        let outcome = run.end();
        remove_workspace(self.folders.attempt());
        outcome
    }
}

/// The state of the running stages.
struct Run<'a> {
    steps: &'a Steps,
    /// The time at which the job times out, or `None` if it has no time limit.
    deadline: Option<Instant>,
    tools: Tools<'a>,
    /// The outcome so far. After a failure, later steps are skipped.
    outcome: Outcome,
}

impl Run<'_> {
    /// Unpacks the job's input. If that fails, no step runs.
    fn unpack_input(&mut self) {
        let Some(input) = &self.steps.input else { return };
        let (control, deadline) = (self.tools.control, self.deadline);
        let go_on = || control.stopped().is_none() && deadline.is_none_or(|at| Instant::now() < at);
        let archive = input.files.input(&input.about, &go_on).map_err(io::Error::other).and_then(File::open);
        let (folders, about, limit) = (&self.steps.folders, &input.about, input.limit);
        let unpacked = archive.map_err(UnpackError::Io).and_then(|archive| {
            with_permissions_of(folders.user(), || inputs::unpack(&archive, about, folders.workspace(), limit, &go_on))?
        });
        let Err(error) = unpacked else { return };
        self.outcome.ending = match (control.stopped(), error) {
            (Some(stop), _) => stopped(stop),
            (None, UnpackError::Stopped) => Ending::Failed {
                reason: FailureReason::Timeout,
                message: Redacted::literal("the job timed out while its files were being unpacked"),
            },
            (None, error) => {
                let text = format!("the files sent with the job could not be unpacked: {error}");
                let message = self.tools.capture.redactor().redact(text.as_bytes());
                Ending::Failed { reason: FailureReason::Spawn, message }
            }
        };
    }

    fn stage(&mut self, spec: &StageSpec, names: &[StepNames]) {
        let stage = |status, duration| NewEvent::stage(spec.stage, self.steps.lease.attempt, status, duration);
        if !self.goes_on() {
            self.tell(stage(StageStatus::Skipped, None));
            for name in names {
                self.skip(name);
            }
            return;
        }
        let started = Instant::now();
        self.tell(stage(StageStatus::Started, None));
        for (step, name) in spec.steps.iter().zip(names) {
            if self.goes_on() {
                self.step(step, name);
            } else {
                self.skip(name);
            }
        }
        self.keep_files(spec.stage);
        let succeeded = self.outcome.ending == Ending::Succeeded;
        let status = if succeeded { StageStatus::Succeeded } else { StageStatus::Failed };
        self.tell(stage(status, Some(millis(started))));
    }

    fn step(&mut self, step: &StepSpec, name: &StepNames) {
        self.tell(NewEvent::step_started(name));
        panic_on(&step.run);
        let started = Instant::now();
        let own = step.timeout_seconds.map(|seconds| after(seconds, started));
        let limits = ProcessLimits {
            deadline: [own, self.deadline].into_iter().flatten().min(),
            output: self.steps.output_limit,
            cancel_grace: self.steps.cancel_grace,
            shutdown_grace: self.steps.shutdown_grace,
        };
        let mut ended = self.steps.run_step(name.origin.step, step, limits, self.tools.capture, self.tools.control);
        ended.end.duration_ms = Some(millis(started));
        self.outcome.exit_code = match ended.failure {
            None | Some(Failure::Failed(FailureReason::ExitCode)) => ended.end.exit_code,
            // If the program was stopped by the worker or never started, the exit code says nothing about the job.
            Some(_) => None,
        };
        let end = ended.end.clone();
        self.tell(NewEvent::step_ended(name, ended.status, ended.end));
        if let Some(failure) = ended.failure {
            self.outcome.ending = ending(&failure, name, &end, step.continue_on_error);
        }
    }

    /// Returns whether the next step may run. Also checks for a stop request that arrived between two steps.
    fn goes_on(&mut self) -> bool {
        if self.outcome.ending == Ending::Succeeded
            && let Some(stop) = self.tools.control.stopped()
        {
            self.outcome.ending = stopped(stop);
            self.outcome.exit_code = None;
        }
        self.outcome.ending == Ending::Succeeded
    }

    fn skip(&self, name: &StepNames) {
        self.tell(NewEvent::step_ended(name, StepStatus::Skipped, StepEnd::default()));
    }

    /// Queues a lifecycle event at the current end of the output.
    fn tell(&self, event: NewEvent) {
        self.tools.lifecycle_events.push(self.tools.capture.spool().end().bytes, event);
    }

    /// Stores the artifacts of a stage. Files such as test reports are most useful after a failure, so they are stored
    /// even if the stage has failed.
    fn keep_files(&mut self, stage: Stage) {
        let Tools { capture, collector: Some(collector), control, lifecycle_events } = &mut self.tools else { return };
        let Collected { files, warning } = collector.collect(stage, capture.redactor(), || has_no_time(control));
        let at = capture.spool().end().bytes;
        for file in files {
            lifecycle_events.push_file(at, file);
        }
        if let Some(warning) = warning {
            lifecycle_events.push(at, warning);
        }
    }

    fn end(self) -> Outcome {
        // If the program is stopping or the lease is lost, the search for files is incomplete, so unmatched patterns
        // are not reported.
        let looked = !has_no_time(self.tools.control);
        if let Some(collector) = self.tools.collector.as_ref().filter(|_| looked)
            && let Some(warning) = collector.unmatched(self.tools.capture.redactor())
        {
            self.tell(warning);
        }
        if self.tools.capture.has_too_many_values() {
            self.tell(NewEvent::warning(self.steps.lease.attempt, Redacted::literal(TOO_MANY_VALUES)));
        }
        if let Some(warning) = self.tools.capture.weak_added_values().warning() {
            self.tell(NewEvent::warning(self.steps.lease.attempt, warning));
        }
        self.outcome
    }
}

/// Returns whether there is no time to store files, because the program is stopping or the lease is lost. The files of
/// a cancelled job are stored.
fn has_no_time(control: &Control) -> bool {
    matches!(control.stopped(), Some(Stop::Shutdown(_) | Stop::LeaseLost))
}

fn after(seconds: u32, from: Instant) -> Instant {
    from + Duration::from_secs(seconds.into())
}

fn millis(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// Returns the ending of the attempt after a step has failed.
fn ending(failure: &Failure, name: &StepNames, end: &StepEnd, continue_on_error: bool) -> Ending {
    let reason = match failure {
        Failure::Stopped(stop) => return stopped(*stop),
        Failure::Failed(_) if continue_on_error => return Ending::Succeeded,
        Failure::Failed(reason) => *reason,
        Failure::OutputLimit(limit) => return output_limit(*limit, name),
        Failure::Storage => FailureReason::Interrupted,
    };
    let mut message = name.name.clone();
    match (reason, end.exit_code, end.signal) {
        (FailureReason::Timeout, ..) => message.append(&Redacted::literal(": timed out")),
        (_, Some(code), _) => {
            message.append(&Redacted::literal(": exited with code "));
            message.append(&Redacted::number(code.into()));
        }
        (_, _, Some(signal)) => {
            message.append(&Redacted::literal(": killed by signal "));
            message.append(&Redacted::number(signal.into()));
        }
        _ => {
            message.append(&Redacted::literal(": "));
            message.append(end.note.as_ref().unwrap_or(&Redacted::literal("failed")));
        }
    }
    Ending::Failed { reason, message }
}

fn output_limit(limit: u64, name: &StepNames) -> Ending {
    let mut message = name.name.clone();
    message.append(&Redacted::literal(": the output limit of "));
    message.append(&Redacted::number(i64::try_from(limit).unwrap_or(i64::MAX)));
    message.append(&Redacted::literal(
        " bytes was exceeded; print less, write to a file listed in `artifacts`, or raise --output-limit on the server",
    ));
    Ending::Failed { reason: FailureReason::OutputLimit, message }
}

fn stopped(stop: Stop) -> Ending {
    match stop {
        Stop::Cancelled => Ending::Cancelled,
        Stop::Shutdown(host) => {
            let message = Redacted::literal(match host {
                Host::Server => "the server was stopped",
                Host::Worker => "the worker was stopped",
            });
            Ending::Failed { reason: FailureReason::Interrupted, message }
        }
        Stop::LeaseLost => {
            Ending::Failed { reason: FailureReason::Interrupted, message: Redacted::literal("the lease was lost") }
        }
    }
}
