//! `tailwater workers`: lists the workers and the jobs that they run.

use std::process::ExitCode;

use clap::Args;
use engine::clock;
use model::{ListedWorker, Timestamp, WorkerStatus, WorkersPage};

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Ink, Output};
use super::table::{self, Cell};
use crate::words;

/// The arguments of `tailwater workers`.
#[derive(Debug, Args)]
pub(super) struct ListWorkers {
    #[command(flatten)]
    server: ServerArgs,
    /// Print the workers as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

impl ListWorkers {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let body = client.get("/workers", &[]).await?;
        let mut stdout = Output::stdout(colour);
        if self.json {
            stdout.line(&body)?;
            return Ok(ExitCode::SUCCESS);
        }
        let (page, now): (WorkersPage, Timestamp) = (client.parse(&body)?, clock::now());
        let head = ["STATUS", "NAME", "SEEN", "MACHINE", "VERSION", "CAPABILITIES", "RUNS"]
            .map(|title| Cell::ink(Ink::Grey, title));
        let rows: Vec<_> = std::iter::once(head).chain(page.items.iter().map(|worker| row(worker, now))).collect();
        for line in table::lines(&rows, &stdout, None) {
            stdout.line(&line)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn row(worker: &ListedWorker, now: Timestamp) -> [Cell; 7] {
    let ink = match worker.status {
        WorkerStatus::Active => Ink::Green,
        WorkerStatus::Draining | WorkerStatus::Paused => Ink::Yellow,
        WorkerStatus::Offline => Ink::Grey,
    };
    let known = |text: &Option<String>| Cell::plain(text.as_deref().unwrap_or("-"));
    let capabilities = if worker.capabilities.is_empty() { "-".to_owned() } else { worker.capabilities.join(",") };
    let jobs: Vec<String> = worker.jobs.iter().map(|job| format!("{} {}", job.id, job.title)).collect();
    [
        Cell::ink(ink, words::worker_status(worker.status)),
        Cell::plain(&worker.name),
        Cell::plain(&words::ago(now.millis_since(worker.last_seen_at))),
        known(&worker.hostname),
        known(&worker.version),
        Cell::plain(&capabilities),
        Cell::plain(&if jobs.is_empty() { "nothing".to_owned() } else { jobs.join(", ") }),
    ]
}
