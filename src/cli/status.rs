//! `tailwater status`: prints an overview of a server that fits on one screen.

use std::process::ExitCode;

use clap::Args;
use engine::clock;
use model::{JobStatus, ServerStatus};

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Ink, Output, plain};
use crate::words;

/// The arguments of `tailwater status`.
#[derive(Debug, Args)]
pub(super) struct ShowStatus {
    #[command(flatten)]
    server: ServerArgs,
    /// Print the overview as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

impl ShowStatus {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let body = client.get("/status", &[]).await?;
        let mut stdout = Output::stdout(colour);
        if self.json {
            stdout.line(&body)?;
            return Ok(ExitCode::SUCCESS);
        }
        let status: ServerStatus = client.parse(&body)?;
        for (name, value) in facts(&status, client.server()) {
            let name = stdout.paint(Ink::Grey, &format!("{name:<9}"));
            stdout.line(&format!("{name}{}", plain(&value)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns the lines to print, each with its label.
fn facts(status: &ServerStatus, server: &str) -> Vec<(&'static str, String)> {
    let ServerStatus { version, started_at, jobs, workers, pauses, disk } = status;
    let started = words::ago(clock::now().millis_since(*started_at));
    let each = JobStatus::ALL
        .map(|status| format!("{} {}", words::count(jobs.get(Some(status))), words::status(status).to_lowercase()));
    let counts = [
        (workers.active, "active"),
        (workers.draining, "draining"),
        (workers.paused, "paused"),
        (workers.offline, "offline"),
    ];
    let shown = counts.iter().filter(|(count, word)| *count > 0 || *word == "active");
    let workers: Vec<String> = shown.map(|(count, word)| format!("{} {word}", words::count(*count))).collect();
    let disk = format!(
        "{} free{}",
        words::bytes(disk.free_bytes),
        if disk.is_low { ": nearly full, so no new jobs start" } else { "" }
    );
    let mut facts = vec![
        ("server", format!("{server}, version {version}, started {started}")),
        ("jobs", each.join(", ")),
        ("workers", workers.join(", ")),
        ("disk", disk),
    ];
    facts.extend(pauses.iter().map(|pause| ("paused", words::paused(pause))));
    facts
}
