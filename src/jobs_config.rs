//! The settings for running jobs, which the server and the workers on other machines share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::cage::{Cage, CageSettings};
use engine::queue::{WorkingRoots, weak};
use engine::spool::Spools;
use engine::worker::batch::Policy;
use engine::worker::ship::{Bounds, LiveLog};
use engine::worker::{
    ArtifactLimits, Host, JobEnvironment, JobHome, MaskCommandsSetting, RECOVERY_TRIES, Supervision, WorkerConfig,
};
use redact::{Rule, Rules};
use serde::Deserialize;

/// The maximum size of one event's text under load, in bytes.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// The maximum number of artifacts of an attempt. Each artifact adds an event to the log and a row to the job's page.
pub(crate) const MAX_ARTIFACTS: usize = 1_000;

/// The settings for running jobs.
#[derive(Clone, Debug)]
pub struct JobsConfig {
    /// The maximum number of jobs that the worker runs at the same time.
    pub concurrency: usize,
    /// The way in which the steps of jobs are supervised.
    pub supervision: Supervision,
    /// Whether output is written to the event log while it is printed.
    pub live_log_events: bool,
    /// The maximum time that output waits before it is sent live.
    pub live_flush: Duration,
    /// The maximum number of log events per second for each job.
    pub live_events_per_second: u32,
    /// The target size of a log event's text, in bytes. Events are larger under load.
    pub live_event_bytes: usize,
    /// The maximum total size of the text in a job's log events, in bytes. Beyond this limit, only the end of each
    /// step's output is sent live.
    pub live_job_bytes: u64,
    /// The maximum time for which output is still sent live after its step has ended.
    pub live_lag: Duration,
    /// The number of bytes at the end of each step's output that are always sent live.
    pub live_tail_bytes: u64,
    /// The time between SIGTERM and SIGKILL when a job is cancelled or times out.
    pub cancel_grace: Duration,
    /// The time between SIGTERM and SIGKILL when the server or the worker stops.
    pub shutdown_grace: Duration,
    /// The maximum output of an attempt, in bytes, or `None` for no limit. An attempt that prints more is killed.
    pub output_limit: Option<u64>,
    /// The free disk space, in bytes, below which no new jobs are started.
    pub min_free_bytes: u64,
    /// The maximum size of an artifact, in bytes.
    pub artifact_file_bytes: u64,
    /// The maximum size of all artifacts of an attempt, in bytes.
    pub artifact_job_bytes: u64,
    /// The maximum size of the files sent with a job, in bytes, both packed and unpacked.
    pub input_bytes: u64,
    /// A file with the values to mask in all output, one value per line, or `None` for no such file.
    pub redact_values_file: Option<PathBuf>,
    /// A TOML file with rules that recognise secrets by their format, or `None` to use only the built-in rules.
    pub redact_rules_file: Option<PathBuf>,
    /// Whether lines such as `::add-mask::VALUE` in a job's output add a value to mask.
    pub mask_commands: bool,
    /// The value of a job's `HOME`.
    pub job_home: JobHome,
    /// The names of environment variables that jobs inherit from the server or the worker.
    pub job_env: Vec<String>,
    /// The restrictions on the steps of jobs.
    pub cage: CageSettings,
    /// The directories in which absolute working directories are allowed. If the list is empty, any directory is
    /// allowed.
    pub working_roots: Vec<PathBuf>,
    /// The duration of a lease.
    pub lease: Duration,
}

/// An error in the settings for running jobs.
#[derive(Debug, thiserror::Error)]
pub enum JobsConfigError {
    /// The file of values to mask cannot be read.
    #[error("failed to read the values to mask from {path}: {source}")]
    RedactValues {
        /// The path of the file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// The file of rules cannot be read.
    #[error("failed to read the rules for redaction from {path}: {source}")]
    RulesFile {
        /// The path of the file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// The file of rules is not valid.
    #[error("{path}: {problem}")]
    InvalidRules {
        /// The path of the file.
        path: PathBuf,
        /// The error, which names the rule or the line.
        problem: String,
    },
}

impl JobsConfig {
    /// Returns the configuration of a worker with these settings. `data_dir` contains its workspaces and spools.
    /// `own_secrets` are the secrets that every job can print.
    pub(crate) fn worker(
        &self,
        host: Host,
        data_dir: &Path,
        (cage, roots): (Cage, WorkingRoots),
        own_secrets: Vec<(String, String)>,
    ) -> WorkerConfig {
        WorkerConfig {
            host,
            lease: self.lease,
            data_dir: data_dir.to_owned(),
            spools: Spools::new(data_dir),
            concurrency: self.concurrency,
            supervision: self.supervision.clone(),
            cage,
            live: self.live_log(),
            flush: self.live_flush,
            output_limit: self.output_limit,
            cancel_grace: self.cancel_grace,
            shutdown_grace: self.shutdown_grace,
            artifact_limits: self.artifact_limits(),
            environment: self.job_environment(),
            roots,
            input_bytes: self.input_bytes,
            mask_commands: if self.mask_commands { MaskCommandsSetting::On } else { MaskCommandsSetting::Off },
            own_secrets,
            recovery_tries: RECOVERY_TRIES,
        }
    }

    /// Returns the values that are masked in every job's output: the values of this process's environment variables
    /// whose names suggest a secret, the passwords in variables that jobs inherit, and the values in
    /// `redact_values_file`.
    pub(crate) fn secrets(&self) -> Result<OwnSecrets, JobsConfigError> {
        let of_environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| redact::is_secret_name(name) && !value.is_empty())
            .collect();
        let (mut printable, hidden): (Vec<_>, Vec<_>) =
            of_environment.into_iter().partition(|(name, _)| self.job_env.contains(name));
        printable.extend(self.job_environment().passwords());
        if let Some(path) = &self.redact_values_file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| JobsConfigError::RedactValues { path: path.clone(), source })?;
            let lines = text.lines().zip(1..).filter(|(line, _)| !line.is_empty());
            printable
                .extend(lines.map(|(line, number)| (format!("line {number} of redact_values_file"), line.to_owned())));
        }
        Ok(OwnSecrets { printable, hidden })
    }

    /// Returns the rules that recognise secrets by their format: the built-in ones and those in `redact_rules_file`.
    pub(crate) fn rules(&self) -> Result<Rules, JobsConfigError> {
        let Some(path) = &self.redact_rules_file else { return Ok(Rules::built_in()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| JobsConfigError::RulesFile { path: path.clone(), source })?;
        let invalid = |problem: String| JobsConfigError::InvalidRules { path: path.clone(), problem };
        let file: RulesFile = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        Rules::new(file.rule.into_iter().map(Rule::from).collect(), &file.without)
            .map_err(|error| invalid(error.to_string()))
    }

    /// Returns the environment that jobs inherit from the server or the worker.
    pub(crate) fn job_environment(&self) -> JobEnvironment {
        JobEnvironment { home: self.job_home, names: self.job_env.clone() }
    }

    /// Returns the settings of live output.
    pub(crate) const fn live_log(&self) -> LiveLog {
        if !self.live_log_events {
            return LiveLog::Off;
        }
        let policy = Policy {
            flush: self.live_flush,
            events_per_second: self.live_events_per_second,
            event_bytes: self.live_event_bytes,
            max_event_bytes: if self.live_event_bytes > MAX_EVENT_BYTES {
                self.live_event_bytes
            } else {
                MAX_EVENT_BYTES
            },
        };
        let bounds = Bounds { job_bytes: self.live_job_bytes, lag: self.live_lag, tail_bytes: self.live_tail_bytes };
        LiveLog::Events(policy, bounds)
    }

    /// Returns the limits on the number and sizes of an attempt's artifacts.
    pub(crate) const fn artifact_limits(&self) -> ArtifactLimits {
        ArtifactLimits {
            files: MAX_ARTIFACTS,
            file_bytes: self.artifact_file_bytes,
            job_bytes: self.artifact_job_bytes,
        }
    }
}

/// The secret values of the server or of a worker, each with a description: the name of its variable, or its line in
/// `redact_values_file`.
#[derive(Clone)]
pub(crate) struct OwnSecrets {
    /// The values that jobs can print, because they inherit them or because the operator expects it.
    pub(crate) printable: Vec<(String, String)>,
    /// The values in variables that jobs do not inherit.
    hidden: Vec<(String, String)>,
}

impl OwnSecrets {
    /// Returns all values.
    pub(crate) fn values(&self) -> Vec<String> {
        self.printable.iter().chain(&self.hidden).map(|(_, value)| value.clone()).collect()
    }

    /// Logs which values are masked only as whole words. The logs of jobs name only the values that jobs can print.
    pub(crate) fn warn_about_weak_values(&self) {
        for (source, value) in self.printable.iter().chain(&self.hidden) {
            if weak::is_weak(value) {
                tracing::warn!(
                    source,
                    "a secret is masked only as a whole word, because it is too short or too common"
                );
            }
        }
    }
}

/// The content of `redact_rules_file`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    /// The ids of built-in rules that are not used.
    #[serde(default)]
    without: Vec<String>,
    /// The additional rules.
    #[serde(default)]
    rule: Vec<FileRule>,
}

/// A rule in `redact_rules_file`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    id: String,
    reason: String,
    expression: String,
    masked: Vec<String>,
    #[serde(default)]
    unmasked: Vec<String>,
}

impl From<FileRule> for Rule {
    fn from(rule: FileRule) -> Self {
        let FileRule { id, reason, expression, masked, unmasked } = rule;
        Self { id, reason, expression, masked, unmasked }
    }
}
