//! The settings of a server, already read from wherever they came from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use leptos::config::LeptosOptions;
use serde::Deserialize;

use super::site::EmbeddedSite;
use crate::limits::Limits;
use crate::worker::batch::Policy;
use crate::worker::ship::{Bounds, LiveLog};
use crate::worker::{ArtifactLimits, JobEnvironment, JobHome, Supervision};

/// The largest text of one event, under load.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// Files of an attempt that are kept: each is an event and a row on the page.
const MAX_ARTIFACTS: usize = 1_000;

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the database, spools and workspaces.
    pub data_dir: PathBuf,
    /// The folder of the built pages; without one, the embedded ones, else those of the last build.
    pub site_root: Option<PathBuf>,
    /// The pages' files that are compiled into the program.
    pub embedded_site: Option<EmbeddedSite>,
    /// The operator's admin token; without one, the data folder's.
    pub admin_token: Option<String>,
    /// Names by which browsers may reach the server, beside the address it listens on and the names of loopback.
    pub allowed_hosts: Vec<String>,
    /// The number of jobs that the embedded worker runs at the same time.
    pub concurrency: usize,
    /// How its jobs' steps are supervised.
    pub supervision: Supervision,
    /// Whether output goes into the event log while it is printed.
    pub live_log_events: bool,
    /// The longest time that output waits before it is sent.
    pub live_flush: Duration,
    /// Log events of a job each second.
    pub live_events_per_second: u32,
    /// Text of a log event, until load makes it grow.
    pub live_event_bytes: usize,
    /// Text of a job's log events; after that only the end of each step is sent.
    pub live_job_bytes: u64,
    /// How long output is sent on after its step has ended.
    pub live_lag: Duration,
    /// Output at the end of each step that is sent in any case.
    pub live_tail_bytes: u64,
    /// The maximum size of a request body, in bytes.
    pub body_bytes: usize,
    /// The maximum number of open streams.
    pub streams: usize,
    /// The maximum number of queued jobs.
    pub jobs_queued: i64,
    /// Between SIGTERM and SIGKILL when a job is cancelled or its time is up.
    pub cancel_grace: Duration,
    /// Between SIGTERM and SIGKILL when the server stops.
    pub shutdown_grace: Duration,
    /// Bytes that an attempt may print; more ends it.
    pub output_limit: Option<u64>,
    /// Free bytes of the disk below which no new jobs are taken.
    pub min_free_bytes: u64,
    /// The maximum size of an artifact, in bytes.
    pub artifact_file_bytes: u64,
    /// The maximum size of all artifacts of an attempt, in bytes.
    pub artifact_job_bytes: u64,
    /// Bytes of the files that may come with a job, as they are sent and as they are unpacked.
    pub input_bytes: u64,
    /// A file of values, one a line, that are masked in all output.
    pub redact_values_file: Option<PathBuf>,
    /// What a job's `HOME` is.
    pub job_home: JobHome,
    /// Names of the server's variables that are handed on to jobs.
    pub job_env: Vec<String>,
    /// Folders that absolute working directories have to lie in; any if empty.
    pub working_roots: Vec<PathBuf>,
    /// How long clients may keep the server waiting.
    pub limits: Limits,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Others could reach the server and nobody chose its token.
    #[error(
        "listening on {0} lets other machines in, so the operator has to choose the token: set TAILWATER_ADMIN_TOKEN to 32 \
         or more printable characters, or listen on 127.0.0.1"
    )]
    OpenWithoutToken(SocketAddr),
    /// The file of values to mask cannot be read.
    #[error("failed to read the values to mask from {path}: {source}")]
    RedactValues {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Config {
    /// Checks what only shows once the address is known.
    pub(super) fn check(&self, address: SocketAddr) -> Result<(), ConfigError> {
        if !address.ip().is_loopback() && self.admin_token.is_none() {
            return Err(ConfigError::OpenWithoutToken(address));
        }
        Ok(())
    }

    /// Returns the values that are masked in every job's output: those of secret-looking variables of the server's own
    /// environment, the passwords in addresses that are handed on, and those of the file.
    pub(super) fn secrets(&self) -> Result<Vec<String>, ConfigError> {
        let looks_secret =
            |(name, value): (String, String)| (redact::is_secret_name(&name) && !value.is_empty()).then_some(value);
        let of_environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter_map(looks_secret);
        let mut secrets: Vec<String> = of_environment.collect();
        secrets.extend(self.job_environment().passwords());
        if let Some(path) = &self.redact_values_file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::RedactValues { path: path.clone(), source })?;
            secrets.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned));
        }
        Ok(secrets)
    }

    /// Returns what jobs get of the user and of the server's environment.
    pub(super) fn job_environment(&self) -> JobEnvironment {
        JobEnvironment { home: self.job_home, names: self.job_env.clone() }
    }

    /// Returns how output goes into the event log.
    pub(super) const fn live_log(&self) -> LiveLog {
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

    /// Returns how many files an attempt may keep, and how large.
    pub(super) const fn artifact_limits(&self) -> ArtifactLimits {
        ArtifactLimits {
            files: MAX_ARTIFACTS,
            file_bytes: self.artifact_file_bytes,
            job_bytes: self.artifact_job_bytes,
        }
    }
}

/// Returns what Leptos needs to know: `Leptos.toml`, as it was when this was built, and where the server is reached.
pub(super) fn leptos(address: SocketAddr) -> LeptosOptions {
    let site = SiteOptions::built_in();
    LeptosOptions::builder().output_name(site.output_name).site_pkg_dir(site.site_pkg_dir).site_addr(address).build()
}

/// The part of `Leptos.toml` that the server needs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SiteOptions {
    /// The name of the script, module and style.
    pub output_name: String,
    /// The folder of the built pages.
    pub site_root: String,
    /// The folder of script, module and style, below it.
    pub site_pkg_dir: String,
}

impl SiteOptions {
    /// Returns the options of the `Leptos.toml` that this was built with.
    #[must_use]
    pub fn built_in() -> Self {
        #[derive(Deserialize)]
        struct File {
            leptos: SiteOptions,
        }
        let file: File = toml::from_str(include_str!("../../Leptos.toml")).expect("a test reads it");
        file.leptos
    }
}
