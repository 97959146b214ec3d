//! The settings for running jobs, which `serve` and `worker` share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args};
use engine::cage::{CageSettings, JobData, StepLimits};
use engine::worker::{DEFAULT_JOB_ENV, JobHome, Supervision};

use crate::jobs_config::JobsConfig;

/// The number of bytes at the end of each step's output that are always sent live. It is large enough to include the
/// final error messages.
const LIVE_TAIL_BYTES: u64 = 16 << 20;

/// The settings for running jobs.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(super) struct JobSettings {
    /// The maximum number of jobs whose commands run at the same time; 0 leaves all jobs to workers on other machines.
    #[arg(long, env = "TAILWATER_CONCURRENCY", default_value_t = cores(), value_parser = clap::value_parser!(u16))]
    concurrency: u16,
    /// Whether output is written to the event log while it is printed; the complete log is always stored.
    #[arg(long, env = "TAILWATER_LIVE_LOG_EVENTS", default_value_t = true, action = ArgAction::Set)]
    live_log_events: bool,
    /// The longest time that output waits before it is sent, in milliseconds.
    #[arg(long, env = "TAILWATER_LIVE_FLUSH_MS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    live_flush_ms: u32,
    /// The maximum number of log events per second for each job.
    #[arg(long, env = "TAILWATER_LIVE_EVENTS_PER_SECOND", default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    live_events_per_second: u32,
    /// The target size of a log event's text, in bytes; events may be larger under load.
    #[arg(long, env = "TAILWATER_LIVE_EVENT_BYTES", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    live_event_bytes: u32,
    /// The maximum total size of the text in a job's log events, in bytes; beyond it, only the end of each step's
    /// output is sent live.
    #[arg(long, env = "TAILWATER_LIVE_JOB_BYTES", default_value_t = 1 << 30)]
    live_job_bytes: u64,
    /// How long output may still be sent live after its step has ended, in seconds; after that, only the last part of
    /// the step's output is sent.
    #[arg(long, env = "TAILWATER_LIVE_LAG_SECONDS", default_value_t = 30)]
    live_lag_seconds: u32,
    /// Seconds between SIGTERM and SIGKILL when a job is cancelled or times out.
    #[arg(long, env = "TAILWATER_CANCEL_GRACE_SECONDS", default_value_t = 10)]
    cancel_grace_seconds: u32,
    /// Seconds between SIGTERM and SIGKILL when the server stops.
    #[arg(long, env = "TAILWATER_SHUTDOWN_GRACE_SECONDS", default_value_t = 10)]
    shutdown_grace_seconds: u32,
    /// The maximum output of an attempt, in bytes; an attempt that prints more is killed [default: no limit].
    #[arg(long, env = "TAILWATER_OUTPUT_LIMIT", value_name = "BYTES")]
    output_limit: Option<u64>,
    /// The free space on the data directory's disk, in bytes, below which no new jobs are started; running jobs
    /// continue.
    #[arg(long, env = "TAILWATER_MIN_FREE_BYTES", default_value_t = 512 << 20)]
    min_free_bytes: u64,
    /// The maximum size of an artifact, in bytes.
    #[arg(long, env = "TAILWATER_ARTIFACT_FILE_BYTES", default_value_t = 1 << 30)]
    artifact_file_bytes: u64,
    /// The maximum size of all artifacts of an attempt, in bytes.
    #[arg(long, env = "TAILWATER_ARTIFACT_JOB_BYTES", default_value_t = 4 << 30)]
    artifact_job_bytes: u64,
    /// The maximum size of the files sent with a job, in bytes; it applies to the archive and to the unpacked files.
    #[arg(long, env = "TAILWATER_INPUT_BYTES", default_value_t = 1 << 30)]
    input_bytes: u64,
    /// A file of values to mask in all output, one per line.
    #[arg(long, env = "TAILWATER_REDACT_VALUES_FILE", value_name = "FILE")]
    redact_values_file: Option<PathBuf>,
    /// A TOML file with additional rules that recognise secrets by their format.
    #[arg(long, env = "TAILWATER_REDACT_RULES_FILE", value_name = "FILE")]
    redact_rules_file: Option<PathBuf>,
    /// Whether a job can add a value to mask by printing `::add-mask::VALUE` or `##vso[task.setsecret]VALUE`.
    #[arg(long, env = "TAILWATER_MASK_COMMANDS", default_value_t = true, action = ArgAction::Set)]
    mask_commands: bool,
    /// HOME for jobs: the server user's home directory, or the job's workspace.
    #[arg(
        long,
        env = "TAILWATER_JOB_HOME",
        value_parser = PossibleValuesParser::new(JobHome::NAMES).try_map(|name| name.parse::<JobHome>()),
        default_value_t,
        hide_possible_values = true,
        value_name = "user|workspace"
    )]
    job_home: JobHome,
    /// An environment variable to pass to jobs, such as `SSH_AUTH_SOCK`; may be repeated; replaces the default list.
    #[arg(long, env = "TAILWATER_JOB_ENV", value_delimiter = ',', value_name = "NAME", default_values = DEFAULT_JOB_ENV)]
    job_env: Vec<String>,
    /// The user that jobs run as; requires a server that runs as root [default: the server's user].
    #[arg(long, env = "TAILWATER_JOB_USER", value_name = "NAME")]
    job_user: Option<String>,
    /// The umask of jobs, in octal digits; with 077, the files that jobs create can be accessed only by their user.
    #[arg(long, env = "TAILWATER_JOB_UMASK", default_value = "077", value_name = "UMASK")]
    job_umask: String,
    /// Whether jobs are prevented from gaining privileges, for example with `sudo`.
    #[arg(long, env = "TAILWATER_JOB_NO_NEW_PRIVILEGES", default_value_t = true, action = ArgAction::Set)]
    job_no_new_privileges: bool,
    /// Whether jobs are restricted with Landlock: they cannot inspect processes of others, or mount file systems.
    #[arg(long, env = "TAILWATER_JOB_LANDLOCK", default_value_t = true, action = ArgAction::Set)]
    job_landlock: bool,
    /// Whether the data directory is hidden from jobs; `auto` hides it unless that would restrict ordinary commands.
    #[arg(
        long,
        env = "TAILWATER_JOB_DATA",
        value_parser = PossibleValuesParser::new(JobData::NAMES).try_map(|name| name.parse::<JobData>()),
        default_value_t,
        hide_possible_values = true,
        value_name = "auto|hidden|visible"
    )]
    job_data: JobData,
    /// The maximum number of processes and threads of the user that jobs run as [default: the server's limit].
    #[arg(long, env = "TAILWATER_JOB_PROCESSES", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    job_processes: Option<u64>,
    /// The maximum number of files that each process of a job can have open [default: the server's limit].
    #[arg(long, env = "TAILWATER_JOB_OPEN_FILES", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(16..))]
    job_open_files: Option<u64>,
    /// The maximum size of each file that a job writes, in bytes [default: the server's limit].
    #[arg(long, env = "TAILWATER_JOB_FILE_BYTES", value_name = "BYTES")]
    job_file_bytes: Option<u64>,
    /// The maximum size of the core dump of a job's process that crashes, in bytes.
    #[arg(long, env = "TAILWATER_JOB_CORE_BYTES", default_value_t = 0, value_name = "BYTES")]
    job_core_bytes: u64,
    /// A directory in which absolute working directories are allowed; may be repeated [default: no restriction].
    #[arg(long = "working-root", env = "TAILWATER_WORKING_ROOTS", value_delimiter = ',', value_name = "DIR")]
    working_roots: Vec<PathBuf>,
}

impl JobSettings {
    /// Returns the configuration for running jobs. `lease` is the duration of a lease.
    pub(super) fn config(self, supervision: Supervision, lease: Duration) -> JobsConfig {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        JobsConfig {
            lease,
            concurrency: self.concurrency.into(),
            supervision,
            live_log_events: self.live_log_events,
            live_flush: Duration::from_millis(self.live_flush_ms.into()),
            live_events_per_second: self.live_events_per_second,
            live_event_bytes: size(self.live_event_bytes),
            live_job_bytes: self.live_job_bytes,
            live_lag: seconds(self.live_lag_seconds),
            live_tail_bytes: LIVE_TAIL_BYTES,
            cancel_grace: seconds(self.cancel_grace_seconds),
            shutdown_grace: seconds(self.shutdown_grace_seconds),
            output_limit: self.output_limit,
            min_free_bytes: self.min_free_bytes,
            artifact_file_bytes: self.artifact_file_bytes,
            artifact_job_bytes: self.artifact_job_bytes,
            input_bytes: self.input_bytes,
            redact_values_file: self.redact_values_file,
            redact_rules_file: self.redact_rules_file,
            mask_commands: self.mask_commands,
            job_home: self.job_home,
            job_env: self.job_env,
            cage: CageSettings {
                user: self.job_user.filter(|user| !user.is_empty()),
                umask: self.job_umask,
                no_new_privileges: self.job_no_new_privileges,
                landlock: self.job_landlock,
                data: self.job_data,
                limits: StepLimits {
                    processes: self.job_processes,
                    open_files: self.job_open_files,
                    file_bytes: self.job_file_bytes,
                    core_bytes: self.job_core_bytes,
                },
            },
            working_roots: self.working_roots.into_iter().filter(|root| !root.as_os_str().is_empty()).collect(),
        }
    }

    /// Returns the path of the file of values to mask, or `None` if there is no such file.
    pub(super) fn redact_values_file(&self) -> Option<&Path> {
        self.redact_values_file.as_deref()
    }
}

fn cores() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(cores).unwrap_or(u16::MAX)
}
