//! `tailwater worker`: runs jobs of a server, usually on another machine.
//!
//! The jobs are run by the same code as in the server ([`engine::worker`]). [`link`] sends requests to the server.
//! [`claims`] records the jobs that the worker has claimed, so that the worker can end their attempts after a crash.
//! [`files`] transfers the input files of jobs and their artifacts.

mod claims;
mod files;
mod link;
mod name;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use engine::cage::Cage;
use engine::files::{lock_folder, private_folder, remove_folder};
use engine::queue::{ReceivedJobs, WorkingRoots};
use engine::worker::disk::DiskGuard;
use engine::worker::{Host, Worker};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Embedded;
use super::client::ServerArgs;
use super::error::CliError;
use super::exposed::warn_if_exposed;
use super::job_host;
use super::job_settings::JobSettings;
use crate::logging::{self, LogFormat};
use crate::machine;
use claims::Claims;
use link::{HttpLink, WorkerProfile};

/// The types of the jobs that a worker runs by default.
const DEFAULT_TYPES: [&str; 1] = ["command"];

/// The time for which a stopping worker tries to report to the server that its jobs have ended. If the server cannot be
/// reached within this time, the worker exits, and sends these reports after its next start.
const REPORT_WITHIN: Duration = Duration::from_secs(10);

/// The arguments of `tailwater worker`.
#[derive(Debug, Args)]
pub(super) struct RunWorker {
    #[command(flatten)]
    server: ServerArgs,
    /// The worker's name [default: the name of the machine, and an id].
    #[arg(long, env = "TAILWATER_WORKER_NAME", value_name = "NAME")]
    name: Option<String>,
    /// The directory for the output of running jobs, and for workspaces; it belongs to this worker alone.
    #[arg(long, env = "TAILWATER_WORKER_DIR", default_value = "./worker", value_name = "DIR")]
    worker_dir: PathBuf,
    /// A type of jobs to run; may be repeated.
    #[arg(long = "type", env = "TAILWATER_WORKER_TYPES", value_delimiter = ',', value_name = "TYPE", default_values = DEFAULT_TYPES)]
    types: Vec<String>,
    /// A capability of this worker, such as `gpu`; may be repeated. Jobs that require others are left to other workers.
    #[arg(long = "capability", env = "TAILWATER_WORKER_CAPABILITIES", value_delimiter = ',', value_name = "NAME")]
    capabilities: Vec<String>,
    /// The duration of a lease, in seconds. A job whose worker has died runs again after this time.
    #[arg(long, env = "TAILWATER_LEASE_SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(2..=86_400))]
    lease_seconds: u32,
    #[command(flatten)]
    jobs: JobSettings,
    /// The format of the worker's own log.
    #[arg(long, env = "TAILWATER_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

impl RunWorker {
    pub(super) fn run(self, embedded: &Embedded) -> Result<ExitCode, CliError> {
        logging::start(self.log_format);
        if let Some(path) = self.jobs.redact_values_file() {
            warn_if_exposed(path, "values to mask");
        }
        let supervision = job_host::prepare(embedded.supervisor.as_deref());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.work(supervision))
    }

    async fn work(self, supervision: engine::worker::Supervision) -> Result<ExitCode, CliError> {
        // Signal handlers are installed first, so that a signal during the start is not lost.
        let stops = StopSignals::on_signals()?;
        let lease = Duration::from_secs(self.lease_seconds.into());
        let client = self.server.client()?;
        let folder = std::path::absolute(&self.worker_dir)?;
        let _lock = lock(&folder)?;
        let name = match self.name {
            Some(name) => name,
            None => name::of_worker(&folder).map_err(|error| file("store the worker's id", error))?,
        };
        let config = self.jobs.config(supervision, lease);
        let usage = |error: &dyn std::fmt::Display| CliError::Usage(error.to_string());
        let own_secrets = config.secrets().map_err(|error| usage(&error))?;
        own_secrets.warn_about_weak_values();
        let mut secrets = own_secrets.values();
        secrets.push(client.token().to_owned());
        let jobs = ReceivedJobs::new(&name, secrets, config.rules().map_err(|error| usage(&error))?);
        let roots = WorkingRoots::new(&config.working_roots).map_err(|error| usage(&error))?;
        let cage = Cage::prepare(&config.cage, &folder, &config.supervision).map_err(|error| usage(&error))?;
        // If an earlier process of this worker was killed, the input files of its jobs are still in the directory.
        remove_folder(&folder.join(files::INPUTS)).map_err(|error| file("remove the inputs of earlier jobs", error))?;
        let claims = Claims::open(&folder).map_err(|error| file("open the list of claimed jobs", error))?;
        let (server, concurrency) = (client.server().to_owned(), config.concurrency);
        let disk = DiskGuard::new(folder.clone(), config.min_free_bytes);
        let config = config.worker(Host::Worker, &folder, (cage, roots), own_secrets.printable);
        let profile = WorkerProfile {
            name: name.clone(),
            hostname: machine::name(),
            types: self.types,
            capabilities: self.capabilities.into_iter().chain(machine::capability()).collect(),
            lease,
        };
        let link = HttpLink::new(client, profile, jobs, claims, &config, stops.drain.clone());
        tracing::info!(%server, worker = %name, concurrency, "started");
        let shutdown = stops.shutdown.clone();
        let patience = config.shutdown_grace + REPORT_WITHIN;
        tokio::select! {
            () = Worker::new(link.clone(), config, disk).run(stops.drain, stops.shutdown) => {}
            () = async { shutdown.cancelled().await; tokio::time::sleep(patience).await } => {
                tracing::warn!("the results of some jobs were not reported; start the worker again to report them");
            }
        }
        match link.refusal() {
            Some(error) => Err(error),
            None => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Locks the worker's directory, so that no other worker uses it at the same time.
fn lock(folder: &Path) -> Result<std::fs::File, CliError> {
    let failed = |error| file(&format!("open {}", folder.display()), error);
    private_folder(folder).map_err(failed)?;
    let in_use = || {
        let folder = folder.display();
        CliError::Usage(format!("{folder} is used by another worker or server; choose another one with --worker-dir"))
    };
    lock_folder(folder).map_err(failed)?.ok_or_else(in_use)
}

fn file(what: &str, source: std::io::Error) -> CliError {
    CliError::File { what: what.to_owned(), source }
}

/// The two stages of stopping the worker: the first signal drains it, and the second one stops its jobs.
#[derive(Debug)]
struct StopSignals {
    /// Cancelled when the worker must not claim further jobs.
    drain: CancellationToken,
    /// Cancelled when running jobs are stopped.
    shutdown: CancellationToken,
}

impl StopSignals {
    fn on_signals() -> std::io::Result<Self> {
        let (drain, shutdown) = (CancellationToken::new(), CancellationToken::new());
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stops = Self { drain: drain.clone(), shutdown: shutdown.clone() };
        tokio::spawn(async move {
            for (token, message) in [
                (drain, "no further jobs are claimed; waiting for running jobs. A second signal stops them"),
                (shutdown, "stopping the running jobs"),
            ] {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
                tracing::info!("{message}");
                token.cancel();
            }
        });
        Ok(stops)
    }
}
